"""A screen's accounts where only the moment of a look decides: lines that are looked at before they end."""

from __future__ import annotations

from typing import TYPE_CHECKING, cast

import pytest

from sandbox.observation import excerpt_of_flood
from sandbox.scanner import Scanner
from sandbox.screen import HISTORY, Screen

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from sandbox.control import Control

VISIBLE = 5


class Pane:
    """A pane that is fed as tmux is, and loses the beginning of a history that is full."""

    def __init__(self) -> None:
        self.scanner = Scanner("m")
        self.screen = Screen(cast("Control", self), self.scanner)
        self.rows = [b""]

    def print(self, text: str) -> None:
        self.scanner.feed(text.replace("\n", "\r\n").encode())
        first, *others = text.encode().split(b"\n")
        self.rows[-1] += first
        self.rows += others
        self.rows = self.rows[-HISTORY - VISIBLE :]

    async def transaction(self, *commands: Sequence[str], then: Callable[[], None] | None = None) -> list[list[bytes]]:
        answers = {"display-message": [b"%d 0" % (len(self.rows) - VISIBLE)], "if-shell": []}
        parts = [answers.get(words[0], self._captured(words)) for words in commands]
        if then:
            then()
            self.rows = self.rows[-VISIBLE:]
        return parts

    def _captured(self, words: Sequence[str]) -> list[bytes]:
        rows = self.rows if "-S" in words else self.rows[-VISIBLE:]
        return rows[:-VISIBLE] if "-E" in words else rows


@pytest.mark.parametrize(("shown", "rest", "unseen"), [("1\n2", "\n", 0), ("1\n2", "0\n", 1), ("1\n2\n", "3\n", 1)])
@pytest.mark.parametrize("end", ["", "$ "])
async def test_a_line_that_was_seen_whole_before_it_ended_is_counted_once(
    shown: str, rest: str, unseen: int, end: str
) -> None:
    pane = Pane()
    pane.print(shown)
    assert (await pane.screen.new()).lines == shown.split()
    pane.print(rest + "more\n" * 2 * HISTORY + end)
    flood = (await pane.screen.new()).flood
    assert flood is not None
    assert flood.lines == unseen + 2 * HISTORY - (not end)
    assert (
        flood.bytes + (0 if end else len("more\n"))
        == unseen * (len(shown.rsplit("\n", maxsplit=1)[-1] + rest)) + len("more\n") * 2 * HISTORY
    )


async def test_an_unfinished_line_can_be_erased() -> None:
    pane = Pane()
    pane.print("half")
    await pane.screen.new()
    pane.rows = [b""]
    await pane.screen.erased()
    pane.print("\nwhole\n")
    assert (await pane.screen.new()).lines == ["", "whole"]


@pytest.mark.parametrize("printed", [2000, 30_000])
async def test_the_beginning_of_a_flood_is_kept_or_said_to_be_gone(printed: int) -> None:
    pane = Pane()
    pane.print("".join(f"{number}\n" for number in range(printed)))
    assert pane.screen.overflows()
    await pane.screen.keep_head()
    pane.print("more\n" * 2 * HISTORY)
    flood = (await pane.screen.new()).flood
    assert flood is not None
    assert flood.head == ([str(number) for number in range(500)] if printed < HISTORY else [])
    assert flood.lines == printed + 2 * HISTORY - 1


async def test_what_a_flood_left_out_can_be_read_without_what_had_been_seen() -> None:
    pane, lines = Pane(), [str(number) for number in range(HISTORY - 1000)]
    pane.print("seen\n" * (VISIBLE - 1))
    await pane.screen.new()
    pane.print("\n".join(lines[:2000]) + "\n")
    assert pane.screen.overflows()
    await pane.screen.keep_head()
    pane.print("\n".join(lines[2000:]) + "\n$ ")
    look = await pane.screen.new()
    assert look.flood is not None
    seen = excerpt_of_flood(look.flood, look.lines)
    assert [*seen.text.split(), *seen.rest.decode().split(), *seen.tail.split()] == [*lines, "$"]
