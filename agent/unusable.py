"""Replies that cannot be used: why, in words for the model, and when to stop asking."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.base import StopReason
from agent.formats import Reply
from agent.model import Shortfall
from prompts import render

if TYPE_CHECKING:
    from agent.formats import ActionFormat
    from agent.model import Completion

LIMIT = 3
"""Replies in a row that could not be used, after which there is no point in asking again."""
REFUSED, UNREADABLE = "refused", "unreadable"
_END_OF_KIND = {
    REFUSED: StopReason.REFUSED,
    Shortfall.ONLY_CALLS: StopReason.ONLY_CALLS,
    Shortfall.TRUNCATED: StopReason.TRUNCATED_REPLIES,
}


class UnusableReplies:
    """Those at the end of a run, back to one that could be used."""

    def __init__(self) -> None:
        self._kinds: list[str] = []

    @property
    def newest(self) -> str | None:
        """What is wrong with the last reply, if it could not be used."""
        return self._kinds[-1] if self._kinds else None

    @property
    def end(self) -> StopReason | None:
        """Why to stop, once there are too many: what was wrong each time, if it was the same."""
        if len(self._kinds) < LIMIT:
            return None
        kind, *others = set(self._kinds)
        return StopReason.UNUSABLE_REPLIES if others else _END_OF_KIND.get(kind, StopReason.UNUSABLE_REPLIES)

    def clear(self) -> None:
        """Note a reply that could be used."""
        self._kinds.clear()

    def refused(self, why: str) -> Reply:
        """Note a refusal."""
        self._kinds.append(REFUSED)
        return Reply(problems=(why,))

    def add(self, reply: Reply, completion: Completion, action_format: ActionFormat) -> Reply:
        """Note a reply that the format cannot read, and say what there was to read."""
        lacks = completion.shortfall
        if lacks is Shortfall.ONLY_CALLS and action_format.tools:
            lacks = None
        self._kinds.append(lacks or UNREADABLE)
        if lacks is None:
            return Reply(problems=reply.problems)
        names = ", ".join(f"`{call.name}`" for call in completion.calls)
        lacking = render("shortfall", kind=lacks, names=names)
        return Reply(problems=(*reply.problems, lacking) if completion.text.strip() else (lacking,))
