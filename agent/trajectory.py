"""What an agent did, in the field names of ATIF v1.7 (Agent Trajectory Interchange Format, the Harbor project's).

Each reply and each observation is appended to the journal and synced before it is used, so a killed process loses
nothing that was paid for. The trajectory file is written once, from memory, at the end.
"""

from __future__ import annotations

import json
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from agent.formats import sound
from agent.model import NOTHING_USED, Usage

if TYPE_CHECKING:
    from pathlib import Path

    from agent.model import Completion

SCHEMA = "ATIF-v1.7"


class ToolCall(BaseModel):
    """One command of a reply."""

    model_config = ConfigDict(frozen=True)

    tool_call_id: str
    function_name: str
    arguments: dict[str, Any]


class ObservationResult(BaseModel):
    """What one command brought, or what the agent was told when there was none."""

    model_config = ConfigDict(frozen=True)

    source_call_id: str | None = None
    content: str
    extra: dict[str, Any] | None = None


class Observations(BaseModel):
    """All that a step brought."""

    model_config = ConfigDict(frozen=True)

    results: list[ObservationResult]


class Metrics(Usage):
    """The usage of one call, as `agent.model.Usage`."""


class Step(BaseModel):
    """One turn: a prompt, or a reply with what it did and what that brought."""

    model_config = ConfigDict(frozen=True)

    step_id: int = Field(ge=1)
    timestamp: str = Field(default_factory=lambda: datetime.now(UTC).isoformat())
    source: Literal["system", "user", "agent"]
    message: str
    model_name: str | None = None
    reasoning_content: str | None = None
    tool_calls: list[ToolCall] | None = None
    observation: Observations | None = None
    metrics: Metrics | None = None
    extra: dict[str, Any] | None = None


class Trajectory:
    """The steps of one run, oldest first."""

    def __init__(self, agent: str, version: str, model: str | None = None, journal: Path | None = None) -> None:
        """Begin a run of `agent`; with a `journal`, each record goes there first, one JSON object a line."""
        self.agent = {"name": agent, "version": version, "model_name": model}
        self.steps: list[Step] = []
        self.usage = NOTHING_USED
        self.waited = 0.0
        """Seconds spent waiting for a provider that refused or failed."""
        self._journal = journal.open("a", encoding="utf-8") if journal else None

    def prompt(self, source: Literal["system", "user"], message: str) -> None:
        """Add what the model was told before its first reply."""
        self._add(Step(step_id=len(self.steps) + 1, source=source, message=sound(message)))

    def reply(self, completion: Completion) -> None:
        """Add a model's reply as it came, before anything is read into it."""
        self.spend(completion.usage)
        self._add(
            Step(
                step_id=len(self.steps) + 1,
                source="agent",
                message=sound(completion.text),
                model_name=completion.model,
                reasoning_content=completion.reasoning and sound(completion.reasoning),
                metrics=Metrics(**completion.usage.model_dump()),
                extra={"finish_reason": completion.finish_reason} if completion.finish_reason else None,
            )
        )

    def spend(self, usage: Usage) -> None:
        """Count what a call cost, whether or not it brought a reply."""
        self.usage += usage

    def wait(self, seconds: float) -> None:
        """Count seconds that a provider let pass, as they begin."""
        self.waited += seconds

    def result(self, calls: list[ToolCall], results: list[ObservationResult], **extra: object) -> None:
        """Add what the last reply did and what that brought, with facts of the format's own as `extra`."""
        self._log({"type": "observation", "results": [result.model_dump(exclude_none=True) for result in results]})
        step = self.steps[-1]
        self.steps[-1] = step.model_copy(
            update={
                "tool_calls": calls or None,
                "observation": Observations(results=results),
                "extra": {**(step.extra or {}), **extra} or None,
            }
        )

    def write(self, path: Path) -> None:
        """Write the trajectory file, whole or not at all."""
        usage = self.usage.model_dump()
        document = {
            "schema_version": SCHEMA,
            "agent": {key: value for key, value in self.agent.items() if value is not None},
            "steps": [step.model_dump(exclude_none=True) for step in self.steps],
            "final_metrics": {
                **{f"total_{name}": value for name, value in usage.items() if value is not None},
                "total_steps": len(self.steps),
            },
        }
        draft = path.with_suffix(".draft")
        draft.write_text(json.dumps(document, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
        draft.replace(path)

    def close(self) -> None:
        """Close the journal; safe to call twice."""
        if self._journal:
            self._journal.close()
            self._journal = None

    def _add(self, step: Step) -> None:
        self._log({"type": "step", **step.model_dump(exclude_none=True)})
        self.steps.append(step)

    def _log(self, record: dict[str, Any]) -> None:
        if self._journal:
            self._journal.write(json.dumps(record, ensure_ascii=False) + "\n")
            self._journal.flush()
            os.fsync(self._journal.fileno())
