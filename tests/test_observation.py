"""What an observation shows: as arithmetic, and on the screens of real programs: pytest tests/test_observation.py."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.observation import OBSERVATION_LIMIT, Excerpt, State, excerpt, excerpt_of_flood, open_document
from sandbox.screen import Flood
from sandbox.terminal import open_terminal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from sandbox.base import Sandbox
    from sandbox.observation import Observation
    from sandbox.terminal import Terminal

_SHORT = st.text(st.characters(exclude_characters="\n", exclude_categories=["Cs"]), max_size=60)
_LONG = st.tuples(st.sampled_from(["x", "é", "漢", "😀"]), st.integers(0, 6000))
_LINES = st.tuples(st.lists(st.one_of(st.tuples(_SHORT, st.just(1)), _LONG)), st.integers(1, 9))
Lines = tuple[list[tuple[str, int]], int]
"""Units, how often each is in its line, and how often the lines come again: long texts with short names."""


def built(lines: Lines) -> list[str]:
    return [*([unit * times for unit, times in lines[0]] * lines[1]), "$"]


def size(text: str) -> int:
    return len(text.encode())


@settings(deadline=None)
@given(_LINES)
def test_the_beginning_what_is_left_out_and_the_end_are_the_text(lines: Lines) -> None:
    found = excerpt(built(lines))
    whole = "\n".join(built(lines)).encode()
    assert size(found.text) + size(found.tail) <= OBSERVATION_LIMIT
    assert (found.omitted_bytes, found.omitted_lines) == (len(found.rest), found.rest.count(b"\n"))
    joints = (b"\n", b"")  # a line end at the cut is not shown
    assert whole in [found.text.encode() + joint + found.rest + found.tail.encode() for joint in joints]


@settings(deadline=None)
@given(_LINES)
def test_the_pages_of_more_are_what_was_left_out(lines: Lines) -> None:
    left = excerpt(built(lines))
    while left.rest:
        before, left = left, left.more()
        assert 0 < len(before.rest) - len(left.rest) <= OBSERVATION_LIMIT
        assert before.rest in [left.text.encode() + joint + left.rest for joint in (b"\n", b"")]
        assert (left.omitted_bytes, left.omitted_lines) == (len(left.rest), left.rest.count(b"\n"))


def test_nothing_more_is_an_empty_page() -> None:
    assert excerpt(["all", "of it"]).more() == Excerpt()


@settings(deadline=None)
@given(st.integers(1, 5000), st.integers(0, 5000), st.integers(0, 40))
def test_a_flood_accounts_for_every_line_and_byte(first: int, gone: int, width: int) -> None:
    """The history holds only the end of what was printed, and the beginning was kept apart."""
    lines = [f"{number} {'x' * width}" for number in range(first + gone + 500)]
    head, end = lines[:500], lines[gone:]
    whole = "\n".join([*lines, ""]).encode()
    found = excerpt_of_flood(Flood(head, len(lines), len(whole)), [*end, "$"])
    shown = [*found.text.split("\n"), *found.tail.split("\n")]
    assert shown[0] == lines[0]
    assert shown[-2:] == [lines[-1], "$"]
    assert len(shown) - 1 + found.omitted_lines == len(lines)
    assert sum(map(size, shown)) - 1 + len(shown) - 1 + found.omitted_bytes == len(whole)
    rest = found.rest.decode().split("\n")[:-1]
    after = found.omitted_lines - found.lost_lines
    assert rest == lines[len(lines) - len(found.tail.split("\n")) + 1 - after :][:after]


@pytest.mark.parametrize(
    ("typed", "end"),
    [
        (["cat <<EOF", "a"], "EOF"),
        (["cat <<'E F'", "E"], "E F"),
        (["cat <<<word 'x"], None),
        (["cat <<-END", "\ta", "\tEND"], None),
        (["cat <<-END", "  END"], "END"),
        (["cat <<A <<B", "A"], "B"),
        (["cat <<EOF", "EOF "], "EOF"),
        (["cat <<EOF", "cat <<OTHER", "EOF"], None),
        (['cat << "E"', "x"], "E"),
        (["echo a"], None),
    ],
)
def test_the_line_that_ends_an_open_document_is_known(typed: list[str], end: str | None) -> None:
    assert open_document(typed) == end


@pytest_asyncio.fixture(loop_scope="module")
async def terminal(shared_sandbox: Sandbox) -> AsyncIterator[Terminal]:
    async with open_terminal(shared_sandbox) as opened:
        yield opened


@pytest.mark.asyncio(loop_scope="module")
class TestScreens:
    """One terminal each, in one sandbox for all."""

    async def test_clear_hides_what_was_seen_and_nothing_else(self, terminal: Terminal) -> None:
        for clear in ("\\033[H\\033[2J", "\\033[H\\033[2J\\033[3J", "\\033c", "\\033[3J\\033[H\\033[J"):
            await terminal.type("seq 1 60\n", 10)
            seen = await terminal.type(f"printf '{clear}'; echo fresh; echo lines\n", 10)
            assert printed(seen)[-2:] == ["fresh", "lines"], clear
            assert "17" not in seen.text.split("\n"), clear
            assert printed(await terminal.type("echo after\n", 10)) == ["after"], clear

    async def test_what_was_printed_before_a_clear_is_not_lost(self, terminal: Terminal) -> None:
        seen = await terminal.type("seq 1 100; printf '\\033[H\\033[2J'; echo fresh\n", 10)
        assert printed(seen) == [*map(str, range(1, 101)), "fresh"]

    async def test_reset_leaves_a_terminal_that_works(self, terminal: Terminal) -> None:
        await terminal.type("seq 1 60\n", 10)
        assert printed(await terminal.type("tput reset; echo fresh\n", 10))[-1] == "fresh"
        assert printed(await terminal.type("echo after\n", 10)) == ["after"]

    async def test_lines_around_a_full_screen_are_each_seen_once(self, terminal: Terminal) -> None:
        play = "echo before; printf '\\033[?1049h\\033[2J\\033[Hinside'; read x; printf '\\033[?1049l'; seq 1 100\n"
        inside = await terminal.type(play, 10)
        assert (inside.state, inside.text.strip()) == (State.FULL_SCREEN, "inside")
        after = await terminal.type("Enter", 10)
        assert printed(after) == ["before", *map(str, range(1, 101))]

    async def test_a_full_screen_may_scroll_without_a_trace(self, terminal: Terminal) -> None:
        await terminal.type("seq 1 60\n", 10)
        play = "printf '\\033[?1049h'; seq 1 300; printf '\\033[?1049l'; echo after\n"
        assert printed(await terminal.type(play, 10)) == ["after"]

    async def test_a_new_size_loses_nothing_and_shows_no_line_twice(self, terminal: Terminal) -> None:
        long = "".join(str(number % 10) for number in range(700))
        assert printed(await terminal.type(f"printf '{long}\\n'\n", 10)) == [long]
        await terminal.resize(100, 30)
        assert printed(await terminal.type("stty size\n", 10))[-1] == "30 100"
        await terminal.type(f"printf '{long}\\n'; sleep 0.5; seq 1 50\n", 0.2)
        await terminal.resize(60, 20)
        assert printed(await terminal.type("", 10))[-50:] == [*map(str, range(1, 51))]
        await terminal.resize(160, 40)
        assert printed(await terminal.type(f"printf '{long}\\n'\n", 10))[-1] == long

    async def test_progress_in_several_lines_is_seen_as_it_ends(self, terminal: Terminal) -> None:
        draw = "for i in $(seq 0 20 100); do printf '\\033[3A'; for l in a b c; do printf \"\\033[2K$l: $i%%\\n\"; done"
        seen = await terminal.type(f"printf '\\n\\n\\n'; {draw}; sleep 0.02; done; echo done\n", 10)
        assert printed(seen) == ["a: 100%", "b: 100%", "c: 100%", "done"]

    async def test_progress_that_is_watched_ends_once(self, terminal: Terminal) -> None:
        draw = "for i in $(seq 0 5 100); do printf '\\033[2A'; for l in a b; do printf \"\\033[2K$l: $i%%\\n\"; done"
        looks = [await terminal.type(f"printf '\\n\\n'; {draw}; sleep 0.03; done; echo done\n", 0.1)]
        while looks[-1].state is not State.PROMPT:
            looks.append(await terminal.type("", 0.1))
        lines = [line for look in looks for line in printed(look)]
        assert lines[-3:] == ["a: 100%", "b: 100%", "done"]
        assert len(lines) == len(set(lines))

    async def test_a_scrolling_region_does_not_spoil_what_comes_after(self, terminal: Terminal) -> None:
        await terminal.type("printf '\\033[5;10r\\033[5H'; seq 1 30\n", 10)
        assert printed(await terminal.type("seq 1 100\n", 10)) == [*map(str, range(1, 101))]

    async def test_tabs_are_columns_whatever_a_program_did_to_them(self, terminal: Terminal) -> None:
        assert printed(await terminal.type("printf 'a\\tb\\n'\n", 10)) == ["a       b"]
        await terminal.type("printf '\\033[3g'\n", 10)
        assert printed(await terminal.type("printf 'a\\tb\\tc\\n'\n", 10)) == ["a       b       c"]

    async def test_text_drawn_below_the_cursor_is_seen_and_then_gone(self, terminal: Terminal) -> None:
        await terminal.type("printf '\\033[H\\033[2J'\n", 10)
        seen = await terminal.type("printf '\\0337\\033[30Hfar below\\0338'\n", 10)
        assert "far below" in seen.text.split("\n")
        seen = await terminal.type("seq 1 60\n", 10)
        assert [int(re.sub(r"\D.*", "", line)) for line in printed(seen)] == [*range(1, 61)]

    async def test_looks_in_quick_succession_account_for_every_line(self, terminal: Terminal) -> None:
        seen = await terminal.type("seq 1 50000\n", 0.001)
        omitted, numbers, echoed = 0, list[int](), 0
        while True:
            echoed += seen.text.count("seq 1 50000")
            if len(numbers) > 1 and numbers[-1] != numbers[-2] + 1:
                numbers.pop()  # only a part of it had come
            numbers += [int(line) for part in (seen.text, seen.tail) for line in part.split("\n") if line.isdigit()]
            omitted += seen.omitted_lines
            if seen.state is State.PROMPT:
                break
            seen = await terminal.type("", 0.003)
        assert numbers == sorted(set(numbers))
        assert echoed <= 1  # a machine that is too slow to keep a beginning says that it is left out
        assert echoed + len(numbers) + omitted == 50_001


def printed(seen: Observation) -> list[str]:
    """Return what a command printed: an observation without the prompts, and without what was typed at them."""
    return [line for line in seen.text.split("\n") if line and not line.startswith(("root@", "$ ", "# "))]
