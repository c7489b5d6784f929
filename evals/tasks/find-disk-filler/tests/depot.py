"""The depot: a keeper, and five writers that it starts, counts the records of, and starts again.

    depot.pyc keeper BOOT                         starts the others
    depot.pyc writer NAME BOOT NUMBER FD          writes records from NUMBER on, and a byte to FD after each
"""

import contextlib
import hashlib
import json
import os
import select
import signal
import socket
import sys
import time
from pathlib import Path

DATA, APP = Path("/dev/shm/depot"), Path("/app/depot")
NAMES = "cold-store crane gate label scale".split()
HOUR = 3600


def digest(*parts):
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()


def place(name, boot):
    return sorted(NAMES, key=lambda other: digest(boot, other)).index(name)


def append(file, data):
    """Write all of it or wait: where there is no room, nothing of it stays."""
    while True:
        end = os.lseek(file, 0, os.SEEK_END)
        with contextlib.suppress(OSError):
            if os.write(file, data) == len(data):
                return
        os.ftruncate(file, end)
        time.sleep(0.5)


def large(path, seed, size, flags=0):
    file = os.open(path, os.O_RDWR | os.O_CREAT | flags)
    block = (digest(seed) * 1024).encode()
    while os.fstat(file).st_size < size:
        append(file, block)
    return file


def writer(name, boot, number, counter):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    role, folder, number, counter = place(name, boot), DATA / name, int(number), int(counter)
    folder.mkdir(parents=True, exist_ok=True)
    current = os.open(folder / "current.log", os.O_RDWR | os.O_CREAT | os.O_APPEND)
    if role == 1:
        large(folder / "sort.tmp", f"{boot}/sort", 8 << 20)
        (folder / "sort.tmp").unlink()
    elif role == 2:
        for month in range(1, 6):
            os.close(large(folder / f"archive-{month:02}.log", f"{boot}/{month}", 2 << 20))
    first = number
    while number < 20 * HOUR:
        text = digest(boot, name, number) * (46 if role == 0 else 1)
        append(current, f"{name} {number:06} {text}\n".encode())
        os.write(counter, b".")
        if role == 0 and number == first + 20:
            (folder / "current.log").unlink()
        number += 1
        time.sleep(0.05 if role == 0 else 0.25)


class Writer:
    """One writer as its keeper sees it."""

    def __init__(self, name, boot):
        self.name, self.boot = name, boot
        self.written, self.starts, self.pid = 0, 0, None
        self.counter, self.counting = os.pipe()
        os.set_blocking(self.counter, False)

    def count(self):
        with contextlib.suppress(BlockingIOError):
            while dots := os.read(self.counter, 4096):
                self.written += len(dots)

    def look(self):
        """Start it, or end it, as its switch says."""
        off = (APP / "off" / self.name).exists()
        if self.pid and os.waitpid(self.pid, os.WNOHANG) != (0, 0):
            self.pid = None
        self.count()
        if self.pid and off:
            os.kill(self.pid, signal.SIGTERM)
        if not self.pid and not off:
            words = [sys.executable, "-I", "-S", str(APP / "lib/depot.pyc"), "writer", self.name, self.boot]
            words += [str(self.written + 1), str(self.counting)]
            os.set_inheritable(self.counting, True)
            self.pid = os.posix_spawn(sys.executable, words, os.environ)
            os.set_inheritable(self.counting, False)
            self.starts += 1
            (APP / "run" / f"{self.name}.pid").write_text(f"{self.pid}\n")


def keeper(boot):
    writers = [Writer(name, boot) for name in NAMES]
    door = socket.socket(socket.AF_UNIX)
    door.bind(str(APP / "run/keeper.sock"))
    door.listen()
    while True:
        for it in writers:
            it.look()
        if select.select([door], [], [], 0.4)[0]:
            guest, _ = door.accept()
            for it in writers:
                it.count()
            state = {it.name: {"pid": it.pid, "starts": it.starts, "written": it.written} for it in writers}
            with contextlib.suppress(OSError), guest:
                guest.sendall(json.dumps({"boot": boot, "writers": state}).encode())


if __name__ == "__main__":
    {"keeper": keeper, "writer": writer}[sys.argv[1]](*sys.argv[2:])
