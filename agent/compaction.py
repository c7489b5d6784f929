"""Making room in a conversation that is too long: observations are shortened, then the model hands over to itself.

A hand-over keeps the task and the newest observation, with the question whether it is really done if that was asked,
and the model's own summary of the rest; without one where the model cannot give it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.model import Completion, ContextLengthExceeded, FailedAttempt, Message, ModelError, ReplyRefused
from prompts import render

if TYPE_CHECKING:
    from agent.context import Context
    from agent.limits import Limits
    from agent.model import Model
    from agent.trajectory import Trajectory

NO_ANSWER = (ContextLengthExceeded, ReplyRefused)
"""What is no reason to give up: there is a shorter way."""
IN_VAIN = 3
"""Times in a row that room was made for one reply and was not enough, after which the conversation is at its end."""


class Compaction:
    """Makes room in one conversation."""

    def __init__(self, model: Model, context: Context, trajectory: Trajectory, limits: Limits) -> None:
        """Take whose conversation it is, and whether one that is too long goes on."""
        self.instruction = ""
        """The task's, which every hand-over repeats."""
        self._model = model
        self._context = context
        self._trajectory = trajectory
        self._stops = limits.when_full == "stop"
        self._in_vain = 0
        self._newest = ""

    async def make_room(self) -> None:
        """Make the conversation shorter if it is too long; `ContextLengthExceeded` when that may not or cannot be."""
        if not self._context.overflows:
            return
        if self._stops or self._in_vain == IN_VAIN:
            raise ContextLengthExceeded(f"the conversation is too long, about {self._context.tokens} tokens")
        self._in_vain += 1
        if count := self._context.shorten():
            self._trajectory.compacted(f"{count} observations were shortened", "shorten")
        if self._context.overflows:
            await self._hand_over()

    def heard(self) -> None:
        """Note that the room was enough."""
        self._in_vain = 0

    async def _hand_over(self) -> None:
        summary = await self._summary(self._context.messages) or await self._summary(self._context.newer_half())
        if len(self._context.messages) > 2:  # noqa: PLR2004 - else nothing was said since the last hand-over
            self._newest = self._context.newest()
        newest = self._context.cut(self._newest)
        text = render("handover", instruction=self.instruction, summary=summary, newest=newest)
        self._context.replace([self._context.messages[0], Message(role="user", content=text)])
        self._trajectory.compacted(text)

    async def _summary(self, messages: list[Message]) -> str | None:
        """Ask the model what its successor must know; ``None`` when it does not say."""
        question = Message(role="user", content=render("summary"))
        try:
            completion = await aside(self._model, [*messages, question], self._trajectory)
        except NO_ANSWER:
            return None
        return completion.text.strip() or None


async def aside(model: Model, messages: list[Message], trajectory: Trajectory) -> Completion:
    """Ask outside the conversation, but on the record; `ModelError` when there is no answer."""
    try:
        completion = await model.complete(messages, on_wait=trajectory.failed)
    except ModelError as error:
        trajectory.failed(FailedAttempt.of(error))
        raise
    trajectory.reply(completion)
    trajectory.result([], [], purpose="summary")
    return completion
