"""When a terminal is ready for more: the shell has a prompt, or the program in front waits for input.

A prompt is told by its mark, at once. Without one the kernel is asked what the program in front does, but only after a
silence, and the more seldom the longer that lasts. Where the kernel does not say either, silence itself must do.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from sandbox.foreground import Activity, Foreground

if TYPE_CHECKING:
    from sandbox.session import Session

QUIET = 0.02
"""Seconds without output after which it is worth asking what the program in front does."""
CONFIRM = 0.015
"""Seconds after which that is asked again, to be believed."""
REST = 0.15
"""Seconds without output after which a full screen has been drawn, and a shell that cannot be asked has read a line."""
LIKELY = 0.5
"""Seconds without output after which a program that may wait for input is taken to do so."""
UNTOLD = 3.0
"""The same for a program of which nothing is known, if it has left the cursor behind something it printed."""
_COST = 10  # looks at the foreground are so many times their own length apart,
_LONGEST_COST = 0.1  # but the first look, which starts the helper, does not count for more than these seconds
_LONGEST_PAUSE = 1.0


class Readiness:
    """Waits for one session."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._scanner = session.scanner
        self._now = asyncio.get_running_loop().time
        self.front = Foreground()
        """What was in front when it was asked last; nothing is known once something has happened since."""

    @property
    def asked(self) -> bool:
        """Whether a program was seen to wait for input."""
        return self.front.activity in (Activity.WAITS, Activity.MAY_WAIT)

    async def ready(self, deadline: float, *, reading: bool = False, silence: float = QUIET) -> bool:
        """Wait until the terminal is ready for more.

        Args:
            deadline: in the event loop's time, when to give up.
            reading: whether more is to be typed, so that a program of which nothing is known counts as ready when it
                has come to rest.
            silence: seconds without output after which the kernel is asked.

        Returns:
            ``False`` at the deadline and at the terminal's end.
        """
        session, begun = self._session, self._now()
        pause, waited = silence, False
        self.front = Foreground()
        while self._scanner.waiting is None and not session.dead:
            since = max(session.last_output, begun)
            if await session.next_output(min(deadline, since + pause)):
                pause, waited = silence, False
                continue
            if (asked := self._now()) >= deadline:
                return False
            front = await session.watch.look()
            if session.last_output > since:
                continue
            self.front, still = front, self._now() - since
            if (waited and front.activity is Activity.WAITS) or await self._rests(front, still, reading=reading):
                return True
            waited = front.activity is Activity.WAITS
            apart = max(min(_COST * (self._now() - asked), _LONGEST_COST), still / 2)
            pause = still + (CONFIRM if waited else min(apart, _LONGEST_PAUSE))
        return not session.dead

    async def caught_up(self, deadline: float) -> None:
        """Wait as `ready` does when lines were typed ahead: the first prompt may not be the last."""
        pause = CONFIRM
        while await self.ready(deadline) and self._scanner.waiting is not None:
            activity = (await self._session.watch.look()).activity
            if activity in (Activity.WAITS, Activity.MAY_WAIT):  # a shell that waits has read all there was
                return
            if activity is Activity.UNKNOWN and await self.quiet(deadline, REST):
                return
            if self._now() >= deadline:
                self._scanner.waiting = None
                return
            await self._session.next_output(min(deadline, self._now() + pause))
            pause = min(2 * pause, _LONGEST_PAUSE)

    async def something(self, deadline: float) -> None:
        """Wait for a program to end or to ask, for one that has asked to do something, or all the time at a prompt."""
        session = self._session
        while self._scanner.waiting is not None and not session.dead:
            if not await session.next_output(deadline):
                return
        if (self.asked or self._scanner.alternate) and not await session.next_output(deadline):
            return  # it still waits
        await self.ready(deadline)

    async def quiet(self, deadline: float, quiet: float = QUIET) -> bool:
        """Wait until nothing was printed for `quiet` seconds; ``False`` when that took the prompt away."""
        session, since = self._session, self._now()
        while (until := min(deadline, max(session.last_output, since) + quiet)) > self._now() and not session.dead:
            await session.next_output(until)
        return self._scanner.waiting is not None or self._now() >= deadline

    async def _rests(self, front: Foreground, still: float, *, reading: bool) -> bool:
        """Say whether a program that has been still for so many seconds is taken to wait for input."""
        if self._scanner.alternate and still >= REST:
            return True
        if front.activity is Activity.MAY_WAIT:
            return still >= LIKELY
        if front.activity is not Activity.UNKNOWN:
            return False
        return still >= REST if reading else still >= UNTOLD and await self._session.column() > 0
