"""What a job came to, whichever harness ran it: one configuration, its conditions, its trials."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from agent.model import Usage
from evals.result import Outcome
from evals.reward import LARGEST
from evals.task import BrokenTask

NOT_RUN = "not_run"
"""The cause of a planned attempt that left no result."""

Source = Literal["termstone", "harbor", "terminal-bench"]

_LARGEST = 1e15
_MOST_ATTEMPTS = 10_000
Count = Annotated[int, Field(ge=0, le=int(_LARGEST))]
Number = Annotated[float, Field(ge=-_LARGEST, le=_LARGEST, allow_inf_nan=False)]
"""What can be added up and shown: a damaged file may hold NaN, or a number with 400 digits."""
Reward = Annotated[float, Field(ge=-LARGEST, le=LARGEST, allow_inf_nan=False)]


class RecordError(Exception):
    """A folder cannot be read as a job, or jobs cannot be compared; the message is one line for the user."""


class StepRecord(BaseModel):
    """One time that a step of a trial was graded."""

    model_config = ConfigDict(frozen=True)

    name: str = ""
    """The step's; empty for the only step of a task."""
    turn: Count = 1
    reward: Number | None = None
    """``None`` when nothing was graded."""

    @property
    def folders(self) -> tuple[str, ...]:
        """What the folder with its files may be called, as seen from the trial's or its ``steps``."""
        turn = f"turn-{self.turn}"
        return (self.name, f"{self.name}/{turn}") if self.name else (turn,)


class TrialRecord(BaseModel):
    """One attempt at one task."""

    model_config = ConfigDict(frozen=True)

    task: str
    attempt: Count
    """From 1; where a harness does not number them, in the order in which they were begun."""
    tries: Count = 1
    """How often it was begun, for something other than the agent broke."""
    outcome: Outcome
    cause: str | None = None
    """Why it did not pass, in the words of `evals.result.Cause` or else in the harness's own."""
    message: str | None = None
    reward: Number | None = None
    """``None`` when nothing was graded."""
    rewards: dict[str, Reward] = Field(default_factory=dict)
    steps: tuple[StepRecord, ...] = ()
    """What was graded, in its order; none or one for a task of one step that is graded once."""
    stop_reason: str | None = None
    turns: Count | None = None
    usage: Usage = Usage()
    timing: dict[str, Number] = Field(default_factory=dict)
    """Seconds of each stage, in Termstone's names: ``set_up``, ``agent``, ``verification``, ``tear_down``."""
    waited: Number | None = None
    """Seconds of the agent's stage in which a provider was waited for; ``None`` is unknown."""
    answered_by: tuple[str, ...] = ()
    """The models that answered, in the provider's words."""
    task_digest: str | None = None
    """The task's version; two are comparable only if one harness made both."""
    started: str = ""
    folder: Path | None = None
    """Its files; ``None`` when it left none."""
    job: str = ""
    """Which of several jobs it is of, where trials of several stand together."""

    @field_validator("usage")
    @classmethod
    def _countable(cls, usage: Usage) -> Usage:
        if not all(0 <= value <= _LARGEST for _, value in usage if value is not None):
            raise ValueError("what was used is no amount")
        return usage

    @property
    def tokens(self) -> int | None:
        """Those sent and received."""
        return self.usage.tokens

    @property
    def seconds(self) -> float | None:
        """The time of all stages."""
        return sum(self.timing.values()) if self.timing else None


class JobRecord(BaseModel):
    """All trials of one configuration; a folder that holds several is several of these."""

    model_config = ConfigDict(frozen=True)

    source: Source
    folder: Path
    model: dict[str, str]
    """Which model it was and how it was asked: `model`, `reasoning_effort`, `temperature`, ... as they were given."""
    agent: dict[str, str]
    """What asked it: `agent`, `agent_version`, `format`, ..."""
    conditions: dict[str, str]
    """What must be alike for a difference to be the model's or the agent's: code, prompts, limits, sandbox, ..."""
    circumstances: dict[str, str] = Field(default_factory=dict)
    """What may have mattered, and is told when it differs."""
    images: dict[str, str] = Field(default_factory=dict)
    """Digests of the tasks' images, where there are any and they are known."""
    left_out: tuple[BrokenTask, ...] = ()
    """Tasks that were named and could not be run."""
    attempts: int
    """At each task, as planned."""
    trials: tuple[TrialRecord, ...]
    """By task and attempt; planned ones without a result are invalid, with the cause `NOT_RUN`."""

    @property
    def name(self) -> str:
        """The folder's."""
        return self.folder.resolve().name

    @property
    def configuration(self) -> dict[str, str]:
        """What may differ from the other's: the model and the agent."""
        return {**self.model, **self.agent}

    @property
    def tasks(self) -> tuple[str, ...]:
        """Their names."""
        return tuple(sorted({trial.task for trial in self.trials}))


def with_planned(trials: list[TrialRecord], planned: dict[str, int]) -> tuple[TrialRecord, ...]:
    """Sort trials, and add those that were planned, so many of each task, and have no result.

    Raises:
        RecordError: an attempt is there twice, as in a job folder with a copy of a task's; it would count twice.
    """
    counts = Counter((trial.task, trial.attempt) for trial in trials)
    twice = next((trial for trial in trials if counts[trial.task, trial.attempt] > 1), None)
    if twice:
        folders = " and ".join(str(it.folder) for it in trials if (it.task, it.attempt) == (twice.task, twice.attempt))
        raise RecordError(f"attempt {twice.attempt} at {twice.task} is there twice: {folders}")
    missing = [
        TrialRecord(task=task, attempt=attempt, outcome=Outcome.INVALID, cause=NOT_RUN)
        for task, attempts in planned.items()
        for attempt in range(1, attempts + 1)
        if (task, attempt) not in counts
    ]
    return tuple(sorted([*trials, *missing], key=lambda trial: (trial.task, trial.attempt)))


def attempts_at_each(value: object) -> int:
    """Take the planned number of attempts, for each of which a trial is made up where none has a result.

    Raises:
        ValueError: it is none, or more than anybody runs.
    """
    if not isinstance(value, int) or not 1 <= value <= _MOST_ATTEMPTS:
        raise ValueError("no number of attempts")
    return value


def read_object(path: Path) -> dict[str, Any]:
    """Read a JSON object; `RecordError` names a file that holds none."""
    if not path.is_file():  # a pipe would be waited for
        raise RecordError(f"{path}: no such file")
    try:
        document = json.loads(path.read_bytes())
    except OSError as error:
        raise RecordError(f"{path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise RecordError(f"{path} is damaged or cut short: it is no JSON") from error
    if not isinstance(document, dict):
        raise RecordError(f"{path} is damaged: it holds no object")
    return document


def damaged(path: Path, error: Exception) -> RecordError:
    """Say in one line that a file is not what it should be."""
    what = f"{error} is missing" if isinstance(error, KeyError) else "it holds other values than such a file does"
    return RecordError(f"{path} is damaged: {what}")


def given(settings: dict[str, Any], names: tuple[str, ...]) -> dict[str, str]:
    """Take what was asked for, as text; what was left to others is not there."""
    return {name: str(settings[name]) for name in names if settings.get(name) not in (None, "", [], {})}
