"""Paths that a task's tests look at and its instruction does not name, a heuristic; what is found is worth a look."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from evals.giveaways import files_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from evals.task import Step, Task

_LARGEST = 5_000_000
"""Bytes of a file that is read for paths."""
_MOST = 5
_BEFORE = 80
"""Characters before a path that say what it is."""
_PATH = re.compile(r"(?<![\w./$}~:*<>-])/[A-Za-z0-9_][\w.+-]*(?:/[\w.+-]*\w)*(?![\w*{$])")
_JOINED = re.compile(r"""(?:Path\(|os\.path\.join\()\s*(["'])(/[\w./+-]*)\1((?:[)/,\s]+(["'])[\w./+-]+\4)+)""")
_QUOTED = re.compile(r"""["']([\w./+-]+)["']""")
_EXTENSION = re.compile(r"\w\.(?!(?:js|css|html?|php|ico|png|jpe?g|gif|svg)$)[A-Za-z]\w{0,9}$")
"""Of a file; pages and pictures below folders of no file system are a website's."""
_SYSTEM = re.compile(
    r"/(?:bin|boot|dev|lib\d*|logs|nonexistent|oracle|proc|run|sbin|solution|sys|tests|usr|var/(?:cache|lib/(?:apt|dpkg)"
    r"|log/apt)|etc/(?:ssl|apt|ld\.so|passwd|shadow|group|hosts|hostname|resolv|os-release))(?![\w-])|.*/\.|.*/bin$"
)
"""What every system has, and where programs are, or what belongs to the harness."""
_LOOKED_AT = re.compile(r"(?:exists|isfile|getsize|open|Path|cat|stat|\[ -[efs])\W{1,4}$")
_MADE = re.compile(r"[>]|\b(?:tee|mkdir|touch|rm|cp|mv)\b|-o\b|write|dump|save|remove|unlink|[\"'][wa]b?[\"']")
"""In a line with a path: the tests make it, or may."""
_REQUESTED = re.compile(
    r"(?:get|post|put|patch|delete|head|options|fetch|request|route|url\w*|endpoint|href|src)\W{1,6}$", re.IGNORECASE
)
"""Before a path: it is a URL's."""
_ROOT = re.compile(r"(?<![\w./$}~:*-])/[A-Za-z0-9_][\w.+-]*")
_USUAL_ROOTS = frozenset(("/app", "/data", "/etc", "/home", "/mnt", "/opt", "/output", "/root", "/srv", "/tmp",  # noqa: S108 - as above
                          "/var", "/workspace"))  # fmt: skip


def unnamed_paths(task: Task) -> list[str]:
    """Name absolute paths that the tests of a step look at and no instruction names, five at most.

    Steps share tests, so it is enough that one of them names it, and an agent sees what the build context has. A path
    is taken for a file's when its last part has an extension, or when it begins with a usual folder or with one of the
    task's Dockerfile; others are mostly of URLs.
    """
    missing: dict[str, None] = {}
    roots = _USUAL_ROOTS | _own_roots(task)
    instructions = "\n".join(step.instruction for step in task.steps)
    known = _context_names(task)
    for step in task.steps:
        for text in _texts(step):
            for path in _paths(text, roots):
                if not _named(path, instructions) and path.rsplit("/", 1)[-1] not in known and not _is_own(path, step):
                    missing[path] = None
    return list(missing)[:_MOST]


def _paths(text: str, roots: frozenset[str]) -> Iterator[str]:
    for found in _JOINED.finditer(text):
        yield "/".join([found[2].rstrip("/"), *_QUOTED.findall(found[3])])
    made = {path for line in text.splitlines() if _MADE.search(line) for path in _PATH.findall(line)}
    for line in text.splitlines():
        for found in _PATH.finditer(line):
            path, before = found[0], line[max(found.start() - _BEFORE, 0) : found.start()]
            is_file = path.count("/") > 1 and "/".join(path.split("/")[:2]) in roots
            is_file = is_file or bool(_EXTENSION.search(path) and not _REQUESTED.search(before))
            if is_file and not _SYSTEM.match(path) and not _is_scratch(path, before, made):
                yield path


def _is_scratch(path: str, before: str, made: set[str]) -> bool:
    """Whether a file in ``/tmp`` is the tests' own; only what they look at and nowhere make is the agent's."""
    if not path.startswith("/tmp/"):  # noqa: S108 - a path in somebody else's file
        return False
    return path in made or not _LOOKED_AT.search(before)


def _is_own(path: str, step: Step) -> bool:
    """Whether the tests write it for whoever reads their verdict."""
    folder = step.verifier.verdict.folder
    return folder is not None and (path == folder or path.startswith(f"{folder}/"))


def _named(path: str, instructions: str) -> bool:
    """Whether the instructions have the path, or its last part, as a word of its own."""
    return any(
        re.search(rf"(?<![\w.-]){re.escape(name)}(?![\w-]|\.\w)", instructions)
        for name in (path, path.rsplit("/", 1)[-1])
    )


def _context_names(task: Task) -> set[str]:
    """Return what files and folders of the build context are called, where it is not the task's own folder."""
    context = task.environment.context
    if context is None:
        return set()
    own = {path for step in task.steps for path in files_of(step.verifier.tests)}
    return {path.name for path in context.rglob("*") if path not in own}


def _own_roots(task: Task) -> frozenset[str]:
    dockerfile = task.environment.context / "Dockerfile" if task.environment.context else None
    if dockerfile is None or not dockerfile.is_file():
        return frozenset()
    return frozenset(_ROOT.findall(dockerfile.read_text("utf-8", "replace")))


def _texts(step: Step) -> Iterator[str]:
    for path in files_of(step.verifier.tests):
        if path.stat().st_size <= _LARGEST:
            content = path.read_bytes()
            if b"\0" not in content:
                yield content.decode("utf-8", "replace")
