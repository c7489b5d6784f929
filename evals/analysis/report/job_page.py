"""The page of a job, or of several that are compared."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from evals.analysis.comparability import labels, shared
from evals.analysis.compare import alone, cells_of
from evals.analysis.comparison import Cell, Comparison, Contender, TaskRow
from evals.analysis.comparison_words import details, difference, verdict
from evals.analysis.report.page import page
from evals.analysis.report.price import price
from evals.analysis.report.scale import Scale
from evals.analysis.report.time_spent import TimeSpent
from evals.result import Outcome

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evals.analysis.comparison import Pair
    from evals.analysis.job_record import JobRecord, TrialRecord

_LETTERS = "abcdef"
_CAUSES, _MESSAGES = 12, 50


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


def job_page(job: JobRecord, links: Mapping[Path, str]) -> str:
    """Write the page of one job; `links` are addresses of trials' pages, by the trials' folders."""
    label = job.model.get("model") or job.agent.get("agent") or job.name
    contender = alone(job, label)
    rows = [TaskRow(task=task, cells=(cell,)) for task, cell in cells_of(job).items()]
    return _page([contender], rows, links)


def comparison_page(comparison: Comparison, links: Mapping[Path, str]) -> str:
    """Write the page of a comparison; `links` as in `job_page`."""
    return _page(comparison.contenders, comparison.tasks, links, comparison=comparison, common=comparison.common)


def apart_page(jobs: Sequence[JobRecord], reason: str, links: Mapping[Path, str]) -> str:
    """Write the page of jobs that cannot be compared: all of each one's tasks, and why; `links` as in `job_page`."""
    contenders = [alone(job, label) for label, job in zip(labels(jobs), jobs, strict=True)]
    cells = [cells_of(job) for job in jobs]
    tasks = sorted({task for found in cells for task in found})
    none = Cell(trials=(), passed=0, valid=0)
    rows = [TaskRow(task=task, cells=tuple(found.get(task, none) for found in cells)) for task in tasks]
    return _page(contenders, rows, links, common=shared(jobs), reason=reason)


def _page(  # noqa: PLR0913 - what the three pages have is not the same
    contenders: Sequence[Contender],
    rows: Sequence[TaskRow],
    links: Mapping[Path, str],
    *,
    comparison: Comparison | None = None,
    common: Mapping[str, str] | None = None,
    reason: str = "",
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
        common=common or {},
        reason=reason,
        pairs=[_pair(comparison, pair) for pair in comparison.pairs] if comparison else [],
        level=f"{100 * (comparison.confidence if comparison else 0.95):g} %",
        price=price(contenders, rows),
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
