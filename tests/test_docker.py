"""Containers, on a real engine: pytest tests/test_docker.py."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from typing import TYPE_CHECKING

import pytest

from sandbox.archive import Archive
from sandbox.base import Environment, ImageBuildError, SandboxDied, SandboxError, SandboxTimeout
from sandbox.docker import OWNER_LABEL, DockerSandbox, Engine
from tests.conftest import IMAGE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from evals.sandboxes import Sandboxes

pytestmark = pytest.mark.docker


@pytest.fixture
def kind() -> str:
    """Only containers here."""
    return "docker"


@pytest.fixture
async def engine(sandboxes: Sandboxes) -> AsyncIterator[Engine]:
    """An engine, where there is one with an image to start from."""
    assert sandboxes.kind == "docker"
    connected = await Engine.connect()
    yield connected
    connected.close()


def context(folder: Path, dockerfile: str) -> Environment:
    (folder / "Dockerfile").write_text(dockerfile)
    return Environment(context=folder)


async def test_a_command_gives_its_exit_code_and_its_output(engine: Engine) -> None:
    async with DockerSandbox(engine, Environment(image=IMAGE, env={"A": "task"})) as sandbox:
        seen = await sandbox.exec(
            ["sh", "-c", 'echo "$A $B"; pwd; id -un >&2; exit 3'],
            timeout=10,
            user="nobody",
            cwd="/etc",
            env={"B": "call"},
        )
    assert (seen.exit_code, seen.output) == (3, "task call\n/etc\nnobody\n")


async def test_only_the_end_of_endless_output_is_kept(engine: Engine) -> None:
    async with DockerSandbox(engine, Environment(image=IMAGE)) as sandbox:
        seen = await sandbox.exec(["sh", "-c", "yes | head -c 5000000; echo end"], timeout=60)
    assert len(seen.output) == 1_000_000
    assert seen.output.endswith("y\nend\n")


async def test_a_command_that_outlives_its_deadline_is_killed_with_its_children(engine: Engine) -> None:
    async with DockerSandbox(engine, Environment(image=IMAGE)) as sandbox:
        with pytest.raises(SandboxTimeout, match=r"not done within 0\.5 s"):
            await sandbox.exec(["sh", "-c", "sleep 1234 & sleep 1234"], timeout=0.5)
        seen = await sandbox.exec(["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"], timeout=10)
    assert "1234" not in seen.output


async def test_files_go_in_and_come_out(engine: Engine) -> None:
    async with DockerSandbox(engine, Environment(image=IMAGE, folders=("/logs/a",))) as sandbox:
        await sandbox.put(Archive().file("in/x", b"\x00\xff").file("in/run", b"#!/bin/sh\n", 0o755).done())
        await sandbox.exec(["sh", "-c", "ln -s /etc/passwd /in/link; mkfifo /in/fifo; /in/run"], timeout=10)
        assert await sandbox.get("/in", 1000) == {"x": b"\x00\xff", "run": b"#!/bin/sh\n"}
        assert (await sandbox.exec(["touch", "/logs/a/y"], timeout=10, user="nobody")).exit_code == 0
        with pytest.raises(FileNotFoundError):
            await sandbox.get("/nowhere", 1000)
        with pytest.raises(SandboxError, match="more than 5 bytes"):
            await sandbox.get("/in", 5)


async def test_there_is_no_network_unless_it_is_asked_for(engine: Engine) -> None:
    async with DockerSandbox(engine, Environment(image=IMAGE)) as sandbox:
        seen = await sandbox.exec(["sh", "-c", "tail -n +3 /proc/net/dev | cut -d: -f1"], timeout=10)
    assert seen.output.split() == ["lo"]


async def test_limits_and_labels_are_set_and_nothing_is_mounted(engine: Engine) -> None:
    environment = Environment(image=IMAGE, cpus=0.5, memory_mb=64)
    async with DockerSandbox(engine, environment):
        (listed,) = [c for c in engine.api.containers(filters={"label": OWNER_LABEL}) if "Up" in c["Status"]][:1]
        facts = engine.api.inspect_container(listed["Id"])
    host = facts["HostConfig"]
    assert (host["Memory"], host["NanoCpus"], host["Init"]) == (64 << 20, 500_000_000, True)
    assert host["PidsLimit"] > 0
    assert not facts["Mounts"]


async def test_equal_environments_are_built_once(engine: Engine, tmp_path: Path) -> None:
    environment = context(tmp_path, f"FROM {IMAGE}\nRUN date +%N > /built\n")
    first, second = await asyncio.gather(engine.image(environment), engine.image(environment))
    assert first == second
    (tmp_path / "other").write_text("more")
    assert await engine.image(environment) != ""
    assert (await engine.image(environment)) == (await engine.image(environment))


async def test_what_dockerignore_names_stays_out(engine: Engine, tmp_path: Path) -> None:
    (tmp_path / "kept").write_text("x")
    (tmp_path / "secret.key").write_text("x")
    (tmp_path / ".dockerignore").write_text("# keys\n*.key\n")
    async with DockerSandbox(engine, context(tmp_path, f"FROM {IMAGE}\nCOPY . /all\n")) as sandbox:
        seen = await sandbox.exec(["ls", "/all"], timeout=10)
    assert "kept" in seen.output
    assert "secret.key" not in seen.output


@pytest.mark.parametrize("delay", [0.0, 0.005, 0.02, 0.1])
async def test_a_container_that_is_cancelled_while_it_is_made_is_gone(engine: Engine, delay: float) -> None:
    sandbox = DockerSandbox(engine, Environment(image=IMAGE))
    entering = asyncio.create_task(sandbox.__aenter__())
    await asyncio.sleep(delay)
    entering.cancel()
    with pytest.raises(asyncio.CancelledError):
        await entering
    listed = engine.api.containers(all=True, filters={"label": OWNER_LABEL})
    assert not [container for container in listed if await is_mine(engine, container["Id"])]


async def test_a_build_that_fails_says_the_command_and_its_last_lines(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(ImageBuildError, match=r"(?s)echo why.*\nwhy"):
        await engine.image(context(tmp_path, f"FROM {IMAGE}\nRUN echo why; exit 7\n"))


async def test_an_image_that_cannot_be_had_is_named(engine: Engine) -> None:
    with pytest.raises(ImageBuildError, match="no-such-image-of-ours"):
        await engine.image(Environment(image="localhost:1/no-such-image-of-ours:1"))


async def test_a_container_that_is_killed_is_named_as_such(engine: Engine) -> None:
    async with DockerSandbox(engine, Environment(image=IMAGE)) as sandbox:
        running = asyncio.create_task(sandbox.exec(["sleep", "100"], timeout=60))
        await sandbox.exec(["true"], timeout=10)
        for listed in engine.api.containers(filters={"label": OWNER_LABEL}):
            if await is_mine(engine, listed["Id"]):
                await engine.call(engine.api.kill, listed["Id"])
        with pytest.raises(SandboxDied):
            await running
        with pytest.raises(SandboxDied):
            await sandbox.exec(["true"], timeout=10)


async def is_mine(engine: Engine, container: str) -> bool:
    """Whether this process made a container."""
    labels = (await engine.call(engine.api.inspect_container, container))["Config"]["Labels"]
    return str(labels[OWNER_LABEL]) == f"{socket.gethostname()}:{os.getpid()}"


async def test_a_container_is_gone_after_its_block_even_when_cancelled(engine: Engine) -> None:
    started = asyncio.Event()

    async def work() -> None:
        async with DockerSandbox(engine, Environment(image=IMAGE)):
            started.set()
            await asyncio.sleep(3600)

    task = asyncio.create_task(work())
    await started.wait()
    begun = time.monotonic()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert time.monotonic() - begun < 5
    listed = engine.api.containers(all=True, filters={"label": OWNER_LABEL})
    assert not [container for container in listed if await is_mine(engine, container["Id"])]
