"""A comparison in the terminal: the answer first, then what it rests on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.padding import Padding
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from evals.analysis import comparison_words as words
from evals.analysis.comparison import Verdict
from evals.display import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from rich.console import Console

    from evals.analysis.comparison import Cell, Comparison, Pair

_ROWS = 15
"""Tasks that are named in the terminal; the Markdown and the JUnit file name all."""
_PICTURE = 78
_COLOURS = {Verdict.HELD: "bold green", Verdict.DROPPED: "bold red", Verdict.UNDECIDED: "bold yellow"}


def show(console: Console, comparison: Comparison) -> None:
    """Print a comparison."""
    if comparison.forced:
        console.print(_text("Compared by force; this is no fair comparison:", "bold red"))
        _print(console, comparison.forced, "red")
        console.print()
    for pair in comparison.pairs:
        _show_pair(console, comparison, pair)
    console.print(_heading("each of them"))
    tables = [_rates(comparison), _amounts(comparison)]
    if any(len(contender.pass_at) > 1 for contender in comparison.contenders):
        tables.append(_pass_at(comparison))
    for table in tables:
        console.print(table)
        console.print()
    for contender in comparison.contenders:
        if contender.causes:
            console.print(_text(f"{contender.label} did not pass: {words.causes(contender)}"))
    console.print()
    _show_tasks(console, comparison)
    common = ", ".join(f"{name} {value}" for name, value in comparison.common.items())
    console.print(_heading(f"{len(comparison.tasks)} tasks" + (f" with {common}" if common else "")))
    _print(console, comparison.remarks, "yellow")


def _show_pair(console: Console, comparison: Comparison, pair: Pair) -> None:
    first, second = (comparison.contenders[place].label for place in (pair.first, pair.second))
    console.print(_heading(f"{second} against {first}"))
    console.print(_text(words.verdict(pair), "bold yellow" if pair.winner is None else "bold green"))
    console.print(_text(words.difference(comparison, pair)))
    console.print(_picture(pair, min(console.width, _PICTURE)))
    grid = Table.grid(padding=(0, 2, 0, 0))
    for heading, line in words.details(comparison, pair):
        grid.add_row(_text(heading, "dim"), _text(line))
    console.print(grid)
    if pair.gate:
        console.print(_text(f"{pair.gate.verdict}: {pair.gate.reason}", _COLOURS[pair.gate.verdict]))
    console.print()


def _picture(pair: Pair, width: int) -> Text:
    """Draw the interval, the difference in it, and where 0 is."""
    reach = min(max(abs(pair.interval.low), abs(pair.interval.high), 0.01) * 1.1, 1.0)
    left, right = f"{words.pp(-reach)} ", f" {words.pp(reach)}"
    places = width - len(left) - len(right)

    def place(value: float) -> int:
        return round((value + reach) / (2 * reach) * (places - 1))

    line = ["·"] * places
    low, high = place(pair.interval.low), place(pair.interval.high)
    line[low : high + 1] = "─" * (high + 1 - low)
    line[low], line[high] = "├", "┤"
    line[place(0)] = "┼" if low < place(0) < high else "│"
    line[place(pair.difference)] = "●"
    bar = "".join(line)
    colour = "yellow" if pair.winner is None else "green"
    return Text.assemble(
        (left + bar[:low], "dim"), (bar[low : high + 1], colour), (bar[high + 1 :] + right, "dim"), no_wrap=True
    )


def _rates(comparison: Comparison) -> Table:
    level = words.level(comparison)
    table = _table("", *(f"{level} interval" if name == "interval" else name for name in words.HEADINGS))
    for contender in comparison.contenders:
        table.add_row(_text(contender.label), *words.rates(contender))
    return table


def _amounts(comparison: Comparison) -> Table:
    table = _table("a trial", *words.AMOUNTS)
    for contender in comparison.contenders:
        table.add_row(_text(contender.label), *words.amounts(contender))
    return table


def _pass_at(comparison: Comparison) -> Table:
    most = max(len(contender.pass_at) for contender in comparison.contenders)
    wanted = [k for k in range(1, most + 1) if k in (1, 2, 3, 5, 10, most)]
    table = _table("of k attempts", "", *(f"k = {k}" for k in wanted))
    for contender in comparison.contenders:
        found = {each.k: each for each in contender.pass_at}
        for name, values in (("one passes", {k: at.any for k, at in found.items()}),
                             ("all pass", {k: at.all for k, at in found.items()})):  # fmt: skip
            counted = (words.percent(values.get(k)) + words.among(found.get(k), comparison) for k in wanted)
            table.add_row(_text(contender.label), name, *counted)
    return table


def _show_tasks(console: Console, comparison: Comparison) -> None:
    """Print the tasks that set them apart, first those that the first contender did best."""
    rows = [row for row in comparison.tasks if len({cell.rate for cell in row.cells}) > 1]
    if not rows:
        return
    console.print(_heading("tasks that set them apart"))
    table = _table("", *(contender.label for contender in comparison.contenders))
    for row in sorted(rows, key=lambda row: _order(row.cells))[:_ROWS]:
        table.add_row(_text(row.task), *(_cell(cell) for cell in row.cells))
    console.print(table)
    if len(rows) > _ROWS:
        console.print(_text(f"and {len(rows) - _ROWS} more", "dim"))
    for pair in comparison.pairs:
        if pair.first == 0 and pair.losses:
            _show_regressions(console, comparison, pair)
    console.print()


def _show_regressions(console: Console, comparison: Comparison, pair: Pair) -> None:
    first, second = (comparison.contenders[place].label for place in (pair.first, pair.second))
    regressed = comparison.regressed(pair)
    console.print(_text(f"\nFailed trials of {second} where {first} did better:"))
    for task, folders in list(regressed.items())[:_ROWS]:
        more = f" and {len(folders) - 1} more" if len(folders) > 1 else ""
        console.print(_text(f"  {folders[0] if folders else task}{more}"), soft_wrap=True)
    if len(regressed) > _ROWS:
        console.print(_text(f"  and at {words.counted(len(regressed) - _ROWS, 'more task')}", "dim"))


def _order(cells: Sequence[Cell]) -> tuple[bool, float]:
    """Put the first contender's gains before its losses, and each by size."""
    rates = [-1.0 if cell.rate is None else cell.rate for cell in cells]
    lead = rates[0] - max(rates[1:])
    return lead <= 0, -abs(lead)


def _cell(cell: Cell) -> Text:
    return Text(words.outcome(cell), style={None: "yellow", 0.0: "red", 1.0: "green"}.get(cell.rate, ""))


def _table(first: str, *others: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="dim")
    table.add_column(Text(first), overflow="fold", min_width=13)
    for heading in others:
        table.add_column(_text(heading), justify="right" if heading else "left", overflow="fold")
    return table


def _heading(text: str) -> Rule:
    return Rule(_text(text, "bold"), align="left", style="dim")


def _print(console: Console, lines: Iterable[str], style: str) -> None:
    for line in lines:
        console.print(Padding(_text(line, style), (0, 0, 0, 2)))


def _text(text: str, style: str = "") -> Text:
    return Text(printable(text), style=style)
