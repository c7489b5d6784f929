"""Terminal-Bench's run folders, read as they are: ``run_metadata.json`` and one ``results.json`` a trial.

Terminal-Bench has passed and not passed; a trial that says nothing about the agent is told by its failure mode. Its
files hold neither costs nor versions of tasks, and tokens are 0 where they are not known.
"""

from __future__ import annotations

import re
from datetime import datetime
from typing import TYPE_CHECKING, Any

from agent.model import Usage
from evals.analysis.job_record import (
    NOT_RUN,
    JobRecord,
    TrialRecord,
    attempts_at_each,
    damaged,
    given,
    read_object,
    with_planned,
)
from evals.result import Cause, Outcome

if TYPE_CHECKING:
    from pathlib import Path

_ATTEMPT = re.compile(r"\.(\d+)-of-\d+\.")
_STAGES = {"agent": "agent", "test": "verification"}
_CAUSES = {
    "test_timeout": Cause.VERIFIER_TIMEOUT,
    "parse_error": Cause.VERIFIER_NO_RESULT,
    "agent_timeout": Cause.DEADLINE,
    "context_length_exceeded": Cause.CONTEXT_EXHAUSTED,
    "fatal_llm_parse_error": Cause.UNUSABLE_REPLIES,
    "output_length_exceeded": Cause.TRUNCATED_REPLIES,
}
"""Failure modes in our words; the others keep their own."""
_BREAKS = frozenset({"test_timeout", "parse_error", "unknown", "unknown_agent_error", "agent_installation_failed"})
"""Failure modes of providers, of tests, and of what could be either of them."""
_MODEL = ("model", "api_base", "temperature", "reasoning_effort")
_NONE = (None, "", "none", "unset")


def is_one(folder: Path) -> bool:
    """Say whether a folder looks like a Terminal-Bench run."""
    return (folder / "run_metadata.json").is_file() or (folder / "tb.lock").is_file()


def read(folder: Path) -> tuple[JobRecord, ...]:
    """Read a run, which holds one configuration.

    Raises:
        RecordError: a file is damaged.
    """
    path = folder / "run_metadata.json"
    metadata = read_object(path) if path.is_file() else {}
    lock = read_object(folder / "tb.lock") if (folder / "tb.lock").is_file() else {}
    try:
        told = _told(folder)
        folders = {trial.name: trial for trial in sorted(folder.glob("*/*.*-of-*.*")) if trial.is_dir()}
        folders |= {name: folder / result["task_id"] / name for name, result in told.items() if name not in folders}
        trials = [_trial(trial, *_one(trial, told.get(name))) for name, trial in folders.items()]
        attempts = attempts_at_each(metadata.get("n_attempts") or lock.get("run_config", {}).get("n_attempts") or 1)
        tasks = [*(metadata.get("task_ids") or ()), *(trial.task for trial in trials)]
        asked = metadata.get("agent_kwargs") or lock.get("agent", {}).get("extra_kwargs") or {}
        facts = {name: value for name, value in asked.items() if name not in (*_MODEL, "model_name", "no_rebuild")}
        model = None if metadata.get("agent_name") == "oracle" else metadata.get("model_name")  # its model is "Oracle"
        return (
            JobRecord(
                source="terminal-bench",
                folder=folder,
                model=given({**asked, "model": model}, _MODEL),
                agent=given({**facts, "agent": metadata.get("agent_name")}, ("agent", *facts)),
                conditions=_conditions(metadata, lock),
                circumstances=given({"concurrency": metadata.get("n_concurrent_trials")}, ("concurrency",)),
                attempts=attempts,
                trials=with_planned(trials, dict.fromkeys(tasks, attempts)),
            ),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise damaged(path, error) from error


def _told(folder: Path) -> dict[str, dict[str, Any]]:
    """Read the run's own list, by trial: one whose image or containers failed has no file elsewhere."""
    path = folder / "results.json"
    results = read_object(path).get("results") or () if path.is_file() else ()
    return {str(result["trial_name"]): result for result in results}


def _one(trial: Path, told: dict[str, Any] | None) -> tuple[str, int, dict[str, Any]]:
    """Read a trial's task, attempt and result; one that was cut short left none."""
    number = _ATTEMPT.search(trial.name)
    path = trial / "results.json"
    result = read_object(path) if path.is_file() else told or {"failure_mode": NOT_RUN}
    return trial.parent.name, int(number[1]) if number else 1, result


def _trial(folder: Path, task: str, attempt: int, result: dict[str, Any]) -> TrialRecord:
    mode = result.get("failure_mode")
    resolved = result.get("is_resolved")
    graded = bool(result.get("parser_results"))  # without any, `all` of nothing has made it a pass
    cause = None if mode in _NONE else _CAUSES.get(str(mode), str(mode))
    if not graded or resolved is None or (mode in _BREAKS and not resolved):
        outcome, cause = Outcome.INVALID, cause or Cause.VERIFIER_NO_RESULT
    else:
        outcome = Outcome.PASSED if resolved else Outcome.FAILED
    try:
        return TrialRecord(
            task=task,
            attempt=attempt,
            outcome=outcome,
            cause=None if outcome is Outcome.PASSED else cause,
            reward=float(outcome is Outcome.PASSED) if graded else None,
            usage=Usage(
                prompt_tokens=result.get("total_input_tokens") or None,
                completion_tokens=result.get("total_output_tokens") or None,
            ),
            timing=_timing(result),
            started=str(result.get("trial_started_at") or ""),
            folder=folder if folder.is_dir() else None,
        )
    except (TypeError, ValueError) as error:
        raise damaged(folder / "results.json", error) from error


def _conditions(metadata: dict[str, Any], lock: dict[str, Any]) -> dict[str, str]:
    run = lock.get("run_config", {})
    facts = {
        "terminal-bench": lock.get("harness", {}).get("version"),
        "code": None if metadata.get("commit_hash") == "unknown" else metadata.get("commit_hash"),
        "data set": metadata.get("dataset_name"),
        "version of the data set": metadata.get("dataset_version"),
        **{name: value for name, value in run.items() if name.startswith("global_")},
    }
    return given(facts, tuple(facts))


def _timing(result: dict[str, Any]) -> dict[str, float]:
    timing = {}
    for name, stage in _STAGES.items():
        begun, ended = result.get(f"{name}_started_at"), result.get(f"{name}_ended_at")
        if begun and ended:
            timing[stage] = (datetime.fromisoformat(ended) - datetime.fromisoformat(begun)).total_seconds()
    return timing
