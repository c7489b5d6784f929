"""What a container may use at most, whatever its task asks for; memory and processors are as the task has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sandbox.base import Environment

PIDS = 4096
"""Processes and threads in a container."""
EXPENDABLE = 500
"""How much sooner than others the kernel ends a container's processes when this machine runs out of memory."""
_STORAGE_MB = 20_480
"""What a container may write that names no limit."""


def disk_limit(environment: Environment) -> int:
    """Return the bytes that a container may write."""
    return (environment.storage_mb or _STORAGE_MB) << 20


def bounded(given: Any, most: int) -> int:  # noqa: ANN401 - as YAML has it
    """Return a limit that is no more than `most`; zero and less stand for none in a compose file."""
    number = float(given)
    return int(min(max(number, 1), most)) if number > 0 else most
