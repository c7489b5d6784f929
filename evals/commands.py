"""What each command of the command line does."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pkgutil
import re
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from agent.litellm_model import LiteLLMModel
from agent.loop import TerminalAgent
from agent.model import ModelError
from agent.oracle import NopAgent, OracleAgent
from agent.scripted import ANY_TASK, ScriptedModel, load_recording
from evals import display
from evals.cli import BAD_RESULT, BUNDLED, INVALID, OK, USAGE
from evals.harbor import load
from evals.job import Job, JobConfig, JobError, new_folder, read_config, read_results
from evals.result import Outcome, TrialResult
from evals.sandboxes import choose
from evals.task import BrokenTask, Task, TaskError, resolved
from evals.trial import Plan
from sandbox.base import SandboxError, SandboxStartError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Sequence

    from agent.base import Agent
    from agent.model import Model


class _Console(Console):
    """Goes on in silence when its reader has gone, as ``| head`` does: the job is not the reader's."""

    def on_broken_pipe(self) -> None:
        self.quiet = True
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


_console = _Console(highlight=False, width=None if sys.stdout and sys.stdout.isatty() else 160)
_errors = Console(stderr=True, highlight=False)


def run(arguments: argparse.Namespace) -> int:
    """Run an agent on tasks."""
    try:
        tasks = _usable(_load(arguments.paths))
        maker = _maker(arguments)
        folder, results = asyncio.run(_run(arguments, tasks, maker))
    except (TaskError, JobError, SandboxError, ModelError) as error:
        return _refused(error)
    except asyncio.CancelledError as error:
        raise KeyboardInterrupt from error
    _console.print()
    display.show_results(_console, results)
    _say(f"Results: {folder}")
    _say(f"A trial's steps: termstone show {folder / results[0].task / '1'}" if results else "No trial has ended.")
    return INVALID if any(result.outcome is Outcome.INVALID for result in results) else OK


def check(arguments: argparse.Namespace) -> int:
    """Check that each task's oracle passes and that doing nothing fails."""
    wanted = {"oracle": Outcome.PASSED, "nop": Outcome.FAILED}
    bad: list[str] = []
    try:
        found = _load(arguments.paths)
        tasks = _usable(found)
        output = arguments.output
        for agent, outcome in wanted.items():
            arguments.agent, arguments.output = agent, output and output / agent
            _say(f"{agent}: must be {outcome}")
            _, results = asyncio.run(_run(arguments, tasks, _maker(arguments)))
            display.show_results(_console, results)
            bad += [f"{r.task}: {agent} {r.outcome}, must be {outcome}" for r in results if r.outcome is not outcome]
    except (TaskError, JobError, SandboxError, ModelError) as error:
        return _refused(error)
    bad += [f"{task.name}: {task.reason}" for task in found if isinstance(task, BrokenTask)]
    for line in bad:
        _console.print(Text(display.printable(line), style="red"), soft_wrap=True)
    _say(f"{len(tasks)} tasks checked, " + (f"{len(bad)} problems" if bad else "all as they should be"))
    return BAD_RESULT if bad else OK


def show(arguments: argparse.Namespace) -> int:
    """Show a job's results or a trial's steps, from their files."""
    folder: Path = arguments.path
    try:
        if (folder / "result.json").is_file():
            result = TrialResult.model_validate_json((folder / "result.json").read_bytes())
            path = folder / "trajectory.json"
            display.show_trial(_console, result, json.loads(path.read_bytes()) if path.is_file() else {})
        else:
            document, results = read_config(folder), read_results(folder)
            display.show_results(_console, results)
            missing = len(document["lock"]["tasks"]) * document["config"]["attempts"] - len(results)
            if missing:
                _say(f"{missing} more trials were to be run and have no result.")
    except (JobError, ValueError, OSError) as error:
        return _refused(error)
    except (KeyError, TypeError):
        return _refused(JobError(f"{folder}/job.json is damaged"))
    return OK


def tasks(arguments: argparse.Namespace) -> int:
    """List tasks."""
    try:
        display.show_tasks(_console, _load(arguments.paths))
    except TaskError as error:
        return _refused(error)
    return OK


async def _run(arguments: argparse.Namespace, tasks: list[Task], maker: _Maker) -> tuple[Path, list[TrialResult]]:
    loop, current = asyncio.get_running_loop(), asyncio.current_task()
    for ending in (signal.SIGTERM, signal.SIGHUP):
        if current:
            loop.add_signal_handler(ending, current.cancel)
    folder = new_folder(arguments.output, _label(arguments.model or arguments.agent))
    # What an agent must not see where sandboxes show this machine: solutions, recordings, other trials.
    hidden = [Path(__file__).parent.parent, folder.resolve(), *(task.path for task in tasks)]
    try:
        sandboxes = await choose(arguments.sandbox, hidden)
    except SandboxStartError:
        folder.rmdir()
        raise
    try:
        config = maker.config(arguments, sandboxes.kind)
        what = " with ".join(filter(None, (config.agent, config.model)))
        _say(f"Tasks: {len(tasks)}   Attempts: {config.attempts}   At a time: {config.concurrency}   Agent: {what}")
        _say(f"Sandbox: {sandboxes.kind} ({sandboxes.why})   Job: {folder}")
        job = Job(config, tasks, Plan(sandboxes.open, maker.make), folder)
        with display.progress(_console, job):
            await _with(job, maker)
    finally:
        sandboxes.close()
    known = {note for task in tasks for note in task.notes}
    for note in dict.fromkeys(note for result in job.results for note in result.notes if note not in known):
        _errors.print(Text(display.printable(f"note: {note}")), soft_wrap=True)
    return folder, job.results


