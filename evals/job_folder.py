"""A job's folder: made once, locked while somebody works in it, and what stands in it.

``job.json`` is what was asked for and what it was run with, ``job.jsonl`` what happened, in order, and
``<task>/<attempt>/`` one trial; tries that came to nothing lie in its ``try-1``, ``try-2``, ... Jobs that were begun
together stand side by side in one folder, whose ``experiment.json`` names them.
"""

from __future__ import annotations

import fcntl
import json
import os
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from evals.job_config import JobError

if TYPE_CHECKING:
    from collections.abc import Iterator

CONFIG, JOURNAL, LOCK = "job.json", "job.jsonl", "job.lock"
EXPERIMENT = "experiment.json"
"""What names the folders of jobs that were begun together."""
MOVING = "moving"
"""Where the files of a try are on their way to its ``try-N``."""


@contextmanager
def new_folder(wanted: Path | None, label: str) -> Iterator[Path]:
    """Make and lock the job's folder: the one asked for, which must be new or empty, or one named by time and label.

    A folder in which nothing was written by the end is removed.
    """
    try:
        folder = _made(wanted, label)
    except OSError as error:
        raise JobError(f"{wanted or 'jobs/'} cannot be made: {error.strerror or error}") from error
    with locked(folder):
        if _used(folder):  # by a process that was quicker
            raise _taken(folder)
        try:
            yield folder
        finally:
            if not _used(folder):
                (folder / LOCK).unlink()
                folder.rmdir()


def _made(wanted: Path | None, label: str) -> Path:
    if wanted is not None:
        if wanted.exists() and (not wanted.is_dir() or _used(wanted)):
            raise _taken(wanted)
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


def _used(folder: Path) -> bool:
    return any(path.name != LOCK for path in folder.iterdir())


def _taken(folder: Path) -> JobError:
    return JobError(f"{folder} exists already: name a new folder with --output, or go on with termstone resume")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Keep other processes out of a folder; the kernel lets go of it however this one ends.

    Raises:
        JobError: another process works in it, or it cannot be written to.
    """
    try:
        file = (folder / LOCK).open("a+")
    except OSError as error:
        raise JobError(f"{folder}: {error.strerror}") from error
    with file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            raise JobError(f"{folder} is in use by process {file.read(20).strip() or '?'}") from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield


def job_folders(folder: Path) -> list[Path]:
    """Return the folders of the jobs that were begun together in a folder, in their order; of any other, itself.

    Raises:
        JobError: what names them is damaged.
    """
    path = folder / EXPERIMENT
    if not path.is_file():
        return [folder]
    try:
        names = json.loads(path.read_bytes())["jobs"]
        folders = [folder / Path(name).name for name in names]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise JobError(f"{path} is damaged: go on with each job by its own folder") from error
    return folders


def trial_folder(folder: Path, task: str, attempt: int) -> Path:
    """Return where an attempt's files are."""
    return folder / task / str(attempt)


def runs_of(trial: Path) -> list[Path]:
    """Return the folders that agents' files are in: the trial's own, then those of its steps and turns."""
    below = (path for pattern in ("turn-*", "steps/*", "steps/*/turn-*") for path in sorted(trial.glob(pattern)))
    return [trial, *(path for path in below if path.is_dir())]


def set_aside(trial: Path) -> None:
    """Keep what a try left as the trial's next ``try-N``; a crash in the middle is made good by the next call."""
    moving = trial / MOVING
    left = [path for path in trial.iterdir() if path != moving and not path.name.startswith("try-")]
    if not left and not moving.exists():
        return
    moving.mkdir(exist_ok=True)
    for path in left:
        path.rename(moving / path.name)
    moving.rename(trial / f"try-{tries(trial) + 1}")


def tries(trial: Path) -> int:
    """Count the tries that were set aside."""
    return len(list(trial.glob("try-*")))
