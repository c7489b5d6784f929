"""Small tasks and agents to test with, at the project's own seams."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

from agent.base import StopReason
from agent.model import Message
from agent.trajectory import Trajectory

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agent.model import ModelError
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


ORPHAN = "(setsid sh -c 'sleep {} & exit' >/dev/null 2>&1 </dev/null &)"
"""A command that leaves its session, its parent and its output."""


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


class Clock:
    """Time that passes only when somebody sleeps."""

    def __init__(self) -> None:
        self.now = 1000.0
        self.slept: list[float] = []
        self.when: dict[float, Callable[[], object]] = {}
        """What happens once a time is reached."""

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.now += seconds
        for due in [due for due in self.when if due <= self.now]:
            self.when.pop(due)()


KEY = "sk-test-0123456789abcdef0123456789abcdef"
HELLO = [Message(role="user", content="hello")]


def is_one_clear_line(error: ModelError, name: str = "openai/gpt-5") -> bool:
    line = str(error)
    noise = ("\n", "Traceback", "litellm.", "Exception -", KEY)
    return line.startswith(f"{name}: ") and len(line) < 500 and not any(part in line for part in noise)


async def until(condition: Callable[[], object], seconds: float = 30) -> None:
    """Wait until something is so."""
    for _ in range(int(seconds * 100)):
        if condition():
            return
        await asyncio.sleep(0.01)
    raise TimeoutError("it never was")
