"""A folder that should be a task: its name, its files read with a limit, and those right below another folder."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from evals.task import BrokenTask, Task, TaskError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from pathlib import Path

    from pydantic import ValidationError

    Reader = Callable[[str, Path], Task]
    """Reads the task of a name from its folder, or raises `TaskError`."""

TEXT_LIMIT = 1_000_000
"""Bytes of an instruction, and of a file that describes a task."""
_NAME = re.compile(r"[A-Za-z0-9][\w.-]{0,149}")
_DEVICE = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)
"""What is no file on Windows, and so no name for results that people share."""
_LINE_LIMIT = 500


def load_each(path: Path, readers: Mapping[str, Reader]) -> Iterator[Task | BrokenTask]:
    """Read one task folder, or each task folder right below a folder, in the order of their names.

    Args:
        path: the folder.
        readers: by the file that makes a folder a task; the first that is there counts.

    Raises:
        TaskError: the path is missing, or holds no task at all.
    """
    found = False
    for folder in _candidates(path, readers):
        name = folder.name if folder.name not in ("", "..") else folder.resolve().name
        try:
            reader = next((read for file, read in readers.items() if (folder / file).is_file()), None)
            if reader is None:
                continue
            _refuse_name(name)
            task: Task | BrokenTask = reader(name, folder)
        except (TaskError, OSError) as error:
            task = BrokenTask(name=name, reason=one_line(error))
        found = True
        yield task
    if not found:
        raise TaskError(f"{path}: no task here (a task is a folder with a {' or '.join(readers)})")


def _candidates(path: Path, files: Mapping[str, object]) -> list[Path]:
    try:
        if not path.is_dir():
            raise TaskError(f"{path}: no such folder")
        return [path] if any((path / file).is_file() for file in files) else sorted(path.iterdir())
    except OSError as error:
        raise TaskError(f"{path}: {error.strerror}") from error


def _refuse_name(name: str) -> None:
    if not _NAME.fullmatch(name):
        raise TaskError("the folder's name is no task name: letters, digits, '_', '.' and '-' only")
    if _DEVICE.fullmatch(name):
        raise TaskError(f"{name} is no task name: it is a device on some machines")


def read_text(path: Path, limit: int = TEXT_LIMIT) -> str:
    """Read a file of a task; `TaskError` where it is missing, too large or not UTF-8."""
    if not path.is_file():
        raise TaskError(f"{path.name} is missing")
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise TaskError(f"{path.name}: larger than {limit:,} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TaskError(f"{path.name} is not UTF-8") from error


def first_problem(error: ValidationError) -> str:
    """Say what is wrong first with a file's values, and with which."""
    first = error.errors()[0]
    return ": ".join(filter(None, [".".join(map(str, first["loc"])), first["msg"]]))


def one_line(said: object) -> str:
    """Keep to one line what may name keys and files that hold anything."""
    return " ".join(str(said).split())[:_LINE_LIMIT]
