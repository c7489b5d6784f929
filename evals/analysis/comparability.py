"""Whether jobs may be compared, and what sets their configurations apart."""

from __future__ import annotations

from collections import Counter
from pathlib import PurePath
from typing import TYPE_CHECKING

from evals.analysis.comparison_words import counted
from evals.analysis.job_record import NOT_RUN, RecordError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from evals.analysis.job_record import JobRecord

_SHORT = {"reasoning_effort": "effort", "thinking_budget": "thinking", "agent_version": "version", "api_base": "at"}
_DIGEST = 32
"""Values from this length on that are one word of hexadecimal digits are told apart by their beginnings."""


def common_tasks(jobs: Sequence[JobRecord]) -> list[str]:
    """Name the tasks that all jobs have.

    Raises:
        RecordError: there are fewer than two, or a folder stands there twice.
    """
    refuse_twice(jobs)
    if len(jobs) < 2:  # noqa: PLR2004 - one is compared with nothing
        raise RecordError("a comparison needs two jobs or more; only one configuration was found")
    without = next((job for job in jobs if all(trial.cause == NOT_RUN for trial in job.trials)), None)
    if without:
        raise RecordError(f"{without.folder}: no trial has a result yet")
    shared = sorted(set.intersection(*(set(job.tasks) for job in jobs)))
    if not shared:
        other = next((job for job in jobs if not {*job.tasks} & {*jobs[0].tasks}), jobs[-1])
        raise RecordError(f"no task in common: {_some(jobs[0].tasks)} against {_some(other.tasks)}")
    if len(shared) == 1:
        raise RecordError(f"only one task in common ({shared[0]}): it says nothing about others")
    return shared


def refuse_twice(jobs: Sequence[JobRecord]) -> None:
    """Refuse a job that is named twice: each of its trials would count twice."""
    known = [(job.folder.resolve(), job.configuration) for job in jobs]
    twice = next((job for number, job in enumerate(jobs) if known[number] in known[:number]), None)
    if twice:
        raise RecordError(f"{twice.folder} is named twice")


def objections(jobs: Sequence[JobRecord], tasks: Iterable[str]) -> list[str]:
    """Say what other than the model or the agent could make these jobs differ, a line each."""
    if len({job.source for job in jobs}) > 1:
        return [f"the harness differs: {_listed(job.source for job in jobs)}"]
    found = [f"{name} differs: {_listed(values)}" for name, values in _differing([job.conditions for job in jobs])]
    changed = [task for task in tasks if len(_digests(jobs, task)) > 1]
    if changed:
        found.append(f"different versions of {counted(len(changed), 'task')} under one name: {_some(changed)}")
    if _differing([job.model for job in jobs]) and _differing([job.agent for job in jobs]):
        names = [name for name, _ in _differing([job.agent for job in jobs])]
        found.append(f"both the model and the agent ({', '.join(names)}) differ: a difference could be either's")
    return found


def remarks(jobs: Sequence[JobRecord], tasks: Sequence[str]) -> list[str]:
    """Say what else a reader should know, a line each."""
    found = [f"{name} differs: {_listed(values)}" for name, values in _differing([job.circumstances for job in jobs])]
    everywhere = set(tasks)
    for job in jobs:
        alone = [task for task in job.tasks if task not in everywhere]
        if alone:
            found.append(f"{job.name}: {counted(len(alone), 'task')} not in all jobs and left out: {_some(alone)}")
    rebuilt = [task for task in tasks if len({job.images[task] for job in jobs if task in job.images}) > 1]
    if rebuilt:
        found.append(f"{counted(len(rebuilt), 'task')} ran in images of different builds: {_some(rebuilt)}")
    if not all(_digests([job], task) for job in jobs for task in tasks):
        found.append("the tasks' versions are not known, so they may differ")
    if not _differing([job.configuration for job in jobs]):
        found.append("the configurations are the same: what differs is chance")
    answered = {tuple(sorted({name for trial in job.trials for name in trial.answered_by})) for job in jobs}
    if len(answered) > 1 and not _differing([job.model for job in jobs]):
        found.append(f"other models answered: {_listed(', '.join(names) or 'unknown' for names in answered)}")
    return found


def labels(jobs: Sequence[JobRecord]) -> list[str]:
    """Name each configuration by what differs; folders tell apart what is otherwise the same."""
    differing = [name for name, _ in _differing([job.configuration for job in jobs])]
    made = [" ".join(_part(name, job.configuration.get(name)) for name in differing) for job in jobs]
    counts = Counter(made)
    made = [
        label if counts[label] == 1 else f"{label} {job.name}".strip() for label, job in zip(made, jobs, strict=True)
    ]
    again = Counter(made)
    return [label if again[label] == 1 else str(job.folder) for label, job in zip(made, jobs, strict=True)]


def shared(jobs: Sequence[JobRecord]) -> dict[str, str]:
    """Return what all have in common of model and agent."""
    first = jobs[0].configuration
    return {name: value for name, value in first.items() if all(job.configuration.get(name) == value for job in jobs)}


def _part(name: str, value: str | None) -> str:
    if name in ("model", "agent") and value is not None:
        return PurePath(value.removeprefix("scripted:")).stem if value.startswith("scripted:") else value
    return f"{_SHORT.get(name, name)}={'unset' if value is None else _shortened(value)}"


def _differing(facts: Sequence[Mapping[str, str]]) -> list[tuple[str, list[str | None]]]:
    """Name what is not the same everywhere, with each one's value."""
    names = dict.fromkeys(name for each in facts for name in each)
    found = [(name, [each.get(name) for each in facts]) for name in names]
    return [(name, values) for name, values in found if len({*values} - _unknown(name)) > 1]


def _unknown(name: str) -> set[str | None]:
    """Return what tells nothing: an agent that was never begun has told no version, others were left unset."""
    return {None} if name == "agent_version" else set()


def _digests(jobs: Sequence[JobRecord], task: str) -> set[str]:
    return {trial.task_digest for job in jobs for trial in job.trials if trial.task == task and trial.task_digest}


def _listed(values: Iterable[str | None]) -> str:
    return " and ".join(dict.fromkeys("unset" if value is None else _shortened(value) for value in values))


def _shortened(value: str) -> str:
    return value[:12] if len(value) >= _DIGEST and set(value) <= set("0123456789abcdef") else value


def _some(names: Sequence[str]) -> str:
    shown = ", ".join(names[:3])
    return shown + (f" and {len(names) - 3} more" if len(names) > 3 else "")  # noqa: PLR2004 - as in the line above
