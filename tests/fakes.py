"""Small tasks and agents to test with, at the project's own seams."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from agent.base import StopReason
from agent.trajectory import Trajectory

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.terminal import Terminal

GRADE_HELLO = "#!/bin/sh\nif grep -qx hello /app/out; then echo 1; else echo 0; fi > /logs/verifier/reward.txt\n"


def make_task(
    folder: Path,
    *,
    test: str = GRADE_HELLO,
    solve: str = "echo hello > /app/out\n",
    toml: str = 'schema_version = "1.4"\n[environment]\nnetwork_mode = "no-network"\n',
    dockerfile: str = "FROM debian:bookworm-slim\nWORKDIR /app\n",
) -> Path:
    """Write a task in Harbor's format: hello must stand in /app/out."""
    files = {
        "instruction.md": "Write hello into /app/out.\n",
        "task.toml": toml,
        "environment/Dockerfile": dockerfile,
        "tests/test.sh": test,
        "solution/solve.sh": solve,
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def reply(*keystrokes: str, done: bool = False, duration: float = 5) -> str:
    """Write a reply as a model would in the JSON format."""
    commands = [{"keystrokes": keys, "duration": duration} for keys in keystrokes]
    return json.dumps({"analysis": "a", "plan": "p", "commands": commands, "task_complete": done})


SOLVED = (reply("echo hello > out\n"), reply(done=True), reply(done=True))
"""Replies that solve `make_task`'s task."""


class SleepingAgent:
    """Never comes to an end."""

    def __init__(self, *_: object, **__: object) -> None:
        self.trajectory = Trajectory("sleeping", "1")
        self.asleep = asyncio.Event()

    async def run(self, instruction: str, terminal: Terminal) -> StopReason:
        """Type one command and wait."""
        self.trajectory.prompt("user", instruction)
        await terminal.type("echo hello > out\n", 5)
        self.asleep.set()
        await asyncio.sleep(3600)
        return StopReason.COMPLETED


class RaisingAgent:
    """Has a bug."""

    def __init__(self, *_: object, **__: object) -> None:
        self.trajectory = Trajectory("raising", "1")

    async def run(self, instruction: str, terminal: Terminal) -> StopReason:
        """Raise what nobody expects."""
        self.trajectory.prompt("user", instruction)
        await terminal.look()
        raise ZeroDivisionError("a bug in the agent")
