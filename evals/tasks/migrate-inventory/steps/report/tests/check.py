"""Compares the views with sums of its own: over the movements there are, and over others in a copy."""

import random
import sqlite3
import sys
from collections import defaultdict
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path

sys.path.append("/tests")
from grading import copied, equal, grade, rows
from legacy import Legacy


def stock_of(legacy, movements):
    sums = defaultdict(int)
    for _, store, sku, quantity in movements:
        sums[store, sku] += quantity
    return sorted((*key, total, total * legacy.items[key[1]][1]) for key, total in sums.items() if total)


def short_of(movements):
    days = defaultdict(lambda: defaultdict(int))
    for day, store, sku, quantity in movements:
        days[store, sku][day] += quantity
    found = []
    for key, changes in days.items():
        total = 0
        for day in sorted(changes):
            total += changes[day]
            if total < 0:
                found.append((*key, day, total))
                break
    return sorted(found)


def after_july():
    legacy = Legacy()
    legacy.apply(Path("/tests/july.log").read_text())
    return legacy


def view(database, name, columns):
    equal(rows(database, "SELECT type FROM sqlite_master WHERE name = ?", name), [("view",)], f"kind of {name}")
    equal([it[1] for it in rows(database, f"PRAGMA table_info({name})")], columns, f"columns of {name}")
    return sorted(rows(database, f"SELECT * FROM {name}"))


def stock(database):
    return view(database, "stock", ["store", "sku", "quantity", "value_cents"])


def short(database):
    return view(database, "short", ["store", "sku", "day", "quantity"])


def refilled(database, legacy):
    """Put other movements into a copy: few stores, items and days, so that sums vanish and days collect several."""
    stores, skus = random.sample(list(legacy.stores), 3), random.sample(list(legacy.items), 4)
    days = [(date(2023, 12, 28) + timedelta(days=it)).isoformat() for it in range(9)]
    movements = [
        (random.choice(days), random.choice(stores), random.choice(skus), random.choice([-3, -2, -1, 1, 2, 3])) for _ in range(120)
    ]
    numbers = random.sample(range(1, 5000), len(movements))
    with closing(sqlite3.connect(database)) as connection, connection:
        connection.execute("DELETE FROM movements")
        connection.executemany(
            "INSERT INTO movements (number, day, store, sku, quantity) VALUES (?, ?, ?, ?, ?)",
            [(number, *movement) for number, movement in zip(numbers, movements)],
        )
    return movements


def stock_as_it_is_now(folder):
    legacy = after_july()
    equal(stock(copied(folder)), stock_of(legacy, legacy.movements.values()), "stock")


def short_as_it_is_now(folder):
    equal(short(copied(folder)), short_of(after_july().movements.values()), "short")


def stock_with_other_movements(folder):
    legacy = after_july()
    for turn in range(5):
        database = copied(folder, f"{turn}.db")
        movements = refilled(database, legacy)
        equal(stock(database), stock_of(legacy, movements), "stock")


def short_with_other_movements(folder):
    legacy = after_july()
    for turn in range(5):
        database = copied(folder, f"{turn}.db")
        movements = refilled(database, legacy)
        equal(short(database), short_of(movements), "short")


grade(stock_as_it_is_now, short_as_it_is_now, stock_with_other_movements, short_with_other_movements)
