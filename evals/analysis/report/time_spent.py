"""Where a trial's time went: the stages that its result names, and the agent's part by what was waited for."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, NamedTuple

from evals.analysis.trial_files import TRAJECTORIES
from evals.job_folder import runs_of

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path
    from typing import Any

    from evals.analysis.job_record import TrialRecord

_LARGEST = 16_000_000
"""Bytes of a trajectory that is looked through."""


class TimeSpent(NamedTuple):
    """Seconds."""

    set_up: float = 0
    model: float = 0
    """Of the agent's time, what is neither of the next three: the model's answers, nearly all of it."""
    provider: float = 0
    """Waiting for a provider that refused or failed."""
    commands: float = 0
    agent: float = 0
    """All of the agent's time, where it is not known for what."""
    verification: float = 0
    tear_down: float = 0
    other: float = 0

    @property
    def total(self) -> float:
        """All of it."""
        return sum(self)

    @classmethod
    def of(cls, trials: Iterable[TrialRecord]) -> TimeSpent:
        """Add up the time of trials."""
        totals = [0.0] * len(cls._fields)
        for trial in trials:
            for index, seconds in enumerate(_spent(trial)):
                totals[index] += seconds
        return cls(*totals)


def _spent(trial: TrialRecord) -> TimeSpent:
    stages = dict(trial.timing)
    agent = stages.pop("agent", 0.0)
    named = {name: stages.pop(name, 0.0) for name in ("set_up", "verification", "tear_down")}
    known = TimeSpent(**named, other=sum(stages.values()))
    commands = _commands(trial.folder) if trial.folder and agent else None
    if commands is None:
        return known._replace(agent=agent)
    provider = min(trial.waited or 0.0, agent)
    commands = min(commands, agent - provider)
    return known._replace(provider=provider, commands=commands, model=agent - provider - commands)


def _commands(folder: Path) -> float | None:
    """Add up the seconds of a trial's commands; ``None`` when they were not noted."""
    noted = [seconds for part in runs_of(folder) for seconds in _noted(part)]
    return sum(noted) if noted else None


def _noted(folder: Path) -> list[float]:
    path = next((path for path in (folder / name for name in TRAJECTORIES) if path.is_file()), None)
    if path is None or path.suffix != ".json" or path.stat().st_size > _LARGEST:
        return []
    try:
        document: Any = json.loads(path.read_bytes())
        results = [seen for step in document["steps"] for seen in (step.get("observation") or {}).get("results", ())]
        noted = [float(seen["extra"]["seconds"]) for seen in results if (seen.get("extra") or {}).get("seconds")]
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError, OverflowError):
        return []
    return [seconds for seconds in noted if 0 <= seconds < math.inf]
