"""One terminal in a sandbox: keystrokes go in, what they brought to the screen comes out.

A command is over when the shell says so (`sandbox.scanner`), so a duration is a maximum. Lines are typed as a person
types them, each when the shell is ready for it: text sent ahead of a shell reaches the next program with raw line ends.
"""

from __future__ import annotations

import asyncio
import secrets
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

from sandbox import keys
from sandbox.base import HOME, SandboxError, SandboxStartError
from sandbox.bundle import TMUX_ENV, tmux
from sandbox.control import Answer, Control
from sandbox.observation import Observation, State, shortened
from sandbox.scanner import Scanner

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from libtmux import Pane

    from sandbox.base import Sandbox
    from sandbox.recording import Recording

WIDTH, HEIGHT = 160, 40

QUIET = 0.02
"""Seconds without output after which a screen that has no prompt to wait for counts as finished."""
AHEAD = 0.05
"""Seconds without output after which a prompt is the last of what was typed ahead of it."""
STUCK = 0.15
"""Seconds without output after which a line that brought no prompt back has started a program that may read."""
START = 30.0
"""Seconds for tmux and the shell to come up."""
FIRST_PROMPT = 10.0
"""Seconds to wait for a first prompt that can be told by its mark; a shell without marks is used all the same."""
_CHUNK = 1000
_TRIES = 10
_POSITION = "#{history_size} #{cursor_y} #{alternate_on} #{pane_dead}"
_HISTORY = 50_000  # history-limit in sandbox/shell/tmux.conf

_SHELL = f"""\
unset TMUX TMUX_PANE
if command -v bash >/dev/null; then bash --rcfile {HOME}/shell/bashrc +H; else sh -i; fi
printf '\\033]133;X;%s;%s\\007' "$?" "$TERMSTONE_MARK"
while :; do sleep 3600; done
"""
"""The pane outlives its shell: control mode drops what a dead pane printed last, and the mark with it."""


class TerminalLost(SandboxError):  # noqa: N818 - named for what happened
    """The terminal ended, and so did the one that replaced it."""


class _Screen(NamedTuple):
    lines: list[str]
    dropped: int


