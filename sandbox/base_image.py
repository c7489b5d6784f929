"""Puts the image that tasks start from into the Docker daemon: pulled, or made from this machine's own Debian mirror.

``python -m sandbox.base_image`` is ``make base-image``. An image that is there already costs nothing; a registry that
does not answer is given up on; what then stands in the way of making the image is said in one line.
"""

from __future__ import annotations

import argparse
import contextlib
import os
import re
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, NoReturn, Protocol

import docker
from docker.errors import APIError, DockerException, ImageNotFound
from urllib3.exceptions import HTTPError

from sandbox.base import ImageBuildError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

IMAGE = "debian:bookworm-slim"
SUITE = "bookworm"
CA_BUNDLE = Path("/etc/ssl/certs/ca-certificates.crt")
"""Where Debian keeps the certificates that it trusts; the same on this machine and in the image."""

SILENCE = 20
"""Seconds without a word from the registry after which it counts as out of reach."""
CONNECT = 10
"""Seconds that the Docker daemon has for an answer."""
ROOM = 500_000_000
"""Bytes that the unpacked system and its archive take while the image is made."""

_TEMPORARY = [Path(os.environ.get("TMPDIR", "/var/tmp")), Path("/var/tmp"), Path("/tmp")]  # noqa: S108 - a folder is made there
_HELP = f"on a machine that can, `docker pull {IMAGE}` and `docker save` it, then `docker load` it here"

_SUITE = re.compile(
    r"(?:bullseye|bookworm|trixie|forky|duke|sid|oldstable|stable|testing|unstable)(|-updates|-security|-backports)"
)
"""Debian's own names: a machine of another release has a mirror of this one too."""

# What the official slim image also carries: quiet apt, no documents, and no services started by installing them.
_SLIM = {
    "etc/apt/apt.conf.d/docker-clean": (
        'DPkg::Post-Invoke { "rm -f /var/cache/apt/archives/*.deb /var/cache/apt/*.bin || true"; };\n'
        'Dir::Cache::pkgcache "";\nDir::Cache::srcpkgcache "";\n'
        'Acquire::GzipIndexes "true";\nAcquire::Languages "none";\nApt::AutoRemove::SuggestsImportant "false";\n'
    ),
    "etc/dpkg/dpkg.cfg.d/docker": (
        "path-exclude /usr/share/doc/*\npath-include /usr/share/doc/*/copyright\n"
        "path-exclude /usr/share/info/*\npath-exclude /usr/share/locale/*\npath-exclude /usr/share/man/*\n"
    ),
    "usr/sbin/policy-rc.d": "#!/bin/sh\nexit 101\n",
}
_LEFT_OUT = re.compile(
    r"(dev|proc|sys|run|tmp|var/cache/apt|var/lib/apt/lists|var/log/apt|usr/share/(doc|info|locale|man))/.+"
    r"|var/log/[^/]+\.log|etc/(hostname|resolv\.conf)",
)


class Source(NamedTuple):
    """One Debian package source, as the image will use it."""

    address: str
    suite: str
    components: str
    options: tuple[tuple[str, str], ...] = ()


class Registry(Protocol):
    """The one verb of Docker's API client that pulling needs."""

    def pull(self, repository: str, tag: str, *, stream: bool, decode: bool) -> Iterable[Mapping[str, str]]:
        """Pull an image and report as it goes; an event with ``error`` is the last."""
        ...


def main() -> int:
    """Provide the image; the exit code is 1 when a daemon answers and the image could not be had."""
    parser = argparse.ArgumentParser(prog="make base-image", description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--ca-bundle", default=str(CA_BUNDLE), help="certificates for the image; empty for none")
    parser.add_argument("--no-pull", action="store_true", help="make the image without asking the registry for it")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, _stop)
    try:
        client = docker.from_env(timeout=CONNECT)
    except DockerException as error:
        reason = "it refuses this user" if "Permission denied" in str(error) else "none answers"
        _say(f"no Docker daemon to use ({reason}): tasks run in the local sandbox")
        return 0
    try:
        with contextlib.closing(client):
            provide(client, options.ca_bundle, ask=not options.no_pull)
    except (ImageBuildError, DockerException, OSError) as error:
        _say(str(error))
        return 1
    except KeyboardInterrupt:
        _say("stopped; the half-made image is gone")
        return 130
    return 0


