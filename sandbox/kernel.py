"""Linux's own calls that Python 3.11 does not have: mounts, namespaces, capabilities, and a network that leads nowhere.

A failed call is an `OSError` that names it. Only the standard library, as `sandbox.local_init` runs on this.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import signal
import socket
import struct
from pathlib import Path

NEW_NS, NEW_CGROUP, NEW_UTS, NEW_IPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
NEW_USER, NEW_PID, NEW_NET = 0x10000000, 0x20000000, 0x40000000

RDONLY, NOSUID, NODEV, NOEXEC, REMOUNT, BIND = 1, 2, 4, 8, 32, 4096
KEPT_FLAGS = RDONLY | NOSUID | NODEV | NOEXEC
"""What a remount has to repeat, as the kernel lets nobody in a user namespace take it away."""
_BELOW = 0x4000
_PRIVATE_BELOW = _BELOW | 0x40000
_DETACH = 2

_PDEATHSIG, _SET_DUMPABLE, _SET_KEEPCAPS, _CAPBSET_READ, _CAPBSET_DROP, _CAP_AMBIENT = 1, 4, 8, 23, 24, 47
_AMBIENT_RAISE = 2
_CAPABILITY_VERSION = 0x20080522

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def mount(source: str | Path, target: Path, kind: str = "none", flags: int = 0, options: str = "") -> None:
    """Mount something of a kind, or with `REMOUNT` or `BIND` what is there already."""
    words = (os.fsencode(word) for word in (source, target, kind))
    try:
        _call("mount", *words, ctypes.c_ulong(flags), os.fsencode(options))
    except OSError as error:
        raise OSError(error.errno, f"mount {kind} at {target}: {os.strerror(error.errno or 0)}") from error


def bind_read_only(source: Path, target: Path) -> None:
    """Show a file or folder at a second place, where nobody can change it."""
    mount(source, target, flags=BIND)
    kept = os.statvfs(target).f_flag & KEPT_FLAGS
    mount("none", target, flags=REMOUNT | BIND | kept | RDONLY)


def leave_mounts() -> None:
    """Let no mount from here on reach the machine, nor one of the machine's reach this process."""
    _call("unshare", NEW_NS)
    mount("none", Path("/"), flags=_PRIVATE_BELOW)


def change_root(root: Path) -> None:
    """Make a mounted folder the root, and let go of the old one for good."""
    os.chdir(root)
    _call("pivot_root", b".", b".")
    _call("umount2", b".", _DETACH)
    os.chdir("/")


def unshare(namespaces: int) -> None:
    """Leave namespaces for new ones."""
    _call("unshare", namespaces)


def enter(number: int, kind: int = 0) -> None:
    """Join an open namespace, of whatever kind or of this one."""
    _call("setns", number, kind)


def bind_all(source: Path, target: Path) -> None:
    """Show a file or folder at a second place, with all that is mounted below."""
    mount(source, target, flags=BIND | _BELOW)


def enter_network(number: int) -> None:
    """Join an open network namespace."""
    enter(number, NEW_NET)


def die_with_parent(number: int) -> None:
    """Get a signal when the parent process ends."""
    _call("prctl", _PDEATHSIG, number, 0, 0, 0)


def forbid_tracing() -> None:
    """Keep others out of this process and of its children until they become another program."""
    _call("prctl", _SET_DUMPABLE, 0, 0, 0, 0)


def keep_capabilities(kept: set[int]) -> None:
    """Give up every capability but those, in every set."""
    for number in range(64):
        if number not in kept and _libc.prctl(_CAPBSET_READ, number, 0, 0, 0) == 1:
            _call("prctl", _CAPBSET_DROP, number, 0, 0, 0)
    _set_capabilities(kept, inherited=False)


def _set_capabilities(kept: set[int], *, inherited: bool) -> None:
    """Keep in the permitted and effective sets what of those is there; inherited or not."""
    header = struct.pack("Ii", _CAPABILITY_VERSION, 0)
    current = ctypes.create_string_buffer(24)
    _call("capget", header, current)
    wanted = sum(1 << number for number in kept)
    low, high = struct.unpack("6I", current.raw)[1::3]
    low, high = low & wanted & 0xFFFFFFFF, high & wanted >> 32
    passed = (low, high) if inherited else (0, 0)
    _call("capset", header, struct.pack("6I", low, low, passed[0], high, high, passed[1]))


def become(  # noqa: PLR0913 - who, and what it keeps
    uid: int, gid: int, groups: list[int], kept: set[int], mark: int, *, mapped: bool
) -> None:
    """Become a user with some capabilities: root keeps them all, another user has `mark` alone, whatever it runs.

    Args:
        uid: the user.
        gid: its first group.
        groups: its other groups.
        kept: capabilities.
        mark: one of them.
        mapped: whether there is no other user here.
    """
    keep_capabilities(kept)
    if mapped:
        return
    os.setgroups(groups)
    os.setgid(gid)
    _call("prctl", _SET_KEEPCAPS, 1, 0, 0, 0)
    os.setuid(uid)
    if uid != 0:
        _set_capabilities({mark}, inherited=True)
        _call("prctl", _CAP_AMBIENT, _AMBIENT_RAISE, mark, 0, 0)


def empty_network(proc: Path) -> int:
    """Return a new network that has a loopback device and nothing else.

    A process of its own makes it: from there an ordinary user's process 1 could not come back to build with a network.
    """
    ready, told = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            _call("unshare", NEW_NET)
            _loopback_up()
            os.write(told, b".")
            signal.pause()
        finally:
            os._exit(1)
    os.close(told)
    try:
        if not os.read(ready, 1):
            raise OSError("no network namespace could be made")
        return os.open(proc / str(process) / "ns" / "net", os.O_RDONLY)
    finally:
        os.close(ready)
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


def _loopback_up() -> None:
    get_flags, set_flags, up = 0x8913, 0x8914, 0x1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as endpoint:
        answer = fcntl.ioctl(endpoint, get_flags, struct.pack("16sh22x", b"lo", 0))
        flags = struct.unpack("16sh22x", answer)[1]
        fcntl.ioctl(endpoint, set_flags, struct.pack("16sh22x", b"lo", flags | up))
