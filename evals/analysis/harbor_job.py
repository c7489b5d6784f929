"""Harbor's job folders, read as they are: ``config.json``, ``lock.json`` and one folder with a ``result.json`` a trial.

A reward counts where Harbor says that it is valid. Older versions do not say so; there, a trial that a provider or a
sandbox broke is told by the name of its exception.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, Any

from agent.model import Usage
from evals.analysis.job_record import (
    NOT_RUN,
    JobRecord,
    StepRecord,
    TrialRecord,
    attempts_at_each,
    damaged,
    given,
    read_object,
    with_planned,
)
from evals.result import Cause, Outcome
from evals.reward import score

if TYPE_CHECKING:
    from pathlib import Path

_STAGES = {
    "set_up": ("environment_setup", "agent_setup"),
    "agent": ("agent_execution",),
    "verification": ("verifier",),
}
_TIMES = (
    "timeout_multiplier",
    "agent_timeout_multiplier",
    "verifier_timeout_multiplier",
    "extra_instructions",
    "extra_instruction_paths",
    "override_error_policy",
)
_ASKED = ("model", "base_url", "api_base", "temperature", "reasoning_effort", "max_thinking_tokens")
_NAMES = ("name", "import_path", "model_name", "base_url", "kwargs")
_UNTOLD = ("n_concurrent", "concurrency_group", "model_api_key_name", "env")
"""Of an agent's settings, those that change nothing in what it does, or may be secrets."""
_SURROUNDINGS = ("mounts", "extra_docker_compose", "extra_allowed_hosts", "kwargs")
_BREAKS = frozenset(
    {
        "APIConnectionError", "APIError", "APIResponseValidationError", "AddTestsDirError", "AgentAuthenticationError",
        "AgentSetupTimeoutError", "ApiConnectionClosedError", "ApiConnectionError", "ApiError",
        "ApiInternalServerError", "ApiOverloadedError", "ApiRateLimitError", "ApiResponseStalledError",
        "ApiUsageLimitError", "AuthenticationError", "BadRequestError", "CancelledError", "DownloadVerifierDirError",
        "EnvironmentStartTimeoutError", "HealthcheckError", "InternalServerError", "MemoryLimitExceededError",
        "ModelNotFoundError", "NetworkConnectionError", "NotFoundError", "PermissionDeniedError", "RateLimitError",
        "SandboxBuildFailedError", "ServiceUnavailableError", "Timeout", "UnknownApiError",
    }
)  # fmt: skip
"""Exceptions of providers and sandboxes, by which a reward says nothing about the agent."""


def is_one(folder: Path) -> bool:
    """Say whether a folder looks like a Harbor job."""
    return (folder / "config.json").is_file() and (
        any(folder.glob("*/config.json")) or (folder / "lock.json").is_file() or (folder / "result.json").is_file()
    )


def read(folder: Path) -> tuple[JobRecord, ...]:
    """Read a job, one record for each agent in it.

    Raises:
        RecordError: a file is damaged.
    """
    config = read_object(folder / "config.json")
    lock = read_object(folder / "lock.json") if (folder / "lock.json").is_file() else {}
    groups: dict[str, list[tuple[Path, dict[str, Any]]]] = defaultdict(list)
    for path in sorted(folder.glob("*/config.json")):
        try:
            result = _result(path)
            result["task_name"] = str(result["task_name"])
            groups[_key(result)].append((path.parent, result))
        except (KeyError, TypeError, AttributeError, ValueError) as error:
            raise damaged(path.parent, error) from error
    _shorten([result for group in groups.values() for _, result in group])
    try:
        order = [_key({"config": {"agent": agent}}) for agent in config.get("agents") or ()]
        names = sorted(groups, key=lambda name: order.index(name) if name in order else len(order))
        planned = _planned(lock)
        return tuple(_record(folder, config, lock, groups[name], planned[name]) for name in names)
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise damaged(folder / "config.json", error) from error


def _result(path: Path) -> dict[str, Any]:
    """Read a trial's result; of one that left none, only what it was to be."""
    if (path.parent / "result.json").is_file():
        return read_object(path.parent / "result.json")
    config = read_object(path)
    return {"config": config, "task_name": _task_of(config), "exception_info": {"exception_type": NOT_RUN}}


def _task_of(config: dict[str, Any]) -> str:
    task = config["task"]
    return str(task.get("name") or task.get("path") or "").rstrip("/").rsplit("/", 1)[-1]


def _shorten(results: list[dict[str, Any]]) -> None:
    """Name tasks without their organisation, unless two organisations' tasks are then the same."""
    full = {result["task_name"] for result in results if "/" in result["task_name"]}
    if len({name.rsplit("/", 1)[-1] for name in full}) == len(full):
        for result in results:
            result["task_name"] = result["task_name"].rsplit("/", 1)[-1]


def _key(result: dict[str, Any]) -> str:
    """Tell configurations apart."""
    return repr((*_identity(result), _limits(result)))


def _planned(lock: dict[str, Any]) -> dict[str, Counter[str]]:
    """Count the attempts at each task by configuration: a job that was cut off has no folders of its later trials."""
    planned: dict[str, Counter[str]] = defaultdict(Counter)
    for trial in lock.get("trials") or ():
        planned[_key({"config": trial})][_task_of(trial)] += 1
    return planned


