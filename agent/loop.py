"""The agent: ask the model, read its reply, type, look, until it says twice that it is done."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal, NamedTuple

from agent.base import StopReason
from agent.formats import MAX_DURATION, Reply
from agent.formats.json import JsonFormat
from agent.model import ContextLengthExceeded, Message, ModelError, ReplyRefused
from agent.trajectory import ObservationResult, ToolCall, Trajectory
from prompts import render
from sandbox.observation import State
from sandbox.terminal import TerminalLost

if TYPE_CHECKING:
    from pathlib import Path

    from agent.formats import ActionFormat, Command
    from agent.model import Model
    from sandbox.observation import Observation
    from sandbox.terminal import Terminal

VERSION = "0.1.0"
UNUSABLE_LIMIT = 3
"""Replies in a row that could not be read, after which there is no point in asking again."""
_TYPE_CALL, _DONE_CALL = "bash_command", "mark_task_complete"  # the names that readers of Terminus trajectories know


class Result(NamedTuple):
    """What became of one command."""

    keystrokes: str
    observation: Observation | None = None
    error: str | None = None
    """Why it was not typed."""

    @property
    def stops(self) -> bool:
        """Whether the commands after it were meant for something that is no more."""
        return bool(self.error) or (self.observation is not None and self.observation.state is State.RESTARTED)


class TerminalAgent:
    """Drives one terminal with one model, for one task."""

    def __init__(
        self,
        model: Model,
        action_format: ActionFormat | None = None,
        *,
        max_turns: int | None = None,
        journal: Path | None = None,
    ) -> None:
        """Take a model and a format of replies (`JsonFormat` unless said otherwise).

        Args:
            model: answers the conversation.
            action_format: reads its replies.
            max_turns: replies after which to stop; ``None`` is never.
            journal: file to which each reply and observation is appended before it is used.
        """
        self._model = model
        self._format = action_format or JsonFormat()
        self._max_turns = max_turns
        self.trajectory = Trajectory("termstone", VERSION, model.name, journal)
        self._messages: list[Message] = []

    async def run(self, instruction: str, terminal: Terminal) -> StopReason:
        """Work on the task; see `agent.base.Agent`."""
        try:
            return await self._converse(instruction, terminal)
        except ContextLengthExceeded:
            return StopReason.CONTEXT_EXHAUSTED
        except ReplyRefused:
            return StopReason.REFUSED
        except TerminalLost:
            return StopReason.TERMINAL_LOST

    async def _converse(self, instruction: str, terminal: Terminal) -> StopReason:
        self._tell("system", render(f"{self._format.name}/system", max_duration=int(MAX_DURATION)))
        screen = (await terminal.look()).text
        self._tell("user", render("task", instruction=instruction, screen=screen))
        said_done = False
        unusable = turns = 0
        while self._max_turns is None or turns < self._max_turns:
            turns += 1
            reply = await self._ask()
            if reply.problems:
                unusable += 1
                self._answer(render(f"{self._format.name}/unreadable", problems=reply.problems))
                if unusable == UNUSABLE_LIMIT:
                    return StopReason.UNUSABLE_REPLIES
                continue
            unusable = 0
            observation = await self._act(reply, terminal)
            if reply.task_complete and said_done:
                return StopReason.COMPLETED
            said_done = reply.task_complete
            if said_done:
                observation = render(f"{self._format.name}/confirm", observation=observation, instruction=instruction)
            self._messages.append(Message(role="user", content=observation))
        return StopReason.MAX_TURNS

    async def _ask(self) -> Reply:
        try:
            completion = await self._model.complete(self._messages, on_wait=self.trajectory.wait)
        except ModelError as error:
            self.trajectory.spend(error.usage)
            raise
        self.trajectory.reply(completion)
        self._messages.append(Message(role="assistant", content=completion.text))
        reply = self._format.parse(completion.text)
        if reply.problems and completion.finish_reason == "length":
            return Reply(problems=(*reply.problems, "it was cut off at the provider's limit on its length: be shorter"))
        return reply

    async def _act(self, reply: Reply, terminal: Terminal) -> str:
        """Type a reply's commands and say what they brought."""
        turn = len(self.trajectory.steps)
        calls = [
            ToolCall(tool_call_id=f"call_{turn}_{index}", function_name=_TYPE_CALL, arguments=command.model_dump())
            for index, command in enumerate(reply.commands, 1)
        ]
        if reply.task_complete:
            calls.append(ToolCall(tool_call_id=f"call_{turn}_done", function_name=_DONE_CALL, arguments={}))
        results: list[Result] = []
        try:
            for command in reply.commands:
                results.append(await self._type(command, results, terminal))
        finally:
            shown = [_shown(result, call) for result, call in zip(results, calls, strict=False)]
            self.trajectory.result(calls, shown, analysis=reply.analysis, plan=reply.plan)
        return render("observation", results=results, warnings=reply.repairs)

    async def _type(self, command: Command, before: list[Result], terminal: Terminal) -> Result:
        if before and before[-1].stops:
            return Result(command.keystrokes, error="the command before it went wrong")
        return Result(command.keystrokes, await terminal.type(command.keystrokes, command.duration))

    def _tell(self, role: Literal["system", "user"], text: str) -> None:
        self.trajectory.prompt(role, text)
        self._messages.append(Message(role=role, content=text))

    def _answer(self, text: str) -> None:
        """Tell the model something in the place of an observation."""
        self.trajectory.result([], [ObservationResult(content=text)])
        self._messages.append(Message(role="user", content=text))


def _shown(result: Result, call: ToolCall) -> ObservationResult:
    content = render("observation", results=[result], warnings=[])
    seen = result.observation
    extra = {"exit_code": seen.exit_code, "state": seen.state.value, "seconds": seen.seconds} if seen else None
    return ObservationResult(source_call_id=call.tool_call_id, content=content, extra=extra)
