#!/bin/bash
set -euo pipefail
cat > /app/inventory/apply.py <<'PY'
"""Applies a late file, as a whole or not at all: apply.py FILE [DATABASE]"""

import hashlib
import sqlite3
import sys
from pathlib import Path

import legacy


def apply(line, database):
    if line.startswith("-"):
        removed = database.execute("DELETE FROM movements WHERE number = ?", [int(line[1:])])
        if removed.rowcount != 1:
            raise ValueError(f"no such movement: {line}")
    elif line.startswith("+"):
        found = legacy.movement(line[1:])
        stores = {code for (code,) in database.execute("SELECT code FROM stores")}
        items = {sku for (sku,) in database.execute("SELECT sku FROM items")}
        numbers = {number for (number,) in database.execute("SELECT number FROM movements")}
        if why := legacy.reason(found, numbers, stores, items):
            raise ValueError(f"{why}: {line}")
        database.execute("INSERT INTO movements (number, day, store, sku, quantity) VALUES (?, ?, ?, ?, ?)", found)
    else:
        raise ValueError(f"neither + nor -: {line}")


def main(file, path="/app/inventory/stock.db"):
    content = Path(file).read_bytes()
    digest = hashlib.sha256(content).hexdigest()
    database = sqlite3.connect(path)
    try:
        with database:
            database.execute("CREATE TABLE IF NOT EXISTS applied (sha256 TEXT PRIMARY KEY NOT NULL)")
            if database.execute("SELECT 1 FROM applied WHERE sha256 = ?", [digest]).fetchone():
                return 0
            for line in content.decode("ascii").splitlines():
                apply(line, database)
            database.execute("INSERT INTO applied VALUES (?)", [digest])
    except (ValueError, LookupError, sqlite3.Error) as error:
        print(f"refused: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
PY
cd /app/inventory
python3 apply.py late/july.log
python3 apply.py late/july.log
