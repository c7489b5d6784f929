"""A task: what is asked, where, and how it is judged, whatever format its folder has."""

from __future__ import annotations

import functools
import hashlib
import os
import re
from enum import StrEnum
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from sandbox.base import Environment, Network

TEMPLATE = re.compile(r"\$\{(\w+)(?::-(.*))?\}", re.DOTALL)
"""A value that is a variable of this process's environment, with or without a default."""


class TaskError(Exception):
    """A task or a path to tasks cannot be used; the message is one line that names the file."""


class _Value(BaseModel):
    model_config = ConfigDict(frozen=True)


class Verdict(StrEnum):
    """What is read as the tests' verdict."""

    REWARD = "reward"
    """``reward.json`` or ``reward.txt`` in ``/logs/verifier`` (Harbor)."""
    PYTEST = "pytest"
    """pytest's short summary in what the tests printed (Terminal-Bench 1, as the next four)."""
    SWEBENCH = "swebench"
    SWEPERF = "sweperf"
    SWELANCER = "swelancer"
    MLEBENCH = "mlebench"
    LONG_CLI = "long_cli"
    """The files of two graded sets in ``/app/test_output`` (LongCLI-Bench)."""

    @property
    def folder(self) -> str | None:
        """Where in the sandbox the tests write what is read; ``None`` where only what they print is.

        What stands there before they run is not theirs.
        """
        return {Verdict.REWARD: "/logs/verifier", Verdict.LONG_CLI: "/app/test_output"}.get(self)


class Leftovers(StrEnum):
    """What becomes of what the agent left running when its work is graded."""

    SHARED = "shared"
    """It goes on, as in Harbor and Terminal-Bench."""
    RESTARTED = "restarted"
    """Every process but the sandbox's own is ended."""
    FRESH = "fresh"
    """The tests run in a new sandbox of the same environment, into which the artifacts alone are carried."""


class Healthcheck(_Value):
    """A command that must succeed before work begins."""

    command: str
    interval: float = 5.0
    """Seconds between tries."""
    timeout: float = 30.0
    """Seconds for one try."""
    start_period: float = 0.0
    """Seconds in which failed tries do not count."""
    start_interval: float = 5.0
    """Seconds between tries in that period."""
    retries: int = 3
    """Failed tries in a row after which the environment is given up."""


class Artifact(_Value):
    """A file or folder that is kept when the agent is done, and carried to a sandbox of the tests' own."""

    source: str
    """An absolute path in the sandbox."""
    destination: str | None = None
    """Where below the trial's ``artifacts/`` it is kept; ``None`` is the source's own path."""
    exclude: tuple[str, ...] = ()
    service: str | None = None


class Hook(_Value):
    """A command that is run once the agent is done, whatever comes of it."""

    command: str
    service: str | None = None
    """``None`` is the one that the agent worked in."""
    timeout: float = 60.0
    """Seconds."""
    user: str | None = None


class Verifier(_Value):
    """How a step is judged."""

    tests: tuple[Path, ...] = ()
    """What becomes ``/tests``, later ones over earlier ones: the contents of folders, and files.

    Nothing when `environment` brings them.
    """
    script: str = "test.sh"
    """What of ``/tests`` is run."""
    verdict: Verdict = Verdict.REWARD
    graded_sets: dict[Literal["f2p", "p2p"], Literal["pytest", "text"]] = Field(default_factory=dict)
    """LongCLI-Bench's sets, and how each is written."""
    timeout: float = 600.0
    """Seconds for the tests."""
    env: dict[str, str] = Field(default_factory=dict)
    """As the task has it; `resolved` fills it in."""
    user: str | None = None
    network: Network | None = None
    """While the tests run; ``None`` is the environment's."""
    leftovers: Leftovers = Leftovers.SHARED
    environment: Environment | None = None
    """A sandbox of the tests' own, into which the artifacts are carried."""
    hooks: tuple[Hook, ...] = ()
    same_shell: bool = False
    """Whether the tests are typed into the agent's own terminal (``run_tests_in_same_shell``)."""


class Typing(_Value):
    """One line of a ``solution.yaml``: what is typed, and how long its end is waited for."""

    command: str
    min_timeout: float = 0.0
    max_timeout: float = 180.0
    block: bool = False
    append_enter: bool = True


