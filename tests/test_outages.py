"""Sandboxes and daemons that go away under a trial, which is tried again: pytest tests/test_outages.py."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import os
import re
import signal
import subprocess
import time
from typing import TYPE_CHECKING, Any

import pytest

from evals.experiment import Experiment
from evals.harbor import load
from evals.job import Job
from evals.job_config import JobConfig
from evals.result import Cause, Outcome
from evals.task import Task
from evals.trial import Plan
from sandbox.base import Environment, SandboxError
from sandbox.container import Container
from sandbox.docker import DockerSandbox
from sandbox.engine import Engine
from tests.child import Child, adopt_orphans, command_line, descendants, owned, running
from tests.conftest import daemon, own_containers
from tests.fakes import GRADE_HELLO, SOLVED, make_task, reply, until
from tests.scripted_server import CUT, HTML, RESET, ScriptedServer, status
from tests.test_engine import Relay, relay
from tests.test_network import mine
from tests.test_trial import scripted

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

    from evals.sandboxes import Sandboxes
    from tests.scripted_server import Fault

__all__ = ["relay"]  # a fixture

pytestmark = pytest.mark.filterwarnings("ignore::ResourceWarning")  # as in `tests.test_engine`

SLOW = GRADE_HELLO.replace("#!/bin/sh\n", "#!/bin/sh\ntouch /app/tests-run\nsleep 2.125\n")
"""Tests that last long enough to be seen."""


def job(folder: Path, open_sandbox: Callable[[Environment], Any], *replies: str, kind: str, test: str) -> Experiment:
    """Lay out two trials of one task, of which each may be tried twice."""
    tasks = [task for task in load(make_task(folder / "tasks" / "hello", test=test)) if isinstance(task, Task)]
    config = JobConfig(sandbox=kind, attempts=2, concurrency=1, retries=1)
    return Experiment([Job(config, tasks, Plan(open_sandbox, scripted(*replies)), folder / "job")])


def tries(folder: Path) -> list[tuple[str, str | None]]:
    """Return outcome and cause of the first trial's tries that were set aside."""
    found = [
        json.loads(path.read_text()) for path in sorted((folder / "job" / "hello" / "1").glob("try-*/result.json"))
    ]
    return [(result["outcome"], result["cause"]) for result in found]


async def killed_while_tests_run(kind: str) -> None:
    """Wait for the tests of a trial, and kill its sandbox from outside."""
    if kind == "local":
        await until(lambda: running("sleep 2.125"))
        for process in descendants():
            if "local_init" in command_line(process):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(process, signal.SIGKILL)
        return
    engine = await Engine.connect()
    while True:
        for container in await own_containers(engine):
            with contextlib.suppress(SandboxError):  # one that runs beside another is gone at any moment
                found = await Container(engine, container).exec(["test", "-e", "/app/tests-run"], timeout=5)
                if found.exit_code == 0:
                    await engine.call(engine.api.kill, container)
                    engine.close()
                    return


@pytest.mark.fault("F42")
async def test_a_sandbox_that_is_killed_while_tests_run_is_tried_again(sandboxes: Sandboxes, tmp_path: Path) -> None:
    adopt_orphans()
    killing = asyncio.create_task(killed_while_tests_run(sandboxes.kind))
    results = await job(tmp_path, sandboxes.open, *SOLVED, kind=sandboxes.kind, test=SLOW).run()
    await killing
    assert [(result.outcome, result.tries) for result in results] == [(Outcome.PASSED, 2), (Outcome.PASSED, 1)]
    assert tries(tmp_path) == [("invalid", "sandbox_died")]


class Impatient(Engine):
    """Waits for no answer as long as the product does, so that a test need not."""

    async def call(self, function: Callable[..., Any], *args: Any, within: float = 60, **kwargs: Any) -> Any:  # noqa: ANN401 - as it is
        return await super().call(function, *args, within=min(within, 2), **kwargs)


OUTAGES: dict[str, Callable[[Relay], Awaitable[None]]] = {"gone": Relay.cut, "silent": Relay.hang}


@pytest.mark.docker
@pytest.mark.fault("F39", "F40")
@pytest.mark.parametrize("outage", OUTAGES)
async def test_a_trial_whose_daemon_is_lost_is_tried_again_when_it_is_back(
    relay: Relay, tmp_path: Path, outage: str
) -> None:
    engine = await Impatient.connect()
    replies = (reply("sleep 1\n"), *SOLVED)
    tried = job(tmp_path, lambda environment: DockerSandbox(engine, environment), *replies, kind="docker", test=SLOW)
    ended = asyncio.Event()
    tried.jobs[0].on_event = lambda event: ended.set() if event["type"] == "trial_ended" else None

    async def lose_it() -> None:
        await until(lambda: any(trial.phase == "agent" for trial in tried.jobs[0].running))
        await OUTAGES[outage](relay)
        await ended.wait()
        await relay.cut()
        await relay.open()

    begun = time.monotonic()
    losing = asyncio.create_task(lose_it())
    results = await tried.run()
    await losing
    assert [(result.outcome, result.tries) for result in results] == [(Outcome.PASSED, 2), (Outcome.PASSED, 1)]
    assert tries(tmp_path) == [("invalid", "sandbox_died")]
    assert time.monotonic() - begun < 60
    for left in await own_containers(engine):  # what could not be removed while nobody answered
        await engine.call(engine.api.remove_container, left, force=True, v=True)
    engine.close()


