#!/bin/bash
set -euo pipefail
cat > /tmp/answer.py <<'PY'
import json
import sqlite3
from collections import defaultdict
from decimal import ROUND_HALF_UP, Decimal

database = sqlite3.connect("file:/app/sales/sales.db?mode=ro", uri=True)
COUNTED = """
    WITH counted_lines AS (
        SELECT l.*, COALESCE((SELECT SUM(quantity) FROM returns r WHERE r.line_id = l.id AND r.deleted_at IS NULL), 0) AS back
        FROM lines l WHERE l.deleted_at IS NULL
    ), candidates AS (
        SELECT o.*, s.city, date(o.placed_at, s.utc_offset_minutes || ' minutes') AS day
        FROM orders o JOIN shops s ON s.id = o.shop_id JOIN customers c ON c.id = o.customer_id
        WHERE o.deleted_at IS NULL AND o.status <> 'cancelled' AND c.staff_test = 0
          AND EXISTS (SELECT 1 FROM counted_lines l WHERE l.order_id = o.id)
    ), counted AS (
        SELECT * FROM candidates WHERE id IN (SELECT MIN(id) FROM candidates GROUP BY shop_id, reference)
    )
"""
LINES = COUNTED + """
    SELECT o.city, o.customer_id, o.day, p.category, l.quantity, l.back, l.unit_price, l.discount, c.minor_digits,
        CASE o.currency WHEN 'EUR' THEN '1' ELSE
            (SELECT eur FROM rates r WHERE r.currency = o.currency AND r.day <= o.day ORDER BY r.day DESC LIMIT 1) END
    FROM counted o JOIN counted_lines l ON l.order_id = o.id
        JOIN products p ON p.id = l.product_id JOIN currencies c ON c.code = o.currency
    WHERE o.day BETWEEN '2023-01-01' AND '2023-12-31'
"""


def rounded(number, places):
    return number.quantize(Decimal(1).scaleb(-places), ROUND_HALF_UP)


by_shop, by_month, by_customer = defaultdict(Decimal), defaultdict(Decimal), defaultdict(Decimal)
sold, returned = defaultdict(int), defaultdict(int)
for city, customer, day, category, quantity, back, price, discount, digits, rate in database.execute(LINES):
    minor = rounded(Decimal((quantity - back) * price * (100 - discount)) / 100, 0)
    eur = rounded(minor.scaleb(-digits) * Decimal(rate), 2)
    by_shop[city] += eur
    by_month[day[:7]] += eur
    by_customer[customer] += eur
    sold[category] += quantity
    returned[category] += back
(orders,) = database.execute(COUNTED + "SELECT COUNT(*) FROM counted WHERE day LIKE '2023-%'").fetchone()
(new,) = database.execute(
    COUNTED + "SELECT COUNT(*) FROM (SELECT MIN(day) AS first FROM counted GROUP BY customer_id) WHERE first LIKE '2023-%'"
).fetchone()
share = {category: Decimal(100 * returned[category]) / sold[category] for category in sold}
worst = max(share, key=share.get)
answers = {
    "revenue": f"{sum(by_shop.values()):.2f}",
    "revenue_by_shop": {city: f"{eur:.2f}" for city, eur in by_shop.items()},
    "best_month": max(by_month, key=by_month.get),
    "top_customers": sorted(by_customer, key=by_customer.get, reverse=True)[:3],
    "orders": orders,
    "new_customers": new,
    "most_returned_category": worst,
    "most_returned_percent": str(rounded(share[worst], 1)),
}
with open("/app/answers.json", "w") as file:
    json.dump(answers, file, indent=2)
PY
python3 /tmp/answer.py
cat /app/answers.json
