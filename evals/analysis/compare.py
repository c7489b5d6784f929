"""Is one configuration better than another? Job records go in, a `Comparison` comes out."""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from itertools import combinations
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from evals.analysis import statistics
from evals.analysis.comparability import common_tasks, labels, objections, remarks, shared
from evals.analysis.comparison import (
    Amount,
    Cell,
    Comparison,
    Contender,
    Gate,
    McNemar,
    Pair,
    PassAtK,
    PassRate,
    Power,
    Range,
    TaskRow,
    Verdict,
)
from evals.analysis.comparison_words import counted
from evals.analysis.job_record import RecordError
from evals.result import Outcome

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evals.analysis.job_record import JobRecord, TrialRecord
    from evals.analysis.statistics import Floats


class NotComparable(RecordError):  # noqa: N818 - named for what they are
    """The jobs differ in more than the model or the agent; the message says in what."""


def compare(
    jobs: Sequence[JobRecord], *, alpha: float = 0.05, max_drop: float | None = None, force: bool = False
) -> Comparison:
    """Compare configurations on the tasks that they have in common.

    Args:
        jobs: two or more; the first is the one that the others are held against.
        alpha: the level of the tests; intervals are at 1 - `alpha`.
        max_drop: by how much the pass rate may fall against the first job, as a fraction.
        force: compare although something else than the model or the agent differs, and say what.

    Raises:
        NotComparable: something else differs.
        RecordError: there is nothing to compare.
    """
    names = common_tasks(jobs)
    against = objections(jobs, names)
    if against and not force:
        raise NotComparable("not comparable (--force compares all the same): " + "; ".join(against))
    cells = [cells_of(job) for job in jobs]
    rows = [TaskRow(task=name, cells=tuple(found[name] for found in cells)) for name in names]
    contenders = [
        _contender(label, job, [row.cells[place] for row in rows], alpha)
        for place, (label, job) in enumerate(zip(labels(jobs), jobs, strict=True))
    ]
    pairs = [_pair(first, second, rows, contenders, alpha) for first, second in combinations(range(len(jobs)), 2)]
    adjusted = statistics.holm([pair.p_value for pair in pairs])
    judged = [
        _judged(pair.model_copy(update={"p_adjusted": p_value}), contenders, alpha, max_drop)
        for pair, p_value in zip(pairs, adjusted, strict=True)
    ]
    return Comparison(
        alpha=alpha,
        contenders=tuple(contenders),
        common=shared(jobs),
        tasks=tuple(rows),
        pairs=tuple(judged),
        forced=tuple(against),
        remarks=(*remarks(jobs, names), *_weighting(contenders)),
    )


def alone(job: JobRecord, label: str, alpha: float = 0.05) -> Contender:
    """Compute the numbers of one configuration that is compared with none, over all of its tasks."""
    return _contender(label, job, list(cells_of(job).values()), alpha)


def cells_of(job: JobRecord) -> dict[str, Cell]:
    """Gather a job's trials by task, in the order of the tasks."""
    trials: dict[str, list[TrialRecord]] = defaultdict(list)
    for trial in job.trials:
        trials[trial.task].append(trial)
    return {task: _cell(found) for task, found in trials.items()}


def _cell(trials: Sequence[TrialRecord]) -> Cell:
    outcomes = Counter(trial.outcome for trial in trials)
    valid = len(trials) - outcomes[Outcome.INVALID]
    return Cell(trials=tuple(trials), passed=outcomes[Outcome.PASSED], valid=valid)


def _contender(label: str, job: JobRecord, cells: Sequence[Cell], alpha: float) -> Contender:
    trials = [trial for cell in cells for trial in cell.trials]
    causes = Counter(trial.cause or "wrong" for trial in trials if trial.outcome is not Outcome.PASSED)
    return Contender(
        label=label,
        job=job,
        rate=_rate(cells, alpha),
        pass_at=_pass_at(cells),
        cost=_amount(trials, lambda trial: trial.usage.cost_usd),
        tokens=_amount(trials, lambda trial: trial.tokens),
        seconds=_amount(trials, lambda trial: trial.seconds and max(trial.seconds - (trial.waited or 0.0), 0.0)),
        turns=_amount(trials, lambda trial: trial.turns),
        causes=dict(causes.most_common()),
    )


