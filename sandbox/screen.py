"""What is new on a pane: every line once, wrapped lines joined, and nothing of what passed by unseen forgotten.

A look reads tmux's history and the screen and empties the history in one step, so what the next look finds there came
since. Of what was on the screen before, it is told by comparing. A flood can be longer than the history: its beginning
is kept while it comes, its end is in the history, and what is between is counted as it was printed.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from sandbox.control import Control
    from sandbox.scanner import Scanner

WIDTH, HEIGHT = 160, 40

HISTORY = 20_000
"""Rows that tmux keeps: history-limit in sandbox/shell/tmux.conf."""
_NEARLY = HISTORY * 9 // 10  # tmux drops a tenth of the history at once when it is full
_HEAD = 500
"""Lines of a flood's beginning that are kept."""
_MUCH = 1500
"""Rows of output after which a flood is expected."""
_POSITION = "#{history_size} #{alternate_on}"
_EVERYTHING = ("capture-pane", "-p", "-J", "-t", "%0", "-S", "-")
_VISIBLE = ("capture-pane", "-p", "-J", "-t", "%0")
# A full-screen program hides the screen before it, whose lines may not have been looked at.
_EMPTY = ("if-shell", "-F", "-t", "%0", "#{?alternate_on,0,1}", "clear-history -t %0")


class Flood(NamedTuple):
    """What came when it was more than the history holds."""

    head: list[str]
    """Its first lines."""
    lines: int
    """All of its line ends but for its last line's."""
    bytes: int
    """All of its bytes before its last line, as they were printed."""


class Look(NamedTuple):
    """What is on a pane."""

    lines: list[str]
    """The lines that are new, the last of them when there is a `flood`; all of a screen that a program draws."""
    flood: Flood | None = None
    waiting: str | None = None
    """What `Scanner.waiting` was at the moment of the look, and which commands had ended by then."""
    exit_codes: tuple[int, ...] = ()


class Screen:
    """One pane, as one reader sees it over time."""

    def __init__(self, control: Control, scanner: Scanner) -> None:
        self._control = control
        self._scanner = scanner
        self._shown: list[str] = []
        self._seen = _Printed(0, 0, 0)
        self._now = _Printed(0, 0, 0)
        self._first: int | None = None
        """Bytes of the first line that was finished since it was looked."""
        self._waiting: str | None = None
        self._exit_codes: tuple[int, ...] = ()
        self._cleared = False
        self._head: list[str] | None = None

    async def new(self) -> Look:
        """Return what is new since the last call."""
        position, everything, visible, _ = await self._control.transaction(
            ("display-message", "-p", "-t", "%0", _POSITION), _EVERYTHING, _VISIBLE, _EMPTY, then=self._count
        )
        history, full = map(int, position[0].split())
        screen = _lines(visible)
        if full:
            return Look(screen, waiting=self._waiting, exit_codes=self._exit_codes)
        lines = _lines(everything)
        fresh = self._fresh(lines)
        unseen, size = self._unseen(self._now)
        if not self._now.unfinished and lines:  # its last line is not the empty one that the cursor is on
            unseen, size = unseen - 1, size - len(lines[-1].encode()) - 1
        head = self._head or (fresh[:_HEAD] if unseen < len(fresh) else [])
        flood = Flood(head, unseen, size) if history >= _NEARLY else None
        self._seen, self._shown, self._head, self._cleared, self._first = self._now, screen, None, False, None
        return Look(fresh, flood, self._waiting, self._exit_codes)

    async def erased(self) -> None:
        """Take note that nothing is below the cursor any more."""
        (visible,) = await self._control.transaction(_VISIBLE)
        self._shown = self._shown[: _common(self._shown, _lines(visible))]

    def overflows(self) -> bool:
        """Say, once after each look, that so much is new that `keep_head` should be called."""
        lines, size = self._unseen(self._printed())
        if self._head is not None or lines + (size + self._scanner.unfinished) // WIDTH <= _MUCH:
            return False
        self._head = []
        return True

    async def keep_head(self) -> None:
        """Keep the first lines of what is new, before the history has no more room for them."""
        position, history = await self._control.transaction(
            ("display-message", "-p", "-t", "%0", _POSITION),
            (*_EVERYTHING, "-E", "-1"),  # what is above the screen stays as it is
        )
        if int(position[0].split()[0]) < _NEARLY:  # else it may be too late
            self._head = self._fresh(_lines(history))[:_HEAD]

    def _fresh(self, lines: list[str]) -> list[str]:
        """Leave out the lines that were shown."""
        return lines[0 if self._cleared else _common(self._shown, lines) :]

    def _count(self) -> None:
        """Note how things stand at the moment of a capture."""
        self._now = self._printed()
        self._first = self._scanner.first if self._first is None else self._first
        self._scanner.first = None
        self._cleared = self._cleared or self._scanner.cleared
        self._scanner.cleared = False
        self._waiting, self._exit_codes = self._scanner.waiting, tuple(self._scanner.exit_codes)
        self._scanner.exit_codes.clear()

    def _printed(self) -> _Printed:
        return _Printed(self._scanner.lines, self._scanner.bytes, self._scanner.unfinished)

    def _unseen(self, now: _Printed) -> tuple[int, int]:
        """Count line ends and bytes since the last look, without the end of a line that had been shown whole."""
        lines, size = now.lines - self._seen.lines, now.bytes - self._seen.bytes
        whole = self._seen.unfinished
        return (lines - 1, size - whole - 1) if whole and self._first == whole else (lines, size)


class _Printed(NamedTuple):
    """What the scanner had counted at a moment."""

    lines: int
    bytes: int
    unfinished: int


def _lines(rows: list[bytes]) -> list[str]:
    """Decode captured lines, without the blanks behind them and the blank rows below them."""
    lines = [row.decode("utf-8", "replace").rstrip() for row in rows]
    while lines and not lines[-1]:
        lines.pop()
    return lines


def _common(old: list[str], new: list[str]) -> int:
    """Count the lines that both begin with."""
    pairs = enumerate(zip(old, new, strict=False))
    return next((index for index, (a, b) in pairs if a != b), min(len(old), len(new)))
