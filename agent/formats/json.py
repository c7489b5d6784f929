"""The JSON format: one object with `analysis`, `plan`, `commands` and `task_complete`, as Terminus 2 models know it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.formats import DEFAULT_DURATION
from agent.formats.draft import Draft
from agent.formats.objects import ObjectFormat, listed, text_of

if TYPE_CHECKING:
    from agent.formats import Reply
    from agent.formats.tolerant_json import Scanned


class JsonFormat(ObjectFormat):
    """Reads replies that are one JSON object of Terminus 2."""

    name = "json"
    confirms = True
    fields = frozenset({"analysis", "plan", "commands", "task_complete"})

    def reply(self, scanned: Scanned) -> Reply:
        """Read one object."""
        item = scanned.value
        draft = Draft(scanned.repairs)
        done = draft.said_true(item.get("task_complete"))
        for entry in listed(item, draft, needed=not done):
            draft.add(entry.get("keystrokes"), entry.get("duration", DEFAULT_DURATION))
        return draft.reply(text_of(item.get("analysis")), text_of(item.get("plan")), task_complete=done)
