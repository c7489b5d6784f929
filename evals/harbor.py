"""Reads tasks in Harbor's format: ``task.toml``, ``instruction.md``, ``environment/``, ``tests/``, ``solution/``.

What is valid there and not honoured here stands in the task's notes; what would be graded wrongly without it makes the
task broken.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

from evals.harbor_toml import StepTable, TaskToml, parse
from evals.task import Artifact, Healthcheck, Hook, Leftovers, Solution, Step, Task, TaskError, Verifier
from evals.task_folder import load_each, one_line, read_text
from sandbox.base import Environment, Network

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import Any

    from evals.harbor_toml import ArtifactTable, CollectTable, EnvironmentTable, HealthcheckTable
    from evals.task import BrokenTask

FILE = "task.toml"
_NEWEST = (1, 4)
_CANARY = re.compile(r"\s*(?:<!--.*canary.*-->|#.*canary.*)\s*", re.IGNORECASE)
_ONLY_STEP = StepTable.model_construct(name="")
"""Says nothing of its own, for tasks without steps."""


def load(path: Path) -> Iterator[Task | BrokenTask]:
    """Read one task folder, or each task folder right below a folder; see `load_each`."""
    return load_each(path, {FILE: read})


def read(name: str, folder: Path) -> Task:
    """Read the task of this name from its folder; `TaskError` says why it cannot be run rightly."""
    return _Folder(folder.resolve(), parse(read_text(folder / FILE))).task(name)


class _Apart(NamedTuple):
    """The environment of tests that do not run where the agent worked."""

    environment: Environment | None
    has_tests: bool
    """Whether ``/tests`` is in it already."""


class _Folder:
    """A task's folder with its ``task.toml``."""

    def __init__(self, path: Path, toml: TaskToml) -> None:
        self._path = path
        self._toml = toml

    def task(self, name: str) -> Task:
        toml = self._toml
        return Task(
            name=name,
            title=toml.task.name,
            path=self._path,
            steps=tuple(map(self._step, toml.steps or [_ONLY_STEP])),
            environment=_environment(toml.environment, self._path / "environment"),
            healthcheck=_healthcheck(toml.environment.healthcheck),
            reward_strategy=toml.multi_step_reward_strategy,
            skills=toml.environment.skills_dir,
            mcp_servers=tuple(server.model_dump(exclude_none=True) for server in toml.environment.mcp_servers),
            description=toml.task.description,
            metadata=self._metadata(),
            notes=tuple(dict.fromkeys(map(one_line, self._notes()))),
        )

    def _step(self, step: StepTable) -> Step:
        folder = self._path / "steps" / step.name if step.name else self._path
        agent, inherited = step.agent, self._toml.agent
        own = folder / "solution" / "solve.sh"
        script = own if own.is_file() else self._path / "solution" / "solve.sh"
        return Step(
            name=step.name,
            instruction=_instruction(folder / "instruction.md"),
            files=folder / "workdir" if step.name and (folder / "workdir").is_dir() else None,
            healthcheck=_healthcheck(step.healthcheck),
            agent_timeout=inherited.timeout_sec if agent.timeout_sec is None else agent.timeout_sec,
            agent_user=_user(agent.user, inherited.user),
            network=self._network(agent.network or inherited.network),
            verifier=self._verifier(step, folder),
            artifacts=tuple(map(_artifact, [*self._toml.artifacts, *step.artifacts])),
            min_reward={"reward": step.min_reward} if isinstance(step.min_reward, float) else step.min_reward or {},
            solution=Solution(script=script if script.is_file() else None, env=self._toml.solution.env),
        )

    def _verifier(self, step: StepTable, folder: Path) -> Verifier:
        own, inherited = step.verifier, self._toml.verifier
        tests = dict.fromkeys(each for each in (self._path / "tests", folder / "tests") if each.is_dir())
        apart = self._apart(step, folder)
        if not apart.has_tests and not any((each / "test.sh").is_file() for each in tests):
            raise TaskError(f"{f'steps/{step.name}/' if step.name else ''}tests/test.sh is missing")
        return Verifier(
            tests=() if apart.has_tests else tuple(tests),
            # Harbor's steps have their own default here and never the task's.
            timeout=(own if step.name else inherited).timeout_sec,
            env={**inherited.env, **own.env},
            user=_user(own.user, inherited.user),
            network=self._network(own.network or inherited.network),
            leftovers=self._leftovers(),
            environment=apart.environment,
            hooks=tuple(map(_hook, own.collect or inherited.collect)),
        )

    def _apart(self, step: StepTable, folder: Path) -> _Apart:
        """Find the environment that the tests have to themselves, in the first of Harbor's places that says one."""
        own, inherited = step.verifier, self._toml.verifier
        if not (inherited.separate if own.separate is None else own.separate):
            return _Apart(None, has_tests=False)
        settings = own.environment or inherited.environment or self._toml.environment
        places = [(own, folder / "tests")] if step.name else []
        for tables, tests in [*places, (inherited, self._path / "tests")]:
            if tables.environment and tables.environment.docker_image:
                return _Apart(_environment(tables.environment, None), has_tests=True)
            if (tests / "Dockerfile").is_file() or (tests / "docker-compose.yaml").is_file():
                return _Apart(_environment(settings.model_copy(update={"docker_image": None}), tests), has_tests=True)
        image = self._toml.environment.docker_image
        same = _environment(settings.model_copy(update={"docker_image": image}), self._path / "environment")
        return _Apart(same, has_tests=False)

    def _network(self, phase: Network | None) -> Network | None:
        if phase is None or phase.mode != "allowlist" or phase.hosts:
            return phase
        return Network(mode="allowlist", hosts=tuple(self._toml.environment.allowed_hosts or ()))

    def _leftovers(self) -> Leftovers:
        wanted = self._toml.metadata.get("verification", Leftovers.SHARED)
        try:
            return Leftovers(wanted)
        except ValueError as error:
            kinds = ", ".join(Leftovers)
            raise TaskError(f"task.toml: metadata.verification: {wanted!r} is none of {kinds}") from error

    def _metadata(self) -> dict[str, Any]:
        toml = self._toml
        known = {
            "version": toml.task.version,
            "keywords": toml.task.keywords,
            "authors": toml.task.authors,
            "source": toml.source,
        }
        return {name: value for name, value in known.items() if value} | toml.metadata

    def _notes(self) -> Iterator[str]:
        """Name what the task asks for and does not get."""
        environment, apart = self._toml.environment, self._toml.verifier.environment
        folders = [self._path, *(self._path / "steps" / step.name for step in self._toml.steps)]
        asked = {
            f"task.toml: schema_version {self._toml.schema_version} is newer than what is known": self._is_newer(),
            "environment.gpus: there are none": environment.gpus or environment.gpu_types or environment.tpu,
            "verifier.environment.healthcheck is not waited for": apart and apart.healthcheck,
            "trajectory.json is not continued from": any((each / "trajectory.json").exists() for each in folders),
            ".harborignore is not honoured: all of tests/ and solution/ is used": any(map(_ignores, folders)),
        }
        yield from (note for note, holds in asked.items() if holds)
        yield from (f"task.toml: {key} is not known" for key in self._toml.unknown())

    def _is_newer(self) -> bool:
        numbers = re.findall(r"\d{1,9}", self._toml.schema_version or "")
        return tuple(map(int, numbers[:2])) > _NEWEST


