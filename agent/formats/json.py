"""The JSON format: one object with `analysis`, `plan`, `commands` and `task_complete`, as Terminus 2 models know it.

A reply may hold drafts, quoted terminal text and fences around the object that is meant. All objects are considered,
and exactly one of them must be usable: neither the first nor the last is a safe guess when two differ.
"""

from __future__ import annotations

import json
import re
from typing import Any

from agent.formats import Command, Reply, sound
from sandbox.keys import unsendable

_THINKING = re.compile(r"<think(?:ing)?>.*?(?:</think(?:ing)?>|\Z)", re.DOTALL)
_FIELDS = frozenset({"analysis", "plan", "commands", "task_complete"})
_CANDIDATES = 50
"""Objects looked at in one reply; more than that is no reply to this format."""


class JsonFormat:
    """Reads replies that are one JSON object."""

    name = "json"

    def parse(self, reply: str) -> Reply:
        """Read a reply; see `agent.formats.ActionFormat`."""
        text = _THINKING.sub("", reply) if "</think" in reply or reply.lstrip().startswith("<think") else reply
        if not text.strip():
            return Reply(problems=("the reply is empty",))
        objects, problem = _objects(text)
        read = [_read(item) for item in objects if _FIELDS & item.keys()]
        usable = list(dict.fromkeys(item for item in read if not item.problems))
        if len(usable) == 1:
            return usable[0]
        if usable:
            return Reply(problems=(f"it holds {len(usable)} different objects, and only one can be meant",))
        if read:
            return read[-1]
        return Reply(problems=(problem or "it holds no JSON object with these fields",))


def _objects(text: str) -> tuple[list[dict[str, Any]], str | None]:
    """Find the outermost JSON objects in a text, and what was wrong with the first thing that looked like one."""
    # Not strict: line ends and tabs inside strings are common, and there is only one thing they can mean.
    decoder = json.JSONDecoder(strict=False)
    found: list[dict[str, Any]] = []
    problem: str | None = None
    position = text.find("{")
    for _ in range(_CANDIDATES):
        if position < 0:
            break
        try:
            value, end = decoder.raw_decode(text, position)
        except (ValueError, RecursionError) as error:
            problem = problem or f"not valid JSON: {error}"
            end = position + 1
        else:
            found.append(value)
        position = text.find("{", end)
    return found, problem


def _read(item: dict[str, Any]) -> Reply:
    problems = []
    commands = []
    listed = item.get("commands", [])
    if "commands" not in item and item.get("task_complete") is not True:
        problems.append("`commands` is missing")
    if not isinstance(listed, list):
        problems.append("`commands` is not a list")
        listed = []
    for number, entry in enumerate(listed, 1):
        if not isinstance(entry, dict) or not isinstance(entry.get("keystrokes"), str):
            problems.append(f"command {number} has no `keystrokes` text")
        elif reason := unsendable(entry["keystrokes"]):
            problems.append(f"command {number} holds {reason}, which no terminal takes")
        else:
            commands.append(Command(**{key: entry[key] for key in ("keystrokes", "duration") if key in entry}))
    return Reply(
        analysis=_text(item.get("analysis")),
        plan=_text(item.get("plan")),
        commands=() if problems else tuple(commands),
        task_complete=not problems and _true(item.get("task_complete")),
        problems=tuple(problems),
    )


def _text(value: object) -> str:
    return sound(value) if isinstance(value, str) else "" if value is None else json.dumps(value)


def _true(value: object) -> bool:
    return value is True or (isinstance(value, str) and value.strip().lower() == "true")
