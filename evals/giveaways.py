"""What a task's image shows its agent and should not: its tests and its solution."""

from __future__ import annotations

import hashlib
import shlex
from typing import TYPE_CHECKING, NamedTuple

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


class _Secret(NamedTuple):
    """A file that the agent must not see."""

    path: Path
    name: str
    """Within the task's folder."""
    may_be_shared: bool
    """Whether it may be one that the tests and the environment have in common: no solution, and not what runs them."""


async def giveaways(task: Task, sandbox: Sandbox) -> list[str]:
    """Name files of a sandbox that nobody has worked in which equal files of the task's tests or solution.

    What the tests use and the task's build context has elsewhere, too, is there on purpose.
    """
    known = {digest: path for path, digest in _known(task)}
    if not known:
        return []
    sizes = sorted({path.stat().st_size for path in known.values()})
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
        paths = (known.get(hashlib.sha256(content).hexdigest()) for content in contents)
        shown += [f"{shlex.quote(line)} is {path.relative_to(task.path)}" for path in paths if path]
    return shown[:_MOST]


def _known(task: Task) -> Iterator[tuple[Path, str]]:
    """Return the files that must not be in the image, with their digests."""
    secrets = [*_secrets(task)]
    shared = _shared(task, {secret.name for secret in secrets})
    for secret in secrets:
        digest = _digest(secret.path)
        if digest and not (secret.may_be_shared and digest in shared):
            yield secret.path, digest


def _shared(task: Task, names: set[str]) -> set[str]:
    """Return digests of the build context, but for the tests and the solution themselves, and copies of them in it."""
    context = task.environment.context
    if context is None:
        return set()
    others = (path for path in context.rglob("*") if str(path.relative_to(context)) not in names)
    return {digest for path in others if (digest := _digest(path))}


def _secrets(task: Task) -> Iterator[_Secret]:
    """Return the files of tests and solutions."""
    for step in task.steps:
        for path in files_of(step.verifier.tests):
            yield _Secret(path, str(path.relative_to(task.path)), path.name != step.verifier.script)
        for path in files_of(_solution(task, step)):
            yield _Secret(path, str(path.relative_to(task.path)), may_be_shared=False)


def _solution(task: Task, step: Step) -> list[Path]:
    script = step.solution.script
    if script is None:
        return [task.path / "solution.yaml"] if step.solution.typings else []
    return [script.parent if step.solution.whole_folder else script]


def files_of(sources: Iterable[Path]) -> Iterator[Path]:
    """Return the files that are in folders, or are named themselves; no links."""
    for source in sources:
        yield from (path for path in sorted([source, *source.rglob("*")]) if path.is_file() and not path.is_symlink())


def _digest(path: Path) -> str | None:
    if not path.is_file() or not _SMALLEST <= path.stat().st_size <= _LARGEST:
        return None
    return hashlib.sha256(path.read_bytes()).hexdigest()
