"""Many trials side by side: a job folder with one folder per task and attempt, and what the job was run with."""

from __future__ import annotations

import asyncio
import hashlib
import importlib.metadata
import json
import platform
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict, Field

import prompts
from evals.result import Cause, TrialResult
from evals.trial import Trial
from sandbox.base import finished

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from evals.task import Task
    from evals.trial import Plan

_ROOMS = ("agent", "sandbox", "evals")
_PINNED = ("litellm", "libtmux", "docker")


class JobError(Exception):
    """The job cannot be begun or read; the message is for the user."""


class JobConfig(BaseModel):
    """What was asked for, as it stands in ``job.json``."""

    model_config = ConfigDict(frozen=True)

    agent: str
    model: str | None = None
    api_base: str | None = None
    temperature: float | None = None
    max_turns: int | None = None
    sandbox: str
    """The kind that was chosen."""
    concurrency: int = Field(ge=1)
    attempts: int = Field(ge=1)


class Job:
    """All trials of one command."""

    def __init__(self, config: JobConfig, tasks: Sequence[Task], plan: Plan, folder: Path) -> None:
        """Lay out every attempt at every task; nothing is written before `run`."""
        self.on_end: Callable[[Trial], None] = lambda _: None
        """Called with each trial that has ended."""
        self.config = config
        self.folder = folder
        self.trials = [
            Trial(task, attempt, folder / task.name / str(attempt), plan)
            for attempt in range(1, config.attempts + 1)
            for task in tasks
        ]
        self.halted: str | None = None
        """Why the rest was not run, when a provider said no for good."""

    async def run(self) -> list[TrialResult]:
        """Run all trials, `concurrency` at a time.

        A cancellation ends them, waits until each has cleaned up, and goes on to the caller. A provider that rejects
        the first requests rejects all, so trials that have not begun by then are left out.
        """
        self._write_config()
        slots = asyncio.Semaphore(self.config.concurrency)
        running = [asyncio.create_task(self._one(trial, slots)) for trial in self.trials]
        try:
            await asyncio.gather(*running)
        finally:
            for task in running:
                task.cancel()
            await finished(asyncio.gather(*running, return_exceptions=True))
        return self.results

    @property
    def results(self) -> list[TrialResult]:
        """What has ended so far."""
        return [trial.result for trial in self.trials if trial.result]

    async def _one(self, trial: Trial, slots: asyncio.Semaphore) -> None:
        async with slots:
            if self.halted:
                trial.leave_out(self.halted)
                return
            result = await trial.run()
            self.on_end(trial)
            answered = any(other.turns for other in self.results)
            if result.cause is Cause.PROVIDER_REJECTED and not answered:
                self.halted = result.message

    def _write_config(self) -> None:
        self.folder.mkdir(parents=True, exist_ok=True)
        document = {
            "config": self.config.model_dump(),
            "lock": {
                "tasks": {trial.task.name: trial.task.digest for trial in self.trials},
                "prompts": prompts.digest(),
                "source": _source_digest(),
                "packages": {name: importlib.metadata.version(name) for name in _PINNED},
                "python": platform.python_version(),
            },
            "started": datetime.now(UTC).isoformat(),
        }
        (self.folder / "job.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def new_folder(wanted: Path | None, label: str) -> Path:
    """Make the job's folder: the one that was asked for, which must be new or empty, or one named by time and label."""
    try:
        return _made(wanted, label)
    except OSError as error:
        raise JobError(f"{wanted or 'jobs/'} cannot be made: {error.strerror or error}") from error


def _made(wanted: Path | None, label: str) -> Path:
    if wanted is not None:
        if wanted.exists() and (not wanted.is_dir() or any(wanted.iterdir())):
            raise JobError(f"{wanted} exists already: name a new folder with --output")
        wanted.mkdir(parents=True, exist_ok=True)
        return wanted
    name = f"{datetime.now(UTC):%Y%m%d-%H%M%S}-{label}"
    for suffix in ["", *(f"-{number}" for number in range(2, 1000))]:
        folder = Path("jobs") / (name + suffix)
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            continue
        return folder
    raise JobError("no free name for a job folder under jobs/")


def read_results(folder: Path) -> list[TrialResult]:
    """Read the results of a job folder, by task and attempt; `JobError` names a file that cannot be read."""
    results = []
    for path in sorted(folder.glob("*/*/result.json")):
        try:
            results.append(TrialResult.model_validate_json(path.read_bytes()))
        except ValueError as error:
            raise JobError(f"{path}: not a trial's result ({str(error).splitlines()[0]})") from error
    return sorted(results, key=lambda result: (result.task, result.attempt))


def read_config(folder: Path) -> dict[str, Any]:
    """Read ``job.json``; `JobError` when the folder is no job."""
    if not folder.is_dir():
        raise JobError(f"{folder}: no such folder")
    try:
        document = json.loads((folder / "job.json").read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise JobError(f"{folder} is neither a job's folder (no job.json) nor a trial's (no result.json)") from error
    if not isinstance(document, dict):
        raise JobError(f"{folder}/job.json is damaged")
    return document


def _source_digest() -> str:
    """Hash the harness's own code, as results of different code are not comparable."""
    hashed = hashlib.sha256()
    root = Path(__file__).parent.parent
    for room in _ROOMS:
        for path in sorted((root / room).rglob("*")):
            if path.is_file() and not {"tasks", "recorded", "__pycache__"} & set(path.relative_to(root).parts):
                hashed.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    return hashed.hexdigest()
