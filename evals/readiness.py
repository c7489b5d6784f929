"""What must be there before an agent begins: the step's files, its set-up, and an environment that is healthy."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from evals.task import TaskError
from sandbox.archive import Archive
from sandbox.base import SandboxStartError, SandboxTimeout
from sandbox.interpreter import by_shell

if TYPE_CHECKING:
    from evals.task import Healthcheck, Step
    from sandbox.base import Environment, Sandbox

_START = 120.0
"""Seconds for a sandbox to come up once its image is there."""
_SET_UP = 600.0
"""Seconds for a step's ``setup.sh``."""
_TAIL = 300


async def brought_up(sandbox: Sandbox, environment: Environment) -> None:
    """Enter a sandbox; `SandboxStartError` when it is not up in time."""
    within = environment.build_timeout + _START
    try:
        async with asyncio.timeout(within):
            await sandbox.__aenter__()
    except TimeoutError as error:
        raise SandboxStartError(f"the sandbox was not up within {within:g} s") from error


async def healthy(sandbox: Sandbox, check: Healthcheck) -> None:
    """Wait until a healthcheck succeeds.

    Raises:
        SandboxStartError: it failed as often in a row as it may.
    """
    begun, failures = time.monotonic(), 0
    while True:
        starting = time.monotonic() - begun < check.start_period
        try:
            result = await sandbox.exec(by_shell(check.command), timeout=check.timeout)
            if result.exit_code == 0:
                return
            said = f"exit code {result.exit_code}: {result.output.strip()[-_TAIL:]}"
        except SandboxTimeout as error:
            said = str(error)
        failures += not starting
        if failures >= check.retries:
            raise SandboxStartError(f"the healthcheck failed {failures} times in a row, at last with {said}")
        await asyncio.sleep(check.start_interval if starting else check.interval)


async def laid_out(sandbox: Sandbox, step: Step) -> None:
    """Put a step's files into the working directory and run the ``setup.sh`` among them.

    Raises:
        TaskError: it fails, or takes too long.
    """
    if step.files is None:
        return
    target = (await sandbox.exec(["pwd"], timeout=60)).output.strip()
    await sandbox.put(Archive(time.time()).tree(step.files, target.lstrip("/") or ".").done())
    if not (step.files / "setup.sh").is_file():
        return
    try:
        result = await sandbox.exec(by_shell('exec "$0" setup.sh'), timeout=_SET_UP, user=step.agent_user)
    except SandboxTimeout as error:
        raise TaskError(f"step {step.name}: setup.sh was not done within {_SET_UP:g} s") from error
    if result.exit_code:
        raise TaskError(f"step {step.name}: setup.sh: exit code {result.exit_code}: {result.output.strip()[-_TAIL:]}")
