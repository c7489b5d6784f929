"""The first process inside a local sandbox: it lays out the file system, runs the commands, and ends with its harness.

`sandbox.local` runs it as a program (``python -I -S``) with a socket as standard input; it imports nothing of ours. All
capabilities over the sandbox stay in this process, so it trusts nothing that a command can have written: it imports
nothing late, never asks glibc for a user's name (that loads modules from the file system), and starts no helper.

    harness --socket-- supervisor (outside: waits, then removes the temporary folder)
                           `-- process 1 (inside: reaps, starts and kills) -- commands (few capabilities)
"""

from __future__ import annotations

import ctypes
import fcntl
import json
import os
import re
import select
import signal
import socket
import stat
import struct
import sys
import warnings  # noqa: F401 - os.execvpe would import it late
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, NoReturn

if TYPE_CHECKING:
    from collections.abc import Iterator

_NEW_NS, _NEW_CGROUP, _NEW_UTS, _NEW_IPC = 0x20000, 0x2000000, 0x4000000, 0x8000000
_NEW_USER, _NEW_PID, _NEW_NET = 0x10000000, 0x20000000, 0x40000000

_RDONLY, _NOSUID, _NODEV, _NOEXEC, _REMOUNT, _BIND = 1, 2, 4, 8, 32, 4096
_PRIVATE_BELOW = 0x4000 | 0x40000
_DETACH = 2
_KEPT_FLAGS = _RDONLY | _NOSUID | _NODEV | _NOEXEC
"""What a remount has to repeat, as the kernel lets nobody in a user namespace take it away."""

_PDEATHSIG, _SET_DUMPABLE, _CAPBSET_READ, _CAPBSET_DROP = 1, 4, 23, 24
_CAPABILITIES = (0, 1, 3, 4, 5, 6, 7, 8, 10, 18, 29, 31)
"""Docker's default set without mknod: chown dac_override fowner fsetid kill setgid setuid setpcap net_bind_service
sys_chroot audit_write setfcap."""
_NET_RAW = 13
"""Docker's too, but on this machine's own network it would read other programs' packets."""

_FRESH = {  # the paths of every Unix, not files of ours
    "/boot": 0o755, "/home": 0o755, "/media": 0o755, "/mnt": 0o755, "/root": 0o700, "/run": 0o755, "/tmp": 0o1777,
    "/var/tmp": 0o1777, "/var/lib/containerd": 0o711, "/var/lib/docker": 0o710,
    "/dev": 0o755, "/proc": 0o555, "/sys": 0o555,
}  # fmt: skip
"""Folders that show nothing of this machine's."""
_NEEDED = {"/etc/sudoers", "/etc/sudoers.d", "/etc/shadow", "/etc/gshadow"}
"""Readable for root alone and yet shown: sudo, su and useradd need them. The password hashes are taken out."""
_PRIVATE_DEPTH = {"/etc": 9, "/usr": 0, "/var": 3}
"""How many levels of a folder are searched for what root alone may read; 2 where nothing is said."""
_OWNED = {"/etc": 9, "/opt": 2, "/srv": 2, "/usr/local": 5, "/var": 1}
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

_libc = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    if getattr(_libc, name)(*arguments) == -1:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _mount(source: str | Path, target: Path, kind: str = "none", flags: int = 0, options: str = "") -> None:
    words = (os.fsencode(word) for word in (source, target, kind))
    try:
        _call("mount", *words, ctypes.c_ulong(flags), os.fsencode(options))
    except OSError as error:
        raise OSError(error.errno, f"mount {kind} at {target}: {error.strerror}") from error


def _bind_read_only(source: Path, target: Path) -> None:
    _mount(source, target, flags=_BIND)
    kept = os.statvfs(target).f_flag & _KEPT_FLAGS
    _mount("none", target, flags=_REMOUNT | _BIND | kept | _RDONLY)


