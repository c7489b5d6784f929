"""What a job may spend, what it has spent, and what it will."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from agent.model import NOTHING_USED, Usage

if TYPE_CHECKING:
    from collections.abc import Iterable


class Budget(NamedTuple):
    """The limits; ``None`` is none."""

    dollars: float | None = None
    tokens: int | None = None
    """Sent and received, cached ones included."""

    def spent(self, usage: Usage) -> str | None:
        """Say why no more may be spent, if so; what is not known cannot be kept, and so is spent."""
        kinds = (("dollars", usage.cost_usd, self.dollars), ("tokens", usage.tokens, self.tokens))
        for unit, used, limit in kinds:
            if limit is None:
                continue
            if used is None:
                return f"a limit of {limit:g} {unit} for the job cannot be kept: it is not known what this model uses"
            if used >= limit:
                return f"the job's {limit:g} {unit} are spent"
        return None


def total(usages: Iterable[Usage]) -> Usage:
    """Add them all up."""
    return sum(usages, NOTHING_USED)


def forecast(usages: list[Usage], left: int) -> Usage:
    """Say what all will have used when `left` more are like those that have ended; unknown before the first has."""
    if not usages:
        return Usage()
    used, factor = total(usages), 1 + left / len(usages)
    return Usage(
        **{
            name: None if value is None else value * factor if name == "cost_usd" else round(value * factor)
            for name, value in used.model_dump().items()
        }
    )
