"""What a task shows its agent and should not, and what its tests ask for and its instruction does not say."""

from __future__ import annotations

import hashlib
import re
import shlex
from typing import TYPE_CHECKING

from sandbox.base import SandboxError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from evals.task import Step, Task
    from sandbox.base import Sandbox

_SMALLEST, _LARGEST = 64, 5_000_000
"""Bytes of a file that would be known again; smaller ones are alike by chance."""
_SEARCH = 120.0
"""Seconds to look for files of the sizes in question."""
_ELSEWHERE = " -o ".join(f"-path {path}" for path in ("/proc", "/sys", "/dev"))
_MOST = 5
_PATH = re.compile(r"(?<![\w./$}~:*-])/[A-Za-z0-9_][\w.+-]*(?:/[\w.+-]*\w)+")
_NOT_THE_TASKS = re.compile(
    r"/(?:bin|boot|dev|etc/(?:ssl|apt|ld\.so)|lib\d*|logs|nonexistent|oracle|proc|run|sbin|solution|sys|tests|tmp|usr"
    r"|root/\.|var/(?:cache|lib/(?:apt|dpkg)|log/apt))"
)
_ROOT = re.compile(r"(?<![\w./$}~:*-])/[A-Za-z0-9_][\w.+-]*")
_USUAL_ROOTS = frozenset(("/app", "/etc", "/home", "/mnt", "/opt", "/root", "/srv", "/var"))


async def giveaways(task: Task, sandbox: Sandbox) -> list[str]:
    """Name files of a sandbox that nobody has worked in which equal files of the task's tests or solution.

    What also lies in the task's own build context is there on purpose.
    """
    known = {digest: name for path, name in _secrets(task) if (digest := _digest(path))}
    context = task.environment.context
    for path in context.rglob("*") if context else ():
        known.pop(_digest(path) or "", None)
    if not known:
        return []
    sizes = sorted({path.stat().st_size for path, _ in _secrets(task) if _digest(path) in known})
    tests = " -o ".join(f"-size {size}c" for size in sizes)
    found = await sandbox.exec(
        ["sh", "-c", f"find / \\( {_ELSEWHERE} \\) -prune -o -type f \\( {tests} \\) -print 2>/dev/null | head -n 500"],
        timeout=_SEARCH,
        user="root",
    )
    shown = []
    for line in found.output.splitlines():
        try:
            contents = (await sandbox.get(line, _LARGEST)).values()
        except (FileNotFoundError, SandboxError):
            continue
        names = (known.get(hashlib.sha256(content).hexdigest()) for content in contents)
        shown += [f"{shlex.quote(line)} is {name}" for name in names if name]
    return shown[:_MOST]


def unnamed_paths(task: Task) -> list[str]:
    """Name absolute paths that the tests of a step look at and no instruction names, a heuristic.

    Steps share tests, so it is enough that one of them names it. A path is a file's when it begins with a usual folder
    or one of the task's Dockerfile; others are mostly of URLs.
    """
    missing: dict[str, None] = {}
    roots = _USUAL_ROOTS | _own_roots(task)
    instructions = "\n".join(step.instruction for step in task.steps)
    for step in task.steps:
        for text in _texts(step):
            for path in _PATH.findall(text):
                named = path in instructions or path.rsplit("/", 1)[-1] in instructions
                is_file = "/".join(path.split("/")[:2]) in roots and not _NOT_THE_TASKS.match(path)
                if is_file and not named:
                    missing[path] = None
    return list(missing)[:_MOST]


def _own_roots(task: Task) -> frozenset[str]:
    dockerfile = task.environment.context / "Dockerfile" if task.environment.context else None
    if dockerfile is None or not dockerfile.is_file():
        return frozenset()
    return frozenset(_ROOT.findall(dockerfile.read_text("utf-8", "replace")))


def _texts(step: Step) -> Iterator[str]:
    for path in _files(step.verifier.tests):
        if path.stat().st_size <= _LARGEST:
            content = path.read_bytes()
            if b"\0" not in content:
                yield content.decode("utf-8", "replace")


def _secrets(task: Task) -> Iterator[tuple[Path, str]]:
    """Return the files of tests and solutions, with what they are called."""
    for step in task.steps:
        script = step.solution.script
        own = (script.parent if step.solution.whole_folder else script,) if script else ()
        for path in _files([*step.verifier.tests, *own]):
            yield path, str(path.relative_to(task.path))


def _files(sources: Iterable[Path]) -> Iterator[Path]:
    for source in sources:
        yield from (path for path in sorted([source, *source.rglob("*")]) if path.is_file() and not path.is_symlink())


def _digest(path: Path) -> str | None:
    if not path.is_file() or not _SMALLEST <= path.stat().st_size <= _LARGEST:
        return None
    return hashlib.sha256(path.read_bytes()).hexdigest()
