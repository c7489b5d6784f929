"""What an agent is told to do: the step's instruction, and what else of the task concerns it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from prompts import render
from sandbox.observation import excerpt

if TYPE_CHECKING:
    from evals.reward import Graded
    from evals.task import Task


def assignment(task: Task, *, turn: int = 1, turns: int = 1, before: Graded | None = None) -> str:
    """Word the one step of a task for its agent.

    Args:
        task: with the step that is to be worked on.
        turn: which time the agent works on it.
        turns: how many times there are.
        before: what the last turn came to.
    """
    return render(
        "assignment",
        instruction=task.steps[0].instruction,
        skills=task.skills,
        servers=[server_line(server) for server in task.mcp_servers],
        turn=turn,
        turns=turns,
        problem=before and before.problem,
        said={where: excerpt(text.splitlines()) for where, text in before.said.items()} if before else {},
    )


def server_line(server: dict[str, object]) -> str:
    """Say in a line what an MCP server is called and where it is, without its headers, which may hold keys."""
    arguments = server.get("args")
    words = [server.get("command"), *(arguments if isinstance(arguments, list) else [])]
    place = server.get("url") or " ".join(str(word) for word in words if word)
    return f"{server.get('name')} ({server.get('transport', 'sse')}): {place}"
