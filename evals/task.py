"""A task: what is asked, where, and how it is judged, whatever format its folder has."""

from __future__ import annotations

import functools
import hashlib
import os
import re
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from sandbox.base import Environment

_TEMPLATE = re.compile(r"\$\{(\w+)(?::-(.*))?\}", re.DOTALL)


class TaskError(Exception):
    """A task or a path to tasks cannot be used; the message is one line that names the file."""


class Verifier(BaseModel):
    """How a task is judged."""

    model_config = ConfigDict(frozen=True)

    timeout: float = 600.0
    """Seconds for the tests."""
    env: dict[str, str] = Field(default_factory=dict)
    """As the task has it; `resolved` fills it in."""
    user: str | None = None


class Task(BaseModel):
    """One task, read and checked."""

    model_config = ConfigDict(frozen=True)

    name: str
    """The folder's name, and that of its results."""
    title: str | None = None
    """The task's name in its own words, such as ``org/name``."""
    path: Path
    instruction: str
    environment: Environment
    agent_timeout: float | None = None
    """Seconds for the agent; ``None`` is no limit."""
    agent_user: str | None = None
    verifier: Verifier = Verifier()
    solution_env: dict[str, str] = Field(default_factory=dict)
    description: str = ""
    metadata: dict[str, Any] = Field(default_factory=dict)
    notes: tuple[str, ...] = ()
    """What the task asks for and does not get here, a line each."""

    @property
    def facts(self) -> tuple[str, str, str]:
        """Difficulty, category and description, for a table."""
        return str(self.metadata.get("difficulty", "")), str(self.metadata.get("category", "")), self.description

    @property
    def tests(self) -> Path:
        """The folder that holds ``test.sh``."""
        return self.path / "tests"

    @property
    def solution(self) -> Path:
        """The folder that may hold ``solve.sh``."""
        return self.path / "solution"

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


class BrokenTask(BaseModel):
    """A folder that should have been a task."""

    model_config = ConfigDict(frozen=True)

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
    template = _TEMPLATE.fullmatch(value)
    if template is None:
        return value
    found = os.environ.get(template[1], template[2])
    if found is None:
        raise TaskError(f"{where} needs the environment variable {template[1]}, which is not set")
    return found