def _rate(cells: Sequence[Cell], alpha: float) -> PassRate:
    rates = [cell.rate for cell in cells if cell.rate is not None]
    valid = sum(cell.valid for cell in cells)
    worst, best = _extremes(cells)
    return PassRate(
        passed=sum(cell.passed for cell in cells),
        valid=valid,
        invalid=sum(len(cell.trials) for cell in cells) - valid,
        rate=float(np.mean(rates)) if rates else None,
        interval=Range(**statistics.wilson(rates, valid, 1 - alpha)._asdict()) if rates else None,
        bounds=Range(low=float(worst.mean()), high=float(best.mean())),
    )


def _weighting(contenders: Sequence[Contender]) -> list[str]:
    """Say how rates are taken where a reader who divides would get others."""
    rates = [one.rate for one in contenders if one.rate.rate is not None]
    if any(abs(rate.passed / rate.valid - (rate.rate or 0.0)) >= 0.0005 for rate in rates):  # noqa: PLR2004 - as shown
        return ["rates are means over tasks, of which each counts the same however many of its trials are valid"]
    return []


def _extremes(cells: Sequence[Cell]) -> tuple[Floats, Floats]:
    """Return the tasks' pass rates had all invalid trials failed, and had all of them passed."""
    worst = np.array([cell.passed / len(cell.trials) for cell in cells])
    best = np.array([(cell.passed + len(cell.trials) - cell.valid) / len(cell.trials) for cell in cells])
    return worst, best


def _pass_at(cells: Sequence[Cell]) -> tuple[PassAtK, ...]:
    found = []
    for k in range(1, max((cell.valid for cell in cells), default=0) + 1):
        counted = [cell for cell in cells if cell.valid >= k]
        found.append(
            PassAtK(
                k=k,
                any=float(np.mean([statistics.pass_at(k, cell.passed, cell.valid) for cell in counted])),
                all=float(np.mean([statistics.pass_all(k, cell.passed, cell.valid) for cell in counted])),
                tasks=len(counted),
            )
        )
    return tuple(found)


def _amount(trials: Sequence[TrialRecord], of: Callable[[TrialRecord], float | None]) -> Amount:
    begun = [trial for trial in trials if _has_begun(trial)]
    known = [value for value in map(of, begun) if value is not None]
    return Amount(total=math.fsum(known) if known else None, known=len(known), trials=len(begun))


def _has_begun(trial: TrialRecord) -> bool:
    """Whether an agent has, as far as is known; what had no image, or was let in by no provider, has only a folder."""
    return trial.folder is not None and not (trial.outcome is Outcome.INVALID and trial.turns == 0)


class _Rates(NamedTuple):
    """The pass rates of two contenders at the tasks that both have a valid trial of."""

    first: Floats
    second: Floats
    attempts: tuple[Floats, Floats]


def _pair(first: int, second: int, rows: Sequence[TaskRow], contenders: Sequence[Contender], alpha: float) -> Pair:
    both = [row for row in rows if row.cells[first].valid and row.cells[second].valid]
    if len(both) < 2:  # noqa: PLR2004 - one task has no spread
        named = f"{contenders[first].label} and {contenders[second].label}"
        raise RecordError(f"{named}: {counted(len(both), 'common task')} with a valid trial of both")
    rates = _Rates(
        np.array([row.cells[first].rate for row in both], dtype=float),
        np.array([row.cells[second].rate for row in both], dtype=float),
        (
            np.array([row.cells[first].valid for row in both], dtype=float),
            np.array([row.cells[second].valid for row in both], dtype=float),
        ),
    )
    differences = rates.second - rates.first
    p_value = float(statistics.sign_flip(differences))
    interval = _interval(differences, alpha)
    bounds, outer = _bounds([row.cells[first] for row in rows], [row.cells[second] for row in rows], alpha)
    return Pair(
        first=first,
        second=second,
        tasks=len(both),
        difference=float(differences.mean()),
        interval=interval,
        p_value=p_value,
        p_adjusted=p_value,
        mcnemar=_mcnemar([(row.cells[first], row.cells[second]) for row in both]),
        wins=tuple(row.task for row, difference in zip(both, differences, strict=True) if difference > 0),
        losses=tuple(row.task for row, difference in zip(both, differences, strict=True) if difference < 0),
        ties=tuple(row.task for row, difference in zip(both, differences, strict=True) if difference == 0),
        bounds=bounds,
        bounds_interval=Range(low=min(outer.low, interval.low), high=max(outer.high, interval.high)),
        power=_power(rates, alpha / math.comb(len(contenders), 2)),  # the strictest level that Holm asks of any
        winner=None,
        reason="",
    )


