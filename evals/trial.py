"""One attempt at one task, from an empty sandbox to an outcome.

build or find the image -> start the sandbox -> [open the terminal -> the agent works -> keep the artifacts -> put the
tests in -> verify]* -> outcome with cause -> tear down. The part in brackets is `evals.step`, done for each step of the
task and each of its turns. Each arrow has a deadline and a cause of its own.
"""

from __future__ import annotations

import asyncio
import time
from contextlib import AsyncExitStack
from datetime import UTC, datetime
from typing import TYPE_CHECKING, NamedTuple

from agent.base import StopReason
from agent.model import NOTHING_USED, ModelError, Usage
from evals.assignment import assignment
from evals.host_variables import given
from evals.job_folder import tries
from evals.readiness import brought_up, healthy
from evals.result import CAUSE_OF_STOP, THE_AGENTS_DOING, Cause, Outcome, TrialResult, cause_of, resolved_in_turns
from evals.reward import VerifierError, combined, score, shortfall
from evals.step import Ground, StepRun
from evals.stopwatch import Stopwatch, summed
from evals.task import Leftovers, TaskError, resolved
from evals.verifier import LOGS
from sandbox.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agent.base import Agent
    from agent.trajectory import Trajectory
    from evals.reward import Graded
    from evals.task import Step, Task
    from sandbox.base import Environment, Sandbox


