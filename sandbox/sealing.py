"""What `sandbox.seal` is told and what it answers, from the harness's side."""

from __future__ import annotations

import base64
import io
import json
import tarfile
from pathlib import PurePosixPath
from typing import Any

from pydantic import BaseModel, ConfigDict, computed_field

from sandbox.base import HOME, Sealed, SealUnavailable

Entry = tuple[str, str, int, str]
"""Absolute path; ``file``, ``folder`` or ``link``; mode; content in base64, or where a link points to."""


class Order(BaseModel):
    """One command to be sealed in; see `sandbox.base.Sandbox.sealed` for its parts."""

    model_config = ConfigDict(frozen=True)

    argv: tuple[str, ...]
    user: str
    cwd: str
    env: dict[str, str]
    folders: tuple[str, ...]
    kept: tuple[str, ...]
    files: tuple[Entry, ...]
    limit: int
    seconds: float
    alone: bool
    since: float | None = None
    """Seconds since 1970; what tests are run with and was changed since then is told."""
    home: str = HOME
    """A folder in whose place the new root is made; nothing in it is there for the command."""
    mapped: bool = False
    """Whether root inside is the only user there."""

    @computed_field  # type: ignore[prop-decorator] # mypy knows no decorated properties
    @property
    def private(self) -> list[str]:
        """The folders that are the command's user's alone."""
        return [folder for folder in self.folders if folder not in self.kept]


def entries(archive: bytes) -> tuple[Entry, ...]:
    """Read an archive of the harness's own making."""
    found: list[Entry] = []
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        for entry in tar:
            name = str(PurePosixPath("/", entry.name))
            if entry.issym():
                found.append((name, "link", 0o777, entry.linkname))
            elif entry.isdir():
                found.append((name, "folder", entry.mode, ""))
            elif file := tar.extractfile(entry):
                found.append((name, "file", entry.mode, base64.b64encode(file.read()).decode("ascii")))
    return tuple(found)


GRACE = 60.0
"""Seconds beyond those of a command for what is done before and after it."""


def sealed(answer: bytes) -> Sealed:
    """Read what `sandbox.seal` printed.

    An answer that is cut short is no reason to do without: whoever gave it has been killed, by what it was to keep out.

    Raises:
        SealUnavailable: it says that nothing can be sealed in there.
    """
    words: dict[str, Any] = {"killed": True}
    for line in answer.splitlines():
        try:
            found = json.loads(line)
        except ValueError as error:
            if line.startswith(b"{"):
                break
            said = answer.decode("utf-8", "replace").strip().splitlines()[-1]
            raise SealUnavailable(f"nothing can be sealed in here: {said}") from error
        words |= found
        words["killed"] = "changed" in found or "killed" in found
    if "unavailable" in words:
        raise SealUnavailable(f"nothing can be sealed in here: {words['unavailable']}")
    files = {path: base64.b64decode(content) for path, content in words.pop("files", {}).items()}
    return Sealed(files=files, **words)
