"""One step of a trial, once: its files go in, an agent works, what it leaves is kept and graded."""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING, NamedTuple

from agent.base import StopReason
from agent.trajectory import Trajectory
from evals import artifacts
from evals.readiness import healthy, laid_out
from evals.result import StepResult
from evals.reward import EnvironmentBroken, VerifierError, VerifierTimeout, score
from evals.stopwatch import Stopwatch
from evals.task import Leftovers, resolved
from evals.testing import program
from evals.verifier import verify, verify_apart, verify_in_terminal, was_taken_away
from sandbox.base import SandboxDied, SandboxError
from sandbox.interpreter import by_shell
from sandbox.recording import Recording
from sandbox.screen import HEIGHT, WIDTH
from sandbox.terminal import open_terminal

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from agent.base import Agent
    from evals.reward import Graded
    from evals.task import Hook, Step, Task
    from sandbox.base import Environment, Network, Sandbox
    from sandbox.terminal import Terminal

_NOT_ENDED = "nothing that the agent left running was ended, as the task wants its tests in the agent's own shell"
_STOP = 10.0
"""Seconds for an agent to let go when it is stopped."""


def _clock() -> float:
    """Return what the clock showed at the zero of `time.monotonic`: less than before once it was set back."""
    return time.time() - time.monotonic()


_CLOCK = _clock()
_SLACK = 1.0
"""Seconds that a clock may be put right by without any harm."""


class Ground(NamedTuple):
    """Where steps are done, and where else their work is graded."""

    sandbox: Sandbox
    environment: Environment
    open_sandbox: Callable[[Environment], Sandbox]
    leave: Callable[[], Awaitable[None]]
    """Takes the sandbox down, as nothing needs it any more."""


