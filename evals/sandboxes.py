"""Which kind of sandbox this machine has, and how to open one."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from sandbox.base import SandboxStartError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from sandbox.base import Environment, Sandbox


class Sandboxes(NamedTuple):
    """The chosen kind."""

    kind: str
    why: str
    """One line for the user."""
    open: Callable[[Environment], Sandbox]
    close: Callable[[], None]


async def choose(kind: str, hidden: Sequence[Path] = ()) -> Sandboxes:
    """Find the sandbox that was asked for: ``docker``, ``local``, or ``auto``, which prefers Docker.

    Args:
        kind: one of the three.
        hidden: folders of this machine that a local sandbox must not show, such as the tasks' solutions.

    Raises:
        SandboxStartError: it is not to be had here; the message says what is missing.
    """
    if kind == "local":
        return await _local(hidden, "asked for")
    try:
        return await _docker("asked for" if kind == "docker" else "a Docker daemon answers")
    except SandboxStartError as error:
        if kind == "docker":
            raise SandboxStartError(f"{error}; mend that, or use --sandbox local") from error
        return await _local(hidden, str(error))


async def _docker(why: str) -> Sandboxes:
    from sandbox.docker import DockerSandbox, Engine  # noqa: PLC0415 - only runs with Docker pay for its SDK

    engine = await Engine.connect()
    return Sandboxes("docker", why, lambda environment: DockerSandbox(engine, environment), engine.close)


async def _local(hidden: Sequence[Path], why: str) -> Sandboxes:
    from sandbox.local import LocalSandbox, unavailable  # noqa: PLC0415 - Linux only

    if reason := await unavailable():
        raise SandboxStartError(f"no sandbox to run in: {why}; {reason}")
    return Sandboxes("local", why, lambda environment: LocalSandbox(environment, hidden=hidden), lambda: None)