def _like(path: Path, info: os.stat_result) -> None:
    """Give a file the owner and mode of another one."""
    with suppress(OSError):  # an ordinary user's sandbox knows one owner
        os.chown(path, info.st_uid, info.st_gid)
    path.chmod(stat.S_IMODE(info.st_mode))


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
        flags = os.statvfs(self.root).f_flag & _KEPT_FLAGS
        if flags & _NOEXEC:
            _mount("tmpfs", self.root, "tmpfs", _NODEV, "mode=755")
            return
        _mount(self.root, self.root, flags=_BIND)
        _mount("none", self.root, flags=_REMOUNT | _BIND | flags | _NODEV)

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
                    _mount("tmpfs", layer, "tmpfs", _NODEV)
                self._mount_overlay(path, target, layer)
            except OSError:  # the temporary folder cannot hold a layer, as in a container
                continue
            return
        _bind_read_only(path, target)
        for masked in self._masked_below(path):
            _mount("tmpfs", self.root / masked.relative_to("/"), "tmpfs", _NODEV)

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
        _mount("overlay", target, "overlay", _NODEV, options + (",userxattr" if self.mapped else ""))

    def _masked_below(self, path: Path) -> Iterator[Path]:
        yield from (masked for masked in sorted(self._masked) if path in masked.parents)
        if not self.mapped:
            yield from self._private_below(path, _PRIVATE_DEPTH.get(str(path), 2))

    def _private_below(self, folder: Path, depth: int) -> Iterator[Path]:
        """Find what only root may read: as it holds this machine's secrets, the sandbox's root does not get it."""
        for entry in os.scandir(folder) if depth else ():
            path, info = Path(entry.path), entry.stat(follow_symlinks=False)
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
        try:
            info = masked.lstat()
        except OSError:
            return
        target = _made_like(upper, top, masked.parent) / masked.name
        if stat.S_ISDIR(info.st_mode):
            target.mkdir(exist_ok=True)
            os.setxattr(target, f"{self._xattr}.overlay.opaque", b"y")
            _like(target, info)
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
    _mount("tmpfs", dev, "tmpfs", _NOSUID | _NOEXEC, "mode=755,size=1m")
    for name in _DEVICES:
        (dev / name).touch()
        # Read-only, as a chmod inside would otherwise change this machine's own device.
        _bind_read_only(Path("/dev", name), dev / name)
    for name, target in _DEVICE_LINKS.items():
        (dev / name).symlink_to(target)
    for name in ("pts", "shm"):
        (dev / name).mkdir()
    group = "" if mapped else ",gid=5"
    _mount("devpts", dev / "pts", "devpts", _NOSUID | _NOEXEC, f"newinstance,ptmxmode=0666,mode=0620{group}")
    _mount("tmpfs", dev / "shm", "tmpfs", _NOSUID | _NODEV, "mode=1777")


def _proc(proc: Path) -> None:
    _mount("proc", proc, "proc", _NOSUID | _NODEV | _NOEXEC)
    for name in _PROC_READ_ONLY:
        if (proc / name).exists():
            _bind_read_only(proc / name, proc / name)
    for name in _PROC_HIDDEN:
        if (proc / name).is_dir():
            _mount("tmpfs", proc / name, "tmpfs", _RDONLY)
        elif (proc / name).exists():
            _bind_read_only(Path("/dev/null"), proc / name)


def _sys(target: Path) -> None:
    """Show the processors and the memory, read-only, and nothing else."""
    _mount("tmpfs", target, "tmpfs", _NOSUID | _NODEV | _NOEXEC, "mode=755,size=16k")
    below = target / "devices" / "system"
    below.mkdir(parents=True)
    if Path("/sys/devices/system").is_dir():
        _bind_read_only(Path("/sys/devices/system"), below)
    _mount("none", target, flags=_REMOUNT | _BIND | _NOSUID | _NODEV | _NOEXEC | _RDONLY)


def _enter(root: Path) -> None:
    """Make `root` the root, and let go of this machine's for good."""
    os.chdir(root)
    _call("pivot_root", b".", b".")
    _call("umount2", b".", _DETACH)
    os.chdir("/")
    sys.path.clear()
    sys.meta_path.clear()