def provide(client: docker.DockerClient, bundle: str, *, ask: bool = True) -> None:
    """Leave `IMAGE` in the daemon.

    Raises:
        ImageBuildError: It can neither be pulled nor made here.
    """
    if _is_there(client):
        return
    if ask:
        _say(f"pulling {IMAGE}")
        failure = pull(client.api)
        if failure is None:
            return
        _say(f"{IMAGE} cannot be pulled ({failure}): making it from this machine's Debian mirror")
    sources = debian_sources(Path("/etc/apt"))
    address = mirror(sources)
    certificates = read_bundle(bundle)
    if os.geteuid() != 0:
        _become_root(bundle)
    os.umask(0o022)  # a stricter one would make a system that only root can read
    with _folder(place(_TEMPORARY)) as folder:
        root, log = folder / "root", folder / "log"
        settings = apt_settings(
            subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=True).stdout
        )
        _bootstrap(address, root, log, settings)
        furnish(root, sources, settings, certificates)
        archive = pack(root, folder / "image.tar")
        _say(f"importing {IMAGE}, {archive.stat().st_size / 1e6:.0f} MB")
        _import(client, archive, changes(trusted=bool(certificates)))


def pull(registry: Registry, silence: int = SILENCE) -> str | None:
    """Pull the image; return what went wrong in a few words, or ``None``."""
    # Docker's client waits for ever here, and its daemon for minutes.
    before = signal.signal(signal.SIGALRM, _silent)
    try:
        signal.alarm(silence)
        for event in registry.pull(*IMAGE.split(":"), stream=True, decode=True):
            signal.alarm(silence)
            if "error" in event:
                return event["error"].rpartition(": ")[2]
    except APIError as error:
        return str(error.explanation or error).rpartition(": ")[2]
    except (HTTPError, OSError):
        return f"no answer in {silence} s"
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    return None


# Reading this machine's package sources


def debian_sources(apt: Path) -> list[Source]:
    """Read Debian's own sources under ``/etc/apt``, as `SUITE`'s; what third parties added is left out."""
    lists = [apt / "sources.list", *sorted((apt / "sources.list.d").glob("*.list"))]
    entries = [entry for path in lists if path.is_file() for entry in _one_line_entries(path.read_text())]
    for path in sorted((apt / "sources.list.d").glob("*.sources")):
        entries += _paragraphs(path.read_text())
    return list(dict.fromkeys(source for entry in entries for source in _debian(entry)))


def _one_line_entries(text: str) -> Iterator[dict[str, str]]:
    for line in text.splitlines():
        found = re.match(r"\s*deb\s+(?:\[([^]]*)\]\s*)?(\S+)\s+(\S+)\s+([^#]+)", line)
        if found:
            options, uri, suite, components = found.groups("")
            fields = dict(option.split("=", 1) for option in options.split() if "=" in option)
            yield fields | {"types": "deb", "uris": uri, "suites": suite, "components": components}


def _paragraphs(text: str) -> Iterator[dict[str, str]]:
    text = re.sub(r"^#.*\n?", "", text, flags=re.MULTILINE)
    for paragraph in re.split(r"\n\s*\n", text):
        fields = re.findall(r"^([\w-]+):(.*(?:\n[ \t].*)*)", paragraph, re.MULTILINE)
        yield {name.lower(): " ".join(value.split()) for name, value in fields}


def _debian(entry: Mapping[str, str]) -> Iterator[Source]:
    """Turn a source's fields into `Source` values, none when it is not Debian's: the archive's key tells."""
    components = entry.get("components", "").split()
    own_key = all(Path(key).name.startswith("debian-archive") for key in entry.get("signed-by", "").split())
    wanted = "deb" in entry.get("types", "").split() and entry.get("enabled", "yes") != "no"
    if not (wanted and own_key and "main" in components):
        return
    options = tuple((name, entry[name]) for name in ("signed-by", "trusted", "check-valid-until") if name in entry)
    for found in filter(None, map(_SUITE.fullmatch, entry.get("suites", "").split())):
        for address in _addresses(entry.get("uris", "")):
            yield Source(address, SUITE + found[1], " ".join(components), options)


def _addresses(uris: str) -> Iterator[str]:
    for uri in uris.split():
        if uri.startswith("mirror+file:"):  # Debian's cloud images keep a list of mirrors in a file, the best one first
            listed = Path("/" + uri.removeprefix("mirror+file:").lstrip("/"))
            yield from list(_addresses(listed.read_text() if listed.is_file() else ""))[:1]
        elif re.match(r"https?://", uri):
            yield uri.rstrip("/")