class Scarce(Engine):
    """Has addresses for two networks more; real engines have them for about thirty."""

    room = 2

    async def call(self, function: Callable[..., Any], *args: Any, within: float = 60, **kwargs: Any) -> Any:  # noqa: ANN401 - as it is
        name = function.__name__
        if name == "create_network" and not self.room:
            raise SandboxError("docker create_network: could not find an available, non-overlapping IPv4 address pool")
        self.room += {"create_network": -1, "remove_network": 1}.get(name, 0)
        return await super().call(function, *args, within=within, **kwargs)


@pytest.mark.docker
@pytest.mark.fault("F43")
async def test_where_networks_run_out_trials_are_tried_again_and_others_go_on(tmp_path: Path) -> None:
    async with daemon():
        engine = await Scarce.connect()
    toml = '[environment]\nnetwork_mode = "allowlist"\nallowed_hosts = ["example.org"]\n'
    (task,) = load(make_task(tmp_path / "hello", toml=toml))
    assert isinstance(task, Task)
    plan = Plan(lambda environment: DockerSandbox(engine, environment), scripted(*SOLVED))
    config = JobConfig(sandbox="docker", attempts=3, concurrency=3, retries=1)
    results = await Experiment([Job(config, [task], plan, tmp_path / "job")]).run()
    engine.close()
    async with daemon() as another:
        assert await mine(another) == []
    invalid = [result for result in results if result.outcome is not Outcome.PASSED]
    assert len(invalid) < 3
    assert {(result.cause, result.tries) for result in invalid} <= {(Cause.SANDBOX_START_FAILED, 2)}
    assert any(result.tries > 1 for result in results)


class Shaky(ScriptedServer):
    """Fails every other request, each time in another way."""

    def __init__(self, recording: Sequence[str]) -> None:
        super().__init__(recording)
        self._ways = itertools.cycle((status(503), None, RESET, None, CUT, None, HTML, None, status(429), None))

    def next_fault(self) -> Fault | None:
        return next(self._ways)


def conversation(server: ScriptedServer, folder: Path, kind: str, *, killed: bool) -> list[str]:
    """Run one trial, whose sandbox may be killed in the middle; return what the model was sent last, but for times."""
    command = ("run", "tasks", "-m", "openai/x", "--api-base", server.url, "--sandbox", kind, "-o", folder / "job")
    child = Child(folder, *command)
    if killed:
        child.until(lambda: server.served)
        child.until(lambda: kill_sandbox(kind, child.process.pid))
    assert child.wait() == 0, child.output
    said = max((request.messages for request in server.requests[-2:]), key=len)
    return [re.sub(r"\d+\.\d+ s|root@\w+", "", str(message)) for message in said]


def kill_sandbox(kind: str, pid: int) -> bool:
    """Kill the sandbox of a command from outside; false when it has none yet."""
    if kind == "docker":
        found = [name.split()[1] for name in owned(pid) if name.startswith("container")]
        return subprocess.run(["docker", "kill", *found[:1]], capture_output=True, check=False).returncode == 0
    first = [process for process in descendants() if "local_init" in command_line(process)]
    for process in first:
        with contextlib.suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)
    return bool(first)


@pytest.mark.long
@pytest.mark.fault("F70")
async def test_a_model_sees_the_same_whatever_broke_on_the_way(sandboxes: Sandboxes, tmp_path: Path) -> None:
    make_task(tmp_path / "tasks" / "hello")
    replies = [reply("echo hello > out\n"), reply("sleep 1; cat out\n", "wc out\n"), *SOLVED[1:]]
    seen, tried = [], []
    servers = {"calm": ScriptedServer(replies), "same": ScriptedServer(replies), "shaky": Shaky(replies)}
    for name, server in servers.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "tasks").symlink_to(tmp_path / "tasks")
        with server:
            said = await asyncio.to_thread(
                conversation, server, tmp_path / name, sandboxes.kind, killed=name == "shaky"
            )
        seen.append(said)
        tried.append(json.loads((tmp_path / name / "job" / "hello" / "1" / "result.json").read_text())["tries"])
    assert tried == [1, 1, 2]
    assert seen[0] == seen[1] == seen[2]
    assert len(seen[0]) == 8
