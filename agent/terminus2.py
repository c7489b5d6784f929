"""Terminus 2's way of working, so that results stay comparable to its: `--compat terminus2`.

Each command's time is waited out, what is new is told by comparing the whole pane with what it was, one message a turn
comes from the user, and a conversation that grows too long is handed over. tests/test_terminus2.py says what differs.
"""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.compaction import NO_ANSWER
from agent.formats import DEFAULT_DURATION, Reply, Result, Turn
from agent.formats.json import JsonFormat
from agent.handover import Handover
from agent.loop import VERSION, TerminalAgent
from agent.model import Completion, ContextLengthExceeded, Message
from agent.trajectory import ObservationResult, calls_of
from prompts import render
from sandbox.observation import Observation, State
from sandbox.terminal import TerminalLost
from sandbox.typist import Typist

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from agent.formats import ActionFormat
    from agent.model import Model
    from sandbox.terminal import Terminal

    Way = Callable[[list[Message], str, str], Awaitable[list[Message]]]

NAME = "termstone-terminus2"
FORMATS = ("json", "xml")
LONGEST_WAIT = 60.0
"""Seconds for one command, whatever it asks for."""
OUTPUT_LIMIT = 10_000
"""Bytes of what is shown in a turn, half from its beginning and half from its end."""


class Terminus2Agent(TerminalAgent):
    """Drives one terminal as Terminus 2 does, without the faults of it that change what is typed."""

    def __init__(self, model: Model, action_format: ActionFormat | None = None, **options: Any) -> None:  # noqa: ANN401 - as `TerminalAgent`
        """Take a model and the format that Terminus 2 calls its parser, one of `FORMATS`."""
        super().__init__(model, Terminus2Format(action_format or JsonFormat()), **options)
        self._template = harbors_template(self._format.name)
        self.trajectory.agent |= {"name": NAME, "version": VERSION + _origin(self._template)}
        self._handover = Handover(model, self._context, self.trajectory)
        self._instruction: str
        self._screen: _Screen

    async def _open(self, instruction: str, terminal: Terminal) -> None:
        self._instruction = instruction
        self._screen = _Screen(Typist(terminal.session))
        self._tell("user", opening(self._format.name, self._template, instruction, await self._screen.news()))

    async def _turn(self, terminal: Terminal) -> Turn:
        if self._screen.typist.ended:
            raise TerminalLost("the terminal's shell has ended")
        return await super()._turn(terminal)

    async def _ask(self) -> Completion:
        ways: list[Way] = [self._handover.full, self._handover.short, self._handover.bare]
        if self._limits.when_full == "stop":
            ways.clear()
        elif self._handover.is_due:
            with contextlib.suppress(*NO_ANSWER):
                await self._hand_over(self._handover.full)
        while True:
            try:
                return await self._complete()
            except ContextLengthExceeded:
                if not await self._shorten(ways):
                    raise

    async def _shorten(self, ways: list[Way]) -> bool:
        """Hand over in the first of the ways that works, and take it off the list; ``False`` when there is none."""
        while ways and len(self._context.messages) > 1:  # the task alone cannot be summed up
            self._context.replace(self._handover.unwound(self._context.messages))
            with contextlib.suppress(*NO_ANSWER):
                await self._hand_over(ways.pop(0))
                return True
        return False

    async def _hand_over(self, way: Way) -> None:
        screen = await self._screen.typist.pane(history=False)
        self._context.replace(await way(self._context.messages, self._instruction, screen))
        self.trajectory.compacted(self._context.messages[-1].content)

    async def _act(self, reply: Reply, terminal: Terminal) -> list[Result]:  # noqa: ARG002 - it types its own way
        calls = calls_of(reply, len(self.trajectory.steps))
        shown: list[ObservationResult] = []
        try:
            for command in reply.commands:
                self.trajectory.typing = command.keystrokes
                await self._screen.typist.type(command.keystrokes, command.duration)
            text = await self._screen.news()
            shown.append(ObservationResult(content=text))
        finally:
            facts = {"analysis": reply.analysis, "plan": reply.plan, "repairs": [*map(str, reply.repairs)]}
            self.trajectory.result(calls, shown, **facts)
        keystrokes = "".join(command.keystrokes for command in reply.commands)
        return [Result(keystrokes, Observation(text=text, state=State.RUNNING, seconds=0))]