class Terminal:
    """A shell in tmux; see `open_terminal`."""

    def __init__(
        self, sandbox: Sandbox, *, user: str | None, env: Mapping[str, str] | None, recording: Recording | None
    ) -> None:
        self.sandbox = sandbox
        self._user = user
        self._env = dict(env or {})
        self._recording = recording
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._control: Control
        self._pane: Pane
        self._dead = False
        self._replaced = False
        self._begin()

    def _begin(self) -> None:
        """Forget what was on a screen that is no more."""
        self._mark = secrets.token_hex(4)
        self._scanner = Scanner(self._mark)
        self._last_output = self._loop.time()
        self._typed = False
        """Whether a line has been begun and not sent."""
        self._shown = 0
        """Row of the first line not yet shown whole, counted from the top of tmux's history."""
        self._lines_seen = 0
        self._commands_seen = 0

    async def start(self) -> None:
        """Bring tmux and its shell up and wait for the first prompt."""
        files = {"INPUTRC": f"{HOME}/shell/inputrc", "ENV": f"{HOME}/shell/shrc"}
        settings = {**self._env, **files, "TERMSTONE_MARK": self._mark}
        options = [word for name, value in settings.items() for word in ("-e", f"{name}={value}")]
        size = ("-x", str(WIDTH), "-y", str(HEIGHT))
        stream = await self.sandbox.stream(
            ["sh", "-c", 'exec "$@" 2>&1', "sh", *tmux(self._mark), "-C", "new-session", *size, *options, _SHELL],
            user=self._user,
            env=TMUX_ENV,
        )
        self._dead = False
        self._control = Control(stream, self._output, self._ended)
        try:
            await self._control.started(START)
            self._pane = _pane(self._control)
            await self._until_prompt(self._loop.time() + FIRST_PROMPT)
        except asyncio.CancelledError:
            await self.close()
            raise
        except SandboxError as error:
            await self.close()
            raise SandboxStartError(f"no terminal: {error}") from error
        if self._dead:
            screen = (await self.look()).text if self._control.alive else ""
            await self.close()
            raise SandboxStartError(f"the shell ended at once: {screen.strip()[-300:] or 'it said nothing'}")

    async def close(self) -> None:
        """Let go of the terminal; what runs in it goes on until the sandbox ends, as a service may have to."""
        await self._control.close()

    async def type(self, keystrokes: str, duration: float) -> Observation:
        """Type, wait until the terminal is ready for more but `duration` seconds at most, and look.

        Args:
            keystrokes: a key's name (`sandbox.keys`) or text; a line end is Enter, no text only waits.
            duration: seconds; all is typed even when they are over before the last line's turn.

        Raises:
            TerminalLost: the terminal ended for the second time.
            SandboxError: the sandbox is gone.
        """
        started = self._loop.time()
        if self._recording:
            self._recording.mark(keystrokes[:60])
        try:
            await self._send(keystrokes, started + duration)
            observation = await self._look(started)
        except SandboxError:
            if self._control.alive and not self._dead:
                raise
            observation = None
        if observation is None or self._dead:
            return await self._restart(started, observation)
        return observation

    async def look(self) -> Observation:
        """Return the screen as it is."""
        return self._observation(await asyncio.to_thread(self._whole_screen), None, self._loop.time())

    async def _send(self, keystrokes: str, deadline: float) -> None:
        if name := keys.key(keystrokes):
            await self._key(name, deadline)
        elif not keystrokes:
            await self._pause(deadline)
        else:
            await self._text(keys.lines(keystrokes), deadline)

    async def _key(self, name: str, deadline: float) -> None:
        at_prompt = self._scanner.waiting is not None
        if name in ("Enter", "C-c", "C-m", "C-j") or (name == "C-d" and not self._typed):
            self._scanner.left()
            self._typed = False
        await self._control.command("send-keys", "-t", "%0", name)
        await self._finished(deadline, at_prompt=at_prompt)

    async def _text(self, lines: list[keys.Line], deadline: float) -> None:
        """Type lines, each when the shell is back from the one before; a program in front gets the rest at once."""
        at_prompt = self._scanner.waiting is not None
        ahead = not at_prompt
        for index, line in enumerate(lines):
            last = index == len(lines) - 1
            if line.enter:
                self._scanner.left()
            self._typed = not line.enter
            await self._bytes(line.text.encode() + (b"\r" if line.enter else b""))
            if not last and not ahead:
                ahead = not await self._until_prompt(deadline, stuck=STUCK)
        await self._finished(deadline, at_prompt=at_prompt, ahead=ahead)

    async def _bytes(self, data: bytes) -> None:
        for start in range(0, len(data), _CHUNK):
            codes = [f"{byte:02x}" for byte in data[start : start + _CHUNK]]
            await self._control.command("send-keys", "-t", "%0", "-H", *codes)

    async def _finished(self, deadline: float, *, at_prompt: bool, ahead: bool = False) -> None:
        """Wait for what the last key brings."""
        if self._scanner.waiting is not None and at_prompt:
            await self._quiet(deadline)  # a line in the making: only its echo is to come
        else:
            # What was typed ahead comes after the prompt of what ran before it.
            while await self._until_prompt(deadline) and ahead and not await self._quiet(deadline, AHEAD):
                pass

    async def _pause(self, deadline: float) -> None:
        """Only wait: for the running command to end, or all the time when there is none."""
        if self._scanner.waiting is None:
            await self._until_prompt(deadline)
        else:
            while not self._dead and await self._next_output(deadline):
                pass

    async def _until_prompt(self, deadline: float, stuck: float | None = None) -> bool:
        """Wait for a prompt; ``False`` at the deadline, at the shell's end, or after `stuck` seconds of silence."""
        since = self._loop.time()
        while self._scanner.waiting is None and not self._dead:
            # A full-screen program shows no prompt, but it comes to rest.
            rest = STUCK if self._scanner.alternate else stuck
            still = max(self._last_output, since) + rest if rest is not None else deadline
            if not await self._next_output(min(deadline, still)) and self._loop.time() >= min(deadline, still):
                return False
        return not self._dead

    async def _quiet(self, deadline: float, quiet: float = QUIET) -> bool:
        """Wait until nothing was printed for `quiet` seconds; ``False`` when that took the prompt away."""
        since = self._loop.time()
        while (until := min(deadline, max(self._last_output, since) + quiet)) > self._loop.time() and not self._dead:
            await self._next_output(until)
        return self._scanner.waiting is not None or self._loop.time() >= deadline

    async def _next_output(self, until: float) -> bool:
        """Wait for output, or the end; ``False`` when neither came before the loop's time `until`."""
        self._news.clear()
        try:
            async with asyncio.timeout_at(until):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    def _output(self, data: bytes) -> None:
        self._last_output = self._loop.time()
        self._scanner.feed(data)
        if self._recording:
            self._recording.output(data)
        self._dead = self._dead or self._scanner.ended
        self._news.set()

    def _ended(self) -> None:
        self._dead = True
        self._news.set()

    async def _look(self, started: float) -> Observation:
        return self._observation(await asyncio.to_thread(self._new_lines), self._code(), started)

    def _new_lines(self) -> _Screen:
        """Read what is new on the screen; runs in a thread, as libtmux blocks."""
        for _ in range(_TRIES):
            printed, position = self._scanner.lines, self._numbers(_POSITION)
            history, cursor, full, dead = position
            first, dropped = self._first_new(history, cursor, printed - self._lines_seen)
            lines = self._rows(0, HEIGHT - 1) if full else self._rows(first, cursor)
            if self._numbers(_POSITION) == position:  # else lines came between the numbers and the text
                break
        self._dead = self._dead or bool(dead)
        if full:
            return _Screen(lines, 0)
        self._scanner.redrawn = False
        self._shown, self._lines_seen = history + cursor, printed
        if history > _HISTORY // 2 and self._scanner.waiting:  # while nothing can come in between
            self._pane.cmd("clear-history")
            self._shown = cursor
        return _Screen(lines, dropped)

    def _first_new(self, history: int, cursor: int, printed: int) -> tuple[int, int]:
        """Return the first row to show, counted from the top of the screen, and how many lines before it are gone."""
        if self._shown + printed >= _HISTORY:  # tmux has dropped its oldest lines without a word
            first, dropped = max(-history, cursor - printed), max(0, printed - history - cursor)
        else:
            first, dropped = self._shown - history, 0
        # Rows that were shown may have changed when the screen was cleared or written to out of order.
        return (min(first, 0) if self._scanner.redrawn else first), dropped

    def _whole_screen(self) -> _Screen:
        history, cursor = self._numbers("#{history_size} #{cursor_y}")
        self._shown = history + cursor
        return _Screen(self._rows(0, cursor), 0)

    def _numbers(self, formats: str) -> list[int]:
        numbers = [int(number) for number in (self._pane.display_message(formats, get_text=True) or [""])[0].split()]
        if not numbers:
            self._dead = True
            raise SandboxError("the terminal's pane is gone")
        return numbers

    def _rows(self, first: int, last: int) -> list[str]:
        return [line.rstrip() for line in self._pane.capture_pane(first, last, join_wrapped=True) or []]

    def _code(self) -> int | None:
        """Return the exit code of a command that ended since the last look."""
        ended, self._commands_seen = self._scanner.commands > self._commands_seen, self._scanner.commands
        return self._scanner.exit_code if ended and self._scanner.waiting == "B" else None

    def _observation(self, screen: _Screen, exit_code: int | None, started: float) -> Observation:
        text, tail, omitted_lines, omitted_bytes = shortened(screen.lines, tail_only=screen.dropped > 0)
        return Observation(
            text=text,
            tail=tail,
            omitted_lines=omitted_lines + screen.dropped,
            omitted_bytes=omitted_bytes,
            exit_code=exit_code,
            state=self._state(),
            seconds=round(self._loop.time() - started, 3),
        )

    def _state(self) -> State:
        if self._scanner.waiting:  # before the screen, which a program that was killed may have left full
            return State.PROMPT if self._scanner.waiting == "B" else State.CONTINUATION
        return State.FULL_SCREEN if self._scanner.alternate else State.RUNNING

    async def _restart(self, started: float, last: Observation | None) -> Observation:
        """Give the model one new shell in the place of one that ended."""
        if self._replaced:
            raise TerminalLost("the terminal's shell ended, and so did the one that replaced it")
        self._replaced = True
        if self._control.alive:
            await self._control.command("kill-server")
        await self.close()
        self._begin()
        try:
            await self.start()
        except SandboxError as error:
            raise TerminalLost(f"the terminal ended, and a new one did not come up: {error}") from error
        new = await self.look()
        text = "\n".join(part for part in ((last.text + last.tail) if last else "", new.text) if part)
        seconds = round(self._loop.time() - started, 3)
        return Observation(text=text, state=State.RESTARTED, seconds=seconds)


@asynccontextmanager
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


def _pane(control: Control) -> Pane:
    """Return libtmux's view of the one pane, with its commands going over the control stream."""
    import libtmux  # noqa: PLC0415 - a tenth of a second that only runs with a terminal pay
    from libtmux.common import tmux_cmd  # noqa: PLC0415 - as above

    loop = asyncio.get_running_loop()

    class ControlServer(libtmux.Server):
        def cmd(self, cmd: str, *args: object, target: str | int | None = None) -> tmux_cmd:
            words = [cmd, *(("-t", str(target)) if target is not None else ()), *map(str, args)]
            answer = asyncio.run_coroutine_threadsafe(control.command(*words), loop).result()
            return _as_result(answer, words)

    def _as_result(answer: Answer, words: list[str]) -> tmux_cmd:
        if not answer.ok:
            raise SandboxError(f"tmux {words[0]}: {b' '.join(answer.lines).decode('utf-8', 'replace')}")
        result = tmux_cmd.__new__(tmux_cmd)  # its constructor would start a tmux process
        result.cmd, result.returncode, result.stderr = words, 0, []
        result.stdout = [line.decode("utf-8", "replace") for line in answer.lines]
        return result

    return libtmux.Pane(server=ControlServer(), pane_id="%0")
