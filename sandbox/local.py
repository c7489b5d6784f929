"""A sandbox without Docker: Linux namespaces around a copy-on-write view of this machine.

Commands see this machine's programs and files, and what they change goes to a temporary folder. Home and temporary
folders, sockets, what the harness hides and, when it runs as root, what only root may read are not there. The processes,
the network, the devices and the mounts of this machine are out of reach (`sandbox.local_init` says how).

It does not protect from: holes in the kernel, whose whole interface is open (there is no seccomp filter); commands that
use up the processors, the memory or the disk, as nothing is limited; the reading of files that anybody on this machine
may read (an ordinary user's sandbox: that the user may read) outside the masked folders; and, in a task with a network
or while building, anything that listens on this machine, as the network is this machine's own. For programs that mean
harm, use Docker with a hardened runtime, or a virtual machine.

As an ordinary user there is one account inside, root, which is that user: nothing can be given to another owner, so
packages that make users do not install, and files outside /etc that belong to this machine's root are read-only.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import json
import os
import shutil
import socket
import sys
import tempfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, NamedTuple, Self

from sandbox.archive import regular_files
from sandbox.base import (
    OUTPUT_LIMIT,
    Environment,
    ExecResult,
    ImageBuildError,
    SandboxError,
    SandboxStartError,
    SandboxTimeout,
)
from sandbox.bundle import tmux_bundle
from sandbox.local_build import Build

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping, Sequence

_INIT = Path(__file__).with_name("local_init.py")
_BASE_ENV = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8"}
_ROOT = ("root", "0", "root:root", "0:0")
_CHUNK = 65536
_GRACE = 5.0
"""Seconds for a killed command to be gone."""
_FILES = 60.0
"""Seconds for an archive to be packed or unpacked."""
_MISSING = 44
"""Exit code that says that there is nothing to read."""


class _Command(NamedTuple):
    """What runs, and as whom: what `sandbox.local_init` is told."""

    argv: Sequence[str]
    user: str
    cwd: str
    env: Mapping[str, str]
    network: bool
    """Whether it uses this machine's network whatever the task asks."""


class _Tail:
    """The last `OUTPUT_LIMIT` bytes of an output."""

    def __init__(self) -> None:
        self._data = bytearray()

    def add(self, chunk: bytes) -> None:
        self._data += chunk
        if len(self._data) > 2 * OUTPUT_LIMIT:
            del self._data[:-OUTPUT_LIMIT]

    def __bytes__(self) -> bytes:
        return bytes(self._data[-OUTPUT_LIMIT:])
