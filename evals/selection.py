"""What a command line names: the options of a job, and its tasks."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from evals.cli import BUNDLED, COMPATIBLE
from evals.console import ERR, say
from evals.datasets import find
from evals.display import note_lines
from evals.job_config import JobConfig, JobError, read_options
from evals.task import BrokenTask, Task, TaskError

if TYPE_CHECKING:
    import argparse


def given(arguments: argparse.Namespace) -> dict[str, Any]:
    """Return the options that were given and that a job has."""
    return {name: value for name, value in vars(arguments).items() if name in JobConfig.model_fields}


class Options(NamedTuple):
    """What a command line and its job file say together."""

    values: dict[str, Any]
    """Those of the config."""
    file: Path | None
    as_json: bool
    """Whether standard output is for events alone."""


def asked(arguments: argparse.Namespace) -> Options:
    """Return the options, which win over those of the job file; that may stand among the paths.

    Raises:
        JobError: the file cannot be read.
    """
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
    file = Path(files[0]) if files else None
    written = read_options(file) if file else {}
    as_json = written.pop("json", False)
    if not isinstance(as_json, bool):
        raise JobError(f"{file}: json: true or false")
    if "compat" in written:
        written["agent"] = _harness(written.pop("compat"), written.get("agent"), file)
    return Options({**written, **values}, file, as_json or arguments.json)


def _harness(compat: object, agent: object, file: Path | None) -> str:
    """Return the harness to work like, which takes the place of an agent."""
    if agent is not None:
        raise JobError(f"{file}: agent and compat: one of both")
    if compat not in COMPATIBLE:
        raise JobError(f"{file}: compat: {' or '.join(COMPATIBLE)}")
    return str(compat)


def found_tasks(config: JobConfig) -> list[Task | BrokenTask]:
    """Return the tasks that a job names, as it wants them."""
    found = find(config.tasks or [str(BUNDLED)], limit=config.limit, task_format=config.task_format)
    return [_as_wanted(task, config) if isinstance(task, Task) else task for task in found]


def _as_wanted(task: Task, config: JobConfig) -> Task:
    limited = task.limited(config.agent_timeout)
    return limited.trusted() if config.trust_task else limited


def broken_of(found: list[Task | BrokenTask]) -> list[BrokenTask]:
    """Return those that cannot be run."""
    return [task for task in found if isinstance(task, BrokenTask)]


def usable(found: list[Task | BrokenTask]) -> list[Task]:
    """Name the broken tasks and return the others; `TaskError` when there are none."""
    for broken in broken_of(found):
        say(f"left out: {broken.name}: {broken.reason}", ERR)
    fit = [task for task in found if isinstance(task, Task)]
    for line in note_lines((task.name, note) for task in fit for note in task.notes):
        say(line, ERR)
    if not fit:
        raise TaskError("no task to run")
    repeated = [name for name, times in Counter(task.name for task in fit).items() if times > 1]
    if repeated:
        raise TaskError(f"two tasks have the same name: {', '.join(sorted(repeated))}")
    return fit
