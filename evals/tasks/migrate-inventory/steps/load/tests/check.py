"""Compares the database with the old files, table by table, and tries what it has to refuse on a copy."""

import sqlite3
import sys
from contextlib import closing

sys.path.append("/tests")
from grading import Wrong, copied, equal, grade, rows
from legacy import Legacy

LEGACY = Legacy()
COLUMNS = {
    "stores": ["code", "name"], "items": ["sku", "name", "unit_cents"],
    "movements": ["number", "day", "store", "sku", "quantity"], "rejects": ["line", "reason"],
}


def table(folder, name, wanted):
    copy = copied(folder)
    equal([it[1] for it in rows(copy, f"PRAGMA table_info({name})")], COLUMNS[name], f"columns of {name}")
    equal(sorted(rows(copy, f"SELECT * FROM {name}")), sorted(wanted), name)


def stores(folder):
    table(folder, "stores", LEGACY.stores.items())


def items(folder):
    table(folder, "items", [(sku, *item) for sku, item in LEGACY.items.items()])


def movements(folder):
    table(folder, "movements", [(number, *movement) for number, movement in LEGACY.movements.items()])


def rejects(folder):
    table(folder, "rejects", LEGACY.rejected)


def what_is_refused(folder):
    number, (day, store, sku, _) = next(iter(LEGACY.movements.items()))
    good = "INSERT INTO movements (number, day, store, sku, quantity) VALUES (999999, '2024-01-01', '{}', '{}', {})"
    wrong = [
        good.format("QQ9", sku, 1), good.format(store, "QQ-000", 1), good.format(store, sku, 0),
        f"DELETE FROM stores WHERE code = '{store}'", f"DELETE FROM items WHERE sku = '{sku}'",
        f"UPDATE movements SET store = 'QQ9' WHERE number = {number}", f"UPDATE movements SET quantity = 0 WHERE number = {number}",
        f"INSERT INTO movements (number, day, store, sku, quantity) VALUES ({number}, '{day}', '{store}', '{sku}', 1)",
        f"INSERT INTO stores (code, name) VALUES ('{store}', 'x')", f"INSERT INTO items (sku, name, unit_cents) VALUES ('{sku}', 'x', 1)",
        "INSERT INTO items (sku, name, unit_cents) VALUES (NULL, 'x', 1)", "INSERT INTO stores (code, name) VALUES (NULL, 'x')",
        *(f"UPDATE {name} SET {column} = NULL" for name, columns in COLUMNS.items() for column in columns),
    ]
    with closing(sqlite3.connect(copied(folder), isolation_level=None)) as database:
        database.execute("PRAGMA foreign_keys = ON")
        for statement in wrong:
            try:
                database.execute(statement)
            except sqlite3.IntegrityError:
                continue
            raise Wrong(f"taken: {statement}")
        database.execute(good.format(store, sku, 1))
        database.execute("PRAGMA foreign_keys = OFF")
        try:
            database.execute(f"UPDATE movements SET quantity = 0 WHERE number = {number}")
        except sqlite3.IntegrityError:
            return
        raise Wrong("a quantity of 0 is taken")


grade(stores, items, movements, rejects, what_is_refused)