class StepRun:
    """One time that an agent works on a step, and is graded."""

    def __init__(self, task: Task, agent: Agent, folder: Path, on_stage: Callable[[str], None]) -> None:
        """Take a task of one step, and an agent for it.

        Args:
            task: the step's part of the task.
            agent: made for this run alone.
            folder: where its files go.
            on_stage: hears where the run stands.
        """
        if not isinstance(getattr(agent, "trajectory", None), Trajectory):
            raise TypeError(f"{type(agent).__name__} is no agent: it has no `trajectory` (see agent/base.py)")
        self.agent = agent
        self.task = task
        self.step: Step = task.steps[0]
        self.stop: StopReason | None = None
        self.graded: Graded | None = None
        self.notes: list[str] = []
        """What went otherwise than the task has it."""
        self._folder = folder
        self._began: float | None = None
        self._watch = Stopwatch(on_stage)

    def result(self, turn: int) -> StepResult:
        """Say what it came to so far."""
        rewards = self.graded.rewards if self.graded else {}
        trajectory = self.agent.trajectory
        return StepResult(
            name=self.step.name,
            turn=turn,
            rewards=rewards,
            reward=score(rewards) if rewards else None,
            stop_reason=self.stop,
            replies=sum(step.source == "agent" for step in trajectory.steps),
            usage=trajectory.usage,
            timing=self._watch.seconds,
        )

    async def run(self, ground: Ground, instruction: str, leftovers: Leftovers, *, first: bool, last: bool) -> Graded:
        """Work and be graded.

        Args:
            ground: where.
            instruction: what the agent is told.
            leftovers: what becomes of what the agent left running.
            first: whether the step's files are still to be put in.
            last: whether nothing needs the sandbox afterwards.
        """
        step, sandbox = self.step, ground.sandbox
        async with AsyncExitStack() as stack:
            with self._watch.stage("set_up"):
                await sandbox.allow(step.network or ground.environment.network)
                if first:
                    await laid_out(sandbox, step)
                if first and step.healthcheck:
                    await healthy(sandbox, step.healthcheck)
                recording = Recording(self._folder / "terminal.cast", WIDTH, HEIGHT)
                stack.callback(recording.close)
                opened = open_terminal(sandbox, user=step.agent_user, recording=recording)
                terminal = await stack.enter_async_context(opened)
            with self._watch.stage("agent"):
                self._began = time.time()
                self.stop = await self._work(instruction, terminal)
            if not step.verifier.same_shell:
                await stack.aclose()
            with self._watch.stage("artifacts"):
                limit = artifacts.CARRIED if self._is_apart(leftovers) else artifacts.LIMIT
                taken = await self._gathered(sandbox, limit)
            with self._watch.stage("verification"):
                if last and self._is_apart(leftovers):
                    await ground.leave()
                self.graded = await self._judge(ground, taken, leftovers, terminal)
                self.notes += self.graded.notes
        return self.graded

    def save(self) -> None:
        """Write the trajectory and let go of its journal."""
        trajectory = self.agent.trajectory
        if trajectory.steps:
            trajectory.write(self._folder / "trajectory.json")
        trajectory.close()

    async def _work(self, instruction: str, terminal: Terminal) -> StopReason:
        """Let the agent work until it stops or its time is over; waiting for a refusing provider is not its time."""
        limit = self.step.agent_timeout
        begun = time.monotonic()
        work = asyncio.create_task(self.agent.run(instruction, terminal))
        try:
            while True:
                left = limit and limit + self.agent.trajectory.waited - (time.monotonic() - begun)
                if left is not None and left <= 0:
                    return StopReason.DEADLINE
                done, _ = await asyncio.wait([work], timeout=left)
                if done:
                    return work.result()
        finally:
            work.cancel()
            await asyncio.wait([work], timeout=_STOP)
            if work.done() and not work.cancelled():
                work.exception()  # seen, so that nobody complains that it was not

    async def _gathered(self, sandbox: Sandbox, limit: int) -> list[artifacts.Taken]:
        """Run the hooks, and take out and keep the artifacts."""
        for hook in self.step.verifier.hooks:
            await self._hook(sandbox, hook)
        wanted = dict.fromkeys((artifacts.ALWAYS, *self.step.artifacts))
        taken = await artifacts.take(sandbox, list(wanted), limit)
        kept = artifacts.keep(taken, self._folder / "artifacts")
        self.notes += [f"artifact {line.source}: {line.detail}" for line in kept if line.detail]
        return [one for one in taken if one.artifact in self.step.artifacts or not one.problem]

    async def _hook(self, sandbox: Sandbox, hook: Hook) -> None:
        """Run a hook; whatever comes of it, the work is graded."""
        place = sandbox.services.get(hook.service) if hook.service else sandbox
        said = f"there is no service {hook.service}"
        if place is not None:
            try:
                result = await place.exec(by_shell(hook.command), timeout=hook.timeout, user=hook.user)
                said = f"exit code {result.exit_code}" if result.exit_code else ""
            except SandboxDied:
                raise
            except SandboxError as error:
                said = str(error)
        if said:
            self.notes.append(f"hook {hook.command.strip().splitlines()[0][:80]!r}: {said}")

    def _is_apart(self, leftovers: Leftovers) -> bool:
        return self.step.verifier.environment is not None or leftovers is Leftovers.FRESH

    async def _judge(
        self, ground: Ground, taken: list[artifacts.Taken], leftovers: Leftovers, terminal: Terminal
    ) -> Graded:
        """Grade; tests without a verdict are the agent's doing where it took away what runs them."""
        try:
            return await self._grade(ground, taken, leftovers, terminal)
        except VerifierError as error:
            self.notes += error.ungraded.notes if error.ungraded else ()
            if error.ungraded is None or isinstance(error, VerifierTimeout) or self._is_apart(leftovers):
                raise
            verifier, environment = self.step.verifier, ground.environment
            if await was_taken_away(verifier, ground.sandbox, ground.open_sandbox(environment), environment):
                raise EnvironmentBroken(f"{program(verifier)[0]}, which runs the tests, is gone: {error}") from error
            raise

    async def _grade(
        self, ground: Ground, taken: list[artifacts.Taken], leftovers: Leftovers, terminal: Terminal
    ) -> Graded:
        verifier, folder = self.step.verifier, self._folder / "verifier"
        network: Network = verifier.network or ground.environment.network
        if self._is_apart(leftovers):
            if verifier.same_shell:
                self.notes.append(
                    "the task wants its tests in the agent's own shell, but they had a sandbox of their own"
                )
            environment = ground.environment.model_copy(update={"network": network})
            if verifier.environment:
                env = resolved(verifier.environment.env, "verifier.environment.env")
                environment = verifier.environment.model_copy(update={"env": env})
            return await verify_apart(verifier, ground.open_sandbox(environment), environment, taken, folder)
        await ground.sandbox.allow(network)
        restarted = leftovers is Leftovers.RESTARTED
        if verifier.same_shell:
            if restarted:
                self.notes.append(_NOT_ENDED)
            return await verify_in_terminal(verifier, terminal, folder)
        return await verify(verifier, ground.sandbox, folder, restarted=restarted, since=self._since(strict=restarted))

    def _since(self, *, strict: bool) -> float | None:
        """Return when the agent began, by the clock that says when files were changed; ``None`` when it is no use."""
        if _clock() > _CLOCK - _SLACK:
            return self._began
        said = "the clock was set back, so it is not known what of that which tests are run with was changed"
        if strict:
            raise VerifierError(said)
        self.notes.append(said)
        return None
