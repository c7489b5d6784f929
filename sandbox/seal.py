"""Inside a sandbox: runs one command with folders of its own, which nothing else there can read or change.

The command gets a mount namespace of its own with a new root, to which all that was below the old one is bound, but for
those folders. And it gets one capability more than whatever runs beside it: the kernel lets a process look into another
one (``/proc/PID/root``, memory, open files) only when it has all that the other has, so even root of the same sandbox
cannot. What this does not protect from: programs and libraries that were replaced before; what the command starts
itself; and a process that becomes another user, which loses that capability with all others.

Only the standard library, nothing imported late, no other program: what runs here has every capability, and all around
it may have been written by a command. `run` is called by `sandbox.local_init`, and by `main` in a container beside the
one that is meant (`sandbox.docker_seal`).
"""

from __future__ import annotations

import base64
import binascii
import json
import os
import select
import signal
import socket
import stat
import sys
import time
import warnings  # noqa: F401 - os.execvpe would import it late
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from sandbox import kernel
from sandbox.account import account
from sandbox.tampering import changed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_LEASE = 28
"""The capability that nothing else in a sandbox has; it allows being told when a file is opened."""
_FILES = 10_000
_ENTRIES = 1_000
"""What may stand in the root folder."""
_SIZE = "50%"
_WORD = 65536
_DYING = 2.0
"""Seconds for killed processes to be gone."""


def run(
    order: dict[str, Any], tell: Callable[[dict[str, Any]], None], enter: Callable[[], None] = lambda: None
) -> None:
    """Run the command of an order to its end.

    Args:
        order: what runs, with what, as `sandbox.sealing` has it.
        tell: is told what has been changed before the command begins, and what it left when it is over, or why it
            cannot be. Both in this order, as whoever is called here can be killed in between.
        enter: takes the command's process to where it is meant to be.
    """
    if _LEASE in order["capabilities"]:
        tell({"unavailable": "what runs there has every capability that its tests could have"})
        return
    if order["alone"]:
        with suppress(ProcessLookupError):
            os.kill(-1, signal.SIGKILL)
    here, there = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if child == 0:
        here.close()
        _become(order, enter, there)
    there.close()
    word, numbers, *_ = socket.recv_fds(here, _WORD, 16)
    for number in numbers:
        os.set_inheritable(number, False)  # noqa: FBT003 - the standard library's signature
    if not numbers:
        os.waitpid(child, 0)
        tell(json.loads(word) if word else {"killed": True})
        return
    tell(json.loads(word))
    here.send(b".")
    problem = here.recv(_WORD)  # empty once the command has begun
    poll = select.poll()
    poll.register(os.pidfd_open(child), select.POLLIN)
    late = not poll.poll(1000 * order["seconds"])
    if late:
        os.kill(child, signal.SIGKILL)
    _, status = os.waitpid(child, 0)
    _end(os.fstat(numbers[0]).st_ino)
    code = os.waitstatus_to_exitcode(status)
    files, notes = _read(dict(zip(order["kept"], numbers[1:], strict=True)), order["limit"])
    left = {"exit_code": None if late else code if code >= 0 else 128 - code, "late": late, "files": files}
    tell({**left, "notes": notes, **(json.loads(problem) if problem else {})})


def _become(order: dict[str, Any], enter: Callable[[], None], told: socket.socket) -> NoReturn:
    """Turn a fresh child into the command."""
    broken = "unavailable"
    try:
        os.setsid()
        null = os.open("/dev/null", os.O_RDWR)
        for number in (signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD):
            signal.signal(number, signal.SIG_DFL)
        enter()
        kernel.leave_mounts()
        broken = "problem"  # from here on it may be what the sandbox holds
        _new_root(order["home"], order["folders"])
        _fill(order["files"])
        who = account(order["user"])
        found = changed(order["since"]) if order["since"] else []
        for folder in order["private"]:
            os.chown(folder, who.uid, who.gid)
            Path(folder).chmod(0o700)
        ends = [os.open("/proc/self/ns/mnt", os.O_RDONLY), *(os.open(path, os.O_RDONLY) for path in order["kept"])]
        socket.send_fds(told, [json.dumps({"changed": found}).encode("ascii")], ends)
        told.recv(1)
        for end in (0, 1, 2):
            os.dup2(null, end)
        os.umask(0o022)
        kernel.become(who.uid, who.gid, who.groups, {*order["capabilities"], _LEASE}, _LEASE, mapped=order["mapped"])
        os.chdir(order["cwd"])
        os.execvpe(order["argv"][0], order["argv"], {"HOME": who.home, **order["env"]})  # noqa: S606 - the command
    except (OSError, LookupError, ValueError) as error:
        told.send(json.dumps({broken: f"{order['argv'][0]}: {error}"[:1000]}).encode("ascii"))
    finally:
        os._exit(127)


