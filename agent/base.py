"""What an agent is: it gets an instruction and a terminal, works, and says why it stopped."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from agent.trajectory import Trajectory
    from sandbox.terminal import Terminal


class StopReason(StrEnum):
    """Why an agent ended. It says nothing about what it earned, and nothing about what broke."""

    COMPLETED = "completed"
    """It said that it is done, twice where its format asks for that."""
    MAX_TURNS = "max_turns"
    DEADLINE = "deadline"
    """Its time for the task was over."""
    BUDGET = "budget"
    """Its tokens or dollars were spent."""
    NO_PROGRESS = "no_progress"
    """It did the same with the same result, as often as was allowed."""
    CONTEXT_EXHAUSTED = "context_exhausted"
    """The conversation became longer than the model reads."""
    UNUSABLE_REPLIES = "unusable_replies"
    """Several replies in a row were empty or could not be read."""
    TRUNCATED_REPLIES = "truncated_replies"
    """Several in a row were cut off at a limit on their length."""
    ONLY_CALLS = "only_calls"
    """Several in a row called tools that there are none of, and said nothing."""
    REFUSED = "refused"
    """The model or its provider declined to answer, several times in a row."""
    PROVIDER_FAILED = "provider_failed"
    """No answer could be had from the provider."""
    TERMINAL_LOST = "terminal_lost"
    """The terminal ended, and so did the one that replaced it."""
    CANCELLED = "cancelled"
    """The user stopped the run."""


class Agent(Protocol):
    """The seam to an agent; one instance works on one task, once."""

    trajectory: Trajectory
    """What happened so far, complete at every moment, as the run may be cut short."""

    async def run(self, instruction: str, terminal: Terminal) -> StopReason:
        """Work on the task until done or out of means.

        Raises:
            ModelError: no answer could be had from the model.
            SandboxError: the sandbox broke.
        """
        ...