def _environment(table: EnvironmentTable, folder: Path | None) -> Environment:
    """Build what a table says of a sandbox whose Dockerfile, compose file or files are in a folder."""
    if table.os == "windows":
        raise TaskError("Windows tasks are not supported")
    image = table.docker_image
    dockerfile = folder is not None and (folder / "Dockerfile").is_file()
    compose = folder / "docker-compose.yaml" if folder and (folder / "docker-compose.yaml").is_file() else None
    if folder and not (image or dockerfile or compose):
        raise TaskError(f"{folder.name}/Dockerfile is missing")
    brings_files = folder and image and not dockerfile and not compose and folder.is_dir() and any(folder.iterdir())
    memory, storage = table.memory_mb or table.memory, table.storage_mb or table.storage
    # Values from the host's environment are filled in late, and so not into a compose file.
    plain = {name: value for name, value in table.env.items() if not value.startswith("${")}
    return Environment(
        context=folder if dockerfile and not image else None,
        image=image,
        compose=compose,
        variables=plain if compose else {},
        files=folder if brings_files else None,
        env=table.env,
        workdir=table.workdir,
        network=table.network or Network(mode="public"),
        cpus=table.cpus,
        memory_mb=memory,
        storage_mb=storage,
        build_timeout=table.build_timeout_sec,
    )


def _instruction(path: Path) -> str:
    lines = read_text(path).replace("\r\n", "\n").split("\n")
    while lines and (not lines[0].strip() or _CANARY.fullmatch(lines[0])):
        lines.pop(0)
    text = "\n".join(lines).strip()
    if not text:
        raise TaskError("instruction.md is empty")
    return text


def _healthcheck(table: HealthcheckTable | None) -> Healthcheck | None:
    if table is None:
        return None
    return Healthcheck(
        command=table.command,
        interval=table.interval_sec,
        timeout=table.timeout_sec,
        start_period=table.start_period_sec,
        start_interval=table.start_interval_sec,
        retries=table.retries,
    )


def _artifact(table: ArtifactTable) -> Artifact:
    return Artifact(**table.model_dump(include=set(Artifact.model_fields)))


def _hook(table: CollectTable) -> Hook:
    service = None if table.service in (None, "main") else table.service
    return Hook(command=table.command, service=service, timeout=table.timeout_sec, user=_user(table.user))


def _user(*users: str | int | None) -> str | None:
    """Return the first user that is named."""
    return next((str(user) for user in users if user is not None), None)


def _ignores(folder: Path) -> bool:
    return any((folder / name).exists() for name in (".harborignore", "tests/.harborignore", "solution/.harborignore"))
