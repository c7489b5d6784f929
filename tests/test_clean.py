"""What dead runs left is removed, and nothing of a live one's: pytest tests/test_clean.py."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import pytest

from evals.clean import clean
from evals.sandboxes import choose
from sandbox import owner
from sandbox.base import PUBLIC, Environment
from sandbox.docker import DockerSandbox
from sandbox.engine import Engine
from sandbox.owner import LEASE_LABEL, OWNER_LABEL, Owner
from sandbox.reaper import reap
from tests.child import owned
from tests.conftest import IMAGE, daemon
from tests.fakes import until

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

ROOT = Path(__file__).parent.parent
VICTIM = """\
import asyncio, sys
from contextlib import asynccontextmanager
from pathlib import Path
from evals.sandboxes import choose
from sandbox.base import Environment, Network
async def main():
    sandboxes = await choose(sys.argv[1])
    settings = {} if sys.argv[1] == "local" else {"image": sys.argv[2]}
    if sys.argv[3:]:
        settings = {"compose": Path(sys.argv[3])}
    listed = Network(mode="allowlist", hosts=("198.51.100.7",))
    async with sandboxes.open(Environment(network=Network(), phases=(listed,), **settings)) as sandbox:
        if sandbox.name == "docker":
            await sandbox.allow(listed)
        print("up", flush=True)
        await asyncio.sleep(600)
asyncio.run(main())
"""


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with daemon() as connected:
        yield connected


@asynccontextmanager
async def doomed(*arguments: str) -> AsyncIterator[int]:
    """Have a process make a sandbox, and kill it in the end."""
    command = [sys.executable, "-c", VICTIM, *arguments]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE, cwd=ROOT)
    assert process.stdout is not None
    assert await process.stdout.readline() == b"up\n"
    yield process.pid
    process.kill()
    await process.wait()


@pytest.mark.docker
@pytest.mark.fault("F44", "F46")
@pytest.mark.parametrize("kind", ["one container", "a compose file"])
async def test_what_a_killed_run_left_is_removed_by_the_next_one_and_nothing_else(
    engine: Engine, kind: str, tmp_path: Path
) -> None:
    compose = tmp_path / "docker-compose.yaml"
    compose.write_text(f"services: {{main: {{image: '{IMAGE}', volumes: ['v:/v']}}}}\nvolumes: {{v: }}\n")
    async with doomed("docker", IMAGE, *([str(compose)] if kind == "a compose file" else [])) as pid:
        assert len(owned(pid)) >= 4
    async with DockerSandbox(engine, Environment(image=IMAGE, phases=(PUBLIC,))) as alive:
        before = owned(os.getpid())
        begun = time.monotonic()
        (await choose("docker")).close()
        print(f"reaped in {time.monotonic() - begun:.2f} s")  # noqa: T201 - a number to look at
        await until(lambda: owned(pid) == [])  # what a test beside this one is removing goes in its time
        assert owned(os.getpid()) == before
        assert (await alive.exec(["true"], timeout=10)).exit_code == 0
    assert [name for name in os.listdir(tempfile.gettempdir()) if f"-{pid}-" in name] == []  # noqa: PTH208 - a test


@pytest.mark.docker
@pytest.mark.usefixtures("engine")
async def test_clean_says_what_it_removed() -> None:
    async with doomed("docker", IMAGE) as pid:
        await clean()
        assert len(owned(pid)) >= 4
    lines = await clean()
    assert owned(pid) == []
    assert all(re.fullmatch(r"removed \d+ [a-z ]+", line) for line in lines)


async def test_the_folder_of_a_local_sandbox_that_was_killed_is_removed() -> None:
    pid = os.getpid()
    dead = Owner(owner.this_process().machine, 2**22 + 1, "1")
    prefix = owner.folder_prefix().replace(f"-{pid}-", f"-{dead.pid}-")
    with tempfile.TemporaryDirectory(prefix=owner.folder_prefix()) as alive:
        abandoned = Path(tempfile.mkdtemp(prefix=prefix))
        assert "removed 1 folder of a local sandbox" in await clean()
        here = os.listdir(tempfile.gettempdir())  # noqa: PTH208 - a test
    assert abandoned.name not in here
    assert Path(alive).name in here


class CountingEngine(Engine):
    """Notes what is called."""

    called: ClassVar[list[str]] = []

    async def call(self, function: Callable[..., Any], *args: Any, within: float = 60, **kwargs: Any) -> Any:  # noqa: ANN401 - as it is
        self.called.append(function.__name__)
        return await super().call(function, *args, within=within, **kwargs)


@pytest.mark.docker
async def test_when_nothing_is_there_three_calls_say_so() -> None:
    async with daemon():
        await clean()
    counting = await CountingEngine.connect()
    await reap(counting)
    counting.close()
    assert counting.called == ["containers", "networks", "volumes"]


def test_a_process_is_told_from_a_later_one_with_its_number() -> None:
    here = owner.this_process()
    with subprocess.Popen(["sleep", "60"]) as process:
        sleeper = owner.read(f"{here.machine}:{process.pid}:{owner.beginning(process.pid)}")
        assert sleeper is not None
        assert sleeper.is_alive
        assert not sleeper._replace(began="1").is_alive
        process.send_signal(signal.SIGKILL)
    assert not sleeper.is_alive


@pytest.mark.parametrize(
    ("label", "lease", "abandoned"),
    [
        ("{here}", "0", False),
        ("{dead}", "9999999999", True),
        ("elsewhere:1:1", "9999999999", False),
        ("elsewhere:1:1", "1", True),
        ("elsewhere:1:1", "", False),
        ("elsewhere:1:1", "soon", False),
        ("image", "1", False),
        ("vm:123", "1", False),
        ("", "", False),
    ],
)
def test_only_what_is_ours_and_has_no_living_owner_is_abandoned(label: str, lease: str, *, abandoned: bool) -> None:
    here = owner.this_process()
    text = label.format(here=here, dead=here._replace(pid=2**22 + 1))
    assert owner.is_abandoned({OWNER_LABEL: text, LEASE_LABEL: lease}, time.time()) == abandoned
    assert not owner.is_abandoned({"other": "1"}, time.time())
