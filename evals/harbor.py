"""Reads tasks in Harbor's format: ``task.toml``, ``instruction.md``, ``environment/``, ``tests/``, ``solution/``.

All of ``task.toml`` is read, schema 1.0 to 1.4 with its older keys. What is valid there and not honoured here stands in
the task's notes; what would be graded wrongly without it makes the task broken.
"""

from __future__ import annotations

import re
import tomllib
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, ValidationError

from evals.task import BrokenTask, Task, TaskError, Verifier
from sandbox.base import Environment

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_TOML_LIMIT, _INSTRUCTION_LIMIT = 1_000_000, 1_000_000
_NEWEST = (1, 4)
_LINE_LIMIT = 500
_NAME = re.compile(r"[A-Za-z0-9][\w.-]*")
_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([KMG])i?B?", re.IGNORECASE)
_MEGABYTES = {"K": 1 / 1024, "M": 1.0, "G": 1024.0}
_DEEP_KEY = re.compile(r"""(?<![\w-])(?:(?:[\w-]++|"[^"\n]*+"|'[^'\n]*+')[ \t]*+\.[ \t]*+){100}""", re.ASCII)
"""A key of a hundred parts: tomllib takes memory by the square of their number, gigabytes for a small file."""
_CANARY = re.compile(r"\s*(?:<!--.*canary.*-->|#.*canary.*)\s*", re.IGNORECASE)


class _Section(BaseModel):
    """A table of task.toml; keys that are not known are kept, to be named."""

    model_config = ConfigDict(extra="allow", frozen=True)


Network = Literal["public", "no-network", "allowlist"]
Seconds = Annotated[float, Field(gt=0, le=1e9)]  # no infinity: there are clocks that do not take it
Variables = dict[
    Annotated[str, StringConstraints(pattern=r"^[^=\x00]+$")], Annotated[str, StringConstraints(pattern=r"^[^\x00]*$")]
]


class _TaskTable(_Section):
    name: str | None = None
    version: str | None = None
    description: str = ""
    authors: list[Any] = Field(default_factory=list)
    keywords: list[str] = Field(default_factory=list)


class _AgentTable(_Section):
    timeout_sec: Seconds | None = None
    user: str | int | None = None
    network_mode: Network | None = None
    allowed_hosts: list[str] | None = None


class _VerifierTable(_Section):
    timeout_sec: Seconds = 600.0
    env: Variables = Field(default_factory=dict)
    user: str | int | None = None
    environment_mode: Literal["shared", "separate"] | None = None
    network_mode: Network | None = None
    allowed_hosts: list[str] | None = None
    collect: list[Any] = Field(default_factory=list)
    environment: dict[str, Any] | None = None


class _SolutionTable(_Section):
    env: Variables = Field(default_factory=dict)


class _EnvironmentTable(_Section):
    build_timeout_sec: Seconds = 600.0
    docker_image: str | None = None
    os: Literal["linux", "windows"] = "linux"
    cpus: float | None = Field(default=None, gt=0, le=10_000)
    memory_mb: int | None = Field(default=None, gt=0, le=1_000_000_000)
    memory: str | None = None
    storage_mb: int | None = None
    storage: str | None = None
    gpus: int | None = None
    gpu_types: list[str] | None = None
    tpu: dict[str, Any] | None = None
    env: Variables = Field(default_factory=dict)
    skills_dir: str | None = None
    workdir: str | None = Field(default=None, pattern=r"^/[^\x00]*$")
    network_mode: Network | None = None
    allow_internet: bool | None = None
    allowed_hosts: list[str] | None = None
    healthcheck: dict[str, Any] | None = None
    mcp_servers: list[Any] = Field(default_factory=list)


class _File(_Section):
    schema_version: str | None = None
    version: str | None = None
    source: str | None = None
    artifacts: list[Any] = Field(default_factory=list)
    multi_step_reward_strategy: str | None = None
    task: _TaskTable = _TaskTable()
    metadata: dict[str, Any] = Field(default_factory=dict)
    agent: _AgentTable = _AgentTable()
    verifier: _VerifierTable = _VerifierTable()
    solution: _SolutionTable = _SolutionTable()
    environment: _EnvironmentTable = _EnvironmentTable()
    steps: list[Any] = Field(default_factory=list)


def load(path: Path) -> Iterator[Task | BrokenTask]:
    """Read one task folder, or each task folder right below a folder, in the order of their names.

    Raises:
        TaskError: the path is missing, or holds no task at all.
    """
    for folder in _folders(path):
        name = folder.name if folder.name not in ("", "..") else folder.resolve().name
        try:
            yield _task(name, folder)
        except (TaskError, OSError) as error:
            yield BrokenTask(name=name, reason=_line(error))


def _folders(path: Path) -> list[Path]:
    try:
        if not path.is_dir():
            raise TaskError(f"{path}: no such folder")
        if (path / "task.toml").is_file():
            return [path]
        folders = sorted(child for child in path.iterdir() if (child / "task.toml").is_file())
    except OSError as error:
        raise TaskError(f"{path}: {error.strerror}") from error
    if not folders:
        raise TaskError(f"{path}: no task here (a task is a folder with a task.toml)")
    return folders


