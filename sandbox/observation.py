"""What a look at the terminal brings: what is new, how things stand, and what was left out of too much."""

from __future__ import annotations

from enum import StrEnum

from pydantic import BaseModel, ConfigDict

OBSERVATION_LIMIT = 10_000
"""Bytes of an observation, half from its beginning and half from its end."""


class State(StrEnum):
    """What the terminal is doing at the moment it is looked at."""

    PROMPT = "prompt"
    """The shell waits for a command."""
    CONTINUATION = "continuation"
    """The shell waits for the rest of a command: an open quote, a here-document, a loop."""
    RUNNING = "running"
    """A program has the terminal: it works, or it waits for input."""
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
    """Lines between `text` and `tail`."""
    omitted_bytes: int = 0
    exit_code: int | None = None
    """Of the last command that ended, ``None`` when none did."""
    state: State
    seconds: float
    """From the first key to this look."""


def shortened(lines: list[str], *, tail_only: bool) -> tuple[str, str, int, int]:
    """Cut the middle out of too much text: head, tail, lines and bytes left out.

    The cuts are at line ends, except where that would leave more than a quarter of an observation unused.
    """
    whole = "\n".join(lines).encode("utf-8", "replace")
    if len(whole) <= OBSERVATION_LIMIT and not tail_only:
        return whole.decode(), "", 0, 0
    half = OBSERVATION_LIMIT // 2
    head = b"" if tail_only else whole[:half]
    tail = whole[len(head) :][-half:]
    if (end := head.rfind(b"\n") + 1) > half // 2:
        head = head[:end]
    if len(tail) == half and 0 <= (start := tail.find(b"\n")) < half // 2:
        tail = tail[start + 1 :]
    middle = whole[len(head) : len(whole) - len(tail)]
    # At most three bytes of a character that was cut are not shown on either side.
    shown = head.decode("utf-8", "ignore").removesuffix("\n"), tail.decode("utf-8", "ignore")
    return *shown, middle.count(b"\n"), len(middle)
