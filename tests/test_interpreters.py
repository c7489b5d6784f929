"""What runs tests and solutions, and what becomes of a trial without it: pytest tests/test_interpreters.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.oracle import OracleAgent
from evals.result import Cause, Outcome, TrialResult
from evals.task import Leftovers, Task
from evals.terminal_bench import load
from evals.trial import Plan, Trial
from sandbox.interpreter import command
from tests.fakes import make_task
from tests.test_integrity import ShellAgent
from tests.test_terminal_bench import make_task as make_terminal_bench_task
from tests.test_trial import one

if TYPE_CHECKING:
    from pathlib import Path

    from evals.sandboxes import Sandboxes

BASHISM = 'set -euo pipefail\n[[ "$BASH" == */bash ]]\n'
GRADE = "[ -e /app/out ] && reward=1; echo ${reward:-0} > /logs/verifier/reward.txt\n"
BASH, SH, PYTHON, ENV = "#!/bin/bash\n", "#!/bin/sh\n", "#!/usr/bin/python3\n", "#!/usr/bin/env bash\n"
GONE = "for d in /bin /usr/bin; do rm -f $d/bash; done"


async def run(
    sandboxes: Sandboxes, task: Task, folder: Path, script: str, leftovers: Leftovers = Leftovers.SHARED
) -> TrialResult:
    plan = Plan(sandboxes.open, lambda *_: ShellAgent(script), leftovers=leftovers)
    return await Trial(task, 1, folder, plan).run()


async def test_scripts_without_a_first_line_are_run_by_bash_as_in_harbor(sandboxes: Sandboxes, tmp_path: Path) -> None:
    task = one(make_task(tmp_path / "hello", test=BASHISM + GRADE, solve=BASHISM + "touch /app/out\n"))
    plan = Plan(sandboxes.open, lambda *_: OracleAgent(task.steps[0].solution.script.parent))  # type: ignore[union-attr]
    result = await Trial(task, 1, tmp_path / "1", plan).run()
    assert (result.outcome, result.message) == (Outcome.PASSED, None)


async def test_line_ends_of_windows_are_named(sandboxes: Sandboxes, tmp_path: Path) -> None:
    task = one(make_task(tmp_path / "hello", test="#!/bin/bash\r\necho 1 > /logs/verifier/reward.txt\r\n"))
    result = await run(sandboxes, task, tmp_path / "1", "true")
    assert (result.outcome, result.cause) == (Outcome.INVALID, Cause.VERIFIER_NO_RESULT)
    assert "test.sh has the line ends of Windows (CRLF)" in (result.message or "")
    oracle = OracleAgent(make_task(tmp_path / "other", solve="#!/bin/bash\r\necho hello\r\n") / "solution")
    await Trial(task, 1, tmp_path / "2", Plan(sandboxes.open, lambda *_: oracle)).run()
    assert "solve.sh has the line ends of Windows (CRLF)" in str(oracle.trajectory.steps[-1].message)


@pytest.mark.parametrize(
    ("first", "leftovers", "script"),
    [
        (BASH, Leftovers.SHARED, GONE),
        (ENV, Leftovers.SHARED, GONE),
        ("set -o pipefail\n", Leftovers.SHARED, GONE),
        (BASH, Leftovers.RESTARTED, GONE),
        (BASH, Leftovers.SHARED, "chmod 644 $(readlink -f /bin/bash)"),
    ],
)
async def test_an_interpreter_that_the_agent_removed_is_its_doing(
    sandboxes: Sandboxes, tmp_path: Path, first: str, leftovers: Leftovers, script: str
) -> None:
    task = one(make_task(tmp_path / "hello", test=first + GRADE))
    result = await run(sandboxes, task, tmp_path / "1", f"touch /app/out; {script}", leftovers)
    assert (result.outcome, result.cause) == (Outcome.FAILED, Cause.ENVIRONMENT_BROKEN), result.message
    assert "bash" in (result.message or "")


async def test_so_it_is_in_terminal_benchs_format(sandboxes: Sandboxes, tmp_path: Path) -> None:
    (task,) = load(make_terminal_bench_task(tmp_path / "hello"))
    assert isinstance(task, Task), task
    result = await run(sandboxes, task, tmp_path / "1", GONE)
    assert (result.outcome, result.cause) == (Outcome.FAILED, Cause.ENVIRONMENT_BROKEN), result.message


@pytest.mark.fault("F53")
@pytest.mark.parametrize("test", ["#!/no/such/shell\n", f"{SH}no-such-command\n", f"{BASH}exit 127\n"])
async def test_what_was_never_there_is_not(sandboxes: Sandboxes, tmp_path: Path, test: str) -> None:
    task = one(make_task(tmp_path / "hello", test=test))
    result = await run(sandboxes, task, tmp_path / "1", "true")
    assert (result.outcome, result.cause) == (Outcome.INVALID, Cause.VERIFIER_NO_RESULT), result.message


async def test_tests_that_need_no_bash_are_graded_without_it(sandboxes: Sandboxes, tmp_path: Path) -> None:
    task = one(make_task(tmp_path / "hello", test=SH + GRADE))
    result = await run(sandboxes, task, tmp_path / "1", f"touch /app/out; {GONE}")
    assert (result.outcome, result.message) == (Outcome.PASSED, None)


@pytest.mark.parametrize(
    ("script", "runs"),
    [
        (b"#!/bin/bash -e\necho\n", ["/tests/test.sh"]),
        (b"#! /usr/bin/env python3\n", ["/tests/test.sh"]),
        (b"echo\n", None),
        (b"", None),
        (b"\xef\xbb\xbf#!/bin/bash\n", None),
    ],
)
def test_a_first_line_says_what_runs_a_script(script: bytes, runs: list[str] | None) -> None:
    assert (command("/tests/test.sh", script) == runs) is (runs is not None)
