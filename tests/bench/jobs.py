"""A job beside its tasks' own work, and many trials at once: python -m tests.bench.jobs [docker|local]."""

from __future__ import annotations

import asyncio
import os
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from agent.loop import TerminalAgent
from agent.scripted import ScriptedModel
from evals.agents import oracle
from evals.cli import BUNDLED
from evals.experiment import Experiment
from evals.harbor import load
from evals.job import Job
from evals.job_config import JobConfig
from evals.result import Outcome
from evals.sandboxes import choose
from evals.task import Task
from evals.trial import Plan
from evals.verifier import LOGS
from sandbox.archive import Archive
from tests.bench.row import show
from tests.fakes import make_task, reply

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.base import Agent
    from evals.sandboxes import Sandboxes

TRIALS = 20
ECHOES = 20
MANY, AT_ONCE = 32, 16


async def commands(sandboxes: Sandboxes, task: Task) -> float:
    """Run a task's solutions and tests and nothing else, and return the seconds that they took."""
    took = 0.0
    async with sandboxes.open(task.environment.model_copy(update={"folders": LOGS})) as sandbox:
        for step in task.steps:
            if step.solution.script is None:
                sys.exit(f"{task.name} has no script that solves it")
            packed = Archive(time.time()).tree(step.solution.script.parent, "solution", 0o755)
            for tests in step.verifier.tests:
                packed = packed.tree(tests, "tests", 0o755)
            await sandbox.put(packed.done())
            begun = time.perf_counter()
            await sandbox.exec(["sh", "-c", f"/solution/{step.solution.script.name}"], timeout=600)
            await sandbox.exec(["sh", "-c", f"/tests/{step.verifier.script}"], timeout=600)
            took += time.perf_counter() - begun
    return took


async def run(
    sandboxes: Sandboxes, tasks: list[Task], make: Callable[[Task], Agent], folder: Path, **sizes: int
) -> float:
    """Run a job and return its seconds, images not counted."""
    for task in tasks:
        await sandboxes.prepare(task.environment)
    config = JobConfig(sandbox=sandboxes.kind, **sizes)
    plan = Plan(sandboxes.open, lambda task, _: make(task))
    begun = time.perf_counter()
    results = await Experiment([Job(config, tasks, plan, folder, prepare=sandboxes.prepare)]).run()
    took = time.perf_counter() - begun
    if bad := [result for result in results if result.outcome is not Outcome.PASSED]:
        sys.exit(f"{len(bad)} of {len(results)} did not pass: {bad[0].task}: {bad[0].message}")
    return took


async def oracles(sandboxes: Sandboxes, folder: Path) -> None:
    """Compare a job of the bundled tasks with what their commands take on as many processors."""
    tasks = [task for task in load(BUNDLED) if isinstance(task, Task)][:TRIALS]
    rounds = -(-TRIALS // len(tasks))
    workers = os.cpu_count() or 1
    own = sum([await commands(sandboxes, task) for task in tasks]) * rounds / workers
    took = await run(
        sandboxes,
        tasks,
        oracle,
        folder / "oracles",
        attempts=rounds,
        concurrency=workers,
    )
    beside = (f"their commands on {workers} processors", own * 1000)
    show(f"{rounds * len(tasks)} oracle trials, {workers} at a time", took * 1000, target=1300 * own, beside=beside)


async def many(sandboxes: Sandboxes, folder: Path) -> None:
    """Run many short trials at once."""
    found = load(make_task(folder / "hello"))
    tasks = [task for task in found if isinstance(task, Task)]
    replies = [*[reply("echo hello > out\n")] * ECHOES, *[reply(done=True)] * 2]
    took = await run(
        sandboxes,
        tasks,
        lambda _: TerminalAgent(ScriptedModel(replies)),
        folder / "many",
        attempts=MANY,
        concurrency=AT_ONCE,
    )
    show(f"{MANY} trials of {ECHOES} turns, {AT_ONCE} at a time", took * 1000)
    show("which is", MANY / took * 60, unit="trials a minute")


async def main() -> None:
    """Measure both."""
    sandboxes = await choose(sys.argv[1] if len(sys.argv) > 1 else "auto")
    print(f"in {sandboxes.kind}")  # noqa: T201 - a measure speaks
    with tempfile.TemporaryDirectory() as folder:
        await oracles(sandboxes, Path(folder))
        await many(sandboxes, Path(folder))
    sandboxes.close()


if __name__ == "__main__":
    asyncio.run(main())
