"""Containers: one per trial, from an image that is built once, through the Docker engine's own API.

Nothing of this machine is mounted into a container. Docker's SDK blocks, so every call goes through `Engine.call`, in a
thread and with a deadline; the output of commands is read from the engine's raw stream without one.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import io
import os
import re
import socket
import threading
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from sandbox.archive import Archive, regular_files
from sandbox.base import (
    OUTPUT_LIMIT,
    Environment,
    ExecResult,
    ImageBuildError,
    SandboxDied,
    SandboxError,
    SandboxOutOfMemory,
    SandboxStartError,
    SandboxTimeout,
    finished,
)
from sandbox.bundle import tmux_bundle
from sandbox.docker_stream import Chunks, ExecStream

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from pathlib import Path

    import docker

T = TypeVar("T")

OWNER_LABEL = "termstone.owner"
"""On each container: the process that owns it, as ``host:pid``."""
_REPOSITORY = "termstone"
_PIDS = 4096
_KILLED = 137
_START = 60.0
_KILL_SESSION = """\
for stat in /proc/[0-9]*/stat; do
  read -r line 2>/dev/null <"$stat" || continue
  set -- ${line##*) }
  [ "$4" = "$SESSION" ] && kill -9 "$(basename "${stat%/stat}")"
done"""


class Engine:
    """The one door to a Docker daemon, shared by all sandboxes of a process."""

    def __init__(self, client: docker.DockerClient) -> None:
        """Take a client that answers; `connect` makes one."""
        self.api: Any = client.api  # the SDK's low-level client has no types of its own
        self._builds: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @classmethod
    async def connect(cls) -> Self:
        """Find the daemon as the docker command does (``DOCKER_HOST``); `SandboxStartError` when none answers."""
        try:
            async with asyncio.timeout(20):
                return cls(await asyncio.to_thread(_answering))
        except Exception as error:  # the SDK lets urllib3's, requests' and its own errors through here
            if isinstance(error, PermissionError):
                raise SandboxStartError("this user may not talk to the Docker daemon (docker group)") from error
            raise SandboxStartError(f"no Docker daemon answers ({_line(error)})") from error

    async def call(self, function: Callable[..., T], *args: Any, within: float = 60.0, **kwargs: Any) -> T:
        """Call one of the SDK's functions in a thread, with the SDK's errors as `SandboxError`."""
        from docker.errors import DockerException  # noqa: PLC0415 - imported with the client

        name = getattr(function, "__name__", "call")
        try:
            async with asyncio.timeout(within):
                return await _in_thread(lambda: function(*args, **kwargs))
        except TimeoutError as error:
            raise SandboxError(f"docker {name}: no answer within {within:g} s") from error
        except (DockerException, OSError) as error:
            raise _named(name, error) from error

    async def image(self, environment: Environment) -> str:
        """Return the id of the image of an environment, building or pulling it when it is not here."""
        if environment.image is None:
            return await self._built(await asyncio.to_thread(_context, environment), environment.build_timeout)
        async with self._builds[environment.image]:
            return await self._pulled(environment.image, environment.build_timeout)

    async def _pulled(self, name: str, within: float) -> str:
        with contextlib.suppress(SandboxError):
            return str((await self.call(self.api.inspect_image, name))["Id"])
        try:
            await self.call(self.api.pull, *_repository_and_tag(name), within=within)
            return str((await self.call(self.api.inspect_image, name))["Id"])
        except SandboxError as error:
            raise ImageBuildError(f"image {name}: {error}") from error

    async def _built(self, context: bytes, within: float) -> str:
        """Build a context, or find what was built from equal bytes before."""
        tag = f"{_REPOSITORY}:{hashlib.sha256(context).hexdigest()[:32]}"
        async with self._builds[tag]:
            with contextlib.suppress(SandboxError):
                return str((await self.call(self.api.inspect_image, tag))["Id"])
            try:
                await self.call(self._build, context, tag, within=within)
            except SandboxError as error:
                raise error if isinstance(error, ImageBuildError) else ImageBuildError(f"no image: {error}") from error
            return str((await self.call(self.api.inspect_image, tag))["Id"])

    def _build(self, context: bytes, tag: str) -> None:
        last: deque[str] = deque(maxlen=12)
        error = ""
        events = self.api.build(
            fileobj=io.BytesIO(context), custom_context=True, tag=tag, rm=True, forcerm=True, decode=True,
            labels={OWNER_LABEL: "image"},
        )  # fmt: skip
        for event in events:  # to the end even after an error, or the connection stays open
            last.extend(line for line in str(event.get("stream", "")).splitlines() if line.strip())
            error = error or str(event.get("error", "")).strip()
        if error:
            raise ImageBuildError("\n".join([f"the image did not build: {error}", *last]))

    def close(self) -> None:
        """Let go of the daemon."""
        self.api.close()


class DockerSandbox:
    """One container."""

    name = "docker"

    def __init__(self, engine: Engine, environment: Environment) -> None:
        self._engine = engine
        self._environment = environment
        self._id = ""
        self.image = ""
        """The id of the image that the container runs."""

    async def __aenter__(self) -> Self:
        self.image = await self._engine.image(self._environment)
        try:
            await finished(self._create())
            await self.put(_added(self._environment.folders))
            await self._engine.call(self._engine.api.start, self._id, within=_START)
        except SandboxError as error:
            await self.__aexit__()
            raise SandboxStartError(f"no container: {error}") from error
        except asyncio.CancelledError:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        if self._id:
            removal = self._engine.call(self._engine.api.remove_container, self._id, force=True, v=True)
            self._id = ""
            await finished(removal)

    async def _create(self) -> None:
        command = ["sh", "-c", "sleep infinity"]
        self._id = (
            await self._engine.call(self._engine.api.create_container, self.image, command, **self._settings())
        )["Id"]

    def _settings(self) -> dict[str, Any]:
        environment = self._environment
        memory = environment.memory_mb and environment.memory_mb * 1024 * 1024
        return {
            "environment": environment.env,
            "working_dir": environment.workdir,
            "labels": {OWNER_LABEL: f"{socket.gethostname()}:{os.getpid()}"},
            "host_config": self._engine.api.create_host_config(
                init=True,  # without it a container takes ten seconds to stop
                network_mode="bridge" if environment.network else "none",
                mem_limit=memory,
                memswap_limit=memory,
                nano_cpus=environment.cpus and int(environment.cpus * 1e9),
                pids_limit=_PIDS,
            ),
        }

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
        wrapped = ["sh", "-c", 'echo $$; exec "$@" 2>&1', "sh", *argv]
        stream = await self._exec(wrapped, user=user, cwd=cwd, env=env)
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
            await finished(self._kill(pid))
            raise
        except TimeoutError as error:
            await self._kill(pid)
            raise SandboxTimeout(f"{argv[0]}: not done within {timeout:g} s") from error
        finally:
            await stream.close()
        state = await self._engine.call(self._engine.api.exec_inspect, stream.id)
        if state["ExitCode"] in (None, _KILLED) and (reason := await self._end()):
            raise reason
        if state["ExitCode"] is None:
            raise SandboxError(f"{argv[0]}: the engine lost track of it")
        return ExecResult(exit_code=state["ExitCode"], output=output.decode("utf-8", "replace"))

    async def _kill(self, session: str) -> None:
        if session.isdigit():
            stream = await self._exec(["sh", "-c", _KILL_SESSION], user="root", env={"SESSION": session})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(10):
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
                api.exec_create, self._id, list(argv), stdin=stdin, user=user or "", workdir=cwd,
                environment=dict(env or {}),
            )  # fmt: skip
            raw = await self._engine.call(api.exec_start, created["Id"], socket=True)
        except SandboxError as error:
            raise (await self._why() or error) from error
        return await ExecStream.over(raw, created["Id"])

    async def _end(self) -> SandboxDied | None:
        """Say why the container ended; ``None`` when it goes on, as it has to for a second to be believed."""
        for _ in range(10):
            if reason := await self._why():
                return reason
            await asyncio.sleep(0.1)
        return None

    async def _why(self) -> SandboxDied | None:
        try:
            state = (await self._engine.call(self._engine.api.inspect_container, self._id))["State"]
        except SandboxError as error:
            return SandboxDied(f"the container is gone ({error})")
        if state.get("OOMKilled") and not state.get("Running"):
            return SandboxOutOfMemory(f"the container ran out of memory ({self._environment.memory_mb} MB)")
        return None if state.get("Running") else SandboxDied(f"the container ended, exit code {state.get('ExitCode')}")

    async def put(self, archive: bytes, target: str = "/") -> None:
        """Unpack a tar archive; see `sandbox.base.Sandbox`."""
        await self._engine.call(self._engine.api.put_archive, self._id, target, archive)

    async def get(self, path: str, limit: int) -> dict[str, bytes]:
        """Read regular files; see `sandbox.base.Sandbox`."""
        files = await self._engine.call(self._read_files, path, limit)
        if files is None:
            raise FileNotFoundError(path)
        return files

    def _read_files(self, path: str, limit: int) -> dict[str, bytes] | None:
        from docker.errors import NotFound  # noqa: PLC0415 - imported with the client

        # As the SDK's get_archive, whose answer cannot be closed before its end, and an open one holds the container.
        api = self._engine.api
        url = api._url("/containers/{0}/archive", self._id)  # noqa: SLF001 - as said
        with contextlib.closing(api._get(url, params={"path": path}, stream=True)) as answer:  # noqa: SLF001 - as said
            try:
                api._raise_for_status(answer)  # noqa: SLF001 - as said
            except NotFound:
                return None
            return regular_files(io.BufferedReader(Chunks(answer.iter_content(1 << 20))), path, limit)


async def _in_thread(work: Callable[[], T]) -> T:
    """Run blocking work in a thread that nobody waits for at exit: the SDK cannot be told to give up."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            return
        if error is not None:
            future.set_exception(error)
        else:
            future.set_result(cast("T", result))

    def run() -> None:
        try:
            outcome: tuple[T | None, BaseException | None] = (work(), None)
        except BaseException as error:  # noqa: BLE001 - handed to whoever awaits it
            outcome = (None, error)
        with contextlib.suppress(RuntimeError):  # the loop has ended
            loop.call_soon_threadsafe(settle, *outcome)

    threading.Thread(target=run, daemon=True, name="docker").start()
    return await future


def _answering() -> docker.DockerClient:
    import docker  # noqa: PLC0415 - a third of a second that only Docker runs pay

    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if host.startswith("unix://"):  # the SDK leaves a socket open when it finds nobody there
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(10)
            probe.connect(host.removeprefix("unix://"))
    return docker.from_env(timeout=60, max_pool_size=64)


@functools.lru_cache(maxsize=4)
def _added(folders: tuple[str, ...]) -> bytes:
    archive = Archive().merge(tmux_bundle())
    for folder in folders:
        archive.folder(folder.lstrip("/"), 0o777)
    return archive.done()


def _context(environment: Environment) -> bytes:
    folder = environment.context
    if folder is None:
        raise ImageBuildError("the task names neither a Dockerfile nor an image")
    if not (folder / "Dockerfile").is_file():
        raise ImageBuildError(f"{folder}: no Dockerfile")
    ignore = folder / ".dockerignore"
    patterns = [line.strip() for line in ignore.read_text().splitlines()] if ignore.is_file() else []
    return (
        Archive().tree(folder, ".", keep=_kept(folder, [line for line in patterns if line[:1] not in ("", "#")])).done()
    )


def _kept(folder: Path, patterns: list[str]) -> set[str] | None:
    """Name what a ``.dockerignore`` leaves, by the SDK's own reading of it; ``None`` is everything."""
    from docker.utils import exclude_paths  # noqa: PLC0415 - imported with the client

    return set(exclude_paths(str(folder), patterns, dockerfile="Dockerfile")) if patterns else None


def _repository_and_tag(name: str) -> tuple[str, str | None]:
    repository, _, tag = name.rpartition(":")
    return (repository, tag) if repository and "/" not in tag else (name, None if "@" in name else "latest")


def _named(call: str, error: Exception) -> SandboxError:
    return SandboxError(f"docker {call}: {_line(error)}")


def _line(error: Exception) -> str:
    """Return an error's one telling line: the engine's explanation rather than its URL."""
    text = str(getattr(error, "explanation", None) or getattr(error, "strerror", None) or error)
    return re.sub(r"\s+", " ", text).strip()[:500]
