"""The first process inside a local sandbox: it enters the namespaces, runs the commands, and ends with its harness.

`sandbox.namespace` starts it with a socket as standard input and without the packages that the harness has. All
capabilities over the sandbox stay in this process, so it trusts nothing that a command can have written: it imports
nothing late, never asks glibc for a user's name (that loads modules from the file system), and starts no helper.

    harness --socket-- supervisor (outside: waits, then removes the temporary folder)
                           `-- process 1 (inside: reaps, starts and kills) -- commands (few capabilities)
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import sys
import time
import warnings  # noqa: F401 - os.execvpe would import it late
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from sandbox import kernel, seal
from sandbox.account import account
from sandbox.local_view import View

if TYPE_CHECKING:
    from collections.abc import Iterator

_CAPABILITIES = (0, 1, 3, 4, 5, 6, 7, 8, 10, 18, 29, 31)
"""Docker's default set without mknod: chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service
sys_chroot audit_write setfcap."""
_NET_RAW = 13
"""Docker's too, but on this machine's own network it would read other programs' packets."""

_TOLD_TO_END = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
_DYING = 2.0
"""Seconds for killed processes to be gone; one that hangs in the kernel is not waited for."""


class Server:
    """Process 1 at work: it starts what the harness asks for, reaps, and kills."""

    def __init__(self, control: socket.socket, network: int | None, *, mapped: bool) -> None:
        self._control = control
        self._network = network
        self._mapped = mapped
        self._lines: dict[int, socket.socket] = {}
        """By process: the line on which the harness says "kill" and hears the exit code."""
        self._outgoing: set[int] = set()
        """Processes on this machine's network: a step of the build each, and nothing else runs beside it."""
        self._poll = select.poll()

    def serve(self) -> None:
        """Serve until the harness closes the control socket, by leaving or by dying."""
        wake, woken = socket.socketpair()
        for end in (wake, woken):
            end.setblocking(False)  # noqa: FBT003 - the standard library's signature
        signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for end in (self._control, wake):
            self._poll.register(end, select.POLLIN)
        while True:
            for number, _ in self._poll.poll():
                if number == self._control.fileno():
                    if not self._start():
                        return
                elif number == wake.fileno():
                    wake.recv(4096)
                    self._reap()
                else:
                    self._told(number)

    def _start(self) -> bool:
        """Start the next command; ``False`` when the harness is gone."""
        word, numbers = _received(self._control)
        if not word:
            return False
        line = socket.socket(fileno=numbers[0])
        try:
            request = _read_json(numbers[1])
            process = os.fork()
            if process == 0:
                self._become(request, numbers[2:])
            self._lines[process] = line
            if request["network"]:
                self._outgoing.add(process)
            self._poll.register(line, select.POLLIN)
        except OSError:  # no more processes: the harness sees the line close
            line.close()
        finally:
            for number in numbers[1:]:
                os.close(number)
        return True

    def _become(self, request: dict[str, Any], numbers: list[int]) -> NoReturn:
        """Turn a fresh child into the command, or have it run one that is sealed in."""
        code = 126
        try:
            if request["sealed"]:
                self._seal(request["sealed"], numbers, request["stdio"])
            self._confine(isolated=not request["network"])
            _attach(numbers, request["stdio"])
            who = account(request["user"])
            for number in numbers:
                os.fchown(number, who.uid, -1)  # so that /dev/stdout can be opened
            if not self._mapped:
                os.setgroups(who.groups)
                os.setgid(who.gid)
                os.setuid(who.uid)
            os.chdir(request["cwd"])
            os.execvpe(  # noqa: S606 - the command itself, in this process's place
                request["argv"][0], request["argv"], {"HOME": who.home, **request["env"]}
            )
        except (OSError, LookupError, ValueError) as error:
            code = 127 if isinstance(error, FileNotFoundError) else 126
            os.write(2, f"termstone: {request['argv'][0]}: {error}\n".encode())
        finally:
            os._exit(code)

    def _seal(self, order: dict[str, Any], numbers: list[int], stdio: list[int | None]) -> NoReturn:
        """Run a sealed command; with all capabilities, so nothing is imported and no other program run."""
        os.setsid()
        signal.set_wakeup_fd(-1)
        _attach(numbers, stdio)
        if self._network is not None:
            kernel.enter_network(self._network)
        seal.run({**order, "capabilities": list(self._kept(isolated=True)), "mapped": self._mapped}, seal.tell)
        os._exit(0)

    def _kept(self, *, isolated: bool) -> set[int]:
        return {*_CAPABILITIES, *([_NET_RAW] if isolated and self._network is not None else [])}

    def _confine(self, *, isolated: bool) -> None:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        if isolated and self._network is not None:
            kernel.enter_network(self._network)
        kernel.keep_capabilities(self._kept(isolated=isolated))

    def _reap(self) -> None:
        while True:
            try:
                process, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if process == 0:
                return
            if process in self._outgoing:
                # As in Docker no process outlives its step; here it would also be a way to the network.
                self._outgoing.discard(process)
                with suppress(ProcessLookupError):
                    os.kill(-1, signal.SIGKILL)
            if process in self._lines:
                code = os.waitstatus_to_exitcode(status)
                with suppress(OSError):  # the harness has let go in this moment
                    self._lines[process].send(str(code if code >= 0 else 128 - code).encode(), socket.MSG_DONTWAIT)
                self._let_go(process)

    def _told(self, number: int) -> None:
        """Hear the harness on a command's line: ``k`` and its mark kill it, the end of the line lets it go on alone."""
        found = next(((process, line) for process, line in self._lines.items() if line.fileno() == number), None)
        if found is None:
            return
        process, line = found
        try:
            word = line.recv(64)
        except OSError:
            word = b""
        if word:
            _kill(process, word.removeprefix(b"k"))
        else:
            self._let_go(process)

    def _let_go(self, process: int) -> None:
        line = self._lines.pop(process)
        self._poll.unregister(line)
        line.close()


