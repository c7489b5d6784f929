"""The command as a child process that may be killed, and a look at what it left behind."""

from __future__ import annotations

import contextlib
import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

import docker
import pytest

from agent.durable import read_lines
from sandbox import owner
from tests.fakes import KEY

if TYPE_CHECKING:
    from collections.abc import Callable

ROOT = Path(__file__).parent.parent
_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER


def adopt_orphans() -> None:
    """Become the parent of whatever children leave behind, so that it can be found."""
    ctypes.CDLL(None).prctl(_SUBREAPER, 1, 0, 0, 0)


def preloaded(folder: Path, source: str) -> str:
    """Compile what stands between a program and the C library; return what ``LD_PRELOAD`` is to be."""
    library = folder / "preloaded.so"
    command = ["cc", "-shared", "-fPIC", "-x", "c", "-o", str(library), "-"]
    try:
        subprocess.run(command, input=source, text=True, check=True, capture_output=True)
    except (FileNotFoundError, subprocess.CalledProcessError) as error:
        pytest.skip(f"no C compiler here: {error}")
    return str(library)


class Child:
    """One ``termstone`` command with a temporary folder of its own."""

    def __init__(self, folder: Path, *words: object, **env: str) -> None:
        """Start it in `folder`."""
        self.temporary = folder / "temporary"
        self.temporary.mkdir(exist_ok=True)
        settings = {"PYTHONPATH": str(ROOT), "TMPDIR": str(self.temporary), "OPENAI_API_KEY": KEY}
        self._output = folder / "output"
        with self._output.open("w") as output:
            self.process = subprocess.Popen(
                [sys.executable, "-m", "evals.cli", *map(str, words)],
                cwd=folder,
                env=os.environ | settings | env,
                stdout=output,
                stderr=subprocess.STDOUT,
            )

    @property
    def output(self) -> str:
        """What it has printed so far."""
        return self._output.read_text()

    def until(self, condition: Callable[[], object], seconds: float = 60) -> None:
        """Wait until something is so, or it has ended."""
        limit = time.monotonic() + seconds
        while not condition():
            if self.process.poll() is not None or time.monotonic() > limit:
                raise AssertionError(f"it never was so (exit code {self.process.returncode}): {self.output}")
            time.sleep(0.002)

    def signal(self, *numbers: signal.Signals) -> None:
        """Send signals, one after the other."""
        for number in numbers:
            self.process.send_signal(number)
            time.sleep(0.05)  # two of a kind that wait together are one

    def wait(self, seconds: float = 120) -> int:
        """Wait for its end and return its exit code."""
        try:
            return self.process.wait(seconds)
        finally:
            self.process.kill()

    def leaves(self, seconds: float = 10) -> list[str]:
        """Return what is still there of it a little later: processes and temporary files."""
        limit = time.monotonic() + seconds
        while (
            left := [*map(command_line, descendants()), *map(str, self.temporary.iterdir())]
        ) and time.monotonic() < limit:
            time.sleep(0.02)
        return left


def kill_orphans() -> None:
    """End what a failed test has left, lest the next one finds it."""
    for pid in descendants():
        with contextlib.suppress(OSError):
            os.kill(pid, signal.SIGKILL)


def parents() -> dict[int, int]:
    """Return the parent of each process that runs."""
    found: dict[int, int] = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            state, parent = path.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":  # it has ended, and somebody has yet to hear of it
                found[int(path.parent.name)] = int(parent)
    return found


def descendants() -> list[int]:
    """Find the processes below this one that run."""
    found = parents()
    ours = {os.getpid()}
    while more := {pid for pid, parent in found.items() if parent in ours} - ours:
        ours |= more
    return sorted(ours - {os.getpid()})


def owned(pid: int) -> list[str]:
    """Name what a process of this machine has on a Docker daemon: containers, networks and volumes."""
    client = docker.from_env()
    filters = {"label": owner.OWNER_LABEL}
    found = {
        "container": client.api.containers(all=True, filters=filters),
        "network": client.api.networks(filters=filters),
        "volume": client.api.volumes(filters=filters)["Volumes"] or [],
    }
    client.close()
    owners = [
        (f"{kind} {it.get('Id') or it['Name']}", owner.read(it["Labels"][owner.OWNER_LABEL]))
        for kind, listed in found.items()
        for it in listed
    ]
    return [name for name, it in owners if it and it.pid == pid]


def command_line(pid: int) -> str:
    """Return the words of a process."""
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
    except OSError:
        return f"process {pid}"


def running(part: str) -> bool:
    """Whether a process with this in its command line runs below this one."""
    return any(part in command_line(pid) for pid in descendants())


def holding(hold: str) -> list[str]:
    """Return the processes of this machine that sleep so many seconds, also those of a daemon."""
    lines = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            lines.append(path.read_bytes())
        except OSError:  # it has ended
            continue
    return [line.decode() for line in lines if line == f"sleep\0{hold}\0".encode()]


def events(job: Path, kind: str) -> list[dict[str, Any]]:
    """Return the events of a kind in a job's journal."""
    path = job / "job.jsonl"
    return [event for event in read_lines(path) if event.get("type") == kind] if path.is_file() else []


def torn(job: Path) -> list[str]:
    """Name the state files that do not hold whole JSON, and drafts."""
    bad = [str(path) for path in job.rglob("*.draft")]
    for path in [*job.rglob("*.json"), *job.rglob("*.jsonl")]:
        text = path.read_text(errors="replace")
        try:
            for part in [text] if path.suffix == ".json" else text.splitlines():
                json.loads(part)
            if text and not text.endswith("\n"):
                bad.append(str(path))
        except ValueError:
            bad.append(str(path))
    return bad
