"""The page of a job, or of several that are compared."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from evals.analysis.compare import alone, cells_of
from evals.analysis.comparison import Comparison, Contender, TaskRow
from evals.analysis.comparison_words import details, difference, verdict
from evals.analysis.report.page import page
from evals.analysis.report.scale import Scale, up_to
from evals.analysis.report.time_spent import TimeSpent
from evals.result import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evals.analysis.comparison import Amount, Cell, Pair
    from evals.analysis.job_record import JobRecord, TrialRecord

_LETTERS = "abcdef"
_DOTS, _CAUSES, _MESSAGES = 300, 12, 50


class Shown(NamedTuple):
    """A configuration with what only a report says of it."""

    of: Contender
    letter: str
    """Its colour, one of six."""
    trials: tuple[TrialRecord, ...]
    """Of the tasks that are shown."""
    time: TimeSpent
    causes: Sequence[tuple[Outcome, str, int]]
    """Why trials did not pass, the most frequent first."""


class PairShown(NamedTuple):
    """A comparison of two in words."""

    pair: Pair
    first: str
    second: str
    verdict: str
    difference: str
    details: list[tuple[str, str]]


class Dot(NamedTuple):
    """A point of the chart of cost against success."""

    label: str
    letter: str
    price: float
    """Dollars or tokens of a trial, in the mean."""
    rate: float


class Price(NamedTuple):
    """The chart of cost against success."""

    unit: str
    """``dollars``, or ``tokens`` where those are not known of all."""
    dots: list[Dot]
    x: Scale
    y: Scale


def job_page(job: JobRecord, links: Mapping[Path, str]) -> str:
    """Write the page of one job; `links` are addresses of trials' pages, by the trials' folders."""
    label = job.model.get("model") or job.agent.get("agent") or job.name
    contender = alone(job, label)
    rows = [TaskRow(task=task, cells=(cell,)) for task, cell in cells_of(job).items()]
    return _page([contender], rows, links)


def comparison_page(comparison: Comparison, links: Mapping[Path, str]) -> str:
    """Write the page of a comparison; `links` as in `job_page`."""
    return _page(comparison.contenders, comparison.tasks, links, comparison)


def _page(
    contenders: Sequence[Contender],
    rows: Sequence[TaskRow],
    links: Mapping[Path, str],
    comparison: Comparison | None = None,
) -> str:
    shown = [
        _shown(contender, _LETTERS[place % len(_LETTERS)], [row.cells[place] for row in rows])
        for place, contender in enumerate(contenders)
    ]
    return page(
        "job",
        shown=shown,
        rows=rows,
        links=links,
        comparison=comparison,
        pairs=[_pair(comparison, pair) for pair in comparison.pairs] if comparison else [],
        level=f"{100 * (comparison.confidence if comparison else 0.95):g} %",
        price=_price(shown, rows),
        stages=TimeSpent._fields,
        scale=Scale,
        messages=_messages(shown),
    )


def _shown(contender: Contender, letter: str, cells: Sequence[Cell]) -> Shown:
    trials = tuple(trial for cell in cells for trial in cell.trials)
    causes = Counter((trial.outcome, _cause(trial)) for trial in trials if trial.outcome is not Outcome.PASSED)
    found = [(outcome, cause, count) for (outcome, cause), count in causes.most_common(_CAUSES)]
    return Shown(contender, letter, trials, TimeSpent.of(trials), found)


def _cause(trial: TrialRecord) -> str:
    if trial.cause:
        return trial.cause.replace("_", " ")
    return "finished, and was wrong" if trial.outcome is Outcome.FAILED else "unknown"


def _pair(comparison: Comparison, pair: Pair) -> PairShown:
    first, second = (comparison.contenders[place].label for place in (pair.first, pair.second))
    return PairShown(
        pair,
        first,
        second,
        verdict(pair),
        difference(comparison, pair),
        list(details(comparison, pair)),
    )


def _price(shown: Sequence[Shown], rows: Sequence[TaskRow]) -> Price | None:
    """Draw configurations, or the tasks of one alone; `None` where neither dollars nor tokens are known of all."""
    for unit in ("dollars", "tokens"):
        dots = [dot for one in shown if (dot := _dot(one, unit))]
        most = max((dot.price for dot in dots), default=0.0)
        if most > 0 and len(dots) == len(shown):
            dots = dots if len(shown) > 1 else _dots(shown[0], rows, unit)
            most = max(dot.price for dot in dots)
            return Price(unit, dots, up_to(most, 44, 466), Scale(0, 1, 200, 14))
    return None


def _dot(one: Shown, unit: str) -> Dot | None:
    amount: Amount = one.of.cost if unit == "dollars" else one.of.tokens
    if amount.mean is None or not amount.complete or one.of.rate.rate is None:
        return None
    return Dot(one.of.label, one.letter, amount.mean, one.of.rate.rate)


def _dots(one: Shown, rows: Sequence[TaskRow], unit: str) -> list[Dot]:
    found = []
    for row in rows[:_DOTS]:
        (cell,) = row.cells
        prices = [trial.usage.cost_usd if unit == "dollars" else trial.tokens for trial in cell.trials if trial.folder]
        known = [price for price in prices if price is not None]
        if known and cell.rate is not None:
            found.append(Dot(row.task, one.letter, sum(known) / len(known), cell.rate))
    return found or [Dot(one.of.label, one.letter, 0.0, 0.0)]


def _messages(shown: Sequence[Shown]) -> list[tuple[str, str, int]]:
    """Gather what broke: the first trial with each message, the message, and of how many trials it is."""
    first: dict[str, str] = {}
    counts: Counter[str] = Counter()
    for one in shown:
        for trial in one.trials:
            if trial.message:
                first.setdefault(trial.message, f"{trial.task} #{trial.attempt}")
                counts[trial.message] += 1
    return [(first[message], message[:2000], count) for message, count in counts.most_common(_MESSAGES)]
