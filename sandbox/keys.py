r"""What keystrokes mean: a word that is exactly a key's name is that key, everything else is literal text.

======================  ==========================================================================================
`Enter` `Escape` `Tab`  and `BTab` `Space` `BSpace` `IC` (insert) `DC` (delete) `Up` `Down` `Left` `Right` `Home`
                        `End` `PageUp` `PageDown` `F1` to `F12`: tmux's names (tmux(1), "KEY BINDINGS")
`C-x` `M-x` `S-x`       and `C-M-x`: a letter, one of ``\ ] ^ _ @ /``, or a key above with Control, Alt or Shift
`More`                  no key: shows the next part of what an observation left out
`Reset`                 no key: ends what runs in the terminal, whatever it is, and starts a new shell
======================  ==========================================================================================

The spelling is exact: ``Up`` is a key and ``up`` is two letters, ``C-c`` is a key and ``C-c\n`` is text.
"""

from __future__ import annotations

import re
from typing import NamedTuple

_EDITING = ["Enter", "Escape", "Tab", "BTab", "Space", "BSpace", "IC", "DC"]
_MOVING = ["Up", "Down", "Left", "Right", "Home", "End", "PageUp", "PageDown"]
NAMED = frozenset([*_EDITING, *_MOVING, *(f"F{number}" for number in range(1, 13))])
"""The keys that have a name of their own."""
MORE, RESET = "More", "Reset"

_MODIFIED = re.compile(r"(?:C-|M-|C-M-|S-)(?:[a-zA-Z\\\]^_@/]|" + "|".join(sorted(NAMED)) + r")")


class Line(NamedTuple):
    """Text to type, and whether Enter follows."""

    text: str
    enter: bool


def key(keystrokes: str) -> str | None:
    """Return the tmux name of the key that `keystrokes` is, ``None`` when it is text."""
    return keystrokes if keystrokes in NAMED or _MODIFIED.fullmatch(keystrokes) else None


def lines(keystrokes: str) -> list[Line]:
    """Cut text into lines; every kind of line end is one Enter."""
    *ended, last = keystrokes.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return [Line(text, enter=True) for text in ended] + ([Line(last, enter=False)] if last else [])


def unsendable(keystrokes: str) -> str | None:
    """Say what in `keystrokes` no terminal can take: NUL (a C string's end for many programs) and lone surrogates."""
    if "\0" in keystrokes:
        return "a NUL character"
    if any("\ud800" <= character <= "\udfff" for character in keystrokes):
        return "half of a surrogate pair"
    return None
