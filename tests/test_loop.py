"""The agent's loop over recorded replies, in a real terminal: pytest tests/test_loop.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from agent.base import StopReason
from agent.loop import TerminalAgent
from agent.model import Completion, ContextLengthExceeded, Message, ModelError, ReplyRefused
from agent.scripted import ScriptedModel
from sandbox.terminal import open_terminal
from tests.fakes import reply

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from sandbox.base import Sandbox


@pytest.fixture
def kind() -> str:
    """One kind of sandbox is enough here: what differs between them is tested elsewhere."""
    return "auto"


async def run(
    sandbox: Sandbox, *replies: str, max_turns: int | None = None
) -> tuple[StopReason, ScriptedModel, TerminalAgent]:
    model = ScriptedModel(replies)
    agent = TerminalAgent(model, max_turns=max_turns)
    async with open_terminal(sandbox) as terminal:
        stop = await agent.run("Say hello.", terminal)
    return stop, model, agent


def told(model: ScriptedModel, turn: int) -> str:
    return model.asked[turn][-1].content


async def test_the_model_sees_the_task_then_what_its_commands_brought(sandbox: Sandbox) -> None:
    stop, model, _ = await run(sandbox, reply("echo hel''lo; false\n"), reply(done=True), reply(done=True))
    assert stop is StopReason.COMPLETED
    assert [message.role for message in model.asked[0]] == ["system", "user"]
    assert "Say hello." in told(model, 0)
    assert "hello" in told(model, 1)
    assert "exit code 1" in told(model, 1)


async def test_done_is_asked_once_more_with_what_the_last_commands_brought(sandbox: Sandbox) -> None:
    _, model, _ = await run(sandbox, reply("echo la''st\n", done=True), reply(done=True))
    assert "Say hello." in told(model, 1)
    assert "last" in told(model, 1)
    assert len(model.asked) == 2


async def test_a_reply_in_between_takes_the_done_back(sandbox: Sandbox) -> None:
    stop, model, _ = await run(sandbox, reply(done=True), reply("true\n"), reply(done=True), reply(done=True))
    assert stop is StopReason.COMPLETED
    assert len(model.asked) == 4


async def test_an_unreadable_reply_is_shown_back_and_types_nothing(sandbox: Sandbox) -> None:
    stop, model, _ = await run(sandbox, "no json", reply(done=True), reply(done=True))
    assert stop is StopReason.COMPLETED
    assert "could not be used" in told(model, 1)


async def test_three_unusable_replies_in_a_row_end_the_run(sandbox: Sandbox) -> None:
    stop, model, _ = await run(sandbox, "", "x", reply("true\n"), "", "y", "{", reply(done=True))
    assert stop is StopReason.UNUSABLE_REPLIES
    assert len(model.asked) == 6


async def test_a_nul_is_told_to_the_model_and_the_next_reply_is_typed(sandbox: Sandbox) -> None:
    stop, model, _ = await run(sandbox, reply("echo a\0b\n"), reply("echo o''k\n", done=True), reply(done=True))
    assert stop is StopReason.COMPLETED
    assert "NUL" in told(model, 1)
    assert "ok" in told(model, 2)


async def test_exit_is_told_to_the_model_and_the_rest_of_its_reply_is_not_typed(sandbox: Sandbox) -> None:
    stop, model, _ = await run(
        sandbox, reply("exit\n", "touch /app/x\n"), reply("ls /app\n", done=True), reply(done=True)
    )
    assert stop is StopReason.COMPLETED
    assert "this is a new one" in told(model, 1)
    assert "[touch /app/x\n] was not typed" in told(model, 1)
    assert await sandbox.get("/app", 100) == {}


async def test_two_ended_shells_lose_the_terminal(sandbox: Sandbox) -> None:
    stop, _, agent = await run(sandbox, reply("exit\n"), reply("exit\n"), reply(done=True))
    assert stop is StopReason.TERMINAL_LOST
    assert agent.trajectory.steps[-1].tool_calls is not None


async def test_turns_can_be_limited(sandbox: Sandbox) -> None:
    stop, model, _ = await run(sandbox, *[reply("true\n")] * 5, max_turns=2)
    assert (stop, len(model.asked)) == (StopReason.MAX_TURNS, 2)


async def test_a_reply_that_was_cut_off_is_told_so(sandbox: Sandbox) -> None:
    class CutOff(ScriptedModel):
        async def complete(
            self, messages: list[Message], *, on_wait: Callable[[float], None] | None = None
        ) -> Completion:
            completion = await super().complete(messages, on_wait=on_wait)
            return completion.model_copy(update={"finish_reason": "length"})

    model = CutOff(['{"analysis": "and so on', reply(done=True), reply(done=True)])
    async with open_terminal(sandbox) as terminal:
        assert await TerminalAgent(model).run("x", terminal) is StopReason.COMPLETED
    assert "be shorter" in told(model, 1)


class FailingModel:
    """A model whose every answer is an error."""

    name = "failing"

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def complete(self, messages: list[Message], *, on_wait: Callable[[float], None] | None = None) -> Completion:
        assert messages
        if on_wait:
            on_wait(1.5)
        raise self._error


@pytest.mark.parametrize(
    ("error", "stop"),
    [(ContextLengthExceeded("x"), StopReason.CONTEXT_EXHAUSTED), (ReplyRefused("x"), StopReason.REFUSED)],
)
async def test_some_errors_of_the_model_are_ends(sandbox: Sandbox, error: Exception, stop: StopReason) -> None:
    async with open_terminal(sandbox) as terminal:
        assert await TerminalAgent(FailingModel(error)).run("x", terminal) is stop


async def test_other_errors_of_the_model_reach_the_caller(sandbox: Sandbox) -> None:
    async with open_terminal(sandbox) as terminal:
        agent = TerminalAgent(FailingModel(ModelError("no answer")))
        with pytest.raises(ModelError, match="no answer"):
            await agent.run("x", terminal)
    assert agent.trajectory.waited == 1.5  # the provider's time, not the agent's


async def test_a_reply_is_in_the_journal_before_it_is_used(sandbox: Sandbox, tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    seen: list[int] = []

    class Watching(ScriptedModel):
        async def complete(
            self, messages: list[Message], *, on_wait: Callable[[float], None] | None = None
        ) -> Completion:
            seen.append(len(journal.read_text().splitlines()))
            return await super().complete(messages, on_wait=on_wait)

    agent = TerminalAgent(Watching([reply("true\n"), reply(done=True), reply(done=True)]), journal=journal)
    async with open_terminal(sandbox) as terminal:
        await agent.run("x", terminal)
    agent.trajectory.close()
    kinds = [json.loads(line)["type"] for line in journal.read_text().splitlines()]
    assert kinds == ["step", "step", *["step", "observation"] * 3]
    assert seen == [2, 4, 6]


async def test_the_trajectory_holds_each_command_with_its_result(sandbox: Sandbox, tmp_path: Path) -> None:
    _, _, agent = await run(sandbox, reply("echo o''ne\n", "(exit 3)\n"), reply(done=True), reply(done=True))
    agent.trajectory.write(tmp_path / "trajectory.json")
    document = json.loads((tmp_path / "trajectory.json").read_text())
    assert document["schema_version"] == "ATIF-v1.7"
    assert [step["step_id"] for step in document["steps"]] == [1, 2, 3, 4, 5]
    step = document["steps"][2]
    assert [call["arguments"]["keystrokes"] for call in step["tool_calls"]] == ["echo o''ne\n", "(exit 3)\n"]
    results = step["observation"]["results"]
    assert [seen["source_call_id"] for seen in results] == [call["tool_call_id"] for call in step["tool_calls"]]
    assert "one" in results[0]["content"]
    assert results[1]["extra"]["exit_code"] == 3
    assert document["steps"][3]["tool_calls"][-1]["function_name"] == "mark_task_complete"
