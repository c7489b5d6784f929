"""Whether a run moves: the same commands with the same result again and again are no progress."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from agent.formats import Turn
    from sandbox.observation import Observation

STUCK = 3
"""Equal turns in a row from which on it is recorded."""


class Progress:
    """Counts the equal turns at the end of a run."""

    def __init__(self) -> None:
        self._last: object = None
        self.repeats = 0
        """How often in a row the newest turn was seen."""

    def note(self, turn: Turn) -> None:
        """Take the next turn."""
        brought = tuple(
            (result.keystrokes, result.observation and _what(result.observation)) for result in turn.results
        )
        self.repeats = self.repeats + 1 if brought == self._last else 1
        self._last = brought


def _what(observation: Observation) -> tuple[str, str, tuple[int, ...]]:
    return observation.text, observation.tail, observation.exit_codes