def mirror(sources: Sequence[Source]) -> str:
    """Choose the address to bootstrap from."""
    for source in sources:
        if source.suite == SUITE:
            return source.address
    raise ImageBuildError(f"no Debian mirror in /etc/apt, so {IMAGE} cannot be made here: {_HELP}")


def apt_settings(dump: str) -> dict[str, str]:
    """Pick from ``apt-config dump`` what the sources may need in the image too: proxies, and frozen mirrors' dates."""
    names = r"Acquire::(?:Check-Valid-Until|Check-Date|Retries|https?::Proxy)"
    return dict(re.findall(rf'^({names}) "(.+)";$', dump, re.MULTILINE))


def read_bundle(path: str) -> bytes:
    """Read the certificates that go into the image; none for an empty path, or where this machine has none."""
    if not path or (Path(path) == CA_BUNDLE and not CA_BUNDLE.exists()):
        return b""
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise ImageBuildError(f"CA_BUNDLE={path} cannot be read: {error.strerror}") from error


def place(candidates: Sequence[Path], room: int = ROOM) -> Path:
    """Choose a folder whose disk has the room and takes programs and devices."""
    for path in candidates:
        if not path.is_dir() or shutil.disk_usage(path).free < room:
            continue
        if not os.statvfs(path).f_flag & (os.ST_NODEV | os.ST_NOEXEC):
            return path
    named = " or ".join(dict.fromkeys(map(str, candidates)))
    raise ImageBuildError(
        f"{IMAGE} is made on a disk with {room / 1e6:.0f} MB free, mounted without nodev and noexec,"
        f" and {named} has none: name a folder with TMPDIR"
    )


# Making the image


def _bootstrap(address: str, root: Path, log: Path, settings: Mapping[str, str]) -> None:
    path = os.environ["PATH"] + ":/usr/local/sbin:/usr/sbin:/sbin"  # `su` may leave these out, chroot needs them
    env = {"LC_ALL": "C", "DEBIAN_FRONTEND": "noninteractive"} | os.environ | {"PATH": path}
    for scheme in ("http", "https"):
        if proxy := settings.get(f"Acquire::{scheme}::Proxy"):
            env.setdefault(f"{scheme}_proxy", proxy)
    if shutil.which("debootstrap", path=path) is None:
        if shutil.which("apt-get") is None:
            raise ImageBuildError(f"debootstrap is missing, and {IMAGE} is made with it: install it, or {_HELP}")
        _say("installing debootstrap")
        _run(["apt-get", "update"], log, env)
        _run(["apt-get", "install", "-y", "--no-install-recommends", "debootstrap"], log, env)
    _run(["debootstrap", "--variant=minbase", SUITE, str(root), address], log, env)


def _run(argv: Sequence[str], log: Path, env: Mapping[str, str]) -> None:
    """Run a command to its end with its output in `log`; in a session of its own, so that it ends as we say."""
    with log.open("ab") as output:
        process = subprocess.Popen(
            argv, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=env, start_new_session=True
        )
    try:
        _follow(process, argv[0], log)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGTERM)
            process.wait()
    if process.returncode:
        tail = "\n".join(log.read_text(errors="replace").splitlines()[-15:])
        raise ImageBuildError(f"{argv[0]} failed, {IMAGE} is not made:\n{tail}")


def _follow(process: subprocess.Popen[bytes], name: str, log: Path) -> None:
    """Show what a process is at: one line rewritten on a terminal, a line now and then elsewhere."""
    started, terminal = time.monotonic(), sys.stderr.isatty()
    shown = started
    while process.poll() is None:
        time.sleep(0.2)
        now = time.monotonic()
        if now - shown >= (0.5 if terminal else 10):
            shown = now
            last = (log.read_text(errors="replace").splitlines() or [""])[-1].removeprefix("I: ")
            line = f"{name}: {last[:60]} ({now - started:.0f} s)"
            sys.stderr.write(f"\r\x1b[K{line}" if terminal else f"{line}\n")
    if terminal:
        sys.stderr.write("\r\x1b[K")


