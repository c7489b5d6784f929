"""Harbor's ``task.toml``: its tables and keys, schema 1.0 to 1.4 with the older names, each value checked."""

from __future__ import annotations

import re
import tomllib
import unicodedata
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from evals.task import TaskError
from evals.task_folder import first_problem
from sandbox.base import Network

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_DEEP_KEY = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){100}""", re.ASCII)
"""A key of a hundred parts: tomllib takes memory by the square of their number, gigabytes for a small file."""
_SIZE = re.compile(r"(\d{1,12}(?:\.\d{1,6})?)\s*([KMG])i?B?", re.IGNORECASE | re.ASCII)
_MEGABYTES = {"K": 1 / 1024, "M": 1.0, "G": 1024.0}
_FOLDER_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]*$"


def _megabytes(size: object) -> object:
    match = _SIZE.fullmatch(size.strip()) if isinstance(size, str) else None
    if match is None:
        raise ValueError(f"{size!r} is no size such as '2G'")
    return max(1, round(float(match[1]) * _MEGABYTES[match[2].upper()]))


def _absolute(path: str) -> str:
    if not path.startswith("/") or ".." in PurePosixPath(path).parts or "\0" in path:
        raise ValueError("not an absolute path without '..'")
    return path


def _relative(path: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts or "\0" in path or parts == ("manifest.json",):
        raise ValueError("not a relative path without '..', or the manifest's own")
    return path


NetworkMode = Literal["public", "no-network", "allowlist"]
Seconds = Annotated[float, Field(gt=0, le=1e9)]  # no infinity: there are clocks that do not take it
Delay = Annotated[float, Field(ge=0, le=1e9)]
Megabytes = Annotated[int, Field(gt=0, le=1_000_000_000)]
Size = Annotated[int, BeforeValidator(_megabytes)]
Host = Annotated[
    str, StringConstraints(pattern=r"^(?:\*\.)?[A-Za-z0-9_:-][A-Za-z0-9_.:-]*(?:/\d{1,3})?$", max_length=255)
]
Command = Annotated[str, StringConstraints(min_length=1, pattern=r"^[^\x00]*$")]
AbsolutePath = Annotated[str, AfterValidator(_absolute)]
Number = Annotated[float, Field(allow_inf_nan=False)]
Variables = dict[
    Annotated[str, StringConstraints(pattern=r"^[^=\x00]+$")], Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]
]


class Table(BaseModel):
    """A table of task.toml; keys that are not known are kept, to be named."""

    model_config = ConfigDict(extra="allow", frozen=True)

    def unknown(self, prefix: str = "") -> Iterator[str]:
        """Name the keys here and below that are not known."""
        yield from (f"{prefix}{key}" for key in self.model_extra or {})
        for name in type(self).model_fields:
            value = getattr(self, name)
            for table in value if isinstance(value, list) else [value]:
                if isinstance(table, Table):
                    yield from table.unknown(f"{prefix}{name}.")


class _Reach(Table):
    """A table that says what may be reached."""

    network_mode: NetworkMode | None = None
    allowed_hosts: list[Host] | None = None

    @property
    def mode(self) -> NetworkMode | None:
        return self.network_mode

    @model_validator(mode="after")
    def _check_hosts(self) -> Self:
        if self.allowed_hosts and self.mode != "allowlist":
            raise ValueError("allowed_hosts goes with network_mode = 'allowlist'")
        return self

    @property
    def network(self) -> Network | None:
        """What may be reached; ``None`` when the table does not say."""
        return Network(mode=self.mode, hosts=tuple(self.allowed_hosts or ())) if self.mode else None


class TaskTable(Table):
    """``[task]``."""

    name: str | None = None
    version: str | None = None
    description: str = ""
    authors: list[Any] = Field(default_factory=list)
    keywords: list[str] = Field(default_factory=list)


class HealthcheckTable(Table):
    """``[environment.healthcheck]`` and ``[steps.healthcheck]``."""

    command: Command
    interval_sec: Delay = 5.0
    timeout_sec: Seconds = 30.0
    start_period_sec: Delay = 0.0
    start_interval_sec: Delay = 5.0
    retries: int = Field(default=3, ge=1, le=1_000_000)


class McpServerTable(Table):
    """One of ``[[environment.mcp_servers]]``."""

    name: str
    transport: Literal["sse", "streamable-http", "http", "stdio"] = "sse"
    url: str | None = None
    command: str | None = None
    args: list[str] = Field(default_factory=list)
    headers: dict[str, str] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _check_way(self) -> Self:
        needed = "command" if self.transport == "stdio" else "url"
        if getattr(self, needed) is None:
            raise ValueError(f"transport {self.transport} needs a {needed}")
        return self


class EnvironmentTable(_Reach):
    """``[environment]`` and ``[verifier.environment]``."""

    build_timeout_sec: Seconds = 600.0
    docker_image: str | None = Field(default=None, min_length=1)
    os: Literal["linux", "windows"] = "linux"
    cpus: float | None = Field(default=None, gt=0, le=10_000)
    memory_mb: Megabytes | None = None
    memory: Size | None = None
    storage_mb: Megabytes | None = None
    storage: Size | None = None
    gpus: int | None = None
    gpu_types: list[str] | None = None
    tpu: dict[str, Any] | None = None
    env: Variables = Field(default_factory=dict)
    skills_dir: AbsolutePath | None = None
    workdir: AbsolutePath | None = None
    allow_internet: bool | None = None
    healthcheck: HealthcheckTable | None = None
    mcp_servers: list[McpServerTable] = Field(default_factory=list)

    @property
    def mode(self) -> NetworkMode:
        """The mode, by its older name as well; Harbor's default is public."""
        return self.network_mode or ("no-network" if self.allow_internet is False else "public")


