"""Looks for july.log in the database, and runs apply.py on copies with files that are new in each run."""

import random
import subprocess
import sys
from datetime import date, timedelta
from pathlib import Path

sys.path.append("/tests")
from grading import Wrong, copied, equal, grade, rows
from legacy import Legacy

JULY = Path("/tests/july.log").read_text()
TABLES = ["stores", "items", "movements", "rejects", "applied"]


def after_july():
    legacy = Legacy()
    legacy.apply(JULY)
    return legacy


def line(number, legacy, store=None, sku=None, quantity=None, day=None):
    day = day or (date(2024, 7, 1) + timedelta(days=random.randrange(90))).strftime(random.choice(["%d.%m.%Y", "%d.%m.%y"]))
    store, sku = store or random.choice(list(legacy.stores)), sku or random.choice(list(legacy.items))
    sku = random.choice([sku, sku.lower()])
    quantity = random.randrange(1, 400) if quantity is None else quantity
    return f"+{number:6}{day:>10} {store:3} {sku:8}{random.choice('EA')}{quantity:5}"


def late(legacy):
    """A late file that is right: removals, additions, and corrections of one number."""
    chosen = random.sample(list(legacy.movements), 8)
    lines = []
    for number in chosen:
        lines.append(f"-{number}")
        if random.random() < 0.6:
            lines.append(line(number, legacy))
    lines += [line(number, legacy) for number in random.sample(range(700000, 800000), 6)]
    added = lines[-1][1:7]
    return "\n".join([*lines, f"-{added}", line(int(added), legacy)]) + "\n"


def run(text, database, folder, name="late.log"):
    file = folder / name
    file.write_text(text)
    command = [sys.executable, "-E", "-s", "-S", "-B", "/app/inventory/apply.py", str(file), str(database)]
    try:
        return subprocess.run(command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, cwd=folder, timeout=5, check=False).returncode
    except subprocess.TimeoutExpired:
        raise Wrong("apply.py is not done within 5 seconds") from None


def movements(database):
    return {number: tuple(movement) for number, *movement in rows(database, "SELECT number, day, store, sku, quantity FROM movements")}


def everything(database):
    return {table: sorted(rows(database, f"SELECT * FROM {table}"), key=repr) for table in TABLES}


def july(folder):
    equal(movements(copied(folder)), after_july().movements, "movements")


def other_files(folder):
    legacy, database = after_july(), copied(folder)
    for _ in range(3):
        text = late(legacy)
        legacy.apply(text)
        equal(run(text, database, folder), 0, "exit code for a file that is right")
        equal(movements(database), legacy.movements, "movements")


def applied_twice(folder):
    legacy, database = after_july(), copied(folder)
    equal(run(JULY, database, folder), 0, "exit code for july.log once more")
    equal(movements(database), legacy.movements, "movements")
    text = late(legacy)
    for content, name in [(text, "a.log"), (text, "b.log")]:
        equal(run(content, database, folder, name), 0, "exit code")
    legacy.apply(text)
    equal(movements(database), legacy.movements, "movements after the same file under two names")
    between = late(legacy)
    legacy.apply(between)
    for content in (between, text, between):
        equal(run(content, database, folder), 0, "exit code")
    equal(movements(database), legacy.movements, "movements after files in turns")


def refused(folder):
    legacy, database = after_july(), copied(folder)
    known = random.choice(list(legacy.movements))
    wrong = [
        line(known, legacy), "-999999", line(700001, legacy, quantity=0), line(700001, legacy, store="QQ9"), line(700001, legacy, sku="QQ-000"),
        line(700001, legacy, day="31.06.2024"), "*700001", "", "-", "+700001", f"{line(700001, legacy)}\n{line(700001, legacy)}", f"-{known}\n-{known}",
        line(700001, legacy)[:-5] + "  1x2",
    ]
    for bad in wrong:
        good = late(legacy)
        text = f"{good}{bad}\n" if known not in map(int, (it[1:7] for it in good.splitlines())) else f"{bad}\n"
        before = everything(database)
        equal(run(text, database, folder), 1, f"exit code for a file with {bad!r}")
        equal(everything(database), before, f"tables after a file with {bad!r}")
    text = f"-{known}\n{line(700002, legacy)}\n"
    equal(run(f"-700002\n{text}", database, folder), 1, "exit code")
    addition = line(700002, legacy) + "\n"
    equal([run(it, database, folder) for it in (addition, f"-700002\n{text}")], [0, 0], "exit codes of a file that fits later")
    legacy.apply(addition)
    legacy.apply(f"-700002\n{text}")
    equal(movements(database), legacy.movements, "movements")


grade(july, other_files, applied_twice, refused)
