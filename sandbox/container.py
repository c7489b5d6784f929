"""One running container: commands, files and what it reaches, all through the engine's own API."""

from __future__ import annotations

import asyncio
import contextlib
import io
import secrets
import time
from typing import TYPE_CHECKING, Self, TypeVar

from sandbox.archive import Archive, carried, regular_files
from sandbox.base import (
    COMMAND,
    FILES_LIMIT,
    OUTPUT_LIMIT,
    ExecResult,
    SandboxDied,
    SandboxError,
    SandboxOutOfMemory,
    SandboxTimeout,
    SealUnavailable,
    finished,
)
from sandbox.docker_seal import Beside
from sandbox.docker_stream import Chunks, ExecStream
from sandbox.sealing import Order, entries

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import IO

    from sandbox.base import Environment, Network, Packed, Sandbox, Sealed
    from sandbox.docker_network import Uplink
    from sandbox.engine import Engine

T = TypeVar("T")

_KILLED = 137
_KILLING = 10.0
_KILL = """\
session=$1 mark=$2
marked() {
  while read -r part || [ "$part" ]; do case $part in *"$mark"*) return 0 ;; esac; done
  return 1
}
for round in 1 2 3; do # one may have been starting another
  for process in /proc/[0-9]*; do
    line=
    { while read -r part; do line=$line$part; done <"$process/stat"; } 2>/dev/null # a name may have line ends in it
    set -- ${line##*) }
    if [ "$4" = "$session" ] || marked 2>/dev/null <"$process/environ"; then kill -9 "${process#/proc/}"; fi
  done
done 2>/dev/null"""


