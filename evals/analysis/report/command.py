"""``termstone report``: its options, and what it does with them."""

from __future__ import annotations

import argparse
import math
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evals.analysis.job_record import JobRecord
    from evals.analysis.report.files import Room, Written

_DESCRIPTION = """\
Writes a page to look at in a browser, which needs nothing else: for a job, for several that are compared, or for a
trial. Jobs are folders of Termstone, Harbor and Terminal-Bench; a trial is its folder, or a trajectory in ATIF."""
_OUTPUT = "the page (report.html in the folder; of several, A-vs-B.html here)"
_LONGEST = 120
"""Characters of a page's name."""


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to those of the command line."""
    parser = commands.add_parser("report", help="write a page about a job or a trial", description=_DESCRIPTION)
    parser.add_argument("paths", type=Path, nargs="+", metavar="PATH", help="a job or several, or a trial")
    parser.add_argument("-o", "--output", type=Path, metavar="FILE", help=_OUTPUT)
    parser.add_argument("--trials", type=_count, metavar="N", help="pages of trials, failed ones first (100, or 8 MB)")
    parser.add_argument("--force", action="store_true", help="compare although something else differs")


def run(arguments: argparse.Namespace) -> int:
    """Write a report, and return the exit code."""
    from evals.analysis.atif import TrajectoryError  # noqa: PLC0415 - `--help` must not wait for any of these
    from evals.analysis.job_record import RecordError  # noqa: PLC0415
    from evals.console import refuse, say  # noqa: PLC0415

    try:
        written = _written(arguments)
    except (RecordError, TrajectoryError, OSError) as error:
        return refuse(error)
    say(f"Report: {written.path}")
    if written.without:
        say(f"{written.pages} trials have a page and {written.without} have none (--trials N)")
    return 0


def _written(arguments: argparse.Namespace) -> Written:
    from evals.analysis.jobs import read_jobs  # noqa: PLC0415 - as above
    from evals.analysis.report.files import REPORT, ROOM, Room, write_job, write_trial  # noqa: PLC0415
    from evals.analysis.trial_files import is_trial, record_of  # noqa: PLC0415

    first: Path = arguments.paths[0]
    alone = len(arguments.paths) == 1
    if alone and is_trial(first):
        beside = first.with_suffix(".html") if first.is_file() else first / "trial.html"
        return write_trial(first, record_of(first), arguments.output or beside)
    jobs = [job for folder in arguments.paths for job in read_jobs(folder)]
    path = arguments.output or (first / REPORT if alone else Path(_name(arguments.paths)))
    room = ROOM if arguments.trials is None else Room(arguments.trials, math.inf, math.inf)
    return write_job(jobs[0], path, room) if len(jobs) == 1 else _several(jobs, path, room, arguments)


def _several(jobs: list[JobRecord], path: Path, room: Room, arguments: argparse.Namespace) -> Written:
    """Write the page of a comparison; jobs that were begun together have a page also where there can be none."""
    from evals.analysis.compare import compare  # noqa: PLC0415 - as above
    from evals.analysis.job_record import RecordError  # noqa: PLC0415
    from evals.analysis.report.files import write_apart, write_comparison  # noqa: PLC0415
    from evals.console import say  # noqa: PLC0415

    try:
        comparison = compare(jobs, force=arguments.force)
    except RecordError as error:
        if len(arguments.paths) > 1:
            raise
        say(f"Not compared: {error}")
        return write_apart(jobs, str(error), path, room)
    return write_comparison(comparison, path, room)


def _name(folders: list[Path]) -> str:
    """Name the page of several folders, which belongs to none of them."""
    return "-vs-".join(folder.resolve().name for folder in folders)[:_LONGEST] + ".html"


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is no number")
    return int(text)
