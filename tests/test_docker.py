"""Containers, on a real engine: pytest tests/test_docker.py."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import warnings
from typing import TYPE_CHECKING

import pytest

from evals.result import Cause, cause_of
from sandbox.archive import Archive
from sandbox.base import HOME, Environment, ImageBuildError, SandboxDied, SandboxError, SandboxOutOfDisk, SandboxTimeout
from sandbox.docker import DockerSandbox
from sandbox.engine import Engine
from tests.conftest import IMAGE, own_containers
from tests.fakes import ORPHAN

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
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


@pytest.mark.fault("F41")
async def test_a_command_that_outlives_its_deadline_is_killed_with_its_children(engine: Engine) -> None:
    async with DockerSandbox(engine, Environment(image=IMAGE)) as sandbox:
        for user in ("root", "nobody"):
            with pytest.raises(SandboxTimeout, match=r"not done within 0\.5 s"):
                await sandbox.exec(
                    ["sh", "-c", f"sleep 1234 & {ORPHAN.format(1235)}; sleep 1234"], timeout=0.5, user=user
                )
            seen = await sandbox.exec(["sh", "-c", "cat /proc/[0-9]*/cmdline | tr '\\0' ' '"], timeout=10)
            assert "123" not in seen.output


async def test_commands_that_are_cancelled_while_they_begin_leave_no_connection_open(engine: Engine) -> None:
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        async with DockerSandbox(engine, Environment(image=IMAGE)) as sandbox:
            for milliseconds in range(0, 60, 3):
                beginning = asyncio.ensure_future(sandbox.exec(["true"], timeout=10))
                await asyncio.sleep(milliseconds / 1000)
                beginning.cancel()
                await asyncio.wait([beginning])
            for thread in threading.enumerate():
                if thread.name == "docker":
                    await asyncio.to_thread(thread.join)
        gc.collect()
    assert not [complaint.message for complaint in complaints]


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
    async with DockerSandbox(engine, environment) as sandbox:
        assert await own_containers(engine) == [sandbox.container_id]
        facts = engine.api.inspect_container(sandbox.container_id)
    host = facts["HostConfig"]
    assert (host["Memory"], host["NanoCpus"]) == (64 << 20, 500_000_000)
    assert host["PidsLimit"] > 0
    (own,) = facts["Mounts"]
    assert (own["Type"], own["Destination"]) == ("volume", HOME)  # and nothing of this machine
    assert own["Name"] not in {volume["Name"] for volume in engine.api.volumes()["Volumes"] or []}


async def test_equal_environments_are_built_once(engine: Engine, tmp_path: Path) -> None:
    environment = context(tmp_path, f"FROM {IMAGE}\nRUN date +%N > /built\n")
    first, second = await asyncio.gather(engine.images.of(environment), engine.images.of(environment))
    assert first == second
    (tmp_path / "other").write_text("more")
    assert await engine.images.of(environment) != ""
    assert (await engine.images.of(environment)) == (await engine.images.of(environment))


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
    assert await own_containers(engine) == []


async def test_a_build_that_fails_says_the_command_and_its_last_lines(engine: Engine, tmp_path: Path) -> None:
    with pytest.raises(ImageBuildError, match=r"(?s)echo why.*\nwhy"):
        await engine.images.of(context(tmp_path, f"FROM {IMAGE}\nRUN echo why; exit 7\n"))


async def test_an_image_that_cannot_be_had_is_named(engine: Engine) -> None:
    with pytest.raises(ImageBuildError, match="no-such-image-of-ours"):
        await engine.images.of(Environment(image="localhost:1/no-such-image-of-ours:1"))


async def test_a_container_that_is_killed_is_named_as_such(engine: Engine) -> None:
    async with DockerSandbox(engine, Environment(image=IMAGE)) as sandbox:
        running = asyncio.create_task(sandbox.exec(["sleep", "100"], timeout=60))
        await sandbox.exec(["true"], timeout=10)
        await engine.call(engine.api.kill, sandbox.container_id)
        with pytest.raises(SandboxDied):
            await running
        with pytest.raises(SandboxDied):
            await sandbox.exec(["true"], timeout=10)


async def test_a_container_is_gone_after_its_block_even_when_cancelled(
    engine: Engine, record_property: Callable[[str, object], None]
) -> None:
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
    left = await own_containers(engine)
    record_property("leaked containers", len(left))
    assert left == []


@pytest.mark.fault("F37")
async def test_a_container_that_writes_more_than_it_may_is_ended_and_said_to_be(engine: Engine) -> None:
    async with DockerSandbox(engine, Environment(image=IMAGE, storage_mb=100)) as sandbox:
        one = await sandbox.exec(["sh", "-c", "head -c 200m /dev/zero > /one; wc -c < /one"], timeout=60)
        assert int(one.output.split()[-1]) == 100 << 20
        fill = "i=0; while head -c 30m /dev/zero > /$i; do i=$((i + 1)); [ $i -lt 20 ] || sleep 1000; done"
        with pytest.raises(SandboxOutOfDisk, match="wrote more than 100 MB") as ended:
            await sandbox.exec(["sh", "-c", fill], timeout=120)
    assert cause_of(ended.value) is Cause.SANDBOX_DISK_FULL


@pytest.mark.parametrize("delay", [0.0, 0.005, 0.01, 0.015, 0.02, 0.03, 0.05, 0.1, 0.2, 0.4])
async def test_a_sealed_command_that_is_cancelled_at_any_moment_leaves_nothing_beside_its_container(
    engine: Engine, delay: float
) -> None:
    async with DockerSandbox(engine, Environment(image=IMAGE)) as sandbox:
        sealed = sandbox.sealed(
            ["sleep", "60"], Archive().folder("tests").done(), folders=("/tests",), kept=(), limit=1, timeout=60
        )
        running = asyncio.create_task(sealed)
        await asyncio.sleep(delay)
        running.cancel()
        with pytest.raises(asyncio.CancelledError):
            await running
        await asyncio.sleep(0.5)  # what a thread is doing comes to its end
        assert await own_containers(engine) == [sandbox.container_id]
