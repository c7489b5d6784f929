"""A report on disk: its page, and beside it a folder with the pages of its trials."""

from __future__ import annotations

import re
import shutil
import time
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import quote

from evals.analysis.atif import TrajectoryError
from evals.analysis.job_record import RecordError
from evals.analysis.output import check_output, new_files, write_output
from evals.analysis.report.job_page import apart_page, comparison_page, job_page
from evals.analysis.report.trial_page import trial_page
from evals.analysis.trial_files import read_trial
from evals.result import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from pathlib import Path

    from evals.analysis.comparison import Comparison
    from evals.analysis.job_record import JobRecord, TrialRecord

REPORT = "report.html"
_ORDER = (Outcome.FAILED, Outcome.INVALID, Outcome.PASSED)


class Written(NamedTuple):
    """What was written."""

    path: Path
    pages: int
    without: int
    """Trials with files and without a page."""


class Room(NamedTuple):
    """How much is written of pages of trials, until any of it is used up."""

    pages: float = 100
    size: float = 8_000_000
    """Bytes; a page takes some 100 kB."""
    seconds: float = 6.0


ROOM = Room()


def write_job(job: JobRecord, path: Path, room: Room = ROOM) -> Written:
    """Write the report of a job, and pages of its trials while there is room: those that did not pass come first."""
    return _write_report(path, job.trials, room, lambda links: job_page(job, links))


def write_comparison(comparison: Comparison, path: Path, room: Room = ROOM) -> Written:
    """Write the report of a comparison, and pages of trials of all its jobs."""
    trials = [trial for row in comparison.tasks for cell in row.cells for trial in cell.trials]
    return _write_report(path, trials, room, lambda links: comparison_page(comparison, links))


def write_apart(jobs: Sequence[JobRecord], reason: str, path: Path, room: Room = ROOM) -> Written:
    """Write the report of jobs that cannot be compared, with the reason, and pages of trials of all of them."""
    trials = [trial for job in jobs for trial in job.trials]
    return _write_report(path, trials, room, lambda links: apart_page(jobs, reason, links))


def write_trial(folder: Path, trial: TrialRecord | None, path: Path) -> Written:
    """Write the page of a trial, or of a trajectory file; `TrajectoryError` when there is nothing to show."""
    check_output(path)
    _write(path, trial_page(read_trial(folder), trial, trial.task if trial else folder.resolve().name))
    return Written(path, 0, 0)


def _write_report(
    path: Path, trials: Iterable[TrialRecord], room: Room, page: Callable[[dict[Path, str]], str]
) -> Written:
    """Write pages of trials, and then the report with links to them; until all are written, an old report stays."""
    begun = {trial.folder: trial for trial in trials if trial.folder}
    check_output(path)
    beside = path.with_name(f"{path.stem}-trials")
    if path.exists() and not path.is_file():  # a pipe or a device, beside which nothing can lie
        _write(path, page({}))
        return Written(path, 0, len(begun))
    if beside.exists() and not beside.is_dir():
        raise RecordError(f"{beside}, where pages of trials belong, is no folder")
    with new_files(beside) as draft:
        links = dict(_write_trials(begun, path, draft, room))
        _write(path, page({folder: quote(f"{beside.name}/{name}") for folder, name in links.items()}))
        if beside.is_dir() and not beside.is_symlink() and all(one.suffix == ".html" for one in beside.iterdir()):
            shutil.rmtree(beside)
    return Written(path, len(links), len(begun) - len(links))


def _write_trials(begun: dict[Path, TrialRecord], path: Path, draft: Path, room: Room) -> Iterator[tuple[Path, str]]:
    """Write pages of trials that belong to the report at `path`, and give their folders and the pages' names."""
    started, pages, size = time.monotonic(), 0, 0.0
    for folder, trial in sorted(begun.items(), key=lambda item: _ORDER.index(item[1].outcome)):
        if pages >= room.pages or time.monotonic() - started >= room.seconds:
            return
        try:
            text = trial_page(read_trial(folder), trial, trial.task, back=f"../{quote(path.name)}")
        except TrajectoryError:
            continue
        pages, size = pages + 1, size + len(text.encode("utf-8", "replace"))
        if size > room.size and pages > 1:
            return
        name = f"{pages:03}-{_plain(trial.task)}-{trial.attempt}.html"
        _write(draft / name, text)
        yield folder, name


def _plain(task: str) -> str:
    """Make a part of a file's name of a task's: tasks of others may be called anything."""
    return re.sub(r"[^A-Za-z0-9_-]+", "-", task)[:60].strip("-") or "task"


def _write(path: Path, text: str) -> None:
    """Write a page, in which what is no text of anybody's can be replaced."""
    write_output(path, text.encode("utf-8", "replace").decode("utf-8"))
