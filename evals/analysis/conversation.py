"""Conversations taken out of the steps of a run: what the model read and wrote, as messages.

What was outside of them is left out: summaries that it was asked for, refusals, and replies that were copied from
before. Where a conversation was begun anew, as it had become too long, another one begins.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evals.analysis.atif import AtifStep, Document

Message = dict[str, Any]
"""One turn, as OpenAI's chat completions have it: `role`, `content`, and `reasoning_content` or `tool_calls`."""

_OURS = ("termstone", "termstone-terminus2", "unknown")  # the last is a journal's, which only we write


def conversations(document: Document) -> list[list[Message]]:
    """Take the conversations out of a run's steps, one unless it was begun anew in the middle."""
    found: list[list[Message]] = [[]]
    whole = _replies_are_whole(document)
    steps = [step for step in document.steps if not _copied_reply(step) and step.fact("unusable") != "refused"]
    for step, following in zip(steps, [*steps, None][1:], strict=True):
        if _aside(step) or (following and _aside(following) and step.source == "user"):
            continue
        if step.boundary == "replace":
            found.append(found[-1][:1])
            found[-1].append({"role": "user", "content": step.said})
        elif not step.boundary:
            found[-1] += _messages(step, _given_calls(step) or ([] if whole else _noted_calls(step)))
    return [messages for messages in found if any(message["role"] == "assistant" for message in messages)]


def _aside(step: AtifStep) -> bool:
    return step.fact("purpose") is not None


def _copied_reply(step: AtifStep) -> bool:
    return bool(step.is_copied_context) and step.source == "agent"


def _replies_are_whole(document: Document) -> bool:
    """Whether replies stand there as they were written, with their commands in them.

    Ours do; those of others are often the thoughts alone, and what was done stands beside them.
    """
    if document.agent.get("name") in _OURS:
        return True
    typed = [(call.typed, step.said) for step in document.steps for call in step.calls if call.typed.strip()]
    return bool(typed) and all(any(form in said for form in _forms(keys)) for keys, said in typed)


def _forms(keys: str) -> tuple[str, ...]:
    """Return a text as it may stand in a reply: as it is, or in a string of JSON."""
    return keys, json.dumps(keys)[1:-1], json.dumps(keys, ensure_ascii=False)[1:-1]


def _messages(step: AtifStep, calls: list[dict[str, str]]) -> Iterator[Message]:
    if step.source != "agent":
        yield {"role": step.source, "content": step.said}
        return
    message: Message = {"role": "assistant", "content": step.said}
    if step.reasoning_content:
        message["reasoning_content"] = step.reasoning_content
    if calls:
        message["tool_calls"] = [
            {"id": call["id"], "type": "function", "function": {name: call[name] for name in ("name", "arguments")}}
            for call in calls
        ]
    if step.said or len(message) > len(("role", "content")):
        yield message
    if calls:
        for call, text in zip(calls, _brought(step, calls), strict=True):
            yield {"role": "tool", "tool_call_id": call["id"], "content": text}
    elif any(shown := _shown(step)):
        yield {"role": "user", "content": "\n".join(shown)}


def _shown(step: AtifStep) -> list[str]:
    return [seen.text for seen in step.results] or [str(step.fact("told") or "")]


def _brought(step: AtifStep, calls: list[dict[str, str]]) -> list[str]:
    """Return a text for each call: what it brought where that is known, or else all of it for the first."""
    ids = [call["id"] for call in calls]
    linked = [[seen.text for seen in step.results if seen.source_call_id == one] for one in ids]
    others = [seen.text for seen in step.results if seen.source_call_id not in ids]
    if not any(linked):
        others = others or _shown(step)
        if len(others) == len(calls):
            return others
    linked[0] += others
    return ["\n".join(filter(None, texts)) for texts in linked]


def _given_calls(step: AtifStep) -> list[dict[str, str]]:
    """Return the calls of tools as the provider gave them; files of others may hold anything under that name."""
    calls = step.fact("calls")
    return [
        call
        for call in (calls if isinstance(calls, list) else ())
        if isinstance(call, dict) and all(isinstance(call.get(name), str) for name in ("id", "name", "arguments"))
    ]


def _noted_calls(step: AtifStep) -> list[dict[str, str]]:
    """Return what a step did in the same form."""
    return [
        {
            "id": call.tool_call_id,
            "name": call.function_name,
            "arguments": json.dumps(call.arguments, ensure_ascii=False),
        }
        for call in step.calls
    ]
