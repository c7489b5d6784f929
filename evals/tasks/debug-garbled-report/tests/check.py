"""Builds the agent's sources twice, plain and with sanitizers, and compares reports on plans they have never seen."""

import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random

sys.path.insert(0, "/tests")
import plans  # noqa: E402 - with -I, the verifier's own folder is named first

SOURCES = Path("/app/stowage/src")
BUILDS = {
    "plain": ["-O2"],
    "sanitized": ["-O1", "-g", "-fsanitize=address,undefined", "-fno-sanitize-recover=all"],
}
ENV = {"PATH": os.environ["PATH"], "LANG": "C.UTF-8", "ASAN_OPTIONS": "detect_leaks=0"}
SUBREAPER = 36


class Wrong(Exception):
    """What is wrong with the program."""


def end_descendants():
    """End what the agent's program may have left behind: as their subreaper, this process inherits all of them."""
    while True:
        children = [int(number) for file in Path("/proc/self/task").glob("*/children") for number in file.read_text().split()]
        if not children:
            return
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def build(scratch):
    sources = sorted(path for path in SOURCES.iterdir() if path.suffix in (".c", ".h") and path.is_file() and not path.is_symlink())
    for path in sources:
        if b"sanitize" in path.read_bytes():
            raise Wrong(f"{path.name} has to do with sanitizers")
        shutil.copyfile(path, scratch / path.name)
    files = [path.name for path in sources if path.suffix == ".c"]
    for name, flags in BUILDS.items():
        run = subprocess.run(
            ["gcc", "-std=c11", *flags, *files, "-o", f"stowage-{name}"], cwd=scratch, env=ENV, stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=60, check=False,
        )
        if run.returncode:
            raise Wrong(f"it does not build: {run.stdout.decode(errors='replace')[-400:]}")


def run(scratch, name, text):
    (scratch / "plan").write_bytes(text)
    try:
        return subprocess.run(
            [scratch / f"stowage-{name}", "plan"], cwd=scratch, env=ENV, stdin=subprocess.DEVNULL, capture_output=True, timeout=10,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise Wrong(f"the {name} build takes longer than ten seconds") from None


def main(scratch):
    build(scratch)
    random = Random()
    for about, plan in plans.right_plans(random):
        text, report = plan.written(), plan.report()
        for name in BUILDS:
            found = run(scratch, name, text)
            if found.returncode or found.stdout != report:
                end = found.stderr.decode(errors="replace").strip().split("\n")[0][:200]
                raise Wrong(f"{about}, {name} build: {'another report' if not found.returncode else f'exit code {found.returncode}'} {end}")
    for text, line in plans.wrong_plans():
        for name in BUILDS:
            found = run(scratch, name, text)
            if found.returncode != 2 or found.stdout or not re.fullmatch(rb"line %d: [^\n]+\n" % line, found.stderr):
                raise Wrong(f"an error on line {line}, {name} build: exit code {found.returncode}, {found.stderr[:200]!r}")


if __name__ == "__main__":
    ctypes.CDLL(None).prctl(SUBREAPER, 1, 0, 0, 0)
    with tempfile.TemporaryDirectory() as folder:
        try:
            main(Path(folder))
            problem = None
        except Exception as error:  # whatever the agent left there, it is a 0 with a reason
            problem = str(error) if isinstance(error, Wrong) else repr(error)
        finally:
            end_descendants()
    print(f"FAIL: {problem}" if problem else "PASS")
    sys.exit(1 if problem else 0)
