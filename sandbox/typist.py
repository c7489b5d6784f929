"""Typing without looking, as Terminus 2 does: keystrokes go in at once, their time passes in full, the pane is read.

Unlike `sandbox.terminal` it waits for nobody, so nothing is known of a command but what stands on the pane.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sandbox import keys
from sandbox.keyboard import Keyboard
from sandbox.readiness import Readiness

if TYPE_CHECKING:
    from sandbox.session import Session

_HELD = 4000
"""Bytes that a terminal holds for a program that does not read, less a few."""


class Typist:
    """Types into one session, and must be the only one to look at it."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._keyboard = Keyboard(session, Readiness(session))
        self._now = asyncio.get_running_loop().time

    @property
    def ended(self) -> bool:
        """Whether the terminal's shell has ended."""
        return self._session.dead

    async def type(self, keystrokes: str, seconds: float) -> None:
        """Press a key (`sandbox.keys`) or type text, and let `seconds` pass.

        Raises:
            SandboxError: the terminal is gone.
        """
        over = self._now() + seconds
        if name := keys.key(keystrokes):
            await self._session.press(name)
        elif len(keystrokes.encode()) > _HELD:  # at once, some of it would be lost
            await self._keyboard.type(keystrokes, over)
        elif keystrokes:
            await self._send(keystrokes)
        await asyncio.sleep(over - self._now())

    async def pane(self, *, history: bool) -> str:
        """Return what is on the screen, with all that has left it when `history`, one line per row."""
        return "".join(f"{row}\n" for row in await self._session.rows(history=history))

    async def _send(self, text: str) -> None:
        scanner = self._session.scanner
        if "\n" in text:
            scanner.sent()
        # The shell reads a line feed as Enter, and what it leaves to the command's own input needs no translation;
        # but in a full-screen program Enter is a carriage return, and a line feed another key.
        await self._session.send(text.replace("\n", "\r" if scanner.alternate else "\n").encode())
