"""The images of a job's tasks, had before the first trial, as building slows down whatever runs beside it."""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any

from evals.schedule import longest_first
from sandbox.base import SandboxError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

    from evals.task import Task
    from sandbox.base import Environment


class Images:
    """Builds, pulls or finds each distinct environment once, as many at a time as there are processors."""

    def __init__(
        self,
        prepare: Callable[[Environment], Awaitable[str | None]],
        tell: Callable[..., None],
    ) -> None:
        """Take what has one image, and what hears of each.

        Args:
            prepare: has an environment's image and returns its digest, ``None`` where there are none.
            tell: takes an event's type and its facts.
        """
        self.under_way: dict[str, float] = {}
        """The first task of each image that is being had, with the time since when, by `time.monotonic`."""
        self.broken: dict[str, SandboxError] = {}
        """Why tasks have no image, by name."""
        self.digests: dict[str, list[str]] = {}
        """Those of each task that has any, by name."""
        self._prepare = prepare
        self._tell = tell
        self._slots = asyncio.Semaphore(os.cpu_count() or 1)

    async def have(self, tasks: Iterable[Task]) -> None:
        """Have the images of tasks and of their tests, the longest to build first."""
        users: dict[str, list[str]] = {}
        distinct: dict[str, Environment] = {}
        for task in tasks:
            for environment in (task.environment, *(step.verifier.environment for step in task.steps)):
                if environment:
                    distinct[key := environment.model_dump_json()] = environment
                    users.setdefault(key, []).append(task.name)
        async with asyncio.TaskGroup() as group:
            for environment in longest_first(list(distinct.values())):
                group.create_task(self._one(environment, users[environment.model_dump_json()]))

    async def _one(self, environment: Environment, names: list[str]) -> None:
        async with self._slots:
            begun = self.under_way[names[0]] = time.monotonic()
            try:
                digest, broken = await self._prepare(environment), None
            except SandboxError as error:
                digest, broken = None, error
            except Exception as error:  # noqa: BLE001 - what is wrong with one environment stops no others
                digest, broken = None, SandboxError(f"{type(error).__name__}: {error}")
            del self.under_way[names[0]]
        facts: dict[str, Any] = {"tasks": names, "seconds": round(time.monotonic() - begun, 3)}
        if broken:
            self.broken.update(dict.fromkeys(names, broken))
            self._tell("image_failed", **facts, message=str(broken))
        elif digest:
            for name in names:
                self.digests[name] = sorted({*self.digests.get(name, ()), digest})
            self._tell("image_ready", **facts, digest=digest)
