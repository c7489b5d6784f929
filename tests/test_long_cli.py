from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from evals.reward import VerifierError
from evals.task import BrokenTask, Task, Verdict, Verifier
from evals.terminal_bench import load
from evals.verdict import read
from tests.test_terminal_bench import make_task

if TYPE_CHECKING:
    from pathlib import Path

BOTH: dict[str, Any] = {"f2p": "text", "p2p": "pytest"}
PASSING = b"=== short test summary info ===\nPASSED t.py::test_a\nPASSED t.py::test_b\nSKIPPED [1] t.py:1: x\n"
FAILING = b"=== short test summary info ===\nPASSED t.py::test_a\nFAILED t.py::test_b - x\nFAILED t.py::test_c - y\n"


def score(is_pass: object, step_score: object) -> bytes:
    return json.dumps({"is_pass": is_pass, "step_score": step_score}).encode()


def rewards(files: dict[str, bytes], sets: dict[str, Any] = BOTH) -> dict[str, float]:
    return read(Verifier(verdict=Verdict.LONG_CLI, graded_sets=sets), "", files)


def test_a_task_passes_when_both_sets_do() -> None:
    assert rewards({"f2p_score.json": score(1, 1.0), "p2p_output.txt": PASSING}) == {
        "reward": 1.0,
        "f2p_is_pass": 1.0,
        "f2p_step_score": 1.0,
        "p2p_is_pass": 1.0,
        "p2p_step_score": 1.0,
    }


def test_the_step_score_is_the_share_that_is_done() -> None:
    assert rewards({"f2p_score.json": score(0, 0.74567), "p2p_output.txt": FAILING}) == {
        "reward": 0.0,
        "f2p_is_pass": 0.0,
        "f2p_step_score": 0.746,
        "p2p_is_pass": 0.0,
        "p2p_step_score": 0.333,
    }


@pytest.mark.parametrize("other", [{}, {"f2p_output.txt": b"passed, says the text"}, {"f2p_score.json": b"[]"}])
def test_a_set_without_a_result_is_minus_one_and_no_pass(other: dict[str, bytes]) -> None:
    found = rewards({"p2p_output.txt": PASSING, **other})
    assert (found["reward"], found["f2p_is_pass"], found["f2p_step_score"]) == (0, -1, -1)
    assert (found["p2p_is_pass"], found["p2p_step_score"]) == (1, 1)


def test_only_the_tasks_own_sets_count() -> None:
    found = rewards({"f2p_score.json": score(1, 1), "p2p_output.txt": FAILING}, {"f2p": "text"})
    assert found == {"reward": 1.0, "f2p_is_pass": 1.0, "f2p_step_score": 1.0}


@pytest.mark.parametrize(("given", "kept"), [(-0.25, 0.0), (1.5, 1.0)])
def test_a_score_beyond_its_bounds_is_taken_for_the_bound(given: float, kept: float) -> None:
    assert rewards({"f2p_score.json": score(0, given)}, {"f2p": "text"})["f2p_step_score"] == kept


@pytest.mark.fault("F54")
@pytest.mark.parametrize(
    "content",
    [
        *[b"", b"1", b"\xff", b"{", b"[" * 100_000, b"{}"],
        *[score(2, 1), score(1, None), score(None, 1), score(1, "nan")],
        *[b'{"is_pass": 1, "step_score": NaN}', b'{"is_pass": 1, "step_score": 1e999}', b" " * 2_000_000 + score(1, 1)],
    ],
    ids=lambda content: repr(content[:30]),
)
def test_a_score_that_cannot_be_believed_is_none(content: bytes) -> None:
    with pytest.raises(VerifierError, match=r"f2p: f2p_score\.json"):
        rewards({"f2p_score.json": content}, {"f2p": "text"})


@pytest.mark.fault("F55")
@pytest.mark.parametrize(
    "printed", [b"", b"=== short test summary info ===\n", PASSING[:32] + b"SKIPPED [1] t.py:1: x\n"]
)
def test_a_set_of_no_test_has_no_result(printed: bytes) -> None:
    with pytest.raises(VerifierError, match="p2p: "):
        rewards({"p2p_output.txt": printed}, {"p2p": "pytest"})


def test_a_tasks_sets_are_read(tmp_path: Path) -> None:
    yaml = "parser_name: long_cli\nparser_results_f2p: text\nparser_results_p2p: pytest\n"
    (task,) = load(make_task(tmp_path / "hello", yaml=yaml))
    assert isinstance(task, Task), task
    assert task.format == "long-cli"
    assert task.steps[0].verifier.verdict is Verdict.LONG_CLI
    assert task.steps[0].verifier.graded_sets == BOTH
    (task,) = load(make_task(tmp_path / "one", yaml=yaml.replace("pytest", "null")))
    assert isinstance(task, Task), task
    assert task.steps[0].verifier.graded_sets == {"f2p": "text"}


@pytest.mark.parametrize("sets", ["", "parser_results_f2p: null\n", "parser_results_f2p: junit\n"])
def test_a_task_without_a_set_that_can_be_read_is_broken(tmp_path: Path, sets: str) -> None:
    (task,) = load(make_task(tmp_path / "hello", yaml=f"parser_name: long_cli\n{sets}"))
    assert isinstance(task, BrokenTask)
    assert "parser_results_f2p" in task.reason