def _task(name: str, folder: Path) -> Task:
    if not _NAME.fullmatch(name):
        raise TaskError("the folder's name is no task name: letters, digits, '_', '.' and '-' only")
    config = _config(folder / "task.toml")
    _refuse_unsupported(folder, config)
    environment = config.environment
    return Task(
        name=name,
        title=config.task.name,
        path=folder.resolve(),
        instruction=_instruction(folder / "instruction.md"),
        environment=Environment(
            context=None if environment.docker_image else folder.resolve() / "environment",
            image=environment.docker_image,
            env=environment.env,
            workdir=environment.workdir,
            network=_network(environment) == "public",
            cpus=environment.cpus,
            memory_mb=environment.memory_mb or _megabytes(environment.memory),
            build_timeout=environment.build_timeout_sec,
        ),
        agent_timeout=config.agent.timeout_sec,
        agent_user=_user(config.agent.user),
        verifier=Verifier(
            timeout=config.verifier.timeout_sec, env=config.verifier.env, user=_user(config.verifier.user)
        ),
        solution_env=config.solution.env,
        description=config.task.description,
        metadata=config.metadata,
        notes=tuple(map(_line, _notes(folder, config))),
    )


def _config(path: Path) -> _File:
    text = _text(path, _TOML_LIMIT)
    if _DEEP_KEY.search(text):
        raise TaskError("task.toml: a key of more than a hundred parts")
    try:
        return _File.model_validate(tomllib.loads(text))
    except ValidationError as error:
        first = error.errors()[0]
        raise TaskError(f"task.toml: {'.'.join(map(str, first['loc']))}: {first['msg']}") from error
    except (ValueError, RecursionError) as error:
        raise TaskError(f"task.toml does not parse: {error}") from error


def _instruction(path: Path) -> str:
    lines = _text(path, _INSTRUCTION_LIMIT).replace("\r\n", "\n").split("\n")
    while lines and (not lines[0].strip() or _CANARY.fullmatch(lines[0])):
        lines.pop(0)
    text = "\n".join(lines).strip()
    if not text:
        raise TaskError("instruction.md is empty")
    return text


def _text(path: Path, limit: int) -> str:
    if not path.is_file():
        raise TaskError(f"{path.name} is missing")
    with path.open("rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise TaskError(f"{path.name}: larger than {limit:,} bytes")
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise TaskError(f"{path.name} is not UTF-8") from error


def _refuse_unsupported(folder: Path, config: _File) -> None:
    """Refuse what would be graded wrongly if it were left out."""
    compose = next(folder.glob("environment/docker-compose.y*ml"), None)
    dockerfile = (folder / "environment" / "Dockerfile").is_file()
    reasons = {
        "multi-step tasks are not supported yet": bool(config.steps),
        "Windows tasks are not supported": config.environment.os == "windows",
        "a separate verifier environment is not supported yet": config.verifier.environment_mode == "separate"
        or config.verifier.environment is not None,
        "environment/docker-compose.yaml: several services are not supported yet": compose is not None,
        "environment/Dockerfile is missing": not config.environment.docker_image and not dockerfile,
        "files in environment/ beside a docker_image, but no Dockerfile: not supported yet": not dockerfile
        and any(folder.glob("environment/*")),
        "tests/test.sh is missing": not (folder / "tests" / "test.sh").is_file(),
    }
    for reason, holds in reasons.items():
        if holds:
            raise TaskError(reason)


def _network(environment: _EnvironmentTable) -> Network:
    if environment.network_mode is not None:
        return environment.network_mode
    return "no-network" if environment.allow_internet is False else "public"


def _megabytes(size: str | None) -> int | None:
    if size is None:
        return None
    match = _SIZE.fullmatch(size.strip())
    if match is None:
        raise TaskError(f"task.toml: environment.memory: {size!r} is no size such as '2G'")
    return max(1, round(float(match[1]) * _MEGABYTES[match[2].upper()]))


def _user(user: str | int | None) -> str | None:
    return None if user is None else str(user)


def _notes(folder: Path, config: _File) -> Iterator[str]:
    """Name what the task asks for and does not get."""
    environment, verifier = config.environment, config.verifier
    network = _network(environment)
    asked = {
        f"task.toml: schema_version {config.schema_version} is newer than what is known": _is_newer(config),
        "artifacts are not collected": config.artifacts,
        "environment.storage_mb is not enforced": environment.storage_mb or environment.storage,
        "environment.gpus: there are none": environment.gpus or environment.gpu_types or environment.tpu,
        "environment.skills_dir is not used": environment.skills_dir,
        "environment.healthcheck is not waited for": environment.healthcheck,
        "environment.mcp_servers are not offered": environment.mcp_servers,
        "environment.allowed_hosts is not supported, so there is no network": network == "allowlist",
        "verifier.collect is not run": verifier.collect,
        "trajectory.json is not continued from": (folder / "trajectory.json").exists(),
        ".harborignore is not honoured: all of tests/ and solution/ is used": _ignores(folder),
    }
    yield from (note for note, holds in asked.items() if holds)
    for name, phase in (("agent", config.agent), ("verifier", verifier)):
        if phase.network_mode not in (None, network) or phase.allowed_hosts:
            yield f"{name}.network_mode is not honoured; the environment's ({network}) is"
    yield from (f"task.toml: {key} is not known" for key in config.model_extra or {})
    for name in ("task", "agent", "verifier", "solution", "environment"):
        yield from (f"task.toml: {name}.{key} is not known" for key in getattr(config, name).model_extra or {})


def _is_newer(config: _File) -> bool:
    numbers = re.findall(r"\d{1,9}", config.schema_version or "")
    return tuple(map(int, numbers[:2])) > _NEWEST


def _ignores(folder: Path) -> bool:
    return any((folder / name).exists() for name in (".harborignore", "tests/.harborignore", "solution/.harborignore"))


def _line(said: object) -> str:
    """Keep to one line what may name keys and files that hold anything."""
    return " ".join(str(said).split())[:_LINE_LIMIT]
