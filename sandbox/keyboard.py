"""Typing: each line when the shell or the program in front can read it, and every byte as it was given.

Text sent ahead of a shell reaches the next program with raw line ends, and text sent to a program that does not read
fills its terminal until C-c cannot pass. So a line waits for the prompt before it, and what has not been read yet is
never more than a terminal holds.
"""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING

from sandbox import keys
from sandbox.foreground import Activity, Foreground
from sandbox.observation import open_document
from sandbox.readiness import CONFIRM

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sandbox.readiness import Readiness
    from sandbox.session import Session

_DEAF = 0.3  # seconds after C-c in which a program that heeds it has ended or printed something
_PATIENT = 20  # lines up to which each waits for its reader; of longer text only what is too much to hold does
_BLOCK = 2000  # bytes
_AHEAD = 3000  # bytes; a terminal holds 4095 for a program that does not read
_UNREAD = 2.0  # seconds to wait for a program that does not read what it was sent
_PEEK, _PEEKS = 0.003, 5  # seconds between quick looks at whether it has, and how many before a thorough one
_LONG_LINE = 4000  # bytes of one line that a terminal in its ordinary mode takes
_KILL_LINE = b"\x15"
_ONE_READ = 1000  # bytes that every shell reads as one line, with one prompt
_END_OF_FILE = b"\x04"  # hands on what stands in an unfinished line
_ESCAPE = b"\x1b"
_ALONE = 0.12  # seconds in which what follows Escape is taken for the rest of a key: 0.05 by busybox, 0.1 by vim
_AFTER_ESCAPE = re.compile(rb"(?<=\x1b)(?![\[O])")  # where text is no key's sequence (ECMA-48, 5.4; SS3)


class Keyboard:
    """Types into one session."""

    def __init__(self, session: Session, readiness: Readiness) -> None:
        self._session = session
        self._scanner = session.scanner
        self._readiness = readiness
        self._now = asyncio.get_running_loop().time
        self._unsent = False
        """Whether something stands at the prompt that was not sent."""
        self._command: list[str] = []
        """The lines typed since the shell's last full prompt."""
        self._unread = 0
        """Bytes typed that nobody is known to have read."""
        self._reader = Foreground()
        """What was in front when it had to read a long text."""
        self.deaf = False
        """Whether C-c was the last key, and in vain."""

    @property
    def ends_document(self) -> str | None:
        """The line that would end the here-document in the making."""
        return open_document(self._command)

    async def press(self, key: str, deadline: float) -> None:
        """Press a key by its tmux name and wait for what it brings."""
        await self._unanswer()
        at_prompt = self._scanner.waiting is not None
        sends = key in ("Enter", "C-c", "C-m", "C-j") or (key == "C-d" and not self._unsent)
        if sends:
            self._scanner.sent()
            self._unsent = False
        self.deaf = False
        interrupts = self._scanner.interrupts
        await self._session.press(key)
        if key == "Escape":
            await asyncio.sleep(_ALONE)
        if at_prompt and not sends:
            await self._readiness.quiet(deadline)  # a line in the making: only its echo is to come
        elif key == "C-c" and not at_prompt:
            await self._interrupted(deadline, interrupts)
        else:
            await self._readiness.ready(deadline)

    async def type(self, text: str, deadline: float) -> int:
        """Type text and wait for what it brings; return the number of bytes for which there was no room."""
        lines = keys.lines(text)
        enter, patient, ahead = lines[-1].enter, len(lines) <= _PATIENT, False
        self.deaf = False
        while lines:
            if self._scanner.waiting is not None:
                ahead = ahead or _size(lines[:1]) > _ONE_READ
                left = await self._to_shell(lines.pop(0), deadline)
            else:
                ahead = True
                block = _block(lines, whole=self._scanner.paste and _indented(lines), one=patient)
                del lines[: len(block)]
                left = await self._to_program(block, deadline)
            if left:
                return left + _size(lines)
            if lines and (patient or not ahead) and await self._readiness.ready(deadline, reading=True):
                self._unread = 0
        if not enter and not ahead:
            await self._readiness.quiet(deadline)
        elif ahead:
            await self._readiness.caught_up(deadline)
        else:
            await self._readiness.ready(deadline)
        return 0

    async def _unanswer(self) -> None:
        """Take away what the terminal answered to a program that did not read it, and that stands at the prompt now."""
        if self._scanner.waiting is not None and self._scanner.queried and not self._unsent:
            await self._session.send(_KILL_LINE)
            self._scanner.queried = False

    async def _to_shell(self, line: keys.Line, deadline: float) -> int:
        """Type a line at a prompt; return the number of bytes for which there was no room."""
        await self._unanswer()
        if self._scanner.waiting == "B":
            self._command.clear()
        self._command.append(line.text)
        self._unsent = not line.enter
        if _size([line]) > _LONG_LINE:  # not every shell edits its lines, so this may be too much for the terminal
            return await self._to_program([line], deadline)
        data = line.text.encode()
        if b"\t" in data and self._scanner.paste:  # as a key, Tab would complete
            data = _pasted(data)
        if line.enter:
            self._scanner.sent()
        await self._session.send(data + b"\r" * line.enter)
        return 0

    async def _to_program(self, block: list[keys.Line], deadline: float) -> int:
        """Type lines for whatever has the terminal; return the number of bytes for which there was no room."""
        for line in block:
            if line.enter:
                self._scanner.sent()
        if self._scanner.paste and _indented(block):  # what completes on Tab and indents by itself
            data = b"\r".join(line.text.encode() for line in block)
            await self._session.send(_pasted(data) + b"\r" * block[-1].enter)
            return 0
        long = any(_size([line]) > _LONG_LINE for line in block)
        canonical = long and (await self._session.watch.look()).canonical
        pieces = _joined(piece for line in block for piece in _pieces(line, canonical=canonical))
        for index, piece in enumerate(pieces):
            if not await self._room(len(piece), deadline):
                return sum(map(len, pieces[index:]))
            self._unread += len(piece)
            await self._session.send(piece)
            if piece.endswith(_ESCAPE):
                await asyncio.sleep(_ALONE)
        return 0

    async def _room(self, size: int, deadline: float) -> bool:
        """Wait until what was typed before has been read, if this is more than fits beside it."""
        until = max(deadline, self._now() + _UNREAD)
        while self._unread and self._unread + size > _AHEAD:
            if await self._is_read():
                self._unread = 0
            elif self._now() >= until or self._session.dead:
                return False
            else:
                await self._session.next_output(self._now() + CONFIRM)
        return True

    async def _is_read(self) -> bool:
        """Whether nobody is known to be behind with reading."""
        watch = self._session.watch
        for _ in range(_PEEKS if self._reader.activity is Activity.WAITS else 0):
            if await watch.still_waits(self._reader):
                return True
            await self._session.next_output(self._now() + _PEEK)
        self._reader = await watch.look()
        return self._reader.activity is not Activity.WORKS or self._scanner.waiting is not None

    async def _interrupted(self, deadline: float, interrupts: int) -> None:
        """Wait for what C-c brings; where its echo shows that it waits behind other input, send the signal itself."""
        self._unread = 0  # or thrown away, as the terminal does with the interrupt
        if await self._readiness.ready(min(deadline, self._now() + _DEAF)):
            return
        front = await self._session.watch.look()
        if front.signals and front.echo and self._scanner.interrupts == interrupts:
            await self._session.watch.interrupt()
        if not await self._readiness.ready(deadline):
            self.deaf = front.group == self._readiness.front.group != ""


