"""Trials from an empty sandbox to an outcome: pytest tests/test_trial.py."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from agent.base import StopReason
from agent.loop import TerminalAgent
from agent.model import ProviderRateLimited, ProviderRejected, ProviderUnavailable
from agent.oracle import NopAgent, OracleAgent
from agent.scripted import ScriptedModel
from evals.harbor import load
from evals.result import Cause, Outcome, TrialResult
from evals.task import Task
from evals.trial import Plan, Trial
from sandbox.base import SandboxDied
from tests.fakes import GRADE_HELLO, SOLVED, RaisingAgent, SleepingAgent, make_task, reply
from tests.test_loop import FailingModel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agent.base import Agent
    from evals.sandboxes import Sandboxes
    from sandbox.terminal import Terminal


def one(folder: Path) -> Task:
    (task,) = load(folder)
    assert isinstance(task, Task), task
    return task


class Bench:
    """Runs one task with one agent."""

    def __init__(self, sandboxes: Sandboxes, folder: Path) -> None:
        self.sandboxes = sandboxes
        self.folder = folder

    def trial(self, task: Path, agent: Callable[[Task, Path], Agent]) -> Trial:
        return Trial(one(task), 1, self.folder / "1", Plan(self.sandboxes.open, agent))

    async def run(self, task: Path, agent: Callable[[Task, Path], Agent]) -> TrialResult:
        result = await self.trial(task, agent).run()
        assert TrialResult.model_validate_json((self.folder / "1" / "result.json").read_bytes()) == result
        return result


def scripted(*replies: str) -> Callable[[Task, Path], Agent]:
    return lambda _, journal: TerminalAgent(ScriptedModel(replies), journal=journal)


@pytest.fixture
def bench(sandboxes: Sandboxes, tmp_path: Path) -> Bench:
    return Bench(sandboxes, tmp_path / "job")


async def test_a_solved_task_passes_and_its_files_tell_how(bench: Bench, tmp_path: Path) -> None:
    result = await bench.run(make_task(tmp_path / "hello"), scripted(*SOLVED))
    assert (result.outcome, result.cause, result.reward) == (Outcome.PASSED, None, 1.0)
    assert (result.stop_reason, result.turns, result.sandbox) == ("completed", 3, bench.sandboxes.kind)
    assert list(result.timing) == ["set_up", "agent", "artifacts", "verification", "tear_down"]
    folder = bench.folder / "1"
    names = {path.name for path in folder.iterdir()}
    assert names == {"journal.jsonl", "trajectory.json", "terminal.cast", "verifier", "result.json"}
    assert (folder / "verifier" / "reward.txt").read_text() == "1\n"
    assert json.loads((folder / "result.json").read_text())["outcome"] == "passed"


async def test_the_oracle_passes_and_doing_nothing_fails(bench: Bench, tmp_path: Path) -> None:
    task = make_task(tmp_path / "hello")
    assert (await bench.run(task, lambda task, _: OracleAgent(task.path / "solution"))).outcome is Outcome.PASSED
    bench.folder = tmp_path / "second"
    result = await bench.run(task, lambda *_: NopAgent())
    assert (result.outcome, result.cause, result.reward) == (Outcome.FAILED, None, 0.0)


@pytest.mark.fault("F56")
async def test_what_the_agent_put_where_rewards_and_tests_go_does_not_count(bench: Bench, tmp_path: Path) -> None:
    cheat = reply("mkdir -p /tests; echo 1 | tee /logs/verifier/reward.txt /logs/verifier/reward.json /tests/test.sh\n")
    result = await bench.run(make_task(tmp_path / "hello"), scripted(cheat, reply(done=True), reply(done=True)))
    assert result.outcome is Outcome.FAILED


@pytest.mark.parametrize(
    ("test", "cause", "says"),
    [
        ("#!/bin/sh\nexit 0\n", Cause.VERIFIER_NO_RESULT, "neither reward.json nor reward.txt"),
        ("#!/bin/sh\necho maybe > /logs/verifier/reward.txt\n", Cause.VERIFIER_NO_RESULT, "'maybe' is not a number"),
        ("#!/bin/sh\nsleep 60\n", Cause.VERIFIER_TIMEOUT, "not done within 1 s"),
    ],
)
@pytest.mark.fault("F53")
async def test_a_verifier_without_a_result_is_invalid(
    bench: Bench, tmp_path: Path, test: str, cause: Cause, says: str
) -> None:
    toml = '[environment]\nnetwork_mode = "no-network"\n[verifier]\ntimeout_sec = 1\n'
    result = await bench.run(make_task(tmp_path / "hello", test=test, toml=toml), lambda *_: NopAgent())
    assert (result.outcome, result.cause, result.reward) == (Outcome.INVALID, cause, None)
    assert says in (result.message or "")


@pytest.mark.fault("F43")
async def test_an_environment_that_does_not_build_is_invalid(bench: Bench, tmp_path: Path) -> None:
    task = make_task(tmp_path / "hello", dockerfile="FROM debian:bookworm-slim\nRUN echo before; exit 3\n")
    result = await bench.run(task, lambda *_: NopAgent())
    assert (result.outcome, result.cause) == (Outcome.INVALID, Cause.IMAGE_BUILD_FAILED)
    assert "exit 3" in (result.message or "")


async def test_a_dockerfile_that_is_refused_is_invalid(bench: Bench, tmp_path: Path) -> None:
    task = make_task(tmp_path / "hello", dockerfile="FROM debian:bookworm-slim\nNONSENSE x\n")
    result = await bench.run(task, lambda *_: NopAgent())
    assert (result.outcome, result.cause) == (Outcome.INVALID, Cause.IMAGE_BUILD_FAILED)
    assert "NONSENSE" in (result.message or "").upper()


async def test_an_agent_that_does_not_stop_is_stopped_and_judged(bench: Bench, tmp_path: Path) -> None:
    toml = '[environment]\nnetwork_mode = "no-network"\n[agent]\ntimeout_sec = 2\n'
    result = await bench.run(make_task(tmp_path / "hello", toml=toml), lambda *_: SleepingAgent())
    assert (result.outcome, result.stop_reason) == (Outcome.PASSED, "deadline")
    bench.folder = tmp_path / "second"
    task = make_task(tmp_path / "strict", toml=toml, test=GRADE_HELLO.replace("hello", "bye"))
    result = await bench.run(task, lambda *_: SleepingAgent())
    assert (result.outcome, result.cause) == (Outcome.FAILED, Cause.DEADLINE)


async def test_a_bug_in_the_agent_is_an_invalid_trial(bench: Bench, tmp_path: Path) -> None:
    result = await bench.run(make_task(tmp_path / "hello"), lambda *_: RaisingAgent())
    assert (result.outcome, result.cause) == (Outcome.INVALID, Cause.HARNESS_ERROR)
    assert result.message == "ZeroDivisionError: a bug in the agent"


async def test_no_secret_is_in_the_message_of_a_trial(
    monkeypatch: pytest.MonkeyPatch, bench: Bench, tmp_path: Path
) -> None:
    monkeypatch.setenv("CANARY_API_KEY", "canary-0123456789")

    def agent(*_: object) -> Agent:
        raise RuntimeError("cannot make it with canary-0123456789")

    result = await bench.run(make_task(tmp_path / "hello"), agent)
    assert result.message == "RuntimeError: cannot make it with [CANARY_API_KEY]"


@pytest.mark.parametrize(
    ("error", "cause"),
    [
        (ProviderRateLimited("slow down"), Cause.PROVIDER_RATE_LIMITED),
        (ProviderUnavailable("gone"), Cause.PROVIDER_UNAVAILABLE),
        (ProviderRejected("no key"), Cause.PROVIDER_REJECTED),
    ],
)
async def test_a_provider_that_fails_is_not_the_models_failure(
    bench: Bench, tmp_path: Path, error: Exception, cause: Cause
) -> None:
    result = await bench.run(make_task(tmp_path / "hello"), lambda *_: TerminalAgent(FailingModel(error)))
    assert (result.outcome, result.cause, result.stop_reason) == (Outcome.INVALID, cause, "provider_failed")
    assert result.message == str(error)


class PatientAgent(SleepingAgent):
    """Waits for its provider for longer than its task lasts, then works."""

    async def run(self, instruction: str, terminal: Terminal) -> StopReason:
        self.trajectory.wait(3.0)
        await asyncio.sleep(3.0)
        self.trajectory.prompt("user", instruction)
        await terminal.type("echo hello > out\n", 5)
        return StopReason.COMPLETED


@pytest.mark.fault("F01")
async def test_waiting_for_a_provider_is_not_the_agents_time(bench: Bench, tmp_path: Path) -> None:
    toml = '[environment]\nnetwork_mode = "no-network"\n[agent]\ntimeout_sec = 2\n'
    result = await bench.run(make_task(tmp_path / "hello", toml=toml), lambda *_: PatientAgent())
    assert (result.outcome, result.stop_reason, result.waited) == (Outcome.PASSED, "completed", 3.0)


async def test_too_much_output_of_the_tests_does_not_lose_the_reward(bench: Bench, tmp_path: Path) -> None:
    test = GRADE_HELLO + "head -c 30000000 /dev/zero\n"
    result = await bench.run(make_task(tmp_path / "hello", test=test), scripted(*SOLVED))
    assert result.outcome is Outcome.PASSED
    assert (bench.folder / "1" / "verifier" / "reward.txt").is_file()


async def test_a_variable_that_only_the_tests_need_is_missed_before_the_agent_works(
    bench: Bench, tmp_path: Path
) -> None:
    toml = '[verifier.env]\nTOKEN = "${TERMSTONE_NO_SUCH_VARIABLE}"\n'
    result = await bench.run(make_task(tmp_path / "hello", toml=toml), scripted(*SOLVED))
    assert (result.cause, result.turns) == (Cause.TASK_BROKEN, 0)


async def test_a_lost_terminal_is_judged_all_the_same(bench: Bench, tmp_path: Path) -> None:
    result = await bench.run(
        make_task(tmp_path / "hello"), scripted(reply("echo hello > out; exit\n"), reply("exit\n"))
    )
    assert (result.outcome, result.stop_reason) == (Outcome.PASSED, "terminal_lost")


async def test_a_sandbox_that_dies_under_the_agent_is_invalid(bench: Bench, tmp_path: Path) -> None:
    class KillingAgent(SleepingAgent):
        async def run(self, instruction: str, terminal: Terminal) -> StopReason:
            self.trajectory.prompt("user", instruction)
            await terminal.sandbox.__aexit__(None, None, None)
            raise SandboxDied("gone")

    result = await bench.run(make_task(tmp_path / "hello"), lambda *_: KillingAgent())
    assert (result.outcome, result.cause) == (Outcome.INVALID, Cause.SANDBOX_DIED)


async def test_a_cancelled_trial_leaves_a_result_and_nothing_running(bench: Bench, tmp_path: Path) -> None:
    agent = SleepingAgent()
    trial = bench.trial(make_task(tmp_path / "hello"), lambda *_: agent)
    running = asyncio.create_task(trial.run())
    await agent.asleep.wait()
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert trial.result is not None
    assert (trial.result.outcome, trial.result.cause) == (Outcome.INVALID, Cause.CANCELLED)
    assert (bench.folder / "1" / "result.json").is_file()
    assert trial.result.timing["tear_down"] < 5


async def test_a_secret_that_a_task_needs_and_nobody_set_is_named(bench: Bench, tmp_path: Path) -> None:
    toml = '[environment.env]\nTOKEN = "${TERMSTONE_NO_SUCH_VARIABLE}"\n'
    result = await bench.run(make_task(tmp_path / "hello", toml=toml), lambda *_: NopAgent())
    assert (result.outcome, result.cause) == (Outcome.INVALID, Cause.TASK_BROKEN)
    assert "TERMSTONE_NO_SUCH_VARIABLE" in (result.message or "")
