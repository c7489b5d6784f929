"""The two agents that need no model: one that runs the task's own solution, and one that does nothing."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from agent.base import StopReason
from agent.loop import VERSION
from agent.trajectory import Trajectory
from sandbox.archive import Archive
from sandbox.base import SandboxTimeout

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from sandbox.terminal import Terminal

_LONGEST = 24 * 3600.0


class OracleAgent:
    """Runs ``solve.sh`` of a solution folder, which a good task's verifier must accept."""

    def __init__(self, solution: Path, env: Mapping[str, str] | None = None) -> None:
        self.trajectory = Trajectory("oracle", VERSION)
        self._solution = solution
        self._env = {"DEBIAN_FRONTEND": "noninteractive", **(env or {})}

    async def run(self, instruction: str, terminal: Terminal) -> StopReason:
        """Put the solution in and run it to its end; its exit code is for the verifier to judge."""
        self.trajectory.prompt("user", instruction)
        sandbox = terminal.sandbox
        await sandbox.put(Archive(time.time()).tree(self._solution, "solution", 0o755).done())
        try:
            result = await sandbox.exec(["sh", "-c", "/solution/solve.sh"], timeout=_LONGEST, env=self._env)
        except SandboxTimeout:
            return StopReason.DEADLINE
        self.trajectory.prompt("system", f"{result.output}\n[exit code {result.exit_code}]")
        return StopReason.COMPLETED


class NopAgent:
    """Does nothing, which no task's verifier may accept."""

    def __init__(self) -> None:
        self.trajectory = Trajectory("nop", VERSION)

    async def run(self, instruction: str, terminal: Terminal) -> StopReason:  # noqa: ARG002 - the seam's signature
        """Stop at once."""
        self.trajectory.prompt("user", instruction)
        return StopReason.COMPLETED
