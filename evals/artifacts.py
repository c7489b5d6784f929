"""What is kept of a sandbox when its agent is done, below the trial's ``artifacts/``, with a manifest."""

from __future__ import annotations

import json
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict

from evals.task import Artifact
from sandbox.archive import files_of, size_of
from sandbox.base import SandboxDied, SandboxError
from sandbox.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sandbox.base import Sandbox

ALWAYS = Artifact(source="/logs/artifacts")
"""Where every task's agent may put what it wants kept."""
LIMIT = 100_000_000
"""Bytes of one artifact that are kept."""
CARRIED = 500_000_000
"""Bytes of one artifact that are carried to a sandbox of the tests' own; they pass through memory."""
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
    left_out: tuple[str, ...] = ()
    """Links, devices and the like below it; of many the first hundred, and then ``and more``."""
    service: str | None = None
    exclude: tuple[str, ...] = ()


class Taken(NamedTuple):
    """An artifact on its way."""

    artifact: Artifact
    archive: bytes
    """Names are relative to ``/``."""
    problem: str | None
    """Why there is nothing of it."""
    others: tuple[str, ...] = ()
    """What is neither file nor folder; see `sandbox.base.Packed`."""
    missing: bool = False
    """Whether there was nothing to take."""


async def take(sandbox: Sandbox, artifacts: Sequence[Artifact], limit: int = LIMIT) -> list[Taken]:
    """Take artifacts out of a sandbox; one that is missing, too large or of too many files is a problem of its own.

    Args:
        sandbox: where the agent worked.
        artifacts: what to take.
        limit: bytes of each.

    Raises:
        SandboxDied: the sandbox ended.
    """
    return [await _taken(sandbox, artifact, limit) for artifact in artifacts]


async def _taken(sandbox: Sandbox, artifact: Artifact, limit: int) -> Taken:
    source: Sandbox | None = sandbox.services.get(artifact.service) if artifact.service else sandbox
    if source is None:
        return Taken(artifact, b"", f"there is no service {artifact.service}")
    try:
        archive, others = await source.take(artifact.source, limit, exclude=artifact.exclude)
        return Taken(artifact, archive, None, others)
    except FileNotFoundError:
        return Taken(artifact, b"", "there is no such file or folder", missing=True)
    except SandboxDied:
        raise
    except SandboxError as error:
        return Taken(artifact, b"", str(error))


def keep(taken: Iterable[Taken], folder: Path) -> list[Kept]:
    """Write artifacts below a folder, secrets redacted, and a manifest beside them; no manifest for nothing at all."""
    manifest = [(_kept(one, folder), one) for one in taken]
    asked_for = [line for line, one in manifest if one.artifact != ALWAYS or line.left_out or not _nothing(line, one)]
    if asked_for:
        folder.mkdir(parents=True, exist_ok=True)
        lines = [line.model_dump(mode="json", exclude_none=True) for line in asked_for]
        (folder / _MANIFEST).write_text(json.dumps(Redaction().json(lines), indent=1) + "\n", encoding="utf-8")
    return asked_for


def _nothing(line: Kept, taken: Taken) -> bool:
    return taken.missing or line.status == "empty"


def _kept(taken: Taken, folder: Path) -> Kept:
    artifact = taken.artifact
    destination = _relative(artifact.destination or artifact.source)
    facts = {"source": artifact.source, "destination": destination, "service": artifact.service,
             "exclude": artifact.exclude}  # fmt: skip
    if taken.problem:
        return Kept(**facts, status="failed", detail=taken.problem)
    if size_of(taken.archive) > LIMIT:
        return Kept(**facts, status="failed", detail=f"more than {LIMIT:,} bytes")
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
    return Kept(**facts, type=kind, status="ok" if files else "empty", left_out=taken.others)


def _relative(path: str) -> str:
    """Return a path that stays below its folder, whatever it says."""
    return str(PurePosixPath(*(part for part in PurePosixPath(path).parts if part not in ("/", "..")))) or "."
