"""What each command of the command line does."""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, TypeVar

from agent.model import ModelError
from evals import display
from evals.analysis import compare_command, export_command
from evals.analysis.atif import TrajectoryError
from evals.analysis.comparison_words import counted
from evals.analysis.job_record import NOT_RUN, RecordError
from evals.analysis.jobs import read_jobs
from evals.analysis.report import command as report_command
from evals.analysis.show import show as show_trial
from evals.analysis.trial_files import is_trial, read_trial, record_of
from evals.clean import clean as remove
from evals.cli import BAD_RESULT, OK
from evals.conclusion import concluded, refused
from evals.console import OUT, say
from evals.job_config import JobError, JobInterruptedError, configs_of
from evals.job_folder import job_folders, locked
from evals.resumption import recovered
from evals.run import Asked, begin, examine, go_on
from evals.selection import asked, broken_of, found_tasks, given, usable
from evals.task import Task, TaskError
from sandbox.base import SandboxError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Coroutine
    from pathlib import Path

    from evals.analysis.job_record import JobRecord

T = TypeVar("T")
_REFUSALS = (TaskError, JobError, SandboxError, ModelError)


def run(arguments: argparse.Namespace) -> int:
    """Run an agent on tasks."""
    try:
        options = asked(arguments)
        configs = configs_of(options.values, options.file)
        found = found_tasks(configs[0])
        ran = _awaited(begin(Asked(configs, usable(found), options.as_json, broken_of(found))))
    except _REFUSALS as error:
        return refused(error)
    return concluded(ran, as_json=options.as_json)


def resume(arguments: argparse.Namespace) -> int:
    """Go on with a job, or with several that were begun together."""
    folder: Path = arguments.path.resolve()
    try:
        if not folder.is_dir():
            raise JobError(f"{arguments.path}: no such folder")
        with ExitStack() as stack:
            for one in dict.fromkeys([folder, *job_folders(folder)]):
                stack.enter_context(locked(one))
            ran = _awaited(go_on(*recovered(folder, arguments), folder))
    except _REFUSALS as error:
        return refused(error)
    return concluded(ran, as_json=arguments.json)


def check(arguments: argparse.Namespace) -> int:
    """Check that tasks are fit to be run."""
    try:
        (config,) = configs_of(given(arguments))
        found = found_tasks(config)
        tasks = [task for task in found if isinstance(task, Task)]
        wanted = Asked([config], tasks, arguments.json, broken_of(found))
        findings = _awaited(examine(wanted, arguments.times))
    except _REFUSALS as error:
        return refused(error)
    bad = sum(finding.is_against for finding in findings)
    problems = counted(bad, "problem") if bad else "all as they should be"
    say(f"{counted(len(found), 'task')} checked, {problems}", wanted.console)
    return BAD_RESULT if bad else OK


def clean(arguments: argparse.Namespace) -> int:
    """Remove what ended runs left."""
    for line in asyncio.run(remove(images=arguments.images)) or ["nothing to remove"]:
        say(line)
    return OK


def show(arguments: argparse.Namespace) -> int:
    """Show a job's results or a trial's steps, from their files."""
    folder: Path = arguments.path
    try:
        if is_trial(folder):
            show_trial(OUT, read_trial(folder), record_of(folder))
        else:
            for job in read_jobs(folder):
                _show_job(job)
    except (RecordError, TrajectoryError, ValueError, OSError) as error:
        return refused(error)
    return OK


def _show_job(job: JobRecord) -> None:
    run = [trial for trial in job.trials if trial.cause != NOT_RUN]
    missing = len(job.trials) - len(run)
    go_on = f": termstone resume {job.folder}" if job.source == "termstone" else ""
    if not run:
        raise RecordError(f"{job.folder}: none of {missing} trials has a result{go_on}")
    say(f"{job.configuration.get('model') or job.configuration.get('agent')}:")
    display.show_results(OUT, run)
    for task in job.left_out:
        say(f"left out: {task.name}: {task.reason}")
    if missing:
        say(f"{missing} more trials were to be run and have no result{go_on}")


def compare(arguments: argparse.Namespace) -> int:
    """Compare jobs."""
    return compare_command.run(arguments)


def report(arguments: argparse.Namespace) -> int:
    """Write a page about jobs or a trial."""
    return report_command.run(arguments)


def export(arguments: argparse.Namespace) -> int:
    """Write trials in the formats of others."""
    return export_command.run(arguments)


def tasks(arguments: argparse.Namespace) -> int:
    """List tasks."""
    try:
        (config,) = configs_of(given(arguments))
        display.show_tasks(OUT, found_tasks(config))
    except (TaskError, JobError) as error:
        return refused(error)
    return OK


def _awaited(work: Coroutine[Any, Any, T]) -> T:
    try:
        return asyncio.run(work)
    except JobInterruptedError as error:
        raise KeyboardInterrupt(f"go on with: termstone resume {error}") from error
    except asyncio.CancelledError as error:
        raise KeyboardInterrupt from error
