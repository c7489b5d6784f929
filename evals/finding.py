"""What a check of a task came to."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict


class Finding(BaseModel):
    """What one check of one task came to."""

    model_config = ConfigDict(frozen=True)

    task: str
    check: str
    """``loads``, ``paths``, ``oracle``, ``idempotent``, ``timing``, ``nop``, ``cheat ...``, ``offline``, ``image``,
    ``git``."""
    ok: bool
    warning: bool = False
    """Whether it is worth a look and no more: a task with nothing else against it is fit."""
    detail: str = ""
    """One line; empty when there is nothing to say."""
    seconds: float = 0.0

    @property
    def is_against(self) -> bool:
        """Whether it makes the task unfit."""
        return not self.ok and not self.warning
