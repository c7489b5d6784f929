"""What a pane's raw output says besides text: where prompts begin, what commands returned, who has taken the screen.

Prompt marks are OSC 133 ("semantic prompts", as FinalTerm, iTerm2 and VS Code use them), printed by `sandbox/shell`:
``D;<exit code>`` a command is over, ``B`` a prompt waits, ``P`` a continuation prompt waits, ``C`` a command starts,
and two of our own: ``E``, the ``D`` of a shell that has no ``C``, and ``X``: the terminal's shell has ended.
Each carries this terminal's own random number, so that a printed recording or a nested terminal is not taken for it;
``B`` and ``P`` may number their prompts, too, as readline draws one anew when the line that is read wraps.
A program that means harm can read that number and forge marks. It then fools the waiting and the exit codes that its
own agent sees, and nothing else: rewards come from files that are read after the terminal, by other means.
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
            rb"\x1b\]133;(?P<kind>[BCDEPX])(?:;(?P<code>\d+))?;" + mark.encode() + rb"(?:;(?P<number>[\d.]+))?\x07"
            rb"|\x1b\[\?(?:1049|1047|47)(?P<alternate>[hl])"
            rb"|\x1b\[\?2004(?P<paste>[hl])"
            rb"|(?P<cleared>\x1b\[3J)"
            # Character sets, device control strings, margins, tab stops, insertion, and no wrapping.
            rb"|(?P<untidy>\x0e|\x1b(?:[()]0|P|\[(?:[\d;]*r|3g|4h|\?[\d;]*7l)))"
            rb"|(?P<query>\x1b(?:\[[>=?]?[\d;]*[cntq]|\](?:4|1[0-2]);))"
        )
        self._tail = b""
        self._shells: set[bytes] = set()
        self._busy: set[bytes] = set()
        self._sent = False
        self._prompted: bytes | None = None
        """The number of the last prompt, in a shell that numbers them."""
        self.waiting: str | None = None
        """``B`` or ``P`` while the shell waits at that prompt, else ``None``."""
        self.exit_codes: list[int] = []
        """Of the commands that ended, oldest first: the shell's ``$?``; emptied by whoever has looked."""
        self.ended = False
        """Whether the terminal's shell has ended."""
        self.alternate = False
        """Whether a full-screen program has taken the screen."""
        self.paste = False
        """Whether pasted text is to be bracketed (xterm's mode 2004)."""
        self.cleared = False
        """Whether the history was erased; set back by whoever has looked."""
        self.untidy = False
        """Whether text may be shown as something else or elsewhere; set back by whoever has mended it."""
        self.interrupts = 0
        """How often C-c was echoed."""
        self.queried = False
        """Whether the terminal was asked something, which it answers by typing; set back by whoever took that away."""
        self.lines = 0
        """Line feeds printed so far."""
        self.bytes = 0
        """Bytes of the lines finished so far, without carriage returns and marks."""
        self.unfinished = 0
        """Bytes of the line that is not finished."""
        self.first: int | None = None
        """Bytes of the first line that was finished; set back by whoever has looked."""

    def feed(self, output: bytes) -> None:
        """Take the next bytes."""
        self._count(output)
        self.interrupts += output.count(b"^C")
        text = self._tail + output
        if b"\x1b" not in text and b"\x0e" not in text:  # most of what is printed, and all of most floods
            return
        end = 0
        for match in self._pattern.finditer(text):
            end = match.end()
            if match["kind"]:
                self._mark(match["kind"].decode(), match["code"], match["number"])
            elif match["alternate"]:
                self.alternate = match["alternate"] == b"h"
            elif match["paste"]:
                self.paste = match["paste"] == b"h"
            elif match["untidy"]:
                self.untidy = True
                self.queried = self.queried or match["untidy"] == b"\x1bP"
            elif match["query"]:
                self.queried = True
            elif not self.alternate:
                self.cleared = True
        # Only what follows the last escape can be the beginning of a sequence.
        escape = text.rfind(b"\x1b", max(end, len(text) - _TAIL))
        self._tail = text[escape:] if escape >= 0 else b""

    def _count(self, output: bytes) -> None:
        lines = output.count(b"\n")
        plain = self._pattern.sub(b"", output) if b"\x1b]133;" in output else output
        if lines and self.first is None:
            first = plain[: plain.find(b"\n")]
            self.first = self.unfinished + len(first) - first.count(b"\r")
        size = len(plain) - plain.count(b"\r") + self.unfinished
        self.unfinished = size if not lines else len(plain) - plain.rfind(b"\n") - 1
        self.lines += lines
        self.bytes += size - self.unfinished

    def sent(self) -> None:
        """Note that a line was sent: the shell is no longer known to wait."""
        self.waiting = None
        self._sent = True

    def _mark(self, kind: str, code: bytes | None, number: bytes | None) -> None:
        """Take a mark; its number is the prompt's for a prompt, and the shell's process for all else."""
        if kind in "BP":
            if number is None or number != self._prompted:  # else it was drawn anew, while its line was being read
                self.waiting = kind
            self._prompted = number
        elif kind == "C":
            self.waiting = None
            self._busy.add(number or b"")
            self.alternate = False  # whoever left it on is no more, as the shell goes on
        elif kind == "X":
            self.ended = True
        elif code is not None and number is not None:
            self.paste = False  # left on by a program; a shell that wants it says so at each prompt
            self._prompt(int(code), number, marks_beginnings=kind == "D")

    def _prompt(self, code: int, shell: bytes, *, marks_beginnings: bool) -> None:
        """Take the exit code at a prompt; the first prompt of a new shell ends no command."""
        if shell in self._shells and (shell in self._busy or not marks_beginnings):
            if not marks_beginnings and not self._sent:
                self.exit_codes[-1:] = []  # such a shell may show several prompts for one line
            self.exit_codes.append(code)
        self._sent = False
        self._shells.add(shell)
        self._busy.discard(shell)