def _identity(result: dict[str, Any]) -> tuple[dict[str, str], dict[str, str]]:
    """Tell which model and which agent it was."""
    agent = result["config"]["agent"]
    kwargs = dict(agent.get("kwargs") or {})
    model = given({"model": agent.get("model_name"), "base_url": agent.get("base_url"), **kwargs}, _ASKED)
    rest = {name: value for name, value in kwargs.items() if name not in _ASKED}
    apart = (*_NAMES, *_UNTOLD, *_limits(result))
    set_ = {name: value for name, value in agent.items() if name not in apart and value is not False}
    facts = {"agent": agent.get("import_path") or agent.get("name"), **set_, **rest}
    return model, given(facts, tuple(facts))


def _limits(result: dict[str, Any]) -> dict[str, str]:
    agent = result["config"]["agent"]
    return given(agent, tuple(name for name in agent if "timeout" in name))


def _record(
    folder: Path,
    config: dict[str, Any],
    lock: dict[str, Any],
    group: list[tuple[Path, dict[str, Any]]],
    planned: Counter[str],
) -> JobRecord:
    model, agent = _identity(group[0][1])
    versions = sorted({str((result.get("agent_info") or {}).get("version") or "") for _, result in group} - {""})
    environment, verifier = config.get("environment") or {}, config.get("verifier") or {}
    conditions = {
        "harbor": (lock.get("harbor") or {}).get("version"),
        "sandbox": environment.get("import_path") or environment.get("type"),
        **{it: value for it, value in environment.items() if it.startswith("override_") or it in _SURROUNDINGS},
        **{f"verifier {name}": value for name, value in verifier.items() if "timeout" in name},
        **{name: config.get(name) for name in _TIMES},
        **{f"agent {name}": value for name, value in _limits(group[0][1]).items()},
    }
    attempts = attempts_at_each(config.get("n_attempts") or 1)
    trials = _trials(group)
    known = dict.fromkeys((trial.task for trial in trials), attempts)
    return JobRecord(
        source="harbor",
        folder=folder,
        model=model,
        agent={**agent, **given({"agent_version": " and ".join(versions)}, ("agent_version",))},
        conditions=given(conditions, tuple(conditions)),
        circumstances=given({"concurrency": config.get("n_concurrent_trials")}, ("concurrency",)),
        attempts=attempts,
        trials=with_planned(trials, {**known, **planned}),
    )


def _trials(group: list[tuple[Path, dict[str, Any]]]) -> list[TrialRecord]:
    """Number the attempts at each task as they were begun; those without a result come last."""
    begun: Counter[str] = Counter()
    trials = []
    for folder, result in sorted(group, key=lambda one: (str(one[1].get("started_at") or "~"), one[0].name)):
        task = result["task_name"]
        begun[task] += 1
        try:
            trials.append(_trial(folder, result, task, begun[task]))
        except (KeyError, TypeError, AttributeError, ValueError, OverflowError) as error:
            raise damaged(folder / "result.json", error) from error
    return trials


def _trial(folder: Path, result: dict[str, Any], task: str, attempt: int) -> TrialRecord:
    steps = result.get("step_results") or []
    errors = [error for part in (result, *steps) if (error := part.get("exception_info"))]
    rewards = (result.get("verifier_result") or {}).get("rewards") or {}
    broken = next((error["exception_type"] for error in errors if _breaks(error)), None)
    valid = bool(rewards) and result.get("reward_valid", broken is None)
    reward = score(rewards) if rewards else None
    passed = reward is not None and reward >= 1
    cause = broken or next((error["exception_type"] for error in errors), None)
    return TrialRecord(
        task=task,
        attempt=attempt,
        outcome=(Outcome.PASSED if passed else Outcome.FAILED) if valid else Outcome.INVALID,
        cause=None if valid and passed else cause or (None if valid else Cause.VERIFIER_NO_RESULT),
        message=next((str(error.get("exception_message") or "") or None for error in errors), None),
        reward=reward,
        rewards=rewards,
        steps=tuple(_step(step) for step in steps),
        usage=_usage(result, steps),
        timing=_timing(result, steps),
        task_digest=result.get("task_checksum"),
        started=str(result.get("started_at") or ""),
        folder=folder,
    )


def _step(step: dict[str, Any]) -> StepRecord:
    rewards = (step.get("verifier_result") or {}).get("rewards") or {}
    return StepRecord(name=str(step.get("step_name") or ""), reward=score(rewards) if rewards else None)


def _breaks(error: dict[str, Any]) -> bool:
    policy = error.get("policy")
    return not policy["has_valid_reward"] if policy else error["exception_type"] in _BREAKS


def _usage(result: dict[str, Any], steps: list[dict[str, Any]]) -> Usage:
    """Add up what was used; a part of several that is unknown makes the sum unknown."""
    contexts = [part.get("agent_result") or {} for part in (steps or [result])]
    parts = [
        Usage(
            prompt_tokens=context.get("n_input_tokens"),
            completion_tokens=context.get("n_output_tokens"),
            cached_tokens=context.get("n_cache_tokens"),
            cost_usd=context.get("cost_usd"),
        )
        for context in contexts
    ]
    return sum(parts[1:], parts[0])


def _timing(result: dict[str, Any], steps: list[dict[str, Any]]) -> dict[str, float]:
    timing: dict[str, float] = {}
    for stage, names in _STAGES.items():
        for part in (result, *steps):
            for times in (part.get(name) or {} for name in names):
                if times.get("started_at") and times.get("finished_at"):
                    begun, ended = (datetime.fromisoformat(times[name]) for name in ("started_at", "finished_at"))
                    timing[stage] = timing.get(stage, 0.0) + (ended - begun).total_seconds()
    return timing
