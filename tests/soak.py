"""Many trials with random faults, watched for what they leak: python -m tests.soak [docker|local] [trials].

A tenth of the requests meets a provider in trouble, and every tenth sandbox is killed under its trial. At the end each
trial must be accounted for, and files, threads, processes, folders and memory must be as they were.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING

from agent.litellm_model import LiteLLMModel
from agent.loop import TerminalAgent
from evals.experiment import Experiment
from evals.harbor import load
from evals.job import Job
from evals.job_config import JobConfig
from evals.pace import Pace, PacedModel
from evals.result import Cause, Outcome
from evals.sandboxes import choose
from evals.task import Task
from evals.trial import Plan
from sandbox import owner
from tests.child import command_line, descendants, parents, torn
from tests.fakes import KEY, SOLVED, make_task, reply
from tests.scripted_server import CUT, ERROR_IN_200, HTML, RESET, ScriptedServer, status

if TYPE_CHECKING:
    from agent.base import Agent
    from evals.job import Event
    from tests.scripted_server import Fault

SHARE = 0.1
SEED = 69
AT_ONCE = 4
REPLIES = [reply("echo hello > out\n"), reply("sleep 1\n"), *SOLVED[1:]]
FAULTS = (status(429), status(503), RESET, CUT, HTML, ERROR_IN_200)
MAY_BREAK = {Cause.SANDBOX_DIED, Cause.SANDBOX_START_FAILED, Cause.VERIFIER_NO_RESULT}
"""The last where the container that the tests run in is killed, which an agent's processes could do as well."""
SLACK = {"files": 2, "threads": 8, "processes": 0, "folders": 0}
"""What may be more at the end: the threads that asyncio keeps, and litellm's own."""
MOST_MEMORY = 30_000
"""Bytes that a trial may add for good: its result and its line in the plan."""

chance = random.Random(SEED)  # noqa: S311 - the same faults each time


class TroubledServer(ScriptedServer):
    """Breaks now and then, and keeps no log, which would grow."""

    broken = 0

    def next_fault(self) -> Fault | None:
        """Take a fault by chance."""
        self.requests.clear()
        self.answered.clear()
        self.served.clear()
        self.tokens.clear()
        if chance.random() >= SHARE:
            return None
        self.broken += 1
        return chance.choice(FAULTS)


class Watch:
    """What this process holds, after each trial; and who kills sandboxes."""

    def __init__(self, kind: str) -> None:
        self.memory: list[int] = []
        self.killed = 0
        self._kind = kind
        self._killing: set[asyncio.Task[None]] = set()

    def note(self, event: Event) -> None:
        """Hear of an event of the job."""
        if event["type"] == "trial_begun" and chance.random() < SHARE:
            killing = asyncio.create_task(self._kill(chance.uniform(0.2, 2)))
            self._killing.add(killing)
            killing.add_done_callback(self._killing.discard)
        elif event["type"] == "trial_ended":
            gc.collect()  # which is put off the longer, the more there is
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            self.memory.append(pages * os.sysconf("SC_PAGE_SIZE"))
            if len(self.memory) % 20 == 0:
                print(f"{len(self.memory):>4} ended, {held()}")  # noqa: T201 - who waits wants to know

    async def _kill(self, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if self._kind == "docker":
            victims = await asyncio.to_thread(containers)
            if victims:
                kill = ["docker", "kill", chance.choice(victims)]
                await asyncio.to_thread(subprocess.run, kill, capture_output=True, check=False)
        else:
            ours = [pid for pid, parent in parents().items() if parent == os.getpid()]
            victims = [str(pid) for pid in ours if "local_init" in command_line(pid)]
            if victims:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(int(chance.choice(victims)), signal.SIGKILL)
        self.killed += bool(victims)

    def slope(self) -> float:
        """Return how many bytes each trial of the second half adds."""
        half = self.memory[len(self.memory) // 2 :]
        return statistics.linear_regression(range(len(half)), half).slope


def containers() -> list[str]:
    """Return the containers of this process."""
    label = f"{owner.OWNER_LABEL}={owner.labels()[owner.OWNER_LABEL]}"
    ours = ["docker", "ps", "-aq", "--filter", f"label={label}"]
    return subprocess.run(ours, capture_output=True, text=True, check=False).stdout.split()


def held() -> dict[str, int]:
    """Count what would leak."""
    return {
        "files": len(list(Path("/proc/self/fd").iterdir())),
        "threads": threading.active_count(),
        "processes": len(descendants()),
        "folders": len(list(Path(tempfile.gettempdir()).glob(f"{owner.folder_prefix()}*"))),
    }


async def soak(kind: str, trials: int, folder: Path) -> list[str]:
    """Run it and return what is wrong."""
    os.environ.setdefault("OPENAI_API_KEY", KEY)
    tasks = [task for task in load(make_task(folder / "hello")) if isinstance(task, Task)]
    before = held()
    sandboxes = await choose(kind)
    watch = Watch(sandboxes.kind)
    with TroubledServer(REPLIES) as server:
        model = LiteLLMModel("openai/scripted", api_base=server.url)
        pace = Pace(AT_ONCE)

        def make(_: Task, journal: Path) -> Agent:
            return TerminalAgent(PacedModel(model, pace), journal=journal)

        config = JobConfig(sandbox=sandboxes.kind, attempts=trials, concurrency=AT_ONCE, retries=2)
        job = Job(config, tasks, Plan(sandboxes.open, make), folder / "job", prepare=sandboxes.prepare)
        job.on_event = watch.note
        await model.warm_up()
        results = await Experiment([job]).run()
        await model.close()
    left = await asyncio.to_thread(containers) if sandboxes.kind == "docker" else []
    sandboxes.close()
    await asyncio.sleep(1)  # for connections and killed processes to be gone
    after = held()
    passed = sum(result.outcome is Outcome.PASSED for result in results)
    again = sum(result.tries - 1 for result in results)
    print(f"{len(results)} trials in {sandboxes.kind}, {passed} passed, {again} tried again")  # noqa: T201
    print(f"faults: {server.broken} of the provider, {watch.killed} sandboxes killed")  # noqa: T201
    print(f"before {before}, after {after}, {watch.slope():.0f} bytes a trial")  # noqa: T201
    wrong = [
        f"{result.task} #{result.attempt}: {result.outcome} {result.cause} {result.message}"
        for result in results
        if result.outcome is not Outcome.PASSED and result.cause not in MAY_BREAK
    ]
    wrong += [f"{name}: {before[name]} -> {after[name]}" for name in before if after[name] > before[name] + SLACK[name]]
    wrong += [f"container {name} is left" for name in left]
    wrong += [f"{name} is torn" for name in torn(folder / "job")]
    wrong += [] if len(results) == trials else [f"{trials - len(results)} trials are not accounted for"]
    wrong += [f"memory grows by {watch.slope():.0f} bytes a trial"] if watch.slope() > MOST_MEMORY else []
    return wrong


def main() -> None:
    """Run it, and say in the exit code whether anything leaked."""
    kind = sys.argv[1] if len(sys.argv) > 1 else "auto"
    trials = int(sys.argv[2]) if len(sys.argv) > 2 else 200
    begun = time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        wrong = asyncio.run(soak(kind, trials, Path(folder)))
    print(f"{time.monotonic() - begun:.0f} s; " + ("nothing leaked" if not wrong else "\n".join(wrong)))  # noqa: T201
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
