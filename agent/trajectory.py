"""What an agent did, in the field names of ATIF v1.7 (Agent Trajectory Interchange Format, the Harbor project's).

Each reply and each observation is appended to the journal and synced before it is used, so a killed process loses
nothing that was paid for. The trajectory file is written once, from memory, at the end.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.durable import JsonLines, read_lines, write_whole
from agent.formats import sound
from agent.model import NOTHING_USED, Usage
from sandbox.redaction import Redaction

if TYPE_CHECKING:
    from pathlib import Path

    from agent.formats import Reply
    from agent.model import Completion, FailedAttempt, FunctionCall

SCHEMA = "ATIF-v1.7"
_TYPE_CALL, _DONE_CALL = "bash_command", "mark_task_complete"  # the names that readers of Terminus trajectories know


class ToolCall(BaseModel):
    """One command of a reply."""

    model_config = ConfigDict(frozen=True)

    tool_call_id: str
    function_name: str
    arguments: dict[str, Any]


def calls_of(reply: Reply, turn: int) -> list[ToolCall]:
    """Write down what a reply does."""
    calls = [
        ToolCall(tool_call_id=f"call_{turn}_{index}", function_name=_TYPE_CALL, arguments=command.model_dump())
        for index, command in enumerate(reply.commands, 1)
    ]
    if reply.task_complete:
        calls.append(ToolCall(tool_call_id=f"call_{turn}_done", function_name=_DONE_CALL, arguments={}))
    return calls


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


class Metrics(BaseModel):
    """The usage of one call, as in `agent.model.Usage`, and what was measured beside it."""

    model_config = ConfigDict(frozen=True)

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    cached_tokens: int | None = None
    cost_usd: float | None = None
    prompt_token_ids: tuple[int, ...] | None = None
    completion_token_ids: tuple[int, ...] | None = None
    logprobs: tuple[float, ...] | None = None
    extra: dict[str, Any] | None = None
    """Tokens written to the cache, seconds waited, and the attempts that failed before."""


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
        self.typing = ""
        """The keystrokes that are being typed, or were last: for a display, as what comes of them is not known yet."""
        self.dropped: tuple[str, ...] = ()
        """Parameters that were asked for and that the model does not take."""
        self._failed: list[dict[str, Any]] = []
        """Attempts since the last reply that brought none."""
        self._redaction = Redaction()
        self._journal = JsonLines(journal) if journal else None

    def prompt(self, source: Literal["system", "user"], message: str) -> None:
        """Add what the model was told before its first reply."""
        self._add(Step(step_id=len(self.steps) + 1, source=source, message=sound(message)))

    def reply(self, completion: Completion) -> None:
        """Add a model's reply as it came, before anything is read into it."""
        self.spend(completion.usage)
        self.dropped = completion.dropped or self.dropped
        self._add(
            Step(
                step_id=len(self.steps) + 1,
                source="agent",
                message=sound(completion.text),
                model_name=completion.model,
                reasoning_content=completion.reasoning and sound(completion.reasoning),
                metrics=self._metrics(completion),
                **_extra(
                    finish_reason=completion.finish_reason,
                    requested_model=completion.requested,
                    request_id=completion.request_id,
                    dropped_parameters=completion.dropped or None,
                    echo=completion.echo or None,
                    calls=[_sound_call(call) for call in completion.calls] or None,
                ),
            )
        )

    def compacted(self, message: str, boundary: Literal["replace", "shorten"] = "replace") -> None:
        """Add what took the place of a conversation that was too long, or say what was shortened in it."""
        facts = _extra(context_management={"type": "compaction", "boundary": boundary})
        self._add(Step(step_id=len(self.steps) + 1, source="system", message=sound(message), **facts))

    def failed(self, attempt: FailedAttempt) -> None:
        """Count and journal an attempt that brought no reply, before the wait for the next."""
        self.spend(attempt.usage)
        self.wait(attempt.seconds)
        record = attempt.model_dump(exclude_none=True)
        self._failed.append(record)
        self._log({"type": "failed_attempt", **record})

    def spend(self, usage: Usage) -> None:
        """Count what a call cost, whether or not it brought a reply."""
        self.usage += usage

    def wait(self, seconds: float) -> None:
        """Count seconds that a provider let pass, as they begin."""
        self.waited += seconds

    def result(self, calls: list[ToolCall], results: list[ObservationResult], **extra: object) -> None:
        """Add what the last reply did and what that brought, with facts of the format's own as `extra`."""
        facts = {
            "tool_calls": [call.model_dump() for call in calls] or None,
            "observation": Observations(results=results).model_dump(exclude_none=True),
            "extra": extra,
        }
        self._log({"type": "observation", **facts})
        self.steps[-1] = _updated(self.steps[-1], facts)

    def remark(self, **extra: object) -> None:
        """Add facts to the last step."""
        self._log({"type": "remark", "extra": extra})
        self.steps[-1] = _updated(self.steps[-1], {"extra": extra})

    def write(self, path: Path) -> None:
        """Write the trajectory file, whole or not at all."""
        usage = self.usage.model_dump()
        created = usage.pop("cache_creation_tokens")
        document = {
            "schema_version": SCHEMA,
            "agent": {key: value for key, value in self.agent.items() if value is not None},
            "steps": [step.model_dump(exclude_none=True) for step in self.steps],
            "final_metrics": {
                **{f"total_{name}": value for name, value in usage.items() if value is not None},
                "total_steps": len(self.steps),
                **_extra(waited=self.waited or None, total_cache_creation_tokens=created),
            },
            **_extra(failed_attempts=self._failed or None),
        }
        write_whole(path, json.dumps(self._redaction.json(document), indent=1, ensure_ascii=False) + "\n")

    def close(self) -> None:
        """Close the journal; safe to call twice."""
        if self._journal:
            self._journal.close()
            self._journal = None

    def _metrics(self, completion: Completion) -> Metrics:
        failed, self._failed = self._failed, []
        usage = completion.usage.model_dump()
        extra = _extra(
            cache_creation_tokens=usage.pop("cache_creation_tokens"),
            waited=completion.waited or None,
            failed_attempts=failed or None,
        )
        ids = {name: getattr(completion, name) for name in ("prompt_token_ids", "completion_token_ids", "logprobs")}
        return Metrics(**usage, **ids, **extra)

    def _add(self, step: Step) -> None:
        self._log({"type": "step", **step.model_dump(exclude_none=True)})
        self.steps.append(step)

    def _log(self, record: dict[str, Any]) -> None:
        if self._journal:
            self._journal.append(self._redaction.json(record))


def read_journal(path: Path) -> list[Step]:
    """Assemble the steps of a run from its journal, also of one that was killed; what is damaged is left out."""
    steps: list[Step] = []
    for record in read_lines(path):
        kind = record.pop("type", None)
        try:
            if kind == "step":
                steps.append(Step.model_validate(record))
            elif kind in ("observation", "remark") and steps:
                steps[-1] = _updated(steps[-1], record)
        except (ValidationError, KeyError, TypeError):
            continue
    return steps


def _updated(step: Step, facts: dict[str, Any]) -> Step:
    extra = {**(step.extra or {}), **facts["extra"]} or None
    return Step.model_validate({**step.model_dump(exclude_none=True), **facts, "extra": extra})


def _extra(**facts: object) -> dict[str, Any]:
    """Make the field ``extra`` of what is known, and no field when nothing is."""
    known = {name: fact for name, fact in facts.items() if fact is not None}
    return {"extra": known} if known else {}


def _sound_call(call: FunctionCall) -> dict[str, str]:
    return {name: sound(value) for name, value in call.model_dump().items()}
