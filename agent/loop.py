"""The agent: ask the model, read its reply, type, look, until it says that it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from agent.base import StopReason
from agent.compaction import Compaction
from agent.context import Context
from agent.formats import COMMAND_DURATION, MAX_DURATION, Result, Skipped, Turn, standard
from agent.limits import Limits
from agent.model import Completion, ContextLengthExceeded, FailedAttempt, Message, ModelError, ReplyRefused
from agent.progress import STUCK, Progress
from agent.trajectory import ObservationResult, Trajectory, calls_of
from agent.unusable import REFUSED, UnusableReplies
from prompts import render
from sandbox.terminal import TerminalLost

if TYPE_CHECKING:
    from pathlib import Path

    from agent.formats import ActionFormat, Command, Reply
    from agent.model import Model
    from agent.trajectory import ToolCall
    from sandbox.terminal import Terminal

VERSION = "0.1.0"


class TerminalAgent:
    """Drives one terminal with one model, for one task."""

    def __init__(
        self,
        model: Model,
        action_format: ActionFormat | None = None,
        *,
        limits: Limits | None = None,
        journal: Path | None = None,
    ) -> None:
        """Take a model and a format of replies (`agent.formats.standard` unless said otherwise).

        Args:
            model: answers the conversation.
            action_format: reads its replies.
            limits: how far it may go.
            journal: file to which each reply and observation is appended before it is used.
        """
        self._model = model
        self._format = action_format or standard()
        self._limits = limits or Limits()
        self.trajectory = Trajectory("termstone", VERSION, model.name, journal)
        self._context = Context()
        self._compaction = Compaction(model, self._context, self.trajectory, self._limits)
        self._progress = Progress()
        self._unusable = UnusableReplies()

    async def run(self, instruction: str, terminal: Terminal) -> StopReason:
        """Work on the task; see `agent.base.Agent`."""
        try:
            return await self._converse(instruction, terminal)
        except ContextLengthExceeded:
            return StopReason.CONTEXT_EXHAUSTED
        except TerminalLost:
            return StopReason.TERMINAL_LOST

    async def _open(self, instruction: str, terminal: Terminal) -> None:
        durations = {"max_duration": int(MAX_DURATION), "default_duration": int(COMMAND_DURATION)}
        self._tell("system", render(f"{self._format.name}/system", **durations))
        screen = (await terminal.look()).text
        self._tell("user", render("task", instruction=instruction, screen=screen))
        self._compaction.instruction = instruction

    async def _converse(self, instruction: str, terminal: Terminal) -> StopReason:
        await self._open(instruction, terminal)
        said_done, turns = False, 0
        while not (end := self._limits.end(turns, self.trajectory.usage, self._progress.repeats)):
            turns += 1
            turn = await self._turn(terminal)
            if turn.reply.task_complete and (said_done or not self._format.confirms):
                return StopReason.COMPLETED
            if not turn.reply.problems:
                said_done = turn.reply.task_complete
                self._unusable.clear()
            self._answer(turn, instruction)
            if end := self._unusable.end:
                return end
        return end

    async def _turn(self, terminal: Terminal) -> Turn:
        try:
            completion = await self._ask()
        except ReplyRefused as error:
            return self._refused(error)
        reply = self._format.parse(completion)
        if reply.problems:
            return Turn(completion, self._unusable.add(reply, completion, self._format))
        turn = Turn(completion, reply, await self._act(reply, terminal))
        self._progress.note(turn)
        if self._progress.repeats >= STUCK:
            self.trajectory.remark(repeats=self._progress.repeats)
        return turn

    async def _ask(self) -> Completion:
        while True:
            await self._compaction.make_room()
            try:
                return await self._complete()
            except ContextLengthExceeded:
                self._context.refused()

    async def _complete(self) -> Completion:
        # A model of one's own need not know tools that no format of text has.
        tools: dict[str, Any] = {"tools": self._format.tools} if self._format.tools else {}
        try:
            completion = await self._model.complete(self._context.messages, on_wait=self.trajectory.failed, **tools)
        except ModelError as error:
            if not isinstance(error, ReplyRefused):  # which is a reply, of a kind
                self.trajectory.failed(FailedAttempt.of(error))
            raise
        self.trajectory.reply(completion)
        self._context.heard(completion)
        self._compaction.heard()
        self._context.add(completion.message())
        return completion

    def _refused(self, error: ReplyRefused) -> Turn:
        """Keep a refusal out of the conversation: the same question is asked again, as refusals are often chance."""
        completion = Completion(
            text=error.text, usage=error.usage, requested=self._model.name, request_id=error.request_id
        )
        self.trajectory.reply(completion)
        self.trajectory.result([], [], unusable=REFUSED)
        return Turn(completion, self._unusable.refused(str(error)))

    async def _act(self, reply: Reply, terminal: Terminal) -> list[Result]:
        """Type a reply's commands."""
        calls = calls_of(reply, len(self.trajectory.steps))
        results: list[Result] = []
        try:
            for command in reply.commands:
                results.append(await self._type(command, results, terminal))
        finally:
            shown = [_shown(result, call) for result, call in zip(results, calls, strict=False)]
            facts = {"analysis": reply.analysis, "plan": reply.plan, "repairs": [*map(str, reply.repairs)]}
            self.trajectory.result(calls, shown, **facts)
        return results

    async def _type(self, command: Command, before: list[Result], terminal: Terminal) -> Result:
        if before and before[-1].stops:
            return Result(command.keystrokes, skipped=Skipped.AFTER_END)
        spent = sum(result.observation.seconds for result in before if result.observation)
        if spent >= self._limits.turn_seconds:
            return Result(command.keystrokes, skipped=Skipped.NO_TIME)
        self.trajectory.typing = command.keystrokes
        return Result(command.keystrokes, await terminal.type(command.keystrokes, command.duration))

    def _tell(self, role: Literal["system", "user"], text: str) -> None:
        self.trajectory.prompt(role, text)
        self._context.add(Message(role=role, content=text))

    def _answer(self, turn: Turn, instruction: str) -> None:
        """Tell the model what its turn brought, or why it brought nothing."""
        if self._unusable.newest == REFUSED:
            return
        messages = self._format.answer(turn, instruction)
        self._context.add(*messages)
        if self._unusable.newest:
            told = [ObservationResult(content=messages[0].content)]
            self.trajectory.result([], told, unusable=self._unusable.newest)
        elif not turn.results:  # else the observations say what it was told
            self.trajectory.remark(told="\n".join(message.content for message in messages))


def _shown(result: Result, call: ToolCall) -> ObservationResult:
    content = render("observation", results=[result], repairs=[])
    seen = result.observation
    extra = {"exit_code": seen.exit_code, "state": seen.state.value, "seconds": seen.seconds} if seen else None
    return ObservationResult(source_call_id=call.tool_call_id, content=content, extra=extra)
