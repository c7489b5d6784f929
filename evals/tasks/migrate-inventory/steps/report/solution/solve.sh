#!/bin/bash
set -euo pipefail
cd /app/inventory
python3 - <<'PY'
import sqlite3

database = sqlite3.connect("stock.db")
database.executescript("""
DROP VIEW IF EXISTS stock;
CREATE VIEW stock AS
SELECT store, sku, sum(quantity) AS quantity, sum(quantity) * unit_cents AS value_cents
FROM movements JOIN items USING (sku)
GROUP BY store, sku
HAVING sum(quantity) <> 0;

DROP VIEW IF EXISTS short;
CREATE VIEW short AS
WITH days AS (
    SELECT store, sku, day, sum(quantity) AS change FROM movements GROUP BY store, sku, day
), levels AS (
    SELECT store, sku, day, sum(change) OVER (PARTITION BY store, sku ORDER BY day) AS quantity FROM days
), negative AS (
    SELECT *, row_number() OVER (PARTITION BY store, sku ORDER BY day) AS place FROM levels WHERE quantity < 0
)
SELECT store, sku, day, quantity FROM negative WHERE place = 1;
""")
for view in ("stock", "short"):
    print(view, database.execute(f"SELECT count(*) FROM {view}").fetchone()[0])
PY
