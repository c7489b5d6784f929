"""What the user sees of what is there: a table of results, a list of tasks.

Whatever came out of a model or a sandbox is made printable first and never read as markup, so that it cannot reach the
user's own terminal.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from rich.table import Table
from rich.text import Text

from evals.result import Outcome
from evals.task import BrokenTask
from sandbox.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from rich.console import Console

    from agent.model import Usage
    from evals.finding import Finding
    from evals.task import Task

_COLOURS = {Outcome.PASSED: "green", Outcome.FAILED: "red", Outcome.INVALID: "yellow"}
_redaction = Redaction()


class _Row(Protocol):
    """What is shown of a trial: what results have, and records of other harnesses' trials as well."""

    @property
    def task(self) -> str: ...
    @property
    def attempt(self) -> int: ...
    @property
    def outcome(self) -> Outcome: ...
    @property
    def cause(self) -> str | None: ...
    @property
    def message(self) -> str | None: ...
    @property
    def turns(self) -> int | None: ...
    @property
    def usage(self) -> Usage: ...
    @property
    def timing(self) -> dict[str, float]: ...


def printable(text: str, limit: int | None = None) -> str:
    """Replace secrets, and what a terminal acts on: escapes, controls, bidirectional marks; tabs and line ends stay."""
    clean = "".join(character if character.isprintable() or character in "\n\t" else "\N{REPLACEMENT CHARACTER}"
                    for character in _redaction.text(text))  # fmt: skip
    return clean if limit is None or len(clean) <= limit else clean[: limit - 1] + "…"


def amount(number: float | None) -> str:
    """Write a number of tokens or turns."""
    return "unknown" if number is None else f"{number:,}"


def dollars(cost: float | None) -> str:
    """Write US dollars."""
    return "unknown" if cost is None else f"{cost:.4f}"


def show_results(console: Console, results: Sequence[_Row]) -> None:
    """Print a row a trial, and their summary."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    longest = max((len(result.task) for result in results), default=0)
    table.add_column("task", no_wrap=True, min_width=min(longest, 40))
    for heading in ("attempt", "outcome", "cause", "turns", "tokens", "usd", "seconds"):
        table.add_column(heading, justify="left" if heading in ("outcome", "cause") else "right")
    for result in results:
        table.add_row(
            Text(printable(result.task)),
            str(result.attempt),
            Text(result.outcome, style=_COLOURS[result.outcome]),
            Text(printable(result.cause or "")),
            amount(result.turns),
            amount(result.usage.tokens),
            dollars(result.usage.cost_usd),
            f"{sum(result.timing.values()):.1f}" if result.timing else "",
        )
    console.print(table)
    show_summary(console, results)


def show_summary(console: Console, results: Sequence[_Row]) -> None:
    """Print the rates over valid trials, then what broke others."""
    console.print(Text(summary(results), style="bold"))
    broken = [result for result in results if result.message]
    for message in dict.fromkeys(result.message or "" for result in broken):
        named = [f"{result.task} #{result.attempt}" for result in broken if result.message == message]
        others = f" and {len(named) - 1} more" if len(named) > 1 else ""
        console.print(Text(f"{named[0]}{others}: {printable(message, 2000)}"), soft_wrap=True)


def summary(results: Sequence[_Row]) -> str:
    """Say in a line what came out, over the trials that count."""
    passed = sum(result.outcome is Outcome.PASSED for result in results)
    invalid = sum(result.outcome is Outcome.INVALID for result in results)
    valid = len(results) - invalid
    rate = f" ({passed / valid:.0%})" if valid else ""
    note = f"; {invalid} invalid, which count for nothing" if invalid else ""
    return f"{passed} of {valid} passed{rate}{note}"


def note_lines(notes: Iterable[tuple[str, str]]) -> Iterator[str]:
    """Put notes on tasks into lines, one that is on several once.

    Args:
        notes: the name of a task with a note on it, each.
    """
    tasks: dict[str, dict[str, None]] = {}
    for name, note in notes:
        tasks.setdefault(note, {})[name] = None
    for note, names in tasks.items():
        first = next(iter(names))
        others = f" and {len(names) - 1} more" if len(names) > 1 else ""
        yield f"note: {first}{others}: {note}"


def show_tasks(console: Console, tasks: Sequence[Task | BrokenTask]) -> None:
    """Print a row a task, with what is wrong with the broken ones."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("task", "difficulty", "category", "description"):
        table.add_column(heading)
    for task in tasks:
        if isinstance(task, BrokenTask):
            table.add_row(Text(printable(task.name)), Text("broken", style="yellow"), "", Text(printable(task.reason)))
        else:
            table.add_row(Text(printable(task.name)), *(Text(printable(fact)) for fact in task.facts))
    console.print(table)


def finding_line(finding: Finding, width: int) -> str:
    """Put what a check of a task came to into a line, the task's name in a column of `width`."""
    verdict = "ok" if finding.ok else "warning" if finding.warning else "BAD"
    return (
        f"{finding.task:<{width}}  {verdict:<7}  {finding.seconds:6.1f} s  {finding.check}  {finding.detail}".rstrip()
    )
