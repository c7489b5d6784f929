"""Runs the agent's tests on right and wrong versions of slots.py, each in a process of its own and in an order of chance."""

import ctypes
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.append("/tests")
from variants import RIGHT, WRONG

TESTS = Path("/app/rooms/test_slots.py")
PRESENT = Path("/tests/slots.py")
FEWEST, SECONDS = 5, 8
SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER: what a test leaves behind becomes a child of this process


class Wrong(Exception):
    """What is wrong with the tests."""


def run(source, folder):
    command = [sys.executable, "-I", "-S", "-B", "/tests/run_tests.py", str(folder)]
    try:
        done = subprocess.run(
            command, input=source.encode(), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, cwd=folder, timeout=SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Wrong(f"the tests are not done within {SECONDS} seconds") from None
    finally:
        end_children()
    try:
        said = json.loads(done.stdout)
        return sorted(said["started"]), int(said["failed"]), int(said["not_counted"])
    except (ValueError, KeyError, TypeError):
        raise Wrong("the tests end the process that runs them") from None


def end_children():
    """End all that a run left behind, so that none of it is there when the reward is written."""
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


def check(folder):
    (folder / "test_slots.py").write_bytes(TESTS.read_bytes())
    cases = [("the present version", PRESENT.read_text(), False)]
    cases += [(f"a right version ({name})", source, True) for name, source in RIGHT.items()] * 2
    cases += [(f"a wrong version ({name})", source, False) for name, source in WRONG.items()]
    random.shuffle(cases)
    names, problems = None, []
    for title, source, right in cases:
        started, failed, not_counted = run(source, folder)
        if len(started) - not_counted < FEWEST or any("_FailedTest" in name for name in started):
            raise Wrong(f"{len(started) - not_counted} tests count on {title}: {started}")
        if started != (names := names or started):
            raise Wrong(f"not the same tests run each time: {started} on {title}")
        if bool(failed) == right:
            problems.append(f"{failed} tests fail on {title}")
    if problems:
        raise Wrong("; ".join(sorted(set(problems))))


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory() as scratch:
        try:
            check(Path(scratch))
        except Exception as error:  # whatever the agent left there, it is a 0 with a reason
            print(f"FAIL: {error if isinstance(error, Wrong) else repr(error)}")
            sys.exit(1)
    print("PASS")
