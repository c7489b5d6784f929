#!/bin/bash
set -euo pipefail
cd /app/inventory
python3 - <<'PY'
import sqlite3
from pathlib import Path

import legacy

Path("stock.db").unlink(missing_ok=True)
good, rejected = legacy.movements()
database = sqlite3.connect("stock.db")
database.executescript("""
CREATE TABLE stores (code TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL);
CREATE TABLE items (sku TEXT PRIMARY KEY NOT NULL, name TEXT NOT NULL, unit_cents INTEGER NOT NULL);
CREATE TABLE movements (
    number INTEGER PRIMARY KEY NOT NULL,
    day TEXT NOT NULL,
    store TEXT NOT NULL REFERENCES stores (code),
    sku TEXT NOT NULL REFERENCES items (sku),
    quantity INTEGER NOT NULL CHECK (quantity <> 0)
);
CREATE TABLE rejects (line INTEGER PRIMARY KEY NOT NULL, reason TEXT NOT NULL);
""")
with database:
    database.execute("PRAGMA foreign_keys = ON")
    database.executemany("INSERT INTO stores VALUES (?, ?)", legacy.stores().items())
    database.executemany("INSERT INTO items VALUES (?, ?, ?)", [(sku, *item) for sku, item in legacy.items().items()])
    database.executemany("INSERT INTO movements VALUES (?, ?, ?, ?, ?)", good.values())
    database.executemany("INSERT INTO rejects VALUES (?, ?)", rejected)
for table in ("stores", "items", "movements", "rejects"):
    print(table, database.execute(f"SELECT count(*) FROM {table}").fetchone()[0])
PY
