"""A daemon that goes away, or answers no more: pytest tests/test_engine.py."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from typing import TYPE_CHECKING

import pytest

from sandbox.base import Environment, SandboxError, SandboxStartError
from sandbox.docker import DockerSandbox
from sandbox.engine import Engine
from tests.conftest import IMAGE, daemon

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # the SDK drops broken connections without closing

SOCKET = "/var/run/docker.sock"


class Relay:
    """A daemon's socket that can be cut, or hang, with the real daemon behind it."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._server: asyncio.Server
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> None:
        self._hangs = False
        self._server = await asyncio.start_unix_server(self._serve, self.path)

    async def cut(self) -> None:
        self._server.close()
        self.path.unlink(missing_ok=True)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def hang(self) -> None:
        self._hangs = True

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        there = await asyncio.open_unix_connection(SOCKET)
        try:
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.gather(self._carry(reader, there[1]), self._carry(there[0], writer))
        finally:
            for end in (writer, there[1]):
                end.transport.abort()
            self._tasks.discard(task)

    async def _carry(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await source.read(65536):
                if self._hangs:
                    await asyncio.sleep(3600)
                target.write(data)
                await target.drain()
            target.write_eof()


@pytest.fixture
async def relay(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Relay]:
    async with daemon():
        relay = Relay(tmp_path / "engine.sock")
        await relay.open()
        monkeypatch.setenv("DOCKER_HOST", f"unix://{relay.path}")
        yield relay
        await relay.cut()
        gc.collect()


@pytest.mark.docker
@pytest.mark.fault("F40")
async def test_a_daemon_that_hangs_costs_its_deadline_and_is_named(relay: Relay) -> None:
    engine = await Engine.connect()
    await relay.hang()
    begun = time.monotonic()
    with pytest.raises(SandboxError, match=r"^docker containers: no answer within 0\.5 s$"):
        await engine.call(engine.api.containers, within=0.5)
    assert time.monotonic() - begun < 5
    engine.close()


@pytest.mark.docker
@pytest.mark.fault("F39", "F40")
async def test_a_daemon_that_goes_away_in_the_middle_ends_the_sandbox_and_what_is_left_is_said(
    relay: Relay, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = await Engine.connect()
    async with DockerSandbox(engine, Environment(image=IMAGE)) as sandbox:
        container = sandbox.container_id
        running = asyncio.create_task(sandbox.exec(["sleep", "1000"], timeout=60))
        until = "until cat /proc/[0-9]*/cmdline | tr '\\0' ' ' | grep -q 'sleep 1000'; do :; done"
        await sandbox.exec(["sh", "-c", until], timeout=10)
        await relay.cut()
        with pytest.raises(SandboxError):
            await running
        with pytest.raises(SandboxError):
            await sandbox.exec(["true"], timeout=10)
    assert "`termstone clean` does it later" in sandbox.notes[0]
    engine.close()
    monkeypatch.delenv("DOCKER_HOST")
    async with daemon() as real:
        await real.call(real.api.remove_container, container, force=True, v=True)


@pytest.mark.fault("F39")
async def test_where_no_daemon_answers_that_is_said_at_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nobody.sock")
    with pytest.raises(SandboxStartError, match=r"^no Docker daemon answers \(No such file or directory\)$"):
        await Engine.connect()