class AgentTable(_Reach):
    """``[agent]`` and ``[steps.agent]``."""

    timeout_sec: Seconds | None = None
    user: str | int | None = None


class CollectTable(Table):
    """One of ``[[verifier.collect]]``."""

    command: Command
    service: str | None = None
    timeout_sec: Seconds = 60.0
    user: str | int | None = None


class VerifierTable(_Reach):
    """``[verifier]`` and ``[steps.verifier]``."""

    timeout_sec: Seconds = 600.0
    env: Variables = Field(default_factory=dict)
    user: str | int | None = None
    environment_mode: Literal["shared", "separate"] | None = None
    collect: list[CollectTable] = Field(default_factory=list)
    environment: EnvironmentTable | None = None

    @model_validator(mode="after")
    def _check_mode(self) -> Self:
        if self.environment and self.environment_mode == "shared":
            raise ValueError("an environment of its own, and environment_mode = 'shared'")
        return self

    @property
    def separate(self) -> bool | None:
        """Whether the tests have a sandbox of their own; ``None`` when the table does not say."""
        if self.environment_mode is None and self.environment is None:
            return None
        return self.environment_mode != "shared"


class SolutionTable(Table):
    """``[solution]``."""

    env: Variables = Field(default_factory=dict)


class ArtifactTable(Table):
    """One of ``artifacts``, which may be the source alone."""

    source: AbsolutePath
    destination: Annotated[str, AfterValidator(_relative)] | None = None
    exclude: list[str] = Field(default_factory=list)
    service: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _from_source(cls, value: object) -> object:
        return {"source": value} if isinstance(value, str) else value


class StepTable(Table):
    """One of ``[[steps]]``."""

    name: str = Field(pattern=_FOLDER_NAME, max_length=150)
    min_reward: Number | dict[str, Number] | None = None
    artifacts: list[ArtifactTable] = Field(default_factory=list)
    agent: AgentTable = AgentTable()
    verifier: VerifierTable = VerifierTable()
    healthcheck: HealthcheckTable | None = None


class TaskToml(Table):
    """The whole file."""

    schema_version: str | None = None
    version: str | None = None
    source: str | None = None
    artifacts: list[ArtifactTable] = Field(default_factory=list)
    multi_step_reward_strategy: Literal["mean", "final"] = "mean"
    task: TaskTable = TaskTable()
    metadata: dict[str, Any] = Field(default_factory=dict)
    agent: AgentTable = AgentTable()
    verifier: VerifierTable = VerifierTable()
    solution: SolutionTable = SolutionTable()
    environment: EnvironmentTable = EnvironmentTable()
    steps: list[StepTable] = Field(default_factory=list)

    @model_validator(mode="after")
    def _check_names(self) -> Self:
        names = [unicodedata.normalize("NFC", step.name).casefold() for step in self.steps]
        if len(set(names)) != len(names):
            raise ValueError("two steps have the same name")
        return self


def parse(text: str) -> TaskToml:
    """Read the file; `TaskError` names the key that is wrong."""
    if _DEEP_KEY.search(text):
        raise TaskError("task.toml: a key of more than a hundred parts")
    try:
        content: Mapping[str, Any] = tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise TaskError(f"task.toml does not parse: {error}") from error
    try:
        return TaskToml.model_validate(content)
    except ValidationError as error:
        raise TaskError(f"task.toml: {first_problem(error)}") from error
