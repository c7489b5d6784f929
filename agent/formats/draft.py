"""A reply while it is being read: its commands so far, and what was wrong with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.formats import COMMAND_DURATION, DEFAULT_DURATION, Command, Repair, Reply
from sandbox.keys import MORE, RESET, key, unsendable

if TYPE_CHECKING:
    from collections.abc import Iterable

_TOLD = 10
"""Problems told to the model; the others are counted."""


class Draft:
    """Gathers commands; one that cannot be typed makes the whole reply a problem."""

    def __init__(self, repairs: Iterable[Repair] = ()) -> None:
        self.problems: list[str] = []
        self.repairs: list[Repair] = list(repairs)
        self._commands: list[Command] = []
        self._number = 0

    def add(self, keystrokes: object, duration: object = DEFAULT_DURATION, *, field: str = "keystrokes") -> None:
        """Add what to type; `field` is the format's word for it."""
        self._number += 1
        if not isinstance(keystrokes, str):
            self.problems.append(f"command {self._number} has no `{field}` text")
        elif reason := unsendable(keystrokes):
            self.problems.append(f"command {self._number} holds {reason}, which no terminal takes")
        else:
            command = Command(keystrokes=keystrokes, duration=duration)
            if isinstance(duration, bool) or command.duration != duration:
                self.repairs.append(Repair.DURATION)
            self._commands.append(command)

    def add_line(self, command: object, duration: object = COMMAND_DURATION, *, field: str = "command") -> None:
        """Add a shell command, which needs Enter behind it; the name of a key is that key, and nothing is a wait."""
        if isinstance(command, str):
            word = command.strip()
            is_key = key(word) or word in ("", MORE, RESET)
            command = word if is_key else command.rstrip("\r\n") + "\n"
        self.add(command, duration, field=field)

    def said_true(self, value: object) -> bool:
        """Whether a reply's word on completion is yes; what is neither yes nor no is no, and the model is told."""
        word = value.strip().lower() if isinstance(value, str) else value
        if word not in ("true", "false", "") and not isinstance(word, bool) and word is not None:
            self.repairs.append(Repair.NOT_A_BOOLEAN)
        return word is True or word == "true"

    def reply(self, analysis: str = "", plan: str = "", *, task_complete: bool = False) -> Reply:
        """Make it a reply: nothing of it is done where anything is wrong."""
        problems = list(dict.fromkeys(self.problems))
        if len(problems) > _TOLD:
            problems[_TOLD:] = [f"and {len(problems) - _TOLD} more like these"]
        return Reply(
            analysis=analysis,
            plan=plan,
            commands=() if self.problems else tuple(self._commands),
            task_complete=task_complete and not self.problems,
            problems=tuple(problems),
            repairs=tuple(dict.fromkeys(self.repairs)),
        )
