"""Job folders in the layouts of three harnesses, written from tables of what became of each attempt."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from evals.analysis.jobs import read_jobs

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from evals.analysis.job_record import JobRecord

OUTCOMES = {"P": "passed", "F": "failed", "I": "invalid"}
TASKS = [f"task-{number:02}" for number in range(30)]


def read_job(folder: Path) -> JobRecord:
    """Read a folder that holds one configuration."""
    (record,) = read_jobs(folder)
    return record


def write_termstone(  # noqa: PLR0913 - all but two have defaults
    folder: Path,
    attempts: Mapping[str, str],
    *,
    planned: int | None = None,
    prompts: str = "a" * 64,
    source: str = "b" * 64,
    digest: str = "c" * 64,
    result: Mapping[str, Any] | None = None,
    changed: Sequence[str] = (),
    plugins: Mapping[str, str] | None = None,
    images: Mapping[str, str] | None = None,
    **config: Any,  # noqa: ANN401 - JobConfig's fields
) -> Path:
    """Write a Termstone job: a letter of `OUTCOMES` for each attempt at each task, ``.`` for one without a result."""
    most = max(map(len, attempts.values()), default=1)
    document = {
        "config": {
            "agent": "termstone",
            "model": "openai/gpt-5",
            "sandbox": "docker",
            "concurrency": 4,
            "attempts": planned or most,
            "limits": {"max_turns": None, "turn_seconds": 600.0, "when_full": "compact"},
            **config,
        },
        "lock": {
            "tasks": dict.fromkeys(attempts, digest),
            "prompts": prompts,
            "source": source,
            "packages": {"litellm": "1.80.0", "libtmux": "0.62.0", "docker": "7.1.0"},
            "python": "3.11.7",
            "plugins": plugins or {},
            "images": images or {},
        },
        "changed": list(changed),
        "started": "2026-11-23T10:00:00+00:00",
    }
    write(folder / "job.json", document)
    for task, letters in attempts.items():
        for attempt, letter in enumerate(letters, 1):
            if letter != ".":
                facts = _termstone_result(task, attempt, letter) | {"task_digest": digest, **(result or {})}
                write(folder / task / str(attempt) / "result.json", facts)
    return folder


def _termstone_result(task: str, attempt: int, letter: str) -> dict[str, Any]:
    return {
        "task": task,
        "attempt": attempt,
        "outcome": OUTCOMES[letter],
        "cause": {"I": "provider_unavailable", "F": None, "P": None}[letter],
        "message": "the provider was out" if letter == "I" else None,
        "reward": {"P": 1.0, "F": 0.0, "I": None}[letter],
        "stop_reason": "completed",
        "turns": 7,
        "usage": {"prompt_tokens": 9000, "completion_tokens": 1000, "cached_tokens": 0, "cost_usd": 0.02},
        "waited": 2.0,
        "agent": "termstone",
        "agent_version": "0.1.0",
        "started": f"2026-11-23T10:0{attempt % 10}:00+00:00",
        "timing": {"set_up": 1.0, "agent": 20.0, "verification": 3.0, "tear_down": 0.5},
    }


def write_harbor(folder: Path, agents: Mapping[str, Mapping[str, str]], **trial: Any) -> Path:  # noqa: ANN401 - a result's
    """Write a Harbor job: the letters of each task by reasoning effort; ``T`` is a timeout, ``X`` a rate limit."""
    settings = {effort: _harbor_agent(effort) for effort in agents}
    most = max(len(letters) for tasks in agents.values() for letters in tasks.values())
    job = {"job_name": folder.name, "n_attempts": most, "n_concurrent_trials": 4, "timeout_multiplier": 1.0,
           "environment": {"type": "docker"}, "agents": list(settings.values())}  # fmt: skip
    write(folder / "config.json", job)
    write(folder / "lock.json", {"harbor": {"version": "0.26.0"}})
    for effort, tasks in agents.items():
        for task, letters in tasks.items():
            for attempt, letter in enumerate(letters, 1):
                own = folder / f"{task}__{effort}{attempt}"
                config = {"task": {"path": f"tasks/{task}"}, "trial_name": own.name, "agent": settings[effort]}
                write(own / "config.json", config)
                if letter != ".":
                    write(own / "result.json", _harbor_result(task, attempt, letter, config) | trial)
    return folder


def _harbor_agent(effort: str) -> dict[str, Any]:
    return {"name": "terminus-2", "model_name": "openai/gpt-5", "kwargs": {"reasoning_effort": effort}}


def _harbor_result(task: str, attempt: int, letter: str, config: object) -> dict[str, Any]:
    error = {"T": "AgentTimeoutError", "X": "ApiRateLimitError", "I": "RewardFileNotFoundError"}.get(letter)
    return {
        "task_name": f"org/{task}",
        "trial_name": f"{task}__{attempt}",
        "task_checksum": "d" * 64,
        "config": config,
        "agent_info": {"name": "terminus-2", "version": "2.0.0", "model_info": {"name": "gpt-5", "provider": "openai"}},
        "agent_result": {"n_input_tokens": 900, "n_output_tokens": 100, "n_cache_tokens": 0, "cost_usd": None},
        "verifier_result": None if letter == "I" else {"rewards": {"reward": 1.0 if letter == "P" else 0.0}},
        "exception_info": error and {"exception_type": error, "exception_message": "so it was"},
        "started_at": f"2026-11-23T10:00:0{attempt}Z",
        "agent_execution": {"started_at": "2026-11-23T10:00:00Z", "finished_at": "2026-11-23T10:00:30Z"},
        "step_results": None,
    }


def write_terminal_bench(folder: Path, model: str, tasks: Mapping[str, str]) -> Path:
    """Write a Terminal-Bench run; ``T`` is a timeout, ``X`` an error of the agent, ``0`` a pass without any test."""
    most = max(map(len, tasks.values()))
    metadata = {"run_id": folder.name, "dataset_name": "core", "dataset_version": "0.1.1", "agent_name": "terminus",
                "model_name": model, "n_attempts": most, "task_ids": list(tasks), "commit_hash": "unknown"}  # fmt: skip
    write(folder / "run_metadata.json", metadata)
    write(folder / "tb.lock", {"harness": {"version": "0.2.18"}, "run_config": {"global_timeout_multiplier": 1.0}})
    modes = {"T": "agent_timeout", "X": "unknown_agent_error"}
    for task, letters in tasks.items():
        for attempt, letter in enumerate(letters, 1):
            result = {
                "task_id": task,
                "is_resolved": {"P": True, "0": True, "X": None}.get(letter, False),
                "failure_mode": modes.get(letter, "unset"),
                "parser_results": {"0": {}, "X": None}.get(
                    letter, {"test_it": "passed" if letter == "P" else "failed"}
                ),
                "total_input_tokens": 0,
                "total_output_tokens": 0,
                "agent_started_at": "2026-11-23T10:00:00+00:00",
                "agent_ended_at": "2026-11-23T10:01:00+00:00",
            }
            write(folder / task / f"{task}.{attempt}-of-{most}.{folder.name}" / "results.json", result)
    return folder


def write(path: Path, document: object) -> None:
    """Write JSON, with the folders above it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document))
