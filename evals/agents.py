"""Makes one agent per trial, of the kind and with the model that a job names."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.formats import names, standard
from agent.litellm_model import LiteLLMModel
from agent.loop import TerminalAgent
from agent.oracle import NopAgent, OracleAgent
from agent.scripted import ANY_TASK, ScriptedModel, load_recording
from agent.terminus2 import FORMATS, Terminus2Agent
from evals import plugin
from evals.job_config import JobError
from evals.pace import Pace, PacedModel
from evals.task import TaskError, resolved

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.base import Agent
    from agent.formats import ActionFormat
    from agent.model import Model, ModelError
    from evals.job_config import JobConfig
    from evals.task import Task

_MODEL_OPTIONS = ("api_base", "temperature", "reasoning_effort", "thinking_budget", "token_ids", "context_limit")
_LOOPS: dict[str, type[TerminalAgent]] = {"termstone": TerminalAgent, "terminus2": Terminus2Agent}


class Agents:
    """What a job's agents have in common: their class, format, limits, model and its pace."""

    def __init__(
        self, config: JobConfig, tell: Callable[[str], None] = lambda _: None, paces: dict[str, Pace] | None = None
    ) -> None:
        """Find all that the config names, before anything is started.

        Args:
            config: what was asked for.
            tell: takes lines for the user.
            paces: those of the jobs that run beside it, by provider; its own is put in where there is none.

        Raises:
            JobError: something is not there or does not fit.
        """
        kind = config.agent
        self._tell = tell
        self._kind = kind
        self._told: set[type[ModelError]] = set()
        self._recording: dict[str, list[str]] | None = None
        self._model: LiteLLMModel | None = None
        provider = config.api_base or (config.model or "").partition("/")[0]
        self._pace = ({} if paces is None else paces).setdefault(provider, Pace(config.concurrency))
        self._options: dict[str, Any] = {"limits": config.limits}
        self.format = config.format or (standard().name if kind in _LOOPS else None)
        """The name of the action format; ``None`` where the agent has its own."""
        if kind == "terminus2" and self.format not in FORMATS:
            raise JobError(f"--format {self.format}: Terminus 2 has {' and '.join(FORMATS)}")
        if self.format:
            self._options["action_format"] = _format(self.format)
        self._class: Any = _LOOPS.get(kind)
        if kind in ("oracle", "nop"):
            return
        self._class = self._class or _resolved(kind, f"--agent {kind}", "oracle, nop, or module:Class")
        self.model = name = config.model
        if name is None and kind in _LOOPS:
            raise JobError("no model: name one with --model, or run --agent oracle")
        if name and name.startswith("scripted:"):
            self._recording = load_recording(Path(name.removeprefix("scripted:")))
        elif name:
            self._model = LiteLLMModel(name, **{option: getattr(config, option) for option in _MODEL_OPTIONS})
            self._model.on_trouble = self._tell_once

    model: str | None = None
    """As it was asked for; ``None`` where none is used."""

    def make(self, task: Task, journal: Path) -> Agent:
        """Make the agent for one trial."""
        if self._kind == "nop":
            return NopAgent()
        if self._kind == "oracle":
            return oracle(task)
        model = self._model_for(task)
        agent: Agent = self._class(model, journal=journal, **self._options)
        if isinstance(model, PacedModel) and hasattr(agent, "trajectory"):
            model.waits = agent.trajectory.wait
        return agent

    async def warm_up(self) -> None:
        """Import what is slow to import."""
        if self._model:
            await self._model.warm_up()

    async def close(self) -> None:
        """Let go of the model's connections."""
        if self._model:
            await self._model.close()

    def _model_for(self, task: Task) -> Model | None:
        if self._recording is not None:
            (name,) = task.instructions
            return ScriptedModel(self._recording.get(name, self._recording.get(ANY_TASK, [])))
        return PacedModel(self._model, self._pace) if self._model else None

    def _tell_once(self, error: ModelError, seconds: float) -> None:
        """Say why nothing happens, once for each kind of trouble."""
        if type(error) not in self._told:
            self._told.add(type(error))
            budget = self._model.retry_budget if self._model else 0
            self._tell(f"{error} - asking again in {seconds:.0f} s, and for {budget:.0f} s at most; Ctrl-C stops")


def oracle(task: Task) -> OracleAgent:
    """Make the agent that carries out the solution of a task of one step; `TaskError` where there is none."""
    solution = task.steps[0].solution
    if not solution:
        raise TaskError("there is no solution")
    return OracleAgent(
        solution.script,
        resolved(solution.env, "solution.env"),
        alone=not solution.whole_folder,
        typings=solution.typings,
    )


def _format(name: str) -> ActionFormat:
    """Make a format: the one in the file of that name under ``agent/formats``, or the user's own class."""
    if ":" not in name and name not in (known := names()):
        raise JobError(f"--format {name}: there is none; give {', '.join(known)} or module:Class")
    own = f"agent.formats.{name.replace('-', '_')}:{name.title().replace('-', '')}Format"
    found = _resolved(name if ":" in name else own, f"--format {name}", "a name or module:Class")
    try:
        made: ActionFormat = found()
    except TypeError as error:
        raise JobError(f"--format {name}: {error}; give a class that needs no arguments") from error
    return made


def _resolved(name: str, option: str, wanted: str) -> Any:  # noqa: ANN401 - whatever class the user wrote
    try:
        return plugin.resolve(name)
    except (ValueError, ImportError, AttributeError) as error:
        raise JobError(f"{option}: {error}; give {wanted}") from error
