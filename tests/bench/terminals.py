"""One terminal: how soon it sees an end, what typing and floods take; many: what they need while nothing happens."""

from __future__ import annotations

import asyncio
import re
import shutil
import statistics
import subprocess
import time
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.base import Environment
from sandbox.bundle import TMUX_ENV, tmux
from sandbox.docker import DockerSandbox
from sandbox.recording import Recording
from sandbox.terminal import Terminal, open_terminal
from tests.bench.row import IMAGE, ROUNDS, show, timed

if TYPE_CHECKING:
    from sandbox.base import Sandbox
    from sandbox.engine import Engine

_SEQ = "seq 1 1000000"
_INPUTS = {
    "read": "read -r x\n",
    "a password": "read -rs x\n",
    "a name asked for": "perl -e '$| = 1; print q(name: ); <STDIN>'\n",
    "a debugger's prompt": "perl -de 1\n",
}
_LEAVES = {"a debugger's prompt": "q\n"}
_MANY = 32
_IDLE = 5.0


async def one(engine: Engine, folder: Path) -> None:
    """Measure one terminal in one container."""
    async with DockerSandbox(engine, Environment(image=IMAGE)) as sandbox, open_terminal(sandbox) as terminal:
        await _ends(sandbox, terminal)
        await _inputs(terminal)
        await _typing(terminal)
        await _floods(sandbox, terminal, folder)


async def _ends(sandbox: DockerSandbox, terminal: Terminal) -> None:
    plain = ("docker exec by SDK", await timed(lambda: sandbox.exec(["true"], timeout=10)))
    show("true, seen complete with its exit code", await timed(lambda: terminal.type("true\n", 10), 51), beside=plain)
    if shutil.which("docker"):
        name = (await sandbox.exec(["cat", "/etc/hostname"], timeout=10)).output.strip()
        command = ["docker", "exec", name, "true"]
        by_command = await timed(lambda: asyncio.to_thread(subprocess.run, command, check=True))
        show("docker exec by command", by_command, beside=plain)
    late = await timed(lambda: terminal.type("sleep 0.5; false\n", 10)) - 500
    show("how late the end of `sleep 0.5; false` is seen", late, target=30)
    waits = [await timed(partial(terminal.type, "true\n", wait), 1) for wait in range(5, 16)]
    show("wasted of durations of 5 to 15 s, each", statistics.mean(waits), target=30, beside=("waited out", 10_000))


async def _inputs(terminal: Terminal) -> None:
    for what, command in _INPUTS.items():
        late = []
        for _ in range(ROUNDS):
            late.append((await terminal.type(command, 10)).seconds * 1000)
            await terminal.type(_LEAVES.get(what, "\n"), 10)
        show(f"a program waits for input: {what}", statistics.median(late))


async def _typing(terminal: Terminal) -> None:
    await terminal.type("cat > /dev/null\n", 1)
    for size in (100, 1000, 10_000, 60_000):
        text = ("x" * 99 + "\n") * (size // 100)
        show(f"typing {size:,} characters to cat", await timed(partial(terminal.type, text, 10), 3))
    await terminal.type("C-d", 10)


async def _floods(sandbox: Sandbox, terminal: Terminal, folder: Path) -> None:
    call = " ".join(tmux("plain"))
    script = f"{call} new-session -d '{_SEQ}; {call} wait-for -S done' && {call} wait-for done"
    work = ["sh", "-c", script]
    plain = ("the same in plain tmux", await timed(lambda: sandbox.exec(work, timeout=60, env=TMUX_ENV), 3))
    show(_SEQ, await timed(lambda: terminal.type(f"{_SEQ}\n", 60), 3), beside=plain)
    recording = Recording(folder / "bench.cast", 160, 40)
    async with open_terminal(sandbox, recording=recording) as recorded:
        show(f"{_SEQ}, recorded", await timed(lambda: recorded.type(f"{_SEQ}\n", 60), 3), beside=plain)
    recording.close()


async def many(engine: Engine) -> None:
    """Measure what terminals need that are open at once in one process."""
    async with DockerSandbox(engine, Environment(image=IMAGE)) as sandbox, AsyncExitStack() as stack:
        first = await stack.enter_async_context(open_terminal(sandbox))
        await first.type("true\n", 10)
        before = _resident()
        for _ in range(_MANY):
            terminal = await stack.enter_async_context(open_terminal(sandbox))
            await terminal.type("seq 1 1000\n", 10)
        show(f"memory of each of {_MANY} terminals", (_resident() - before) / _MANY, unit="kB", target=10_000)
        begun = time.process_time()
        await asyncio.sleep(_IDLE)
        show(f"processor time of them all in {_IDLE:g} s", (time.process_time() - begun) * 1000, target=50)


def _resident() -> int:
    found = re.search(r"VmRSS:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    return int(found[1]) if found else 0
