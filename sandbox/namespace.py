"""The harness's end of a set of Linux namespaces: starts `sandbox.local_init`, runs commands in it, ends it.

It knows sockets and pipes, and nothing of tasks, Dockerfiles or archives.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import secrets
import shutil
import socket
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel, ConfigDict

from sandbox import owner
from sandbox.base import COMMAND, SandboxDied, SandboxError, SandboxStartError, finished

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_INIT = "import sys; sys.path.insert(0, sys.argv.pop()); from sandbox.local_init import main; main()"
_REPOSITORY = Path(__file__).parent.parent
_CHUNK = 65536
_PIPE = 1 << 20
"""Bytes that the largest of pipes holds."""
_GRACE = 5.0
"""Seconds for a killed command to be gone."""


class Command(BaseModel):
    """What runs, and as whom."""

    model_config = ConfigDict(frozen=True)

    argv: tuple[str, ...]
    user: str
    """``name``, ``uid``, ``name:group`` or ``uid:gid``, as the sandbox's own files know them."""
    cwd: str
    env: dict[str, str]
    """All of its environment but ``HOME``, which is the user's when it is not here."""
    network: bool = False
    """Whether it is a step of a build: on this machine's network, and all processes end with it."""
    sealed: dict[str, Any] | None = None
    """An order of `sandbox.sealing`, carried out with the capabilities of process 1; what it left is printed."""


class _Ready(BaseModel):
    """What process 1 says when all is laid out."""

    model_config = ConfigDict(frozen=True)

    mapped: bool
    left_out: list[str]


class Namespace:
    """A running `sandbox.local_init`; see `start`."""

    def __init__(self, process: asyncio.subprocess.Process, control: socket.socket, temporary: Path) -> None:
        self.mapped = False
        """Whether root inside is an ordinary user of this machine, and the only one inside."""
        self.left_out: list[str] = []
        """Folders of this machine that could not be shown, with reasons."""
        self._process = process
        self._control = control
        self._temporary = temporary
        self._streams: set[NamespaceStream] = set()

    @classmethod
    async def start(cls, hidden: Iterable[Path], *, isolated: bool) -> Namespace:
        """Lay out the file system and wait until commands can run.

        Args:
            hidden: folders and files of this machine that must not be seen.
            isolated: whether commands get a network of their own, which leads nowhere.

        Raises:
            SandboxStartError: with the kernel's reason.
        """
        # The supervisor makes it, who outlives this process and removes it.
        temporary = Path(tempfile.gettempdir(), owner.folder_prefix() + secrets.token_hex(8))
        control, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        try:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-I", "-S", "-c", _INIT, str(_REPOSITORY),
                stdin=theirs.fileno(), stdout=asyncio.subprocess.DEVNULL, stderr=asyncio.subprocess.PIPE,
                env={}, start_new_session=True,
            )  # fmt: skip
        except BaseException:
            control.close()
            raise
        finally:
            theirs.close()
        namespace = cls(process, control, temporary)
        try:
            await namespace._prepare(hidden, isolated=isolated)
        except BaseException:
            await namespace.stop()
            raise
        return namespace

    async def _prepare(self, hidden: Iterable[Path], *, isolated: bool) -> None:
        settings = _settings(self._temporary, hidden, isolated=isolated)
        self._control.setblocking(False)  # noqa: FBT003 - the standard library's signature
        answer = b""
        with contextlib.suppress(OSError):  # it has ended: the reason is on its standard error
            self._send([_memory(settings)])
            answer = await asyncio.get_running_loop().sock_recv(self._control, 1 << 20)
        if not answer:
            _, errors = await self._process.communicate()
            reason = errors.decode(errors="replace").strip().rpartition("\n")[2]
            raise SandboxStartError(f"no local sandbox on this machine: {reason or 'its first process ended'}")
        ready = _Ready.model_validate_json(answer)
        self.mapped, self.left_out = ready.mapped, ready.left_out

    async def stop(self) -> None:
        """End everything inside and remove what it left on disk, even when cancelled meanwhile."""
        await finished(self._stop())

    async def _stop(self) -> None:
        for stream in list(self._streams):
            await stream.close()
        self._control.close()
        await self._process.communicate()
        shutil.rmtree(self._temporary, ignore_errors=True)  # there only if the supervisor was killed

    async def run(self, command: Command, sink: Callable[[bytes], None], stdin: bytes | None = None) -> int:
        """Run a command to its end and return its exit code; cancelled, it is dead before this returns.

        Args:
            command: what to run.
            sink: called with each piece of standard output and standard error.
            stdin: what it reads; ``None`` is nothing.
        """
        output, theirs = os.pipe()
        given = [theirs] if stdin is None else [theirs, _memory(stdin)]
        try:
            line = self._spawn(command, given, [None if stdin is None else 1, 0, 0])
        except SandboxError:
            os.close(output)
            raise
        loop = asyncio.get_running_loop()
        os.set_blocking(output, False)
        loop.add_reader(output, _pump, loop, output, sink)
        try:
            code = await _exit_code(line)
            _drain(output, sink)
        except asyncio.CancelledError:
            await finished(_kill(line, command.env.get(COMMAND, "")))
            raise
        finally:
            loop.remove_reader(output)
            os.close(output)
            line.close()
        return code

    def open(self, command: Command) -> NamespaceStream:
        """Start a command and return its standard input and output."""
        theirs_in, stdin = os.pipe()
        stdout, theirs_out = os.pipe()
        try:
            line = self._spawn(command, [theirs_in, theirs_out], [0, 1, None])
        except SandboxError:
            os.close(stdin)
            os.close(stdout)
            raise
        stream = NamespaceStream(stdin, stdout, line, self._streams.discard)
        self._streams.add(stream)
        return stream

    def _spawn(self, command: Command, numbers: list[int], stdio: list[int | None]) -> socket.socket:
        """Have process 1 start a command with those files, which are given away; return the line that it lives on."""
        line, theirs = socket.socketpair()
        request = {**command.model_dump(), "stdio": stdio}
        try:
            self._send([os.dup(theirs.fileno()), _memory(json.dumps(request).encode()), *numbers])
        except OSError as error:
            line.close()
            raise SandboxDied("the sandbox is gone") from error
        finally:
            theirs.close()
        line.setblocking(False)  # noqa: FBT003 - the standard library's signature
        return line

    def _send(self, numbers: list[int]) -> None:
        try:
            socket.send_fds(self._control, [b"."], numbers)
        finally:
            for number in numbers:
                os.close(number)


