"""A sandbox without Docker: Linux namespaces around a copy-on-write view of this machine.

Commands see this machine's programs and files, and what they change goes to a temporary folder. Home and temporary
folders, sockets, what the harness hides and, when it runs as root, what only root may read in /etc and near the top of
other folders are not there. The processes, the network, the devices and the mounts of this machine are out of reach
(`sandbox.local_init` says how).

It does not protect from: holes in the kernel, whose whole interface is open (there is no seccomp filter); commands that
use up the processors, the memory or the disk, as nothing is limited; the reading of files that anybody on this machine
may read (an ordinary user's sandbox: that the user may read) outside the masked folders; and, in a task with a network
or while building, anything that listens on this machine, as the network is this machine's own. For programs that mean
harm, use Docker with a hardened runtime, or a virtual machine.

As an ordinary user there is one account inside, root, which is that user: nothing can be given to another owner, so
packages that make users do not install, and files outside /etc that belong to this machine's root are read-only.
"""

from __future__ import annotations

import asyncio
import io
import secrets
import sys
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Self

from sandbox import dockerfile
from sandbox.archive import carried, regular_files
from sandbox.base import (
    COMMAND,
    FILES_LIMIT,
    OUTPUT_LIMIT,
    Environment,
    ExecResult,
    ImageBuildError,
    SandboxError,
    SandboxTimeout,
    Sealed,
)
from sandbox.bundle import tmux_bundle
from sandbox.local_build import Build
from sandbox.local_environment import followed
from sandbox.namespace import Command, Namespace
from sandbox.sealing import GRACE, Order, entries, sealed

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from sandbox.base import Network, Packed, Sandbox, Stream
    from sandbox.dockerfile import Instruction

_BASE_ENV = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
_ROOT = ("root", "0", "root:root", "0:0")
_FILES = 120.0
"""Seconds for an archive to be packed or unpacked."""

_MISSING = 44
_PACK = f"""[ -e "$1" ] || [ -L "$1" ] || exit {_MISSING}
tar -cf - -C "${{1%/*}}/" -- "${{1##*/}}" 2>/dev/null | head -c "$2" """
_HEADERS = 100_000_000
"""Bytes of an archive beside those of its files."""
_UNPACK = 'mkdir -p -- "$1" && target=$1 && shift && exec tar -xpf - -C "$target" "$@"'


class _Tail:
    """The last `OUTPUT_LIMIT` bytes of an output."""

    def __init__(self) -> None:
        self._data = bytearray()

    def add(self, chunk: bytes) -> None:
        self._data += chunk
        if len(self._data) > 2 * OUTPUT_LIMIT:
            del self._data[:-OUTPUT_LIMIT]

    def text(self) -> str:
        return self._data[-OUTPUT_LIMIT:].decode(errors="replace")


