"""The trials of one configuration, told to a journal as they happen; `evals.experiment` says which is next.

A second run in the same folder, with what `evals.recovery` found in it, goes on where the first one was cut off.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
from collections import Counter
from contextlib import contextmanager
from datetime import UTC, datetime
from errno import ENOSPC
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from agent.durable import JsonLines, write_whole
from agent.model import NOTHING_USED, Usage
from evals.budget import forecast, total
from evals.images import Images
from evals.job_folder import CONFIG, JOURNAL, set_aside, trial_folder, tries
from evals.provenance import lock_of
from evals.result import WORTH_ANOTHER_TRY, Cause, Outcome, TrialResult
from evals.sandboxes import nothing_to_build
from evals.trial import Trial
from sandbox.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence

    from evals.job_config import JobConfig
    from evals.task import BrokenTask, Task
    from evals.trial import Plan
    from sandbox.base import Environment

Key = tuple[str, int]
"""A task's name and the number of an attempt at it."""
Event = dict[str, Any]
"""What happened, with its ``type`` and ``at``: a line of ``job.jsonl``."""

_ROOM = 10_000_000
"""Bytes that must be free on the disk for a trial to be begun."""


class Found(NamedTuple):
    """What an earlier run of the same job has left."""

    results: Mapping[Key, TrialResult]
    spent: Usage
    """By all trials and tries."""
    stays: Mapping[str, Any]
    """For ``job.json``: when the job was begun, and what has changed since."""
    remarks: Mapping[str, Any]
    """For the journal: how much was finished, what was mended."""


