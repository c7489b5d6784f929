"""tmux's control mode: commands go down one stream, their answers and all that a pane prints come back on it.

The protocol is described in tmux(1), "CONTROL MODE". Answers come in order, between ``%begin`` and ``%end`` or
``%error`` lines that carry the same three numbers; everything else is a notification.
"""

from __future__ import annotations

import asyncio
import re
import secrets
from collections import deque
from typing import TYPE_CHECKING, NamedTuple

from sandbox.base import SandboxError

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.base import Stream


class Answer(NamedTuple):
    """What tmux answered to one command."""

    lines: list[bytes]
    ok: bool


class _Pending(NamedTuple):
    future: asyncio.Future[Answer]
    seal: bytes
    """A secret line that a second command prints behind the answer, ``b""`` where the answer needs none."""


class Control:
    """One control-mode client, from its first byte to its last."""

    def __init__(self, stream: Stream, on_output: Callable[[bytes], None], on_end: Callable[[], None]) -> None:
        """Take over `stream`, the standard input and output of ``tmux -C``.

        `on_output` gets what the pane printed, as raw bytes; `on_end` is called when tmux ends.
        """
        self._stream = stream
        self._on_output = on_output
        self._on_end = on_end
        self._started: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._pending: deque[_Pending] = deque([_Pending(self._started, b"")])
        self._block: list[bytes] | None = None
        self._numbers = b""
        self._alive = True
        self._failure: Exception | None = None
        self._complaint = b"tmux has ended"
        self._reader = asyncio.create_task(self._read())

    @property
    def alive(self) -> bool:
        """Whether tmux is still there."""
        return self._alive

    async def started(self, within: float) -> None:
        """Wait until the session is up; `SandboxError` with tmux's own words when it does not come up."""
        answer = await self._wait(self._started, "new-session", within)
        if not answer.ok:
            raise SandboxError(f"tmux new-session: {_text(answer.lines)}")

    async def command(self, *words: str, within: float = 30.0) -> Answer:
        """Run one tmux command and return its answer.

        Args:
            words: the command and its arguments, taken literally; none may hold a newline.
            within: seconds after which tmux counts as hung.

        Raises:
            SandboxError: tmux is gone or does not answer.
        """
        if self._failure is not None:
            raise RuntimeError("the terminal's output could not be read") from self._failure
        if not self._alive:
            raise SandboxError(f"tmux {words[0]}: tmux has ended")
        future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        line = " ".join(map(_quoted, words)).encode("utf-8", "replace") + b"\n"
        # A captured screen is text that any program could have printed, "%end" lines included: only a line that no
        # program can know tells where it really ends.
        seal = secrets.token_hex(16).encode() if words[0] == "capture-pane" else b""
        if seal:
            line += b"display-message -p " + seal + b"\n"
        self._pending.append(_Pending(future, seal))
        await self._stream.write(line)
        return await self._wait(future, words[0], within)

    async def close(self) -> None:
        """Let go of the stream; tmux itself goes on."""
        self._reader.cancel()
        await asyncio.gather(self._reader, return_exceptions=True)
        self._lost()
        await self._stream.close()

    async def _wait(self, future: asyncio.Future[Answer], command: str, within: float) -> Answer:
        try:
            async with asyncio.timeout(within):
                return await asyncio.shield(future)
        except TimeoutError as error:
            raise SandboxError(f"tmux {command}: no answer within {within:g} s") from error

    async def _read(self) -> None:
        tail = b""
        try:
            while chunk := await self._stream.read():
                *lines, tail = (tail + chunk).split(b"\n")
                for line in lines:
                    self._line(line)
        except SandboxError:
            pass  # a broken stream ends the terminal as a closed one does
        except Exception as error:
            self._failure = error
            raise
        finally:
            self._lost()

    def _line(self, line: bytes) -> None:
        if self._block is not None:
            self._inside(line, self._block)
        elif line.startswith(b"%output "):
            self._on_output(unescape(line.split(b" ", 2)[2]))
        elif line.startswith(b"%begin "):
            self._block, self._numbers = [], line[len(b"%begin ") :]
        elif not line.startswith(b"%"):
            self._complaint = line

    def _inside(self, line: bytes, block: list[bytes]) -> None:
        seal = self._pending[0].seal if self._pending else b""
        if seal:
            if len(block) > 1 and block[-1] == seal and line.startswith(b"%end "):
                self._sealed(block)
            else:
                block.append(line)
        elif line in (b"%end " + self._numbers, b"%error " + self._numbers):
            self._answer(Answer(block, line.startswith(b"%end ")))
        else:
            block.append(line)

    def _sealed(self, block: list[bytes]) -> None:
        """Unpack ``answer, %end, [notifications], %begin, seal``."""
        ends = {b"%end " + self._numbers: True, b"%error " + self._numbers: False}
        last = max((index for index, line in enumerate(block) if line in ends), default=len(block) - 2)
        notifications = block[last + 1 : -2]
        self._answer(Answer(block[:last], ends.get(block[last], False)))
        for line in notifications:
            self._line(line)

    def _answer(self, answer: Answer) -> None:
        self._block = None
        if self._pending:
            future = self._pending.popleft().future
            if not future.done():
                future.set_result(answer)

    def _lost(self) -> None:
        if not self._alive:
            return
        self._alive = False
        while self._pending:
            future = self._pending.popleft().future
            if not future.done():
                future.set_result(Answer([self._complaint], ok=False))
        self._on_end()


def _quoted(word: str) -> str:
    if "\n" in word or "\0" in word:
        raise ValueError("a tmux command is one line")
    return "'" + word.replace("'", "'\\''") + "'"


def _text(lines: list[bytes]) -> str:
    return b" ".join(lines).decode("utf-8", "replace")


_COMMON_ESCAPES = ((rb"\015", b"\r"), (rb"\012", b"\n"), (rb"\033", b"\x1b"), (rb"\010", b"\b"), (rb"\011", b"\t"))


def unescape(output: bytes) -> bytes:
    r"""Undo control mode's escapes: bytes below 32 and the backslash come as ``\`` and three octal digits."""
    if b"\\" not in output:
        return output
    # The backslash itself is escaped, so these cannot be part of anything else; a flood is mostly line ends.
    for escape, byte in _COMMON_ESCAPES:
        output = output.replace(escape, byte)
    return re.sub(rb"\\([0-7]{3})", lambda match: bytes([int(match[1], 8)]), output) if b"\\" in output else output
