"""One run from the command line: the jobs, the sandboxes, the agents, the signals and what the user sees of them."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from evals.agents import Agents
from evals.check import check, is_tried_offline
from evals.cli import INTERRUPTED
from evals.console import ERR, OUT, emit, say
from evals.display import finding_line, note_lines
from evals.experiment import Experiment
from evals.job import Job
from evals.job_config import JobInterruptedError
from evals.job_folder import CONFIG, new_folder
from evals.progress import shown
from evals.sandboxes import choose
from evals.trial import Plan

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console

    from evals.finding import Finding
    from evals.job import Found
    from evals.job_config import JobConfig
    from evals.pace import Pace
    from evals.sandboxes import Sandboxes
    from evals.task import BrokenTask, Task

_HASTE = 10.0
"""Seconds for cleaning up once the user has asked a second time."""
_LABEL = 60
"""Characters of a model's name that stand in a folder's."""
_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Asked(NamedTuple):
    """What the user wants."""

    configs: Sequence[JobConfig]
    """One for each model, alike but for that."""
    tasks: list[Task]
    as_json: bool = False
    """Whether standard output is for events alone."""
    broken: Sequence[BrokenTask] = ()
    """Those that were named and cannot be run."""

    @property
    def config(self) -> JobConfig:
        """What they have in common."""
        return self.configs[0]

    @property
    def console(self) -> Console:
        """Where words for the user go."""
        return ERR if self.as_json else OUT

    def agents(self) -> list[Agents]:
        """Find what each job's agents need; `JobError` names what is not there."""
        paces: dict[str, Pace] = {}
        return [Agents(config, lambda line: say(line, self.console), paces) for config in self.configs]


class Arm(NamedTuple):
    """One job of an experiment."""

    config: JobConfig
    agents: Agents
    folder: Path
    """Its own, locked."""
    found: Found | None = None


class Ran(NamedTuple):
    """What came of it."""

    folder: Path
    jobs: Sequence[Job]
    halted: str | None


async def begin(asked: Asked) -> Ran:
    """Run a new job in a folder of its own, or several in folders within it.

    Raises:
        JobError: something that it names is not there, or its folder cannot be had or written to.
        JobInterruptedError: see `go_on`.
        SandboxStartError: this machine has no such sandbox.
    """
    agents = asked.agents()
    labels = [_label(config.model or config.agent) for config in asked.configs]
    wanted = None if asked.config.output is None else Path(asked.config.output)
    with ExitStack() as stack:
        folder = stack.enter_context(new_folder(wanted, "-vs-".join(labels)[:_LABEL]))
        folders = [folder]
        if len(labels) > 1:
            names = [label if labels.count(label) == 1 else f"{label}-{n}" for n, label in enumerate(labels, 1)]
            folders = [stack.enter_context(new_folder(folder / name, name)) for name in names]
        return await go_on(asked, list(map(Arm, asked.configs, agents, folders)), folder)


async def go_on(asked: Asked, arms: Sequence[Arm], folder: Path) -> Ran:
    """Run what is left of jobs, in a folder that the caller has locked; see `begin`.

    Raises:
        JobInterruptedError: the user wanted it to end, and something of it can be gone on with.
    """
    try:
        return await _run(asked, arms, folder)
    except asyncio.CancelledError as cancelled:
        if any((arm.folder / CONFIG).is_file() for arm in arms):
            raise JobInterruptedError(str(folder)) from cancelled
        raise


async def _run(asked: Asked, arms: Sequence[Arm], folder: Path) -> Ran:
    config, tasks, console = asked.config, asked.tasks, asked.console
    with interruptible() as interrupts:
        sandboxes = await _chosen(asked, folder)
        try:
            models = " and ".join(filter(None, (arm.config.model for arm in arms)))
            what = " with ".join(filter(None, (config.agent, models)))
            sizes = f"Tasks: {len(tasks)}   Attempts: {config.attempts}   At a time: {config.concurrency}"
            say(f"{sizes}   Agent: {what}", console)
            why = "as before" if any(arm.found for arm in arms) else sandboxes.why
            say(f"Sandbox: {sandboxes.kind} ({why})   Job: {folder}", console)
            jobs = [_job(arm, asked, sandboxes) for arm in arms]
            experiment = interrupts.experiment = Experiment(jobs, folder)
            with shown(experiment, console, as_json=asked.as_json):
                await _with(experiment, [arm.agents for arm in arms])
        finally:
            sandboxes.close()
    told = {(task.name, note) for task in tasks for note in task.notes}
    notes = ((result.task, note) for result in experiment.results for note in result.notes)
    for line in note_lines(note for note in notes if note not in told):
        say(line, ERR)
    return Ran(folder, jobs, experiment.halted)