def _size(lines: list[keys.Line]) -> int:
    return sum(len(line.text.encode()) + line.enter for line in lines)


def _indented(lines: list[keys.Line]) -> bool:
    return any(line.text.startswith(" ") or "\t" in line.text for line in lines)


def _block(lines: list[keys.Line], *, whole: bool, one: bool) -> list[keys.Line]:
    """Take the lines that are typed without a look: one, all of what is pasted, or some of a long text."""
    if whole:
        return list(lines)
    count, size = 1, _size(lines[:1])
    while not one and count < len(lines) and (size := size + _size(lines[count : count + 1])) < _BLOCK:
        count += 1
    return lines[:count]


def _pieces(line: keys.Line, *, canonical: bool) -> list[bytes]:
    """Cut a line into what is typed at once.

    A terminal in its ordinary mode drops what is too much for one line (termios(3), MAX_CANON), unless the line is
    handed on unfinished.
    """
    data, size = line.text.encode(), _LONG_LINE if canonical else _BLOCK
    pieces = [data[start : start + size] for start in range(0, len(data), size)] or [b""]
    between = _END_OF_FILE if canonical else b""
    pieces = [piece + between for piece in pieces[:-1]] + [pieces[-1] + b"\r" * line.enter]
    return [part for piece in pieces for part in _AFTER_ESCAPE.split(piece)]


def _joined(pieces: Iterable[bytes]) -> list[bytes]:
    """Put together what can be typed at once."""
    joined = [b""]
    for piece in pieces:
        if joined[-1].endswith(_ESCAPE) or (joined[-1] and len(joined[-1]) + len(piece) > _BLOCK):
            joined.append(b"")
        joined[-1] += piece
    return joined


def _pasted(data: bytes) -> bytes:
    return b"\x1b[200~" + data.replace(b"\x1b[201~", b"") + b"\x1b[201~"
