"""Whether tasks are fit to be run: tried with their own solutions, with doing nothing and with cheats; no model.

A task is fit when its oracle passes each time, doing nothing fails, no cheat scores, its verifier says the same when
it is asked twice, and its image carries neither tests nor solution. What else is worth a look is a warning: a verifier
that needs a network, a path that the tests look at and the instruction does not name, little room in a time limit, a
repository with commits from after what is checked out.
"""

from __future__ import annotations

import asyncio
import time
from functools import partial
from typing import TYPE_CHECKING

from agent.base import StopReason
from agent.oracle import NopAgent, OracleAgent
from evals.agents import oracle
from evals.finding import Finding
from evals.git_future import repositories
from evals.giveaways import giveaways
from evals.result import THE_AGENTS_DOING, Cause, Outcome
from evals.task import BrokenTask
from evals.trial import Plan, Trial
from evals.unnamed_paths import unnamed_paths
from sandbox.base import NO_NETWORK, SandboxError, finished

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from pathlib import Path

    from agent.base import Agent
    from evals.git_future import Repository
    from evals.result import TrialResult
    from evals.sandboxes import Sandboxes
    from evals.task import Task

    Check = Callable[[], Awaitable[list[Finding]]]

_SHARE = 0.5
"""The part of a time limit that an oracle and the tests may take without a warning."""
_PARTS = (("agent", "the agent"), ("verification", "the tests"))


async def check(  # noqa: PLR0913 - all but two by name
    tasks: Sequence[Task | BrokenTask],
    sandboxes: Sandboxes,
    *,
    folder: Path,
    times: int = 1,
    concurrency: int = 1,
    on_found: Callable[[Finding], None] = lambda _: None,
) -> list[Finding]:
    """Check tasks, with a sandbox of its own for each run.

    Args:
        tasks: those to check; a broken one is a finding too.
        sandboxes: where to run.
        folder: where the trials' files go, a folder a task.
        times: how often each oracle has to pass.
        concurrency: runs at a time.
        on_found: called with each finding as soon as it is there.

    Returns:
        The findings in the order of the tasks and of the checks of each.
    """
    slots = asyncio.Semaphore(concurrency)

    async def told(work: Check) -> list[Finding]:
        async with slots:
            found = await work()
        for finding in found:
            on_found(finding)
        return found

    checks: list[Check] = []
    for task in tasks:
        if isinstance(task, BrokenTask):
            checks.append(partial(_broken, task))
        else:
            checks += _Checks(task, sandboxes, folder).all(times)
    running = [asyncio.ensure_future(told(work)) for work in checks]
    try:
        return [finding for found in await asyncio.gather(*running) for finding in found]
    finally:
        for one in running:
            one.cancel()
        await finished(asyncio.gather(*running, return_exceptions=True))


def is_tried_offline(task: Task, kind: str) -> bool:
    """Whether it is tried if a task's tests need a network: that of a local sandbox stays as it is."""
    return kind != "local" or _is_offline(task)


def _is_offline(task: Task) -> bool:
    return all((step.verifier.network or task.environment.network) == NO_NETWORK for step in task.steps)


async def _broken(task: BrokenTask) -> list[Finding]:
    return [Finding(task=task.name, check="loads", ok=False, detail=task.reason)]


