"""Trials as they are shown in the terminal: pytest tests/test_show.py."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from evals.analysis.show import show
from evals.analysis.trial_files import is_trial, read_trial, record_of
from tests.job_folders import write_termstone
from tests.trial_folders import HOSTILE, write_trial

if TYPE_CHECKING:
    from pathlib import Path


def shown(folder: Path) -> str:
    console = Console(file=io.StringIO(), width=120, force_terminal=False)
    show(console, read_trial(folder), record_of(folder))
    text = console.file.getvalue()  # type: ignore[attr-defined]
    assert isinstance(text, str)
    return text


def test_a_trial_says_what_was_typed_how_it_ended_and_what_the_verifier_said(tmp_path: Path) -> None:
    job = write_termstone(tmp_path / "job", {"alpha": "F", "beta": "P"})
    folder = job / "alpha/1"
    write_trial(folder, "hello", keys="make\n", **json.loads((folder / "result.json").read_text()))
    text = shown(folder)
    for part in ("> make  [exit 0, hello]", "> false  [exit 1]", "alpha #1: failed", "The agent said that it was done.",
                 "verifier: hello", "cost $0.0200"):  # fmt: skip
        assert part in text


def test_a_trajectory_alone_is_shown_without_an_outcome(tmp_path: Path) -> None:
    write_trial(tmp_path / "trial", "hello")
    text = shown(tmp_path / "trial/trajectory.json")
    assert "step 3: agent +2.0 s, 1,100 tokens" in text
    assert "reward" not in text


@pytest.mark.fault("F67")
@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_a_model_is_neither_markup_nor_a_sequence(tmp_path: Path, text: str) -> None:
    seen = shown(write_trial(tmp_path / "trial", text))
    assert not any(ord(character) < 32 and character != "\n" for character in seen)
    if text.isprintable() and len(text) < 60:
        assert seen.count(text) >= 5


def test_steps_of_a_task_are_shown_in_the_order_in_which_they_ran(tmp_path: Path) -> None:
    for name, second in (("b-first", 1), ("a-second", 2)):
        folder = write_trial(tmp_path / "trial/steps" / name, name)
        document = json.loads((folder / "trajectory.json").read_text())
        document["steps"][0]["timestamp"] = f"2026-11-25T13:00:0{second}+00:00"
        (folder / "trajectory.json").write_text(json.dumps(document))
    (tmp_path / "trial/result.json").write_text("{}")
    assert [part.name for part in read_trial(tmp_path / "trial").parts] == ["b-first", "a-second"]


@pytest.mark.parametrize("layout", ["agent/trajectory.json", "verifier/test-stdout.txt"])
def test_a_trial_of_harbor_is_told_from_its_job(tmp_path: Path, layout: str) -> None:
    trial = tmp_path / "job/alpha__abc"
    (trial / layout).parent.mkdir(parents=True)
    for path in (
        tmp_path / "job/config.json",
        tmp_path / "job/result.json",
        trial / "config.json",
        trial / "result.json",
    ):
        path.write_text("{}")
    (trial / layout).write_text("x")
    assert is_trial(trial)
    assert not is_trial(tmp_path / "job")


def test_a_step_says_what_it_was_graded_with_and_tries_before_are_named(tmp_path: Path) -> None:
    graded = {"steps": [{"name": "build", "reward": 0.5}, {"name": "ship", "reward": None}], "tries": 2}
    job = write_termstone(tmp_path / "job", {"alpha": "F"}, result=graded)
    for name in ("build", "ship"):
        write_trial(job / "alpha/1/steps" / name, name)
    (job / "alpha/1/try-1").mkdir()
    headings = [line.strip("= ") for line in shown(job / "alpha/1").splitlines() if line.startswith("==")]
    assert headings == ["build: reward 0.5", "ship"]
    assert "before it, try-1: something other than the agent broke" in shown(job / "alpha/1")


@pytest.mark.parametrize("part", ["turn-1", "steps/build"])
def test_a_trial_that_was_cut_off_in_its_first_part_is_one(tmp_path: Path, part: str) -> None:
    write_trial(tmp_path / "trial" / part, "x")
    assert is_trial(tmp_path / "trial")


@pytest.mark.parametrize(
    "folders", [["turn-1", "turn-2"], ["steps/b/turn-1", "steps/b/turn-2", "steps/a/turn-1"]], ids=["a step", "two"]
)
def test_each_turn_of_a_step_is_shown_in_the_order_in_which_they_ran(tmp_path: Path, folders: list[str]) -> None:
    for second, name in enumerate(folders):
        folder = write_trial(tmp_path / "trial" / name, name)
        document = json.loads((folder / "trajectory.json").read_text())
        document["steps"][0]["timestamp"] = f"2026-11-25T13:00:0{second}+00:00"
        (folder / "trajectory.json").write_text(json.dumps(document))
    (tmp_path / "trial/result.json").write_text("{}")
    assert [part.name for part in read_trial(tmp_path / "trial").parts] == [
        name.removeprefix("steps/") for name in folders
    ]
