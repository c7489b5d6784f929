"""Builds and installs changed copies of the agent's folder, each into a folder of its own, and runs what was installed."""

import configparser
import ctypes
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import zipfile
from datetime import date
from email import message_from_string
from pathlib import Path
from random import Random

sys.path.insert(0, "/tests")
import make_wheels  # noqa: E402 - with -I, the verifier's own folder is named first

SOURCE = Path("/app/tidegauge")
FILTERS = {"none", "positive", "median"}
LANGUAGES = {
    "en": "Station {name} on {day} (moon: {moon} days)\nhighest {high} cm, lowest {low} cm, filter {filter}\n",
    "de": "Pegel {name} am {day} (Mond: {moon} Tage)\nhöchster {high} cm, niedrigster {low} cm, Filter {filter}\n",
    "fr": "Station {name} le {day} (lune : {moon} jours)\nde {low} à {high} cm, filtre {filter}\n",
}
COMMAND = "import sys; sys.path.insert(0, {site!r}); sys.argv[0] = 'tidegauge'; "
STARTS = {
    "the command": COMMAND + "from importlib.metadata import entry_points; "
    "(found,) = entry_points(group='console_scripts', name='tidegauge'); sys.exit(found.load()())",
    "python3 -m tidegauge": COMMAND + "import runpy; runpy.run_module('tidegauge', run_name='__main__', alter_sys=True)",
}
SUBREAPER = 36


class Wrong(Exception):
    """What is wrong with the package."""


def end_descendants():
    """End what the agent's code may have left behind: as their subreaper, this process inherits all of them."""
    while True:
        children = [int(number) for file in Path("/proc/self/task").glob("*/children") for number in file.read_text().split()]
        if not children:
            return
        for child in children:
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)


