"""python -m tests.bench."""

from __future__ import annotations

import asyncio
import subprocess
import sys
import tempfile
from pathlib import Path

from sandbox.base import Environment, SandboxStartError
from sandbox.engine import Engine
from tests.bench import terminals, trials
from tests.bench.row import IMAGE, show, timed


async def command_line() -> None:
    """Compare the command's start with Python's own."""

    async def run(*argv: str) -> None:
        await asyncio.to_thread(subprocess.run, argv, stdout=subprocess.DEVNULL, check=True)

    theirs = await timed(lambda: run(sys.executable, "-c", "pass"))
    ours = await timed(lambda: run(sys.executable, "-m", "evals.cli", "--help"))
    show("termstone --help", ours, target=250, beside=("python -c pass", theirs))


async def main() -> None:
    """Run all of it."""
    await command_line()
    try:
        engine = await Engine.connect()
    except SandboxStartError as error:
        sys.exit(f"the rest needs Docker: {error}")
    with tempfile.TemporaryDirectory() as folder:
        await engine.images.of(Environment(image=IMAGE))
        await terminals.many(engine)  # first, as memory that was used once is used again
        await terminals.one(engine, Path(folder))
        await trials.measure(engine, Path(folder))
    engine.close()


if __name__ == "__main__":
    asyncio.run(main())