def _empty_network(proc: Path) -> int:
    """Return a new network that has a loopback device and nothing else.

    A process of its own makes it: from there an ordinary user's process 1 could not come back to build with a network.
    """
    ready, told = os.pipe()
    process = os.fork()
    if process == 0:
        try:
            _call("unshare", _NEW_NET)
            _loopback_up()
            os.write(told, b".")
            signal.pause()
        finally:
            os._exit(1)
    os.close(told)
    try:
        if not os.read(ready, 1):
            raise OSError("no network namespace could be made")
        return os.open(proc / str(process) / "ns" / "net", os.O_RDONLY)
    finally:
        os.close(ready)
        os.kill(process, signal.SIGKILL)
        os.waitpid(process, 0)


def _loopback_up() -> None:
    get_flags, set_flags, up = 0x8913, 0x8914, 0x1
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as endpoint:
        answer = fcntl.ioctl(endpoint, get_flags, struct.pack("16sh22x", b"lo", 0))
        flags = struct.unpack("16sh22x", answer)[1]
        fcntl.ioctl(endpoint, set_flags, struct.pack("16sh22x", b"lo", flags | up))


class Account(NamedTuple):
    """Who a command runs as."""

    uid: int
    gid: int
    groups: list[int]
    home: str


def _account(user: str) -> Account:
    """Look ``name``, ``uid``, ``name:group`` or ``uid:gid`` up in the sandbox's own files."""
    name, _, group = user.partition(":")
    entries = _entries("/etc/passwd", 7)
    entry = next((entry for entry in entries if name in (entry[0], entry[2])), None)
    if entry is None and not name.isdigit():
        raise LookupError(f"no user {name} in /etc/passwd")
    uid, gid, home = (int(entry[2]), int(entry[3]), entry[5] or "/") if entry else (int(name), 0, "/")
    groups = _entries("/etc/group", 4)
    if group:
        found = next((line[2] for line in groups if group in (line[0], line[2])), group)
        if not found.isdigit():
            raise LookupError(f"no group {group} in /etc/group")
        return Account(uid, int(found), [int(found)], home)
    member = [int(line[2]) for line in groups if entry and entry[0] in line[3].split(",")]
    return Account(uid, gid, sorted({gid, *member}), home)


def _entries(path: str, fields: int) -> list[list[str]]:
    try:
        lines = Path(path).read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []
    split = [line.split(":") for line in lines]
    return [entry for entry in split if len(entry) == fields and entry[2].isdigit()]


def _drop(kept: set[int]) -> None:
    """Give up every capability but those, in every set."""
    for number in range(64):
        if number not in kept and _libc.prctl(_CAPBSET_READ, number, 0, 0, 0) == 1:
            _call("prctl", _CAPBSET_DROP, number, 0, 0, 0)
    header = struct.pack("Ii", 0x20080522, 0)
    current = ctypes.create_string_buffer(24)
    _call("capget", header, current)
    wanted = sum(1 << number for number in kept)
    low, high = struct.unpack("6I", current.raw)[1::3]
    low, high = low & wanted & 0xFFFFFFFF, high & wanted >> 32
    _call("capset", header, struct.pack("6I", low, low, 0, high, high, 0))


