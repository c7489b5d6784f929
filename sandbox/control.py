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
    from collections.abc import Callable, Sequence

    from sandbox.base import Stream


ANSWER = 10.0
"""Seconds after which a tmux that does not answer counts as hung."""


class Answer(NamedTuple):
    """What tmux answered to one command."""

    lines: list[bytes]
    ok: bool


class _Pending(NamedTuple):
    future: asyncio.Future[Answer]
    seal: bytes = b""
    """A secret line that stands behind all the answers to a transaction; empty for a single command."""
    then: Callable[[], None] | None = None


class Control:
    """One control-mode client, from its first byte to its last."""

    def __init__(self, stream: Stream, on_output: Callable[[bytes], None], on_end: Callable[[], None]) -> None:
        """Take over `stream`, the standard input and output of ``tmux -C``.

        `on_output` gets what the pane printed, as raw bytes; `on_end` is called when tmux ends.
        """
        self._stream = stream
        self._on_output = on_output
        self._on_end = on_end
        self._started = _future()
        self._pending: deque[_Pending] = deque([_Pending(self._started)])
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

    async def command(self, *words: str, within: float = ANSWER) -> Answer:
        """Run one tmux command and return its answer.

        Args:
            words: the command and its arguments, taken literally; none may hold a NUL character.
            within: seconds after which tmux counts as hung.

        Raises:
            SandboxError: tmux is gone or does not answer.
        """
        return await self._ask(_line(words), words[0], within, _Pending(_future()))

    async def transaction(
        self, *commands: Sequence[str], then: Callable[[], None] | None = None, within: float = ANSWER
    ) -> list[list[bytes]]:
        """Run tmux commands in one step, with nothing read from the pane in between, and return what each printed.

        `then` is called as the answer arrives: after all output that came before it, and before any that comes after.
        What a command prints may be text that any program could have printed, "%end" lines included: only a secret
        line tells where it really ends. `SandboxError` when one of the commands fails, or as `command`.
        """
        seal = secrets.token_hex(16).encode()
        sealed = b" ; display-message -p " + seal
        end = seal[::-1]
        # The end is a line of its own, as the rest of a line is dropped when one of its commands fails.
        line = b" ; ".join(_line(words) + sealed for words in commands) + b"\ndisplay-message -p " + end
        answer = await self._ask(line, commands[0][0], within, _Pending(_future(), end, then))
        parts = _parts(answer.lines, seal)
        if not answer.ok or len(parts) < len(commands):
            failed = commands[min(len(parts), len(commands) - 1)][0]
            raise SandboxError(f"tmux {failed}: {_text(answer.lines[-3:])}")
        return parts

    async def _ask(self, line: bytes, name: str, within: float, pending: _Pending) -> Answer:
        if self._failure is not None:
            raise RuntimeError("the terminal's output could not be read") from self._failure
        if not self._alive:
            raise SandboxError(f"tmux {name}: tmux has ended")
        self._pending.append(pending)
        await self._stream.write(line + b"\n")
        return await self._wait(pending.future, name, within)

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
            if block and block[-1] == seal and line.startswith(b"%end "):
                self._sealed(block)
            else:
                block.append(line)
        elif line in (b"%end " + self._numbers, b"%error " + self._numbers):
            self._answer(Answer(block, line.startswith(b"%end ")))
        else:
            block.append(line)

    def _sealed(self, block: list[bytes]) -> None:
        """Unpack ``answers, %end, [notifications], %begin, seal``."""
        guards = (b"%end ", b"%error ")
        last = max((index for index, line in enumerate(block) if line.startswith(guards)), default=0)
        self._answer(Answer(block[:last], block[last].startswith(b"%end ")))
        for line in block[last + 1 : -2]:
            self._line(line)

    def _answer(self, answer: Answer) -> None:
        self._block = None
        if self._pending:
            pending = self._pending.popleft()
            if pending.then:
                pending.then()
            if not pending.future.done():
                pending.future.set_result(answer)

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
    """Write a word so that it is one, on one line: tmux(1), "COMMAND PARSING AND EXECUTION"."""
    if "\0" in word:
        raise ValueError("no tmux command holds a NUL character")
    literal = word.replace("'", "'\\''")
    return "'" + re.sub(r"[\x01-\x1f\x7f]+", _escaped, literal) + "'"


def _escaped(controls: re.Match[str]) -> str:
    return "'\"" + "".join(f"\\{ord(character):03o}" for character in controls[0]) + "\"'"


def _future() -> asyncio.Future[Answer]:
    return asyncio.get_running_loop().create_future()


def _line(words: Sequence[str]) -> bytes:
    return " ".join(map(_quoted, words)).encode("utf-8", "surrogateescape")


def _parts(lines: list[bytes], seal: bytes) -> list[list[bytes]]:
    """Cut the answers to a transaction at its seals: ``text, %end, %begin, seal, %end, %begin, text, ...``."""
    seals = [index for index, line in enumerate(lines) if line == seal]
    starts = [0, *(index + 3 for index in seals)]
    return [lines[start : index - 2] for start, index in zip(starts, seals, strict=False)]


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