class Terminus2Format:
    """Reads replies as a format of ours does, and answers with the one observation of a turn."""

    tools: Sequence[dict[str, Any]] = ()
    confirms = True

    def __init__(self, reader: ActionFormat) -> None:
        self.name = reader.name
        self._reader = reader

    def parse(self, completion: Completion) -> Reply:
        """Read a reply, and let no command wait for longer than Terminus 2 lets it."""
        reply = self._reader.parse(completion)
        commands = [
            command.model_copy(update={"duration": min(command.duration, LONGEST_WAIT)}) for command in reply.commands
        ]
        return reply.model_copy(update={"commands": tuple(commands)})

    def answer(self, turn: Turn, instruction: str) -> list[Message]:
        """Say what a turn brought; what was mended is not told together with the question whether it is done."""
        reply = turn.reply
        if reply.problems:
            return [Message(role="user", content=render(f"{self.name}/unreadable", problems=reply.problems))]
        text = "".join(result.observation.text for result in turn.results if result.observation)
        if reply.task_complete:
            text = render(f"{self.name}/confirm", observation=text, instruction=instruction)
        elif reply.repairs:
            text = f"{render('notes', repairs=reply.repairs)}\n\n{text}"
        return [Message(role="user", content=text)]


class _Screen:
    """What is shown of a pane: the text that it did not have at the last look or, where nobody can tell, the screen."""

    def __init__(self, typist: Typist) -> None:
        self.typist = typist
        self._before: str | None = None

    async def news(self) -> str:
        now = await self.typist.pane(history=True)
        before, self._before = self._before, now
        added = "" if before is None else _added(before.strip(), now)
        kind, text = ("new", added) if added.strip() else ("screen", await self.typist.pane(history=False))
        return limited(f"{render(f'terminus2/{kind}')}\n{text}")


def _added(before: str, now: str) -> str:
    """Return `now` from the end of the last line but one of `before` on; nothing where it does not hold `before`."""
    at = now.find(before)
    return now[at + max(before.rfind("\n"), 0) :] if at >= 0 else ""


def limited(text: str) -> str:
    """Leave out the middle of what is too much, and say how many bytes that is."""
    data, half = text.encode(), OUTPUT_LIMIT // 2
    if len(data) <= OUTPUT_LIMIT:
        return text
    head, tail = (part.decode(errors="ignore") for part in (data[:half], data[-half:]))
    left_out = len(data) - len(head.encode()) - len(tail.encode())
    return f"{head}\n{render('terminus2/left-out', bytes=left_out)}\n{tail}"


def opening(name: str, template: str | None, instruction: str, screen: str) -> str:
    """Write the first message, in Harbor's words where there is a `template` of its own, else in ours."""
    if template is not None:
        return template.format(instruction=instruction, terminal_state=screen)
    rules = render(f"terminus2/{name}", max_duration=int(LONGEST_WAIT), default_duration=DEFAULT_DURATION)
    return f"{rules}\n\n{render('task', instruction=instruction, screen=screen)}"


def harbors_template(name: str) -> str | None:
    """Read the template of an installed Harbor for a format, without importing Harbor, which takes seconds."""
    found = importlib.util.find_spec("harbor")
    folders = found.submodule_search_locations if found else None
    for folder in folders or ():
        path = Path(folder) / "agents" / "terminus_2" / "templates" / f"terminus-{name}-plain.txt"
        if path.is_file():
            return path.read_text(encoding="utf-8")
    return None


def _origin(template: str | None) -> str:
    """Tell results of Harbor's words from those of ours, in the part of a version that is for such things."""
    return f"+harbor.{hashlib.sha256(template.encode()).hexdigest()[:8]}" if template is not None else ""
