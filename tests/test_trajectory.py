"""What a trajectory and a journal hold of each call: pytest tests/test_trajectory.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from agent.model import NOTHING_USED, Completion, FailedAttempt, Usage
from agent.trajectory import ObservationResult, ToolCall, Trajectory, read_journal

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

USED = Usage(prompt_tokens=100, completion_tokens=5, cached_tokens=64, cache_creation_tokens=30, cost_usd=0.5)
ANSWER = Completion(
    text="hello",
    reasoning="hm",
    echo={"thinking_blocks": [{"type": "thinking", "signature": "signed"}]},
    usage=USED,
    finish_reason="stop",
    model="gpt-5-2026",
    requested="openai/gpt-5",
    request_id="req-1",
    dropped=("temperature",),
    prompt_token_ids=(1, 2),
    completion_token_ids=(3,),
    logprobs=(-0.5,),
    waited=2.5,
)
FAILED = FailedAttempt(
    kind="ProviderUnavailable", error="no choices", usage=Usage(prompt_tokens=7), seconds=2.5, request_id="req-0"
)


@pytest.fixture
def trajectory(tmp_path: Path) -> Iterator[Trajectory]:
    kept = Trajectory("agent", "1", "openai/gpt-5", tmp_path / "journal.jsonl")
    yield kept
    kept.close()


def written(trajectory: Trajectory, folder: Path) -> dict[str, Any]:
    trajectory.write(folder / "trajectory.json")
    document: dict[str, Any] = json.loads((folder / "trajectory.json").read_bytes())
    return document


def journal(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "journal.jsonl").read_text().splitlines()]


def test_a_step_holds_all_that_its_call_said(trajectory: Trajectory, tmp_path: Path) -> None:
    trajectory.failed(FAILED)
    trajectory.reply(ANSWER)
    (step,) = written(trajectory, tmp_path)["steps"]
    failed = FAILED.model_dump(exclude_none=True)
    assert (step["model_name"], step["reasoning_content"]) == ("gpt-5-2026", "hm")
    assert step["metrics"] == {
        "prompt_tokens": 100,
        "completion_tokens": 5,
        "cached_tokens": 64,
        "cost_usd": 0.5,
        "prompt_token_ids": [1, 2],
        "completion_token_ids": [3],
        "logprobs": [-0.5],
        "extra": {"cache_creation_tokens": 30, "waited": 2.5, "failed_attempts": [failed]},
    }
    assert step["extra"] == {
        "finish_reason": "stop",
        "requested_model": "openai/gpt-5",
        "request_id": "req-1",
        "dropped_parameters": ["temperature"],
        "echo": ANSWER.echo,
    }


def test_totals_count_failed_attempts_too(trajectory: Trajectory, tmp_path: Path) -> None:
    trajectory.failed(FAILED.model_copy(update={"usage": NOTHING_USED.model_copy(update={"prompt_tokens": 7})}))
    trajectory.reply(ANSWER)
    trajectory.reply(ANSWER.model_copy(update={"waited": 0.0}))
    document = written(trajectory, tmp_path)
    assert document["final_metrics"] == {
        "total_prompt_tokens": 207,
        "total_completion_tokens": 10,
        "total_cached_tokens": 128,
        "total_cost_usd": 1.0,
        "total_steps": 2,
        "extra": {"waited": 2.5, "total_cache_creation_tokens": 60},
    }
    assert "failed_attempts" not in document["steps"][1]["metrics"]["extra"]


def test_what_is_unknown_is_left_out_and_not_0(trajectory: Trajectory, tmp_path: Path) -> None:
    trajectory.reply(Completion(text="x"))
    document = written(trajectory, tmp_path)
    assert document["steps"][0]["metrics"] == {}
    assert document["final_metrics"] == {"total_steps": 1}


def test_a_failed_attempt_is_in_the_journal_before_the_wait(trajectory: Trajectory, tmp_path: Path) -> None:
    trajectory.failed(FAILED)
    assert journal(tmp_path) == [{"type": "failed_attempt", **FAILED.model_dump(exclude_none=True)}]


def test_attempts_that_no_reply_followed_are_kept(trajectory: Trajectory, tmp_path: Path) -> None:
    trajectory.prompt("user", "hello")
    trajectory.failed(FAILED)
    assert written(trajectory, tmp_path)["extra"]["failed_attempts"][0]["request_id"] == "req-0"


def test_no_secret_of_the_environment_is_written(
    monkeypatch: pytest.MonkeyPatch, trajectory: Trajectory, tmp_path: Path
) -> None:
    monkeypatch.setenv("CANARY_API_KEY", "canary-0123456789")
    trajectory.prompt("user", "canary-0123456789")
    trajectory.failed(FAILED.model_copy(update={"error": "bad key canary-0123456789"}))
    trajectory.reply(ANSWER.model_copy(update={"text": "it is canary-0123456789", "reasoning": "canary-0123456789?"}))
    trajectory.result([], [ObservationResult(content="KEY=canary-0123456789")], analysis="canary-0123456789!")
    written(trajectory, tmp_path)
    for path in tmp_path.iterdir():
        assert "canary-0123456789" not in path.read_text()
        assert "[CANARY_API_KEY]" in path.read_text()


def test_the_journal_alone_gives_the_same_steps(trajectory: Trajectory, tmp_path: Path) -> None:
    trajectory.prompt("user", "task")
    trajectory.reply(Completion(text="ls", usage=Usage(prompt_tokens=7), logprobs=(0.5,), finish_reason="stop"))
    calls = [ToolCall(tool_call_id="1", function_name="bash_command", arguments={"keystrokes": "ls\n"})]
    trajectory.result(calls, [ObservationResult(source_call_id="1", content="x")], analysis="a")
    trajectory.remark(repeats=3)
    trajectory.compacted("shorter")
    trajectory.reply(Completion(text="cut"))
    path = tmp_path / "journal.jsonl"
    assert read_journal(path) == trajectory.steps
    path.write_bytes(path.read_bytes()[:-20])  # as a full disk or a lost machine leaves it
    assert read_journal(path) == trajectory.steps[:-1]
