from __future__ import annotations

import gzip
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


def claiming(size: int, kind: bytes = tarfile.REGTYPE) -> io.BytesIO:
    """Write the header of a file alone, with a size that its content has not."""
    entry = tarfile.TarInfo("logs/a")
    entry.size, entry.type = size, kind
    return io.BytesIO(entry.tobuf(tarfile.GNU_FORMAT) + bytes(1024))


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


@pytest.mark.fault("F65")
def test_links_and_devices_are_left_out() -> None:
    kinds = (tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE, tarfile.CHRTYPE)
    tar = archive(*((f"logs/{number}", kind, b"") for number, kind in enumerate(kinds)))
    assert regular_files(tar, "/logs", 100) == {}


def test_a_name_from_the_root_stays_below_the_folder() -> None:
    assert regular_files(archive(("/etc/y", tarfile.REGTYPE, b"1")), "/logs", 100) == {"y": b"1"}


FILE, FOLDER = tarfile.REGTYPE, tarfile.DIRTYPE
HOSTILE = {
    "a way up": archive(("logs/../../etc/x", FILE, b"1")),
    "a way up and nothing else": archive(("..", FILE, b"1")),
    "a way up from the root": archive(("/../etc/x", FILE, b"1")),
    "a way up in a folder": archive(("logs/a/../../../x", FOLDER, b"")),
    "a way up as a link": archive(("logs/../x", tarfile.SYMTYPE, b"")),
    "a way up that is excluded": archive(("logs/../a.pyc", FILE, b"1")),
    "a name of 5,000 letters": archive((f"logs/{'a/' * 2500}x", FILE, b"1")),
    "a part of 300 letters": archive((f"logs/{'a' * 300}", FILE, b"1")),
    "a name twice": archive(("logs/a", FILE, b"1"), ("logs/a", FILE, b"2")),
    "a file below a file": archive(("logs/a", FILE, b"1"), ("logs/a/b", FILE, b"2")),
    "a file over a folder": archive(("logs/a/b", FILE, b"1"), ("logs/a", FILE, b"2")),
    "1,001 bytes": archive(("logs/a", FILE, b"x" * 1001)),
    "1,001 bytes in two": archive(("logs/a", FILE, b"x" * 1000), ("logs/b", FILE, b"x")),
    "101 files": archive(*((f"logs/{number}", FILE, b"") for number in range(101))),
    "folders without end": archive(*((f"logs/{number}", FOLDER, b"") for number in range(10_200))),
    "links without end": archive(*((f"logs/{number}", tarfile.SYMTYPE, b"") for number in range(10_200))),
    "a size of terabytes": claiming(5 << 40),
    "a size below nothing": claiming(-1),
    "a hole of terabytes": claiming(5 << 40, tarfile.GNUTYPE_SPARSE),
    "an archive that ends early": io.BytesIO(archive(("logs/a", FILE, b"x" * 900)).getvalue()[:1000]),
    "a bomb": io.BytesIO(gzip.compress(archive(("logs/a", FILE, b"1")).getvalue())),
    "nothing like an archive": io.BytesIO(b"nonsense" * 200),
}


@pytest.mark.fault("F62", "F65")
@pytest.mark.parametrize("name", HOSTILE)
def test_an_archive_is_refused_that_holds(name: str) -> None:
    HOSTILE[name].seek(0)
    with pytest.raises(SandboxError, match=r"^/logs: "):
        regular_files(HOSTILE[name], "/logs", 1000, count=100, exclude=("*.pyc",))


@pytest.mark.fault("F62")
def test_odd_names_come_out_as_they_are() -> None:
    names = ["a\nb", " ", "-rf", "con", "\\", "é", "\udcff", "*", "a:b", "\x1b[31m"]
    tar = archive(*((f"logs/{name}", FILE, b"1") for name in names))
    assert list(regular_files(tar, "/logs", 100)) == names


@pytest.mark.fault("F65")
def test_too_much_is_refused() -> None:
    with pytest.raises(SandboxError, match="more than 10 bytes"):
        regular_files(archive(("logs/big", tarfile.REGTYPE, b"x" * 11)), "/logs", 10)


def test_too_many_files_are_refused() -> None:
    entries = [(f"logs/{number}", tarfile.REGTYPE, b"") for number in range(11)]
    assert len(regular_files(archive(*entries), "/logs", 100, count=11)) == 11
    with pytest.raises(SandboxError, match="more than 10 files"):
        regular_files(archive(*entries), "/logs", 100, count=10)


def test_what_is_excluded_counts_for_nothing() -> None:
    entries = [
        (f"app/{name}", tarfile.REGTYPE, b"x" * 5) for name in ("kept", "a.pyc", "node_modules/deep/x", "sub/b.pyc")
    ]
    assert regular_files(archive(*entries), "/app", 5, exclude=("*.pyc", "node_modules")) == {"kept": b"xxxxx"}
