"""Files that the user named for a result."""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from agent.durable import write_whole
from evals.analysis.job_record import RecordError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
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
    shutil.rmtree(draft, ignore_errors=True)  # where process ids come again, as in containers
    try:
        draft.mkdir()
    except OSError as error:
        raise RecordError(f"{folder} cannot be written: {error.strerror}") from error
    try:
        yield draft
        if folder.is_dir():
            for path in draft.iterdir():
                path.replace(folder / path.name)
        elif any(draft.iterdir()):
            draft.rename(folder)
    finally:
        shutil.rmtree(draft, ignore_errors=True)


def write_outputs(texts: Mapping[Path, str]) -> None:
    """Write files, all of them whole or none; see `write_output`."""
    drafts: dict[Path, Path] = {}
    try:
        for path, text in texts.items():
            if not _is_written_to(path):
                drafts[path] = path.with_name(f"{path.name}.draft-{os.getpid()}")
            write_output(drafts.get(path, path), text, named=path)
        for path, draft in drafts.items():
            draft.replace(path)
    finally:
        for draft in drafts.values():
            draft.unlink(missing_ok=True)


def write_output(path: Path, text: str, named: Path | None = None) -> None:
    """Write a file whole or not at all; what is no file, such as ``/dev/stdout`` or a pipe, is written to.

    What UTF-8 has no bytes for is escaped as JSON does it.

    Raises:
        RecordError: it cannot be written; the message says `named`, where that is another name.
    """
    sound = text.encode("utf-8", "backslashreplace").decode()
    try:
        if _is_written_to(path):
            path.write_text(sound, encoding="utf-8")
        else:
            write_whole(path, sound)
    except OSError as error:
        raise RecordError(f"{named or path} cannot be written: {error.strerror}") from error


def _is_written_to(path: Path) -> bool:
    return path.is_symlink() or (path.exists() and not path.is_file())
