"""What a comparison found: everything that is shown of it, as values that need no scipy to be read."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from evals.analysis.job_record import JobRecord, TrialRecord

if TYPE_CHECKING:
    from pathlib import Path


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Range(_Value):
    """Two ends, as fractions."""

    low: float
    high: float


class PassRate(_Value):
    """How much of what was asked was done, over the tasks that are compared; each task counts the same."""

    passed: int
    valid: int
    """Trials that say something about the agent."""
    invalid: int
    rate: float | None
    """Over valid trials; ``None`` when there are none."""
    interval: Range | None
    """Wilson's, at the comparison's level."""
    bounds: Range
    """Had all invalid trials failed, and had all of them passed."""


class PassAtK(_Value):
    """What several attempts come to, over the tasks with at least `k` valid ones."""

    k: int
    any: float
    """pass@k: the chance that one of them passes."""
    all: float
    """pass^k: the chance that all of them do."""
    tasks: int


class Amount(_Value):
    """What was used: dollars, tokens, seconds or turns."""

    total: float | None
    """By all trials in which an agent was begun; ``None`` when it is unknown of all of them."""
    known: int
    """Of how many trials it is known."""
    trials: int
    """In how many an agent was begun: one without an image, or whose provider took no request, has used nothing."""

    @property
    def mean(self) -> float | None:
        """That of one trial, of those of which it is known."""
        return self.total / self.known if self.total is not None and self.known else None

    @property
    def complete(self) -> bool:
        """Whether it is known of all trials."""
        return self.known == self.trials


class Contender(_Value):
    """One configuration."""

    label: str
    """Its name among the others: only what differs."""
    job: JobRecord
    rate: PassRate
    pass_at: tuple[PassAtK, ...]
    cost: Amount
    """US dollars."""
    tokens: Amount
    """Sent and received."""
    seconds: Amount
    """Of all stages, less what a provider was waited for."""
    turns: Amount
    causes: dict[str, int]
    """Why trials failed or were invalid, the most frequent first."""


class Cell(_Value):
    """One contender's attempts at one task."""

    trials: tuple[TrialRecord, ...]
    passed: int
    valid: int

    @property
    def rate(self) -> float | None:
        """Over valid trials."""
        return self.passed / self.valid if self.valid else None


class TaskRow(_Value):
    """One task that all have in common."""

    task: str
    cells: tuple[Cell, ...]
    """In the order of the contenders."""


class McNemar(_Value):
    """The pairs of attempts with the same number at the same task, both valid."""

    pairs: int
    only_first: int
    """Those in which only the first contender passed."""
    only_second: int
    p_value: float
    """Exact; it takes attempts at one task for as independent as those at different tasks."""


class Power(_Value):
    """What these trials could have shown."""

    smallest: float | None
    """The smallest true difference with a chance of about 80 % to be seen; ``None`` when no difference had one."""
    attempts: int | None = None
    """At each task, with which the difference as observed would have that chance; ``None`` when no number has."""
    tasks: int | None = None
    """With the attempts that there are, likewise; ``None`` when no difference was observed, or hardly any."""
    at_least: bool = False
    """Whether `attempts` is a lower bound, as one attempt does not tell how much attempts vary."""


class Verdict(StrEnum):
    """Whether the pass rate has dropped by more than was allowed."""

    HELD = "held"
    """A larger drop is ruled out."""
    DROPPED = "dropped"
    """It has dropped by more, and not by chance."""
    UNDECIDED = "undecided"
    """A larger drop is neither shown nor ruled out."""


class Gate(_Value):
    """A limit on the drop from the first contender to the second."""

    max_drop: float
    """As a fraction."""
    verdict: Verdict
    reason: str
    """One sentence."""


class Pair(_Value):
    """Two contenders, by their places; differences are the second's pass rate less the first's."""

    first: int
    second: int
    tasks: int
    """Those with a valid trial of both."""
    difference: float
    interval: Range
    p_value: float
    """Of the sign-flip test by task (mid-p)."""
    p_adjusted: float
    """The same after Holm, for all pairs of the comparison."""
    mcnemar: McNemar
    wins: tuple[str, ...]
    """Tasks that the second passed more often."""
    losses: tuple[str, ...]
    """Tasks that the second passed less often."""
    ties: tuple[str, ...]
    bounds: Range
    """The difference over all common tasks, had the second's invalid trials all failed and the first's all passed; and
    the other way round."""
    bounds_interval: Range
    """From the interval of the lower bound to that of the upper one, and at least `interval`, which may rest on fewer
    tasks: nothing is ruled out that it takes in."""
    power: Power
    winner: int | None
    """The better contender's place; ``None`` where it would be too much to say."""
    reason: str
    """One sentence: why it is the winner, or why there is none."""
    gate: Gate | None = None


class Comparison(_Value):
    """Several configurations on the tasks that they have in common."""

    alpha: float
    contenders: tuple[Contender, ...]
    common: dict[str, str]
    """What all of them share of model and agent."""
    tasks: tuple[TaskRow, ...]
    pairs: tuple[Pair, ...]
    forced: tuple[str, ...]
    """What speaks against comparing them, which was done nevertheless."""
    remarks: tuple[str, ...]
    """What else a reader should know, a line each."""

    @property
    def confidence(self) -> float:
        """The level of the intervals."""
        return 1 - self.alpha

    def regressed(self, pair: Pair) -> dict[str, tuple[Path, ...]]:
        """Name the tasks that the second contender of a pair lost, with its trials that failed there."""
        cells = {row.task: row.cells[pair.second] for row in self.tasks}
        return {
            task: tuple(
                trial.folder for trial in cells[task].trials if trial.outcome == "failed" and trial.folder is not None
            )
            for task in pair.losses
        }
