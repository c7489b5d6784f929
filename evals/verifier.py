"""Grades what an agent left behind: the task's tests go in, run, and write a reward."""

from __future__ import annotations

import contextlib
import time
from typing import TYPE_CHECKING

from evals.reward import VerifierCrashed, VerifierError, VerifierTimeout, read_reward
from evals.task import resolved
from sandbox.archive import Archive
from sandbox.base import SandboxError, SandboxTimeout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from evals.task import Task
    from sandbox.base import Sandbox

LOGS = ("/logs/verifier", "/logs/agent", "/logs/artifacts")
"""The folders that Harbor's tasks expect, open to everyone."""
_FILES_LIMIT, _REWARD_LIMIT = 20_000_000, 1_000_000
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
        ran = await sandbox.exec(
            ["sh", "-c", _RUN], timeout=settings.timeout, user=settings.user, env=resolved(settings.env, "verifier.env")
        )
    except SandboxTimeout as error:
        raise VerifierTimeout(f"the tests were not done within {settings.timeout:g} s") from error
    rewards = await _rewards(sandbox)
    try:
        _keep(await sandbox.get("/logs/verifier", _FILES_LIMIT), folder)
    except (FileNotFoundError, SandboxError):
        _keep(rewards, folder)  # too much to keep, which says nothing about the reward
    try:
        return read_reward(rewards)
    except VerifierError as error:
        said = (folder / "test-stdout.txt").read_bytes()[-300:] if (folder / "test-stdout.txt").is_file() else b""
        last = f"{said.decode('utf-8', 'replace')}\n{ran.output}".strip().splitlines()[-1:]
        raise type(error)("; the tests' last line: ".join([str(error), *last])) from error


async def _rewards(sandbox: Sandbox) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for name in ("reward.json", "reward.txt", "rewards.json"):
        with contextlib.suppress(FileNotFoundError):
            found |= await sandbox.get(f"/logs/verifier/{name}", _REWARD_LIMIT)
    return found


def _keep(files: Mapping[str, bytes], folder: Path) -> None:
    for name, content in files.items():
        target = folder / name
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_bytes(content)
