"""The tool-call-tag format: `<tool_call>` around a JSON object that calls `bash`, as BashAgent models write it.

All calls of a reply run, in order. A reply without one ends the run.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agent.formats import COMMAND_DURATION, Repair, Reply
from agent.formats.candidates import Openings, Unreadable
from agent.formats.draft import Draft
from agent.formats.text import TextFormat
from agent.formats.tolerant_json import Scanner

if TYPE_CHECKING:
    from agent.formats.tolerant_json import Scanned

_OPENING = r"<tool_call>\s*+"
_END = re.compile(r"\s*(?:(?P<tag></tool_call>)|\Z)")


class ToolCallTagFormat(TextFormat):
    """Reads replies that hold calls in tags."""

    name = "tool-call-tag"

    def read(self, text: str) -> Reply:
        """Read all calls."""
        draft = Draft()
        openings = Openings(text, _OPENING)
        called = False
        for opening in openings:
            called = True
            scanned, openings.position = _call(text, opening.end())
            draft.repairs += scanned.repairs
            _add(scanned.value, draft)
        if not called and not text[openings.spoken :].strip():
            raise Unreadable("it holds only thoughts")
        return draft.reply(task_complete=not called)


def _call(text: str, start: int) -> tuple[Scanned, int]:
    """Read one call's object, to its tag's end where its own brackets do not end before."""
    if text[start : start + 1] != "{":
        raise Unreadable("`<tool_call>` does not hold a JSON object")
    ends = text.find("</tool_call>", start)
    try:
        scanned = Scanner(text).scan(start)
    except Unreadable:
        if ends < 0:
            raise
        return Scanner(text[:ends]).scan(start), ends
    if end := _END.match(text, scanned.end):
        repairs = () if end["tag"] else (Repair.CLOSED,)
        return scanned._replace(repairs=scanned.repairs + repairs), end.end()
    raise Unreadable("`<tool_call>` holds something behind its JSON object")


def _add(call: dict[str, object], draft: Draft) -> None:
    arguments = call.get("arguments")
    if call.get("name") != "bash" or not isinstance(arguments, dict):
        draft.problems.append('a `<tool_call>` is not of the form `{"name": "bash", "arguments": {...}}`')
    else:
        draft.add_line(arguments.get("command"), arguments.get("timeout", COMMAND_DURATION))
