from __future__ import annotations

import io
import tarfile
from typing import TYPE_CHECKING

import pytest

from sandbox.archive import Archive, regular_files
from sandbox.base import SandboxError

if TYPE_CHECKING:
    from pathlib import Path


def archive(*entries: tuple[str, bytes, bytes]) -> io.BytesIO:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as tar:
        for name, kind, content in entries:
            entry = tarfile.TarInfo(name)
            entry.type, entry.size, entry.linkname = kind, len(content), "/etc/passwd"
            tar.addfile(entry, io.BytesIO(content))
    buffer.seek(0)
    return buffer


def test_equal_files_are_equal_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        (tmp_path / name / "sub").mkdir(parents=True)
        (tmp_path / name / "sub" / "f").write_text("x")
        (tmp_path / name / "link").symlink_to("sub/f")
    assert Archive().tree(tmp_path / "a", "t").done() == Archive().tree(tmp_path / "b", "t").done()


def test_files_come_out_by_their_names_below_the_path() -> None:
    tar = archive(("verifier/reward.txt", tarfile.REGTYPE, b"1"), ("verifier/sub/x", tarfile.REGTYPE, b"y"))
    assert regular_files(tar, "/logs/verifier", 100) == {"reward.txt": b"1", "sub/x": b"y"}
    assert regular_files(archive(("hostname", tarfile.REGTYPE, b"h")), "/etc/hostname", 100) == {"hostname": b"h"}


def test_links_and_devices_are_left_out() -> None:
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE)
    tar = archive(*((f"logs/{number}", kind, b"") for number, kind in enumerate(kinds)))
    assert regular_files(tar, "/logs", 100) == {}


def test_names_that_leave_the_folder_are_left_out() -> None:
    tar = archive(("logs/../../etc/x", tarfile.REGTYPE, b"1"), ("/etc/y", tarfile.REGTYPE, b"1"))
    assert not any(".." in name or name.startswith("/") for name in regular_files(tar, "/logs", 100))


def test_too_much_is_refused() -> None:
    with pytest.raises(SandboxError, match="more than 10 bytes"):
        regular_files(archive(("logs/big", tarfile.REGTYPE, b"x" * 11)), "/logs", 10)


def test_what_is_no_archive_is_refused() -> None:
    with pytest.raises(SandboxError):
        regular_files(io.BytesIO(b"nonsense" * 200), "/logs", 10)
