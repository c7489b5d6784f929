"""The digests by which Harbor's ``dataset.toml`` names versions of tasks, compared with the tasks that are there.

Each is a hash over the names and hashes of the files that Harbor would publish. Which these are, its versions 0.4 to
0.26 agree on but for tasks with steps or a trajectory; rules for what is left out, as in ``.gitignore``, are not read.
"""

from __future__ import annotations

import hashlib
import os
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from evals.task import Task

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from evals.task import BrokenTask

_FILES = ("task.toml", "instruction.md", "README.md")
_FOLDERS = ("environment", "tests", "solution")
_UNSURE = ("steps", "trajectory.json", ".gitignore")
_RULES = ".harborignore"
_LEFT_OUT = ("__pycache__", "*.pyc", ".DS_Store", "*.swp", "*.swo", "*~")
"""Names of files and folders."""


def noted(tasks: Iterable[Task | BrokenTask], digest: str | None) -> Iterator[Task | BrokenTask]:
    """Return the tasks, with a note on each whose digest is not the one that is named, or is not known."""
    for task in tasks:
        note = _difference(task.path, digest) if digest and isinstance(task, Task) else None
        yield task.model_copy(update={"notes": (*task.notes, note)}) if note and isinstance(task, Task) else task


def _difference(folder: Path, digest: str) -> str | None:
    try:
        unsure = next((name for name in _UNSURE if (folder / name).exists()), None)
        unsure = unsure or next((_RULES for _ in folder.rglob(_RULES)), None)
        if unsure:
            return f"its digest in dataset.toml is not compared, as it has {unsure}"
        found = package_digest(folder)
    except OSError as error:
        return f"its digest in dataset.toml is not compared, as a file cannot be read: {error.strerror}"
    return None if found == digest else f"its files are not those of dataset.toml: their digest is {found}"


def package_digest(folder: Path) -> str:
    """Return the digest of a task's folder, ``sha256:...``; `OSError` where a file cannot be read."""
    candidates = [folder / name for name in _FILES]
    candidates += [path for name in _FOLDERS for path in (folder / name).rglob("*")]
    names = {path.relative_to(folder).as_posix(): path for path in candidates if path.is_file()}
    hashed = hashlib.sha256()
    for name, path in sorted(names.items()):
        if not any(fnmatchcase(part, pattern) for part in name.split("/") for pattern in _LEFT_OUT):
            hashed.update(os.fsencode(f"{name}\0{hashlib.sha256(path.read_bytes()).hexdigest()}\n"))
    return f"sha256:{hashed.hexdigest()}"
