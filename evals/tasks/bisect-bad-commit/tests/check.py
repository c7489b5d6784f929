"""Makes the same history, finds what the repaired program must print, and compares with what is on the agent's main.

Only data is copied out of the agent's repository (objects, refs, index), so nothing in its configuration, hooks,
grafts or replacements has a say.
"""

import ctypes
import hashlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from random import Random

sys.path.insert(0, "/tests")
import make_history  # noqa: E402 - with -I, the verifier's own folder is named first

WORK = Path("/app/parcels")
ANSWER = Path("/app/answer.txt")
REPAIRED = [  # what the bad commit changed, as the newest commit has it, and as it must be
    ("    return length * width * height // (6 if zone == 3 else 5) + 1\n", "    return -(-length * width * height // (6 if zone == 3 else 5))\n"),
    ("bisect_right(limits, grams)", "bisect_left(limits, grams)"), ("import bisect_right", "import bisect_left"),
    ("    return zones().get(place.lower(), 3)\n", "    if place.lower() not in zones():\n        sys.exit(f\"unknown place {place}\")\n"
     "    return zones()[place.lower()]\n"),
]
SUBREAPER = 36


class Wrong(Exception):
    """What is wrong with the repository."""


def end_descendants():
    """End what the agent's program may have left behind: as their subreaper, this process inherits all of them."""
    while True:
        children = [int(number) for file in Path("/proc/self/task").glob("*/children") for number in file.read_text().split()]
        if not children:
            return
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def git(folder, *arguments, **env):
    run = subprocess.run(
        ["git", "--git-dir", folder, *arguments], stdin=subprocess.DEVNULL, capture_output=True, timeout=30, check=False,
        env={**os.environ, "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_NO_REPLACE_OBJECTS": "1", **env},
    )
    if run.returncode:
        raise Wrong(f"git {arguments[0]}: {run.stderr.decode(errors='replace')[-300:]}")
    return run.stdout


def copied(bare):
    """A repository of our own with the agent's objects and refs."""
    git(bare, "init", "--quiet", "--bare", "--initial-branch=main", str(bare))
    source = WORK / ".git"
    for name in ["objects", "refs"]:
        shutil.rmtree(bare / name)
        shutil.copytree(source / name, bare / name, symlinks=True)
    for name in ["packed-refs", "index"]:
        if (source / name).exists():
            shutil.copyfile(source / name, bare / name)
    shutil.rmtree(bare / "objects/info", ignore_errors=True)  # alternates would bring in other folders


def tree(bare, commit):
    """Path -> mode and blob."""
    entries = git(bare, "ls-tree", "-r", "-z", commit).decode().split("\0")[:-1]
    return {name: (about.split()[0], about.split()[2]) for about, name in (entry.split("\t") for entry in entries)}


def check_commits(bare, newest):
    if (WORK / ".git/HEAD").read_text().strip() != "ref: refs/heads/main":
        raise Wrong("main is not checked out")
    main = git(bare, "rev-parse", "refs/heads/main").decode().strip()
    if main == newest or newest not in git(bare, "rev-list", main).decode().split():
        raise Wrong("main does not have new commits on top of those that were there")
    old, new = tree(bare, newest), tree(bare, main)
    if {name: mode for name, (mode, _) in old.items()} != {name: mode for name, (mode, _) in new.items()}:
        raise Wrong("main has other files than before, or other modes")
    if changed := [name for name in old if old[name] != new[name] and not name.endswith(".py")]:
        raise Wrong(f"changed, but no program: {changed}")
    git(bare, "diff-index", "--cached", "--quiet", main, "--", GIT_INDEX_FILE=str(bare / "index"))
    there = {}
    for path in WORK.rglob("*"):
        name = path.relative_to(WORK)
        if name.parts[0] not in (".git", "__pycache__") and not path.is_dir():
            data = path.read_bytes()
            there[str(name)] = hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()
    if there != {name: blob for name, (_, blob) in new.items()}:
        raise Wrong("the working tree is not clean")
    return {name: git(bare, "cat-file", "blob", blob) for name, (_, blob) in new.items()}


def put(folder, files):
    folder.mkdir()
    for name, data in files.items():
        (folder / name).write_bytes(data)


def quoted(folder, parcels):
    (folder / "parcels").write_text("".join(f"{line}\n" for line in parcels))
    run = subprocess.run(
        [sys.executable, "-E", "-s", "-S", "-B", "quote.py", "parcels"], cwd=folder, stdin=subprocess.DEVNULL, capture_output=True,
        timeout=10, check=False,
    )
    return run.returncode, run.stdout.decode(errors="replace"), "unknown place" in run.stderr.decode(errors="replace")


def lists_of_parcels(random, files):
    """What each list is about, and the list."""
    places = [line.split(",")[0] for line in files["zones.csv"].decode().splitlines()[1:]]
    limits = [int(line.split(",")[0]) for line in files["tariff.csv"].decode().splitlines()[1:]]
    small = "1 1 1"
    for limit in limits:
        yield f"{limit} g", [f"{place} {limit + more} {small}" for place in random.sample(places, 6) for more in (-1, 0, 1)]
    for divisor in (5, 6, 30):
        sizes = [random.randint(1, 9) * divisor for _ in range(8)]
        yield "volumes", [f"{random.choice(places)} 1 {size} {random.randint(2, 60)} {random.randint(2, 60)}" for size in sizes]
    for limit in limits:  # volumes that weigh a bracket's limit
        yield "volumes at a limit", [f"{place} 3 {limit // 100} 50 {size}" for place in random.sample(places, 6) for size in (10, 12)]
    yield "heavy parcels", [f"{random.choice(places).upper()} {random.randint(31_000, 90_000)} {small}" for _ in range(9)]
    yield "an unknown place", [f"{places[0]} 500 {small}", f"nowhere 500 {small}", f"{places[1]} 500 {small}"]
    yield "nothing", []
    for count in (9, 10, 49, 50, 80):
        yield f"{count} parcels", [
            f"{random.choice(places)} {random.randint(1, 12_000)} {random.randint(1, 60)} {random.randint(1, 40)} {random.randint(1, 30)}"
            for _ in range(count)
        ] + [" "]


def main(scratch):
    commits = make_history.make(str(scratch / "right"))
    *_, (_, files) = make_history.history()
    for old, new in REPAIRED:
        if old not in files["pricing.py"]:
            raise ValueError(f"not in the newest commit: {old}")
        files["pricing.py"] = files["pricing.py"].replace(old, new)
    words = ANSWER.read_text().split()
    if words != [commits[make_history.BAD - 1]]:
        raise Wrong("answer.txt does not name the commit that brought the fault")
    copied(scratch / "bare")
    put(scratch / "agent", check_commits(scratch / "bare", commits[-1]))
    want = {name: text.encode() for name, text in files.items()}
    put(scratch / "want", want)
    for about, parcels in lists_of_parcels(Random(), want):
        expected, found = (quoted(scratch / name, parcels) for name in ("want", "agent"))
        if found != expected:
            raise Wrong(f"{about}: the program answers otherwise than it should")


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
