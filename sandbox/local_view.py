"""What a local sandbox's commands see as the file system: this machine's folders, each under a layer for changes.

It only lays out; `sandbox.local_init` runs it as its own first process and then makes the result the root.
"""

from __future__ import annotations

import os
import re
import stat
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from sandbox.kernel import BIND, KEPT_FLAGS, NODEV, NOEXEC, NOSUID, RDONLY, REMOUNT, bind_read_only, mount

if TYPE_CHECKING:
    from collections.abc import Iterator

_FRESH = {
    "/boot": 0o755, "/dev": 0o755, "/home": 0o755, "/media": 0o755, "/mnt": 0o755, "/proc": 0o555, "/root": 0o700,
    "/run": 0o755, "/sys": 0o555, "/var/lib/containerd": 0o711, "/var/lib/docker": 0o710,
    "/run/lock": 0o1777,
    "/tmp": 0o1777,  # noqa: S108 - the sandbox's own, as is the next
    "/var/tmp": 0o1777,  # noqa: S108
}  # fmt: skip
"""Folders that show nothing of this machine's."""
_NEEDED = {"/etc/sudoers", "/etc/sudoers.d", "/etc/shadow", "/etc/gshadow"}
"""Readable for root alone and yet shown: sudo, su and useradd need them. The password hashes are taken out."""
_PRIVATE_DEPTH = {"/etc": 9, "/usr": 0, "/var": 3}
"""How many levels below are searched for what root alone may read; 2 where nothing is said."""
_OWNED = {"/etc": 9, "/opt": 2, "/srv": 2, "/usr": 1, "/usr/local": 5, "/var": 1}
"""Folders, and levels below them, in which an ordinary user's sandbox may write although this machine's root owns them:
they are made anew on top."""
_COPIED_LIMIT = 1_000_000
"""Bytes of a file that stands where no overlay can be and so is copied."""

_PROC_HIDDEN = ("acpi", "asound", "interrupts", "kcore", "keys", "kmsg", "latency_stats", "sched_debug", "scsi",
                "timer_list", "timer_stats")  # fmt: skip
_PROC_READ_ONLY = ("bus", "fs", "irq", "sys", "sysrq-trigger")
_DEVICES = ("null", "zero", "full", "random", "urandom", "tty")
_DEVICE_LINKS = {
    "fd": "/proc/self/fd", "stdin": "/proc/self/fd/0", "stdout": "/proc/self/fd/1", "stderr": "/proc/self/fd/2",
    "ptmx": "pts/ptmx",
}  # fmt: skip


