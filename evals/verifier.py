"""Grades what an agent left behind: the task's tests go in, run, and write a reward."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from evals.result import VerifierCrashed, VerifierTimeout
from evals.reward import read_reward
from evals.task import resolved
from sandbox.archive import Archive
from sandbox.base import SandboxTimeout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from evals.task import Task
    from sandbox.base import Sandbox

LOGS = ("/logs/verifier", "/logs/agent", "/logs/artifacts")
"""The folders that Harbor's tasks expect, open to everyone."""
_FILES_LIMIT = 20_000_000
_CLEAN = "rm -rf /tests /logs/verifier && mkdir -p /logs/verifier && chmod 777 /logs/verifier"
_RUN = "/tests/test.sh > /logs/verifier/test-stdout.txt 2>&1"


async def verify(task: Task, sandbox: Sandbox, folder: Path) -> dict[str, float]:
    """Run a task's tests and return the rewards they wrote.

    Whatever the agent had put where tests and rewards go is removed first. The tests' exit code means nothing in
    Harbor's format; only the reward file counts. What the tests wrote is kept in `folder`.

    Raises:
        VerifierError: one of its kinds: no usable reward, tests that hang or cannot be run.
        SandboxError: the sandbox broke.
    """
    settings = task.verifier
    cleaned = await sandbox.exec(["sh", "-c", _CLEAN], timeout=60, user="root")
    if cleaned.exit_code:
        raise VerifierCrashed(f"the place for the tests could not be cleared: {cleaned.output.strip()[-300:]}")
    await sandbox.put(Archive(time.time()).tree(task.tests, "tests", 0o755).done())
    try:
        await sandbox.exec(
            ["sh", "-c", _RUN], timeout=settings.timeout, user=settings.user, env=resolved(settings.env, "verifier.env")
        )
    except SandboxTimeout as error:
        raise VerifierTimeout(f"the tests were not done within {settings.timeout:g} s") from error
    try:
        written = await sandbox.get("/logs/verifier", _FILES_LIMIT)
    except FileNotFoundError:
        written = {}
    _keep(written, folder)
    return read_reward(written)


def _keep(files: Mapping[str, bytes], folder: Path) -> None:
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
