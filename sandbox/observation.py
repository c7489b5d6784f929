"""What a look at the terminal brings: what is new, how things stand, and what was left out of too much."""

from __future__ import annotations

import re
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple

from pydantic import BaseModel, ConfigDict

if TYPE_CHECKING:
    from sandbox.screen import Flood

OBSERVATION_LIMIT = 10_000
"""Bytes of an observation, half from its beginning and half from its end."""
_HALF = OBSERVATION_LIMIT // 2
_DOCUMENT = re.compile(
    r"(?<!<)<<(?P<tabs>-?)(?!<)\s*(?:(?P<quote>['\"])(?P<quoted>.+?)(?P=quote)|\\?(?P<plain>[\w.+-]+))"
)


class State(StrEnum):
    """What the terminal is doing at the moment it is looked at."""

    PROMPT = "prompt"
    """The shell waits for a command."""
    CONTINUATION = "continuation"
    """The shell waits for the rest of a command: an open quote, a here-document, a loop."""
    INPUT = "needs-input"
    """A program waits for input."""
    RUNNING = "running"
    """A program works."""
    FULL_SCREEN = "full-screen"
    """A program draws the whole screen."""
    RESTARTED = "restarted"
    """The shell had ended, and this is a new one."""


class Observation(BaseModel):
    """What is new on the screen since the last look, and how things stand."""

    model_config = ConfigDict(frozen=True)

    text: str
    """The new lines; when they are too many, the first of them."""
    tail: str = ""
    """The last of them, when they are too many."""
    omitted_lines: int = 0
    """Line ends between `text` and `tail`."""
    omitted_bytes: int = 0
    lost_lines: int = 0
    """How many of these, the first of them, are gone; `sandbox.keys.MORE` shows the others."""
    exit_codes: tuple[int, ...] = ()
    """Of the commands that ended, in their order."""
    state: State
    program: str | None = None
    """What has the terminal, where that is known and is not the shell."""
    hidden: bool = False
    """Whether that program does not show what is typed, as one that asks for a password."""
    ends_document: str | None = None
    """The line that the shell waits for to end an open here-document."""
    ignores_interrupt: bool = False
    """Whether C-c was pressed in vain."""
    untyped_bytes: int = 0
    """The end of the keystrokes that was not typed, as nobody read what came before it."""
    seconds: float
    """From the first key to this look."""

    @property
    def exit_code(self) -> int | None:
        """Of the last command that ended, ``None`` when none did."""
        return self.exit_codes[-1] if self.exit_codes else None


class Excerpt(NamedTuple):
    """A text of which too much is left out."""

    text: str = ""
    tail: str = ""
    omitted_lines: int = 0
    omitted_bytes: int = 0
    lost_lines: int = 0
    rest: bytes = b""
    """What was left out and is still there."""

    def more(self) -> Excerpt:
        """Return the next part of what was left out."""
        page, rest = _cut(self.rest, OBSERVATION_LIMIT)
        return Excerpt(_text(page), omitted_lines=_ends(rest), omitted_bytes=len(rest), rest=rest)


def excerpt(lines: list[str]) -> Excerpt:
    """Keep the beginning and the end of a text.

    The cuts are at line ends, except where that would leave more than a quarter of an observation unused.
    """
    whole = _bytes(lines)
    if len(whole) <= OBSERVATION_LIMIT:
        return Excerpt(whole.decode())
    head, rest = _cut(whole, _HALF)
    middle, tail = _cut_end(rest)
    return Excerpt(_text(head), _text(tail), _ends(middle), len(middle), rest=middle)


def excerpt_of_flood(flood: Flood, lines: list[str]) -> Excerpt:
    """Keep the beginning and the end of what ends with these lines, and had more than is there any more."""
    head, _ = _cut(_bytes([*flood.head, ""]), _HALF)
    gone = max(0, flood.lines - len(lines) + 1)
    both = max(0, _ends(head) - gone)  # lines of the beginning that are there as well
    middle, tail = _cut_end(_bytes(lines[both:]))
    omitted = max(0, flood.lines - _ends(head) - _ends(tail))
    size = flood.bytes - len(head) - (tail.rfind(b"\n") + 1)
    return Excerpt(_text(head), _text(tail), omitted, max(size, len(middle)), max(0, omitted - _ends(middle)), middle)


def _bytes(lines: list[str]) -> bytes:
    return "\n".join(lines).encode("utf-8", "replace")


def _cut_end(text: bytes) -> tuple[bytes, bytes]:
    """Cut off the last half of an observation, or from a line end or a character not far behind."""
    tail = text[-_HALF:]
    if len(tail) == _HALF and 0 <= (start := tail.find(b"\n")) < _HALF // 2:
        tail = tail[start + 1 :]
    tail = _characters(tail)
    return text[: len(text) - len(tail)], tail


def _cut(text: bytes, size: int) -> tuple[bytes, bytes]:
    """Cut a text after `size` bytes, or at a line end or a character not far before."""
    head = text[:size]
    if len(text) > size and (end := head.rfind(b"\n") + 1) > size // 2:
        head = head[:end]
    head = _characters(head)
    return head, text[len(head) :]


def _characters(part: bytes) -> bytes:
    """Leave out the pieces of a character at either end."""
    return part.decode("utf-8", "ignore").encode()


def _text(part: bytes) -> str:
    return part.decode().removesuffix("\n")


def _ends(part: bytes) -> int:
    return part.count(b"\n")


def open_document(typed: list[str]) -> str | None:
    """Return the line that would end the here-document that typed lines have left open, ``None`` when there is none."""
    expected: list[tuple[str, bool]] = []
    for line in typed:
        if expected:
            end, tabs = expected[0]
            if (line.lstrip("\t") if tabs else line) == end:
                expected.pop(0)
        else:
            found = _DOCUMENT.finditer(line)
            expected = [(match["quoted"] or match["plain"], bool(match["tabs"])) for match in found]
    return expected[0][0] if expected else None
