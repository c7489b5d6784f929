"""How a run ends: what came of it, its report, its exit code."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evals import display
from evals.analysis.job_record import RecordError
from evals.cli import INVALID, OK
from evals.console import ERR, OUT, refuse, say
from evals.job_config import JobError, JobStoppedError
from evals.job_folder import job_folders, trial_folder
from evals.result import Cause, Outcome

if TYPE_CHECKING:
    from pathlib import Path

    from rich.console import Console

    from evals.run import Ran


_MENDED_BY_THE_USER = {Cause.PROVIDER_DENIED, Cause.PROVIDER_REJECTED}


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
        say(f"Not all was run: {ran.halted.rstrip('.')}. {_advice(ran)}", console)
    elif results:
        first = trial_folder(ran.jobs[0].folder, results[0].task, results[0].attempt)
        say(f"A trial's steps: termstone show {first}", console)
    return INVALID if any(result.outcome is Outcome.INVALID for result in results) else OK


def _advice(ran: Ran) -> str:
    """Say how to go on with what was halted: as it was asked for, it would be halted again."""
    go_on = f"termstone resume {ran.folder}"
    config = ran.jobs[0].config
    if any(result.cause in _MENDED_BY_THE_USER for job in ran.jobs for result in job.results):
        return f"Once that is mended: {go_on} --invalid"
    if config.job_max_cost is not None or config.job_max_tokens is not None:
        limit = "--job-max-cost USD" if config.job_max_cost is not None else "--job-max-tokens N"
        return f"Go on with: {go_on} {limit}"
    return f"Go on with: {go_on}"


def _reported(ran: Ran, console: Console) -> None:
    """Write the report of what was run, and anew others in which it stands; results stand whatever becomes of it."""
    from evals.analysis.report.files import REPORT  # noqa: PLC0415 - no trial must wait for scipy

    own = [job.folder for job in ran.jobs if job.folder != ran.folder and (job.folder / REPORT).is_file()]
    for folder in (ran.folder, *_around(ran.folder), *own):
        try:
            _report(folder, console, shown=folder == ran.folder)
        except (RecordError, OSError) as error:
            say(f"no report: {error}", ERR)


def _around(folder: Path) -> list[Path]:
    """Find the folder of those that a job was begun together with."""
    around = folder.resolve().parent
    try:
        together = [one.resolve() for one in job_folders(around)]
    except JobError:
        together = []
    return [around] if folder.resolve() in together else []


def _report(folder: Path, console: Console, *, shown: bool) -> None:
    """Write a folder's report: of its job, or of the comparison of several, which is `shown` here as well."""
    from evals.analysis import comparison_display  # noqa: PLC0415 - as above
    from evals.analysis.compare import compare  # noqa: PLC0415
    from evals.analysis.jobs import read_jobs  # noqa: PLC0415
    from evals.analysis.report.files import REPORT, write_apart, write_comparison, write_job  # noqa: PLC0415

    jobs, path = read_jobs(folder), folder / REPORT
    if len(jobs) == 1:
        write_job(jobs[0], path)
    else:
        try:
            comparison = compare(jobs)
        except RecordError as error:
            say(f"Not compared: {error}", console)
            write_apart(jobs, str(error), path)
        else:
            if shown:
                comparison_display.show(console, comparison)
            write_comparison(comparison, path)
    say(f"Report: {path}", console)


def refused(error: Exception) -> int:
    """Say why something cannot be done; a job that was stopped in the middle has trials that are invalid."""
    code = refuse(error)
    return INVALID if isinstance(error, JobStoppedError) else code
