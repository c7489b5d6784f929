"""What a job is asked to do: the options of ``run``, the keys of a ``job.toml``, and the ``config`` of ``job.json``."""

from __future__ import annotations

import tomllib
from typing import TYPE_CHECKING, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from agent.limits import Limits
from evals.task import Leftovers

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path


class JobError(Exception):
    """The job cannot be begun, read or gone on with; the message is for the user."""


class JobStoppedError(JobError):
    """The job's folder cannot be written to any more."""


class JobInterruptedError(Exception):
    """The user ended the job, which can be gone on with; the message is its folder."""


class JobConfig(BaseModel):
    """One value for each option."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    tasks: tuple[str, ...] = ()
    """Paths, globs, git addresses and registry files; none is the bundled tasks."""
    limit: int | None = Field(default=None, ge=1)
    """How many of the tasks, the first ones."""
    task_format: str | None = None
    """``None`` is found out for each folder."""
    trust_task: bool = False
    """Whether a task's compose file may ask for privileges, mounts and variables of this machine."""

    agent: str = "termstone"
    model: str | None = None
    api_base: str | None = None
    temperature: float | None = None
    reasoning_effort: str | None = None
    thinking_budget: int | None = Field(default=None, ge=1)
    token_ids: bool = False
    format: str | None = None
    """The action format; ``None`` is the agent's own choice."""
    context: Literal["compact", "stop"] = "compact"
    context_limit: int | None = Field(default=None, ge=1)
    """Tokens that the model reads."""
    agent_timeout: float = Field(default=3600, gt=0, allow_inf_nan=False)
    """Seconds for the agent at a step, where the task sets none."""
    max_turns: int | None = Field(default=None, ge=1)
    max_tokens: int | None = Field(default=None, ge=1)
    max_cost: float | None = Field(default=None, ge=0)
    """US dollars."""
    max_repeats: int | None = Field(default=None, ge=1)
    turns: int = Field(default=1, ge=1)
    """How often an agent works on each step; before all but the first turn it sees what the tests printed."""
    leftovers: Leftovers = Leftovers.SHARED
    """What becomes of what the agent left running, where the task is not stricter."""

    attempts: int = Field(default=1, ge=1)
    concurrency: int = Field(default=1, ge=1)
    retries: int = Field(default=1, ge=0)
    """Further tries of an attempt that a provider or a sandbox broke."""
    job_max_cost: float | None = Field(default=None, ge=0)
    """US dollars for all trials together."""
    job_max_tokens: int | None = Field(default=None, ge=1)
    """Tokens sent and received by all trials together."""
    sandbox: str = "auto"
    """In ``job.json`` the kind that was found."""
    output: str | None = None
    """The job's folder; ``None`` is one below ``jobs/``."""

    @property
    def limits(self) -> Limits:
        """How far each agent may go."""
        names = ("max_turns", "max_tokens", "max_cost", "max_repeats")
        return Limits(when_full=self.context, **{name: getattr(self, name) for name in names})


def configs_of(values: Mapping[str, Any], file: Path | None = None) -> list[JobConfig]:
    """Make a config for each model, of which there may be a list, from options; some may be of a job file.

    Raises:
        JobError: a key that there is none of, or a value that does not fit, each by name.
    """
    named = values.get("model")
    models = named if isinstance(named, list) and named else [named]
    if twice := [model for model in models if models.count(model) > 1]:
        raise JobError(f"model {twice[0]} is named twice: more attempts at each task are -k")
    try:
        return [JobConfig.model_validate({**values, "model": model}) for model in models]
    except ValidationError as error:
        where = f"{file}: " if file else ""
        raise JobError(where + "; ".join(_problem(detail) for detail in error.errors())) from error


def read_options(file: Path) -> dict[str, Any]:
    """Read the options of a job file, by the names that they have here; ``json`` and ``compat`` are of no field.

    Raises:
        JobError: the file cannot be read or does not parse.
    """
    try:
        document = tomllib.loads(file.read_text(encoding="utf-8-sig"))
    except OSError as error:
        raise JobError(f"{file}: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise JobError(f"{file}: {error}") from error
    keys = {name.replace("-", "_"): value for name, value in document.items()}
    tasks = keys.get("tasks")
    return {**keys, "tasks": [tasks]} if isinstance(tasks, str) else keys


def _problem(detail: Any) -> str:  # noqa: ANN401 - pydantic's ErrorDetails
    name = ".".join(map(str, detail["loc"])).replace("_", "-")
    return f"no option {name}" if detail["type"] == "extra_forbidden" else f"{name}: {detail['msg']}"
