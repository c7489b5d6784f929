"""What a trial came to: an outcome, one cause, and the facts behind them, never folded into one number."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from agent.base import StopReason
from agent.model import ProviderRateLimited, ProviderRejected, ProviderUnavailable, Usage
from evals.reward import VerifierCrashed, VerifierError, VerifierTimeout
from evals.task import TaskError
from sandbox.base import ImageBuildError, SandboxDied, SandboxError, SandboxOutOfMemory, SandboxStartError

if TYPE_CHECKING:
    from pathlib import Path


class Outcome(StrEnum):
    """Whether the trial counts, and for what."""

    PASSED = "passed"
    FAILED = "failed"
    INVALID = "invalid"
    """Something other than the agent broke, so it says nothing about the agent."""


class Cause(StrEnum):
    """Why a trial did not pass, where that is known."""

    BUDGET_EXHAUSTED = "budget_exhausted"
    CANCELLED = "cancelled"
    CONTEXT_EXHAUSTED = "context_exhausted"
    DEADLINE = "deadline"
    HARNESS_ERROR = "harness_error"
    IMAGE_BUILD_FAILED = "image_build_failed"
    PROVIDER_RATE_LIMITED = "provider_rate_limited"
    PROVIDER_REJECTED = "provider_rejected"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    REFUSED = "refused"
    SANDBOX_DIED = "sandbox_died"
    SANDBOX_OOM = "sandbox_oom"
    SANDBOX_START_FAILED = "sandbox_start_failed"
    TASK_BROKEN = "task_broken"
    TERMINAL_LOST = "terminal_lost"
    UNUSABLE_REPLIES = "unusable_replies"
    VERIFIER_FAILED = "verifier_failed"
    VERIFIER_NO_RESULT = "verifier_no_result"
    VERIFIER_TIMEOUT = "verifier_timeout"


CAUSE_OF_ERROR: tuple[tuple[type[Exception], Cause], ...] = (
    (ProviderRateLimited, Cause.PROVIDER_RATE_LIMITED),
    (ProviderUnavailable, Cause.PROVIDER_UNAVAILABLE),
    (ProviderRejected, Cause.PROVIDER_REJECTED),
    (ImageBuildError, Cause.IMAGE_BUILD_FAILED),
    (SandboxStartError, Cause.SANDBOX_START_FAILED),
    (SandboxOutOfMemory, Cause.SANDBOX_OOM),
    (SandboxDied, Cause.SANDBOX_DIED),
    (SandboxError, Cause.SANDBOX_DIED),
    (VerifierTimeout, Cause.VERIFIER_TIMEOUT),
    (VerifierCrashed, Cause.VERIFIER_FAILED),
    (VerifierError, Cause.VERIFIER_NO_RESULT),
    (TaskError, Cause.TASK_BROKEN),
)
"""The first class that fits says the cause; each makes the trial invalid."""

CAUSE_OF_STOP = {
    StopReason.BUDGET: Cause.BUDGET_EXHAUSTED,
    StopReason.CONTEXT_EXHAUSTED: Cause.CONTEXT_EXHAUSTED,
    StopReason.DEADLINE: Cause.DEADLINE,
    StopReason.MAX_TURNS: Cause.BUDGET_EXHAUSTED,
    StopReason.REFUSED: Cause.REFUSED,
    StopReason.TERMINAL_LOST: Cause.TERMINAL_LOST,
    StopReason.UNUSABLE_REPLIES: Cause.UNUSABLE_REPLIES,
}
"""Ends of the agent that explain a failed trial; one that said it was done and was wrong has none."""


class TrialResult(BaseModel):
    """One attempt at one task, as it stands in ``result.json``."""

    model_config = ConfigDict(frozen=True)

    task: str
    attempt: int
    outcome: Outcome
    cause: Cause | None = None
    """``None`` for a pass, and for an agent that finished and was wrong."""
    message: str | None = None
    """What broke, in a line or a few, for a person."""
    reward: float | None = None
    """In [0, 1]; a pass is 1. ``None`` when nothing was graded."""
    rewards: dict[str, float] = Field(default_factory=dict)
    """All that the verifier wrote."""
    stop_reason: StopReason | None = None
    turns: int = 0
    usage: Usage = Usage()
    waited: float = 0.0
    """Seconds spent waiting for a provider that refused or failed, not charged to the agent."""
    agent: str = ""
    model: str | None = None
    """As it was asked for."""
    answered_by: list[str] = Field(default_factory=list)
    """The models that answered, in the provider's words."""
    sandbox: str = ""
    image: str | None = None
    """The id of the image, where there is one."""
    task_digest: str = ""
    notes: list[str] = Field(default_factory=list)
    """What of the task or the sandbox was not honoured."""
    started: str = ""
    timing: dict[str, float] = Field(default_factory=dict)
    """Seconds of each stage: ``set_up``, ``agent``, ``verification``, ``tear_down``."""

    def write(self, folder: Path) -> None:
        """Write ``result.json`` into a folder, whole or not at all."""
        draft = folder / "result.json.draft"
        draft.write_text(self.model_dump_json(indent=1) + "\n", encoding="utf-8")
        draft.replace(folder / "result.json")


def cause_of(error: BaseException) -> Cause:
    """Return the cause that an error stands for."""
    return next((cause for kind, cause in CAUSE_OF_ERROR if isinstance(error, kind)), Cause.HARNESS_ERROR)
