"""One tmux session in a sandbox, with one shell: bytes go in, and what it prints is followed as it comes."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import TYPE_CHECKING, Self

from sandbox.base import HOME, SandboxError
from sandbox.bundle import TMUX_ENV, tmux
from sandbox.control import Answer, Control
from sandbox.foreground import ForegroundWatch
from sandbox.scanner import Scanner
from sandbox.screen import HEIGHT, WIDTH, Look, Screen

if TYPE_CHECKING:
    from collections.abc import Awaitable, Mapping

    from libtmux import Pane

    from sandbox.base import Sandbox, Stream
    from sandbox.recording import Recording

START = 30.0
"""Seconds for tmux and the shell to come up."""
_CHUNK = 4000  # bytes
_TIDY = 0.15  # seconds for a few bytes to come through the terminal
# What an image preloads is made for its own libraries, not for the bundle's; `sandbox/shell/start` puts it back.
_TMUX = 'export TERMSTONE_PRELOAD="$LD_PRELOAD" LD_PRELOAD=; exec "$@" 2>&1'
_SHELL_FILES = {
    "INPUTRC": f"{HOME}/shell/inputrc",
    "ENV": f"{HOME}/shell/shrc",
    "ZDOTDIR": f"{HOME}/shell/zsh",
    "XDG_DATA_DIRS": f"{HOME}/shell/share:/usr/local/share:/usr/share",
}
"""Where sh, zsh and fish find their marks, as the sandbox's own files stay as they are."""


class Session:
    """Alive from `open` until its shell or tmux ends; see `sandbox.terminal` for what makes a terminal of it."""

    def __init__(
        self, stream: Stream, mark: str, sandbox: Sandbox, user: str | None, recording: Recording | None
    ) -> None:
        self._recording = recording
        self._loop = asyncio.get_running_loop()
        self._news = asyncio.Event()
        self._head: asyncio.Task[None] | None = None
        self.scanner = Scanner(mark)
        self.last_output = self._loop.time()
        """When something was printed last, in the event loop's time."""
        self.dead = False
        """Whether the shell, or tmux itself, has ended."""
        self.watch = ForegroundWatch(sandbox, self._place, user=user)
        self._control = Control(stream, self._output, self._ended)
        self._screen = Screen(self._control, self.scanner)

    @classmethod
    async def open(
        cls, sandbox: Sandbox, *, user: str | None, env: Mapping[str, str], recording: Recording | None
    ) -> Self:
        """Bring tmux and its shell up; `SandboxError` when they do not come."""
        mark = secrets.token_hex(4)
        settings = {**_SHELL_FILES, **env, "TERMSTONE_MARK": mark}
        options = [word for name, value in settings.items() for word in ("-e", f"{name}={value}")]
        size = ("-x", str(WIDTH), "-y", str(HEIGHT))
        shell = f"exec /bin/sh {HOME}/shell/start {HOME}"
        stream = await sandbox.stream(
            ["/bin/sh", "-c", _TMUX, "sh", *tmux(mark), "-C", "new-session", *size, *options, shell],
            user=user,
            env=TMUX_ENV,
        )
        session = cls(stream, mark, sandbox, user, recording)
        try:
            await session._control.started(START)
        except BaseException:
            await session.close()
            raise
        return session

    @property
    def answers(self) -> bool:
        """Whether tmux is there, even if its shell is not."""
        return self._control.alive

    async def close(self) -> None:
        """Let go of the session; what runs in it goes on until the sandbox ends, as a service may have to."""
        if self._head is not None:
            self._head.cancel()
        await self.watch.close()
        await self._control.close()

    async def kill(self) -> None:
        """End what runs in the session, and the session."""
        await self.watch.kill()
        with contextlib.suppress(SandboxError):  # it has ended already, or somebody has stopped it
            await self._control.command("kill-server", within=1.0)
        await self.close()

    async def send(self, data: bytes) -> None:
        """Type bytes as they are."""
        # Through a buffer, as send-keys goes through each key: a long text takes it many times longer.
        for start in range(0, len(data), _CHUNK):
            text = data[start : start + _CHUNK].decode("utf-8", "surrogateescape")
            await self._control.transaction(
                ("set-buffer", "-b", "typed", "--", text), ("paste-buffer", "-d", "-r", "-b", "typed", "-t", "%0")
            )

    async def press(self, key: str) -> None:
        """Press the key that tmux knows by this name."""
        await self._control.command("send-keys", "-t", "%0", key)

    async def leave(self) -> None:
        """Bring back the shell's screen, which a program that was killed has left covered."""
        await self._mended(self.watch.leave())
        self.scanner.alternate = False

    async def tidy(self) -> None:
        """Make the screen show text as it is, with nothing below the cursor, after a killed program or garbage."""
        await self._mended(self.watch.tidy())
        await self._screen.erased()
        self.scanner.untidy = False

    async def _mended(self, work: Awaitable[None]) -> None:
        """Wait until what the helper prints has come through the terminal."""
        asked = self._loop.time()
        await work
        if self.last_output < asked:
            await self.next_output(asked + _TIDY)

    async def look(self) -> Look:
        """Return what is new on the screen."""
        if self._head is not None:  # it was to be read before the history is emptied
            await self._head
        return await self._screen.new()

    async def rows(self, *, history: bool) -> list[str]:
        """Return the rows of the screen as they stand, after those that have left it when `history`."""
        above = ("-S", "-") if history else ()
        (rows,) = await self._control.transaction(("capture-pane", "-p", "-t", "%0", *above))
        return [row.decode("utf-8", "replace") for row in rows]

    async def column(self) -> int:
        """Return where the cursor stands, from 0."""
        answer = await self._control.command("display-message", "-p", "-t", "%0", "#{cursor_x}")
        return int(answer.lines[0])

    async def resize(self, width: int, height: int) -> None:
        """Give the terminal another size, in columns and rows."""
        await self._control.command("refresh-client", "-C", f"{width}x{height}")
        if self._recording:
            self._recording.resize(width, height)

    async def next_output(self, until: float) -> bool:
        """Wait for output, or the end; ``False`` when neither came before the loop's time `until`."""
        self._news.clear()
        try:
            async with asyncio.timeout_at(until):
                await self._news.wait()
        except TimeoutError:
            return False
        return True

    async def _place(self) -> tuple[str, str]:
        """Return the terminal's device and its first process."""
        pane = _pane(self._control)
        said = await asyncio.to_thread(pane.display_message, "#{pane_tty} #{pane_pid}", get_text=True)
        tty, process = "".join(said or []).split()
        return tty, process

    def _output(self, data: bytes) -> None:
        self.last_output = self._loop.time()
        self.scanner.feed(data)
        if self._recording:
            self._recording.output(data)
        if self._screen.overflows():
            # A reference is kept, or the task could be collected while it works.
            self._head = asyncio.create_task(self._keep_head())
        self.dead = self.dead or self.scanner.ended
        self._news.set()

    async def _keep_head(self) -> None:
        with contextlib.suppress(SandboxError):  # it has ended, as the next look will find
            await self._screen.keep_head()

    def _ended(self) -> None:
        self.dead = True
        self._news.set()


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