class LocalSandbox:
    """A `sandbox.base.Sandbox` on this machine, without Docker."""

    name = "local"

    def __init__(self, environment: Environment, *, hidden: Sequence[Path] = ()) -> None:
        self.notes: list[str] = []
        """What is weaker here than in a container, or not honoured: one line each, for the user."""
        self.workdir = "/"
        """Where commands start."""
        self.user = "root"
        """Who commands run as when the call does not say."""
        self.services: Mapping[str, Sandbox] = {}
        self._environment = environment
        self._hidden = hidden
        self._image_env: dict[str, str] = {}
        self._namespace: Namespace

    async def __aenter__(self) -> Self:
        """Start, and follow the Dockerfile; `UnsupportedImage` where the task takes Docker."""
        self._environment, notes = followed(self._environment)
        self.notes += notes
        context = self._environment.context
        instructions = dockerfile.load(context) if context else []
        limit = self._environment.build_timeout
        try:
            async with asyncio.timeout(limit):
                isolated = self._environment.network.mode != "public"
                self._namespace = await Namespace.start(self._hidden, isolated=isolated)
                try:
                    await self._build(instructions)
                except BaseException:
                    await self._namespace.stop()
                    raise
        except TimeoutError as error:
            raise ImageBuildError(f"not built and started within {limit:g} s") from error
        return self

    async def __aexit__(self, *exc: object) -> None:
        await self._namespace.stop()

    async def _build(self, instructions: Sequence[Instruction]) -> None:
        environment = self._environment
        await self.put(tmux_bundle())
        if environment.context is not None:
            image = await Build(self, environment.context, _BASE_ENV).run(instructions)
            self._image_env, self.workdir, self.user = image.env, image.workdir, image.user
            self.notes += image.notes
        self.workdir = str(PurePosixPath("/", self.workdir, environment.workdir or ""))
        self.notes += self._weaknesses()
        self.user = self._possible(self.user)
        await self._root(["mkdir", "-p", "--", self.workdir, *environment.folders])
        if environment.folders:
            await self._root(["chmod", "777", *environment.folders])

    def _weaknesses(self) -> list[str]:
        environment, namespace = self._environment, self._namespace
        said = {
            "read_only is not enforced": environment.read_only,
            "cpus is not enforced": environment.cpus is not None,
            "memory_mb is not enforced": environment.memory_mb is not None,
            "the network is this machine's own, with whatever listens on it": environment.network.mode == "public",
            "this machine's root owns what it has installed: packages cannot be installed or changed": namespace.mapped,
            f"{environment.image} is not used: the Dockerfile is": environment.image is not None,
        }
        return [*(note for note, holds in said.items() if holds), *(f"not shown: {it}" for it in namespace.left_out)]

    def _possible(self, user: str) -> str:
        """Return the image's user, or root with a note where there is no other."""
        if self._namespace.mapped and user not in _ROOT:
            self.notes.append(
                f"USER {user} is not honoured: without root on this machine everything runs as root inside"
            )
            return "root"
        return user

    async def exec(
        self,
        argv: Sequence[str],
        *,
        timeout: float,  # noqa: ASYNC109 - a deadline that also kills what runs inside
        user: str | None = None,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> ExecResult:
        """See `sandbox.base.Sandbox.exec`; what cannot be started is exit code 126 or 127, with the reason."""
        marked = {**(env or {}), COMMAND: secrets.token_hex(8)}
        return await self._run(self._command(argv, user, cwd, marked), timeout)

    async def sealed(  # noqa: PLR0913 - see the protocol
        self,
        argv: Sequence[str],
        archive: bytes,
        *,
        folders: Sequence[str],
        kept: Sequence[str],
        limit: int,
        timeout: float,  # noqa: ASYNC109 - see the protocol
        user: str | None = None,
        env: Mapping[str, str] | None = None,
        alone: bool = False,
        since: float | None = None,
    ) -> Sealed:
        """See `sandbox.base.Sandbox.sealed`."""
        command = self._command(argv, user, None, env)
        order = Order(
            argv=command.argv, user=command.user, cwd=command.cwd, env=command.env, folders=tuple(folders),
            kept=tuple(kept), files=entries(archive), limit=limit, seconds=timeout, alone=alone, since=since,
        )  # fmt: skip
        printed = bytearray()
        await self._timed(command.model_copy(update={"sealed": order.model_dump()}), timeout + GRACE, printed.extend)
        found = sealed(bytes(printed))
        if found.killed:
            await self.exec(["true"], timeout=GRACE)  # it raises where the whole sandbox was killed
        return found

    async def stream(
        self,
        argv: Sequence[str],
        *,
        user: str | None = None,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> Stream:
        """See `sandbox.base.Sandbox.stream`."""
        return self._namespace.open(self._command(argv, user, cwd, env))

    async def put(self, archive: bytes, target: str = "/") -> None:
        """See `sandbox.base.Sandbox.put`; the folder is made when it is not there."""
        result = await self._unpack(archive, target)
        if result.exit_code:
            raise SandboxError(f"tar -x at {target}: {result.output.strip()}")

    async def get(
        self, path: str, limit: int, *, count: int = FILES_LIMIT, exclude: Sequence[str] = ()
    ) -> dict[str, bytes]:
        """See `sandbox.base.Sandbox.get`."""
        packed = await self._packed(path, limit)
        return regular_files(io.BytesIO(packed), path, limit, count=count, exclude=exclude)

    async def take(self, path: str, limit: int, *, exclude: Sequence[str] = ()) -> Packed:
        """See `sandbox.base.Sandbox.take`."""
        packed = io.BytesIO(await self._packed(path, limit))
        return await asyncio.to_thread(carried, packed, path, limit, exclude=exclude)

    async def _packed(self, path: str, limit: int) -> bytearray:
        packed = bytearray()
        # A header and padding per file may be more than the files, but not without end.
        most = min(4 * limit + 1_000_000, limit + _HEADERS)
        argv = ["sh", "-c", _PACK, "get", f"/{path.strip('/')}", str(most)]
        code = await self._timed(self._root_command(argv), _FILES, packed.extend)
        if code == _MISSING:
            raise FileNotFoundError(path)
        return packed

    async def allow(self, network: Network) -> None:
        """See `sandbox.base.Sandbox.allow`: the network is this machine's own or none, as at the start."""
        if network != self._environment.network:
            raise SandboxError(f"the network of a local sandbox stays as it is: {self._environment.network.mode}")

    async def step(self, argv: Sequence[str], *, user: str, cwd: str, env: Mapping[str, str]) -> ExecResult:
        """Run one step of a Dockerfile, as `sandbox.local_build.Machine` asks."""
        user = "root" if self._namespace.mapped else user
        command = Command(argv=tuple(argv), user=user, cwd=cwd, env=dict(env), network=True)
        return await self._run(command, self._environment.build_timeout)

    async def unpack(self, archive: bytes) -> ExecResult:
        """Unpack the files of a COPY, as `sandbox.local_build.Machine` asks."""
        return await self._unpack(archive, "/", "--no-overwrite-dir")

    async def _unpack(self, archive: bytes, target: str, *options: str) -> ExecResult:
        owner = "--no-same-owner" if self._namespace.mapped else "--numeric-owner"
        argv = ["sh", "-c", _UNPACK, "put", target, owner, "--keep-directory-symlink", *options]
        return await self._run(self._root_command(argv), _FILES, archive)

    def _command(
        self, argv: Sequence[str], user: str | None, cwd: str | None, env: Mapping[str, str] | None
    ) -> Command:
        if self._namespace.mapped and user is not None and user not in _ROOT:
            raise SandboxError(f"no user {user} here: without root on this machine everything runs as root inside")
        return Command(
            argv=tuple(argv),
            user=user or self.user,
            cwd=str(PurePosixPath(self.workdir, cwd or "")),
            env={**_BASE_ENV, **self._image_env, **self._environment.env, **(env or {})},
        )

    async def _root(self, argv: Sequence[str]) -> ExecResult:
        return await self._run(self._root_command(argv), _FILES)

    def _root_command(self, argv: Sequence[str]) -> Command:
        """Describe a command of the sandbox's own, which nothing in the task's environment changes."""
        return Command(argv=tuple(argv), user="0", cwd="/", env=_BASE_ENV)

    async def _run(self, command: Command, seconds: float, stdin: bytes | None = None) -> ExecResult:
        tail = _Tail()
        code = await self._timed(command, seconds, tail.add, stdin)
        return ExecResult(exit_code=code, output=tail.text())

    async def _timed(
        self, command: Command, seconds: float, sink: Callable[[bytes], None], stdin: bytes | None = None
    ) -> int:
        try:
            async with asyncio.timeout(seconds):
                return await self._namespace.run(command, sink, stdin)
        except TimeoutError as error:
            raise SandboxTimeout(f"{command.argv[0]} was not over after {seconds:g} s") from error


async def unavailable() -> str | None:
    """Say in one line why there can be no local sandbox here and what to do; ``None`` when one has just worked."""
    if sys.platform != "linux":
        return "local sandboxes need Linux: use Docker here"
    try:
        async with LocalSandbox(Environment()) as sandbox:
            result = await sandbox.exec(["true"], timeout=10)
    except SandboxError as error:
        return f"{error}{_remedy()}"
    return None if result.exit_code == 0 else f"a local sandbox starts but runs nothing: {result.output.strip()}"


def _remedy() -> str:
    """Name the setting that keeps an ordinary user from making namespaces."""
    settings = {
        "kernel/unprivileged_userns_clone": ("0", "1"),
        "kernel/apparmor_restrict_unprivileged_userns": ("1", "0"),
        "user/max_user_namespaces": ("0", "10000"),
    }
    for name, (closed, opened) in settings.items():
        path = Path("/proc/sys", name)
        if path.exists() and path.read_text().strip() == closed:
            return f" (sysctl -w {name.replace('/', '.')}={opened} as root allows it)"
    return " (in a container: give it --privileged, or use Docker)" if Path("/.dockerenv").exists() else ""
