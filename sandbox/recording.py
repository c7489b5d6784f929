"""A terminal's recording in asciicast v2 (https://docs.asciinema.org/manual/asciicast/v2/), taken from its stream."""

from __future__ import annotations

import codecs
import contextlib
import json
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

LIMIT = 20_000_000
"""Bytes of a recording; what comes after is left out and said."""


class Recording:
    """One ``.cast`` file, written as things happen and complete at every moment."""

    def __init__(self, path: Path, width: int, height: int) -> None:
        self._file: IO[str] | None = path.open("w", encoding="utf-8", buffering=1)  # line by line, to be read meanwhile
        self._left = LIMIT
        self._start = time.monotonic()
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._write({"version": 2, "width": width, "height": height, "timestamp": int(time.time())})

    def output(self, data: bytes) -> None:
        """Add what the terminal printed."""
        self._event("o", self._decoder.decode(data))

    def mark(self, label: str) -> None:
        """Add a named point in time, such as the beginning of a step."""
        self._event("m", label)

    def close(self) -> None:
        """Finish the file; safe to call twice."""
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()

    def _event(self, kind: str, text: str) -> None:
        if self._file is None or self._left <= 0:
            return
        self._write([round(time.monotonic() - self._start, 6), kind, text])
        if self._left <= 0:
            self._write([round(time.monotonic() - self._start, 6), "m", f"recording ends at {LIMIT:,} bytes"])

    def _write(self, value: object) -> None:
        if self._file is not None:
            line = json.dumps(value)
            self._left -= len(line) + 1
            try:
                self._file.write(line + "\n")
            except OSError:  # a full disk must not take the terminal with it
                self.close()
