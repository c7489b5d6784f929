"""The chart of cost against success: a point for each configuration, or for each task of one alone."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from evals.analysis.report.scale import Scale, up_to

if TYPE_CHECKING:
    from collections.abc import Sequence

    from evals.analysis.comparison import Amount, Contender, TaskRow
    from evals.analysis.job_record import TrialRecord

_MOST = 300


class Dot(NamedTuple):
    """A point."""

    label: str
    place: int
    """The configuration's, among those of the page."""
    price: float
    """Dollars or tokens of a trial, in the mean of those of which they are known."""
    complete: bool
    """Whether they are known of all of them."""
    rate: float


class Price(NamedTuple):
    """What is drawn."""

    unit: str
    """``dollars``, or ``tokens`` where less is known of those."""
    dots: list[Dot]
    known: int
    """Of how many trials it is known, of those that have a part in a point."""
    trials: int
    missing: list[str]
    """Configurations without a point."""
    x: Scale
    y: Scale


def price(contenders: Sequence[Contender], rows: Sequence[TaskRow]) -> Price | str:
    """Choose what is drawn; where nothing can be, say why in a sentence."""
    amounts = {"dollars": [one.cost for one in contenders], "tokens": [one.tokens for one in contenders]}
    drawn = [_drawn(unit, amounts[unit], contenders, rows) for unit in amounts]
    usable = [one for one in drawn if any(dot.price for dot in one.dots)]
    if usable:
        return max(usable, key=lambda one: (len(one.dots), one.known))
    if all(one.rate.rate is None for one in contenders):
        return "No trial was valid."
    known = any(amount.known for of_unit in amounts.values() for amount in of_unit)
    return "No trial cost anything." if known else "Neither dollars nor tokens are known of any trial."


def _drawn(unit: str, amounts: Sequence[Amount], contenders: Sequence[Contender], rows: Sequence[TaskRow]) -> Price:
    if len(contenders) == 1:
        dots = [dot for row in rows[:_MOST] if (dot := _of_task(unit, row))]
    else:
        dots = [
            Dot(one.label, place, amount.mean, amount.complete, one.rate.rate)
            for place, (one, amount) in enumerate(zip(contenders, amounts, strict=True))
            if amount.mean is not None and one.rate.rate is not None
        ]
    places = {dot.place for dot in dots}
    return Price(
        unit,
        dots,
        sum(amounts[place].known for place in places),
        sum(amounts[place].trials for place in places),
        [one.label for place, one in enumerate(contenders) if place not in places],
        up_to(max((dot.price for dot in dots), default=0.0), 44, 466),
        Scale(0, 1, 200, 14),
    )


def _of_task(unit: str, row: TaskRow) -> Dot | None:
    (cell,) = row.cells
    prices = [_price(unit, trial) for trial in cell.trials if trial.folder]
    known = [price for price in prices if price is not None]
    if not known or cell.rate is None:
        return None
    return Dot(row.task, 0, sum(known) / len(known), len(known) == len(prices), cell.rate)


def _price(unit: str, trial: TrialRecord) -> float | None:
    return trial.usage.cost_usd if unit == "dollars" else trial.tokens
