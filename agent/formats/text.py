"""What formats have in common whose replies are text."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from agent.formats import Repair, Reply
from agent.formats.candidates import Unreadable
from agent.model import Message
from prompts import render

if TYPE_CHECKING:
    from collections.abc import Sequence

    from agent.formats import Result, Turn
    from agent.model import Completion


class TextFormat(ABC):
    """Reads a text with `read`, and answers with the words of its folder."""

    name: str
    tools: Sequence[dict[str, Any]] = ()
    confirms = False

    @abstractmethod
    def read(self, text: str) -> Reply:
        """Read a text that is not blank; `Unreadable` is as good as a reply with that problem."""

    def parse(self, completion: Completion) -> Reply:
        """Read a reply; see `agent.formats.ActionFormat`."""
        if not completion.text.strip():
            problem = "it only calls functions, and there are none" if completion.calls else "the reply is empty"
            return Reply(problems=(problem,))
        try:
            reply = self.read(completion.text)
        except Unreadable as error:
            return Reply(problems=(str(error),))
        # The end that is missing may hold more commands, or the only one of a reply that seems to have none.
        done = reply.task_complete and not self.confirms
        if completion.finish_reason == "length" and (done or Repair.CLOSED in reply.repairs):
            return Reply(problems=("it breaks off before its end",))
        return reply

    def answer(self, turn: Turn, instruction: str) -> list[Message]:
        """Say what a turn brought; see `agent.formats.ActionFormat`."""
        return [Message(role="user", content=told(self.name, turn, instruction))]


def told(name: str, turn: Turn, instruction: str) -> str:
    """Put a turn into one text, in the words of the format `name`."""
    reply = turn.reply
    if reply.problems:
        return render(f"{name}/unreadable", problems=reply.problems)
    observation = render(f"{name}/observation", results=_folded(turn.results), repairs=reply.repairs)
    if not reply.task_complete:
        return observation
    return render(f"{name}/confirm", observation=observation, instruction=instruction)


def _folded(results: Sequence[Result]) -> list[Result]:
    """Put the commands that were not typed, which are the last ones, into one result."""
    typed = [result for result in results if not result.skipped]
    skipped = results[len(typed) :]
    return [*typed, skipped[0]._replace(others=len(skipped) - 1)] if skipped else typed
