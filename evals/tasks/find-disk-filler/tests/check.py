"""Asks the keeper how much was written, and looks for all of it: in the recovered file, and in the files of the others."""

import hashlib
import json
import marshal
import os
import signal
import socket
import struct
import sys
import time
from pathlib import Path

DATA, APP, RECOVERED = Path("/dev/shm/depot"), Path("/app/depot"), Path("/app/recovered.log")
NAMES = "cold-store crane gate label scale".split()


class Wrong(Exception):
    """What is wrong with the depot."""


def digest(*parts):
    return hashlib.sha256("/".join(map(str, parts)).encode()).hexdigest()


def roles(boot):
    """The names in the order that says who does what: the culprit, the one with a scratch file, the one with archives."""
    return sorted(NAMES, key=lambda name: digest(boot, name))


def ask():
    """The keeper's process, and what it says."""
    with socket.socket(socket.AF_UNIX) as door:
        door.settimeout(5)
        door.connect(str(APP / "run/keeper.sock"))
        peer = struct.unpack("3i", door.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))[0]
        said = b""
        while chunk := door.recv(4096):
            said += chunk
    state = json.loads(said)
    return peer, state["boot"], state["writers"]


def words(pid):
    return Path(f"/proc/{pid}/cmdline").read_bytes().decode().rstrip("\0").split("\0")


def check_program(pid, boot):
    program = (APP / "lib/depot.pyc").read_bytes()
    if marshal.loads(program[16:]) != compile(Path("/tests/depot.py").read_text(), "depot.py", "exec"):
        raise Wrong("depot.pyc was changed")
    if words(pid)[1:] != ["-I", "-S", "lib/depot.pyc", "keeper", boot] or os.readlink(f"/proc/{pid}/cwd") != str(APP):
        raise Wrong(f"{words(pid)} answers for the keeper")


def check_records(path, name, boot, least, most, times=1):
    """All records from 1 on, at least so many and at most so many; a last one that is half written does not count."""
    number = 0
    with path.open("rb") as file:
        for number, line in enumerate(file, 1):
            if line != f"{name} {number:06} {digest(boot, name, number) * times}\n".encode():
                if number > least and not line.endswith(b"\n") and not file.readline() and most is None:
                    number -= 1
                    break
                raise Wrong(f"{path}: line {number} is not record {number}: {line[:60]}")
    if number < least or most is not None and number > most:
        raise Wrong(f"{path} has {number} records, and {least} were written")


def check_large(path, seed, size):
    block = (digest(seed) * 1024).encode()
    with open(path, "rb") as file:
        content = file.read(size + 1)
    if content != block * (size // len(block)):
        raise Wrong(f"{path} was changed")


def open_files():
    """Process and path in /proc of everything open below the depot's data, with what it links to."""
    for link in Path("/proc").glob("[0-9]*/fd/*"):
        try:
            target = os.readlink(link)
        except OSError:  # it has ended
            continue
        if target.startswith(f"{DATA}/"):
            yield int(link.parts[2]), link, target


def check():
    pid, boot, before = ask()
    check_program(pid, boot)
    culprit, scratch, archives, *_ = roles(boot)
    others = [name for name in NAMES if name != culprit]
    deadline = time.monotonic() + 6
    time.sleep(1.2)  # a writer that is started again is started by then
    while True:
        _, _, after = ask()
        waiting = [name for name in others if after[name]["written"] <= before[name]["written"]]
        if not waiting:
            break
        if time.monotonic() > deadline:
            raise Wrong(f"{waiting} do not write")
    for name in others:
        if after[name]["starts"] != 1:
            raise Wrong(f"{name} was started {after[name]['starts']} times")
        if words(after[name]["pid"])[3:7] != [str(APP / "lib/depot.pyc"), "writer", name, boot]:
            raise Wrong(f"process {after[name]['pid']} is not the writer {name}")
        check_records(DATA / name / "current.log", name, boot, after[name]["written"], None)
    files = list(open_files())
    if after[culprit]["pid"] is not None or after[culprit]["written"] != before[culprit]["written"]:
        raise Wrong(f"{culprit} still runs")
    if holders := [owner for owner, _, target in files if target.startswith(f"{DATA / culprit}/")]:
        raise Wrong(f"a file of {culprit} is still open in {holders}")
    written = after[culprit]["written"]
    check_records(RECOVERED, culprit, boot, written, written + 1, times=46)  # it can end before it has told
    held = [link for owner, link, target in files if owner == after[scratch]["pid"] and "sort.tmp" in target]
    if len(held) != 1:
        raise Wrong(f"the scratch file of {scratch} is gone")
    check_large(held[0], f"{boot}/sort", 8 << 20)
    for month in range(1, 6):
        check_large(DATA / archives / f"archive-{month:02}.log", f"{boot}/{month}", 2 << 20)
    return {pid, *(after[name]["pid"] for name in others)}


def parent(pid):
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def begun(pid):
    try:
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
    except OSError:  # it has ended
        return sys.maxsize


def end_all_but(spared):
    """End what else the agent left running, which may be after the reward."""
    if Path(__file__) != Path("/tests/check.py"):
        raise RuntimeError("not in a sandbox: this would end all processes of the machine")
    # What began with the container is its own first command, under a PID 1 that ends with it.
    own = {int(it.name) for it in Path("/proc").glob("[0-9]*") if begun(it.name) < begun(1) + 50}
    spared, pid = {1, *own, *spared}, os.getpid()
    while pid > 1:
        spared.add(pid)
        pid = parent(pid)
    for _ in range(50):  # a process may start another while it is ended
        found = [int(path.name) for path in Path("/proc").glob("[0-9]*") if int(path.name) not in spared]
        for pid in found:
            try:
                if "Z" not in Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2]:
                    os.kill(pid, signal.SIGKILL)
            except OSError:  # it has ended
                continue


if __name__ == "__main__":
    depot = set()
    try:
        depot = check()
        print("PASS")
    except Exception as error:  # whatever the agent left there, it is a 0 with a reason
        print(f"FAIL: {error if isinstance(error, Wrong) else repr(error)}")
    end_all_but(depot)
    sys.exit(0 if depot else 1)
