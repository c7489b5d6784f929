"""What stands in a job's folder when a run has ended: pytest tests/test_conclusion.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from evals.cli import main
from tests.fakes import SOLVED, make_task, reply
from tests.job_folders import TASKS, write, write_termstone
from tests.test_cli import termstone

if TYPE_CHECKING:
    from pathlib import Path

WRONG = [reply("echo bye > out\n"), *SOLVED[1:]]


@pytest.fixture
def kind() -> str:
    """One kind of sandbox is enough here."""
    return "auto"


def words(tmp_path: Path, *tasks: str) -> list[object]:
    """Ask for a run of two models on tasks."""
    for name in tasks:
        make_task(tmp_path / "tasks" / name)
    for name, replies in (("good", SOLVED), ("bad", WRONG)):
        (tmp_path / f"{name}.json").write_text(json.dumps({"*": replies}))
    models = [f"scripted:{tmp_path}/{name}.json" for name in ("bad", "good")]
    return ["run", tmp_path / "tasks", "-m", models[0], "-m", models[1], "-o", tmp_path / "both"]


def test_models_that_cannot_be_compared_have_a_report_that_says_why(tmp_path: Path) -> None:
    ran = termstone(*words(tmp_path, "one"))
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "Not compared: only one task in common (one): it says nothing about others" in ran.stdout
    assert f"Report: {tmp_path}/both/report.html" in ran.stdout
    page = (tmp_path / "both/report.html").read_text()
    assert "<b>Not compared:</b> only one task in common (one)" in page
    assert page.count('href="report-trials/') == 4  # in the table of tasks and in that of trials
    assert len([*(tmp_path / "both/report-trials").iterdir()]) == 2


def test_attempts_that_are_added_to_one_of_two_jobs_are_in_both_reports(tmp_path: Path) -> None:
    assert termstone(*words(tmp_path, "one", "two")).returncode == 0
    before = (tmp_path / "both/report.html").read_text()
    ran = termstone("resume", tmp_path / "both/good", "--add-attempts", 1)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    for folder in ("both/good", "both"):
        assert f"Report: {tmp_path}/{folder}/report.html" in ran.stdout
        assert "4 of 4" in (tmp_path / folder / "report.html").read_text()
    assert "4 of 4" not in before
    ran = termstone("resume", tmp_path / "both", "--add-attempts", 1)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "6 of 6" in (tmp_path / "both/good/report.html").read_text()
    assert not (tmp_path / "both/bad/report.html").exists()


def write_together(folder: Path, first: dict[str, str], second: dict[str, str]) -> Path:
    """Write the jobs ``a`` and ``b`` as a run of two models leaves them."""
    write(folder / "experiment.json", {"jobs": ["a", "b"]})
    for name, attempts in (("a", first), ("b", second)):
        write_termstone(folder / name, attempts, model=f"openai/{name}")
    return folder


@pytest.mark.parametrize(
    ("first", "second", "reason"),
    [
        ({TASKS[0]: "P"}, {TASKS[0]: "F"}, "only one task in common"),
        (dict.fromkeys(TASKS[:3], "P"), dict.fromkeys(TASKS[:3], "I"), "no common tasks with a valid trial of both"),
        (dict.fromkeys(TASKS[:3], "P"), dict.fromkeys(TASKS[:3], "."), "no trial has a result yet"),
        ({TASKS[0]: "PF"}, {TASKS[1]: "PF"}, "no task in common"),
    ],
)
def test_jobs_that_were_begun_together_always_have_a_page(
    tmp_path: Path, first: dict[str, str], second: dict[str, str], reason: str, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_together(tmp_path / "both", first, second)
    assert main(["report", str(folder)]) == 0
    told = capsys.readouterr().out
    assert told.startswith("Not compared: ")
    assert reason in told
    page = (folder / "report.html").read_text()
    assert "Report of several jobs" in page
    assert reason in page
    for text in ("openai/a", "openai/b", *first, *second):
        assert text in page
    assert main(["report", str(folder / "a"), str(folder / "b"), "-o", str(tmp_path / "x.html")]) == 2
    assert reason in capsys.readouterr().err
