"""A comparison in Markdown, as a comment on a pull request."""

from __future__ import annotations

import html
import re
from typing import TYPE_CHECKING

from evals.analysis import comparison_words as words
from evals.display import printable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from evals.analysis.comparison import Comparison, Pair

_MARKUP = re.compile(r"([\\`*_\[\]<>|~&$]|^[-+])")
_LARGEST = 65_000
"""Characters; GitHub takes 65,536 in a comment."""
_REFERENCE = re.compile(r"([@#])")
_MARKS = {"held": "✅", "dropped": "❌", "undecided": "⚠️"}


def markdown(comparison: Comparison) -> str:
    """Write a comparison; no label, task or message in it is read as markup, and none calls anybody.

    Of many tasks only so many are named that it is a comment that GitHub takes.
    """
    text = ""
    for most in (10_000, 300, 100, 30, 10, 0):
        text = "\n".join(_lines(comparison, most)) + "\n"
        if len(text) <= _LARGEST:
            break
    return text


def _lines(comparison: Comparison, most: int) -> Iterator[str]:
    for reason in comparison.forced:
        yield f"> **Compared by force:** {_plain(reason)}\n"
    for pair in comparison.pairs:
        yield from _pair(comparison, pair, most)
    yield from _table(["", *words.HEADINGS], ([each.label, *words.rates(each)] for each in comparison.contenders))
    yield ""
    yield from _table(["a trial", *words.AMOUNTS], ([it.label, *words.amounts(it)] for it in comparison.contenders))
    yield ""
    yield from _tasks(comparison, most)
    common = ", ".join(f"{name} {value}" for name, value in comparison.common.items())
    yield f"{len(comparison.tasks)} tasks; intervals at {words.level(comparison)}. {_plain(common)}"
    yield from (f"- {_plain(remark)}" for remark in comparison.remarks)


def _pair(comparison: Comparison, pair: Pair, most: int) -> Iterator[str]:
    first, second = (_plain(comparison.contenders[place].label) for place in (pair.first, pair.second))
    yield f"### {second} against {first}\n"
    if pair.gate:
        yield f"{_MARKS[pair.gate.verdict]} **{pair.gate.verdict}:** {_plain(pair.gate.reason)}\n"
    yield f"**{_plain(words.verdict(pair))}** {_plain(words.difference(comparison, pair))}\n"
    yield from (f"- {heading}: {_plain(line)}" for heading, line in words.details(comparison, pair))
    yield ""
    regressed = comparison.regressed(pair)
    if regressed:
        who = comparison.contenders[pair.second].label
        yield _summary(f"{words.counted(len(regressed), 'task')} that {who} passed less often")
        for task, folders in list(regressed.items())[:most]:
            yield f"- {_plain(task)}: {_plain(', '.join(map(str, folders)) or 'no trial has failed')}"
        yield from _more(len(regressed) - most)
        yield "\n</details>\n"


def _tasks(comparison: Comparison, most: int) -> Iterator[str]:
    rows = [row for row in comparison.tasks if len({cell.rate for cell in row.cells}) > 1]
    if rows:
        yield _summary(f"{words.counted(len(rows), 'task')} that set them apart")
        yield from _table(
            ["task", *(each.label for each in comparison.contenders)],
            ([row.task, *map(words.outcome, row.cells)] for row in rows[:most]),
        )
        yield from _more(len(rows) - most)
        yield "\n</details>\n"


def _more(number: int) -> Iterator[str]:
    if number > 0:
        yield f"\nand {number:,} more"


def _table(headings: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    yield _row(headings)
    yield "| --- |" + " ---: |" * (len(headings) - 1)
    yield from map(_row, rows)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(map(_plain, cells)) + " |"


def _plain(text: str) -> str:
    """Take the meaning from what Markdown would give one to."""
    return _MARKUP.sub(r"\\\1", _line(text))


def _summary(text: str) -> str:
    """Begin what can be opened, in HTML, where Markdown is not read."""
    return f"<details><summary>{html.escape(_line(text))}</summary>\n"


def _line(text: str) -> str:
    """Write one line; an invisible space keeps a forge from reading names and numbers into it."""
    return _REFERENCE.sub("\\1\N{ZERO WIDTH SPACE}", printable(text).replace("\n", " ").replace("\t", " "))
