"""Files on their way into and out of a sandbox, as one tar archive each way."""

from __future__ import annotations

import io
import tarfile
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from sandbox.base import SandboxError

if TYPE_CHECKING:
    from typing import IO


class Archive:
    """A tar archive in the making: root-owned, and all of one time, so that equal content is equal bytes."""

    def __init__(self, mtime: float = 0) -> None:
        """Begin an archive whose files were all changed at `mtime`, in seconds since 1970."""
        self._mtime = mtime
        self._buffer = io.BytesIO()
        self._tar = tarfile.open(fileobj=self._buffer, mode="w")  # noqa: SIM115 - closed in `done`

    def folder(self, name: str, mode: int = 0o755) -> Archive:
        """Add an empty folder."""
        entry = self._entry(name, mode)
        entry.type = tarfile.DIRTYPE
        self._tar.addfile(entry)
        return self

    def file(self, name: str, content: bytes, mode: int = 0o644) -> Archive:
        """Add one file."""
        entry = self._entry(name, mode)
        entry.size = len(content)
        self._tar.addfile(entry, io.BytesIO(content))
        return self

    def tree(self, source: Path, name: str, mode: int | None = None, keep: set[str] | None = None) -> Archive:
        """Add a folder with all below it; links stay links.

        Args:
            source: the folder.
            name: what it is called in the archive.
            mode: overrides the files' own permissions.
            keep: names relative to `source` outside which all is left out.
        """
        for path in sorted([source, *source.rglob("*")]):
            if keep is not None and str(path.relative_to(source)) not in keep | {"."}:
                continue
            target = str(PurePosixPath(name) / path.relative_to(source))
            if path.is_symlink():
                entry = self._entry(target, 0o777)
                entry.type, entry.linkname = tarfile.SYMTYPE, str(path.readlink())
                self._tar.addfile(entry)
            elif path.is_dir():
                self.folder(target)
            elif path.is_file():
                self.file(target, path.read_bytes(), path.stat().st_mode & 0o777 if mode is None else mode)
        return self

    def _entry(self, name: str, mode: int) -> tarfile.TarInfo:
        entry = tarfile.TarInfo(name)
        entry.mode, entry.mtime = mode, self._mtime
        return entry

    def merge(self, archive: bytes) -> Archive:
        """Add all that another archive holds."""
        with tarfile.open(fileobj=io.BytesIO(archive)) as other:
            for entry in other:
                self._tar.addfile(entry, other.extractfile(entry) if entry.isreg() else None)
        return self

    def done(self) -> bytes:
        """Return the finished archive."""
        self._tar.close()
        return self._buffer.getvalue()


def regular_files(archive: IO[bytes], root: str, limit: int) -> dict[str, bytes]:
    """Read the regular files of a tar stream that came out of a sandbox, by their names below `root`.

    The stream is not trusted: only plain files count, nothing touches this machine's disk, and more than `limit` bytes
    raise `SandboxError`.
    """
    files: dict[str, bytes] = {}
    size = 0
    try:
        with tarfile.open(fileobj=archive, mode="r|*") as tar:
            for entry in tar:
                if not entry.isreg() or ".." in PurePosixPath(entry.name).parts:
                    continue
                size += entry.size
                if size > limit:
                    raise SandboxError(f"{root}: more than {limit:,} bytes")
                content = tar.extractfile(entry)
                if content is not None:
                    files[_below(entry.name, root)] = content.read()
    except tarfile.TarError as error:
        raise SandboxError(f"{root}: {error}") from error
    return files


def _below(name: str, root: str) -> str:
    base = PurePosixPath(root).name
    parts = PurePosixPath(name).parts
    parts = parts[1:] if parts and parts[0] in (".", "/") else parts
    return str(PurePosixPath(*parts[1:])) if len(parts) > 1 and parts[0] == base else parts[-1] if parts else base
