"""What the variables in a task's compose file stand for."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from sandbox.base import Environment

DROPPED = "/.termstone-not-mounted"
"""What the variables for folders of logs on this machine stand for: nothing is mounted there."""


def variables(environment: Environment, folder: Path) -> dict[str, str]:
    """Return the variables that Terminal-Bench and Harbor set, with their own meanings."""
    logs = {"VERIFIER": "/logs/verifier", "AGENT": "/logs/agent", "ARTIFACTS": "/logs/artifacts"}
    name = folder.name.lower().replace(".", "-")
    return {
        "CONTEXT_DIR": str((environment.context or folder).resolve()),
        "MAIN_IMAGE_NAME": f"hb__{name}",
        "PREBUILT_IMAGE_NAME": environment.image or "",
        "CPUS": f"{environment.cpus or 1:g}",
        "MEMORY": f"{environment.memory_mb or 2048}M",
        **{f"HOST_{kind}_LOGS_PATH".replace("ARTIFACTS_LOGS", "ARTIFACTS"): DROPPED for kind in logs},
        **{f"ENV_{kind}_LOGS_PATH".replace("ARTIFACTS_LOGS", "ARTIFACTS"): path for kind, path in logs.items()},
        "T_BENCH_TASK_DOCKER_CLIENT_CONTAINER_NAME": name,
        "T_BENCH_TASK_DOCKER_CLIENT_IMAGE_NAME": f"tb__{name}__client",
        "T_BENCH_TASK_DOCKER_NAME_PREFIX": f"tb__{name}",
        "T_BENCH_CONTAINER_LOGS_PATH": "/logs",
        "T_BENCH_CONTAINER_AGENT_LOGS_PATH": "/agent-logs",
        "T_BENCH_TEST_DIR": "/tests",
        "T_BENCH_TASK_LOGS_PATH": DROPPED,
        "T_BENCH_TASK_AGENT_LOGS_PATH": DROPPED,
    }


class HostVariables:
    """The variables of this machine, as a file that is trusted may have them."""

    def __init__(self) -> None:
        self.given: set[str] = set()
        """The names of those that were asked for and are set."""

    def get(self, name: str) -> str | None:
        """Return a variable's value, ``None`` where it is not set."""
        if name in os.environ:
            self.given.add(name)
        return os.environ.get(name)