class Server:
    """Process 1 at work: it starts what the harness asks for, reaps, and kills."""

    def __init__(self, control: socket.socket, network: int | None, *, mapped: bool) -> None:
        self._control = control
        self._network = network
        self._mapped = mapped
        self._lines: dict[int, socket.socket] = {}
        """By process: the line on which the harness says "kill" and hears the exit code."""
        self._outgoing: set[int] = set()
        """Processes on this machine's network: a step of the build each, and nothing else runs beside it."""
        self._poll = select.poll()

    def serve(self) -> None:
        """Serve until the harness closes the control socket, by leaving or by dying."""
        wake, woken = socket.socketpair()
        for end in (wake, woken):
            end.setblocking(False)  # noqa: FBT003 - the standard library's signature
        signal.set_wakeup_fd(woken.fileno(), warn_on_full_buffer=False)
        signal.signal(signal.SIGCHLD, lambda *_: None)
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for end in (self._control, wake):
            self._poll.register(end, select.POLLIN)
        while True:
            for number, _ in self._poll.poll():
                if number == self._control.fileno():
                    if not self._start():
                        return
                elif number == wake.fileno():
                    wake.recv(4096)
                    self._reap()
                else:
                    self._told(number)

    def _start(self) -> bool:
        """Start the next command; ``False`` when the harness is gone."""
        word, numbers = _received(self._control)
        if not word:
            return False
        line = socket.socket(fileno=numbers[0])
        try:
            request = _read_json(numbers[1])
            process = os.fork()
            if process == 0:
                self._become(request, numbers[2:])
            self._lines[process] = line
            if request["network"]:
                self._outgoing.add(process)
            self._poll.register(line, select.POLLIN)
        except OSError:  # no more processes: the harness sees the line close
            line.close()
        finally:
            for number in numbers[1:]:
                os.close(number)
        return True

    def _become(self, request: dict[str, Any], numbers: list[int]) -> NoReturn:
        """Turn a fresh child into the command."""
        code = 126
        try:
            self._confine(isolated=not request["network"])
            account = _account(request["user"])
            _attach(numbers, request["stdio"], account.uid)
            if not self._mapped:
                os.setgroups(account.groups)
                os.setgid(account.gid)
                os.setuid(account.uid)
            os.chdir(request["cwd"])
            os.execvpe(  # noqa: S606 - the command itself, in this process's place
                request["argv"][0], request["argv"], {"HOME": account.home, **request["env"]}
            )
        except (OSError, LookupError, ValueError) as error:
            code = 127 if isinstance(error, FileNotFoundError) else 126
            os.write(2, f"termstone: {request['argv'][0]}: {error}\n".encode())
        finally:
            os._exit(code)

    def _confine(self, *, isolated: bool) -> None:
        os.setsid()
        signal.set_wakeup_fd(-1)
        for number in (signal.SIGCHLD, signal.SIGINT, signal.SIGPIPE, signal.SIGXFSZ):
            signal.signal(number, signal.SIG_DFL)
        if isolated and self._network is not None:
            _call("setns", self._network, _NEW_NET)
        _drop({*_CAPABILITIES, *([_NET_RAW] if isolated and self._network is not None else [])})

    def _reap(self) -> None:
        while True:
            try:
                process, status = os.waitpid(-1, os.WNOHANG)
            except ChildProcessError:
                return
            if process == 0:
                return
            if process in self._outgoing:
                # As in Docker no process outlives its step; here it would also be a way to the network.
                self._outgoing.discard(process)
                with suppress(ProcessLookupError):
                    os.kill(-1, signal.SIGKILL)
            if process in self._lines:
                code = os.waitstatus_to_exitcode(status)
                with suppress(OSError):  # the harness has let go in this moment
                    self._lines[process].send(str(code if code >= 0 else 128 - code).encode(), socket.MSG_DONTWAIT)
                self._let_go(process)

    def _told(self, number: int) -> None:
        """Hear the harness on a command's line: ``k`` kills it, the end of the line lets it go on alone."""
        found = next(((process, line) for process, line in self._lines.items() if line.fileno() == number), None)
        if found is None:
            return
        process, line = found
        try:
            word = line.recv(1)
        except OSError:
            word = b""
        if word == b"k":
            _kill(process)
        else:
            self._let_go(process)

    def _let_go(self, process: int) -> None:
        line = self._lines.pop(process)
        self._poll.unregister(line)
        line.close()


def _attach(numbers: list[int], stdio: list[int | None], uid: int) -> None:
    """Put the harness's pipes where they belong, and the null device elsewhere; the user may open /dev/stdout."""
    for target, index in enumerate(stdio):
        if index is None:
            os.dup2(os.open("/dev/null", os.O_RDWR), target)
        else:
            os.dup2(numbers[index], target)
            os.fchown(target, uid, -1)


