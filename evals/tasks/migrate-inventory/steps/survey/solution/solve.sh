#!/bin/bash
# Reads the old files by their FORMAT.txt; what reads them stays, for the next steps.
set -euo pipefail
cat > /app/inventory/legacy.py <<'PY'
import csv
from datetime import date
from pathlib import Path

LEGACY = Path("/app/inventory/legacy")


def cents(price):
    euros, _, rest = price.replace(".", "").partition(",")
    return int(euros) * 100 + int(rest)


def stores():
    with (LEGACY / "stores.csv").open(encoding="utf-8-sig", newline="") as file:
        return {row["code"]: row["name"] for row in csv.DictReader(file, delimiter=";")}


def items():
    with (LEGACY / "items.csv").open(encoding="cp1252", newline="") as file:
        rows = list(csv.DictReader(file, delimiter=";"))
    return {row["sku"].strip().upper(): (row["name"], cents(row["price"])) for row in rows}


def day(text):
    try:
        day, month, year = map(int, text.strip().split("."))
        return date(year + 2000 if year < 100 else year, month, day).isoformat()
    except ValueError:
        return None


def movement(line):
    quantity = int(line[30:35])
    signed = {"E": quantity, "A": -quantity}[line[29]]
    return int(line[:6]), day(line[6:16]), line[17:20], line[21:29].strip().upper(), signed


def reason(movement, numbers, stores, items):
    number, day, store, sku, quantity = movement
    if number in numbers:
        return "number"
    if day is None:
        return "date"
    if store not in stores:
        return "store"
    if sku not in items:
        return "sku"
    return None if quantity else "quantity"


def movements():
    """The movements that are right, by number, and the rejected lines."""
    known_stores, known_items, good, rejected = stores(), items(), {}, []
    for number, line in enumerate((LEGACY / "movements.log").read_text(encoding="ascii").splitlines(), 1):
        found = movement(line)
        why = reason(found, good, known_stores, known_items)
        if why:
            rejected.append([number, why])
        else:
            good[found[0]] = found
    return good, rejected
PY
cd /app/inventory
python3 - <<'PY'
import json
from pathlib import Path

import legacy

good, rejected = legacy.movements()
survey = {
    "items": len(legacy.items()), "movements": len(good), "rejected": rejected, "last_day": max(it[1] for it in good.values()),
}
Path("survey.json").write_text(json.dumps(survey) + "\n")
print(survey)
PY
