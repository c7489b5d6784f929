"""How much the harness grows while programs flood its terminal: python -m tests.flooded docker.

Prints a line for each flood: by how many kB the process's peak of memory lies above what it was before the first.
"""

from __future__ import annotations

import asyncio
import re
import sys
import tempfile
from pathlib import Path

from evals.sandboxes import choose
from sandbox.base import Environment, SandboxStartError
from sandbox.recording import Recording
from sandbox.terminal import open_terminal

GROWTH = 50_000
"""Kilobytes that are the most."""
NOT_HERE = 3
"""The exit code where there is no such sandbox."""
FLOODS = {
    "yes": "timeout 3 yes\n",
    "random": "timeout 2 cat /dev/urandom\n",
    "line": "head -c 20000000 /dev/zero | tr '\\0' x; echo\n",
    "lines": "seq 1 1000000\n",
}


def peak() -> int:
    """Return the most memory that this process has had, in kB."""
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="utf-8"))
    return int(found[1]) if found else 0


async def flood(kind: str) -> None:
    """Open a recorded terminal, and print what each flood needs."""
    sandboxes = await choose(kind)
    with tempfile.TemporaryDirectory() as folder:
        recording = Recording(Path(folder) / "t.cast", 160, 40)
        # The local sandbox is this machine, and knows no images.
        environment = Environment(image="debian:bookworm-slim" if sandboxes.kind == "docker" else None)
        async with sandboxes.open(environment) as sandbox, open_terminal(sandbox, recording=recording) as terminal:
            await terminal.type("seq 1 3000\n", 10)
            before = peak()
            for name, command in FLOODS.items():
                await terminal.type(command, 60)
                print(f"{name}: {peak() - before} kB")  # noqa: T201
        recording.close()
    sandboxes.close()


if __name__ == "__main__":
    try:
        asyncio.run(flood(sys.argv[1]))
    except SandboxStartError as error:
        print(error)  # noqa: T201
        sys.exit(NOT_HERE)