def _kill(process: int) -> None:
    """Kill a command with its descendants and their sessions, until a look finds none that is new."""
    victims: set[int] = set()
    found = {process}
    while found:
        victims |= found
        for number in found:
            with suppress(ProcessLookupError):
                os.kill(number, signal.SIGKILL)
        alive = list(_processes())
        found = {number for number, *kin in alive if number not in victims and victims.intersection(kin)}


def _processes() -> Iterator[tuple[int, int, int]]:
    """List number, parent and session of each process that is not dead."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):  # it has ended meanwhile
            fields = path.read_bytes().rpartition(b")")[2].split()
            if fields[0] not in (b"Z", b"X"):
                yield int(path.parent.name), int(fields[1]), int(fields[3])


def _received(control: socket.socket) -> tuple[bytes, list[int]]:
    """Receive a message and its files, none of which a command may inherit."""
    word, numbers, *_ = socket.recv_fds(control, 16, 8)
    for number in numbers:
        os.set_inheritable(number, False)  # noqa: FBT003 - the standard library's signature
    return word, numbers


def _read_json(number: int) -> Any:  # noqa: ANN401 - what JSON holds
    with os.fdopen(os.dup(number), "rb") as file:
        return json.loads(file.read())


def _leave_machine() -> bool:
    """Enter the namespaces; return whether that took becoming root of a user namespace."""
    rest = _NEW_PID | _NEW_IPC | _NEW_UTS | _NEW_CGROUP
    try:
        _call("unshare", rest)
    except PermissionError:
        uid, gid = os.geteuid(), os.getegid()
        _call("unshare", rest | _NEW_USER)
        Path("/proc/self/setgroups").write_text("deny")
        Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
        Path("/proc/self/gid_map").write_text(f"0 {gid} 1")
        return True
    return False


def _inside(control: socket.socket, settings: dict[str, Any], *, mapped: bool) -> None:
    """Be process 1."""
    _call("prctl", _PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    _call("unshare", _NEW_NS)
    _mount("none", Path("/"), flags=_PRIVATE_BELOW)
    os.umask(0o022)
    socket.sethostname("localhost")  # a name that resolves without a line in /etc/hosts
    view = View(Path(settings["temporary"]), settings["hidden"], mapped=mapped)
    view.build()
    network = _empty_network(view.root / "proc") if settings["isolated"] else None
    _enter(view.root)
    # Memory is not limited, so when it runs out it should be a command that pays.
    Path("/proc/self/oom_score_adj").write_text("500")
    # Nobody traces a child of this process before it has become its command.
    _call("prctl", _SET_DUMPABLE, 0, 0, 0, 0)
    control.send(json.dumps({"mapped": mapped, "left_out": view.left_out}).encode())
    Server(control, network, mapped=mapped).serve()


def _supervise(process: int) -> None:
    """Wait for the end of process 1, which ends with the harness or when this process is told to."""
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda *_: os.kill(process, signal.SIGKILL))
    _call("prctl", _PDEATHSIG, signal.SIGTERM, 0, 0, 0)
    os.waitpid(process, 0)


def main() -> None:
    """Be the supervisor: start process 1, wait for its end, remove the temporary folder."""
    control = socket.socket(fileno=0)
    _, numbers = _received(control)
    if not numbers:  # the harness changed its mind
        return
    settings = _read_json(numbers[0])
    os.close(numbers[0])
    try:
        mapped = _leave_machine()
        process = os.fork()
        if process == 0:
            _inside(control, settings, mapped=mapped)
            os._exit(0)
    except OSError as error:
        os.write(2, f"{error.strerror or error}\n".encode())
        os._exit(1)
    control.close()
    os.open("/dev/null", os.O_RDONLY)  # takes the place of standard input
    _supervise(process)
    # As root of the user namespace, which may enter folders that their owner closed.
    os.execvp("rm", ["rm", "-rf", "--", settings["temporary"]])  # noqa: S606 - the last thing to do


if __name__ == "__main__":
    main()
