"""Files on their way into and out of a sandbox, as one tar archive each way."""

from __future__ import annotations

import io
import tarfile
from fnmatch import fnmatch
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, cast

from sandbox.base import FILES_LIMIT, Packed, SandboxError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import IO


_NAME, _PART = 4096, 255
"""Characters of a path and of a name in it, as Linux has them."""
_ENDS = 8
"""Reads after the end that are in order."""
_NAMED = 100
_OTHERS = 10_000
"""Folders, links and devices that are read over, beside the files that are wanted."""


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


def regular_files(
    archive: IO[bytes], root: str, limit: int, *, count: int = FILES_LIMIT, exclude: Sequence[str] = ()
) -> dict[str, bytes]:
    """Read the regular files of a tar stream that came out of a sandbox, by their names below `root`.

    The stream is not trusted. Nothing touches this machine's disk; links and devices are left out; what no archiver
    writes is refused with a `SandboxError`, and so are more than `limit` bytes or `count` files, before they are read.
    """
    files: dict[str, bytes] = {}
    folders: set[str] = set()
    size = entries = 0
    try:
        # Not compressed: a bomb would be unpacked to be skipped.
        with tarfile.open(fileobj=cast("IO[bytes]", _Ending(archive)), mode="r|") as tar:
            for entry in tar:
                name = _below(_checked(entry, root), root)
                if _matches(name, exclude):
                    continue
                entries += 1
                if entries > count + _OTHERS:
                    raise SandboxError(f"{root}: more than {count + _OTHERS:,} entries")
                if not entry.isreg():
                    continue
                size += entry.size
                if size > limit:
                    raise SandboxError(f"{root}: more than {limit:,} bytes")
                if len(files) == count:
                    raise SandboxError(f"{root}: more than {count:,} files")
                above = {str(parent) for parent in PurePosixPath(name).parents}
                if name in files or name in folders or above & files.keys():
                    raise SandboxError(f"{root}: {name[:100]!r} is there twice")
                folders |= above
                content = tar.extractfile(entry)
                if content is not None:
                    files[name] = content.read()
    except (tarfile.TarError, ValueError, OSError) as error:
        raise SandboxError(f"{root}: {error}") from error
    return files


def carried(archive: IO[bytes], path: str, limit: int, *, exclude: Sequence[str] = ()) -> Packed:
    """Make an archive to unpack at ``/`` of a tar stream with what is at or under an absolute `path`.

    The stream is not trusted. Files, folders, symbolic links and links between those files stay, with owners and
    modes; nothing else does, and nothing outside `path`. More than `limit` bytes or `FILES_LIMIT` entries raise
    `SandboxError`; see `sandbox.base.Sandbox.take`.
    """
    root = PurePosixPath(path)
    buffer, size, names, others = io.BytesIO(), 0, set[str](), list[str]()
    try:
        with (
            tarfile.open(fileobj=cast("IO[bytes]", _Ending(archive)), mode="r|") as tar,
            tarfile.open(fileobj=buffer, mode="w", format=tarfile.PAX_FORMAT) as kept,
        ):
            for entry in tar:
                known = _checked(entry, path)
                is_root = PurePosixPath(known) in (PurePosixPath(root.name), PurePosixPath())
                name = "" if is_root else _below(known, path)
                if name and _matches(name, exclude):
                    continue
                if not (entry.isreg() or entry.isdir()) and len(others) <= _NAMED:
                    others.append((name or root.name) if len(others) < _NAMED else "and more")
                if entry.islnk() and entry.linkname in names:
                    entry.linkname = str(root.parent / entry.linkname).lstrip("/")
                elif not (entry.isreg() or entry.isdir() or entry.issym()):
                    continue
                names.add(known)
                size += entry.size
                if size > limit:
                    raise SandboxError(f"{path}: more than {limit:,} bytes")
                if len(names) > FILES_LIMIT:
                    raise SandboxError(f"{path}: more than {FILES_LIMIT:,} files and folders")
                entry.name = str(root / name).lstrip("/")
                entry.mode &= 0o777
                entry.pax_headers = {}  # which would be written in the place of what has been changed here
                kept.addfile(entry, tar.extractfile(entry) if entry.isreg() else None)
    except (tarfile.TarError, ValueError, OSError) as error:
        raise SandboxError(f"{path}: {error}") from error
    return Packed(buffer.getvalue(), tuple(others))


def files_of(archive: bytes) -> dict[str, bytes]:
    """Return the regular files of an archive that `carried` or `Archive` made, by name."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        opened = ((entry.name, tar.extractfile(entry)) for entry in tar if entry.isreg())
        return {name: file.read() for name, file in opened if file}


def size_of(archive: bytes) -> int:
    """Return the bytes of all files in such an archive."""
    with tarfile.open(fileobj=io.BytesIO(archive)) as tar:
        return sum(entry.size for entry in tar)


class _Ending:
    """A stream that ends once: tarfile would go on reading after the end what an entry claims to have, however much."""

    def __init__(self, stream: IO[bytes]) -> None:
        self._stream = stream
        self._ends = 0

    def read(self, size: int) -> bytes:
        data = self._stream.read(size)
        self._ends += not data
        if self._ends > _ENDS:
            raise tarfile.ReadError("the archive ends early")
        return data


def _checked(entry: tarfile.TarInfo, root: str) -> str:
    """Return an entry's name, or refuse what could be meant to leave the folder it is read into."""
    parts = entry.name.split("/")
    if ".." in parts or "\0" in entry.name or len(entry.name) > _NAME or any(len(part) > _PART for part in parts):
        raise SandboxError(f"{root}: {entry.name[:100]!r} is no name of a file below it")
    if entry.size < 0:
        raise SandboxError(f"{root}: {entry.name[:100]!r} has less than no bytes")
    return entry.name


def _matches(name: str, patterns: Sequence[str]) -> bool:
    path = PurePosixPath(name)
    return any(fnmatch(str(part), pattern) for pattern in patterns for part in (path, path.name, *path.parents))


def _below(name: str, root: str) -> str:
    base = PurePosixPath(root).name
    parts = PurePosixPath(name).parts
    parts = parts[1:] if parts and parts[0] in (".", "/") else parts
    return str(PurePosixPath(*parts[1:])) if len(parts) > 1 and parts[0] == base else parts[-1] if parts else base
