from __future__ import annotations

import os
import subprocess
import sys
import tarfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from sandbox import base_image
from sandbox.base import ImageBuildError
from sandbox.base_image import Source

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

REPOSITORY = Path(__file__).parent.parent
ARCHIVE_KEY = (("signed-by", "/usr/share/keyrings/debian-archive-keyring.gpg"),)


class Registry:
    """Answers a pull with given events, after a pause."""

    def __init__(self, *events: Mapping[str, str], pause: float = 0.0) -> None:
        self._events, self._pause = events, pause

    def pull(self, repository: str, tag: str, *, stream: bool, decode: bool) -> Iterator[Mapping[str, str]]:
        assert (f"{repository}:{tag}", stream, decode) == (base_image.IMAGE, True, True)
        time.sleep(self._pause)
        yield from self._events


def apt_folder(tmp_path: Path, **files: str) -> Path:
    """Write an /etc/apt with these files: `list` is sources.list, the others lie in sources.list.d."""
    (tmp_path / "sources.list.d").mkdir()
    for name, text in files.items():
        path = "sources.list" if name == "list" else "sources.list.d/" + name.replace("_", ".")
        (tmp_path / path).write_text(text)
    return tmp_path


def test_one_line_sources_are_read_with_their_options(tmp_path: Path) -> None:
    apt = apt_folder(
        tmp_path,
        list="# deb http://old.example/debian bookworm main\n"
        "deb http://one.example/debian/ bookworm main contrib # near\n"
        "deb-src http://one.example/debian bookworm main\n",
        more_list="deb [arch=amd64 trusted=yes] https://two.example/debian bookworm-security main\n",
    )
    assert base_image.debian_sources(apt) == [
        Source("http://one.example/debian", "bookworm", "main contrib"),
        Source("https://two.example/debian", "bookworm-security", "main", (("trusted", "yes"),)),
    ]


def test_deb822_sources_are_read_with_several_suites_and_addresses(tmp_path: Path) -> None:
    apt = apt_folder(
        tmp_path,
        debian_sources="Types: deb deb-src\n# a comment inside\nURIs: http://one.example/debian\n"
        " http://two.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\n"
        "Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg\n"
        "\n\nEnabled: no\nTypes: deb\nURIs: http://off.example/debian\nSuites: bookworm\nComponents: main\n",
    )
    assert base_image.debian_sources(apt) == [
        Source(f"http://{host}.example/debian", suite, "main", ARCHIVE_KEY)
        for suite in ("bookworm", "bookworm-updates")
        for host in ("one", "two")
    ]


def test_what_third_parties_added_is_left_out(tmp_path: Path) -> None:
    apt = apt_folder(
        tmp_path,
        list="deb [signed-by=/usr/share/keyrings/vendor.gpg] https://vendor.example/debian bookworm main\n"
        "deb https://containers.example/debian bookworm stable\n"
        "deb http://ubuntu.example/ubuntu jammy main\n"
        "deb cdrom:[Debian 12]/ bookworm main\n",
        node_sources="Types: deb\nURIs: https://node.example\nSuites: nodistro\nComponents: main\n",
        key_sources="Types: deb\nURIs: https://inline.example\nSuites: bookworm\nComponents: main\n"
        "Signed-By:\n -----BEGIN PGP PUBLIC KEY BLOCK-----\n .\n mDMEY865UxYJKwYBBAHaRw8BAQdAd7Z0\n",
    )
    assert base_image.debian_sources(apt) == []


def test_a_machine_of_another_release_names_the_same_mirror(tmp_path: Path) -> None:
    apt = apt_folder(
        tmp_path, list="deb http://one.example/debian trixie main\ndeb http://sec.example/debian trixie-security main\n"
    )
    sources = base_image.debian_sources(apt)
    assert [source.suite for source in sources] == ["bookworm", "bookworm-security"]
    assert base_image.mirror(sources) == "http://one.example/debian"


def test_a_file_of_mirrors_counts_as_its_first(tmp_path: Path) -> None:
    mirrors = tmp_path / "mirrors"
    mirrors.write_text("https://near.example/debian\tpriority:1\nhttps://far.example/debian\n")
    apt = apt_folder(tmp_path, list=f"deb mirror+file:{mirrors} bookworm main\n")
    assert base_image.debian_sources(apt) == [Source("https://near.example/debian", "bookworm", "main")]


def test_without_a_mirror_one_line_says_what_to_do(tmp_path: Path) -> None:
    with pytest.raises(ImageBuildError, match=r"no Debian mirror in /etc/apt.*docker load") as caught:
        base_image.mirror(base_image.debian_sources(tmp_path / "absent"))
    assert "\n" not in str(caught.value)


def test_written_sources_read_back_the_same_without_logins(tmp_path: Path) -> None:
    with_login = Source("https://user:secret@one.example/debian", "bookworm", "main contrib", ARCHIVE_KEY)
    text = base_image.sources_text([with_login, Source("http://two.example/debian", "bookworm-updates", "main")])
    assert base_image.debian_sources(apt_folder(tmp_path, debian_sources=text)) == [
        Source("https://one.example/debian", "bookworm", "main contrib", ARCHIVE_KEY),
        Source("http://two.example/debian", "bookworm-updates", "main"),
    ]