def _new_root(home: str, folders: list[str]) -> None:
    """Make a new root, where a folder at the top is beyond the reach of who could remove its place from the old one."""
    tops = {folder.strip("/").split("/")[0]: folder.strip("/") for folder in folders}
    entries = [entry for entry in os.scandir("/") if f"/{entry.name}" != home]
    if len(entries) > _ENTRIES:
        raise OSError(f"more than {_ENTRIES} files and folders at /")
    root = Path(home)
    kernel.mount("tmpfs", root, "tmpfs", kernel.NOSUID | kernel.NODEV, f"mode=755,size={_SIZE}")
    for entry in entries:
        place = root / entry.name
        inside = tops.get(entry.name)
        if inside == entry.name or (inside and not entry.is_dir(follow_symlinks=False)):
            continue  # one of its own, or something that is in the way of one
        if entry.is_symlink():
            place.symlink_to(Path(entry.path).readlink())
            continue
        place.mkdir() if entry.is_dir() else place.touch()
        kernel.bind_all(Path(entry.path), place)
    (root / home.lstrip("/")).mkdir(exist_ok=True)
    kernel.change_root(root)
    for folder in map(Path, folders):
        if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
            folder.unlink()
        folder.mkdir(parents=True, exist_ok=True)
        if len(folder.parts) > 2:  # noqa: PLR2004 - not at the top, where the new root is its own place
            kernel.mount("tmpfs", folder, "tmpfs", kernel.NOSUID | kernel.NODEV, f"mode=777,size={_SIZE}")
        else:
            folder.chmod(0o777)


def _fill(files: list[list[Any]]) -> None:
    for name, kind, mode, content in files:
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if kind == "folder":
            path.mkdir(exist_ok=True)
        elif kind == "link":
            path.unlink(missing_ok=True)
            path.symlink_to(content)
        else:
            path.unlink(missing_ok=True)
            path.write_bytes(base64.b64decode(content))
        if kind != "link":
            path.chmod(mode)


def _end(namespace: int) -> None:
    """End all that is in a mount namespace."""
    deadline = time.monotonic() + _DYING
    while time.monotonic() < deadline:
        inside = [number for number in _processes() if _is_in(number, namespace)]
        if not inside:
            return
        for number in inside:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        time.sleep(0.002)


def _processes() -> list[int]:
    return [int(path.name) for path in Path("/proc").iterdir() if path.name.isdigit()]


def _is_in(process: int, namespace: int) -> bool:
    try:
        return Path(f"/proc/{process}/ns/mnt").stat().st_ino == namespace
    except OSError:  # it has ended
        return False


def _read(folders: dict[str, int], limit: int) -> tuple[dict[str, str], list[str]]:
    """Read the regular files below some open folders, as text in base64, and say what is left out."""
    files: dict[str, str] = {}
    left_out: list[str] = []
    for name, folder in folders.items():
        for path, number in _walk(name, folder):
            if len(files) >= _FILES:
                left_out.append(f"{name}: more than {_FILES:,} files")
                break
            with os.fdopen(os.dup(number), "rb") as file:
                content = file.read(limit + 1)
            if len(content) > limit:
                left_out.append(f"{path}: too large to keep")
                continue
            limit -= len(content)
            files[path] = binascii.b2a_base64(content, newline=False).decode("ascii")
    return files, left_out[:20]


def _walk(path: str, folder: int) -> Iterator[tuple[str, int]]:
    """Open each regular file below an open folder, those that may hold the verdict first; links are not followed."""
    for name in sorted(os.listdir(folder), key=lambda name: (not name.startswith("reward."), name)):
        try:
            number = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=folder)
        except OSError:  # a link, a socket
            continue
        try:
            kind = os.fstat(number).st_mode
            if stat.S_ISDIR(kind):
                yield from _walk(f"{path}/{name}", number)
            elif stat.S_ISREG(kind):
                yield f"{path}/{name}", number
        finally:
            os.close(number)


def _beside() -> None:
    """Leave this container for the one whose first process is number 1 here."""
    for number in [os.open(f"/proc/1/ns/{kind}", os.O_RDONLY) for kind in ("ipc", "uts", "mnt")]:
        kernel.enter(number)
    os.chdir("/")


def _capabilities(process: int) -> list[int]:
    lines = Path(f"/proc/{process}/status").read_text(encoding="utf-8").splitlines()
    mask = next(int(line.split()[1], 16) for line in lines if line.startswith("CapBnd:"))
    return [number for number in range(64) if mask >> number & 1]


def tell(word: dict[str, Any]) -> None:
    """Print a word on a line of its own."""
    with os.fdopen(os.dup(1), "wb") as out:
        out.write(json.dumps(word).encode("ascii") + b"\n")


def main() -> None:
    """Carry out the order in the file that is the only argument, and print what it left."""
    os.dup2(1, 2)  # what breaks is told in the place of the answer
    order = json.loads(Path(sys.argv.pop()).read_bytes())
    order["capabilities"] = _capabilities(1)
    kernel.forbid_tracing()
    sys.path.clear()
    sys.meta_path.clear()
    run(order, tell, _beside)
