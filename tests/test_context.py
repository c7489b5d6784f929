"""How a conversation stays within what its model reads, and what else ends one; the terminal is a double."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from agent.base import StopReason
from agent.context import Context
from agent.limits import Limits
from agent.loop import TerminalAgent
from agent.model import Completion, ContextLengthExceeded, FailedAttempt, Message, ProviderRejected, ReplyRefused, Usage
from sandbox.observation import Observation, State
from tests.fakes import reply

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ENOUGH = 20_000
"""Tokens that the small model below reads."""


class Paper:
    """A terminal that shows the same on every command."""

    def __init__(self, shows: str) -> None:
        self._shows = shows

    async def type(self, keystrokes: str, duration: float) -> Observation:
        del duration
        return Observation(text=f"$ {keystrokes}{self._shows}", exit_codes=(0,), state=State.PROMPT, seconds=1)

    async def look(self) -> Observation:
        return Observation(text="$", state=State.PROMPT, seconds=0)


class SmallModel:
    """Reads `ENOUGH` tokens, four bytes each, and says so only when asked for more."""

    name = "small"

    def __init__(self, *replies: str, summary: str | Exception = "SUMMARY", tells: bool = True) -> None:
        self.asked: list[list[Message]] = []
        self.summaries: list[list[Message]] = []
        self._replies = list(replies)
        self._summary = summary
        self._tells = tells

    async def complete(
        self,
        messages: list[Message],
        *,
        tools: Sequence[dict[str, Any]] = (),
        on_wait: Callable[[FailedAttempt], None] | None = None,
    ) -> Completion:
        del tools, on_wait
        size = sum(len(message.content) for message in messages) // 4
        if "has become too long" in messages[-1].content:
            self.summaries.append(list(messages))
            if isinstance(self._summary, Exception):
                raise self._summary
        if size > ENOUGH:
            raise ContextLengthExceeded(f"{size} tokens")
        usage = Usage(prompt_tokens=size, completion_tokens=1, cached_tokens=0, cost_usd=0.0)
        limit = ENOUGH if self._tells else None
        if "has become too long" in messages[-1].content:
            return Completion(text=str(self._summary), usage=usage, context_limit=limit)
        self.asked.append(list(messages))
        return Completion(text=self._replies[len(self.asked) - 1], usage=usage, context_limit=limit)


async def run(model: SmallModel, shows: str, **limits: Any) -> tuple[StopReason, TerminalAgent]:  # noqa: ANN401 - passed on
    agent = TerminalAgent(model, limits=Limits(**limits))
    return await agent.run("The task.", Paper(shows)), agent  # type: ignore[arg-type] # a double of two methods


STEPS = [reply(f"step {number}\n") for number in range(60)]
DONE = [reply(done=True)] * 2


async def test_old_observations_are_shortened_before_anything_else() -> None:
    model = SmallModel(*STEPS[:20], *DONE)
    stop, agent = await run(model, "x" * 6000)
    assert stop is StopReason.COMPLETED
    assert not model.summaries
    assert max(sum(len(message.content) for message in asked) for asked in model.asked) // 4 <= ENOUGH
    last = model.asked[-1]
    assert "The task." in last[1].content
    assert "left out to save room" in last[3].content
    assert "x" * 6000 in last[-3].content
    assert [message.content for message in last if message.role == "assistant"] == [*STEPS[:20], DONE[0]]
    assert any((step.extra or {}).get("context_management") for step in agent.trajectory.steps)


@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.fault("F09")
async def test_a_conversation_of_short_turns_is_handed_over_with_a_summary(tells: bool) -> None:  # noqa: FBT001 - a table
    wordy = [step.replace('"analysis": "a"', f'"analysis": "{"a" * 3000}"') for step in STEPS[:40]]
    model = SmallModel(*wordy, *DONE, tells=tells)
    stop, agent = await run(model, "short")
    assert stop is StopReason.COMPLETED
    assert model.summaries
    after = next(asked for asked in model.asked if "SUMMARY" in asked[1].content)
    assert [message.role for message in after[:2]] == ["system", "user"]
    assert "The task." in after[1].content
    assert "short" in after[1].content  # what the last command brought
    steps = [step.message for step in agent.trajectory.steps if (step.extra or {}).get("purpose") == "summary"]
    assert set(steps) == {"SUMMARY"}


async def test_the_question_whether_it_is_done_survives_a_hand_over() -> None:
    wordy = [step.replace('"analysis": "a"', f'"analysis": "{"a" * 20_000}"') for step in STEPS[:3]]
    sure = reply(done=True).replace('"analysis": "a"', f'"analysis": "{"a" * 20_000}"')
    model = SmallModel(*wordy, sure, reply(done=True))
    stop, _ = await run(model, "")
    assert stop is StopReason.COMPLETED
    assert len(model.asked) == 5
    assert "SUMMARY" in model.asked[-1][1].content
    assert '`"task_complete": true` again' in model.asked[-1][1].content


@pytest.mark.parametrize("error", [ReplyRefused("no"), ContextLengthExceeded("too long")])
@pytest.mark.fault("F16")
async def test_a_summary_that_fails_leaves_the_task_and_the_last_screen(error: Exception) -> None:
    wordy = [step.replace('"analysis": "a"', f'"analysis": "{"a" * 3000}"') for step in STEPS[:40]]
    model = SmallModel(*wordy, *DONE, summary=error)
    stop, agent = await run(model, "seen last")
    assert stop is StopReason.COMPLETED
    after = next(asked for asked in model.asked if "left no summary" in asked[1].content)
    assert "The task." in after[1].content
    assert "seen last" in after[1].content
    assert len(after[1].content) < 2000
    assert any("left no summary" in step.message for step in agent.trajectory.steps)


async def test_a_conversation_may_also_stop_when_it_is_full() -> None:
    model = SmallModel(*STEPS)
    stop, _ = await run(model, "x" * 6000, when_full="stop")
    assert stop is StopReason.CONTEXT_EXHAUSTED
    assert not model.summaries


async def test_a_task_that_is_too_long_by_itself_ends_the_run() -> None:
    model = SmallModel(*STEPS)
    agent = TerminalAgent(model)
    stop = await agent.run("x" * 100_000, Paper(""))  # type: ignore[arg-type] # a double of two methods
    assert stop is StopReason.CONTEXT_EXHAUSTED


def test_length_is_learned_from_what_the_provider_counts() -> None:
    context = Context()
    context.add(Message(role="user", content="x" * 300))
    assert context.tokens == 100
    context.heard(Completion(text="", usage=Usage(prompt_tokens=60), context_limit=1000))
    context.add(Message(role="assistant", content="y" * 100))
    assert (context.tokens, context.limit) == (80, 1000)
    context.heard(Completion(text=""))  # nothing is known of this one
    assert context.tokens == 80


@pytest.mark.parametrize(
    ("limits", "end"),
    [
        ({"max_tokens": 300}, StopReason.BUDGET),
        ({"max_turns": 2}, StopReason.MAX_TURNS),
        ({"max_repeats": 3}, StopReason.NO_PROGRESS),
    ],
)
async def test_each_limit_has_an_end_of_its_own(limits: dict[str, Any], end: StopReason) -> None:
    model = SmallModel(*[reply("again\n")] * 50)
    stop, agent = await run(model, "same", **limits)
    assert stop is end
    assert len(model.asked) < 10
    remarks = [step.extra["repeats"] for step in agent.trajectory.steps if step.extra and "repeats" in step.extra]
    assert remarks == ([3] if end is StopReason.NO_PROGRESS else [])


async def test_repeats_are_recorded_and_change_nothing_unless_asked() -> None:
    model = SmallModel(*[reply("again\n")] * 5, *DONE)
    stop, agent = await run(model, "same")
    assert stop is StopReason.COMPLETED
    remarks = [step.extra["repeats"] for step in agent.trajectory.steps if step.extra and "repeats" in step.extra]
    assert remarks == [3, 4, 5]


@pytest.mark.fault("F23")
async def test_a_reply_has_only_so_much_time_and_the_rest_of_it_is_said_to_be_unsent() -> None:
    model = SmallModel(reply(*[f"slow {number}\n" for number in range(1000)]), *DONE)
    stop, agent = await run(model, "", turn_seconds=5.0)
    assert stop is StopReason.COMPLETED
    told = model.asked[1][-1].content
    assert "$ slow 4\n" in told
    assert "$ slow 5\n" not in told
    assert "[slow 5\n] and the 994 after it were not typed: the commands before took all the time" in told
    assert agent.trajectory.steps[2].tool_calls is not None
    assert len(agent.trajectory.steps[2].tool_calls) == 1000


def test_dollars_can_be_limited_only_where_they_are_known() -> None:
    assert Limits(max_cost=1).end(3, Usage(cost_usd=1.5), 0) is StopReason.BUDGET
    assert Limits(max_cost=1).end(3, Usage(cost_usd=0.5), 0) is None
    with pytest.raises(ProviderRejected, match="not known"):
        Limits(max_cost=1).end(3, Usage(), 0)
