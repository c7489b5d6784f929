"""One attempt at one task, from an empty sandbox to an outcome.

build or find the image -> start the sandbox -> open the terminal -> the agent works -> put the tests in -> verify ->
outcome with cause -> tear down. Each arrow has a deadline and a cause of its own.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack, contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from agent.base import StopReason
from agent.model import ModelError, ProviderRejected
from agent.trajectory import Trajectory
from evals.result import CAUSE_OF_STOP, Cause, Outcome, TrialResult, cause_of
from evals.reward import score
from evals.task import resolved
from evals.verifier import LOGS, verify
from sandbox.base import SandboxStartError
from sandbox.recording import Recording
from sandbox.terminal import HEIGHT, WIDTH, open_terminal

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from agent.base import Agent
    from evals.task import Task
    from sandbox.base import Environment, Sandbox
    from sandbox.terminal import Terminal

_STOP = 10.0
"""Seconds for an agent to let go when it is stopped."""
_START = 120.0
"""Seconds for a sandbox to come up once its image is there."""


class Plan(NamedTuple):
    """What varies from run to run, as the trial needs it."""

    open_sandbox: Callable[[Environment], Sandbox]
    make_agent: Callable[[Task, Path], Agent]
    """Makes an agent for a task, with a file to keep its journal in."""


class Trial:
    """One attempt; `phase` tells a display where it stands."""

    def __init__(self, task: Task, attempt: int, folder: Path, plan: Plan) -> None:
        """Prepare attempt number `attempt` (from 1), whose files go into `folder`."""
        self.task = task
        self.attempt = attempt
        self.phase = "waiting"
        self.started: float | None = None
        """When the trial began, by `time.monotonic`."""
        self.agent: Agent | None = None
        self.result: TrialResult | None = None
        self._folder = folder
        self._plan = plan
        self._timing: dict[str, float] = {}
        self._rewards: dict[str, float] = {}
        self._stop: StopReason | None = None
        self._sandbox: Sandbox

    async def run(self) -> TrialResult:
        """Run to an outcome. Whatever breaks is part of the result; only a cancellation goes on to the caller."""
        self.started = time.monotonic()
        begun = datetime.now(UTC).isoformat()
        error: BaseException | None = None
        try:
            self._folder.mkdir(parents=True)
            await self._stages()
        except asyncio.CancelledError as cancelled:
            error = cancelled
        except Exception as broken:  # noqa: BLE001 - the one place: a bad trial is data and never stops its siblings
            error = broken
        self.phase = "done"
        result = self._concluded(begun, error)
        try:
            self._save(result)
        except OSError as full:
            result = self._concluded(begun, error or full)
        self.result = result
        if isinstance(error, asyncio.CancelledError):
            raise error
        return result

    def leave_out(self, reason: str) -> None:
        """Conclude a trial that was not begun, as its model's provider rejects every request."""
        self.phase = "left out"
        self._folder.mkdir(parents=True)
        self.result = self._concluded(datetime.now(UTC).isoformat(), ProviderRejected(reason))
        self.result.write(self._folder)

    async def _stages(self) -> None:
        env = resolved(self.task.environment.env, "environment.env")
        environment = self.task.environment.model_copy(update={"folders": LOGS, "env": env})
        resolved(self.task.verifier.env, "verifier.env")  # a variable that is not set must not cost a whole run
        self._sandbox = self._plan.open_sandbox(environment)
        agent = self._plan.make_agent(self.task, self._folder / "journal.jsonl")
        if not isinstance(getattr(agent, "trajectory", None), Trajectory):
            raise TypeError(f"{type(agent).__name__} is no agent: it has no `trajectory` (see agent/base.py)")
        self.agent = agent
        async with AsyncExitStack() as stack:
            with self._timed("set_up"):
                await self._enter(stack, environment.build_timeout + _START)
                recording = Recording(self._folder / "terminal.cast", WIDTH, HEIGHT)
                stack.callback(recording.close)
                terminal = await stack.enter_async_context(
                    open_terminal(self._sandbox, user=self.task.agent_user, recording=recording)
                )
            with self._timed("agent"):
                self._stop = await self._work(self.agent, terminal)
            with self._timed("verification"):
                self._rewards = await verify(self.task, self._sandbox, self._folder / "verifier")

    async def _work(self, agent: Agent, terminal: Terminal) -> StopReason:
        """Let the agent work until it stops or its time is over; waiting for a refusing provider is not its time."""
        limit = self.task.agent_timeout
        begun = time.monotonic()
        work = asyncio.create_task(agent.run(self.task.instruction, terminal))
        try:
            while True:
                left = limit and limit + agent.trajectory.waited - (time.monotonic() - begun)
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

    async def _enter(self, stack: AsyncExitStack, within: float) -> None:
        """Bring the sandbox up, and see to it that the stack takes it down."""
        sandbox = self._sandbox
        try:
            async with asyncio.timeout(within):
                await sandbox.__aenter__()
        except TimeoutError as error:
            raise SandboxStartError(f"the sandbox was not up within {within:g} s") from error

        async def leave(*exc: object) -> None:
            with self._timed("tear_down"):
                await sandbox.__aexit__(*exc)

        stack.push_async_exit(leave)

    @contextmanager
    def _timed(self, phase: str) -> Iterator[None]:
        self.phase = phase.replace("_", " ")
        begun = time.monotonic()
        try:
            yield
        finally:
            self._timing[phase] = round(time.monotonic() - begun, 3)

    def _concluded(self, begun: str, error: BaseException | None) -> TrialResult:
        trajectory = self.agent.trajectory if self.agent else None
        replies = [step for step in trajectory.steps if step.source == "agent"] if trajectory else []
        outcome, cause = self._judged(error)
        sandbox = getattr(self, "_sandbox", None)
        return TrialResult(
            task=self.task.name,
            attempt=self.attempt,
            outcome=outcome,
            cause=cause,
            message=_message(error),
            reward=score(self._rewards) if self._rewards else None,
            rewards=self._rewards,
            stop_reason=self._stop_reason(error),
            turns=len(replies),
            **({"usage": trajectory.usage, "waited": trajectory.waited} if trajectory else {}),
            agent=trajectory.agent["name"] or "" if trajectory else "",
            model=trajectory.agent["model_name"] if trajectory else None,
            answered_by=sorted({step.model_name for step in replies if step.model_name}),
            sandbox=sandbox.name if sandbox else "",
            image=getattr(sandbox, "image", None),
            task_digest=self.task.digest,
            notes=[*self.task.notes, *(getattr(sandbox, "notes", None) or [])],
            started=begun,
            timing=self._timing,
        )

    def _judged(self, error: BaseException | None) -> tuple[Outcome, Cause | None]:
        if isinstance(error, asyncio.CancelledError):
            return Outcome.INVALID, Cause.CANCELLED
        if error is not None:
            return Outcome.INVALID, cause_of(error)
        if score(self._rewards) == 1:
            return Outcome.PASSED, None
        return Outcome.FAILED, CAUSE_OF_STOP.get(self._stop) if self._stop else None

    def _stop_reason(self, error: BaseException | None) -> StopReason | None:
        if isinstance(error, ModelError):
            return StopReason.PROVIDER_FAILED
        return StopReason.CANCELLED if isinstance(error, asyncio.CancelledError) else self._stop

    def _save(self, result: TrialResult) -> None:
        if self.agent:
            if self.agent.trajectory.steps:
                self.agent.trajectory.write(self._folder / "trajectory.json")
            self.agent.trajectory.close()
        result.write(self._folder)


def _message(error: BaseException | None) -> str | None:
    if error is None or isinstance(error, asyncio.CancelledError):
        return None
    text = str(error)
    known = isinstance(error, ModelError) or cause_of(error) is not Cause.HARNESS_ERROR
    return text if text and known else f"{type(error).__name__}: {text}"