def _attach(numbers: list[int], stdio: list[int | None]) -> None:
    """Put the harness's pipes where they belong, and the null device elsewhere."""
    for target, index in enumerate(stdio):
        os.dup2(os.open("/dev/null", os.O_RDWR) if index is None else numbers[index], target)


def _kill(process: int, mark: bytes) -> None:
    """Kill a command, its descendants, their sessions and what has its mark, and wait until none of them is left."""
    victims = {process}
    deadline = time.monotonic() + _DYING
    while time.monotonic() < deadline:
        alive = list(_processes())
        related = {number for number, *kin in alive if victims.intersection(kin) or _is_marked(number, mark)}
        victims |= related
        left = victims.intersection(number for number, *_ in alive)
        if not left:
            return
        for number in left:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        time.sleep(0.001)


def _is_marked(process: int, mark: bytes) -> bool:
    with suppress(OSError):  # it has ended meanwhile
        return bool(mark) and mark in Path(f"/proc/{process}/environ").read_bytes()
    return False


def _processes() -> Iterator[tuple[int, int, int]]:
    """List number, parent and session of each process that is not dead."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            fields = path.read_bytes().rpartition(b")")[2].split()
            if fields[0] not in (b"Z", b"X"):
                yield int(path.parent.name), int(fields[1]), int(fields[3])


def _received(control: socket.socket) -> tuple[bytes, list[int]]:
    """Receive a message and its files, none of which a command may inherit."""
    word, numbers, *_ = socket.recv_fds(control, 16, 8)
    for number in numbers:
        os.set_inheritable(number, False)  # noqa: FBT003 - the standard library's signature
    return word, numbers


def _read_json(number: int) -> Any:  # noqa: ANN401 - what JSON holds
    with os.fdopen(os.dup(number), "rb") as file:
        return json.loads(file.read())


def _leave_machine() -> bool:
    """Enter the namespaces; return whether that took becoming root of a user namespace."""
    rest = kernel.NEW_PID | kernel.NEW_IPC | kernel.NEW_UTS | kernel.NEW_CGROUP
    try:
        kernel.unshare(rest)
    except PermissionError:
        uid, gid = os.geteuid(), os.getegid()
        kernel.unshare(rest | kernel.NEW_USER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
        return True
    return False


def _inside(control: socket.socket, settings: dict[str, Any], *, mapped: bool) -> None:
    """Be process 1."""
    kernel.die_with_parent(signal.SIGKILL)
    kernel.leave_mounts()
    os.umask(0o022)
    socket.sethostname("localhost")  # a name that resolves without a line in /etc/hosts
    view = View(Path(settings["temporary"]), settings["hidden"], mapped=mapped)
    view.build()
    network = kernel.empty_network(view.root / "proc") if settings["isolated"] else None
    kernel.change_root(view.root)
    # From here on an import would read what a command wrote.
    sys.path.clear()
    sys.meta_path.clear()
    # Memory is not limited, so when it runs out it should be a command that pays.
    Path("/proc/self/oom_score_adj").write_text("500")
    # Nobody traces a child of this process before it has become its command.
    kernel.forbid_tracing()
    control.send(json.dumps({"mapped": mapped, "left_out": view.left_out}).encode())
    Server(control, network, mapped=mapped).serve()


def _supervise(process: int) -> None:
    """Wait for the end of process 1, which ends with the harness or when this process is told to."""

    def end(*_: object) -> None:
        with suppress(ProcessLookupError):
            os.kill(process, signal.SIGKILL)

    for number in _TOLD_TO_END:
        signal.signal(number, end)
    kernel.die_with_parent(signal.SIGTERM)
    os.waitpid(process, 0)
    # The harness's death may be told only now, and must not stop the cleaning up.
    for number in _TOLD_TO_END:
        signal.signal(number, signal.SIG_IGN)


def main() -> None:
    """Be the supervisor: make the temporary folder, start process 1, wait for its end, remove the folder."""
    control = socket.socket(fileno=0)
    _, numbers = _received(control)
    if not numbers:  # the harness changed its mind
        return
    settings = _read_json(numbers[0])
    os.close(numbers[0])
    try:
        Path(settings["temporary"]).mkdir(mode=0o700)
        mapped = _leave_machine()
        process = os.fork()
        if process == 0:
            _inside(control, settings, mapped=mapped)
            os._exit(0)
    except OSError as error:
        os.write(2, f"{error.strerror or error}\n".encode())
        os._exit(1)
    control.close()
    os.open("/dev/null", os.O_RDONLY)  # takes the place of standard input
    _supervise(process)
    # As root of the user namespace, which may enter folders that their owner closed.
    os.execvp("rm", ["rm", "-rf", "--", settings["temporary"]])  # noqa: S606 - the last thing to do
