"""A model that replays recorded replies: for demonstrations, and for tests of everything around a model."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from agent.model import NOTHING_USED, Completion, ModelError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from agent.model import FailedAttempt, Message

ANY_TASK = "*"
"""The name under which a recording keeps replies that do for every task."""


class ScriptedModel:
    """Answers with the given replies, one after the other, whatever it is asked."""

    def __init__(self, replies: Sequence[str | Completion], name: str = "scripted") -> None:
        self.name = name
        self.asked: list[list[Message]] = []
        """Every conversation it was given."""
        self._replies = list(replies)

    async def complete(
        self,
        messages: list[Message],
        *,
        tools: Sequence[dict[str, Any]] = (),  # noqa: ARG002 - what is recorded is said, whatever is offered
        on_wait: Callable[[FailedAttempt], None] | None = None,  # noqa: ARG002 - there is nobody to wait for
    ) -> Completion:
        """Return the next reply; `ModelError` after the last."""
        self.asked.append(list(messages))
        if len(self.asked) > len(self._replies):
            raise ModelError(f"the recording has no reply {len(self.asked)}")
        reply = self._replies[len(self.asked) - 1]
        return reply if isinstance(reply, Completion) else Completion(text=reply, usage=NOTHING_USED, model=self.name)


def load_recording(path: Path) -> dict[str, list[str]]:
    """Read recorded replies: a JSON object of task names and lists of replies, or one list for every task.

    Raises:
        ModelError: the file is missing, or holds something else.
    """
    try:
        value: Any = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ModelError(f"recording {path}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise ModelError(f"recording {path}: not JSON: {error}") from error
    recording = {ANY_TASK: value} if isinstance(value, list) else value
    if not isinstance(recording, dict) or not all(map(_is_replies, recording.values())):
        raise ModelError(f"recording {path}: must be an object of task names and lists of replies")
    return recording


def _is_replies(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(reply, str) for reply in value)
