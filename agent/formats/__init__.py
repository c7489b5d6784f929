"""Action formats: how a model's reply says what to type. Each has a folder of words in `prompts`."""

from __future__ import annotations

from typing import Protocol

from pydantic import BaseModel, ConfigDict, Field, field_validator

MAX_DURATION = 300.0
DEFAULT_DURATION = 1.0


def sound(text: str) -> str:
    """Join surrogates that are a pair and replace the others: JSON can spell them, but no UTF-8 has them."""
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


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
    """Why the reply cannot be used; when there is one, nothing of it is."""
    repairs: tuple[str, ...] = ()
    """What was mended to read it."""


class ActionFormat(Protocol):
    """The seam to a format of replies."""

    name: str
    """Also the folder of its words in `prompts`."""

    def parse(self, reply: str) -> Reply:
        """Read a reply; any string whatever gives a `Reply`, never an exception."""
        ...
