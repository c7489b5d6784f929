"""Native tool calling: `bash`, `type` and `finish` as functions that the provider passes on.

All calls of a reply run, in order, and each is answered by a message of its own, as providers demand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from agent.formats import COMMAND_DURATION, DEFAULT_DURATION, MAX_DURATION, Reply
from agent.formats.candidates import Unreadable
from agent.formats.draft import Draft
from agent.formats.text import told
from agent.formats.tolerant_json import Scanner
from agent.model import Message
from prompts import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.formats import Turn
    from agent.model import Completion, FunctionCall


class ToolsFormat:
    """Reads replies that call functions."""

    name = "tools"
    confirms = True

    def __init__(self) -> None:
        seconds = {"type": "number", "minimum": 0, "maximum": MAX_DURATION}
        self.tools: Sequence[dict[str, Any]] = (
            _function("bash", {"command": {"type": "string"}, "timeout": seconds}, required=["command"]),
            _function("type", {"keystrokes": {"type": "string"}, "duration": seconds}, required=["keystrokes"]),
            _function("finish", {}, required=[]),
        )

    def parse(self, completion: Completion) -> Reply:
        """Read a reply; see `agent.formats.ActionFormat`."""
        draft = Draft()
        done = False
        for call in completion.calls:
            done |= call.name == "finish"
            try:
                _add(call, draft)
            except Unreadable as error:
                draft.problems.append(f"`{call.name[:30]}`: {error}")
        if not completion.calls:
            draft.problems.append("it calls no function" if completion.text.strip() else "the reply is empty")
        return draft.reply(completion.text, task_complete=done)

    def answer(self, turn: Turn, instruction: str) -> list[Message]:
        """Answer each call with what it brought; see `agent.formats.ActionFormat`."""
        calls = turn.completion.calls
        if not calls:
            return [Message(role="user", content=told(self.name, turn, instruction))]
        if turn.reply.problems:
            texts = [told(self.name, turn, instruction)] * len(calls)
        else:
            texts = _results(turn, instruction)
        return [Message(role="tool", call_id=call.id, content=text) for call, text in zip(calls, texts, strict=True)]


def _results(turn: Turn, instruction: str) -> list[str]:
    """Say what each call brought, and to the first what was mended in all of them."""
    results = iter(turn.results)
    repairs = turn.reply.repairs
    texts = []
    for call in turn.completion.calls:
        if call.name == "finish":
            notes = render("notes", repairs=repairs)
            texts.append(render("tools/confirm", observation=notes, instruction=instruction))
        else:
            texts.append(render("tools/observation", results=[next(results)], repairs=repairs))
        repairs = ()
    return texts


def _add(call: FunctionCall, draft: Draft) -> None:
    if call.name not in ("bash", "type", "finish"):
        raise Unreadable("there is no such function")
    if call.name == "finish":
        return
    start = len(call.arguments) - len(call.arguments.lstrip())
    if call.arguments[start : start + 1] != "{":
        raise Unreadable("its arguments are not a JSON object")
    scanned = Scanner(call.arguments).scan(start)
    draft.repairs += scanned.repairs
    fields = scanned.value
    if call.name == "bash":
        draft.add_line(fields.get("command"), fields.get("timeout", COMMAND_DURATION))
    else:
        draft.add(fields.get("keystrokes"), fields.get("duration", DEFAULT_DURATION))


def _function(name: str, properties: dict[str, Any], *, required: list[str]) -> dict[str, Any]:
    parameters = {"type": "object", "properties": properties, "required": required}
    description = render(f"tools/{name}", max_duration=int(MAX_DURATION))
    return {"type": "function", "function": {"name": name, "description": description, "parameters": parameters}}