class Solution(_Value):
    """The reference solution."""

    script: Path | None = None
    """A shell script; it goes into ``/solution``."""
    whole_folder: bool = True
    """Whether all of the script's folder goes there with it."""
    typings: tuple[Typing, ...] = ()
    """Or what to type."""
    env: dict[str, str] = Field(default_factory=dict)
    """As the task has it; `resolved` fills it in."""

    def __bool__(self) -> bool:
        return self.script is not None or bool(self.typings)


class Step(_Value):
    """One instruction with its tests; most tasks have one."""

    name: str = ""
    """Empty for the only step of a task."""
    instruction: str
    files: Path | None = None
    """A folder that goes into the working directory first; a ``setup.sh`` in it is run there."""
    healthcheck: Healthcheck | None = None
    agent_timeout: float | None = None
    """Seconds for the agent; ``None`` where the task sets none, as only a job's config does then."""
    agent_user: str | None = None
    network: Network | None = None
    """While the agent works; ``None`` is the environment's."""
    verifier: Verifier = Verifier()
    artifacts: tuple[Artifact, ...] = ()
    min_reward: dict[str, float] = Field(default_factory=dict)
    """Rewards without which no further step is begun."""
    solution: Solution = Solution()


class Task(_Value):
    """One task, read and checked."""

    name: str
    """The folder's name, and that of its results."""
    title: str | None = None
    """The task's name in its own words, such as ``org/name``."""
    format: Literal["harbor", "terminal-bench", "long-cli"] = "harbor"
    path: Path
    steps: tuple[Step, ...] = Field(min_length=1)
    environment: Environment
    healthcheck: Healthcheck | None = None
    reward_strategy: Literal["mean", "final"] = "mean"
    """How the rewards of several steps become the task's: per-key mean over all graded steps, or the last one's."""
    skills: str | None = None
    """A folder in the sandbox with skills for the agent."""
    mcp_servers: tuple[dict[str, Any], ...] = ()
    """As the task has them."""
    description: str = ""
    metadata: dict[str, Any] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What the task asks for and does not get here, a line each."""

    @property
    def facts(self) -> tuple[str, str, str]:
        """Difficulty, category and description, for a table."""
        return str(self.metadata.get("difficulty", "")), str(self.metadata.get("category", "")), self.description

    @property
    def instructions(self) -> dict[str, str]:
        """Each step's instruction by the name of the task, or ``task/step`` where steps have names."""
        return {f"{self.name}/{step.name}".rstrip("/"): step.instruction for step in self.steps}

    def trusted(self) -> Task:
        """Return the same task with all that its compose files ask of this machine granted."""

        def granted(environment: Environment) -> Environment:
            return environment.model_copy(update={"trust": True})

        def judged(step: Step) -> Step:
            apart = step.verifier.environment
            verifier = step.verifier.model_copy(update={"environment": apart and granted(apart)})
            return step.model_copy(update={"verifier": verifier})

        steps = tuple(judged(step) for step in self.steps)
        return self.model_copy(update={"environment": granted(self.environment), "steps": steps})

    def limited(self, seconds: float) -> Task:
        """Return the same task with so much time for the agent at each step that sets none."""
        steps = [
            step if step.agent_timeout is not None else step.model_copy(update={"agent_timeout": seconds})
            for step in self.steps
        ]
        return self.model_copy(update={"steps": tuple(steps)})

    @functools.cached_property
    def digest(self) -> str:
        """A hash over the names and contents of all files, the task's version."""
        hashed = hashlib.sha256()
        for path in sorted(self.path.rglob("*"), key=os.fsencode):
            if path.is_symlink() or path.is_file():
                content = os.fsencode(path.readlink()) if path.is_symlink() else path.read_bytes()
                # With sizes, no two different folders are the same bytes.
                hashed.update(b"%s\0%d\0" % (os.fsencode(path.relative_to(self.path)), len(content)) + content)
        return hashed.hexdigest()


class BrokenTask(_Value):
    """A folder that should have been a task."""

    name: str
    reason: str
    """One line."""


def resolved(env: dict[str, str], where: str) -> dict[str, str]:
    """Fill in values that are ``${VAR}`` or ``${VAR:-default}`` from this process's environment.

    Late, and only for the command that needs them, so that a secret stands in no task and no result.

    Raises:
        TaskError: a variable without a default is not set.
    """
    return {name: _filled(value, f"{where}.{name}") for name, value in env.items()}


def _filled(value: str, where: str) -> str:
    template = TEMPLATE.fullmatch(value)
    if template is None:
        return value
    found = os.environ.get(template[1], template[2])
    if found is None:
        raise TaskError(f"{where} needs the environment variable {template[1]}, which is not set")
    return found
