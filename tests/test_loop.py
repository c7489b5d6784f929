"""The agent's loop over recorded replies, in a real terminal: pytest tests/test_loop.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from agent.base import StopReason
from agent.formats.bash_block import BashBlockFormat
from agent.formats.terminus1 import Terminus1Format
from agent.formats.tool_call_tag import ToolCallTagFormat
from agent.formats.tools import ToolsFormat
from agent.formats.xml import XmlFormat
from agent.formats.xml_yaml import XmlYamlFormat
from agent.limits import Limits
from agent.loop import TerminalAgent
from agent.model import (
    Completion,
    ContextLengthExceeded,
    FailedAttempt,
    FunctionCall,
    Message,
    ModelError,
    ReplyRefused,
    Usage,
)
from agent.scripted import ScriptedModel
from sandbox.terminal import open_terminal
from tests.fakes import reply

DONE = reply(done=True)

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from agent.formats.text import TextFormat
    from sandbox.base import Sandbox


@pytest.fixture
def kind() -> str:
    """One kind of sandbox is enough here: what differs between them is tested elsewhere."""
    return "auto"


async def run(
    sandbox: Sandbox, *replies: str | Completion, limits: Limits | None = None
) -> tuple[StopReason, ScriptedModel, TerminalAgent]:
    model = ScriptedModel(replies)
    agent = TerminalAgent(model, limits=limits)
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


@pytest.mark.fault("F17")
async def test_a_nul_is_told_to_the_model_and_the_next_reply_is_typed(sandbox: Sandbox) -> None:
    stop, model, _ = await run(sandbox, reply("echo a\0b\n"), reply("echo o''k\n", done=True), reply(done=True))
    assert stop is StopReason.COMPLETED
    assert "NUL" in told(model, 1)
    assert "ok" in told(model, 2)


@pytest.mark.fault("F25", "F26")
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
    stop, model, _ = await run(sandbox, *[reply("true\n")] * 5, limits=Limits(max_turns=2))
    assert (stop, len(model.asked)) == (StopReason.MAX_TURNS, 2)


async def test_a_reply_that_was_cut_off_is_told_so(sandbox: Sandbox) -> None:
    class CutOff(ScriptedModel):
        async def complete(self, messages: list[Message], **settings: Any) -> Completion:  # noqa: ANN401 - passed on
            completion = await super().complete(messages, **settings)
            return completion.model_copy(update={"finish_reason": "length"})

    model = CutOff(['{"analysis": "and so on', reply(done=True), reply(done=True)])
    async with open_terminal(sandbox) as terminal:
        assert await TerminalAgent(model).run("x", terminal) is StopReason.COMPLETED
    assert "be shorter" in told(model, 1)


CALLED = Completion(text="", calls=(FunctionCall(id="1", name="bash", arguments="{}"),), finish_reason="tool_calls")
CUT_OFF = Completion(text='{"analysis": "and so', finish_reason="length", usage=Usage(completion_tokens=4096))


@pytest.mark.parametrize(
    ("replies", "stop", "kinds"),
    [
        (["", " ", "\n"], StopReason.UNUSABLE_REPLIES, ["empty"] * 3),
        (["x", "y", "z"], StopReason.UNUSABLE_REPLIES, ["unreadable"] * 3),
        ([CALLED] * 3, StopReason.ONLY_CALLS, ["only_calls"] * 3),
        ([CUT_OFF] * 3, StopReason.TRUNCATED_REPLIES, ["truncated"] * 3),
        ([CALLED, "", CUT_OFF], StopReason.UNUSABLE_REPLIES, ["only_calls", "empty", "truncated"]),
    ],
)
@pytest.mark.fault("F11", "F13", "F14")
async def test_three_bad_replies_end_the_run_under_the_name_of_what_was_wrong(
    sandbox: Sandbox, replies: list[str | Completion], stop: StopReason, kinds: list[str]
) -> None:
    ended, model, agent = await run(sandbox, *replies, "never asked for")
    assert (ended, len(model.asked)) == (stop, 3)
    steps = [step for step in agent.trajectory.steps if step.source == "agent"]
    assert [(step.extra or {})["unusable"] for step in steps] == kinds
    if stop is StopReason.TRUNCATED_REPLIES:
        assert agent.trajectory.usage.completion_tokens == 3 * 4096


@pytest.mark.parametrize(
    ("reply", "says"),
    [("", "the reply is empty"), (CALLED, "it only called `bash`"), (CUT_OFF, "be shorter")],
)
async def test_a_bad_reply_is_named_to_the_model_and_the_next_one_counts(
    sandbox: Sandbox, reply: str | Completion, says: str
) -> None:
    stop, model, _ = await run(sandbox, reply, reply, DONE, reply, reply, DONE, DONE)
    assert stop is StopReason.COMPLETED
    assert says in told(model, 1)
    assert told(model, 1).count("\n- ") == (2 if reply is CUT_OFF else 1)


class RefusingModel(ScriptedModel):
    """Refuses as often as its replies are empty."""

    async def complete(self, messages: list[Message], **settings: Any) -> Completion:  # noqa: ANN401 - passed on
        completion = await super().complete(messages, **settings)
        if not completion.text:
            error = ReplyRefused("scripted: refused to answer: I will not.")
            error.text, error.usage = "I will not.", Usage(prompt_tokens=5)
            raise error
        return completion


async def test_a_refusal_is_kept_and_the_same_question_is_asked_again(sandbox: Sandbox) -> None:
    model = RefusingModel(["", "", DONE, DONE])
    async with open_terminal(sandbox) as terminal:
        agent = TerminalAgent(model)
        assert await agent.run("x", terminal) is StopReason.COMPLETED
    assert model.asked[0] == model.asked[1] == model.asked[2]
    refused = agent.trajectory.steps[2]
    assert (refused.message, refused.extra) == ("I will not.", {"requested_model": "scripted", "unusable": "refused"})
    assert agent.trajectory.usage.prompt_tokens == 2 * 5


@pytest.mark.fault("F12")
async def test_three_refusals_end_the_run(sandbox: Sandbox) -> None:
    model = RefusingModel([""] * 4)
    async with open_terminal(sandbox) as terminal:
        assert await TerminalAgent(model).run("x", terminal) is StopReason.REFUSED
    assert len(model.asked) == 3


class FailingModel:
    """A model whose every answer is an error."""

    name = "failing"

    def __init__(self, error: Exception) -> None:
        self._error = error

    async def complete(
        self,
        messages: list[Message],
        *,
        tools: Sequence[dict[str, Any]] = (),
        on_wait: Callable[[FailedAttempt], None] | None = None,
    ) -> Completion:
        assert messages
        assert not tools
        if on_wait:
            on_wait(FailedAttempt(kind="ProviderUnavailable", error="gone", usage=Usage(prompt_tokens=7), seconds=1.5))
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
    assert agent.trajectory.usage.prompt_tokens == 7


async def test_a_reply_is_in_the_journal_before_it_is_used(sandbox: Sandbox, tmp_path: Path) -> None:
    journal = tmp_path / "journal.jsonl"
    seen: list[int] = []

    class Watching(ScriptedModel):
        async def complete(self, messages: list[Message], **settings: Any) -> Completion:  # noqa: ANN401 - passed on
            seen.append(len(journal.read_text().splitlines()))
            return await super().complete(messages, **settings)

    agent = TerminalAgent(Watching([reply("true\n"), reply(done=True), reply(done=True)]), journal=journal)
    async with open_terminal(sandbox) as terminal:
        await agent.run("x", terminal)
    agent.trajectory.close()
    kinds = [json.loads(line)["type"] for line in journal.read_text().splitlines()]
    assert kinds == ["step", "step", *["step", "observation"] * 2, "remark", "step", "observation"]
    assert seen == [2, 4, 7]


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


class CallingModel:
    """A model that calls functions, the given ones of each turn."""

    name = "calling"

    def __init__(self, *turns: tuple[FunctionCall, ...]) -> None:
        self.asked: list[list[Message]] = []
        self.offered: list[str] = []
        self._turns = list(turns)

    async def complete(
        self,
        messages: list[Message],
        *,
        tools: Sequence[dict[str, Any]] = (),
        on_wait: Callable[[FailedAttempt], None] | None = None,  # noqa: ARG002 - there is nobody to wait for
    ) -> Completion:
        self.asked.append(list(messages))
        self.offered = [tool["function"]["name"] for tool in tools]
        return Completion(text="", calls=self._turns[len(self.asked) - 1])


async def test_native_calls_are_typed_answered_and_in_the_journal(sandbox: Sandbox, tmp_path: Path) -> None:
    finish = FunctionCall(id="c3", name="finish", arguments="{}")
    bash = FunctionCall(id="c1", name="bash", arguments='{"command": "echo hel\'\'lo\\ncat"}')
    keys = FunctionCall(id="c2", name="type", arguments='{"keystrokes": "C-d"}')
    model = CallingModel((bash.model_copy(update={"arguments": "{"}),), (bash, keys), (finish,), (finish,))
    agent = TerminalAgent(model, ToolsFormat(), journal=tmp_path / "journal.jsonl")
    async with open_terminal(sandbox) as terminal:
        assert await agent.run("Say hello.", terminal) is StopReason.COMPLETED
    agent.trajectory.close()
    assert model.offered == ["bash", "type", "finish"]
    refused, *_, typed, ended = model.asked[3][3], *model.asked[3][5:7]
    assert (refused.role, refused.call_id) == ("tool", "c1")
    assert model.asked[3][4].calls == (bash, keys)
    assert (typed.call_id, "hello" in typed.content) == ("c1", True)
    assert (ended.call_id, "exit code 0" in ended.content) == ("c2", True)
    assert '"arguments": "{"' in (tmp_path / "journal.jsonl").read_text()


REPLIES = {
    XmlFormat: ("<response><commands><keystrokes>{}\n</keystrokes></commands></response>",
                *["<response><task_complete>true</task_complete></response>"] * 2),
    Terminus1Format: ('{{"commands":[{{"keystrokes":"{}","is_blocking":true,"timeout_sec":5}}]}}',
                      '{{"commands":[],"is_task_complete":true}}'),
    BashBlockFormat: ("```bash\n{}\n```", "done"),
    ToolCallTagFormat: ('<tool_call>{{"name":"bash","arguments":{{"command":"{}"}}}}</tool_call>', "It is said."),
    XmlYamlFormat: ("<bash>\ncmd: {}\n</bash>", "<finish>message: said</finish>"),
}  # fmt: skip


@pytest.mark.parametrize("kind_of_format", REPLIES, ids=lambda made: made.name)
async def test_each_format_of_text_drives_the_terminal_to_an_end(
    sandbox: Sandbox, kind_of_format: type[TextFormat]
) -> None:
    model = ScriptedModel([reply.format("echo hel''lo; false") for reply in REPLIES[kind_of_format]])
    async with open_terminal(sandbox) as terminal:
        assert await TerminalAgent(model, kind_of_format()).run("Say hello.", terminal) is StopReason.COMPLETED
    assert len(model.asked) == len(REPLIES[kind_of_format])
    assert "hello" in told(model, 1)
    assert "exit code 1" in told(model, 1)


async def test_a_repair_is_told_and_recorded(sandbox: Sandbox) -> None:
    _, model, agent = await run(sandbox, '{"commands":[{"keystrokes":"true\\n"},]}', reply(done=True), reply(done=True))
    assert "Note: your JSON had a comma before a closing bracket." in told(model, 1)
    assert [(step.extra or {}).get("repairs") for step in agent.trajectory.steps[2:4]] == [["trailing_comma"], []]
