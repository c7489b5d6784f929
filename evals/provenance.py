"""What a job's results depend on beside the model: the ``lock`` of ``job.json``."""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
from pathlib import Path
from typing import TYPE_CHECKING, Any

import prompts
from evals import plugin

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from evals.job_config import JobConfig
    from evals.task import Task

_ROOMS = ("agent", "sandbox", "evals")
_ASIDE = {"analysis", "tasks", "recorded", "__pycache__"}
"""What no trial runs: it reads jobs afterwards, or is data that has digests of its own."""
_PINNED = ("litellm", "libtmux", "docker")


def lock_of(tasks: Iterable[Task], config: JobConfig) -> dict[str, Any]:
    """Write down the digests of tasks, prompts and code, the user's own too, and the versions below them."""
    named = (config.agent, config.format, config.task_format)
    return {
        "tasks": {task.name: task.digest for task in tasks},
        "prompts": prompts.digest(),
        "source": _source_digest(),
        "plugins": {name: plugin.digest(name) for name in named if name and ":" in name},
        "packages": {name: importlib.metadata.version(name) for name in _PINNED},
        "python": platform.python_version(),
    }


def changes(then: Mapping[str, Any], now: Mapping[str, Any]) -> list[str]:
    """Name what makes results of now differ in kind from those of then."""
    before, after = then["tasks"], now["tasks"]
    changed = [f"task {name}" for name in before if name in after and after[name] != before[name]]
    missing = [f"task {name} (gone)" for name in before if name not in after]
    plugins = [name for name, digest in then.get("plugins", {}).items() if now["plugins"].get(name) != digest]
    return [*changed, *missing, *(part for part in ("prompts", "source") if then[part] != now[part]), *plugins]


def _source_digest() -> str:
    """Hash the harness's own code, as results of different code are not comparable."""
    hashed = hashlib.sha256()
    root = Path(__file__).parent.parent
    for room in _ROOMS:
        for path in sorted((root / room).rglob("*")):
            if path.is_file() and not _ASIDE & set(path.relative_to(root).parts):
                hashed.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes() + b"\0")
    return hashed.hexdigest()
