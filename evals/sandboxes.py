"""Which kind of sandbox this machine has, and how to open one."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import shutil
from typing import TYPE_CHECKING, NamedTuple

from sandbox import owner
from sandbox.base import SandboxError, SandboxStartError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from pathlib import Path

from sandbox.base import Environment, Sandbox


class Sandboxes(NamedTuple):
    """The chosen kind."""

    kind: str
    why: str
    """One line for the user."""
    open: Callable[[Environment], Sandbox]
    prepare: Callable[[Environment], Awaitable[str | None]]
    """Builds, pulls or finds the images of an environment before its trials, and returns what identifies them, ``None``
    where there are none; `SandboxError` says why they cannot be had."""
    close: Callable[[], None]


async def choose(kind: str, hidden: Sequence[Path] = ()) -> Sandboxes:
    """Find the sandbox that was asked for: ``docker``, ``local``, or ``auto``, which prefers Docker.

    What dead runs left is removed on the way; `evals.clean` says what that was.

    Args:
        kind: one of the three.
        hidden: folders of this machine that a local sandbox must not show, such as the tasks' solutions.

    Raises:
        SandboxStartError: it is not to be had here; the message says what is missing.
    """
    for folder in owner.abandoned_folders():
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
    if kind == "local":
        return await _local(hidden, "asked for")
    try:
        return await _docker("asked for" if kind == "docker" else "a Docker daemon answers")
    except SandboxStartError as error:
        if kind == "docker":
            raise SandboxStartError(f"{error}; mend that, or use --sandbox local") from error
        return await _local(hidden, str(error))


async def _docker(why: str) -> Sandboxes:
    from sandbox.compose import ComposeSandbox, prepare  # noqa: PLC0415 - only runs with Docker pay for its SDK
    from sandbox.docker import DockerSandbox  # noqa: PLC0415 - as said
    from sandbox.engine import Engine  # noqa: PLC0415 - as said
    from sandbox.reaper import reap  # noqa: PLC0415 - as said

    def opened(environment: Environment) -> Sandbox:
        return (DockerSandbox if environment.compose is None else ComposeSandbox)(engine, environment)

    engine = await Engine.connect()
    with contextlib.suppress(SandboxError):  # what cannot be removed now is tried again by the next run
        await reap(engine)
    return Sandboxes("docker", why, opened, functools.partial(prepare, engine), engine.close)


async def _local(hidden: Sequence[Path], why: str) -> Sandboxes:
    from sandbox.local import LocalSandbox, unavailable  # noqa: PLC0415 - Linux only
    from sandbox.local_environment import followed  # noqa: PLC0415 - as said

    async def prepare(environment: Environment) -> None:
        """Build nothing, as a Dockerfile is followed each time, but refuse what takes Docker before a trial begins."""
        followed(environment)

    if reason := await unavailable():
        raise SandboxStartError(f"no sandbox to run in: {why}; {reason}")
    return Sandboxes("local", why, lambda environment: LocalSandbox(environment, hidden=hidden), prepare, lambda: None)


async def nothing_to_build(_: Environment) -> None:
    """Have no images."""
