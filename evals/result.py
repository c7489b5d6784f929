"""What a trial came to: an outcome, one cause, and the facts behind them, never folded into one number."""

from __future__ import annotations

from enum import StrEnum
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict, Field

from agent.base import StopReason
from agent.durable import write_whole
from agent.model import ProviderDenied, ProviderRateLimited, ProviderRejected, ProviderUnavailable, Usage
from evals.reward import EnvironmentBroken, Tampered, VerifierError, VerifierTimeout
from evals.task import TaskError
from sandbox.base import (
    ImageBuildError,
    SandboxError,
    SandboxOutOfDisk,
    SandboxOutOfMemory,
    SandboxStartError,
    UnsupportedImage,
)

if TYPE_CHECKING:
    from collections.abc import Iterable
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
    ENVIRONMENT_BROKEN = "environment_broken"
    HARNESS_ERROR = "harness_error"
    IMAGE_BUILD_FAILED = "image_build_failed"
    ONLY_CALLS = "only_calls"
    PROVIDER_DENIED = "provider_denied"
    PROVIDER_RATE_LIMITED = "provider_rate_limited"
    PROVIDER_REJECTED = "provider_rejected"
    PROVIDER_UNAVAILABLE = "provider_unavailable"
    REFUSED = "refused"
    SANDBOX_DIED = "sandbox_died"
    SANDBOX_DISK_FULL = "sandbox_disk_full"
    SANDBOX_OOM = "sandbox_oom"
    SANDBOX_START_FAILED = "sandbox_start_failed"
    TAMPERED = "tampered"
    TASK_BROKEN = "task_broken"
    TERMINAL_LOST = "terminal_lost"
    TRUNCATED_REPLIES = "truncated_replies"
    UNSUPPORTED_IMAGE = "unsupported_image"
    """Nor anything else that this kind of sandbox can never give the task."""
    UNUSABLE_REPLIES = "unusable_replies"
    VERIFIER_NO_RESULT = "verifier_no_result"
    VERIFIER_TIMEOUT = "verifier_timeout"


CAUSE_OF_ERROR: tuple[tuple[type[Exception], Cause], ...] = (
    (ProviderRateLimited, Cause.PROVIDER_RATE_LIMITED),
    (ProviderUnavailable, Cause.PROVIDER_UNAVAILABLE),
    (ProviderDenied, Cause.PROVIDER_DENIED),
    (ProviderRejected, Cause.PROVIDER_REJECTED),
    (ImageBuildError, Cause.IMAGE_BUILD_FAILED),
    (UnsupportedImage, Cause.UNSUPPORTED_IMAGE),
    (SandboxStartError, Cause.SANDBOX_START_FAILED),
    (SandboxOutOfMemory, Cause.SANDBOX_OOM),
    (SandboxOutOfDisk, Cause.SANDBOX_DISK_FULL),
    (SandboxError, Cause.SANDBOX_DIED),
    (VerifierTimeout, Cause.VERIFIER_TIMEOUT),
    (EnvironmentBroken, Cause.ENVIRONMENT_BROKEN),
    (Tampered, Cause.TAMPERED),
    (VerifierError, Cause.VERIFIER_NO_RESULT),
    (TaskError, Cause.TASK_BROKEN),
)
"""The first class that fits says the cause; each makes the trial invalid, but for those in `THE_AGENTS_DOING`."""

THE_AGENTS_DOING = {Cause.ENVIRONMENT_BROKEN, Cause.TAMPERED}
"""Causes of a failure: all was whole when the agent got it."""

CAUSE_OF_STOP = {
    StopReason.BUDGET: Cause.BUDGET_EXHAUSTED,
    StopReason.CONTEXT_EXHAUSTED: Cause.CONTEXT_EXHAUSTED,
    StopReason.DEADLINE: Cause.DEADLINE,
    StopReason.MAX_TURNS: Cause.BUDGET_EXHAUSTED,
    StopReason.NO_PROGRESS: Cause.BUDGET_EXHAUSTED,
    StopReason.ONLY_CALLS: Cause.ONLY_CALLS,
    StopReason.REFUSED: Cause.REFUSED,
    StopReason.TERMINAL_LOST: Cause.TERMINAL_LOST,
    StopReason.TRUNCATED_REPLIES: Cause.TRUNCATED_REPLIES,
    StopReason.UNUSABLE_REPLIES: Cause.UNUSABLE_REPLIES,
}
"""Ends of the agent that explain a failed trial; one that said it was done and was wrong has none."""


