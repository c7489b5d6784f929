"""Grades a step in parts: each part that holds is an equal share of the reward, which is all that goes to standard output."""

import ctypes
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
from contextlib import closing
from pathlib import Path

SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER: what the agent's programs leave behind becomes a child of this process
DATABASE = Path("/app/inventory/stock.db")


class Wrong(Exception):
    """What is wrong in a part."""


def equal(found, wanted, what):
    if found != wanted:
        raise Wrong(f"{what}: {str(found)[:200]} should be {str(wanted)[:200]}")


def copied(folder, name="copy.db"):
    """A copy of the agent's database, that may be written to; what was not checkpointed comes along."""
    for suffix in ("", "-wal"):
        source = Path(f"{DATABASE}{suffix}")
        if source.is_file():
            shutil.copyfile(source, Path(folder, name + suffix))
        elif not suffix:
            raise Wrong(f"there is no {DATABASE}")
    return Path(folder, name)


def rows(path, query, *values):
    with closing(sqlite3.connect(path)) as database:
        return database.execute(query, values).fetchall()


def grade(*parts):
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    good = 0
    for part in parts:
        name = part.__name__.replace("_", " ")
        with tempfile.TemporaryDirectory() as folder:
            try:
                part(Path(folder))
            except Exception as error:  # whatever the agent left there, the part does not hold, with a reason
                print(f"FAIL {name}: {error if isinstance(error, Wrong) else repr(error)}", file=sys.stderr)
            else:
                good += 1
                print(f"PASS {name}", file=sys.stderr)
            end_children()
    print(round(good / len(parts), 4))


def end_children():
    """End all that a program of the agent's left behind, so that none of it is there when the reward is written."""
    while True:
        try:
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
        except ChildProcessError:
            return
        for path in Path("/proc").glob("[0-9]*/stat"):
            try:
                if int(path.read_text().rpartition(")")[2].split()[1]) == os.getpid():
                    os.kill(int(path.parts[2]), signal.SIGKILL)
            except OSError:  # it has ended
                continue