def _job(arm: Arm, asked: Asked, sandboxes: Sandboxes) -> Job:
    agents = arm.agents
    known = {"sandbox": sandboxes.kind, "model": agents.model, "format": agents.format}
    config = arm.config.model_copy(update=known)
    plan = Plan(sandboxes.open, agents.make, config.turns, config.leftovers)
    prepare, found, left_out = sandboxes.prepare, arm.found, asked.broken
    return Job(config, asked.tasks, plan, arm.folder, prepare=prepare, found=found, left_out=left_out)


async def examine(asked: Asked, times: int) -> list[Finding]:
    """Check tasks, and tell each finding as soon as it is there; see `evals.check.check` and `begin`."""
    config, console = asked.config, asked.console
    wanted = None if config.output is None else Path(config.output)
    tasks: list[Task | BrokenTask] = [*asked.tasks, *asked.broken]
    width = max((len(task.name) for task in tasks), default=0)

    def tell(finding: Finding) -> None:
        if asked.as_json:
            emit(finding.model_dump())
        else:
            say(finding_line(finding, width), console)

    with new_folder(wanted, "check") as folder, interruptible():
        sandboxes = await _chosen(asked, folder)
        say(f"Tasks: {len(asked.tasks)}   Sandbox: {sandboxes.kind} ({sandboxes.why})   Files: {folder}", console)
        if left_out := sum(not is_tried_offline(task, sandboxes.kind) for task in asked.tasks):
            say(f"offline is not tried for {left_out} tasks: the network of a local sandbox stays", console)
        try:
            many = {"times": times, "concurrency": config.concurrency}
            return await check(tasks, sandboxes, folder=folder, on_found=tell, **many)
        finally:
            sandboxes.close()


async def _chosen(asked: Asked, folder: Path) -> Sandboxes:
    """Find the sandboxes, in which an agent must see no solutions, recordings or other trials of this machine."""
    hidden = [Path(__file__).parent.parent, Path.cwd() / folder, *(task.path for task in asked.tasks)]
    return await choose(asked.config.sandbox, hidden)


async def _with(experiment: Experiment, agents: Sequence[Agents]) -> None:
    """Run jobs while what their models need is imported beside them."""
    warming = asyncio.gather(*(one.warm_up() for one in agents), return_exceptions=True)
    try:
        await experiment.run()
    finally:
        await warming
        for one in agents:
            await one.close()


class Interrupts:
    """What signals do: the first ends all trials in good order, the second waits for nothing, the third leaves."""

    def __init__(self, main: asyncio.Task[object]) -> None:
        self.experiment: Experiment | None = None
        self._main = main
        self._times = 0

    def note(self) -> None:
        """Obey one of them."""
        self._times += 1
        if self._times > 2:  # noqa: PLR2004 - see above
            os._exit(INTERRUPTED)
        self._main.cancel()
        if self._times == 1:
            say("stopping: what runs is being ended and written down; once more, and nothing is waited for", ERR)
            return
        if self.experiment:
            self.experiment.hurry()
        asyncio.get_running_loop().call_later(_HASTE, os._exit, INTERRUPTED)


@contextmanager
def interruptible() -> Iterator[Interrupts]:
    """Take signals for the running task until the block ends."""
    loop, current = asyncio.get_running_loop(), asyncio.current_task()
    assert current  # noqa: S101 - there is a running loop
    interrupts = Interrupts(current)
    for number in _SIGNALS:
        loop.add_signal_handler(number, interrupts.note)
    yield interrupts
    # They stay until the loop has ended: a block that was cancelled still has to be left in peace.


def _label(name: str) -> str:
    """Name a job's folder after its model or agent."""
    last = name.removeprefix("scripted:").rsplit("/", 1)[-1].removesuffix(".json")
    return re.sub(r"[^A-Za-z0-9.-]+", "-", last)[:_LABEL].strip(".") or "model"
