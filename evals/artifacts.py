"""What is kept of a sandbox when its agent is done, below the trial's ``artifacts/``, with a manifest."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from evals.task import Artifact
from sandbox.archive import files_of
from sandbox.base import SandboxDied, SandboxError
from sandbox.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sandbox.base import Sandbox

ALWAYS = Artifact(source="/logs/artifacts")
"""Where every task's agent may put what it wants kept."""
LIMIT = 100_000_000
"""Bytes of one artifact."""
_MANIFEST = "manifest.json"


class Kept(BaseModel):
    """One line of the manifest."""

    model_config = ConfigDict(frozen=True)

    source: str
    destination: str
    """Relative to ``artifacts/``."""
    type: Literal["file", "directory"] | None = None
    status: Literal["ok", "empty", "failed"]
    detail: str | None = None
    """Why it failed."""
    service: str | None = None
    exclude: tuple[str, ...] = ()


class Taken(NamedTuple):
    """An artifact on its way."""

    artifact: Artifact
    archive: bytes
    """Names are relative to ``/``."""
    problem: str | None
    """Why there is nothing of it."""
    missing: bool = False
    """Whether there was nothing to take."""


async def take(sandbox: Sandbox, artifacts: Sequence[Artifact]) -> list[Taken]:
    """Take artifacts out of a sandbox; one that is missing, too large or of too many files is a problem of its own.

    Raises:
        SandboxDied: the sandbox ended.
    """
    return [await _taken(sandbox, artifact) for artifact in artifacts]


async def _taken(sandbox: Sandbox, artifact: Artifact) -> Taken:
    source: Sandbox | None = sandbox.services.get(artifact.service) if artifact.service else sandbox
    if source is None:
        return Taken(artifact, b"", f"there is no service {artifact.service}")
    try:
        return Taken(artifact, await source.take(artifact.source, LIMIT, exclude=artifact.exclude), None)
    except FileNotFoundError:
        return Taken(artifact, b"", "there is no such file or folder", missing=True)
    except SandboxDied:
        raise
    except SandboxError as error:
        return Taken(artifact, b"", str(error))


def keep(taken: Iterable[Taken], folder: Path) -> list[Kept]:
    """Write artifacts below a folder, secrets redacted, and a manifest beside them; no manifest for nothing at all."""
    manifest = [_kept(one, folder) for one in taken]
    asked_for = [line for line in manifest if line.source != ALWAYS.source or line.status == "ok"]
    if asked_for:
        folder.mkdir(parents=True, exist_ok=True)
        lines = [line.model_dump(mode="json", exclude_none=True) for line in asked_for]
        (folder / _MANIFEST).write_text(json.dumps(Redaction().json(lines), indent=1) + "\n", encoding="utf-8")
    return asked_for


def _kept(taken: Taken, folder: Path) -> Kept:
    artifact = taken.artifact
    destination = _relative(artifact.destination or artifact.source)
    facts = {"source": artifact.source, "destination": destination, "service": artifact.service,
             "exclude": artifact.exclude}  # fmt: skip
    if taken.problem:
        return Kept(**facts, status="failed", detail=taken.problem)
    files = files_of(taken.archive)
    own = _relative(artifact.source)
    kind: Literal["file", "directory"] = "file" if own in files else "directory"
    redaction = Redaction()
    try:
        for name, content in files.items():
            below = PurePosixPath(name).relative_to(own)
            target = folder / destination / below
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(redaction.bytes(content))
    except (OSError, ValueError) as error:  # a name that this machine does not take
        return Kept(**facts, type=kind, status="failed", detail=str(error))
    return Kept(**facts, type=kind, status="ok" if files else "empty")


def _relative(path: str) -> str:
    """Return a path that stays below its folder, whatever it says."""
    return str(PurePosixPath(*(part for part in PurePosixPath(path).parts if part not in ("/", "..")))) or "."
