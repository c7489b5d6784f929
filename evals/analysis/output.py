"""Files that the user named for a result."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agent.durable import write_whole
from evals.analysis.job_record import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


def check_output(path: Path) -> None:
    """Refuse a name before there is anything to write: `RecordError` where it is a folder, or lies in none."""
    if path.is_dir() or not path.parent.is_dir():
        raise RecordError(f"{path} cannot be written: {'it is a folder' if path.is_dir() else 'no such folder'}")


@contextmanager
def new_files(folder: Path) -> Iterator[Path]:
    """Give a draft beside a folder to write files into: they stand in the folder once the block ends, or none does.

    Where there are none, no folder is made.
    """
    draft = folder.with_name(f"{folder.name}.draft-{os.getpid()}")
    draft.mkdir()
    try:
        yield draft
        if folder.is_dir():
            for path in draft.iterdir():
                path.replace(folder / path.name)
        elif any(draft.iterdir()):
            draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def write_output(path: Path, text: str) -> None:
    """Write a file whole or not at all; what is no file, such as ``/dev/stdout`` or a pipe, is written to.

    What UTF-8 has no bytes for is escaped as JSON does it.

    Raises:
        RecordError: it cannot be written.
    """
    sound = text.encode("utf-8", "backslashreplace").decode()
    try:
        if path.is_symlink() or (path.exists() and not path.is_file()):
            path.write_text(sound, encoding="utf-8")
        else:
            write_whole(path, sound)
    except OSError as error:
        raise RecordError(f"{path} cannot be written: {error.strerror}") from error
