"""Recordings played into an emulator: pytest tests/test_screens.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pyte
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.analysis.emulator import Emulator, Run
from evals.analysis.screens import Moment, read_moments, screens_of, snapshots
from sandbox.recording import Recording
from tests.trial_folders import HOSTILE

if TYPE_CHECKING:
    from pathlib import Path


def shown(output: str, size: tuple[int, int] = (80, 24)) -> str:
    return snapshots([Moment(output, None, size)])[0].text.rstrip()


def test_a_recording_is_read_as_it_was_written(tmp_path: Path) -> None:
    recording = Recording(tmp_path / "terminal.cast", 100, 30)
    recording.output(b"$ ")
    recording.mark("ls\n")
    recording.output(b"ls\r\na b\r\n$ ")
    recording.close()
    moments = read_moments(tmp_path / "terminal.cast")
    assert moments == [Moment("$ ", "ls\n", (100, 30)), Moment("ls\r\na b\r\n$ ", None)]
    (screen,) = screens_of([["ls\n"]], moments)
    assert screen is not None
    assert screen.text == "$ ls\na b\n$  "


def test_a_step_has_the_screen_after_its_last_command() -> None:
    moments = [Moment("$ ", "a"), Moment("1\r\n", "b"), Moment("2\r\n", "c"), Moment("3", None)]
    found = screens_of([[], ["a", "b"], ["unknown"], ["c"]], moments)
    assert [screen and screen.text.rstrip() for screen in found] == [None, "$ 1\n2", None, "$ 1\n2\n3"]


def test_a_full_screen_program_leaves_what_was_there_before() -> None:
    assert shown("before\x1b[?1049h\x1b[Heditor") == "editor"
    assert shown("before\x1b[?1049h\x1b[Heditor\x1b[?1049l after") == "before after"


def test_colours_are_of_the_sixteen_and_the_cursor_is_shown() -> None:
    screen = snapshots([Moment("\x1b[31mr\x1b[38;2;0;205;0mg\x1b[0;7mi\x1b[0mp", None)])[0]
    assert screen.lines == ((Run("r", "f1"), Run("g", "f2"), Run("i", "f16 b16"), Run("p"), Run(" ", "cursor")),)


def test_lines_are_drawn_where_a_program_draws_them() -> None:
    assert shown("\x1b(0lqk\x1b(B") == "┌─┐"


@pytest.mark.parametrize(
    "sequence",
    ["\x1b[>4;2m", "\x1b[?4m", "\x1b[=5u", "\x1b[!p", "\x1bP1$r\x1b\\", "\x1b_Ga=T;AAAA\x1b\\", "\x1b]0;title\x07",
     "\x1b]133;D;0\x07", "\x1b[1;2;3;4H", "\x1b[" + "9" * 5000 + "C", "\x1b[4:3m", "\x1b[?3h"],
)  # fmt: skip
def test_a_sequence_that_the_emulator_does_not_know_shows_nothing(sequence: str) -> None:
    assert snapshots([Moment(f"a{sequence}b", None)])[0].lines[0][0] == Run("ab")


@given(st.text(st.one_of(st.characters(), st.sampled_from("\x1b[]()?;0123456789hlmHJKPXr\r\n\x07\x9b"))))
def test_any_output_has_a_screen(output: str) -> None:
    screen = snapshots([Moment(output, None, (20, 5))])[0]
    assert len(screen.lines) <= 5


class SlowEmulator(Emulator):
    """Draws everything as pyte does."""

    draw = pyte.Screen.draw


PIECES = (
    "plain ", "q", "  ", "漢", "é", "e\u0301", "\r", "\r\n", "\x1b[31m", "\x1b[0m", "\x1b[5;38;5;1m", "\x1b[4h",
    "\x1b[4l", "\x1b(0", "\x1b(B", "\x0e", "\x0f", "\x1b[?7l", "\x1b[?7h", "\x1b[2;3H", "\x1b[K", "\x1b[?25l",
)  # fmt: skip


@given(st.lists(st.sampled_from(PIECES)))
def test_what_is_drawn_fast_is_drawn_as_before(pieces: list[str]) -> None:
    fast, slow = Emulator(14, 4), SlowEmulator(14, 4)
    for emulator in (fast, slow):
        emulator.play("".join(pieces))
    assert fast.snapshot() == slow.snapshot()


@pytest.mark.fault("F68")
@pytest.mark.parametrize("text", HOSTILE)
def test_hostile_text_is_text(text: str) -> None:
    assert "window" not in text or "\x1b" in text or "window" in shown(text, (200, 5)).replace("\n", "")


@pytest.mark.fault("F68")
def test_lines_that_are_no_events_are_passed_over(tmp_path: Path) -> None:
    deep = "[" * 100_000
    lines = ["null", "7", deep, "{", json.dumps([1, "o", 5]), json.dumps([1, "r", "axb"]), json.dumps([1, "o", "here"])]
    (tmp_path / "x.cast").write_text("\n".join([json.dumps({"width": 1e9, "height": "x"}), *lines]))
    assert read_moments(tmp_path / "x.cast") == [Moment("here", None)]


@pytest.mark.fault("F68")
def test_marks_piled_on_a_character_and_floods_are_cut() -> None:
    piled = "a" + "\u0301" * 100_000
    assert len(shown(piled)) < 20
    flood = "".join(f"{number}\r\n" for number in range(200_000))
    assert shown(flood).splitlines()[-1] == "199999"
