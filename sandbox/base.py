"""What every sandbox is: a place that runs commands, takes files in and gives files out.

A new kind of sandbox is one class with these four verbs and an ``async with``; the terminal (`sandbox.terminal`) and
the verifier work on top of them and know nothing else.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Literal, NamedTuple, Protocol, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence

T = TypeVar("T")

HOME = "/.termstone"
"""The one folder that Termstone adds to a sandbox: tmux with its libraries, and the socket. Owned by root."""


COMMAND = "TERMSTONE_COMMAND"
"""A variable that tells what a command has started, should it outlive its deadline, from all that runs beside it."""


class SandboxError(Exception):
    """The sandbox itself failed: not a command in it, whose exit code is a result."""


class ImageBuildError(SandboxError):
    """The task's environment could not be built or found; the message ends with the builder's last lines."""


class SandboxStartError(SandboxError):
    """The environment is there, but no sandbox came up from it."""


class UnsupportedImage(SandboxStartError):  # noqa: N818 - named for what it is
    """This image, or what the task asks for with it, can be no sandbox here, however often it is tried; one line."""


class RefusedEnvironment(UnsupportedImage):
    """The task asks its sandbox for what is only given to tasks that are trusted; the message is one line."""


class SandboxDied(SandboxError):  # noqa: N818 - named for what happened
    """The sandbox ended while it was in use."""


class SandboxOutOfMemory(SandboxDied):
    """The sandbox ended because its memory limit was reached."""


class SandboxOutOfDisk(SandboxDied):
    """The sandbox was ended because it wrote more than it may."""


class SandboxTimeout(SandboxError):  # noqa: N818 - a timeout, as in asyncio
    """A command in the sandbox outlived its deadline; its processes were killed."""


class SealUnavailable(SandboxError):  # noqa: N818 - named for what it is
    """Nothing can be sealed in here; the message says why."""


class Network(BaseModel):
    """What commands may reach."""

    model_config = ConfigDict(frozen=True)

    mode: Literal["public", "no-network", "allowlist"] = "no-network"
    hosts: tuple[str, ...] = ()
    """With ``allowlist``: host names, ``*.`` wildcards, addresses and CIDR blocks."""


NO_NETWORK, PUBLIC = Network(), Network(mode="public")


class Environment(BaseModel):
    """What a task asks of its sandbox."""

    model_config = ConfigDict(frozen=True)

    context: Path | None = None
    """Folder with a ``Dockerfile`` and the files it copies; ``None`` when `image` says it all."""
    image: str | None = None
    """A prebuilt image, used instead of building `context`."""
    compose: Path | None = None
    """A compose file with the services of the sandbox, of which `service` is the one that the agent works in."""
    service: str = "main"
    variables: dict[str, str] = Field(default_factory=dict)
    """What ``${...}`` in the compose file stands for, beside what Termstone itself sets."""
    files: Path | None = None
    """A folder whose files go into the working directory before anything else happens."""
    env: dict[str, str] = Field(default_factory=dict)
    workdir: str | None = None
    """Where commands start; ``None`` is what the image says."""
    folders: tuple[str, ...] = ()
    """Folders that everyone in the sandbox may write to, made before it starts."""
    read_only: bool = False
    """Whether nothing but `folders` and `HOME` can be written to."""
    network: Network = NO_NETWORK
    """What commands reach once the sandbox is up; `Sandbox.allow` changes it. Building may reach everything."""
    phases: tuple[Network, ...] = ()
    """What `Sandbox.allow` will be asked for later on: a container made without a network cannot get one any more."""
    cpus: float | None = None
    memory_mb: int | None = None
    storage_mb: int | None = None
    build_timeout: float = 600.0
    """Seconds to build and start in."""
    trust: bool = False
    """Whether a task gets what it asks of this machine: privileges, files and network by its compose file, secrets."""


class ExecResult(BaseModel):
    """What a command in the sandbox left: any exit code is a result, not an error."""

    model_config = ConfigDict(frozen=True)

    exit_code: int
    output: str
    """Standard output and standard error as they came, the last `OUTPUT_LIMIT` bytes of them."""


class Sealed(BaseModel):
    """What a command that was sealed in left."""

    model_config = ConfigDict(frozen=True)

    exit_code: int | None = None
    late: bool = False
    """Whether it was ended as its time was over."""
    killed: bool = False
    """Whether what ran it was killed, so that nothing is known of it."""
    files: dict[str, bytes] = Field(default_factory=dict)
    """By absolute path: what it wrote in the folders that are kept."""
    problem: str | None = None
    """Why it could not be started."""
    notes: tuple[str, ...] = ()
    """What of the files is not there, and why."""
    changed: tuple[str, ...] = ()
    """What of the sandbox that tests are run with has been changed; see `sandbox.tampering`."""


class Packed(NamedTuple):
    """What `Sandbox.take` took."""

    archive: bytes
    others: tuple[str, ...]
    """By names as in `Sandbox.get`, what is neither file nor folder: links, which are in the archive where they can be
    carried, and devices and the like, which are not. Of many the first hundred, and then ``and more``.
    """


OUTPUT_LIMIT = 1_000_000
FILES_LIMIT = 10_000
"""Files that `Sandbox.get` reads at most, unless told."""


class Stream(Protocol):
    """A running process's standard input and output, as bytes."""

    async def read(self) -> bytes:
        """Return the next bytes of standard output, ``b""`` once the process is gone."""
        ...

    async def write(self, data: bytes) -> None:
        """Send bytes to standard input; `SandboxError` when the process is gone."""
        ...

    async def close(self) -> None:
        """End the process's input and let go of it; safe to call twice."""
        ...