def _bounds(first: Sequence[Cell], second: Sequence[Cell], alpha: float) -> tuple[Range, Range]:
    first_worst, first_best = _extremes(first)
    second_worst, second_best = _extremes(second)
    low, high = second_worst - first_best, second_best - first_worst
    return (
        Range(low=float(low.mean()), high=float(high.mean())),
        Range(low=_interval(low, alpha).low, high=_interval(high, alpha).high),
    )


def _interval(differences: Floats, alpha: float) -> Range:
    low, high = statistics.interval(differences, alpha)
    return Range(low=float(low), high=float(high))


def _mcnemar(cells: Sequence[tuple[Cell, Cell]]) -> McNemar:
    pairs: Counter[tuple[bool, bool]] = Counter()
    for first, second in cells:
        others = {trial.attempt: trial.outcome for trial in second.trials}
        for trial in first.trials:
            other = others.get(trial.attempt, Outcome.INVALID)
            if Outcome.INVALID not in (trial.outcome, other):
                pairs[trial.outcome is Outcome.PASSED, other is Outcome.PASSED] += 1
    only_first, only_second = pairs[True, False], pairs[False, True]
    return McNemar(
        pairs=pairs.total(),
        only_first=only_first,
        only_second=only_second,
        p_value=statistics.mcnemar(only_first, only_second),
    )


def _power(rates: _Rates, alpha: float) -> Power:
    attempts = float(np.mean(np.minimum(*rates.attempts)))
    smallest = statistics.smallest_seen(rates.first, rates.second, attempts, alpha)
    observed = float((rates.second - rates.first).mean())
    if math.isclose(observed, 0, abs_tol=1e-9):
        return Power(smallest=smallest)
    need = statistics.needed(rates.first, rates.second, rates.attempts, observed, alpha)
    return Power(smallest=smallest, attempts=need.attempts, tasks=need.tasks, at_least=need.at_least)


def _judged(pair: Pair, contenders: Sequence[Contender], alpha: float, max_drop: float | None) -> Pair:
    winner, reason = _winner(pair, contenders, alpha)
    gate = None if max_drop is None or pair.first != 0 else _gate(pair, contenders, alpha, max_drop)
    return pair.model_copy(update={"winner": winner, "reason": reason, "gate": gate})


def _winner(pair: Pair, contenders: Sequence[Contender], alpha: float) -> tuple[int | None, str]:
    """Name the winner where chance does not explain the difference and invalid trials could not undo it."""
    if pair.p_adjusted > alpha:
        differing, least = len(pair.wins) + len(pair.losses), statistics.least_tasks(alpha)
        if pair.interval.low <= 0 <= pair.interval.high or differing >= least:
            return None, "no winner: chance could explain the difference"
        few = f"{counted(differing, 'task')} {'differs' if differing == 1 else 'differ'}"
        return None, f"no winner: only {few}, and it takes {least} to show anything at {alpha:g}"
    if pair.interval.low <= 0 <= pair.interval.high:
        return None, "no winner: the interval of the difference takes in 0"
    ahead = pair.second if pair.difference > 0 else pair.first
    if pair.bounds_interval.low <= 0 <= pair.bounds_interval.high:
        invalid = contenders[pair.first].rate.invalid + contenders[pair.second].rate.invalid
        return None, f"no winner: {contenders[ahead].label} is ahead, but {invalid} invalid trials could undo that"
    return ahead, f"{contenders[ahead].label} is better"


def _gate(pair: Pair, contenders: Sequence[Contender], alpha: float, max_drop: float) -> Gate:
    label, limit = contenders[pair.second].label, f"{max_drop * 100:g} pp"
    if pair.bounds_interval.low >= -max_drop:
        return Gate(
            max_drop=max_drop, verdict=Verdict.HELD, reason=f"{label}: a drop of more than {limit} is ruled out"
        )
    worse = _winner(pair, contenders, alpha)[0] == pair.first
    if worse and pair.bounds_interval.high < -max_drop:
        reason = f"{label}: dropped by {-pair.difference * 100:.1f} pp, where {limit} were allowed"
        return Gate(max_drop=max_drop, verdict=Verdict.DROPPED, reason=reason)
    why = ", as trials are invalid" if pair.interval.low >= -max_drop else ""
    sure = f"is worse, by {-pair.difference * 100:.1f} pp; " if worse else ""
    reason = f"{label}: {sure}a drop of more than {limit} is not ruled out{why}"
    return Gate(max_drop=max_drop, verdict=Verdict.UNDECIDED, reason=reason)
