"""Files that the user named for a result."""

from __future__ import annotations

from typing import TYPE_CHECKING

from agent.durable import write_whole
from evals.analysis.job_record import RecordError

if TYPE_CHECKING:
    from pathlib import Path


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
