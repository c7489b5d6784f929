"""Terminus 2's way out of a conversation that grows too long: sum it up, ask what is missing, answer, go on from there.

Two of its faults are left out: the newest observation is kept, and the oldest turns are let go first, not the newest.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.compaction import aside
from agent.model import Message
from prompts import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.context import Context
    from agent.model import Model
    from agent.trajectory import Trajectory

UNKNOWN_LIMIT = 1_000_000
"""Tokens that a model is taken to read when nothing is known of it."""
FREE = 8000
"""Tokens of room below which the conversation is handed over before the next question."""
FREED = 4000
"""Tokens of room that are made when it was too long already."""
_SCREEN = 1000
"""Characters from the end of the screen that the short ways show."""


class Handover:
    """Makes a shorter conversation of a long one, whose last message is the user's newest."""

    def __init__(self, model: Model, context: Context, trajectory: Trajectory) -> None:
        """Take whom to ask, and whose conversation it is."""
        self._model = model
        self._context = context
        self._trajectory = trajectory

    @property
    def is_due(self) -> bool:
        """Whether too little room is left after what was said before the newest message."""
        messages = self._context.messages
        return len(messages) > 1 and self._free(messages) < FREE

    def unwound(self, messages: list[Message]) -> list[Message]:
        """Let the oldest turns go, but not the task, until there is room to sum up the others."""
        while len(messages) > 3 and self._free(messages) < FREED:  # noqa: PLR2004 - the task, a turn, the newest
            messages = [messages[0], *messages[3:]]
        return messages

    async def full(self, messages: list[Message], instruction: str, screen: str) -> list[Message]:
        """Go on from three answers: a summary, what somebody who has only that would ask, and what there is to say."""
        first, *_, newest = messages
        sum_up = _user("summary", instruction=instruction)
        summary = await self._ask([*messages[:-1], sum_up])
        question = _user("questions", instruction=instruction, summary=summary.content, screen=screen)
        questions = await self._ask([question])
        answers = await self._ask([*messages[:-1], sum_up, summary, _user("answers", questions=questions.content)])
        return [first, question, questions, _user("go-on", answers=answers.content, newest=newest.content)]

    async def short(self, messages: list[Message], instruction: str, screen: str) -> list[Message]:
        """Go on from the task and what is to be done next, in the words of a model that sees only the screen."""
        steps = await self._ask([_user("next-steps", instruction=instruction, screen=screen[-_SCREEN:])])
        return [_user("resume", task=messages[0].content, state=steps.content, newest=messages[-1].content)]

    async def bare(self, messages: list[Message], instruction: str, screen: str) -> list[Message]:  # noqa: ARG002 - a way as the others
        """Go on from the task and the screen, without asking anybody."""
        return [_user("resume", task=messages[0].content, state=screen[-_SCREEN:], newest=messages[-1].content)]

    async def _ask(self, messages: list[Message]) -> Message:
        self._trajectory.prompt("user", messages[-1].content)
        return (await aside(self._model, messages, self._trajectory)).message()

    def _free(self, messages: Sequence[Message]) -> float:
        rate = self._context.tokens / _characters(self._context.messages)
        return (self._context.limit or UNKNOWN_LIMIT) - _characters(messages[:-1]) * rate


def _characters(messages: Sequence[Message]) -> int:
    return sum(len(message.content) for message in messages) or 1


def _user(name: str, **values: object) -> Message:
    return Message(role="user", content=render(f"terminus2/{name}", **values))
