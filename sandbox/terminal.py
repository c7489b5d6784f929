"""One terminal in a sandbox: keystrokes go in, what they brought to the screen comes out.

A command is over when the shell says so (`sandbox.scanner`), and a program waits for input when the kernel says so
(`sandbox.foreground`), so a duration is a maximum. `sandbox.keyboard` types, `sandbox.readiness` waits and
`sandbox.screen` looks, all at one `sandbox.session`; when that ends, a second one takes its place.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from sandbox import keys
from sandbox.base import SandboxDied, SandboxError, SandboxStartError
from sandbox.bundle import tmux_bundle
from sandbox.foreground import Foreground
from sandbox.keyboard import Keyboard
from sandbox.observation import Excerpt, Observation, State, excerpt, excerpt_of_flood
from sandbox.readiness import REST, Readiness
from sandbox.session import Session

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from sandbox.base import Sandbox
    from sandbox.recording import Recording

FIRST_PROMPT = 10.0
"""Seconds to wait for a first prompt that can be told by its mark; a shell without marks is used all the same."""
SLOW_START = 1.0
"""Seconds in which a shell that prints nothing is taken to be on its way."""


class TerminalLost(SandboxError):  # noqa: N818 - named for what happened
    """The terminal ended, and so did the one that replaced it."""


class Terminal:
    """A shell in tmux; see `open_terminal`."""

    def __init__(
        self, sandbox: Sandbox, *, user: str | None, env: Mapping[str, str] | None, recording: Recording | None
    ) -> None:
        self.sandbox = sandbox
        self.user = user
        """Who the shell runs as; ``None`` is the image's own."""
        self._env = dict(env or {})
        self._recording = recording
        self._loop = asyncio.get_running_loop()
        self._replaced = False
        self._rest = Excerpt()
        """What the last observation left out."""
        self._session: Session
        self._keyboard: Keyboard
        self._readiness: Readiness

    @property
    def session(self) -> Session:
        """What it types into and looks at, for who does both another way (`sandbox.typist`)."""
        return self._session

    async def start(self) -> None:
        """Bring tmux and its shell up and wait for the first prompt."""
        try:
            session = await Session.open(self.sandbox, user=self.user, env=self._env, recording=self._recording)
        except SandboxDied:
            raise
        except SandboxError as error:
            raise SandboxStartError(f"no terminal: {error}") from error
        self._session = session
        self._readiness = Readiness(session)
        self._keyboard = Keyboard(session, self._readiness)
        try:
            await self._readiness.ready(self._loop.time() + FIRST_PROMPT, silence=SLOW_START)
        except BaseException:
            await session.close()
            raise
        if session.dead:
            screen = "\n".join((await session.look()).lines) if session.answers else ""
            await session.close()
            raise SandboxStartError(f"the shell ended at once: {screen.strip()[-300:] or 'it said nothing'}")

    async def close(self) -> None:
        """Let go of the terminal; what runs in it goes on until the sandbox ends, as a service may have to."""
        await self._session.close()

    async def type(self, keystrokes: str, duration: float) -> Observation:
        """Type, wait until the terminal is ready for more but `duration` seconds at most, and look.

        Args:
            keystrokes: a key's name (`sandbox.keys`) or text; a line end is Enter, no text only waits.
            duration: seconds; what the terminal can take is typed even when they are over before its turn.

        Raises:
            ValueError: no terminal takes such text (`sandbox.keys.unsendable`).
            TerminalLost: the terminal ended for the second time.
            SandboxError: the sandbox is gone.
        """
        if reason := keys.unsendable(keystrokes):
            raise ValueError(f"keystrokes with {reason}")
        started = self._loop.time()
        if self._recording:
            self._recording.mark(keystrokes[:60])
        if keystrokes == keys.MORE:
            self._rest = self._rest.more()
            return self._observation(self._rest, started, self._session.scanner.waiting)
        if keystrokes == keys.RESET:
            return await self._restart(started, None)
        try:
            untyped = await self._send(keystrokes, started + duration)
            observation = await self._look(started, untyped)
        except SandboxError:  # the terminal's end, or the sandbox's, which will show when there is no new terminal
            return await self._replace(started, None)
        return await self._replace(started, observation) if self._session.dead else observation

    async def look(self) -> Observation:
        """Return what is new on the screen, without waiting."""
        return await self._look(self._loop.time())

    async def resize(self, width: int, height: int) -> None:
        """Give the terminal another size, in columns and rows."""
        await self._session.resize(width, height)
        # A shell draws its prompt anew, mark included, and that must not be taken for the end of the next command.
        await self._readiness.quiet(self._loop.time() + 4 * REST, REST)

    async def _send(self, keystrokes: str, deadline: float) -> int:
        """Type and wait; return the number of bytes that could not be typed."""
        if name := keys.key(keystrokes):
            await self._keyboard.press(name, deadline)
        elif keystrokes:
            return await self._keyboard.type(keystrokes, deadline)
        else:
            await self._readiness.something(deadline)
        return 0

    async def _look(self, started: float, untyped: int = 0) -> Observation:
        scanner = self._session.scanner
        if scanner.waiting == "B" and scanner.alternate:
            await self._session.leave()
        look = await self._session.look()
        self._rest = excerpt_of_flood(look.flood, look.lines) if look.flood else excerpt(look.lines)
        seen = self._observation(self._rest, started, look.waiting, look.exit_codes, untyped)
        if look.waiting == "B" and scanner.untidy:
            await self._session.tidy()
        return seen

    def _observation(
        self, seen: Excerpt, started: float, waiting: str | None, codes: tuple[int, ...] = (), untyped: int = 0
    ) -> Observation:
        state = self._state(waiting)
        front = self._readiness.front if state not in (State.PROMPT, State.CONTINUATION) else Foreground()
        return Observation(
            text=seen.text,
            tail=seen.tail,
            omitted_lines=seen.omitted_lines,
            omitted_bytes=seen.omitted_bytes,
            lost_lines=seen.lost_lines,
            exit_codes=codes,
            state=state,
            program=front.program,
            hidden=state is State.INPUT and front.secret,
            ends_document=self._keyboard.ends_document if state is State.CONTINUATION else None,
            ignores_interrupt=self._keyboard.deaf,
            untyped_bytes=untyped,
            seconds=round(self._loop.time() - started, 3),
        )

    def _state(self, waiting: str | None) -> State:
        if waiting:  # before the screen, which a program that was killed may have left full
            return State.PROMPT if waiting == "B" else State.CONTINUATION
        if self._session.scanner.alternate:
            return State.FULL_SCREEN
        return State.INPUT if self._readiness.asked else State.RUNNING

    async def _replace(self, started: float, last: Observation | None) -> Observation:
        """Give the model one new shell in the place of one that ended."""
        if self._replaced:
            raise TerminalLost("the terminal's shell ended, and so did the one that replaced it")
        self._replaced = True
        return await self._restart(started, last)

    async def _restart(self, started: float, last: Observation | None) -> Observation:
        await self._session.kill()
        with contextlib.suppress(SandboxError):  # what the old terminal did may have cost our files
            await self.sandbox.put(tmux_bundle())
        try:
            await self.start()
            new = await self.look()
        except SandboxDied:
            raise
        except SandboxError as error:
            raise TerminalLost(f"the terminal ended, and a new one did not come up: {error}") from error
        parts = [last.text, last.tail, new.text] if last else [new.text]
        seconds = round(self._loop.time() - started, 3)
        return Observation(text="\n".join(filter(None, parts)), state=State.RESTARTED, seconds=seconds)


@contextlib.asynccontextmanager
async def open_terminal(
    sandbox: Sandbox,
    *,
    user: str | None = None,
    env: Mapping[str, str] | None = None,
    recording: Recording | None = None,
) -> AsyncIterator[Terminal]:
    """Open a terminal of 160 x 40 in a sandbox, with a login shell at its prompt.

    Raises:
        SandboxError: tmux or the shell did not come up.
    """
    terminal = Terminal(sandbox, user=user, env=env, recording=recording)
    await terminal.start()
    try:
        yield terminal
    finally:
        await terminal.close()
