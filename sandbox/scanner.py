"""What a pane's raw output says besides text: where prompts begin, that a screen was cleared or taken over.

Prompt marks are OSC 133 ("semantic prompts", as FinalTerm, iTerm2 and VS Code use them), printed by `sandbox/shell`:
``D;<exit code>`` a command is over, ``B`` a prompt waits, ``P`` a continuation prompt waits, ``C`` a command starts,
and one of our own, ``X``: the shell has ended.
Each carries this terminal's own random number, so that a printed recording or a nested terminal is not taken for it.
"""

from __future__ import annotations

import re

_TAIL = 96
"""Longer than the longest sequence looked for, which may be cut anywhere between two reads."""


class Scanner:
    """Follows the output of one terminal; feed it every byte, in order."""

    def __init__(self, mark: str) -> None:
        """Take `mark`, the random text that this terminal's marks carry."""
        self._pattern = re.compile(
            rb"\x1b\]133;(?P<kind>[BCDPX])(?:;(?P<code>\d+))?;" + mark.encode() + rb"\x07"
            rb"|\x1b\[\?(?:1049|1047|47)(?P<alternate>[hl])"
            rb"|(?P<redraw>\x1bc|\x1b\[[23]J|\x1b\[\d*(?:;\d*)?H)"
        )
        self._tail = b""
        self.commands = 0
        """Commands seen to end so far."""
        self.waiting: str | None = None
        """``B`` or ``P`` while the shell waits at that prompt, else ``None``."""
        self.exit_code: int | None = None
        """Of the last command that ended: the shell's ``$?``."""
        self.ended = False
        """Whether the shell has ended."""
        self._busy = False
        self.alternate = False
        """Whether a full-screen program has taken the screen."""
        self.redrawn = False
        """Whether the screen was cleared or written to out of order; set back by whoever has looked."""
        self.lines = 0
        """Line feeds printed so far."""

    def feed(self, output: bytes) -> None:
        """Take the next bytes."""
        self.lines += output.count(b"\n")
        text = self._tail + output
        end = 0
        for match in self._pattern.finditer(text):
            end = match.end()
            if match["kind"]:
                self._mark(match["kind"].decode(), match["code"])
            elif match["alternate"]:
                self.alternate = match["alternate"] == b"h"
            elif not self.alternate:
                self.redrawn = True
        # Only what follows the last escape can be the beginning of a sequence.
        escape = text.rfind(b"\x1b", max(end, len(text) - _TAIL))
        self._tail = text[escape:] if escape >= 0 else b""

    def left(self) -> None:
        """Note that a line was sent: the shell is no longer known to wait."""
        self.waiting = None
        self._busy = True

    def _mark(self, kind: str, code: bytes | None) -> None:
        if kind in "BP":
            self.waiting = kind
        elif kind == "C":
            self.waiting = None
            self._busy = True
            self.alternate = False  # whoever left it on is no more, as the shell goes on
        elif kind == "X":
            self.ended = True
        elif code is not None:
            self.exit_code = int(code)
            self.commands += self._busy
            self._busy = False