async def _with(job: Job, maker: _Maker) -> None:
    """Run a job while what its model needs is imported beside it."""
    warming = asyncio.create_task(maker.warm_up())
    try:
        await job.run()
    finally:
        await asyncio.gather(warming, return_exceptions=True)
        await maker.close()


class _Maker:
    """Makes one agent per trial, of the kind and with the model that the command line names."""

    def __init__(self, agent: str, model: str | None, *, api_base: str | None = None, temperature: float | None = None,
                 max_turns: int | None = None) -> None:  # fmt: skip
        self._agent = agent
        self._name = model
        self._max_turns = max_turns
        self._recording: dict[str, list[str]] | None = None
        self._told: set[type[ModelError]] = set()
        self._model: LiteLLMModel | None = None
        self._class: Any = None if agent in ("oracle", "nop", "termstone") else _resolved(agent)
        if agent in ("oracle", "nop"):
            self._name = None
        elif model is None and agent == "termstone":
            raise JobError("no model: name one with --model, or run --agent oracle")
        elif model and model.startswith("scripted:"):
            self._recording = load_recording(Path(model.removeprefix("scripted:")))
        elif model:
            self._model = LiteLLMModel(model, api_base=api_base, temperature=temperature)
            self._model.on_trouble = self._tell_once

    def config(self, arguments: argparse.Namespace, sandbox: str) -> JobConfig:
        """Write down what was asked for."""
        return JobConfig(
            agent=self._agent,
            model=self._name,
            api_base=arguments.api_base,
            temperature=arguments.temperature,
            max_turns=self._max_turns,
            sandbox=sandbox,
            concurrency=arguments.concurrency,
            attempts=arguments.attempts,
        )

    def make(self, task: Task, journal: Path) -> Agent:
        """Make the agent for one trial."""
        if self._agent == "nop":
            return NopAgent()
        if self._agent == "oracle":
            return OracleAgent(task.solution, resolved(task.solution_env, "solution.env"))
        kind: Callable[..., Agent] = self._class or TerminalAgent
        return kind(self._model_for(task), max_turns=self._max_turns, journal=journal)

    async def warm_up(self) -> None:
        """Import what is slow to import."""
        if self._model:
            await self._model.warm_up()

    async def close(self) -> None:
        """Let go of the model's connections."""
        if self._model:
            await self._model.close()

    def _tell_once(self, error: ModelError, seconds: float) -> None:
        """Say why nothing happens, once for each kind of trouble."""
        if type(error) not in self._told:
            self._told.add(type(error))
            budget = self._model.retry_budget if self._model else 0
            _say(f"{error} - asking again in {seconds:.0f} s, and for {budget:.0f} s at most; Ctrl-C stops")

    def _model_for(self, task: Task) -> Model | None:
        if self._recording is not None:
            return ScriptedModel(self._recording.get(task.name, self._recording.get(ANY_TASK, [])))
        return self._model


def _maker(arguments: argparse.Namespace) -> _Maker:
    named = {name: getattr(arguments, name) for name in ("api_base", "temperature", "max_turns")}
    return _Maker(arguments.agent, arguments.model, **named)


def _resolved(name: str) -> Any:  # noqa: ANN401 - whatever class the user wrote
    sys.path.insert(0, str(Path.cwd()))  # the user's module lies where the user is
    try:
        return pkgutil.resolve_name(name)
    except (ValueError, ImportError, AttributeError) as error:
        raise JobError(f"--agent {name}: {error}; give oracle, nop, or module:Class") from error


def _load(paths: Sequence[Path]) -> list[Task | BrokenTask]:
    return [task for path in (paths or [BUNDLED]) for task in load(path)]


def _usable(found: list[Task | BrokenTask]) -> list[Task]:
    """Name the broken tasks and return the others; `TaskError` when there are none."""
    for task in found:
        if isinstance(task, BrokenTask):
            _errors.print(Text(display.printable(f"left out: {task.name}: {task.reason}")), soft_wrap=True)
    usable = [task for task in found if isinstance(task, Task)]
    for task in usable:
        for note in task.notes:
            _errors.print(Text(display.printable(f"note: {task.name}: {note}")), soft_wrap=True)
    if not usable:
        raise TaskError("no task to run")
    repeated = {task.name for task in usable if sum(other.name == task.name for other in usable) > 1}
    if repeated:
        raise TaskError(f"two tasks have the same name: {', '.join(sorted(repeated))}")
    return usable


def _label(name: str) -> str:
    """Name a job's folder after its model or agent."""
    return re.sub(r"[^A-Za-z0-9.-]+", "-", name.rsplit("/", 1)[-1].removesuffix(".json"))[:60]


def _refused(error: Exception) -> int:
    _errors.print(Text(display.printable(f"termstone: {error}")), soft_wrap=True)
    return USAGE


def _say(line: str) -> None:
    _console.print(Text(display.printable(line)), soft_wrap=True)
