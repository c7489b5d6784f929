"""How far an agent may go; its time is the trial's to watch."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict

from agent.base import StopReason
from agent.model import ProviderRejected, Usage


class Limits(BaseModel):
    """What ends a run before it ends itself; ``None`` is no limit."""

    model_config = ConfigDict(frozen=True)

    max_turns: int | None = None
    """Replies."""
    max_tokens: int | None = None
    """Tokens sent and received, cached ones included, over all replies."""
    max_cost: float | None = None
    """US dollars."""
    max_repeats: int | None = None
    """Equal turns in a row."""
    turn_seconds: float = 600.0
    """Seconds for the commands of one reply; those after them are not typed."""
    when_full: Literal["compact", "stop"] = "compact"
    """What happens to a conversation that is longer than the model reads."""

    def end(self, turns: int, usage: Usage, repeats: int) -> StopReason | None:
        """Say which limit has been reached, if one has.

        Raises:
            ProviderRejected: a limit on what is spent cannot be kept, as the provider does not say what is.
        """
        if self.max_turns is not None and turns >= self.max_turns:
            return StopReason.MAX_TURNS
        if self.max_repeats is not None and repeats >= self.max_repeats:
            return StopReason.NO_PROGRESS
        tokens = None if usage.prompt_tokens is None else usage.prompt_tokens + (usage.completion_tokens or 0)
        spent = _reached(tokens, self.max_tokens, "tokens") or _reached(usage.cost_usd, self.max_cost, "dollars")
        return StopReason.BUDGET if spent else None


def _reached(used: float | None, limit: float | None, unit: str) -> bool:
    if limit is None:
        return False
    if used is None:
        raise ProviderRejected(f"a limit of {limit:g} {unit} cannot be kept: it is not known what this model uses")
    return used >= limit
