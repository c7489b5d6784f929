"""A comparison in words and numbers, the same wherever it is shown."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evals.analysis.comparison import Amount, Cell, Comparison, Contender, Pair, PassAtK

HEADINGS = ("passed", "rate", "interval", "invalid", "as failed / passed")
AMOUNTS = ("turns", "tokens", "seconds", "usd", "usd a pass", "usd in all")


def verdict(pair: Pair) -> str:
    """Say who won or why nobody has."""
    return ("No winner" + pair.reason.removeprefix("no winner") if pair.winner is None else pair.reason) + "."


def difference(comparison: Comparison, pair: Pair) -> str:
    """Say the difference, its interval and its p-value, also what it becomes for being one of several."""
    interval = f"{level(comparison)} interval {pp(pair.interval.low)} to {pp(pair.interval.high)}"
    several = (
        f", {p_text(pair.p_adjusted)} as one of {len(comparison.pairs)} (Holm)" if len(comparison.pairs) > 1 else ""
    )
    tasks = f" over {pair.tasks} of {len(comparison.tasks)} tasks" if pair.tasks < len(comparison.tasks) else ""
    return f"{pp(pair.difference)} pp{tasks} ({interval}), {p_text(pair.p_value)}{several}"


def level(comparison: Comparison) -> str:
    """Say at which level the intervals are."""
    return f"{comparison.confidence * 100:g} %"


def details(comparison: Comparison, pair: Pair) -> Iterator[tuple[str, str]]:
    """Say what a difference rests on and what else it could have been: a heading and a line each."""
    first, second = (comparison.contenders[place] for place in (pair.first, pair.second))
    yield "tasks", f"{len(pair.wins)} won, {len(pair.losses)} lost, {len(pair.ties)} tied"
    if first.rate.invalid or second.rate.invalid:
        over = f" over all {len(comparison.tasks)} tasks" if pair.tasks < len(comparison.tasks) else ""
        ends = f"{pp(pair.bounds.low)} to {pp(pair.bounds.high)} pp{over} whatever the invalid trials were"
        whole = f"{pp(pair.bounds_interval.low)} to {pp(pair.bounds_interval.high)}"
        yield "bounds", f"{ends} ({whole} with the intervals)"
    paired = pair.mcnemar
    repeated = ", attempts at one task taken for independent" if paired.pairs > pair.tasks else ""
    only = f"{paired.only_second} passed only by {second.label}, {paired.only_first} only by {first.label}"
    yield "pairs", f"{paired.pairs:,} attempts: {only} (exact McNemar {p_text(paired.p_value)}{repeated})"
    yield "power", "; ".join(_power(comparison, pair))


def _power(comparison: Comparison, pair: Pair) -> Iterator[str]:
    power = pair.power
    if power.smallest is None:
        yield f"{pair.tasks} tasks are too few to show any difference at {comparison.alpha:g}"
    else:
        yield f"a true difference of about {power.smallest * 100:.1f} pp had a chance of 80 % to be seen"
    if pair.winner is None and power.tasks is not None and power.tasks > pair.tasks:
        least = "at least " if power.at_least else ""
        tasks = f"{power.tasks:,} tasks with as many attempts"
        if power.attempts is None:
            yield f"for {pp(pair.difference)} pp it takes {tasks}; more attempts at these are not enough"
        else:
            first, second = (comparison.contenders[place].job for place in (pair.first, pair.second))
            more = power.attempts - min(first.attempts, second.attempts)
            each = f"{least}{power.attempts:,} attempts at each task" + (f" ({more:,} more)" if more > 0 else "")
            yield f"for {pp(pair.difference)} pp it takes {each}, or {tasks}"


def rates(contender: Contender) -> tuple[str, ...]:
    """Say what a contender passed, under `HEADINGS`."""
    rate = contender.rate
    return (
        f"{rate.passed} of {rate.valid}",
        percent(rate.rate),
        f"{rate.interval.low * 100:.1f} to {rate.interval.high * 100:.1f}" if rate.interval else "unknown",
        f"{rate.invalid}",
        f"{rate.bounds.low * 100:.1f} / {rate.bounds.high * 100:.1f}" if rate.invalid else "",
    )


def amounts(contender: Contender) -> tuple[str, ...]:
    """Say what a contender's trials used, under `AMOUNTS`."""
    return (
        used(contender.turns, "{:.1f}"),
        used(contender.tokens, "{:,.0f}"),
        used(contender.seconds, "{:.1f}"),
        used(contender.cost, "{:.4f}"),
        per_pass(contender),
        spent(contender.cost),
    )


def causes(contender: Contender) -> str:
    """Say why trials did not pass."""
    return ", ".join(f"{count} {cause.replace('_', ' ')}" for cause, count in contender.causes.items())


def pp(value: float) -> str:
    """Write a difference in percentage points, with its sign."""
    return f"{round(value * 100, 1) + 0.0:+.1f}"  # which is no -0.0


def percent(value: float | None) -> str:
    """Write a fraction as a percentage."""
    return "unknown" if value is None else f"{value * 100:.1f} %"


def among(at: PassAtK | None, comparison: Comparison) -> str:
    """Say over how many tasks a number of attempts is told, where some have fewer valid ones."""
    return f" ({at.tasks} tasks)" if at and at.tasks < len(comparison.tasks) else ""


def counted(number: int, noun: str) -> str:
    """Write how many of something there are."""
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def outcome(cell: Cell) -> str:
    """Write what a contender's attempts at a task came to."""
    return "invalid" if cell.rate is None else f"{cell.passed}/{cell.valid}"


def p_text(value: float) -> str:
    """Write a p-value."""
    return "p < 0.001" if value < 0.001 else f"p = {value:.3f}"  # noqa: PLR2004 - three digits are shown


def used(amount: Amount, form: str) -> str:
    """Write what a trial used on average; with `~` where it is not known of all."""
    return "unknown" if amount.mean is None else ("" if amount.complete else "~") + form.format(amount.mean)


def spent(cost: Amount) -> str:
    """Write what all trials cost; with `>` where it is not known of all."""
    return "unknown" if cost.total is None else ("" if cost.complete else "> ") + f"{cost.total:.2f}"


def per_pass(contender: Contender) -> str:
    """Write what a pass cost, with what was spent on failures."""
    cost, passed = contender.cost, contender.rate.passed
    if cost.total is None:
        return "unknown"
    return ("" if cost.complete else "> ") + f"{cost.total / passed:.4f}" if passed else "none passed"
