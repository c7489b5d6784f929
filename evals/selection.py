"""What a command line names: the options of a job, and its tasks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.cli import BUNDLED
from evals.console import ERR, say
from evals.datasets import find
from evals.job_config import JobConfig, JobError
from evals.task import BrokenTask, Task, TaskError

if TYPE_CHECKING:
    import argparse


def given(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options that were given and that a job has."""
    return {name: value for name, value in vars(arguments).items() if name in JobConfig.model_fields}


def asked(arguments: argparse.Namespace) -> tuple[dict[str, Any], Path | None]:
    """Return the options and the job file, which may stand among the paths."""
    values = given(arguments)
    paths = values.get("tasks", [])
    files = [path for path in paths if path.endswith(".toml") and Path(path).name != "dataset.toml"]
    if arguments.job_file:
        files.append(str(arguments.job_file))
    if len(files) > 1:
        raise JobError(f"one job file at a time: {', '.join(files)}")
    if files:
        values["tasks"] = [path for path in paths if path not in files]
        if not values["tasks"]:
            del values["tasks"]
    return values, Path(files[0]) if files else None


def found_tasks(config: JobConfig) -> list[Task | BrokenTask]:
    """Return the tasks that a job names, as it wants them."""
    found = find(config.tasks or [str(BUNDLED)], limit=config.limit, task_format=config.task_format)
    return [task.trusted() if config.trust_task and isinstance(task, Task) else task for task in found]


def usable(found: list[Task | BrokenTask]) -> list[Task]:
    """Name the broken tasks and return the others; `TaskError` when there are none."""
    for task in found:
        if isinstance(task, BrokenTask):
            say(f"left out: {task.name}: {task.reason}", ERR)
    fit = [task for task in found if isinstance(task, Task)]
    for task in fit:
        for note in task.notes:
            say(f"note: {task.name}: {note}", ERR)
    if not fit:
        raise TaskError("no task to run")
    repeated = [name for name, times in Counter(task.name for task in fit).items() if times > 1]
    if repeated:
        raise TaskError(f"two tasks have the same name: {', '.join(sorted(repeated))}")
    return fit
