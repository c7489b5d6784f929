from __future__ import annotations

import pytest

from sandbox.scanner import Scanner

OUTPUT = (
    b"\x1b]133;D;0;abc\x07$ \x1b]133;B;abc\x07ls\r\n\x1b]133;C;abc\x07file\r\n"
    b"\x1b]133;D;3;abc\x07$ \x1b]133;B;abc\x07\x1b[?1049h\x1b[H\x1b[2J~\r\n"
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_marks_are_found_wherever_the_output_is_cut(size: int) -> None:
    scanner = Scanner("abc")
    for start in range(0, len(OUTPUT), size):
        scanner.feed(OUTPUT[start : start + size])
    assert (scanner.waiting, scanner.exit_code, scanner.commands) == ("B", 3, 1)
    assert scanner.alternate
    assert not scanner.redrawn  # a full-screen program may draw as it likes
    assert scanner.lines == 3


def test_a_mark_of_another_terminal_is_not_ours() -> None:
    scanner = Scanner("abc")
    scanner.feed(OUTPUT.replace(b"abc", b"xyz"))
    assert (scanner.waiting, scanner.exit_code) == (None, None)


def test_a_sent_line_takes_the_prompt_away() -> None:
    scanner = Scanner("abc")
    scanner.feed(b"\x1b]133;B;abc\x07")
    scanner.left()
    assert scanner.waiting is None


def test_an_erased_screen_is_noticed_outside_full_screen_programs() -> None:
    scanner = Scanner("abc")
    scanner.feed(b"\x1b[?1049h\x1b[2J\x1b[?1049l")
    assert not scanner.redrawn
    scanner.feed(b"\x1b[2")
    scanner.feed(b"J")
    assert scanner.redrawn
