"""Who has the terminal, and does it wait for input? Asked of the kernel, through a helper inside the sandbox.

A process that sleeps in a read of its terminal waits for input. One that sleeps in `select` or `poll` does so if it has
also taken the terminal out of its ordinary mode (termios(3): no canonical mode, or no echo), as line editors and
full-screen programs do; in the ordinary mode it is a server or a client that waits for something else. The helper,
`sandbox/shell/foreground`, reads /proc (proc(5)); where /proc tells too little, nothing is claimed.
"""

from __future__ import annotations

import asyncio
from enum import StrEnum
from re import sub
from typing import TYPE_CHECKING, NamedTuple

from sandbox.base import HOME, SandboxError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from sandbox.base import Sandbox, Stream

_ANSWER = 2.0
"""Seconds for the helper to answer."""
_READ = {"0", "63"}  # the system call's number on x86-64, on arm64
_SELECT = {"23", "270", "72"}
_POLL = {"7", "271", "73"}
_EPOLL = {"232", "281", "22", "441"}
_STANDARD = 3
"""The files that a program is given: a `select` of no others is for the terminal."""
_ISIG, _ICANON, _ECHO, _ECHONL = 0o1, 0o2, 0o10, 0o100  # bits of termios's c_lflag, as Linux has them on both machines
_SHOWN = _ECHO | _ECHONL  # the second without the first is how `sandbox/shell/shrc` keeps busybox from editing lines


class Activity(StrEnum):
    """What the program in front does."""

    WORKS = "works"
    WAITS = "waits"
    """It sleeps until the terminal has input for it."""
    MAY_WAIT = "may-wait"
    """It sleeps until one of several things happens, and input is likely to be one of them."""
    UNKNOWN = "unknown"


class Foreground(NamedTuple):
    """The program in front at one moment."""

    activity: Activity = Activity.UNKNOWN
    program: str | None = None
    """The name of the process, at most 15 characters."""
    group: str = ""
    """Its process group."""
    thread: str = ""
    """The thread that says so, as ``<process>/task/<thread>``."""
    call: str = ""
    """The system call that it sleeps in, and the call's first argument."""
    canonical: bool = False
    """Whether the terminal hands on whole lines."""
    echo: bool = True
    secret: bool = False
    """Whether it reads lines that the terminal does not show, as one that asks for a password."""
    signals: bool = True
    """Whether C-c is a signal."""


class ForegroundWatch:
    """Asks about one terminal; its helper is started when it is first needed."""

    def __init__(self, sandbox: Sandbox, place: Callable[[], Awaitable[tuple[str, str]]], *, user: str | None) -> None:
        """Take what tells the terminal's device and its first process, and the user that runs it."""
        self._sandbox = sandbox
        self._place = place
        self._user = user
        self._stream: Stream | None = None
        self._turn = asyncio.Lock()

    async def look(self) -> Foreground:
        """Return what is in front now; `Activity.UNKNOWN` where that cannot be told."""
        return foreground(await self._ask("look"))

    async def still_waits(self, front: Foreground) -> bool:
        """Whether what was seen to wait sleeps in the same call again; much quicker than a look."""
        return (await self._ask(f"peek {front.thread}")).split("\n")[1:2] == [front.call]

    async def interrupt(self) -> None:
        """Send SIGINT to what is in front, past whatever was typed before."""
        await self._ask("interrupt")

    async def kill(self) -> None:
        """End what is in front and the terminal's first process, whatever they are doing."""
        await self._ask("kill")

    async def leave(self) -> None:
        """Leave the screen of a full-screen program."""
        await self._ask("leave")

    async def tidy(self) -> None:
        """Take back what spoils the screen for the next program, and erase it below the cursor."""
        await self._ask("tidy")

    async def close(self) -> None:
        """End the helper."""
        stream, self._stream = self._stream, None
        if stream is not None:
            await stream.close()

    async def _ask(self, request: str) -> str:
        async with self._turn:
            try:
                async with asyncio.timeout(_ANSWER):
                    if self._stream is None:
                        arguments = ["/bin/sh", f"{HOME}/shell/foreground", *await self._place(), HOME]
                        self._stream = await self._sandbox.stream(arguments, user=self._user)
                    return await _answer(self._stream, request)
            except (SandboxError, TimeoutError):
                await self.close()  # a helper that was killed is started again for the next question
                return ""
            except asyncio.CancelledError:
                await self.close()  # or its answer would be taken for that to the next question
                raise


async def _answer(stream: Stream, request: str) -> str:
    await stream.write(f"{request}\n".encode())
    answer = b"\n"
    while not answer.endswith(b"\n.\n"):
        chunk = await stream.read()
        if not chunk:
            raise SandboxError("the helper has ended")
        answer += chunk
    return answer.decode("utf-8", "replace")


class _Thread(NamedTuple):
    """One line of the helper's answer, after its first word."""

    state: str
    reads: str
    """Whether its system call, if it reads or polls, is for the terminal alone: ``1`` or ``0``."""
    input: str
    """Whether its standard input is the terminal."""
    call: str
    """The number of the system call it sleeps in, ``-`` where that may not be known."""
    first: str
    second: str
    thread: str
    name: str

    def activity(self, *, ordinary: bool) -> Activity | None:
        """Say what the thread does to the terminal; ``None`` is nothing. `ordinary` is the terminal's mode."""
        if self.state in ("R", "D") or self.call == "running":
            return Activity.WORKS
        if self.call in _READ | _POLL and self.reads == "1":
            return Activity.WAITS
        if self.call == "-":
            return Activity.UNKNOWN if ordinary else Activity.MAY_WAIT
        if ordinary or self.input == "0":
            return None
        alone = (self.call in _SELECT and int(self.first, 16) <= _STANDARD) or (
            self.call in _POLL and int(self.second, 16) == 1
        )
        several = self.call in _SELECT | _POLL | _EPOLL
        return Activity.WAITS if alone else Activity.MAY_WAIT if several else None


def foreground(answer: str) -> Foreground:
    """Read the helper's answer: a line on the group and its terminal, then one for each thread of its processes."""
    group, flags, threads = "", None, []
    for line in answer.splitlines():
        kind, *fields = line.split(" ", len(_Thread._fields))
        if kind == "group" and len(fields) > 1:
            group, flags = fields[0], _local_flags(fields[1])
        elif kind == "task" and len(fields) == len(_Thread._fields):
            threads.append(_Thread(*fields))
    if flags is None or not threads:
        return Foreground(group=group)
    activities = [thread.activity(ordinary=bool(flags & _ICANON and flags & _SHOWN)) for thread in threads]
    # One that works outweighs one that waits, and one that does neither says nothing.
    activity = next((kind for kind in Activity if kind in activities), Activity.WORKS)
    named = threads[activities.index(activity)] if activity in activities else threads[0]
    return Foreground(
        activity=activity,
        program=sub(r"[^ -~]", "?", named.name),
        group=group,
        thread=named.thread,
        call=f"{named.call} {named.first}",
        canonical=bool(flags & _ICANON),
        echo=bool(flags & _ECHO),
        secret=bool(flags & _ICANON) and not flags & _SHOWN,
        signals=bool(flags & _ISIG),
    )


def _local_flags(settings: str) -> int | None:
    """Return c_lflag out of what ``stty -g`` prints: hexadecimal numbers, of which it is the fourth."""
    numbers = settings.split(":")
    try:
        return int(numbers[3], 16)
    except (IndexError, ValueError):
        return None
