"""A terminal's recording in asciicast v2 (https://docs.asciinema.org/manual/asciicast/v2/), taken from its stream."""

from __future__ import annotations

import codecs
import contextlib
import json
import time
from typing import TYPE_CHECKING

from sandbox.redaction import Redaction

if TYPE_CHECKING:
    from pathlib import Path
    from typing import IO

LIMIT = 16_000_000
"""Bytes of a recording; what is printed after it is full is left out, and counted in its last mark."""
_LAST_MARK = 100  # bytes that are kept free for it


class Recording:
    """One ``.cast`` file, written as things happen and complete at every moment."""

    def __init__(self, path: Path, width: int, height: int) -> None:
        self._file: IO[str] | None = path.open("w", encoding="utf-8", buffering=1)  # line by line, to be read meanwhile
        self._left = LIMIT - _LAST_MARK
        self._dropped = 0
        self._start = time.monotonic()
        self._redaction = Redaction()
        self._held = ""
        """What may be the beginning of a secret: it is written once it is known what follows."""
        self._decoder = codecs.getincrementaldecoder("utf-8")("replace")
        self._write({"version": 2, "width": width, "height": height, "timestamp": int(time.time())})

    def output(self, data: bytes) -> None:
        """Add what the terminal printed."""
        if self._dropped:
            self._dropped += len(data)
            return
        text = self._redaction.text(self._held + self._decoder.decode(data))
        end = len(text) - self._redaction.begun(text)
        self._held = text[end:]
        if end and not self._event("o", text[:end]):
            self._dropped += len(data)

    def mark(self, label: str) -> None:
        """Add a named point in time, such as the beginning of a step."""
        self._event("m", self._redaction.text(label))

    def resize(self, width: int, height: int) -> None:
        """Note the terminal's new size, in columns and rows."""
        self._event("r", f"{width}x{height}")

    def close(self) -> None:
        """Finish the file; safe to call twice."""
        held, self._held = self._held, ""
        if held:
            self._event("o", held)
        dropped, self._dropped = self._dropped, 0
        if dropped:
            self._left += _LAST_MARK
            self.mark(f"dropped {dropped} bytes")
        file, self._file = self._file, None
        if file is not None:
            with contextlib.suppress(OSError):
                file.close()

    def _event(self, kind: str, text: str) -> bool:
        return self._write([round(time.monotonic() - self._start, 6), kind, text])

    def _write(self, value: object) -> bool:
        """Add a line; ``False`` when there is no room."""
        line = json.dumps(value) + "\n"
        if self._file is None or len(line) > self._left:
            return False
        self._left -= len(line)
        try:
            self._file.write(line)
        except OSError:  # a full disk must not take the terminal with it
            self.close()
        return True