class View:
    """The sandbox's file system: this machine's folders, each under a layer of its own that takes all changes."""

    def __init__(self, temporary: Path, hidden: list[str], *, mapped: bool) -> None:
        self.root = temporary / "root"
        self.mapped = mapped
        """Whether root inside is an ordinary user outside."""
        self._layers = temporary / "layers"
        self._xattr = "user" if mapped else "trusted"
        self._mounts = _mount_points() | {temporary}
        self._masked = {Path(path) for path in hidden} | {Path(path).resolve() for path in _FRESH}
        self._count = 0
        self.left_out: list[str] = []
        """What could not be shown, with the reason."""

    def build(self) -> None:
        """Make the whole file system below `root`."""
        self.root.mkdir()
        self.root.chmod(0o755)
        self._layers.mkdir()
        self._mount_root()
        for path in sorted(Path("/").iterdir()):
            if path.is_symlink() or path.is_dir():
                self._show(path)
        for name, mode in _FRESH.items():
            self._fresh(self.root / name[1:], mode)
        self._resolv_conf()
        self._accounts()
        _devices(self.root / "dev", mapped=self.mapped)
        _proc(self.root / "proc")
        _sys(self.root / "sys")

    def _mount_root(self) -> None:
        """Turn the folder into a mount, which is what a root has to be."""
        flags = os.statvfs(self.root).f_flag & KEPT_FLAGS
        if flags & NOEXEC:
            mount("tmpfs", self.root, "tmpfs", NODEV, "mode=755")
            return
        mount(self.root, self.root, flags=BIND)
        mount("none", self.root, flags=REMOUNT | BIND | flags | NODEV)

    def _fresh(self, path: Path, mode: int) -> None:
        if path.parent.is_dir():
            path.mkdir(exist_ok=True)
            path.chmod(mode)

    def _show(self, path: Path) -> None:
        """Make one of this machine's files or folders appear."""
        target = self.root / path.relative_to("/")
        try:
            info = path.lstat()
            if stat.S_ISLNK(info.st_mode):
                target.symlink_to(path.readlink())
            elif stat.S_ISDIR(info.st_mode):
                target.mkdir()
                _like(target, info)
                if not self._is_masked(path, info):
                    self._show_folder(path, target)
            elif stat.S_ISREG(info.st_mode) and info.st_size <= _COPIED_LIMIT and not self._is_masked(path, info):
                target.write_bytes(path.read_bytes())
                _like(target, info)
        except PermissionError:  # nothing that this user may see
            return
        except OSError as error:
            self.left_out.append(f"{path}: {error.strerror}")

    def _show_folder(self, path: Path, target: Path) -> None:
        if any(path in mount.parents for mount in self._mounts):
            # The kernel refuses an overlay whose lower tree has mounts below it, or its own upper one.
            for below in path.iterdir():
                self._show(below)
        else:
            self._overlay(path, target)

    def _overlay(self, path: Path, target: Path) -> None:
        """Mount a folder with a layer for changes: on disk, else in memory, else read it only."""
        layer = self._layers / str(self._count)
        self._count += 1
        layer.mkdir()
        for in_memory in (False, True):
            try:
                if in_memory:
                    mount("tmpfs", layer, "tmpfs", NODEV)
                self._mount_overlay(path, target, layer)
            except OSError:  # the temporary folder cannot hold a layer, as in a container
                continue
            return
        self._bind(path, target)

    def _bind(self, path: Path, target: Path) -> None:
        """Show a folder that takes no layer; one that cannot be masked as it should is not shown at all."""
        bind_read_only(path, target)
        try:
            for masked in self._masked_below(path):
                place = self.root / masked.relative_to("/")
                if place.is_dir():
                    mount("tmpfs", place, "tmpfs", NODEV, "mode=755")
                elif place.exists():
                    bind_read_only(Path("/dev/null"), place)
        except OSError:
            mount("tmpfs", target, "tmpfs", RDONLY)
            raise

    def _mount_overlay(self, path: Path, target: Path, layer: Path) -> None:
        upper, work = layer / "upper", layer / "work"
        upper.mkdir()
        work.mkdir()
        _like(upper, path.lstat())
        for masked in self._masked_below(path):
            self._mask(upper, path, masked)
        if self.mapped:
            self._own(upper, path)
        options = f"lowerdir={_escaped(path)},upperdir={_escaped(upper)},workdir={_escaped(work)}"
        options += ",userxattr" if self.mapped else ""
        try:
            # Nothing here outlives the sandbox, so nothing has to reach the disk: else the end waits for all of it.
            mount("overlay", target, "overlay", NODEV, f"{options},volatile")
        except OSError:  # before Linux 5.10
            mount("overlay", target, "overlay", NODEV, options)

    def _masked_below(self, path: Path) -> Iterator[Path]:
        yield from (masked for masked in sorted(self._masked) if path in masked.parents)
        if not self.mapped:
            yield from self._private_below(path, _PRIVATE_DEPTH.get(f"/{path.parts[1]}", 2))

    def _private_below(self, folder: Path, depth: int) -> Iterator[Path]:
        """Find what only root may read: as it holds this machine's secrets, the sandbox's root does not get it."""
        for path, info in _listed(folder) if depth else ():
            if path in self._masked:
                continue
            if self._is_masked(path, info):
                yield path
            elif stat.S_ISDIR(info.st_mode) and str(path) not in _NEEDED:
                yield from self._private_below(path, depth - 1)

    def _is_masked(self, path: Path, info: os.stat_result) -> bool:
        if path in self._masked:
            return True
        readable = 0o005 if stat.S_ISDIR(info.st_mode) else 0o004
        shown = self.mapped or stat.S_ISLNK(info.st_mode) or str(path) in _NEEDED
        return not shown and info.st_mode & readable != readable

    def _mask(self, upper: Path, top: Path, masked: Path) -> None:
        """Put an empty folder over a folder, nothing over a file; in the layer, so that there is no mount to undo."""
        while not masked.parent.exists():  # it may come to be while the sandbox runs
            masked = masked.parent
        target = _made_like(upper, top, masked.parent) / masked.name
        if masked.is_dir() or not masked.exists():
            target.mkdir(exist_ok=True)
            os.setxattr(target, f"{self._xattr}.overlay.opaque", b"y")
            _like(target, (masked if masked.exists() else masked.parent).lstat())
        else:
            os.mknod(target, stat.S_IFCHR)

    def _own(self, upper: Path, top: Path) -> None:
        """Make folders anew in the layer, as theirs is the owner that counts, and copy /etc, whose files get edited."""
        for owned, depth in _OWNED.items():
            if top.is_relative_to(owned) or Path(owned).is_relative_to(top):
                start = top if top.is_relative_to(owned) else Path(owned)
                levels = depth - len(start.relative_to(owned).parts)
                self._own_below(upper, top, start, levels)

    def _own_below(self, upper: Path, top: Path, folder: Path, levels: int) -> None:
        if levels < 0 or not self._is_open(folder):
            return
        made = _made_like(upper, top, folder)
        entries = list(os.scandir(folder))
        if folder.is_relative_to("/etc"):
            _copy(folder, made, [entry.name for entry in entries])
        for entry in entries:
            if entry.is_dir(follow_symlinks=False):
                self._own_below(upper, top, folder / entry.name, levels - 1)

    def _is_open(self, folder: Path) -> bool:
        return folder not in self._masked and os.access(folder, os.R_OK | os.X_OK)

    def _resolv_conf(self) -> None:
        """Keep names resolvable where the resolver's file is a link into a fresh folder."""
        try:
            real = Path("/etc/resolv.conf").resolve()
            target = self.root / real.relative_to("/")
            if not target.exists():
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_bytes(real.read_bytes())
        except OSError:  # this machine has none
            return

    def _accounts(self) -> None:
        """Lock every account: the hashes of this machine's passwords stay outside."""
        for name in ("shadow", "gshadow"):
            path = self.root / "etc" / name
            if not self.mapped and path.exists():
                path.write_bytes(re.sub(rb"^([^:\n]*):[^:\n]*", rb"\1:*", path.read_bytes(), flags=re.MULTILINE))


