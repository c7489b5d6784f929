"""The compose file of a Terminal-Bench task, and the plain container that most of them come to."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from evals import plain_yaml
from evals.task import TaskError
from evals.task_folder import read_text
from sandbox.base import PUBLIC, Environment

if TYPE_CHECKING:
    from pathlib import Path

FILE, SERVICE = "docker-compose.yaml", "client"
TESTS, LOGS, AGENT_LOGS = "/tests", "/logs", "/agent-logs"
"""Where the tests are, and where tasks may write their logs."""
_BUILD_TIMEOUT = 1800.0
"""Seconds; Terminal-Bench has no limit, and its images take longer than Harbor's default."""
_VARIABLE = re.compile(r"\$(?:\{(\w+)\}|(\w+))", re.ASCII)
_SIZE = re.compile(r"(\d{1,15}(?:\.\d{1,6})?)\s*([kmg]?)i?b?", re.IGNORECASE | re.ASCII)
_MEGABYTES = {"": 1 / 1024**2, "k": 1 / 1024, "m": 1.0, "g": 1024.0}


def environment(name: str, folder: Path) -> Environment:
    """Return the environment of the task of this name.

    A compose file with the one service, which only builds the Dockerfile, is left out: a container from the image is
    the same and needs no compose. Its command, which waits, and its ports on this machine are not needed.

    Raises:
        TaskError: there is neither a compose file with the service nor a Dockerfile.
    """
    common = {"network": PUBLIC, "folders": (LOGS, AGENT_LOGS), "build_timeout": _BUILD_TIMEOUT}
    variables = _variables(name)
    if not (folder / FILE).is_file():
        if not (folder / "Dockerfile").is_file():
            raise TaskError(f"{FILE} is missing")
        return Environment(context=folder, env={"TEST_DIR": TESTS}, **common)
    try:
        content = plain_yaml.parse(FILE, read_text(folder / FILE), dict)
    except plain_yaml.AliasFound:
        plain = None  # the compose command follows them, with limits of its own
    else:
        plain = _plain(content, variables)
    if plain is not None and (folder / "Dockerfile").is_file():
        return Environment(context=folder, **plain, **common)
    return Environment(compose=folder / FILE, service=SERVICE, variables=variables, **common)


def _variables(name: str) -> dict[str, str]:
    """Return what Terminal-Bench's variables stand for, but for its folders on this machine, as there are none."""
    prefix = f"tb__{name}".lower()  # what names of images may have
    return {
        "T_BENCH_TASK_DOCKER_NAME_PREFIX": prefix,
        "T_BENCH_TASK_DOCKER_CLIENT_IMAGE_NAME": f"{prefix}__client",
        "T_BENCH_TASK_DOCKER_CLIENT_CONTAINER_NAME": f"{prefix}__client",
        "T_BENCH_TEST_DIR": TESTS,
        "T_BENCH_CONTAINER_LOGS_PATH": LOGS,
        "T_BENCH_CONTAINER_AGENT_LOGS_PATH": AGENT_LOGS,
    }


class _Closed(BaseModel):
    """A part of a compose file in which any other key means that it takes compose to be followed."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _as_mapping(value: Any) -> object:  # noqa: ANN401 - whatever stands there
    """Read ``[NAME=value]`` as ``{NAME: value}``, and numbers as their text."""
    pairs = [str(each).split("=", 1) for each in value] if isinstance(value, list) else dict(value or {}).items()
    return {name: str(each) if type(each) in (int, float) else each for name, each in pairs}


def _as_build(value: object) -> object:
    return {"context": value} if isinstance(value, str) else value


class _Build(_Closed):
    context: Literal[".", "./"] = "."
    dockerfile: Literal["Dockerfile", "./Dockerfile"] = "Dockerfile"


class _Limits(_Closed):
    cpus: float | None = Field(default=None, gt=0, le=10_000)
    memory: str | int | None = None


class _Resources(_Closed):
    limits: _Limits = _Limits()
    reservations: Any = None


class _Deploy(_Closed):
    resources: _Resources = _Resources()


class _Service(_Closed):
    build: Annotated[_Build, BeforeValidator(_as_build)]
    image: str | None = None
    container_name: str | None = None
    command: list[str] | str | None = None
    environment: Annotated[dict[str, str], BeforeValidator(_as_mapping)] = Field(default_factory=dict)
    volumes: list[
        Literal[
            "${T_BENCH_TASK_LOGS_PATH}:${T_BENCH_CONTAINER_LOGS_PATH}",
            "${T_BENCH_TASK_AGENT_LOGS_PATH}:${T_BENCH_CONTAINER_AGENT_LOGS_PATH}",
        ]
    ] = Field(default_factory=list)
    working_dir: str | None = Field(default=None, pattern=r"^/[^\x00$]*$")
    deploy: _Deploy = _Deploy()
    mem_limit: str | int | None = None
    cpus: float | None = Field(default=None, gt=0, le=10_000)
    ports: Any = None
    expose: Any = None
    init: bool = False
    stdin_open: bool = False
    tty: bool = False


class _Services(_Closed):
    client: _Service


class _Compose(_Closed):
    version: Any = None
    name: Any = None
    services: _Services


def _plain(content: dict[Any, Any], variables: dict[str, str]) -> dict[str, Any] | None:
    """Return what the file says of a container beside its image; ``None`` where it takes compose to say it.

    Raises:
        TaskError: no service to work in.
    """
    services = content.get("services")
    if not isinstance(services, dict) or not isinstance(services.get(SERVICE), dict):
        raise TaskError(f"{FILE} has no service {SERVICE}")
    try:
        service = _Compose.model_validate(content).services.client
        env = {name: _filled(value, variables) for name, value in service.environment.items()}
        memory = _megabytes(service.mem_limit or service.deploy.resources.limits.memory)
    except (ValidationError, ValueError, TypeError):
        return None
    cpus = service.cpus or service.deploy.resources.limits.cpus
    return {"env": env, "workdir": service.working_dir, "cpus": cpus, "memory_mb": memory}


def _filled(value: str, variables: dict[str, str]) -> str:
    if "$" in _VARIABLE.sub(lambda found: "" if (found[1] or found[2]) in variables else "$", value):
        raise ValueError(f"{value!r} has variables of this machine")
    return _VARIABLE.sub(lambda found: variables[found[1] or found[2]], value)


def _megabytes(size: str | int | None) -> int | None:
    if size is None:
        return None
    match = _SIZE.fullmatch(str(size).strip())
    if match is None:
        raise ValueError(f"{size!r} is no size")
    return max(1, round(float(match[1]) * _MEGABYTES[match[2].lower()]))