WORTH_ANOTHER_TRY = frozenset(
    {
        Cause.PROVIDER_RATE_LIMITED,
        Cause.PROVIDER_UNAVAILABLE,
        Cause.SANDBOX_DIED,
        Cause.SANDBOX_DISK_FULL,
        Cause.SANDBOX_OOM,
        Cause.SANDBOX_START_FAILED,
    }
)
"""Causes that may be gone the next time; the others stay, or are the agent's own."""


class StepResult(BaseModel):
    """One time that an agent worked on a step and was graded."""

    model_config = ConfigDict(frozen=True)

    name: str = ""
    """The step's; empty for the only step of a task."""
    turn: int = 1
    """Which time it was graded; before all but the first, the agent saw what the tests had said."""
    rewards: dict[str, float] = Field(default_factory=dict)
    """Empty when nothing was graded."""
    reward: float | None = None
    stop_reason: StopReason | None = None
    replies: int = 0
    usage: Usage = Usage()
    timing: dict[str, float] = Field(default_factory=dict)
    """Seconds of each stage: ``set_up``, ``agent``, ``artifacts``, ``verification``."""


class TrialResult(BaseModel):
    """One attempt at one task, as it stands in ``result.json``."""

    model_config = ConfigDict(frozen=True)

    task: str
    attempt: int
    tries: int = 1
    """How often it was begun; all but this last try are kept in ``try-1``, ``try-2``, ..."""
    outcome: Outcome
    cause: Cause | None = None
    """``None`` for a pass, and for an agent that finished and was wrong."""
    message: str | None = None
    """What broke, in a line or a few, for a person."""
    reward: float | None = None
    """In [0, 1]; a pass is 1. ``None`` when nothing was graded."""
    rewards: dict[str, float] = Field(default_factory=dict)
    """All that the verifier wrote; over several steps as the task has it."""
    steps: list[StepResult] = Field(default_factory=list)
    """What was done, in its order; one entry for a task of one step that is graded once."""
    resolved_turn1: bool | None = None
    """Whether the first grading passed; ``None`` where there was to be but one."""
    resolved_any_turn: bool | None = None
    """Whether any of them did."""
    stop_reason: StopReason | None = None
    turns: int = 0
    usage: Usage = Usage()
    waited: float = 0.0
    """Seconds spent waiting for a provider that refused or failed, not charged to the agent."""
    agent: str = ""
    agent_version: str = ""
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
    """Seconds of each stage over all steps: ``set_up``, ``agent``, ``artifacts``, ``verification``, ``tear_down``."""

    @property
    def final(self) -> bool:
        """Whether a resumed job takes it for done: it was begun, and nobody stopped it."""
        return bool(self.timing) and self.cause is not Cause.CANCELLED

    def write(self, folder: Path) -> None:
        """Write ``result.json`` into a folder, whole or not at all."""
        write_whole(folder / "result.json", self.model_dump_json(indent=1) + "\n")


def resolved_in_turns(steps: Iterable[StepResult]) -> dict[str, bool]:
    """Say whether every step passed in its first turn, and whether each did in any."""
    turns: dict[str, list[bool]] = {}
    for step in steps:
        turns.setdefault(step.name, []).append(step.reward == 1)
    passed = turns.values()
    return {"resolved_turn1": all(each[0] for each in passed), "resolved_any_turn": all(any(each) for each in passed)}


def cause_of(error: BaseException) -> Cause:
    """Return the cause that an error stands for."""
    return next((cause for kind, cause in CAUSE_OF_ERROR if isinstance(error, kind)), Cause.HARNESS_ERROR)