def _made_like(upper: Path, top: Path, folder: Path) -> Path:
    """Return `folder` in the layer of `top`, made with the modes of the folders that it covers."""
    target = upper
    for part in folder.relative_to(top).parts:
        target /= part
        if not target.exists():
            target.mkdir()
            _like(target, (top / target.relative_to(upper)).lstat())
    return target


def _listed(folder: Path) -> list[tuple[Path, os.stat_result]]:
    found = []
    with suppress(OSError):
        for entry in os.scandir(folder):
            with suppress(FileNotFoundError):  # it has gone meanwhile
                found.append((Path(entry.path), entry.stat(follow_symlinks=False)))
    return found


def _copy(source: Path, target: Path, names: list[str]) -> None:
    for name in names:
        try:
            info = (source / name).lstat()
            if stat.S_ISREG(info.st_mode) and info.st_size <= _COPIED_LIMIT and not (target / name).exists():
                (target / name).write_bytes((source / name).read_bytes())
                (target / name).chmod(stat.S_IMODE(info.st_mode))
        except OSError:  # not readable for this user
            continue


def _escaped(path: Path) -> str:
    return re.sub(r"([\\:,])", r"\\\1", str(path))


def _mount_points() -> set[Path]:
    lines = Path("/proc/self/mountinfo").read_bytes().splitlines()
    names = (re.sub(rb"\\(\d{3})", lambda octal: bytes([int(octal[1], 8)]), line.split()[4]) for line in lines)
    return {Path(os.fsdecode(name)) for name in names}


def _devices(dev: Path, *, mapped: bool) -> None:
    mount("tmpfs", dev, "tmpfs", NOSUID | NOEXEC, "mode=755,size=1m")
    for name in _DEVICES:
        (dev / name).touch()
        # Read-only, as a chmod inside would otherwise change this machine's own device.
        bind_read_only(Path("/dev", name), dev / name)
    for name, target in _DEVICE_LINKS.items():
        (dev / name).symlink_to(target)
    for name in ("pts", "shm"):
        (dev / name).mkdir()
    group = "" if mapped else ",gid=5"
    mount("devpts", dev / "pts", "devpts", NOSUID | NOEXEC, f"newinstance,ptmxmode=0666,mode=0620{group}")
    mount("tmpfs", dev / "shm", "tmpfs", NOSUID | NODEV, "mode=1777")


def _proc(proc: Path) -> None:
    mount("proc", proc, "proc", NOSUID | NODEV | NOEXEC)
    for name in _PROC_READ_ONLY:
        if (proc / name).exists():
            bind_read_only(proc / name, proc / name)
    for name in _PROC_HIDDEN:
        if (proc / name).is_dir():
            mount("tmpfs", proc / name, "tmpfs", RDONLY)
        elif (proc / name).exists():
            bind_read_only(Path("/dev/null"), proc / name)


def _sys(target: Path) -> None:
    """Show the processors and the memory, read-only, and nothing else."""
    mount("tmpfs", target, "tmpfs", NOSUID | NODEV | NOEXEC, "mode=755,size=16k")
    below = target / "devices" / "system"
    below.mkdir(parents=True)
    if Path("/sys/devices/system").is_dir():
        bind_read_only(Path("/sys/devices/system"), below)
    mount("none", target, flags=REMOUNT | BIND | NOSUID | NODEV | NOEXEC | RDONLY)


def _like(path: Path, info: os.stat_result) -> None:
    """Give a file the owner and mode of another one."""
    with suppress(OSError):  # an ordinary user's sandbox knows one owner
        os.chown(path, info.st_uid, info.st_gid)
    path.chmod(stat.S_IMODE(info.st_mode))