class Plan(NamedTuple):
    """What varies from run to run, as the trial needs it."""

    open_sandbox: Callable[[Environment], Sandbox]
    make_agent: Callable[[Task, Path], Agent]
    """Makes an agent for a task of one step, with a file to keep its journal in."""
    turns: int = 1
    """How often an agent works on each step; before all but the first it sees what the tests printed."""
    leftovers: Leftovers = Leftovers.SHARED
    """What becomes of what the agent left running, where the task is not stricter."""


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
        """The one that works, or was the last to."""
        self.result: TrialResult | None = None
        self._folder = folder
        self._plan = plan
        self._watch = Stopwatch(self._enter_phase)
        self._runs: list[tuple[StepRun, int]] = []
        """With the turn of each."""
        self._rewards: dict[str, float] = {}
        self._unbegun = 0
        """Steps that an earlier one was not good enough for."""
        self._notes: list[str] = []
        self._sandbox: Sandbox

    @property
    def usage(self) -> Usage:
        """What its agents have used so far."""
        return sum((run.agent.trajectory.usage for run, _ in self._runs), NOTHING_USED)

    @property
    def turns(self) -> int:
        """How many replies its agents have had so far."""
        steps = (step for run, _ in self._runs for step in run.agent.trajectory.steps)
        return sum(step.source == "agent" for step in steps)

    @property
    def part(self) -> str:
        """Say which step is worked on, and for which time, as far as there are several."""
        if not self._runs:
            return ""
        run, time_at_it = self._runs[-1]
        names = [step.name for step in self.task.steps]
        step = f"step {names.index(run.step.name) + 1}/{len(names)} {run.step.name}" if len(names) > 1 else ""
        again = f"time {time_at_it}/{self._plan.turns}" if self._plan.turns > 1 else ""
        return ", ".join(filter(None, [step, again]))

    async def run(self) -> TrialResult:
        """Run to an outcome. Whatever breaks is part of the result; only a cancellation goes on to the caller."""
        self.started = time.monotonic()
        begun = datetime.now(UTC).isoformat()
        error: BaseException | None = None
        try:
            self._folder.mkdir(parents=True, exist_ok=True)
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

    def leave_out(self, reason: BaseException) -> TrialResult:
        """Conclude a trial that is not begun: no image, a provider that rejects every request, a job that ends."""
        self.phase = "left out"
        self._folder.mkdir(parents=True, exist_ok=True)
        self.result = self._concluded(datetime.now(UTC).isoformat(), reason)
        self.result.write(self._folder)
        return self.result

    async def _stages(self) -> None:
        task = self.task
        environment = self._environment()
        self._sandbox = self._plan.open_sandbox(environment)
        first = self._begin(task.steps[0], 1)
        async with AsyncExitStack() as stack:
            with self._watch.stage("set_up"):
                await self._enter(stack, environment)
                for network in environment.phases:  # what cannot be had is found out before an agent works
                    await self._sandbox.allow(network)
                if task.healthcheck:
                    await healthy(self._sandbox, task.healthcheck)
            ground = Ground(self._sandbox, environment, self._plan.open_sandbox, stack.aclose)
            graded: list[dict[str, float]] = []
            for number, step in enumerate(task.steps):
                graded.append(await self._turns(number, ground, first if number == 0 else None))
                self._rewards = combined(graded, task.reward_strategy)
                if short := shortfall(graded[-1], step.min_reward):
                    self._unbegun = len(task.steps) - number - 1
                    self._notes.append(f"step {step.name}: {short}, so no further step was begun")
                    break

    def _environment(self) -> Environment:
        """Return the environment with all that the trial asks of it, and look for what only shows late."""
        task = self.task
        for step in task.steps:  # neither a variable nor artifacts that are not there must cost a whole run
            resolved(step.verifier.env, "verifier.env")
            apart = step.verifier.environment is not None
            if step.verifier.environment:
                resolved(step.verifier.environment.env, "verifier.environment.env")
            if self._leftovers(step) is Leftovers.FRESH and not (step.artifacts or apart):
                raise TaskError("it cannot be graded in a fresh sandbox: it names no artifacts")
        env, notes = given(task.environment)
        self._notes += notes
        phases = {network for step in task.steps for network in (step.network, step.verifier.network) if network}
        update = {
            "folders": (*LOGS, *task.environment.folders),
            "env": env,
            "phases": tuple(phases),
        }
        return task.environment.model_copy(update=update)

    def _leftovers(self, step: Step) -> Leftovers:
        return max(step.verifier.leftovers, self._plan.leftovers, key=tuple(Leftovers).index)

    def _begin(self, step: Step, turn: int) -> StepRun:
        """Make the agent for a turn of a step, which the task may not have the means for."""
        folder = self._folder
        if len(self.task.steps) > 1:
            folder = folder / "steps" / step.name
        if self._plan.turns > 1:
            folder = folder / f"turn-{turn}"
        folder.mkdir(parents=True, exist_ok=True)
        task = self.task.model_copy(update={"steps": (step,)})
        run = StepRun(task, self._plan.make_agent(task, folder / "journal.jsonl"), folder, self._enter_phase)
        self.agent = run.agent
        self._runs.append((run, turn))
        return run

    async def _turns(self, number: int, ground: Ground, run: StepRun | None) -> dict[str, float]:
        """Do a step as often as planned, and return the rewards of the first turn that passed, else of the last."""
        step, turns = self.task.steps[number], self._plan.turns
        rewards: list[dict[str, float]] = []
        graded: Graded | None = None
        for turn in range(1, turns + 1):
            run = run or self._begin(step, turn)
            told = assignment(run.task, turn=turn, turns=turns, before=graded)
            last = turn == turns and number == len(self.task.steps) - 1
            try:
                graded = await run.run(ground, told, self._leftovers(step), first=turn == 1, last=last)
            except VerifierError as error:  # tests that crash on the work are what another turn is for
                if turn == turns or error.ungraded is None:
                    raise
                graded = run.graded = error.ungraded
                run.notes.append(f"turn {turn} has no verdict: {error}")
            rewards.append(graded.rewards)
            run = None
        return next((found for found in rewards if score(found) == 1), rewards[-1])

    def _enter_phase(self, phase: str) -> None:
        self.phase = phase

    async def _enter(self, stack: AsyncExitStack, environment: Environment) -> None:
        """Bring the sandbox up, and see to it that the stack takes it down."""
        sandbox = self._sandbox
        await brought_up(sandbox, environment)

        async def leave(*exc: object) -> None:
            with self._watch.stage("tear_down"):
                await sandbox.__aexit__(*exc)

        stack.push_async_exit(leave)

    def _concluded(self, begun: str, error: BaseException | None) -> TrialResult:
        trajectories = [run.agent.trajectory for run, _ in self._runs]
        last = trajectories[-1] if trajectories else None
        steps = [run.result(turn) for run, turn in self._runs]
        replies = [step for each in trajectories for step in each.steps if step.source == "agent"]
        outcome, cause = self._judged(error)
        sandbox = getattr(self, "_sandbox", None)
        redaction = Redaction()
        return TrialResult(
            task=self.task.name,
            attempt=self.attempt,
            tries=1 + tries(self._folder),
            outcome=outcome,
            cause=cause,
            message=redaction.json(_message(error)),
            reward=score(self._rewards) if self._rewards else None,
            rewards=self._rewards,
            steps=steps,
            **(resolved_in_turns(steps) if self._plan.turns > 1 and error is None else {}),
            stop_reason=self._stop_reason(error),
            turns=len(replies),
            usage=self.usage,
            waited=sum(each.waited for each in trajectories),
            agent=last.agent["name"] or "" if last else "",
            agent_version=last.agent["version"] or "" if last else "",
            model=last.agent["model_name"] if last else None,
            answered_by=sorted({reply.model_name for reply in replies if reply.model_name}),
            sandbox=sandbox.name if sandbox else "",
            image=getattr(sandbox, "image", None),
            task_digest=self.task.digest,
            notes=redaction.json(self._all_notes(sandbox, trajectories)),
            started=begun,
            timing=summed([self._watch.seconds, *(step.timing for step in steps)]),
        )

    def _judged(self, error: BaseException | None) -> tuple[Outcome, Cause | None]:
        if isinstance(error, asyncio.CancelledError):
            return Outcome.INVALID, Cause.CANCELLED
        if error is not None:
            cause = cause_of(error)
            return (Outcome.FAILED if cause in THE_AGENTS_DOING else Outcome.INVALID), cause
        if score(self._rewards) == 1 and not self._unbegun:
            return Outcome.PASSED, None
        stop = self._stop_reason(None)
        return Outcome.FAILED, CAUSE_OF_STOP.get(stop) if stop else None

    def _stop_reason(self, error: BaseException | None) -> StopReason | None:
        if isinstance(error, ModelError):
            return StopReason.PROVIDER_FAILED
        if isinstance(error, asyncio.CancelledError):
            return StopReason.CANCELLED
        return self._runs[-1][0].stop if self._runs else None

    def _all_notes(self, sandbox: object, trajectories: list[Trajectory]) -> list[str]:
        dropped = dict.fromkeys(name for each in trajectories for name in each.dropped)
        servers = [str(server.get("name")) for server in self.task.mcp_servers]
        leftovers = self._plan.leftovers
        in_its_shell = leftovers is Leftovers.RESTARTED and all(step.verifier.same_shell for step in self.task.steps)
        notes = {
            f"the model does not take {', '.join(dropped)}: left out": dropped,
            f"MCP servers are only named in the instruction: {', '.join(servers)}": servers,
            f"what agents leave running: {leftovers}": leftovers is not Leftovers.SHARED and not in_its_shell,
        }
        return [
            *self.task.notes,
            *(getattr(sandbox, "notes", None) or []),
            *(note for note, holds in notes.items() if holds),
            *dict.fromkeys(note for run, _ in self._runs for note in run.notes),
            *self._notes,
        ]

    def _save(self, result: TrialResult) -> None:
        for run, _ in self._runs:
            run.save()
        result.write(self._folder)


def _message(error: BaseException | None) -> str | None:
    if error is None:
        return None
    if isinstance(error, asyncio.CancelledError):
        return str(error) or None
    text = str(error)
    known = isinstance(error, ModelError) or cause_of(error) is not Cause.HARNESS_ERROR
    return text if text and known else f"{type(error).__name__}: {text}"