def python(arguments, cwd, ok=True):
    run = subprocess.run(
        [sys.executable, *arguments], cwd=cwd, stdin=subprocess.DEVNULL, capture_output=True, timeout=40, check=False,
        env={**os.environ, "PIP_CONFIG_FILE": "/dev/null", "PIP_NO_CACHE_DIR": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
    )
    if ok and run.returncode:
        raise Wrong(f"{' '.join(arguments)[-90:]}: {run.stderr.decode(errors='replace')[-400:]}")
    return run


def changed_copy(folder, random):
    """The agent's folder with another version, more data and more modules; returns the version."""
    left = shutil.ignore_patterns("build", "dist", "*.egg-info", "__pycache__", ".git")
    shutil.copytree(SOURCE, folder, ignore=left)
    package = folder / "tidegauge"
    for name in ("data/stations.csv", "filters/median.py", "cli.py", "templates/en/report.txt", "data/raw/2024-05-01.rec"):
        if not (package / name).is_file():
            raise Wrong(f"tidegauge/{name} is not at its place")
    version = f"{random.randint(4, 9)}.{random.randint(0, 9)}.{random.randint(10, 99)}"
    begin = (package / "__init__.py").read_text()
    if len(re.findall(r"^__version__ = ", begin, re.M)) != 1:
        raise Wrong("tidegauge/__init__.py does not have its __version__")
    (package / "__init__.py").write_text(re.sub(r"^__version__ = .*", f'__version__ = "{version}"', begin, flags=re.M))
    for name, text in {
        "data/stations.csv": "id,name\nT01,Skagen\nT09,Ærøskøbing\n", "data/levels/T09.txt": "\n".join(map(str, levels(random))) + "\n",
        "templates/fr/report.txt": "Station $name le $day (lune : $moon jours)\nde $low à $high cm, filtre $filter\n",
        "data/notes/2024/may.bin": "\x00\x01", "exports/table.py": "def rows():\n    return []\n", "data/raw/2024-06-01.rec": "recorder 8\n",
        "data/raw/old/2023.rec": "recorder 5\n",
    }.items():
        (package / name).parent.mkdir(parents=True, exist_ok=True)
        (package / name).write_text(text, encoding="utf-8")
    return version


def levels(random):
    return [random.randint(-90, 600) for _ in range(30)]


def built(source, out, version):
    python(["-I", "-m", "pip", "wheel", "--no-index", "--no-build-isolation", "--no-deps", "-w", str(out), str(source)], out.parent)
    wheels = sorted(out.iterdir())
    if len(wheels) != 1 or not re.fullmatch(rf"tidegauge-{re.escape(version)}-[\w.]+-none-any\.whl", wheels[0].name):
        raise Wrong(f"pip wheel makes {[wheel.name for wheel in wheels]}, should be one of tidegauge {version}")
    return wheels[0]


def check_wheel(wheel, source, version):
    with zipfile.ZipFile(wheel) as archive:
        about = f"tidegauge-{version}.dist-info"
        holds = {name for name in archive.namelist() if not name.endswith("/")}
        metadata = message_from_string(archive.read(f"{about}/METADATA").decode())
        points = configparser.ConfigParser(delimiters="=")
        points.optionxform = str
        points.read_string(archive.read(f"{about}/entry_points.txt").decode())
    package = source / "tidegauge"
    files = {path.relative_to(source).as_posix() for path in package.rglob("*") if path.is_file() and "__pycache__" not in path.parts}
    files = {name for name in files if not name.startswith("tidegauge/data/raw/")}
    holds = {name for name in holds if not name.startswith(f"{about}/")}
    if holds != files:
        raise Wrong(f"the wheel lacks {sorted(files - holds)[:4]} and holds too much: {sorted(holds - files)[:4]}")
    if (metadata["Name"], metadata["Version"]) != ("tidegauge", version):
        raise Wrong(f"the metadata say {metadata['Name']} {metadata['Version']}")
    if (metadata["Requires-Python"] or "").replace(" ", "") != ">=3.10":
        raise Wrong(f"Requires-Python is {metadata['Requires-Python']}")
    if metadata.get_all("Provides-Extra") != ["xlsx"]:
        raise Wrong("the one extra is not xlsx")
    if not points.has_section("tidegauge.filters") or set(points["tidegauge.filters"]) != FILTERS:
        raise Wrong("the entry points tidegauge.filters are not the three functions")
    if not points.has_section("console_scripts") or set(points["console_scripts"]) != {"tidegauge"}:
        raise Wrong("tidegauge is not the one command")


def installed(wheel, target, wheels, extra=""):
    arguments = ["-I", "-m", "pip", "install", "--no-index", "--find-links", str(wheels), "--target", str(target), "--no-compile", f"{wheel}{extra}"]
    run = python(arguments, target.parent, ok=False)
    return run.returncode == 0, {path.name.removesuffix(".dist-info") for path in target.glob("*.dist-info")}


def check_dependencies(wheel, scratch, version):
    for name in ("wheels", "later", "unfit"):
        make_wheels.write(scratch / name, {"wheels": make_wheels.WHEELS, "later": make_wheels.LATER, "unfit": make_wheels.UNFIT}[name])
    own = f"tidegauge-{version}"
    for target, extra, want in [
        ("wheels", "", {own, "almanac_core-1.4.1"}), ("later", "[xlsx]", {own, "almanac_core-1.9.0", "sheetwriter-0.9"}),
    ]:
        done, found = installed(wheel, scratch / f"site-{target}", scratch / target, extra)
        if not done or found != want:
            raise Wrong(f"tidegauge{extra} installs {sorted(found)}, should be {sorted(want)}")
    if installed(wheel, scratch / "site-unfit", scratch / "unfit")[0]:
        raise Wrong("it installs with an almanac-core that does not fit")


def filtered(name, values):
    if name == "positive":
        return [value for value in values if value >= 0]
    if name == "median":
        around = [values[max(0, at - 1) : at + 2] for at in range(len(values))]
        return [sorted(some)[len(some) // 2] for some in around]
    return values


def check_runs(scratch, site, random):
    values = [int(line) for line in (scratch / "source/tidegauge/data/levels/T09.txt").read_text().split()]
    day = date(2024, random.randint(1, 12), random.randint(1, 28))
    moon = f"{(day - date(2000, 1, 6)).days % 29.530588:.1f}"
    cases = [(["list"], 0, "T01  Skagen\nT09  Ærøskøbing\n"), (["report", "T77", "--day", str(day)], 2, "")]
    for lang, text in LANGUAGES.items():
        for name in (None, "positive", "median"):
            seen = filtered(name, values)
            want = text.format(name="Ærøskøbing", day=day, moon=moon, high=max(seen), low=min(seen), filter=name or "none")
            options = [*(["--lang", lang] if lang != "en" else []), *(["--filter", name] if name else [])]
            cases.append((["report", "T09", "--day", str(day), *options], 0, want))
    elsewhere = scratch / "elsewhere"
    elsewhere.mkdir()
    if not (site / "bin/tidegauge").is_file():
        raise Wrong("the command is not installed")
    for start, code in STARTS.items():
        for arguments, exit_code, want in cases if start == "the command" else cases[:3]:
            run = python(["-I", "-S", "-X", "utf8", "-c", code.format(site=str(site)), *arguments], elsewhere, ok=False)
            if run.returncode != exit_code or run.stdout.decode(errors="replace") != want:
                error = run.stderr.decode(errors="replace").strip().split("\n")[-1][:200]
                raise Wrong(f"{start} {' '.join(arguments)}: exit code {run.returncode}, {run.stdout[:120]!r} {error}")


def main(scratch):
    random = Random()
    version = changed_copy(scratch / "source", random)
    wheel = built(scratch / "source", scratch / "out", version)
    check_wheel(wheel, scratch / "source", version)
    check_dependencies(wheel, scratch, version)
    shutil.rmtree(scratch / "source/tidegauge/templates")  # what runs must be what was installed
    check_runs(scratch, scratch / "site-wheels", random)


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
