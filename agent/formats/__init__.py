"""Action formats: how a model's reply says what to type, and how it is told what that brought.

Each format is a class here and a folder of words in `prompts`.
"""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from pydantic import BaseModel, ConfigDict, Field, field_validator

import prompts
from sandbox.observation import State

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.model import Completion, Message
    from sandbox.observation import Observation

MAX_DURATION = 300.0
DEFAULT_DURATION = 1.0
COMMAND_DURATION = 30.0
"""Seconds for a shell command in formats that need not say how long it may take."""


def sound(text: str) -> str:
    """Join surrogates that are a pair and replace the others: JSON can spell them, but no UTF-8 has them."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class Repair(StrEnum):
    """What was mended to read a reply; the sentence that the model is told is in ``prompts/notes.md``."""

    CLOSED = "closed"
    """Brackets or tags that were open at the end, or closed by another."""
    TRAILING_COMMA = "trailing_comma"
    CONTROL_CHARACTER = "control_character"
    """Raw line ends, tabs and the like inside a JSON string."""
    ESCAPE = "escape"
    """A backslash that JSON does not know, taken for itself."""
    QUOTES = "quotes"
    """Strings in quotes that are not JSON's."""
    LITERAL = "literal"
    """Python's ``True``, ``False`` and ``None``."""
    COMMENT = "comment"
    UNWRAPPED = "unwrapped"
    """The reply was a value inside another object."""
    DURATION = "duration"
    """A duration that is no number, or out of range."""
    NOT_A_BOOLEAN = "not_a_boolean"
    """A field that must be true or false was neither, and taken for false."""


class Command(BaseModel):
    """One thing to type."""

    model_config = ConfigDict(frozen=True)

    keystrokes: str
    """Text, or the name of a key; see `sandbox.keys`."""
    duration: float = Field(default=DEFAULT_DURATION, ge=0, le=MAX_DURATION)
    """The most seconds to wait for the terminal afterwards."""

    @field_validator("duration", mode="before")
    @classmethod
    def _in_range(cls, value: object) -> float:
        """Take any number to the nearest allowed one; what is no number is the default."""
        if isinstance(value, bool) or not isinstance(value, int | float) or value != value:  # noqa: PLR0124 - NaN
            return DEFAULT_DURATION
        return float(min(max(value, 0), MAX_DURATION))


class Reply(BaseModel):
    """What a model's reply says, or why it says nothing."""

    model_config = ConfigDict(frozen=True)

    analysis: str = ""
    plan: str = ""
    commands: tuple[Command, ...] = ()
    task_complete: bool = False
    problems: tuple[str, ...] = ()
    """Why the reply cannot be used, in the order of its text; when there is one, nothing of it is."""
    repairs: tuple[Repair, ...] = ()

    @field_validator("analysis", "plan")
    @classmethod
    def _sound(cls, text: str) -> str:
        return sound(text)

    @field_validator("problems")
    @classmethod
    def _all_sound(cls, problems: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(map(sound, problems))


class Skipped(StrEnum):
    """Why a command of a reply, and all after it, were not typed."""

    AFTER_END = "after_end"
    """It was meant for a shell that is no more."""
    NO_TIME = "no_time"
    """Those before it took all the time that one reply has."""


class Result(NamedTuple):
    """What became of one command."""

    keystrokes: str
    observation: Observation | None = None
    skipped: Skipped | None = None
    others: int = 0
    """Commands after it that were not typed either, where they are told as one."""

    @property
    def stops(self) -> bool:
        """Whether the commands after it were meant for something that is no more."""
        ended = self.observation is not None and self.observation.state is State.RESTARTED
        return ended or self.skipped is Skipped.AFTER_END


class Turn(NamedTuple):
    """One answer of the model, what it says, and what became of each of its commands."""

    completion: Completion
    reply: Reply
    results: Sequence[Result] = ()


class ActionFormat(Protocol):
    """The seam to a format of replies."""

    name: str
    """Also the folder of its words in `prompts`, of which the loop itself renders ``system``."""
    tools: Sequence[dict[str, Any]]
    """Functions that the model may call, as OpenAI's chat completions define them; none for replies that are text."""
    confirms: bool
    """Whether a model that says it is done is asked once more."""

    def parse(self, completion: Completion) -> Reply:
        """Read a reply; any completion whatever gives a `Reply`, never an exception."""
        ...

    def answer(self, turn: Turn, instruction: str) -> list[Message]:
        """Say what a turn brought, or why it brought nothing; a turn that says it is done is asked to confirm.

        Args:
            turn: the newest one, whose completion is the last message of the conversation.
            instruction: the task's, to look at again before confirming.
        """
        ...


def names() -> list[str]:
    """Name the formats that are here: each has a file in this folder, and words of its own."""
    here = Path(__file__).parent
    return [name for name in prompts.folders() if (here / f"{name.replace('-', '_')}.py").is_file()]


def standard() -> ActionFormat:
    """Return the format of an agent that was told none."""
    from agent.formats.json import JsonFormat  # noqa: PLC0415 - it imports this module

    return JsonFormat()
