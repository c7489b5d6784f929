"""Tests that are typed into the agent's own terminal, whatever it left in front: pytest tests/test_same_shell.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.base import StopReason
from agent.oracle import NopAgent
from evals.result import Cause, Outcome, TrialResult
from evals.task import Leftovers, Task, Verifier
from evals.trial import Plan, Trial
from sandbox.terminal import TerminalLost
from tests.fakes import make_task
from tests.test_trial import one

if TYPE_CHECKING:
    from pathlib import Path

    from evals.sandboxes import Sandboxes
    from sandbox.terminal import Terminal

TEST = '#!/bin/bash\n[ "$WORD" = spoken ] && reward=1; echo ${reward:-0} > /logs/verifier/reward.txt\n'
DEAF = "sh -c \"trap '' INT TSTP QUIT TERM; while :; do sleep 1; done\"\n"


class Typist(NopAgent):
    """Types, and says that it is done."""

    def __init__(self, *keystrokes: str) -> None:
        super().__init__()
        self._keystrokes = keystrokes

    async def run(self, instruction: str, terminal: Terminal) -> StopReason:
        for keys in self._keystrokes:
            try:
                await terminal.type(keys, 1.5)
            except TerminalLost:
                return StopReason.TERMINAL_LOST
        return await super().run(instruction, terminal)


@pytest.fixture
def task(tmp_path: Path) -> Task:
    read = one(make_task(tmp_path / "hello", test=TEST))
    (step,) = read.steps
    verifier: Verifier = step.verifier.model_copy(update={"same_shell": True, "timeout": 8.0})
    return read.model_copy(update={"steps": (step.model_copy(update={"verifier": verifier}),)})


async def run(
    sandboxes: Sandboxes, task: Task, folder: Path, *keystrokes: str, leftovers: Leftovers = Leftovers.SHARED
) -> TrialResult:
    plan = Plan(sandboxes.open, lambda *_: Typist("export WORD=spoken\n", *keystrokes), leftovers=leftovers)
    return await Trial(task, 1, folder, plan).run()


@pytest.mark.parametrize(
    "keystrokes",
    [
        ("cat\n",),
        ("sleep 60\n",),
        ("while :; do sleep 1; done\n",),
        ("echo 'not closed\n",),
        ("cat <<END\nnot ended\n",),
        ("echo not sent",),
        ("sh -c \"trap '' INT; cat; cat\"\n",),
        ("sh -c \"trap '' INT; while :; do sleep 1; done\"\n",),
    ],
    ids=lambda keystrokes: keystrokes[0].strip()[:30],
)
async def test_a_program_that_was_left_in_front_gives_the_shell_back(
    sandboxes: Sandboxes, task: Task, tmp_path: Path, keystrokes: tuple[str, ...]
) -> None:
    result = await run(sandboxes, task, tmp_path / "1", *keystrokes)
    assert (result.outcome, result.message) == (Outcome.PASSED, None)


@pytest.mark.parametrize(
    "keystrokes",
    [(DEAF,), ("exit\n", DEAF), ("exit\n", "exit\n"), ("exit\n", "exec sleep 2\n")],
    ids=["deaf", "deaf after a restart", "lost", "lost when it is typed"],
)
async def test_a_shell_that_does_not_come_back_is_the_agents_doing(
    sandboxes: Sandboxes, task: Task, tmp_path: Path, keystrokes: tuple[str, ...]
) -> None:
    result = await run(sandboxes, task, tmp_path / "1", *keystrokes)
    assert (result.outcome, result.cause) == (Outcome.FAILED, Cause.ENVIRONMENT_BROKEN), result.message


async def test_tests_that_hang_there_have_no_verdict(sandboxes: Sandboxes, task: Task, tmp_path: Path) -> None:
    (task.path / "tests" / "test.sh").write_text("#!/bin/bash\necho begun\nsleep 60\n")
    result = await run(sandboxes, task, tmp_path / "1", "cat\n")
    assert (result.outcome, result.cause) == (Outcome.INVALID, Cause.VERIFIER_TIMEOUT), result.message


async def test_what_is_not_ended_for_the_shells_sake_is_not_said_to_be(
    sandboxes: Sandboxes, task: Task, tmp_path: Path
) -> None:
    result = await run(sandboxes, task, tmp_path / "1", leftovers=Leftovers.RESTARTED)
    assert result.outcome is Outcome.PASSED
    assert "what agents leave running: restarted" not in result.notes
    said = "nothing that the agent left running was ended, as the task wants its tests in the agent's own shell"
    assert said in result.notes
