from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from agent.formats import MAX_DURATION, Command, Reply
from agent.formats.json import JsonFormat
from agent.model import Completion

GOOD: dict[str, Any] = {
    "analysis": "a",
    "plan": "p",
    "commands": [{"keystrokes": "ls\n", "duration": 2}],
    "task_complete": False,
}


def parse(reply: str) -> Reply:
    return JsonFormat().parse(Completion(text=reply))


def text(**changes: object) -> str:
    return json.dumps(GOOD | changes)


@pytest.mark.parametrize(
    "wrapped",
    ["{}", "```json\n{}\n```", "Sure:\n{}\nDone.", "<think>draft {{}} here</think>{}", "\ufeff{}", "[{}]"],
)
def test_a_reply_is_found_in_what_surrounds_it(wrapped: str) -> None:
    reply = parse(wrapped.replace("{}", text(), 1) if "{{}}" not in wrapped else wrapped.format(text()))
    assert reply.problems == ()
    assert reply.commands == (Command(keystrokes="ls\n", duration=2),)


def test_a_draft_in_the_models_thoughts_is_not_the_reply() -> None:
    draft = text(commands=[{"keystrokes": "rm -rf /\n"}], task_complete=True)
    assert parse(f"<think>{draft}</think>{text()}").commands[0].keystrokes == "ls\n"


def test_two_different_objects_are_refused() -> None:
    reply = parse(text() + "\n" + text(commands=[]))
    assert "2 different replies" in reply.problems[0]
    assert reply.commands == ()


def test_the_same_object_twice_is_one() -> None:
    assert parse(text() + "\n" + text()).problems == ()


def test_an_object_quoted_inside_the_reply_is_text() -> None:
    quoted = text(task_complete=True)
    reply = parse(text(analysis=f"the file says {quoted}"))
    assert reply.problems == ()
    assert not reply.task_complete


@pytest.mark.fault("F21")
def test_raw_line_ends_and_tabs_in_strings_are_read() -> None:
    assert parse('{"analysis":"","plan":"","commands":[{"keystrokes":"a\tb\n"}]}').commands[0].keystrokes == "a\tb\n"


@pytest.mark.parametrize(
    ("duration", "expected"),
    [
        ("1e999", MAX_DURATION),
        ("-5", 0),
        ("NaN", 1),
        ("true", 1),
        ('"3"', 1),
        ("null", 1),
        ("0.5", 0.5),
        ("9" * 400, MAX_DURATION),
    ],
)
@pytest.mark.fault("F19")
def test_odd_durations_are_taken_to_the_nearest_allowed(duration: str, expected: float) -> None:
    reply = parse('{"commands":[{"keystrokes":"x","duration":DURATION}]}'.replace("DURATION", duration))
    assert reply.problems == ()
    assert reply.commands[0].duration == expected


@pytest.mark.parametrize(
    ("reply", "problem"),
    [
        ("", "empty"),
        ("  \n", "empty"),
        ("I am done.", "no JSON object"),
        ("{'a': }", "not valid JSON"),
        ('{"commands": [', "not valid JSON"),
        ('{"other": 1}', "no JSON object"),
        ('{"analysis": "a", "plan": "p"}', "`commands` is missing"),
        ('{"commands": "ls"}', "not a list"),
        ('{"commands": [{"keys": "ls"}]}', "command 1 has no `keystrokes`"),
        ('{"commands": [{"keystrokes": "ls"}, 7]}', "command 2 has no `keystrokes`"),
        ('{"commands": [{"keystrokes": "a\\u0000b"}]}', "command 1 holds a NUL"),
        ('{"commands": [{"keystrokes": "\\ud800"}]}', "command 1 holds half of a surrogate pair"),
    ],
)
def test_an_unusable_reply_says_why(reply: str, problem: str) -> None:
    read = parse(reply)
    assert problem in " ".join(read.problems)
    assert read.commands == ()
    assert not read.task_complete


@pytest.mark.parametrize(("value", "done"), [(True, True), ("true", True), ("no", False), (1, False), (["no"], False)])
def test_only_true_is_done(value: object, done: bool) -> None:  # noqa: FBT001
    assert parse(text(task_complete=value)).task_complete is done


@pytest.mark.fault("F18")
def test_half_a_surrogate_in_the_analysis_is_replaced() -> None:
    assert parse('{"analysis": "\\ud800", "commands": []}').analysis == "\ufffd"


def test_done_needs_no_commands() -> None:
    reply = parse('{"task_complete": true}')
    assert (reply.problems, reply.task_complete) == ((), True)


@pytest.mark.parametrize("reply", ["{" * 100_000, '{"a":' * 20_000, "[" * 100_000, '{"commands": ' + "9" * 5000 + "}"])
@pytest.mark.fault("F20")
def test_deep_and_endless_replies_are_refused_quickly(reply: str) -> None:
    assert parse(reply).problems


VALUES = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["keystrokes", "duration", *GOOD]), inner),
)


@given(st.text() | VALUES.map(json.dumps))
def test_no_reply_raises(reply: str) -> None:
    read = parse(reply)
    assert not (read.problems and (read.commands or read.task_complete))