class Sandbox(Protocol):
    """One task's environment, alive between entering and leaving its ``async with`` block."""

    name: str
    """The kind, as it stands in results: ``docker`` or ``local``."""

    @property
    def services(self) -> Mapping[str, Sandbox]:
        """The other services of a compose file by their names, empty elsewhere; they end with this sandbox."""
        ...

    async def exec(
        self,
        argv: Sequence[str],
        *,
        timeout: float,  # noqa: ASYNC109 - a deadline that also kills what runs inside
        user: str | None = None,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> ExecResult:
        """Run a command to its end; `user` ``None`` is the image's own. `SandboxTimeout` after `timeout` seconds."""
        ...

    async def stream(
        self,
        argv: Sequence[str],
        *,
        user: str | None = None,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Stream:
        """Start a command and hand out its standard input and output (standard error is dropped)."""
        ...

    async def sealed(  # noqa: PLR0913 - all but two by name
        self,
        argv: Sequence[str],
        archive: bytes,
        *,
        folders: Sequence[str],
        kept: Sequence[str],
        limit: int,
        timeout: float,  # noqa: ASYNC109 - see `exec`
        user: str | None = None,
        env: Mapping[str, str] | None = None,
        alone: bool = False,
        since: float | None = None,
    ) -> Sealed:
        """Run a command with folders of its own, which nothing that runs already can read or change.

        Args:
            argv: the command; what it prints is dropped.
            archive: a tar archive to unpack at ``/`` first, with nothing outside `folders`.
            folders: absolute paths, none below another; each is empty at first, whatever stands there for others.
            kept: those whose files are returned; they are read once the command is over and all it started is ended.
            limit: bytes to return; a file that is too much is left out.
            timeout: seconds after which it is ended.
            user: as for `exec`.
            env: as for `exec`.
            alone: whether every other process but the sandbox's own is ended first.
            since: seconds since 1970; what tests are run with and was changed after that is told.

        Raises:
            SealUnavailable: there is no way to do so here.
            SandboxTimeout: there was no end in spite of that.
        """
        ...

    async def put(self, archive: bytes, target: str = "/") -> None:
        """Unpack a tar archive at `target`, an absolute path, as root, with the owners and modes it names."""
        ...

    async def get(
        self, path: str, limit: int, *, count: int = FILES_LIMIT, exclude: Sequence[str] = ()
    ) -> dict[str, bytes]:
        """Read the regular files at or under an absolute `path`, by name relative to it (a file: its own name).

        Links and devices are left out, as their targets could be anywhere, and so is what matches a pattern of
        `exclude` (as `fnmatch` has them, against the name or any folder of it). `FileNotFoundError` when nothing is
        there, `SandboxError` past `limit` bytes or `count` files in all.
        """
        ...

    async def take(self, path: str, limit: int, *, exclude: Sequence[str] = ()) -> Packed:
        """Return a tar archive of what is at or under an absolute `path`, for `put` at ``/`` of another sandbox.

        It holds files, folders and links, with owners and modes, less what matches a pattern of `exclude`.
        `FileNotFoundError` when nothing is there, `SandboxError` past `limit` bytes or `FILES_LIMIT` entries in all.
        """
        ...

    async def allow(self, network: Network) -> None:
        """Have commands reach this from now on, connections that are open included.

        `SandboxError` where that cannot be enforced, as for what neither `Environment.network` nor `phases` named.
        """
        ...

    async def __aenter__(self) -> Self: ...

    async def __aexit__(self, *exc: object) -> None: ...


async def finished(work: Awaitable[T]) -> T:
    """Await something to its end however often this task is cancelled meanwhile; the cancellation follows after."""
    task = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not task.done():
        try:
            await asyncio.wait([task])
        except asyncio.CancelledError as error:
            cancelled = error
    if cancelled is None:
        return task.result()
    if not task.cancelled():
        task.exception()  # seen, so that nobody complains that it was not
    raise cancelled
