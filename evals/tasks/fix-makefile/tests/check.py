"""Runs the agent's Makefile in fresh folders, beside pristine tools and chapters it has never seen."""

import hashlib
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

MAKEFILE = Path("/app/handbook/Makefile")
PRISTINE = Path("/tests/handbook")
WORDS = "anchor buoy crane dredger ebb ferry gauge hawser inlet jetty keel lock mooring net oar pilot quay".split()


class Wrong(Exception):
    """What is wrong with the Makefile."""


def make(folder, *goals, ok=True):
    run = subprocess.run(
        ["make", *goals], cwd=folder, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        timeout=10, check=False,
    )
    if ok and run.returncode:
        raise Wrong(f"make {' '.join(goals)} failed: {run.stdout.decode(errors='replace')[-400:]}")
    return run


def title():
    return " ".join(random.sample(WORDS, 2)).capitalize() + random.choice([" & more", " < 5 knots", ""])


def chapter(links):
    lines = [title(), ""]
    for link in links:
        lines += [f"{random.choice(WORDS)} & [{random.choice(WORDS)}]({link}) {random.randrange(10**9)}", ""]
    return "\n".join(lines) + "\n"


def handbook(folder):
    """A handbook of three to six chapters that link to each other."""
    shutil.copytree(PRISTINE, folder, copy_function=shutil.copyfile)  # without times: make takes very old ones for none
    shutil.copyfile(MAKEFILE, folder / "Makefile")
    numbers = random.sample(range(10, 99), random.randint(3, 6))
    names = sorted(f"{number}-{random.choice(WORDS)}" for number in numbers)
    (folder / "chapters").mkdir()
    for name in names:
        (folder / "chapters" / f"{name}.txt").write_text(chapter(random.sample(names, 2)))
    age(folder, 1000)
    return names


def age(folder, seconds):
    """Make every file older, so that what is touched next is newer without waiting."""
    for path in sorted(folder.rglob("*")):
        times = path.stat()
        os.utime(path, ns=(times.st_atime_ns - seconds * 10**9, times.st_mtime_ns - seconds * 10**9))


def text_of(path):
    if not path.is_file():
        raise Wrong(f"{path.name} is not built")
    return path.read_text()


def check_build(folder, names):
    build = folder / "build"
    for name in names:
        want = subprocess.run(
            ["awk", "-f", PRISTINE / "page.awk", folder / "chapters" / f"{name}.txt"], stdout=subprocess.PIPE, check=True,
        ).stdout.decode()
        if text_of(build / f"{name}.html") != want:
            raise Wrong(f"build/{name}.html is not what page.awk makes of the chapter")
    want = []
    for name in names:
        first = (folder / "chapters" / f"{name}.txt").read_text().split("\n")[0]
        first = first.replace("&", "&amp;").replace("<", "&lt;")
        want.append(f'<li><a href="{name}.html">{first}</a></li>')
    found = re.findall(r"<li>.*", text_of(build / "index.html"))
    if [line.strip() for line in found] != want:
        raise Wrong(f"index.html lists {found}, should be {want}")
    sums = dict(
        reversed(re.split(r"  | \*", line, maxsplit=1)) for line in text_of(build / "SHA256SUMS").splitlines() if line
    )
    files = [f"{name}.html" for name in names] + ["index.html"]
    real = {file: hashlib.sha256((build / file).read_bytes()).hexdigest() for file in files}
    if {name.removeprefix("./"): value for name, value in sums.items()} != real:
        raise Wrong("SHA256SUMS does not hold the sums of all pages and the index")


def outside(folder):
    return sorted(str(path) for path in folder.rglob("*") if folder / "build" not in [path, *path.parents])


def times(folder):
    return {path.name: path.stat().st_mtime_ns for path in (folder / "build").iterdir()}


def main(scratch):
    folder = scratch / "a"
    names = handbook(folder)
    before = outside(folder)
    make(folder)
    check_build(folder, names)
    if outside(folder) != before:
        raise Wrong("make writes outside build/")

    age(folder, 100)
    if make(folder, "-q", ok=False).returncode:
        raise Wrong("a second make still finds something to do")
    changed = random.choice(names)
    old = times(folder)
    (folder / "chapters" / f"{changed}.txt").write_text(chapter(names[:2]))
    make(folder)
    check_build(folder, names)
    rebuilt = {name for name, time in times(folder).items() if time != old.get(name)}
    if rebuilt & {f"{name}.html" for name in names} != {f"{changed}.html"}:
        raise Wrong(f"a change of {changed}.txt rebuilt {sorted(rebuilt)}")

    age(folder, 100)
    added = f"{random.choice('789')}5x-{random.choice(WORDS)}"
    (folder / "chapters" / f"{added}.txt").write_text(chapter(names[:1]))
    names = sorted([*names, added])
    make(folder)
    check_build(folder, names)

    age(folder, 100)
    old = times(folder)
    (folder / "page.awk").touch()
    make(folder)
    if stale := [name for name in names if times(folder)[f"{name}.html"] == old[f"{name}.html"]]:
        raise Wrong(f"a change of page.awk did not rebuild {stale}")

    for _ in range(2):
        if b"links are good" not in make(folder, "check").stdout:
            raise Wrong("make check does not run check/links.awk")
    with (folder / "chapters" / f"{added}.txt").open("a") as file:
        file.write("\n[nowhere](00-nowhere)\n")
    checked = make(folder, "check", ok=False)
    if not checked.returncode or b"broken link" not in checked.stdout:
        raise Wrong("make check does not fail on a broken link")

    (folder / "clean.txt").write_text("stays\n")
    before = outside(folder)
    make(folder, "clean")
    if (folder / "build").exists() or outside(folder) != before:
        raise Wrong("make clean does not remove build, or removes more")
    make(folder, "clean")

    folder = scratch / "b"
    names = handbook(folder)
    make(folder, "check")
    check_build(folder, names)


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as scratch:
        try:
            main(Path(scratch))
        except Exception as error:  # whatever the agent left there, it is a 0 with a reason
            print(f"FAIL: {error if isinstance(error, Wrong) else repr(error)}")
            sys.exit(1)
    print("PASS")