class Container:
    """A container as a `sandbox.base.Sandbox`, but for who starts and ends it."""

    name = "docker"

    def __init__(self, engine: Engine, container_id: str = "", uplink: Uplink | None = None) -> None:
        self.notes: list[str] = []
        """What was not honoured, or went wrong without harm: one line each, for the user."""
        self.services: Mapping[str, Sandbox] = {}
        self.container_id = container_id
        """What the engine calls it; empty while there is none."""
        self._engine = engine
        self._uplink = uplink

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *exc: object) -> None:
        """Leave the container to what made it."""

    async def exec(
        self,
        argv: Sequence[str],
        *,
        timeout: float,  # noqa: ASYNC109 - see the protocol
        user: str | None = None,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> ExecResult:
        """Run a command to its end; see `sandbox.base.Sandbox`."""
        # The first line of output is the command's process id, to end it by.
        wrapped = ["/bin/sh", "-c", 'echo $$; exec "$@" 2>&1', "sh", *argv]
        mark = secrets.token_hex(8)
        stream = await self._exec(wrapped, user=user, cwd=cwd, env={**(env or {}), COMMAND: mark})
        output = bytearray()
        pid = ""
        try:
            async with asyncio.timeout(timeout):
                while chunk := await stream.read():
                    output += chunk
                    if not pid and (end := output.find(b"\n")) >= 0:
                        pid = output[:end].decode("ascii", "replace")
                        del output[: end + 1]
                    del output[:-OUTPUT_LIMIT]
        except asyncio.CancelledError:
            with contextlib.suppress(SandboxError):  # it has ended with its container
                await finished(self._kill(pid, mark, user))
            raise
        except TimeoutError as error:
            await self._kill(pid, mark, user)
            raise SandboxTimeout(f"{argv[0]}: not done within {timeout:g} s") from error
        finally:
            await stream.close()
        state = await self._engine.call(self._engine.api.exec_inspect, stream.id)
        if state["ExitCode"] in (None, _KILLED) and (reason := await self._end()):
            raise reason
        if state["ExitCode"] is None:
            raise SandboxError(f"{argv[0]}: the engine lost track of it")
        return ExecResult(exit_code=state["ExitCode"], output=output.decode("utf-8", "replace"))

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
        """Run a command with folders of its own; see `sandbox.base.Sandbox`."""
        beside = await Beside.of(self._engine, self.container_id)
        known = self._uplink.env if self._uplink else {}
        order = Order(
            argv=tuple(argv),
            user=user or beside.user,
            cwd=beside.workdir,
            env={**beside.env, **known, **(env or {})},
            folders=tuple(folders),
            kept=tuple(kept),
            files=entries(archive),
            limit=limit,
            seconds=timeout,
            alone=alone,
            since=since,
        )
        try:
            ran = await beside.run(order)
        except SealUnavailable as error:
            raise (await self._end() or error) from error
        if ran.killed and (reason := await self._end()):  # with its container, which is nobody's cheat
            raise reason
        return ran

    async def _kill(self, session: str, mark: str, user: str | None) -> None:
        """Kill a command's session and what has its mark, which only processes of the same user may read."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_KILLING):
                for who in dict.fromkeys(("root", user)):
                    stream = await self._exec(["/bin/sh", "-c", _KILL, "sh", session or "none", mark], user=who)
                    while await stream.read():
                        pass
                    await stream.close()

    async def stream(
        self,
        argv: Sequence[str],
        *,
        user: str | None = None,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
    ) -> ExecStream:
        """Start a command and hand out its input and output; see `sandbox.base.Sandbox`."""
        return await self._exec(argv, user=user, cwd=cwd, env=env, stdin=True)

    async def _exec(
        self,
        argv: Sequence[str],
        *,
        user: str | None = None,
        cwd: str | None = None,
        env: Mapping[str, str] | None = None,
        stdin: bool = False,
    ) -> ExecStream:
        api = self._engine.api
        try:
            created = await self._engine.call(
                api.exec_create, self.container_id, list(argv), stdin=stdin, user=user or "", workdir=cwd,
                environment={**(self._uplink.env if self._uplink else {}), **(env or {})},
            )  # fmt: skip
            connection = await self._engine.connection(api.exec_start, created["Id"], socket=True)
        except SandboxError as error:
            raise (await self._why() or error) from error
        return await ExecStream.over(connection, created["Id"])

    async def _end(self) -> SandboxDied | None:
        """Say why the container ended; ``None`` when it goes on, as it has to for three seconds to be believed."""
        for _ in range(30):
            if reason := await self._why():
                return reason
            await asyncio.sleep(0.1)
        return None

    async def _why(self) -> SandboxDied | None:
        try:
            facts = await self._engine.call(self._engine.api.inspect_container, self.container_id)
        except SandboxError as error:
            return SandboxDied(f"the container is gone ({error})")
        if reason := self._engine.disk.reason(self.container_id):
            return reason
        state = facts["State"]
        if state.get("OOMKilled") and not state.get("Running"):
            return SandboxOutOfMemory(f"the container ran out of memory ({facts['HostConfig']['Memory'] >> 20} MB)")
        return None if state.get("Running") else SandboxDied(f"the container ended, exit code {state.get('ExitCode')}")

    async def _put_files(self, environment: Environment) -> None:
        """Put an environment's files into the working directory."""
        if environment.files:
            facts = await self._engine.call(self._engine.api.inspect_container, self.container_id)
            packed = await asyncio.to_thread(Archive(mtime=time.time()).tree, environment.files, ".")
            await self.put(packed.done(), facts["Config"]["WorkingDir"] or "/")

    async def put(self, archive: bytes, target: str = "/") -> None:
        """Unpack a tar archive; see `sandbox.base.Sandbox`."""
        await self._engine.call(self._engine.api.put_archive, self.container_id, target, archive)

    async def get(
        self, path: str, limit: int, *, count: int = FILES_LIMIT, exclude: Sequence[str] = ()
    ) -> dict[str, bytes]:
        """Read regular files; see `sandbox.base.Sandbox`."""
        return await self._read(path, lambda tar: regular_files(tar, path, limit, count=count, exclude=exclude))

    async def take(self, path: str, limit: int, *, exclude: Sequence[str] = ()) -> Packed:
        """Read files, folders and links; see `sandbox.base.Sandbox`."""
        return await self._read(path, lambda tar: carried(tar, path, limit, exclude=exclude))

    async def _read(self, path: str, reader: Callable[[IO[bytes]], T]) -> T:
        read: T | None = await self._engine.call(self._read_archive, path, reader)
        if read is None:
            raise FileNotFoundError(path)
        return read

    async def allow(self, network: Network) -> None:
        """Change what commands reach; see `sandbox.base.Sandbox`."""
        if self._uplink is None:
            raise SandboxError("the network of this service is its sandbox's")
        await self._uplink.allow(network)

    def _read_archive(self, path: str, reader: Callable[[IO[bytes]], T]) -> T | None:
        from docker.errors import NotFound  # noqa: PLC0415 - imported with the client

        # As the SDK's get_archive, whose answer cannot be closed before its end, and an open one holds the container.
        api = self._engine.api
        url = api._url("/containers/{0}/archive", self.container_id)  # noqa: SLF001 - as said
        with contextlib.closing(api._get(url, params={"path": path}, stream=True)) as answer:  # noqa: SLF001 - as said
            try:
                api._raise_for_status(answer)  # noqa: SLF001 - as said
            except NotFound:
                return None
            return reader(io.BufferedReader(Chunks(answer.iter_content(1 << 20))))
