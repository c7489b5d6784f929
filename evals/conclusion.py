"""How a run ends: what came of it, its report, its exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evals import display
from evals.analysis.job_record import RecordError
from evals.cli import INVALID, OK
from evals.console import ERR, OUT, refuse, say
from evals.job_config import JobStoppedError
from evals.job_folder import trial_folder
from evals.result import Outcome

if TYPE_CHECKING:
    from rich.console import Console

    from evals.run import Ran


def concluded(ran: Ran, *, as_json: bool) -> int:
    """Show what came of a run, write its report, and return the exit code."""
    console = ERR if as_json else OUT
    results = [result for job in ran.jobs for result in job.results]
    if not as_json:
        for job in ran.jobs:
            console.print()
            if len(ran.jobs) == 1:
                display.show_results(console, job.results)
                continue
            say(f"{job.config.model}:", console)
            display.show_summary(console, job.results)
    say(f"Results: {ran.folder}", console)
    _reported(ran, console)
    if ran.halted:
        say(f"Not all was run: {ran.halted}. Go on with: termstone resume {ran.folder}", console)
    elif results:
        first = trial_folder(ran.jobs[0].folder, results[0].task, results[0].attempt)
        say(f"A trial's steps: termstone show {first}", console)
    return INVALID if any(result.outcome is Outcome.INVALID for result in results) else OK


def _reported(ran: Ran, console: Console) -> None:
    """Compare what was run together, and write the report; results stand whatever becomes of it."""
    from evals.analysis import comparison_display  # noqa: PLC0415 - no trial must wait for scipy
    from evals.analysis.compare import compare  # noqa: PLC0415
    from evals.analysis.jobs import read_jobs  # noqa: PLC0415
    from evals.analysis.report.files import REPORT, write_comparison, write_job  # noqa: PLC0415

    path = ran.folder / REPORT
    try:
        jobs = read_jobs(ran.folder)
        if len(jobs) == 1:
            write_job(jobs[0], path)
        else:
            comparison = compare(jobs)
            comparison_display.show(console, comparison)
            write_comparison(comparison, path)
        say(f"Report: {path}", console)
    except (RecordError, OSError) as error:
        say(f"no report: {error}", ERR)


def refused(error: Exception) -> int:
    """Say why something cannot be done; a job that was stopped in the middle has trials that are invalid."""
    code = refuse(error)
    return INVALID if isinstance(error, JobStoppedError) else code
