"""Replies that Harbor 0.25's Terminus 2 parsers were given, what they made of them, and what ours makes: a table.

Each line of parser_cases.jsonl is one reply. `harbor` is what that version did, `ours` what we do, and where the two
differ in what is typed, in completion or in refusal, `reason` is one of the words below.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from agent.formats.json import JsonFormat
from agent.formats.xml import XmlFormat
from agent.model import Completion

REASONS = {
    "ambiguous": "Two things could be meant, and Harbor takes the first or the last.",
    "attribute": "Attributes of any tag are read as attributes, also with `>` in their quotes.",
    "boolean": 'Only true and "true" complete a task.',
    "candidates": "All beginnings are looked at, not only the first.",
    "clamped": "A duration is finite and at most the maximum.",
    "comment": "What stands in a comment is not typed.",
    "crash": "Harbor's parser raises.",
    "markup": "Our own tags are never typed: an open one is refused, an empty one waits.",
    "quoted": "Tags inside keystrokes and analysis are text.",
    "repaired": "It can mean only one thing, so it is mended, and the model is told.",
    "silent": "Harbor does nothing and says nothing; we do what is meant, or say why not.",
    "thought": "A draft in the model's thoughts is not its reply.",
    "unsendable": "No terminal takes it.",
}
CASES = [json.loads(line) for line in (Path(__file__).parent / "parser_cases.jsonl").read_text().splitlines()]
FORMATS = {"json": JsonFormat(), "xml": XmlFormat()}


def test_the_table_is_whole() -> None:
    assert len(CASES) == 110
    assert {case["reason"] for case in CASES} - {None} == set(REASONS)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_a_reply_is_read_as_the_table_says(case: dict[str, Any]) -> None:
    text = case["input"] if isinstance(case["input"], str) else "".join(part * times for part, times in case["input"])
    reply = FORMATS[case["format"]].parse(Completion(text=text))
    does = {
        "commands": [[command.keystrokes, command.duration] for command in reply.commands],
        "complete": reply.task_complete,
        "refused": bool(reply.problems),
    }
    expected = dict(case["ours"])
    assert expected.pop("problem", "") in "".join(reply.problems)
    assert expected.pop("repairs", []) == list(reply.repairs)
    assert does == expected
    assert (does != case["harbor"]) == bool(case["reason"])