class Job:
    """All attempts of one configuration at all tasks."""

    def __init__(  # noqa: PLR0913 - two have defaults
        self,
        config: JobConfig,
        tasks: Sequence[Task],
        plan: Plan,
        folder: Path,
        *,
        prepare: Callable[[Environment], Awaitable[str | None]] = nothing_to_build,
        found: Found | None = None,
        left_out: Sequence[BrokenTask] = (),
    ) -> None:
        """Lay out every attempt at every task; nothing is written before `journalled`.

        Args:
            config: what was asked for.
            tasks: those that it names.
            plan: what each trial needs.
            folder: the job's own, which the caller has locked.
            prepare: has an environment's image built and returns its digest.
            found: what need not be done again.
            left_out: tasks that it names, too, and that cannot be run.
        """
        self.on_event: Callable[[Event], None] = lambda _: None
        """Called with each event once it is in the journal."""
        self.config = config
        self.tasks = tasks
        self.folder = folder
        self.running: list[Trial] = []
        self.images = Images(prepare, self._tell)
        self.halted: str | None = None
        """Why no more trials are begun."""
        self._plan = plan
        self._found = found
        self._left_out = left_out
        self._ended: dict[Key, TrialResult] = dict(found.results) if found else {}
        self._spent = found.spent if found else NOTHING_USED
        self._planned = [(task.name, attempt) for attempt in range(1, config.attempts + 1) for task in tasks]
        self._retried: Counter[Key] = Counter()
        self._journal: JsonLines
        self._document: dict[str, Any]

    @property
    def results(self) -> list[TrialResult]:
        """What has ended so far, in the order of the plan."""
        return [self._ended[key] for key in self._planned if key in self._ended]

    def lacks(self, task: Task, attempt: int) -> bool:
        """Whether this attempt was asked for and has not ended."""
        return attempt <= self.config.attempts and (task.name, attempt) not in self._ended

    @property
    def total(self) -> int:
        """All trials, ended and to come."""
        return len(self._planned)

    @property
    def usage(self) -> Usage:
        """What has been used so far, by trials under way as well."""
        return total([self._spent, *(trial.usage for trial in self.running)])

    @property
    def forecast(self) -> Usage:
        """What all trials will have used if those to come are like those that have ended."""
        ended = self.results
        return forecast([result.usage for result in ended if result.timing], self.total - len(ended))

    @contextmanager
    def journalled(self) -> Iterator[None]:
        """Tell the journal of the job's begin and end, and of what happens between.

        Raises:
            OSError: the folder cannot be written to.
        """
        self.folder.mkdir(parents=True, exist_ok=True)
        self._journal = JsonLines(self.folder / JOURNAL)
        self._document = {
            "config": Redaction().json(self.config.model_dump(mode="json")),
            "lock": lock_of(self.tasks, self.config),
            "started": datetime.now(UTC).isoformat(),
            "directory": str(Path.cwd()),
            "left_out": Redaction().json([task.model_dump() for task in self._left_out]),
            **(self._found.stays if self._found else {}),
        }
        try:
            remarks = self._found.remarks if self._found else {}
            kind = "job_resumed" if self._found else "job_begun"
            self._tell(kind, trials=self.total, **self._document, **remarks)
            self._write()
            yield
            outcomes = Counter(result.outcome for result in self.results)
            self._tell("job_ended", **{outcome: outcomes[outcome] for outcome in Outcome})
        except asyncio.CancelledError:
            self._tell("interrupted")
            raise
        finally:
            self._journal.close()

    async def prepare(self) -> None:
        """Have the images of what is still to be run, and write down which they are."""
        waiting = {name for name, attempt in self._planned if (name, attempt) not in self._ended}
        await self.images.have(task for task in self.tasks if task.name in waiting)
        self._document["lock"]["images"] = dict(sorted(self.images.digests.items()))
        self._write()

    async def attempt(self, task: Task, attempt: int) -> bool:
        """Run one trial, and return whether it should be run again, as something else broke it.

        A provider that denies an account, or rejects the first requests, rejects all, and so halts the job.

        Raises:
            OSError: the folder cannot be written to any more.
        """
        if shutil.disk_usage(self.folder).free < _ROOM:
            raise OSError(ENOSPC, os.strerror(ENOSPC))
        folder = trial_folder(self.folder, task.name, attempt)
        trial = Trial(task, attempt, folder, self._plan)
        if broken := self.images.broken.get(task.name):
            return self._end(trial, trial.leave_out(broken))
        self._tell("trial_begun", task=task.name, attempt=attempt, number=tries(folder) + 1)
        self.running.append(trial)
        try:
            result = await trial.run()
        except asyncio.CancelledError:
            if trial.result:
                self._end(trial, trial.result)
            raise
        finally:
            self.running.remove(trial)
        if not (folder / "result.json").is_file():
            result.write(folder)  # says why it could not be written
        again = self._end(trial, result)
        if result.cause is Cause.PROVIDER_DENIED or (
            result.cause is Cause.PROVIDER_REJECTED and not any(other.turns for other in self._ended.values())
        ):
            self.halt(result.message or "")
        return again

    def halt(self, reason: str) -> None:
        """Have no more trials begun."""
        if not self.halted:
            self.halted = reason
            self._tell("halted", message=reason)

    def leave_out(self, task: Task, attempt: int, why: BaseException) -> None:
        """Give what was not begun a result that says why, and that a resumed job does not take for one."""
        trial = Trial(task, attempt, trial_folder(self.folder, task.name, attempt), self._plan)
        self._end(trial, trial.leave_out(why))

    def _end(self, trial: Trial, result: TrialResult) -> bool:
        """Count a try that has ended, and say whether another one may help."""
        key = (trial.task.name, trial.attempt)
        self._spent += result.usage
        worth = result.cause in WORTH_ANOTHER_TRY and bool(result.timing) and not self.halted
        again = worth and self._retried[key] < self.config.retries
        if not again:
            self._ended[key] = result
        self._tell(
            "trial_ended",
            task=key[0],
            attempt=key[1],
            again=again,
            left=self.total - len(self._ended),
            forecast=self.forecast.model_dump(),
            result=result.model_dump(mode="json"),
        )
        if again:
            self._retried[key] += 1
            set_aside(trial_folder(self.folder, *key))
        return again

    def _write(self) -> None:
        write_whole(self.folder / CONFIG, json.dumps(self._document, indent=1) + "\n")

    def _tell(self, kind: str, **facts: object) -> None:
        event = {"type": kind, "at": datetime.now(UTC).isoformat(), **Redaction().json(facts)}
        self._journal.append(event)
        self.on_event(event)