class _Checks:
    """The checks of one task."""

    def __init__(self, task: Task, sandboxes: Sandboxes, folder: Path) -> None:
        self._task = task
        self._sandboxes = sandboxes
        self._folder = folder / task.name

    def all(self, times: int) -> Iterator[Check]:
        """Return each check, not yet begun."""
        yield self._loads
        yield self._oracle_and_again
        for number in range(2, times + 1):
            yield partial(self._passes, f"oracle {number}")
        yield self._nop
        for script in sorted(self._task.path.glob("cheats/*.sh")):
            yield partial(self._cheat, script)
        if is_tried_offline(self._task, self._sandboxes.kind):
            yield self._offline
        yield self._image

    async def _loads(self) -> list[Finding]:
        missing = unnamed_paths(self._task)
        return [
            self._finding("loads", ok=True, detail="; ".join(self._task.notes)),
            self._finding(
                "paths",
                ok=not missing,
                warning=True,
                detail=f"not in the instruction: {', '.join(missing)}" if missing else "",
            ),
        ]

    async def _oracle_and_again(self) -> list[Finding]:
        """Have the oracle work, and be graded once more after nothing was done."""
        agents: list[Agent] = []

        def make(task: Task) -> Agent:
            agents.append(NopAgent() if len(agents) % 2 else oracle(task))
            return agents[-1]

        result = await self._run("oracle", make, turns=2)
        first = [step for step in result.steps if step.turn == 1]
        second = [step for step in result.steps if step.turn == 2]  # noqa: PLR2004 - the second
        graded = bool(second) and all(step.rewards for step in second)
        same = graded and [step.rewards for step in first] == [step.rewards for step in second]
        differ = f"first {[step.rewards for step in first]}, then {[step.rewards for step in second] or result.message}"
        passed = len(first) == len(self._task.steps) and all(step.reward == 1 for step in first)
        late = "; its time was over" if any(step.stop_reason is StopReason.DEADLINE for step in first) else ""
        detail = "" if passed else f"{_said(result)}{late}"
        found = [self._finding("oracle", ok=passed, detail=detail, seconds=_spent(result))]
        if passed:
            found.append(self._finding("idempotent", ok=same, detail="" if same else differ))
            found.append(self._timing(result))
        return found

    def _timing(self, result: TrialResult) -> Finding:
        tight = []
        for done, step in zip(result.steps[::2], self._task.steps, strict=True):
            for (stage, who), limit in zip(_PARTS, (step.agent_timeout, step.verifier.timeout), strict=True):
                seconds = done.timing.get(stage, 0.0)
                if limit and seconds > _SHARE * limit:
                    tight.append(f"{who} took {seconds:.1f} s of {limit:g} s {step.name}".strip())
        return self._finding("timing", ok=not tight, warning=True, detail="; ".join(tight))

    async def _passes(self, name: str) -> list[Finding]:
        return [self._must(Outcome.PASSED, name, await self._run(name, oracle))]

    async def _nop(self) -> list[Finding]:
        return [self._must(Outcome.FAILED, "nop", await self._run("nop", lambda _: NopAgent()))]

    async def _cheat(self, script: Path) -> list[Finding]:
        name = f"cheat {script.stem}"
        result = await self._run(name, lambda _: OracleAgent(script, alone=True))
        # One that breaks the verifier has not scored, but one that was never tried has not been refused.
        broke_verifier = result.cause in (Cause.VERIFIER_NO_RESULT, Cause.VERIFIER_TIMEOUT)
        refused = result.reward == 0 or broke_verifier or result.cause in THE_AGENTS_DOING
        detail = "" if refused else _said(result)
        return [self._finding(name, ok=refused, detail=detail, seconds=_spent(result))]

    async def _offline(self) -> list[Finding]:
        if _is_offline(self._task):
            return [self._finding("offline", ok=True)]
        steps = [step.model_copy(update={"verifier": step.verifier.model_copy(update={"network": NO_NETWORK})})
                 for step in self._task.steps]  # fmt: skip
        result = await self._run("offline", oracle, self._task.model_copy(update={"steps": tuple(steps)}))
        passed = result.outcome is Outcome.PASSED
        detail = "" if passed else f"without a network {_said(result)}"
        return [self._finding("offline", ok=passed, warning=True, detail=detail, seconds=_spent(result))]

    async def _image(self) -> list[Finding]:
        begun = time.monotonic()
        try:
            async with self._sandboxes.open(self._task.environment) as sandbox:
                found = await giveaways(self._task, sandbox)
                repositories_there = await repositories(sandbox, local=self._sandboxes.kind == "local")
        except SandboxError as error:
            return [self._finding("image", ok=False, detail=str(error))]
        seconds = time.monotonic() - begun
        local = self._sandboxes.kind == "local"
        ours = local and bool(found) and all(one.is_of_this_machine for one in found)
        why = "this machine has copies that a local sandbox does not hide: " if ours else ""
        detail = why + "; ".join(map(str, found))
        return [
            self._finding("image", ok=not found, warning=ours, detail=detail, seconds=seconds),
            self._git(repositories_there),
        ]

    def _git(self, there: list[Repository]) -> Finding:
        told = [one for one in there if one.unreached != 0]
        ok = not any(one.unreached for one in told)
        return self._finding("git", ok=ok, warning=True, detail="; ".join(map(str, told)))

    async def _run(
        self, name: str, make: Callable[[Task], Agent], task: Task | None = None, *, turns: int = 1
    ) -> TrialResult:
        plan = Plan(self._sandboxes.open, lambda task, _: make(task), turns)
        return await Trial(task or self._task, 1, self._folder / name.replace(" ", "-"), plan).run()

    def _must(self, wanted: Outcome, name: str, result: TrialResult) -> Finding:
        good = result.outcome is wanted
        return self._finding(name, ok=good, detail="" if good else _said(result), seconds=_spent(result))

    def _finding(
        self, name: str, *, ok: bool, warning: bool = False, detail: str = "", seconds: float = 0.0
    ) -> Finding:
        line = " ".join(detail.split())
        return Finding(
            task=self._task.name, check=name, ok=ok, warning=warning and not ok, detail=line, seconds=round(seconds, 3)
        )


def _said(result: TrialResult) -> str:
    """Say what a run came to."""
    reward = "" if result.reward is None else f" with reward {result.reward:g}"
    return ": ".join(filter(None, (f"{result.outcome}{reward}", result.cause, result.message)))


def _spent(result: TrialResult) -> float:
    return sum(result.timing.values())
