from __future__ import annotations

import pytest

from sandbox.keys import Line, key, lines, unsendable


@pytest.mark.parametrize("name", ["C-c", "C-d", "Enter", "Up", "F12", "M-x", "C-Left", "S-Up", "C-M-a", "PageDown"])
def test_the_exact_name_of_a_key_is_that_key(name: str) -> None:
    assert key(name) == name


@pytest.mark.parametrize(
    "text", ["up", "end", "space", "enter", "0x41", "C-c\n", " Up", "F13", "C-", "dc", "^C", "ls", ""]
)
def test_everything_else_is_text(text: str) -> None:
    assert key(text) is None


def test_each_kind_of_line_end_is_one_enter() -> None:
    assert lines("a\nb\r\nc\rd") == [
        Line("a", enter=True),
        Line("b", enter=True),
        Line("c", enter=True),
        Line("d", enter=False),
    ]
    assert lines("\n") == [Line("", enter=True)]


def test_what_no_terminal_takes_is_named() -> None:
    assert unsendable("a\0b") == "a NUL character"
    assert unsendable("a\ud800") == "half of a surrogate pair"
    assert unsendable("ordinary 😀\t\x03") is None
