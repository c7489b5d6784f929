"""Steps that are graded several times, with an agent that sees what the tests said: pytest tests/test_turns.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.oracle import NopAgent
from evals.result import Cause, Outcome, TrialResult
from evals.task import Task
from evals.terminal_bench import load
from evals.trial import Plan, Trial
from sandbox.base import SandboxDied
from tests.fakes import make_task as make_harbor_task
from tests.test_terminal_bench import make_task
from tests.test_trial import one

if TYPE_CHECKING:
    from pathlib import Path

    from agent.base import StopReason
    from evals.sandboxes import Sandboxes
    from sandbox.terminal import Terminal

SETS = "parser_name: long_cli\nparser_results_f2p: pytest\nparser_results_p2p: pytest\n"
RUN = """#!/bin/bash
[ -e /app/broken ] && { echo "cannot import $(cat /app/broken)"; exit 1; }
[ -e /app/talkative ] && echo "two sets are next"
mkdir -p /app/test_output && cd /app/test_output || exit
for set in f2p p2p; do
  [ -e /app/$set ] && status=PASSED || status=FAILED
  echo "=== short test summary info ===" >${set}_output.txt
  echo "$status t.py::test_of_$set" >>${set}_output.txt
done
"""


class Worker:
    """Runs a script for each turn, and keeps what it was told."""

    def __init__(self, *scripts: str) -> None:
        self.told: list[str] = []
        self._scripts = list(scripts)

    def agent(self, *_: object) -> NopAgent:
        return _Turn(self.told, self._scripts.pop(0))


class _Turn(NopAgent):
    def __init__(self, told: list[str], script: str) -> None:
        super().__init__()
        self._told = told
        self._script = script

    async def run(self, instruction: str, terminal: Terminal) -> StopReason:
        self._told.append(instruction)
        done = await terminal.sandbox.exec(["sh", "-c", self._script], timeout=30)
        assert done.exit_code == 0, done.output
        return await super().run(instruction, terminal)


def long_cli(folder: Path) -> Task:
    make_task(folder, yaml=SETS)
    (folder / "run-tests.sh").write_text(RUN)
    (task,) = load(folder)
    assert isinstance(task, Task), task
    return task


async def run(sandboxes: Sandboxes, task: Task, folder: Path, worker: Worker, turns: int = 2) -> TrialResult:
    return await Trial(task, 1, folder, Plan(sandboxes.open, worker.agent, turns)).run()


async def test_both_files_of_the_graded_sets_are_shown_to_the_next_turn(sandboxes: Sandboxes, tmp_path: Path) -> None:
    worker = Worker("touch /app/p2p", "touch /app/f2p /app/talkative", "true")
    result = await run(sandboxes, long_cli(tmp_path / "hello"), tmp_path / "1", worker, turns=3)
    assert [step.reward for step in result.steps] == [0.0, 1.0, 1.0]
    assert (result.resolved_turn1, result.resolved_any_turn, result.outcome) == (False, True, Outcome.PASSED)
    second, third = worker.told[1:]
    assert "/app/test_output/f2p_output.txt:\n\n=== short test summary info ===\nFAILED t.py::test_of_f2p" in second
    assert "/app/test_output/p2p_output.txt:\n\n=== short test summary info ===\nPASSED t.py::test_of_p2p" in second
    assert "They printed" not in second
    assert third.index("PASSED t.py::test_of_p2p") < third.index("They printed:\n\ntwo sets are next")


async def test_tests_that_crashed_on_the_agents_work_do_not_end_the_turns(sandboxes: Sandboxes, tmp_path: Path) -> None:
    worker = Worker("echo parser > /app/broken", "rm /app/broken; touch /app/f2p /app/p2p")
    result = await run(sandboxes, long_cli(tmp_path / "hello"), tmp_path / "1", worker)
    first, second = result.steps
    assert first.rewards == dict.fromkeys(("f2p_is_pass", "f2p_step_score", "p2p_is_pass", "p2p_step_score"), -1.0) | {
        "reward": 0.0
    }
    assert (second.reward, result.outcome, result.reward) == (1.0, Outcome.PASSED, 1.0)
    assert (result.resolved_turn1, result.resolved_any_turn) == (False, True)
    assert "They printed:\n\ncannot import parser" in worker.told[1]
    assert any(note.startswith("turn 1 has no verdict: f2p: the tests did not write") for note in result.notes)


async def test_tests_that_crash_in_the_last_turn_leave_no_verdict(sandboxes: Sandboxes, tmp_path: Path) -> None:
    worker = Worker("true", "echo parser > /app/broken")
    result = await run(sandboxes, long_cli(tmp_path / "hello"), tmp_path / "1", worker)
    assert (result.outcome, result.cause, len(worker.told)) == (Outcome.INVALID, Cause.VERIFIER_NO_RESULT, 2)


@pytest.mark.parametrize(
    ("crash", "told"),
    [("echo crashed; exit 1", "crashed"), ("echo waiting; sleep 60", "the tests were not done within 3 s")],
)
async def test_the_same_holds_in_harbors_format(sandboxes: Sandboxes, tmp_path: Path, crash: str, told: str) -> None:
    test = f"#!/bin/sh\nif [ -e /app/bad ]; then {crash}; fi\necho 1 > /logs/verifier/reward.txt\n"
    toml = '[environment]\nnetwork_mode = "no-network"\n[verifier]\ntimeout_sec = 3\n'
    task = one(make_harbor_task(tmp_path / "hello", test=test, toml=toml))
    worker = Worker("touch /app/bad", "rm /app/bad")
    result = await run(sandboxes, task, tmp_path / "1", worker)
    assert [(step.reward, step.rewards) for step in result.steps] == [(None, {}), (1.0, {"reward": 1.0})]
    assert (result.outcome, result.resolved_turn1) == (Outcome.PASSED, False)
    assert told in worker.told[1]


class Dying(Worker):
    """Has its sandbox die under the tests."""

    def agent(self, *_: object) -> NopAgent:
        told = self.told

        class Last(NopAgent):
            async def run(self, instruction: str, terminal: Terminal) -> StopReason:
                told.append(instruction)
                await terminal.sandbox.__aexit__(None, None, None)
                raise SandboxDied("gone")

        return Last()


async def test_no_turn_follows_a_sandbox_that_died_or_an_environment_that_is_broken(
    sandboxes: Sandboxes, tmp_path: Path
) -> None:
    task = one(make_harbor_task(tmp_path / "hello"))
    dead = Dying()
    result = await run(sandboxes, task, tmp_path / "1", dead)
    assert (result.outcome, result.cause, len(dead.told)) == (Outcome.INVALID, Cause.SANDBOX_DIED, 1)
    broken = Worker("rm -f /bin/sh")
    result = await run(sandboxes, task, tmp_path / "2", broken)
    assert (result.outcome, result.cause, len(broken.told)) == (Outcome.FAILED, Cause.ENVIRONMENT_BROKEN, 1)
