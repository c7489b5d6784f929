"""The one door to a Docker daemon.

Docker's SDK blocks, so every call goes through `Engine.call`, in a thread and with a deadline.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import re
import socket
import threading
from functools import wraps
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from sandbox.base import SandboxError, SandboxStartError
from sandbox.disk import Disk
from sandbox.docker_network import Networks
from sandbox.docker_stream import Connection
from sandbox.images import Images

if TYPE_CHECKING:
    from collections.abc import Callable

    import docker

T = TypeVar("T")


class Engine:
    """A Docker daemon, shared by all sandboxes of a process."""

    def __init__(self, client: docker.DockerClient) -> None:
        """Take a client that answers; `connect` makes one."""
        self.api: Any = client.api  # the SDK's low-level client has no types of its own
        self.images = Images(self)
        self.networks = Networks(self)
        self.disk = Disk(self)
        self._architecture = ""

    @classmethod
    async def connect(cls) -> Self:
        """Find the daemon as the docker command does (``DOCKER_HOST``); `SandboxStartError` when none answers."""
        try:
            async with asyncio.timeout(20):
                return cls(await _in_thread(_answering))
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
            raise SandboxError(f"docker {name}: {_line(error)}") from error

    async def connection(self, function: Callable[..., Any], *args: Any, **kwargs: Any) -> Connection:
        """Call one of the SDK's functions that answer with a connection."""
        return await self.call(wraps(function)(lambda: Connection(function(*args, **kwargs))))

    async def architecture(self) -> str:
        """Return what the daemon's machine is, in Go's words, as images have them."""
        self._architecture = self._architecture or (await self.call(self.api.version))["Arch"]
        return self._architecture

    def close(self) -> None:
        """Remove the network that sandboxes shared, and let go of the daemon."""
        self.networks.close()
        self.api.close()


async def _in_thread(work: Callable[[], T]) -> T:
    """Run blocking work in a thread that nobody waits for at exit: the SDK cannot be told to give up."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[T] = loop.create_future()

    def settle(result: T | None, error: BaseException | None) -> None:
        if future.done():
            _let_go(result)
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
    try:
        return await future
    except asyncio.CancelledError:
        if future.done() and not future.cancelled() and not future.exception():
            _let_go(future.result())
        raise


def _let_go(result: object) -> None:
    """Close what came when nobody waited any more."""
    if isinstance(result, Connection):
        result.close()


def _answering() -> docker.DockerClient:
    import docker  # noqa: PLC0415 - a third of a second that only Docker runs pay

    host = os.environ.get("DOCKER_HOST", "unix:///var/run/docker.sock")
    if host.startswith("unix://"):  # the SDK leaves a socket open when it finds nobody there
        with socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(10)
            probe.connect(host.removeprefix("unix://"))
    return docker.from_env(timeout=60, max_pool_size=64)


def _line(error: Exception) -> str:
    """Return an error's one telling line: the engine's explanation rather than its URL."""
    text = str(getattr(error, "explanation", None) or getattr(error, "strerror", None) or error)
    return re.sub(r"\s+", " ", text).strip()[:500]
