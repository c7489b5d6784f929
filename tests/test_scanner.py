from __future__ import annotations

import pytest

from sandbox.scanner import Scanner

OUTPUT = (
    b"\x1b]133;D;0;abc;7\x07$ \x1b]133;B;abc\x07ls\r\n\x1b]133;C;abc;7\x07file\r\n"
    b"\x1b]133;D;3;abc;7\x07$ \x1b]133;B;abc\x07\x1b[?1049h\x1b[H\x1b[2J\x1b[3J~\r\n\x1b[?2004h"
)


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
def test_marks_are_found_wherever_the_output_is_cut(size: int) -> None:
    scanner = Scanner("abc")
    for start in range(0, len(OUTPUT), size):
        scanner.feed(OUTPUT[start : start + size])
    assert (scanner.waiting, scanner.exit_codes) == ("B", [3])
    assert scanner.alternate
    assert scanner.paste
    assert not scanner.cleared  # a full-screen program may draw as it likes
    assert scanner.lines == 3


def test_a_mark_of_another_terminal_is_not_ours() -> None:
    scanner = Scanner("abc")
    scanner.feed(OUTPUT.replace(b"abc", b"xyz"))
    assert (scanner.waiting, scanner.exit_codes) == (None, [])


def test_a_sent_line_takes_the_prompt_away() -> None:
    scanner = Scanner("abc")
    scanner.feed(b"\x1b]133;B;abc\x07")
    scanner.sent()
    assert scanner.waiting is None


def test_the_first_prompt_of_a_new_shell_ends_no_command() -> None:
    scanner = Scanner("abc")
    scanner.feed(b"\x1b]133;D;0;abc;7\x07\x1b]133;C;abc;7\x07\x1b]133;D;0;abc;8\x07\x1b]133;B;abc\x07")
    assert scanner.exit_codes == []
    scanner.feed(b"\x1b]133;C;abc;8\x07\x1b]133;D;4;abc;7\x07")
    assert scanner.exit_codes == [4]


def test_an_empty_line_ends_no_command() -> None:
    scanner = Scanner("abc")
    scanner.feed(b"\x1b]133;D;5;abc;7\x07\x1b]133;B;abc\x07\r\n\x1b]133;D;5;abc;7\x07\x1b]133;B;abc\x07")
    assert scanner.exit_codes == []


def test_a_shell_that_marks_no_beginnings_tells_its_last_exit_code_at_each_prompt() -> None:
    scanner = Scanner("abc")
    scanner.feed(b"\x1b]133;E;0;abc;7\x07$ \x1b]133;B;abc\x07")
    assert scanner.exit_codes == []
    scanner.feed(b"\x1b]133;P;abc\x07\x1b]133;E;2;abc;7\x07\x1b]133;B;abc\x07")
    assert scanner.exit_codes == [2]


def test_an_erased_history_is_noticed_outside_full_screen_programs() -> None:
    scanner = Scanner("abc")
    scanner.feed(b"\x1b[?1049h\x1b[3J\x1b[?1049l\x1b[2J")
    assert not scanner.cleared
    scanner.feed(b"\x1b[3")
    scanner.feed(b"J")
    assert scanner.cleared


@pytest.mark.parametrize("left", [b"\x0e", b"\x1b(0", b"\x1bPq", b"\x1b[5;10r", b"\x1b[3g", b"\x1b[4h", b"\x1b[?25;7l"])
def test_what_spoils_the_next_text_is_noticed(left: bytes) -> None:
    scanner = Scanner("abc")
    scanner.feed(b"\x1b[0m\x1b[2J\x1b[?25h\x1b]0;title\x07text")
    assert not scanner.untidy
    scanner.feed(left)
    assert scanner.untidy


@pytest.mark.parametrize("query", [b"\x1b[6n", b"\x1b[c", b"\x1b[>0q", b"\x1b]11;?\x07", b"\x1bP$qm\x1b\\"])
def test_a_question_to_the_terminal_is_noticed(query: bytes) -> None:
    scanner = Scanner("abc")
    scanner.feed(b"\x1b[6m\x1b]0;title\x07")
    assert not scanner.queried
    scanner.feed(query)
    assert scanner.queried


def test_pasting_that_a_program_left_switched_on_ends_with_it() -> None:
    scanner = Scanner("abc")
    scanner.feed(b"\x1b[?2004h\x1b]133;D;0;abc;7\x07")
    assert not scanner.paste
    scanner.feed(b"\x1b[?2004h\x1b]133;B;abc\x07")
    assert scanner.paste


def test_a_prompt_that_is_drawn_anew_is_no_new_prompt() -> None:
    scanner = Scanner("abc")
    drawn = b"\x1b]133;D;0;abc;7\x07$ \x1b]133;B;abc;7.1\x07"
    scanner.feed(drawn)
    scanner.sent()
    scanner.feed(b"a line that wraps \r\x1bM" + drawn)
    assert scanner.waiting is None
    scanner.feed(drawn.replace(b"7.1", b"7.2"))
    assert scanner.waiting == "B"
