"""Trajectory files in ATIF 1.0 to 1.8, ours and others', read without losing a field: the steps that a person looks at.

What is written again is what was read: fields that nobody here knows are kept, and those that were not set stay away.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.trajectory import read_journal

if TYPE_CHECKING:
    from pathlib import Path

VERSIONS = tuple(f"ATIF-v1.{minor}" for minor in range(9))
LARGEST = 256_000_000
"""Bytes of a file that is read."""
_MOST = 1e15
"""Seconds, tokens or dollars that are taken for such; files of others hold infinity, and numbers with 400 digits."""


class TrajectoryError(Exception):
    """A file is no trajectory; the message is one line for the user."""


class _Part(BaseModel):
    """A value of the format, with whatever fields it came with."""

    model_config = ConfigDict(frozen=True, extra="allow")


class ContentPart(_Part):
    """A piece of a message that is not only text."""

    type: str
    text: str | None = None
    source: dict[str, Any] | None = None


Content = str | list[ContentPart]


def text_of(content: Content | None) -> str:
    """Return the text of a content; a picture or a sound is named by its path."""
    if content is None or isinstance(content, str):
        return content or ""
    return "\n".join(part.text or f"[{part.type}: {(part.source or {}).get('path', '?')}]" for part in content)


class Call(_Part):
    """One command of a reply."""

    tool_call_id: str
    function_name: str
    arguments: dict[str, Any]

    @property
    def typed(self) -> str:
        """What was typed, or called with what."""
        keys = self.arguments.get("keystrokes", self.arguments.get("command"))
        if isinstance(keys, str):
            return keys
        return f"{self.function_name} {json.dumps(self.arguments, ensure_ascii=False)}" if self.arguments else ""


def _seconds(extra: dict[str, Any] | None, name: str) -> float | None:
    seconds = (extra or {}).get(name)
    if not isinstance(seconds, int | float) or isinstance(seconds, bool) or not 0 <= seconds <= _MOST:
        return None
    return float(seconds)


class Seen(_Part):
    """What a command brought."""

    source_call_id: str | None = None
    content: Content | None = None
    extra: dict[str, Any] | None = None

    @property
    def text(self) -> str:
        """The content as text."""
        return text_of(self.content)

    @property
    def exit_code(self) -> int | None:
        """Of the command, where it is known."""
        code = (self.extra or {}).get("exit_code")
        return code if isinstance(code, int) and not isinstance(code, bool) else None

    @property
    def seconds(self) -> float | None:
        """From the first key to the look, where it is known."""
        return _seconds(self.extra, "seconds")


class Observations(_Part):
    """All that a step brought."""

    results: list[Seen]


class Metrics(_Part):
    """What a reply used; ``None`` is unknown."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: float | None = None
    extra: dict[str, Any] | None = None

    @property
    def waited(self) -> float | None:
        """Seconds for which the provider was waited for."""
        return _seconds(self.extra, "waited")

    @property
    def tokens(self) -> int | None:
        """Those sent and received."""
        known = self.prompt_tokens is not None and self.completion_tokens is not None
        tokens = (self.prompt_tokens or 0) + (self.completion_tokens or 0)
        return tokens if known and 0 <= tokens <= _MOST else None

    @property
    def cost(self) -> float | None:
        """US dollars."""
        return self.cost_usd if self.cost_usd is not None and 0 <= self.cost_usd <= _MOST else None


class AtifStep(_Part):
    """A prompt, or a reply with what it did and what that brought."""

    step_id: int = Field(ge=1)
    timestamp: str | None = None
    source: Literal["system", "user", "agent"]
    message: Content
    model_name: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[Call] | None = None
    observation: Observations | None = None
    metrics: Metrics | None = None
    is_copied_context: bool | None = None
    extra: dict[str, Any] | None = None

    @property
    def said(self) -> str:
        """The message as text."""
        return text_of(self.message)

    @property
    def calls(self) -> list[Call]:
        """The commands."""
        return self.tool_calls or []

    @property
    def results(self) -> list[Seen]:
        """What the commands brought."""
        return self.observation.results if self.observation else []

    def brought(self, call: Call) -> list[Seen]:
        """Find what one of its commands brought."""
        return [seen for seen in self.results if seen.source_call_id == call.tool_call_id]

    @property
    def told(self) -> list[Seen]:
        """What was shown that belongs to none of its commands."""
        known = {call.tool_call_id for call in self.calls}
        return [seen for seen in self.results if seen.source_call_id not in known]

    @property
    def boundary(self) -> str | None:
        """What the step did to what was said before it, where it did: ``replace``, for one."""
        management = self.fact("context_management")
        boundary = management.get("boundary") if isinstance(management, dict) else None
        return boundary if isinstance(boundary, str) else None

    def fact(self, name: str) -> Any:  # noqa: ANN401 - any JSON value
        """Return a fact of ``extra``; ``None`` is unknown."""
        return (self.extra or {}).get(name)


class Document(_Part):
    """A whole file."""

    schema_version: str
    agent: dict[str, Any]
    steps: list[AtifStep]
    final_metrics: dict[str, Any] | None = None
    notes: str | None = None
    continued_trajectory_ref: str | None = None
    """The name of the file that it goes on in."""
    extra: dict[str, Any] | None = None

    def json_object(self) -> dict[str, Any]:
        """Return what stood in the file."""
        return self.model_dump(exclude_unset=True)


def read_trajectory(path: Path) -> Document:
    """Read a trajectory file, or the journal of a run that was cut off before it had one.

    Raises:
        TrajectoryError: there is none, or it is something else.
    """
    try:
        if not path.is_file():  # a pipe or a device would be waited for
            raise TrajectoryError(f"{path}: no such file")
        if path.stat().st_size > LARGEST:
            raise TrajectoryError(f"{path} is larger than {LARGEST // 1_000_000} MB")
        if path.suffix == ".jsonl":
            steps = [AtifStep.model_validate(step.model_dump(exclude_none=True)) for step in read_journal(path)]
            return Document(schema_version=VERSIONS[7], agent={"name": "unknown", "version": "unknown"}, steps=steps)
        document = Document.model_validate(json.loads(path.read_bytes()))
    except OSError as error:
        raise TrajectoryError(f"{path}: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"])) or "the whole"
        raise TrajectoryError(f"{path} is no trajectory in ATIF: {where}: {first['msg']}") from error
    except (ValueError, RecursionError, KeyError, TypeError, AttributeError) as error:
        raise TrajectoryError(f"{path} is damaged or cut short: it is no JSON") from error
    if document.schema_version not in VERSIONS:
        raise TrajectoryError(f"{path}: {document.schema_version[:40]!r} is none of {VERSIONS[0]} to {VERSIONS[-1]}")
    return document
