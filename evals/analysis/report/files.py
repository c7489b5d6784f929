"""A report on disk: its page, and beside it a folder with the pages of its trials."""

from __future__ import annotations

import re
import shutil
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from evals.analysis.atif import TrajectoryError
from evals.analysis.output import write_output
from evals.analysis.report.job_page import comparison_page, job_page
from evals.analysis.report.trial_page import trial_page
from evals.analysis.trial_files import read_trial
from evals.result import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from evals.analysis.comparison import Comparison
    from evals.analysis.job_record import JobRecord, TrialRecord

REPORT = "report.html"
PAGES = 100
"""Trials that get a page unless another number is asked for; a page takes some 40 ms and 50 kB."""
_ORDER = (Outcome.FAILED, Outcome.INVALID, Outcome.PASSED)


class Written(NamedTuple):
    """What was written."""

    path: Path
    pages: int
    without: int
    """Trials with files and without a page."""


def write_job(job: JobRecord, path: Path, most: int = PAGES) -> Written:
    """Write the report of a job, and pages of its trials, at `most` so many: those that did not pass come first."""
    links = _write_trials(job.trials, path, most)
    _write(path, job_page(job, links))
    return _written(job.trials, path, links)


def write_comparison(comparison: Comparison, path: Path, most: int = PAGES) -> Written:
    """Write the report of a comparison, and pages of trials of all its jobs."""
    trials = [trial for row in comparison.tasks for cell in row.cells for trial in cell.trials]
    links = _write_trials(trials, path, most)
    _write(path, comparison_page(comparison, links))
    return _written(trials, path, links)


def write_trial(folder: Path, trial: TrialRecord | None, path: Path) -> Written:
    """Write the page of a trial, or of a trajectory file; `TrajectoryError` when there is nothing to show."""
    _write(path, trial_page(read_trial(folder), trial, trial.task if trial else folder.resolve().name))
    return Written(path, 0, 0)


def _write_trials(trials: Iterable[TrialRecord], path: Path, most: int) -> dict[Path, str]:
    """Write pages of trials anew, and return their addresses as the report knows them."""
    beside = path.with_name(f"{path.stem}-trials")
    if beside.is_dir() and not beside.is_symlink() and all(one.suffix == ".html" for one in beside.iterdir()):
        shutil.rmtree(beside)
    links: dict[Path, str] = {}
    begun = [trial for trial in trials if trial.folder]
    for number, trial in enumerate(sorted(begun, key=lambda trial: _ORDER.index(trial.outcome))[:most], 1):
        name = f"{number:03}-{_plain(trial.task)}-{trial.attempt}.html"
        if trial.folder is None or trial.folder in links:
            continue
        try:
            text = trial_page(read_trial(trial.folder), trial, trial.task, back=f"../{quote(path.name)}")
        except TrajectoryError:
            continue
        beside.mkdir(parents=True, exist_ok=True)
        _write(beside / name, text)
        links[trial.folder] = quote(f"{beside.name}/{name}")
    return links


def _plain(task: str) -> str:
    """Make a part of a file's name of a task's: tasks of others may be called anything."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", task)[:60].strip("-") or "task"


def _write(path: Path, text: str) -> None:
    """Write a page, in which what is no text of anybody's can be replaced."""
    write_output(path, text.encode("utf-8", "replace").decode("utf-8"))


def _written(trials: Iterable[TrialRecord], path: Path, links: dict[Path, str]) -> Written:
    folders = {trial.folder for trial in trials if trial.folder}
    return Written(path, len(links), len(folders) - len(links))
