"""Job folders read from their files: Termstone's, Harbor's and Terminal-Bench's, each as it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from evals.analysis import harbor_job, terminal_bench_run
from evals.analysis.job_record import (
    JobRecord,
    RecordError,
    TrialRecord,
    attempts_at_each,
    damaged,
    given,
    read_object,
    with_planned,
)
from evals.job_config import JobError
from evals.job_folder import EXPERIMENT, job_folders
from evals.result import TrialResult

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

_MODEL = ("model", "api_base", "temperature", "reasoning_effort", "thinking_budget", "context_limit")
_AGENT = ("agent", "format", "context", "agent_version")
_LIMITS = (
    "max_turns", "max_tokens", "max_cost", "max_repeats", "turn_seconds", "agent_timeout", "turns", "leftovers",
    "sandbox", "trust_task",
)  # fmt: skip
_CIRCUMSTANCES = ("concurrency", "retries")


def read_jobs(folder: Path) -> tuple[JobRecord, ...]:
    """Read a folder, one record for each configuration in it.

    Raises:
        RecordError: the folder is no job, a file of it is damaged, or it has no trials.
    """
    if not folder.is_dir():
        raise RecordError(f"{folder}: no such folder")
    if (folder / "job.json").is_file():
        records: tuple[JobRecord, ...] = (_read_own(folder),)
    elif (folder / EXPERIMENT).is_file():
        records = tuple(_read_own(job) for job in _together(folder))
    elif harbor_job.is_one(folder):
        records = harbor_job.read(folder)
    elif terminal_bench_run.is_one(folder):
        records = terminal_bench_run.read(folder)
    else:
        raise RecordError(
            f"{folder} is no job and no trial: neither job.json (Termstone), config.json with trials (Harbor), "
            "run_metadata.json (Terminal-Bench) nor a trial's result.json is in it"
        )
    if not any(record.trials for record in records):
        raise RecordError(f"{folder}: the job has no trials")
    return records


def _together(folder: Path) -> list[Path]:
    try:
        return job_folders(folder)
    except JobError as error:
        raise RecordError(str(error)) from error


def _read_own(folder: Path) -> JobRecord:
    document = read_object(folder / "job.json")
    try:
        config, lock = document["config"], document["lock"]
        settings = {**config.get("limits", {}), **config}
        attempts = attempts_at_each(config["attempts"])
        planned = dict.fromkeys(lock["tasks"], attempts)
        conditions = {
            "code": lock["source"],
            "prompts": lock["prompts"],
            **{f"version of {name}": version for name, version in lock["packages"].items()},
            **given(settings, _LIMITS),
            **_changed(document),
        }
        plugins = {f"code of {name}": digest for name, digest in lock.get("plugins", {}).items()}
        paths = sorted(_results(folder))
        results = [_result(path) for path in paths]
        trials = [_trial(result, path) for result, path in zip(results, paths, strict=True)]
        versions = sorted({result.agent_version for result in results if result.agent_version})
        return JobRecord(
            source="termstone",
            folder=folder,
            model=given(settings, _MODEL),
            agent={**given({**settings, "agent_version": " and ".join(versions)}, _AGENT), **plugins},
            conditions=conditions,
            circumstances={**given(settings, _CIRCUMSTANCES), "python": lock["python"]},
            images={task: str(digest) for task, digest in lock.get("images", {}).items() if digest},
            left_out=tuple(document.get("left_out", [])),
            attempts=attempts,
            trials=with_planned(trials, planned),
        )
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise damaged(folder / "job.json", error) from error


def _changed(document: Mapping[str, Any]) -> dict[str, str]:
    """Say what was other for the first of a job's trials than for the last; tasks have digests in their results."""
    parts = [part for part in document.get("changed", []) if not part.startswith("task ")]
    return given({"what changed half-way": ", ".join(dict.fromkeys(parts))}, ("what changed half-way",))


def _results(folder: Path) -> Iterator[Path]:
    """Find the trials' results; `OSError` for a folder that cannot be read, which a glob would pass over."""
    for task in folder.iterdir():
        for trial in task.iterdir() if task.is_dir() else ():
            path = trial / "result.json"
            if path.exists() and not path.is_fifo():
                yield path


def _trial(result: TrialResult, path: Path) -> TrialRecord:
    facts = result.model_dump(include=set(TrialRecord.model_fields) & set(TrialResult.model_fields))
    try:
        return TrialRecord.model_validate(
            {
                **facts,
                "answered_by": tuple(result.answered_by),
                "task_digest": result.task_digest or None,
                "folder": path.parent,
            }
        )
    except ValidationError as error:
        raise damaged(path, error) from error


def _result(path: Path) -> TrialResult:
    try:
        return TrialResult.model_validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        raise RecordError(f"{path} is damaged or cut short: it is no trial's result") from error