class NamespaceStream:
    """The standard input and output of a running command: a `sandbox.base.Stream`."""

    def __init__(self, stdin: int, stdout: int, line: socket.socket, closed: Callable[[NamespaceStream], None]) -> None:
        self._stdin, self._stdout, self._line, self._closed = stdin, stdout, line, closed
        self._loop = asyncio.get_running_loop()
        self._writing = asyncio.Lock()
        self._waits: set[asyncio.Future[None]] = set()
        self._is_open = True
        for number in (stdin, stdout):
            os.set_blocking(number, False)

    async def read(self) -> bytes:
        """Return the next bytes, ``b""`` once the process is gone or this end is closed."""
        over = False
        while self._is_open:
            try:
                return os.read(self._stdout, _CHUNK)
            except BlockingIOError:
                if over:  # though another process may hold the output
                    return b""
            await self._ready(readers=[self._stdout, self._line.fileno()])
            over = self._is_over()
        return b""

    def _is_over(self) -> bool:
        try:
            self._line.recv(1, socket.MSG_PEEK)
        except OSError as error:
            return not isinstance(error, BlockingIOError)
        return True

    async def write(self, data: bytes) -> None:
        """Send bytes; `SandboxError` when the process is gone."""
        rest = memoryview(data)
        async with self._writing:
            while rest:
                if not self._is_open:
                    raise SandboxError("the stream is closed")
                try:
                    rest = rest[os.write(self._stdin, rest) :]
                except BlockingIOError:
                    await self._ready(writers=[self._stdin])
                except BrokenPipeError as error:
                    raise SandboxError("the process has ended") from error

    async def close(self) -> None:
        """Close both ends; the process reads the end of its input, and may go on."""
        if not self._is_open:
            return
        self._is_open = False
        for wait in self._waits:
            wait.cancel()
        await asyncio.gather(*self._waits, return_exceptions=True)
        os.close(self._stdin)
        os.close(self._stdout)
        self._line.close()
        self._closed(self)

    async def _ready(self, readers: Sequence[int] = (), writers: Sequence[int] = ()) -> None:
        """Wait until one of those can be read or written, or this stream is closed."""
        wait: asyncio.Future[None] = self._loop.create_future()
        for number in readers:
            self._loop.add_reader(number, _wake, wait)
        for number in writers:
            self._loop.add_writer(number, _wake, wait)
        self._waits.add(wait)
        try:
            await asyncio.wait([wait])
        finally:
            self._waits.discard(wait)
            for number in readers:
                self._loop.remove_reader(number)
            for number in writers:
                self._loop.remove_writer(number)


def _settings(temporary: Path, hidden: Iterable[Path], *, isolated: bool) -> bytes:
    """Return what process 1 is told first; other sandboxes' temporary folders are hidden too."""
    paths = [str(path.resolve()) for path in (Path(tempfile.gettempdir()), *hidden)]
    return json.dumps({"temporary": str(temporary.resolve()), "hidden": paths, "isolated": isolated}).encode()


def _wake(wait: asyncio.Future[None]) -> None:
    if not wait.done():
        wait.set_result(None)


def _memory(data: bytes) -> int:
    """Return a file in memory that holds `data`, at its beginning."""
    number = os.memfd_create("termstone")
    with open(number, "wb", closefd=False) as file:
        file.write(data)
    os.lseek(number, 0, os.SEEK_SET)
    return number


def _pump(loop: asyncio.AbstractEventLoop, number: int, sink: Callable[[bytes], None]) -> None:
    chunk = os.read(number, _CHUNK)
    if chunk:
        sink(chunk)
    else:
        loop.remove_reader(number)


def _drain(number: int, sink: Callable[[bytes], None]) -> None:
    """Take what a command had written when it ended; what it left running may keep the pipe open for ever."""
    with contextlib.suppress(BlockingIOError):
        for _ in range(_PIPE // _CHUNK):
            chunk = os.read(number, _CHUNK)
            if not chunk:
                return
            sink(chunk)


async def _exit_code(line: socket.socket) -> int:
    with contextlib.suppress(ConnectionError):
        word = await asyncio.get_running_loop().sock_recv(line, 16)
        if word:
            return int(word)
    raise SandboxDied("the sandbox ended under a command")


async def _kill(line: socket.socket, mark: str) -> None:
    with contextlib.suppress(OSError, SandboxError, TimeoutError):
        line.send(b"k" + mark.encode("ascii"))
        async with asyncio.timeout(_GRACE):
            await _exit_code(line)
