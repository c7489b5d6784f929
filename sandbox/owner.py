"""Who owns what a run makes: each container, network, volume and folder names a process, and a time that it may take.

So what a dead run left is told from what a live one uses. A process is named by the machine and its view of processes,
its number and when it began, as numbers are used again.
"""

from __future__ import annotations

import functools
import hashlib
import os
import socket
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

OWNER_LABEL = "termstone.owner"
LEASE_LABEL = "termstone.lease"
_FOLDER = "termstone-"
LEASE = 7 * 24 * 3600.0
"""Seconds after which an owner that cannot be looked for, as it is on another machine, counts as dead."""


class Owner(NamedTuple):
    """A process that owns something."""

    machine: str
    pid: int
    began: str
    """The kernel's number for when the process began."""

    def __str__(self) -> str:
        return f"{self.machine}:{self.pid}:{self.began}"

    @property
    def is_here(self) -> bool:
        """Whether it is, or was, a process of this machine."""
        return self.machine == _machine()

    @property
    def is_alive(self) -> bool:
        """Whether a process of this machine still runs."""
        return beginning(self.pid) == self.began


def this_process() -> Owner:
    """Return this process as an owner."""
    return Owner(_machine(), os.getpid(), beginning(os.getpid()))


def labels() -> dict[str, str]:
    """Return what marks something as this process's own, from now on."""
    return {OWNER_LABEL: str(this_process()), LEASE_LABEL: str(int(time.time() + LEASE))}


def read(text: str) -> Owner | None:
    """Return the owner that a label names; ``None`` when it names none."""
    machine, _, rest = text.partition(":")
    pid, _, began = rest.partition(":")
    return Owner(machine, int(pid), began) if machine and began and pid.isascii() and pid.isdecimal() else None


def is_abandoned(found: dict[str, str], now: float) -> bool:
    """Whether what has these labels is ours, and its owner is dead, at `now` in seconds since 1970."""
    owner = read(found.get(OWNER_LABEL, ""))
    if owner is None:
        return False
    if owner.is_here:
        return not owner.is_alive
    lease = found.get(LEASE_LABEL, "")
    return lease.isascii() and lease.isdecimal() and int(lease) < now


def folder_prefix() -> str:
    """Return what the names of temporary folders begin with that are this process's own."""
    return f"{_FOLDER}{_machine()[-8:]}-{os.getpid()}-{beginning(os.getpid())}-"


def abandoned_folders() -> Iterator[Path]:
    """Find the temporary folders of processes of this machine that have ended."""
    for path in Path(tempfile.gettempdir()).glob(f"{_FOLDER}*"):
        machine, pid, began, *rest = path.name.removeprefix(_FOLDER).split("-", 3) + [""] * 3
        if machine == _machine()[-8:] and pid.isdecimal() and rest and beginning(int(pid)) != began and path.is_dir():
            yield path


@functools.cache
def _machine() -> str:
    """Name this machine, and on it the processes that can be seen from here: containers may share a daemon."""
    identity, view = Path("/etc/machine-id"), Path("/proc/self/ns/pid")
    seen = f"{identity.read_text() if identity.exists() else ''} {view.stat().st_ino if view.exists() else ''}"
    return f"{socket.gethostname()}-{hashlib.sha256(seen.encode()).hexdigest()[:8]}".replace(":", "-")


def beginning(pid: int) -> str:
    """Return when a process began; empty when there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except (OSError, IndexError):
        return ""