def test_only_settings_that_hold_in_a_container_go_into_the_image(tmp_path: Path) -> None:
    settings = base_image.apt_settings(
        'Acquire::Check-Date "false";\nAcquire::http::Proxy "http://127.0.0.1:3142";\nAPT::Architecture "amd64";\n'
        'Acquire::https::Proxy "http://user:secret@proxy.example:3128";\nAcquire::Retries "";\n'
    )
    assert set(settings) == {"Acquire::Check-Date", "Acquire::http::Proxy", "Acquire::https::Proxy"}
    base_image.furnish(tmp_path, [], settings, b"")
    assert (tmp_path / "etc/apt/apt.conf.d/90here").read_text() == 'Acquire::Check-Date "false";\n'


def test_certificates_are_where_programs_look_and_stay_when_the_package_comes(tmp_path: Path) -> None:
    base_image.furnish(tmp_path, [], {}, b"certificates")
    places = ("etc/ssl/certs/ca-certificates.crt", "usr/local/share/ca-certificates/here.crt")
    assert [(tmp_path / place).read_bytes() for place in places] == [b"certificates"] * 2
    assert "ENV PIP_CERT=/etc/ssl/certs/ca-certificates.crt" in base_image.changes(trusted=True)
    assert not [change for change in base_image.changes(trusted=False) if change.startswith("ENV")]


def test_a_link_in_the_system_is_replaced_and_not_followed_out_of_it(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.write_text("mine")
    link = tmp_path / "root/etc/ssl/certs/ca-certificates.crt"
    link.parent.mkdir(parents=True)
    link.symlink_to(outside)
    base_image.furnish(tmp_path / "root", [], {}, b"certificates")
    assert (outside.read_text(), link.read_bytes()) == ("mine", b"certificates")


def test_an_empty_bundle_is_none_and_a_wrong_one_is_named(tmp_path: Path) -> None:
    assert base_image.read_bundle("") == b""
    with pytest.raises(ImageBuildError, match=r"^CA_BUNDLE=.*/absent cannot be read: No such file or directory$"):
        base_image.read_bundle(str(tmp_path / "absent"))


def test_a_packed_system_keeps_folders_and_licences_but_no_documents_devices_or_host_names(tmp_path: Path) -> None:
    for name in (
        "bin/sh", "dev/null", "etc/hostname", "etc/passwd", "usr/share/doc/bash/README", "usr/share/doc/bash/copyright",
        "usr/share/man/man1/ls.1", "var/lib/apt/lists/mirror_InRelease", "var/log/dpkg.log", "var/log/wtmp",
    ):  # fmt: skip
        (tmp_path / "root" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "root" / name).touch()
    with tarfile.open(base_image.pack(tmp_path / "root", tmp_path / "image.tar")) as archive:
        members = {member.name.removeprefix("./"): member.isfile() for member in archive}
    files = {name for name, is_file in members.items() if is_file}
    assert files == {"bin/sh", "etc/passwd", "usr/share/doc/bash/copyright", "var/log/wtmp"}
    assert {"dev", "usr/share/man/man1", "var/lib/apt/lists"} <= members.keys()


def test_a_full_disk_is_said_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(ImageBuildError, match=r"with 1000000000000 MB free.* name a folder with TMPDIR$"):
        base_image.place([tmp_path / "absent", tmp_path], room=10**18)


def test_mounts_are_undone_from_the_inside_and_only_below_the_folder() -> None:
    table = "proc /proc proc rw 0 0\nproc /t/root/proc proc rw 0 0\nx /t/root/proc/sys x rw 0 0\ny /t2/root y rw 0 0\n"
    assert base_image.mounts_below(Path("/t"), table) == ["/t/root/proc/sys", "/t/root/proc"]


def test_a_pull_that_works_has_no_failure_and_one_that_does_not_is_told_in_a_few_words() -> None:
    assert base_image.pull(Registry({"status": "Pulling"}, {"status": "Done"})) is None
    assert base_image.pull(Registry({"error": 'Get "https://registry/v2/": dial tcp: no such host'})) == "no such host"


def test_a_registry_that_says_nothing_is_given_up_on() -> None:
    started = time.monotonic()
    assert base_image.pull(Registry({"status": "late"}, pause=30), silence=1) == "no answer in 1 s"
    assert time.monotonic() - started < 10


def test_without_a_docker_daemon_there_is_nothing_to_do(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "sandbox.base_image"],
        capture_output=True, text=True, check=False, cwd=REPOSITORY,
        env=os.environ | {"DOCKER_HOST": f"unix://{tmp_path}/docker.sock"},
    )  # fmt: skip
    assert done.returncode == 0
    assert done.stderr == "no Docker daemon to use (none answers): tasks run in the local sandbox\n"
