"""The jobs of one command, one for each model, run side by side.

have the images -> run the trials, some at a time, the models in turn -> try again what a provider or a sandbox broke.
"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from contextlib import ExitStack
from typing import TYPE_CHECKING, NamedTuple

from agent.durable import write_whole
from agent.model import ProviderRejected, Usage
from evals.budget import Budget, total
from evals.job_config import JobStoppedError
from evals.job_folder import EXPERIMENT
from evals.schedule import blocks
from sandbox.base import finished

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from evals.job import Job
    from evals.result import TrialResult
    from evals.task import Task

_WATCH = 0.25
"""Seconds between two looks at what has been spent."""


class Turn(NamedTuple):
    """A trial to be run."""

    task: Task
    attempt: int
    job: Job


class Experiment:
    """What decides which trial of which job is next, and when no more are begun."""

    def __init__(self, jobs: Sequence[Job], folder: Path | None = None) -> None:
        """Lay out the trials that have not ended, in blocks of a task and all models.

        Args:
            jobs: at least one; how many trials run at a time and what may be spent stands in the first one's config.
            folder: that of all jobs, where there are several.
        """
        config = jobs[0].config
        self.jobs = jobs
        self.folder = folder or jobs[0].folder
        self.budget = Budget(config.job_max_cost, config.job_max_tokens)
        self.concurrency = config.concurrency
        attempts = max(job.config.attempts for job in jobs)
        turns = (Turn(*turn) for turn in blocks(jobs[0].tasks, attempts, jobs))
        self._queue = deque(turn for turn in turns if turn.job.lacks(turn.task, turn.attempt))
        self._workers: list[asyncio.Task[None]] = []

    @property
    def results(self) -> list[TrialResult]:
        """What has ended so far, job by job."""
        return [result for job in self.jobs for result in job.results]

    @property
    def total(self) -> int:
        """All trials, ended and to come."""
        return sum(job.total for job in self.jobs)

    @property
    def usage(self) -> Usage:
        """What has been used so far, by trials under way as well."""
        return total(job.usage for job in self.jobs)

    @property
    def halted(self) -> str | None:
        """Why some trials are not begun."""
        return "; ".join(dict.fromkeys(job.halted for job in self.jobs if job.halted)) or None

    async def run(self) -> list[TrialResult]:
        """Run all trials, `concurrency` at a time.

        A cancellation ends them, waits until each has cleaned up, and goes on to the caller. Trials of a halted job
        that have not begun by then are left out; and so are all once the budget is spent, which also ends those under
        way.

        Raises:
            JobStoppedError: a folder cannot be written to any more; `evals.recovery` finds all that had been.
        """
        try:
            if len(self.jobs) > 1:
                names = [job.folder.name for job in self.jobs]
                write_whole(self.folder / EXPERIMENT, json.dumps({"jobs": names}) + "\n")
            with ExitStack() as stack:
                for job in self.jobs:
                    stack.enter_context(job.journalled())
                for job in self.jobs:
                    await job.prepare()
                await self._all()
                self._leave_out()
        except OSError as error:
            raise JobStoppedError(
                f"{self.folder}: {error.strerror or error}; termstone resume goes on from here"
            ) from error
        return self.results

    def hurry(self) -> None:
        """Have trials that are being ended wait for nothing any more."""
        for worker in self._workers:
            worker.cancel(self.halted)

    async def _all(self) -> None:
        number = min(self.concurrency, len(self._queue))
        if not number:
            return
        self._workers = [asyncio.create_task(self._work()) for _ in range(number)]
        watching = asyncio.create_task(self._watch())
        try:
            await asyncio.wait(self._workers, return_when=asyncio.FIRST_EXCEPTION)
        finally:
            for task in (watching, *self._workers):
                task.cancel()
            await finished(asyncio.wait([watching, *self._workers]))
        for task in (watching, *self._workers):
            if not task.cancelled():
                task.result()

    async def _work(self) -> None:
        while turn := self._next():
            if await turn.job.attempt(turn.task, turn.attempt):
                self._queue.append(turn)  # last, so that trouble has time to pass

    def _next(self) -> Turn | None:
        for index, turn in enumerate(self._queue):
            if not turn.job.halted:
                del self._queue[index]
                return turn
        return None

    async def _watch(self) -> None:
        """End all that runs once the budget is spent."""
        if self.budget == Budget():
            return
        reason = None
        while not reason:  # usage grows in many places, none of which knows of budgets
            await asyncio.sleep(_WATCH)
            reason = self.budget.spent(self.usage)
        for job in self.jobs:
            job.halt(reason)
        self.hurry()

    def _leave_out(self) -> None:
        spent = self.budget.spent(self.usage)
        for task, attempt, job in self._queue:
            why = asyncio.CancelledError(job.halted) if spent else ProviderRejected(job.halted)
            job.leave_out(task, attempt, why)