def furnish(root: Path, sources: Sequence[Source], settings: Mapping[str, str], certificates: bytes) -> None:
    """Put apt's sources, their keys, settings and certificates into a bootstrapped system; no password goes in."""
    inside = {name: value for name, value in settings.items() if not re.search(r"//(localhost|127\.|\[::1)|@", value)}
    files = _SLIM | {
        "etc/apt/sources.list": "",
        "etc/apt/sources.list.d/debian.sources": sources_text(sources),
        "etc/apt/apt.conf.d/90here": "".join(f'{name} "{value}";\n' for name, value in inside.items()),
    }
    contents = {name: text.encode() for name, text in files.items()}
    for key in " ".join(dict(source.options).get("signed-by", "") for source in sources).split():
        contents[key.lstrip("/")] = Path(key).read_bytes()
    if certificates:
        contents[str(CA_BUNDLE).lstrip("/")] = certificates
        # Installing ca-certificates writes the bundle anew, from this folder among others.
        contents["usr/local/share/ca-certificates/here.crt"] = certificates
    for name, content in contents.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.unlink(missing_ok=True)  # a link in there would lead out, to this machine's file
        path.write_bytes(content)
        path.chmod(0o755 if content.startswith(b"#!") else 0o644)


def sources_text(sources: Sequence[Source]) -> str:
    """Write sources in apt's deb822 format, without the logins that addresses may carry."""
    paragraphs = []
    for source in sources:
        address = re.sub(r"//[^/]*@", "//", source.address)
        fields = [("Types", "deb"), ("URIs", address), ("Suites", source.suite), ("Components", source.components)]
        fields += [(name.title(), value) for name, value in source.options]
        paragraphs.append("".join(f"{name}: {value}\n" for name, value in fields))
    return "\n".join(paragraphs)


def pack(root: Path, target: Path) -> Path:
    """Write a system as a tar archive: its folders all, its files without documents, caches, logs and devices."""

    def kept(entry: tarfile.TarInfo) -> tarfile.TarInfo | None:
        name = entry.name.removeprefix("./")
        wanted = entry.isdir() or name.endswith("/copyright") or not _LEFT_OUT.fullmatch(name)
        return entry if wanted else None

    with tarfile.open(target, "w") as archive:
        archive.add(root, arcname=".", filter=kept)
    return target


def changes(*, trusted: bool) -> list[str]:
    """Say what `docker import` writes on the image."""
    env = [f"ENV {name}={CA_BUNDLE}" for name in ("PIP_CERT", "SSL_CERT_FILE") if trusted]
    return ['CMD ["bash"]', "LABEL termstone.base=debootstrap", *env]


def _import(client: docker.DockerClient, archive: Path, written: Sequence[str]) -> None:
    repository, tag = IMAGE.split(":")
    try:
        answer = client.api.import_image_from_file(str(archive), repository=repository, tag=tag, changes=list(written))
    except (DockerException, OSError) as error:
        raise ImageBuildError(f"the Docker daemon does not take {IMAGE}: {error}") from error
    if not _is_there(client):
        raise ImageBuildError(f"the Docker daemon does not take {IMAGE}: {answer}")


def _is_there(client: docker.DockerClient) -> bool:
    try:
        client.images.get(IMAGE)
    except ImageNotFound:
        return False
    return True


def _become_root(bundle: str) -> NoReturn:
    """Start again in place of this process, through a sudo that asks for no password."""
    sudo = shutil.which("sudo")
    if sudo is None or subprocess.run([sudo, "-n", "true"], capture_output=True, check=False).returncode:
        raise ImageBuildError(f"making {IMAGE} needs root once: sudo make base-image")
    _say("going on as root, through sudo")
    names = ("DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH", "http_proxy", "https_proxy", "no_proxy", "TMPDIR")
    kept = [f"{name}={os.environ[name]}" for name in names if name in os.environ]
    again = [sys.executable, "-B", "-m", "sandbox.base_image", "--no-pull", "--ca-bundle", bundle]
    os.execv(sudo, [sudo, "-n", "env", *kept, *again])  # noqa: S606 - there is nothing for a shell to do


@contextlib.contextmanager
def _folder(parent: Path) -> Iterator[Path]:
    """Make a private folder that is gone afterwards, with what a stopped debootstrap left mounted in it."""
    folder = Path(tempfile.mkdtemp(prefix="termstone-base-", dir=parent))
    try:
        yield folder
    finally:
        for point in mounts_below(folder, Path("/proc/self/mounts").read_text()):
            subprocess.run(["umount", "--lazy", point], check=True)  # a failure here keeps rmtree away from the mount
        shutil.rmtree(folder)


def mounts_below(folder: Path, table: str) -> list[str]:
    """List the mount points below a folder, innermost first."""
    points = [line.split()[1] for line in table.splitlines()]
    return [point for point in reversed(points) if point.startswith(f"{folder}/")]


def _stop(*_: object) -> NoReturn:
    raise KeyboardInterrupt


def _silent(*_: object) -> NoReturn:
    raise TimeoutError


def _say(line: str) -> None:
    sys.stderr.write(f"{line}\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
