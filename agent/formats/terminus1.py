"""Terminus 1's format: one JSON object whose commands block until they end, or do not.

A command that blocks is run by Enter, whether or not its keystrokes have one, and is waited for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.formats import COMMAND_DURATION, DEFAULT_DURATION
from agent.formats.draft import Draft
from agent.formats.objects import ObjectFormat, listed, text_of

if TYPE_CHECKING:
    from agent.formats import Reply
    from agent.formats.tolerant_json import Scanned


class Terminus1Format(ObjectFormat):
    """Reads replies that are one JSON object of Terminus 1; the first one that says it is done ends the run."""

    name = "terminus1"
    fields = frozenset({"state_analysis", "explanation", "commands", "is_task_complete"})

    def reply(self, scanned: Scanned) -> Reply:
        """Read one object."""
        item = scanned.value
        draft = Draft(scanned.repairs)
        done = draft.said_true(item.get("is_task_complete"))
        for entry in listed(item, draft, needed=not done):
            if draft.said_true(entry.get("is_blocking", True)):
                draft.add_line(entry.get("keystrokes"), entry.get("timeout_sec", COMMAND_DURATION), field="keystrokes")
            else:
                draft.add(entry.get("keystrokes"), DEFAULT_DURATION)
        analysis, plan = text_of(item.get("state_analysis")), text_of(item.get("explanation"))
        return draft.reply(analysis, plan, task_complete=done)
