"""Conversations of agents whose commands stand beside their messages: pytest tests/test_conversation.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from evals.analysis.atif import read_trajectory
from evals.analysis.conversation import conversations
from evals.analysis.export import chat, runs, sharegpt
from tests.job_folders import read_job, write, write_harbor
from tests.trial_folders import trajectory

if TYPE_CHECKING:
    from pathlib import Path

    from evals.analysis.atif import Document


def terminus(*steps: dict[str, Any]) -> dict[str, Any]:
    """Make a trajectory as Harbor's Terminus 2 writes it."""
    numbered = [{"step_id": number, **step} for number, step in enumerate(steps, 1)]
    agent = {"name": "terminus-2", "version": "2.0.0", "model_name": "openai/gpt-5"}
    return {"schema_version": "ATIF-v1.6", "agent": agent, "steps": numbered}


def called(number: int, name: str, **arguments: object) -> dict[str, Any]:
    return {"tool_call_id": f"call_{number}", "function_name": name, "arguments": arguments}


def brought(*contents: str, of: int | None = None) -> dict[str, Any]:
    return {
        "results": [{"content": content, **({"source_call_id": f"call_{of}"} if of else {})} for content in contents]
    }


PROMPT = {"source": "user", "message": "Do the task."}
LOOKS = {
    "source": "agent",
    "message": "Analysis: nothing is done.\nPlan: look.",
    "tool_calls": [
        called(1, "bash_command", keystrokes="ls -la\n", duration=0.1),
        called(2, "bash_command", keystrokes="q", duration=0.1),
    ],
    "observation": brought("New Terminal Output: x"),
}
DONE = {"source": "agent", "message": "", "tool_calls": [called(3, "mark_task_complete")], "observation": brought("ok")}
SILENT = {"source": "agent", "message": ""}


def read(path: Path, document: dict[str, Any]) -> Document:
    write(path, document)
    return read_trajectory(path)


def test_what_an_agent_of_harbor_did_is_called_in_its_conversation(tmp_path: Path) -> None:
    (messages,) = conversations(read(tmp_path / "t.json", terminus(PROMPT, LOOKS, DONE)))
    assert [message["role"] for message in messages] == ["user", "assistant", "tool", "tool", "assistant", "tool"]
    first, second = (call["function"] for call in messages[1]["tool_calls"])
    assert (first["name"], json.loads(first["arguments"])) == (
        "bash_command",
        {"keystrokes": "ls -la\n", "duration": 0.1},
    )
    assert json.loads(second["arguments"])["keystrokes"] == "q"
    assert [message["content"] for message in messages[2:4]] == ["New Terminal Output: x", ""]
    assert messages[4]["tool_calls"][0]["function"] == {"name": "mark_task_complete", "arguments": "{}"}
    assert messages[5] == {"role": "tool", "tool_call_id": "call_3", "content": "ok"}


def test_rows_of_a_harbor_job_carry_its_calls(tmp_path: Path) -> None:
    folder = write_harbor(tmp_path / "job", {"low": {"alpha": "P"}})
    write(folder / "alpha__low1/agent/trajectory.json", terminus(PROMPT, LOOKS, DONE))
    (run,) = runs(read_job(folder).trials)
    (row,) = map(json.loads, sharegpt(run))
    assert [turn["from"] for turn in row["conversations"]] == ["human", "gpt", "human", "gpt"]
    assert row["conversations"][1]["value"].startswith("Analysis: nothing is done.\nPlan: look.\n<tool_call>\n{")
    assert (
        row["conversations"][3]["value"] == '<tool_call>\n{"name": "mark_task_complete", "arguments": {}}\n</tool_call>'
    )
    (row,) = map(json.loads, chat(run))
    assert row["messages"][-1]["tool_calls"][0]["function"]["name"] == "mark_task_complete"


def test_a_call_is_answered_with_what_it_brought(tmp_path: Path) -> None:
    results = [
        {"source_call_id": "call_2", "content": "b"},
        {"content": "told"},
        {"source_call_id": "call_1", "content": "a"},
    ]
    step = {**LOOKS, "observation": {"results": results}}
    (messages,) = conversations(read(tmp_path / "t.json", terminus(PROMPT, step)))
    assert [(message["tool_call_id"], message["content"]) for message in messages[2:]] == [
        ("call_1", "a\ntold"),
        ("call_2", "b"),
    ]


def test_a_turn_without_a_word_or_a_call_does_not_come_out(tmp_path: Path) -> None:
    (messages,) = conversations(read(tmp_path / "t.json", terminus(PROMPT, LOOKS, SILENT, DONE)))
    assert all(
        message["content"] or message.get("tool_calls") for message in messages if message["role"] == "assistant"
    )
    assert conversations(read(tmp_path / "t.json", terminus(PROMPT, SILENT))) == []


@pytest.mark.parametrize("ascii_only", [True, False])
@pytest.mark.parametrize("name", ["termstone", "another-agent"])
def test_replies_that_hold_their_commands_are_not_doubled(tmp_path: Path, name: str, *, ascii_only: bool) -> None:
    keys = 'echo "é"\n'
    document = trajectory("plain", keys)
    document["agent"]["name"] = name
    reply = {"commands": [{"keystrokes": keys}, {"keystrokes": "false\n"}]}
    document["steps"][2]["message"] = json.dumps(reply, ensure_ascii=ascii_only)
    (messages,) = conversations(read(tmp_path / "t.json", document))
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user", "assistant"]
    assert not any("tool_calls" in message for message in messages)


@pytest.mark.parametrize(("name", "calls"), [("termstone", 0), ("termstone-terminus2", 0), ("terminus-2", 1)])
def test_ours_are_known_by_name_also_where_keys_were_mended(tmp_path: Path, name: str, calls: int) -> None:
    typed = called(1, "bash_command", keystrokes="ls & cd")
    reply = {"source": "agent", "message": "<keystrokes>ls &amp; cd</keystrokes>", "tool_calls": [typed]}
    document = terminus(PROMPT, reply)
    document["agent"]["name"] = name
    (messages,) = conversations(read(tmp_path / "t.json", document))
    assert sum(len(message.get("tool_calls", ())) for message in messages) == calls


def test_of_what_was_copied_from_before_the_prompts_are_kept(tmp_path: Path) -> None:
    copied = [
        {**step, "is_copied_context": True} for step in (PROMPT, {**LOOKS, "tool_calls": None, "observation": None})
    ]
    (messages,) = conversations(read(tmp_path / "t.json", terminus(*copied, {**PROMPT, "message": "Go on."}, LOOKS)))
    assert [message["content"] for message in messages[:3]] == ["Do the task.", "Go on.", LOOKS["message"]]
