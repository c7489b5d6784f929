"""The two agents that need no model: one that carries out the task's own solution, and one that does nothing."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Protocol

from agent.base import StopReason
from agent.loop import VERSION
from agent.trajectory import Trajectory
from sandbox import keys
from sandbox.archive import Archive
from sandbox.base import SandboxTimeout
from sandbox.interpreter import command, hint

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from sandbox.terminal import Terminal

_LONGEST = 24 * 3600.0


class Typed(Protocol):
    """Something that a solution types, and how long its end is waited for."""

    @property
    def command(self) -> str:
        """Keys: a key's name, or text."""
        ...

    @property
    def min_timeout(self) -> float:
        """Seconds that pass in any case."""
        ...

    @property
    def max_timeout(self) -> float:
        """Seconds after which it is not waited for any more."""
        ...

    @property
    def block(self) -> bool:
        """Whether the end of the command is waited for."""
        ...

    @property
    def append_enter(self) -> bool:
        """Whether Enter follows."""
        ...


class OracleAgent:
    """Carries out a solution, which a good task's verifier must accept."""

    def __init__(
        self,
        solution: Path | None = None,
        env: Mapping[str, str] | None = None,
        *,
        alone: bool = False,
        typings: Sequence[Typed] = (),
    ) -> None:
        """Take a solution of one of two kinds.

        Args:
            solution: a script, or a folder with a ``solve.sh``. The folder goes to ``/solution`` while it runs.
            env: variables for the script.
            alone: whether only the script goes in, to ``/oracle``, as Terminal-Bench has it, and bash runs it.
            typings: what to type, where there is no script.
        """
        self.trajectory = Trajectory("oracle", VERSION)
        self._script = solution / "solve.sh" if solution and solution.is_dir() else solution
        self._env = {"DEBIAN_FRONTEND": "noninteractive", **(env or {})}
        self._alone = alone
        self._typings = typings

    async def run(self, instruction: str, terminal: Terminal) -> StopReason:
        """Carry the solution out to its end; what came of it is for the verifier to judge."""
        self.trajectory.prompt("user", instruction)
        if self._script is None:
            for typing in self._typings:
                await self._type(typing, terminal)
            return StopReason.COMPLETED
        return await self._run(self._script, terminal)

    async def _run(self, script: Path, terminal: Terminal) -> StopReason:
        sandbox = terminal.sandbox
        place = "/oracle" if self._alone else "/solution"
        await sandbox.put(self._packed(script, place))
        path, content = f"{place}/{script.name}", await asyncio.to_thread(script.read_bytes)
        words = ["bash", path] if self._alone else command(path, content)
        try:
            result = await sandbox.exec(
                ["/bin/sh", "-c", 'exec "$@"', "sh", *words],
                timeout=_LONGEST,
                user=terminal.user,
                env=self._env,
            )
        except SandboxTimeout:
            return StopReason.DEADLINE
        await sandbox.exec(["rm", "-rf", place], timeout=60, user="root")  # the next step's agent must not find it
        ended = f"exit code {result.exit_code}"
        hinted = hint(script.name, content) if result.exit_code else None
        self.trajectory.prompt("system", f"{result.output}\n[{f'{ended}; {hinted}' if hinted else ended}]")
        return StopReason.COMPLETED

    def _packed(self, script: Path, place: str) -> bytes:
        archive = Archive(time.time())
        if self._alone:
            return archive.file(f"{place.lstrip('/')}/{script.name}", script.read_bytes(), 0o755).done()
        return archive.tree(script.parent, place.lstrip("/"), 0o755).done()

    async def _type(self, typing: Typed, terminal: Terminal) -> None:
        begun = time.monotonic()
        is_key = keys.key(typing.command) is not None
        enter = "\n" if typing.append_enter and not is_key else ""
        seen = await terminal.type(typing.command + enter, typing.max_timeout if typing.block else typing.min_timeout)
        if typing.append_enter and is_key:
            seen = await terminal.type("Enter", typing.min_timeout)
        await asyncio.sleep(max(0.0, typing.min_timeout - (time.monotonic() - begun)))
        self.trajectory.prompt("system", f"{typing.command}\n{seen.text}")


class NopAgent:
    """Does nothing, which no task's verifier may accept."""

    def __init__(self) -> None:
        self.trajectory = Trajectory("nop", VERSION)

    async def run(self, instruction: str, terminal: Terminal) -> StopReason:  # noqa: ARG002 - the seam's signature
        """Stop at once."""
        self.trajectory.prompt("user", instruction)
        return StopReason.COMPLETED
