"""What every sandbox is: a place that runs commands, takes files in and gives files out.

A new kind of sandbox is one class with these four verbs and an ``async with``; the terminal (`sandbox.terminal`) and
the verifier work on top of them and know nothing else.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

from pydantic import BaseModel, ConfigDict, Field

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping, Sequence

T = TypeVar("T")

HOME = "/.termstone"
"""The one folder that Termstone adds to a sandbox: tmux with its libraries, and the socket. Owned by root."""


class SandboxError(Exception):
    """The sandbox itself failed: not a command in it, whose exit code is a result."""


class ImageBuildError(SandboxError):
    """The task's environment could not be built or found; the message ends with the builder's last lines."""


class SandboxStartError(SandboxError):
    """The environment is there, but no sandbox came up from it."""


class SandboxDied(SandboxError):  # noqa: N818 - named for what happened
    """The sandbox ended while it was in use."""


class SandboxOutOfMemory(SandboxDied):
    """The sandbox ended because its memory limit was reached."""


class SandboxTimeout(SandboxError):  # noqa: N818 - a timeout, as in asyncio
    """A command in the sandbox outlived its deadline; its processes were killed."""


class Environment(BaseModel):
    """What a task asks of its sandbox."""

    model_config = ConfigDict(frozen=True)

    context: Path | None = None
    """Folder with a ``Dockerfile`` and the files it copies; ``None`` when `image` says it all."""
    image: str | None = None
    """A prebuilt image, used instead of building `context`."""
    env: dict[str, str] = Field(default_factory=dict)
    workdir: str | None = None
    """Where commands start; ``None`` is what the image says."""
    folders: tuple[str, ...] = ()
    """Folders that everyone in the sandbox may write to, made before it starts."""
    network: bool = False
    """Whether commands reach the network while the agent works. Building always may."""
    cpus: float | None = None
    memory_mb: int | None = None
    build_timeout: float = 600.0
    """Seconds to build and start in."""


class ExecResult(BaseModel):
    """What a command in the sandbox left: any exit code is a result, not an error."""

    model_config = ConfigDict(frozen=True)

    exit_code: int
    output: str
    """Standard output and standard error as they came, the last `OUTPUT_LIMIT` bytes of them."""


OUTPUT_LIMIT = 1_000_000


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

    async def put(self, archive: bytes, target: str = "/") -> None:
        """Unpack a tar archive at `target`, an absolute path, as root, with the owners and modes it names."""
        ...

    async def get(self, path: str, limit: int) -> dict[str, bytes]:
        """Read the regular files at or under an absolute `path`, by name relative to it (a file: its own name).

        Links and devices are left out, as their targets could be anywhere. `FileNotFoundError` when nothing is there,
        `SandboxError` past `limit` bytes in all.
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
