"""Why a trial ended, in a sentence for a person."""

from __future__ import annotations

from agent.base import StopReason

_SENTENCES = {
    StopReason.COMPLETED: "The agent said that it was done.",
    StopReason.MAX_TURNS: "The agent had given as many replies as it was allowed.",
    StopReason.DEADLINE: "The time for the task was over.",
    StopReason.BUDGET: "The tokens or dollars for the trial were spent.",
    StopReason.NO_PROGRESS: "The agent did the same again and again, with the same result.",
    StopReason.CONTEXT_EXHAUSTED: "The conversation became longer than the model reads.",
    StopReason.UNUSABLE_REPLIES: "Several replies in a row were empty or could not be read.",
    StopReason.TRUNCATED_REPLIES: "Several replies in a row were cut off at a limit on their length.",
    StopReason.ONLY_CALLS: "Several replies in a row called tools that there are none of, and said nothing.",
    StopReason.REFUSED: "The model or its provider declined to answer, several times in a row.",
    StopReason.PROVIDER_FAILED: "The provider gave no answer.",
    StopReason.TERMINAL_LOST: "The terminal ended, and so did the one that replaced it.",
    StopReason.CANCELLED: "The run was stopped by its user.",
}


def sentence(stop_reason: str | None) -> str:
    """Say why the agent stopped; a reason that is not ours is given as it is."""
    if not stop_reason:
        return "Why the agent stopped is not known."
    return _SENTENCES.get(stop_reason, stop_reason)  # type: ignore[call-overload,no-any-return] # a StrEnum equals its text
