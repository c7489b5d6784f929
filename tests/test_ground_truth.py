"""What a program printed, against the lines of all observations of it: pytest tests/test_ground_truth.py."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import pytest
import pytest_asyncio
from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.archive import Archive
from sandbox.keys import MORE
from sandbox.observation import State
from sandbox.terminal import open_terminal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from sandbox.base import Sandbox
    from sandbox.observation import Observation
    from sandbox.terminal import Terminal

pytestmark = pytest.mark.asyncio(loop_scope="module")

_PLAY = 'while (<>) { ($wait, $hex) = split; select undef, undef, undef, $wait; syswrite STDOUT, pack "H*", $hex }'
_NUMBER = 5
"""Digits at the beginning of each line that no other line has."""


class Printed(NamedTuple):
    """What a program prints, and what a reader should see of it."""

    chunks: list[tuple[float, bytes]]
    """Each with the seconds to wait before it."""
    lines: list[str]


def line(number: int, unit: str, columns: int) -> Printed:
    text = f"{number:05} " + unit * (columns // len(unit))
    return Printed([(0, f"{text}\n".encode())], [text.rstrip()])


def burst(number: int, count: int, width: int) -> Printed:
    lines = [f"{number + index:05} {'y' * width}".rstrip() for index in range(count)]
    return Printed([(0, "\n".join([*lines, ""]).encode())], lines)


def pieces(number: int, parts: list[str], pause: float) -> Printed:
    text = f"{number:05} "
    chunks = [(pause, part.encode()) for part in (text, *parts, "\n")]
    return Printed(chunks, ["".join([text, *parts]).rstrip()])


def progress(number: int, steps: int, pause: float, back: bytes) -> Printed:
    texts = [f"{number:05} {'=' * step}> {step:3}%" for step in range(steps)]
    return Printed([*((pause, back + text.encode()) for text in texts), (0, b"\n")], texts[-1:])


def invalid(number: int, data: bytes, text: str) -> Printed:
    return Printed([(0, b"%05d " % number + data + b"|\n")], [f"{number:05} {text}|"])


def blank(_number: int) -> Printed:
    return Printed([(0, b"\n")], [""])


def _strategy(build: Callable[..., Printed], **arguments: st.SearchStrategy[object]) -> st.SearchStrategy[Print]:
    return st.builds(partial, st.just(build), **arguments)


Print = partial[Printed]
_COLUMNS = st.one_of(st.integers(0, 200), st.integers(0, 1000), st.sampled_from([153, 154, 155, 314, 474]))
_UNITS = st.sampled_from(["x", "ab ", "é", "漢", "a漢", "😀", "e\u0301", "\u05d0\u05d1", "👍🏽", "a\u200db"])
_PAUSES = st.sampled_from([0, 0, 0.002, 0.03])
_PARTS = st.lists(st.text("abc 漢é", max_size=100), max_size=4)
_INVALID = [(b"\xff", ""), (b"a\xc3(", "a("), (b"\x80\x81", "")]
_PRINTED = st.one_of(
    _strategy(line, unit=_UNITS, columns=_COLUMNS),
    _strategy(burst, count=st.one_of(st.integers(1, 60), st.integers(1, 3000)), width=st.integers(0, 30)),
    _strategy(pieces, parts=_PARTS, pause=_PAUSES),
    _strategy(progress, steps=st.integers(1, 30), pause=_PAUSES, back=st.sampled_from([b"\r", b"\x1b[2K\r"])),
    *(_strategy(invalid, data=st.just(data), text=st.just(text)) for data, text in _INVALID),
    _strategy(blank),
)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def terminal(shared_sandbox: Sandbox) -> AsyncIterator[Terminal]:
    async with open_terminal(shared_sandbox) as opened:
        yield opened


@settings(max_examples=25, deadline=None, derandomize=True)
@given(prints=st.lists(_PRINTED, max_size=8), waits=st.lists(st.sampled_from([0, 0.005, 0.02, 0.1]), max_size=10))
async def test_each_line_is_seen_once_in_order_and_whole(
    terminal: Terminal, prints: list[Print], waits: list[float]
) -> None:
    printed = [build(3000 * index) for index, build in enumerate(prints)]
    plan = "".join(f"{wait} {data.hex()}\n" for part in printed for wait, data in part.chunks)
    await terminal.sandbox.put(Archive().file("plan", plan.encode(), 0o644).done(), "/app")
    seen = await terminal.type(f"perl -e '{_PLAY}' plan\n", waits[0] if waits else 20)
    looks = [await _lines(terminal, seen)]
    for wait in [*waits[1:], 20]:
        if seen.state is not State.PROMPT:
            seen = await terminal.type("", wait)
            looks.append(await _lines(terminal, seen))
    command, *lines, _prompt = _joined(looks)
    assert command.endswith("plan"), looks
    # tmux passes over bytes that are no character, or shows them so, each version as it likes.
    assert [line.replace("\ufffd", "") for line in lines] == [line for part in printed for line in part.lines]


async def _lines(terminal: Terminal, seen: Observation) -> list[str]:
    """Return the lines of an observation, with all that it left out."""
    assert not seen.lost_lines
    parts, left = [seen.text], seen.omitted_bytes
    while left:
        page = await terminal.type(MORE, 1)
        parts.append(page.text)
        left = page.omitted_bytes
    tail = seen.tail.split("\n") if seen.tail else []
    return [line for part in parts if part for line in part.split("\n")] + tail


def _joined(looks: list[list[str]]) -> list[str]:
    """Put looks together: a line that went on is there again, at the beginning of the next look."""
    lines: list[str] = []
    for look in looks:
        if lines and look and look[0] != lines[-1] and _goes_on(lines[-1], look[0]):
            lines.pop()
        lines += look
    return lines


def _goes_on(before: str, now: str) -> bool:
    return now.startswith(before) or _number(now) == _number(before) is not None


def _number(line: str) -> str | None:
    return line[:_NUMBER] if line[:_NUMBER].isdigit() else None
