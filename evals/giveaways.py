"""What a task's image shows its agent and should not: its tests and its solution."""

from __future__ import annotations

import hashlib
import shlex
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from sandbox.base import SandboxError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from evals.task import Step, Task
    from sandbox.base import Sandbox

_SMALLEST, _LARGEST = 64, 5_000_000
"""Bytes of a file that would be known again; smaller ones are alike by chance."""
_SEARCH = 120.0
"""Seconds to look for files of the sizes in question."""
_ELSEWHERE = " -o ".join(f"-path {path}" for path in ("/proc", "/sys", "/dev"))
_MOST = 5
_AT_ONCE = 2000
"""Sizes in one search, as an argument has a limit."""


class _Secret(NamedTuple):
    """A file that the agent must not see."""

    path: Path
    name: str
    """Within the task's folder."""
    may_be_shared: bool
    """Whether it may be one that the tests and the environment have in common: no solution, and not what runs them."""


class Giveaway(NamedTuple):
    """A file of a sandbox that is one of the task's tests or solution."""

    path: str
    secret: str
    """What it equals, within the task's folder."""
    is_of_this_machine: bool
    """Whether this machine has the same there: what a local sandbox shows is no fault of the task."""

    def __str__(self) -> str:
        return f"{shlex.quote(self.path)} is {self.secret}"


async def giveaways(task: Task, sandbox: Sandbox) -> list[Giveaway]:
    """Name files of a sandbox that nobody has worked in which equal files of the task's tests or solution.

    What the tests use and the task's build context has elsewhere, too, is there on purpose.
    """
    known = {digest: path for path, digest in _known(task)}
    if not known:
        return []
    sizes = sorted({path.stat().st_size for path in known.values()})
    shown: list[Giveaway] = []
    for line in [line for some in _batches(sizes) for line in await _of_sizes(sandbox, some)]:
        try:
            contents = (await sandbox.get(line, _LARGEST)).values()
        except (FileNotFoundError, SandboxError):
            continue
        for digest in {hashlib.sha256(content).hexdigest() for content in contents} & set(known):
            same = _digest(Path(line)) == digest
            shown.append(Giveaway(line, str(known[digest].relative_to(task.path)), same))
    return sorted(shown, key=lambda one: task.path.name not in one.path)[:_MOST]


def _batches(sizes: list[int]) -> Iterator[list[int]]:
    for start in range(0, len(sizes), _AT_ONCE):
        yield sizes[start : start + _AT_ONCE]


async def _of_sizes(sandbox: Sandbox, sizes: list[int]) -> list[str]:
    """Find files of these sizes in bytes."""
    tests = " -o ".join(f"-size {size}c" for size in sizes)
    search = f"find / \\( {_ELSEWHERE} \\) -prune -o -type f \\( {tests} \\) -print0 2>/dev/null | head -c 100000"
    found = await sandbox.exec(["sh", "-c", search], timeout=_SEARCH, user="root")
    return found.output.split("\0")[:-1]


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
