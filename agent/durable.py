"""Files that a crash cannot tear: written whole or not at all, or appended to line by line."""

from __future__ import annotations

import contextlib
import json
import os
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path


def write_whole(path: Path, text: str) -> None:
    """Write a file so that whoever reads it, also after a crash, finds all of it or what was there before."""
    draft = path.with_name(f"{path.name}.draft")
    try:
        with draft.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    except OSError:
        with contextlib.suppress(OSError):
            draft.unlink(missing_ok=True)
        raise


class JsonLines:
    """A file of one JSON object a line, each on the disk before `append` returns."""

    def __init__(self, path: Path) -> None:
        """Open a file to go on with; a line that a crash cut short stays alone."""
        self._file = path.open("a+b", buffering=0)
        size = self._file.seek(0, os.SEEK_END)
        if size and os.pread(self._file.fileno(), 1, size - 1) != b"\n":
            self._file.write(b"\n")

    def append(self, record: Mapping[str, Any]) -> None:
        """Add a line; `OSError` when it cannot be kept, and then nothing of it is."""
        line = json.dumps(record, ensure_ascii=False).encode("utf-8", "backslashreplace") + b"\n"
        descriptor = self._file.fileno()
        size = os.fstat(descriptor).st_size
        try:
            while line:
                line = line[os.write(descriptor, line) :]
            os.fsync(descriptor)
        except OSError:
            with contextlib.suppress(OSError):
                os.ftruncate(descriptor, size)
            raise

    def close(self) -> None:
        """Close the file; safe to call twice."""
        self._file.close()


def read_lines(path: Path) -> Iterator[dict[str, Any]]:
    """Read such a file, also one that was damaged: what is no JSON object is left out."""
    with path.open(encoding="utf-8-sig", errors="replace") as lines:
        for line in lines:
            try:
                record = json.loads(line)
            except (ValueError, RecursionError):
                continue
            if isinstance(record, dict):
                yield record
