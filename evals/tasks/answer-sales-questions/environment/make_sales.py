"""Writes the sales database, the same every time: make_sales.py <file>

The verifier has an identical copy and answers from the rows themselves.
"""

import sys
from datetime import date, datetime, timedelta
from random import Random

SCHEMA = {
    "shops": "id INTEGER PRIMARY KEY, city TEXT NOT NULL, utc_offset_minutes INTEGER NOT NULL",
    "customers": "id INTEGER PRIMARY KEY, name TEXT NOT NULL, staff_test INTEGER NOT NULL, deleted_at TEXT",
    "products": "id INTEGER PRIMARY KEY, name TEXT NOT NULL, category TEXT NOT NULL, deleted_at TEXT",
    "currencies": "code TEXT PRIMARY KEY, minor_digits INTEGER NOT NULL",
    "rates": "currency TEXT NOT NULL REFERENCES currencies, day TEXT NOT NULL, eur TEXT NOT NULL, PRIMARY KEY (currency, day)",
    "orders": "id INTEGER PRIMARY KEY, shop_id INTEGER NOT NULL REFERENCES shops, customer_id INTEGER NOT NULL REFERENCES customers,"
    " reference TEXT NOT NULL, placed_at TEXT NOT NULL, currency TEXT NOT NULL REFERENCES currencies, status TEXT NOT NULL, deleted_at TEXT",
    "lines": "id INTEGER PRIMARY KEY, order_id INTEGER NOT NULL REFERENCES orders, product_id INTEGER NOT NULL REFERENCES products,"
    " quantity INTEGER NOT NULL, unit_price INTEGER NOT NULL, discount INTEGER NOT NULL, deleted_at TEXT",
    "returns": "id INTEGER PRIMARY KEY, line_id INTEGER NOT NULL REFERENCES lines, quantity INTEGER NOT NULL, returned_at TEXT NOT NULL,"
    " deleted_at TEXT",
}
SHOPS = [("Reykjavik", 0), ("Kathmandu", 345), ("Tokyo", 540), ("Bogota", -300)]
CURRENCIES = {"EUR": (2, 1.0), "USD": (2, 0.92), "JPY": (0, 0.0065), "KWD": (3, 3.01)}
CATEGORIES = {"boots": 0.16, "coats": 0.15, "lamps": 0.05, "ropes": 0.03, "tents": 0.14}  # and how often they come back
ADJECTIVES = ["amber", "brass", "cedar", "drift", "ember", "frost", "grove", "heath"]
NAMES = ["Ana", "Bo", "Chi", "Dag", "Eva", "Fay", "Gus", "Hal", "Ida", "Jon", "Kei", "Lea", "Max", "Noa", "Ole", "Pia"]
ORDERS = 3_600
START = datetime(2022, 7, 1)
MINUTES = 730 * 24 * 60


class Draw:
    """Draws by random.random() only, so that every Python draws the same."""

    def __init__(self, seed):
        self.random = Random(seed).random

    def below(self, limit):
        return int(self.random() * limit)

    def of(self, items):
        return items[self.below(len(items))]

    def chance(self, share):
        return self.random() < share

    def moment(self):
        return START + timedelta(minutes=self.below(MINUTES), seconds=self.below(60))


def stamp(moment):
    return moment.strftime("%Y-%m-%dT%H:%M:%SZ")


def rates(draw):
    """A rate for each bank day, from well before the first order."""
    for currency, (_, level) in CURRENCIES.items():
        day = date(2022, 6, 20)
        while currency != "EUR" and day < date(2024, 7, 15):
            level *= 1 + (draw.random() - 0.5) * 0.012
            if day.weekday() < 5 and not draw.chance(0.03):
                yield currency, day.isoformat(), f"{level:.6f}"
            day += timedelta(days=1)


def tables():
    """The rows of each table, by its name."""
    draw = Draw(2023)
    rows = {name: [] for name in SCHEMA}
    rows["shops"] = [(number, *shop) for number, shop in enumerate(SHOPS, start=1)]
    rows["currencies"] = [(code, digits) for code, (digits, _) in CURRENCIES.items()]
    rows["rates"] = list(rates(draw))
    for number in range(1, 421):
        name = f"{draw.of(NAMES)} {draw.of('ABCDEFGHKLMNPRST')}."
        rows["customers"].append((number, name, int(number % 53 == 0), stamp(draw.moment()) if draw.chance(0.1) else None))
    categories = list(CATEGORIES)
    for number in range(1, 41):
        category = categories[number % 5]
        name = f"{ADJECTIVES[number // 5 % 8]} {category}"
        rows["products"].append((number, name, category, stamp(draw.moment()) if draw.chance(0.15) else None))
    orders = sorted(draw.moment() for _ in range(ORDERS))
    last, tickets = {}, [0] * (len(SHOPS) + 1)
    for placed in orders:
        shop = 1 + draw.below(len(SHOPS))
        if draw.chance(0.03) and shop in last:  # sent again, with the same reference, seconds or an hour later
            order, old_lines = last[shop]
            again = datetime.strptime(order[4], "%Y-%m-%dT%H:%M:%SZ") + timedelta(seconds=draw.of([4, 61, 3_600, 40_000]))
            status = order[6] if draw.chance(0.7) else "paid"
            add_order(rows, draw, (*order[1:4], stamp(again), order[5], status, None), old_lines)
            continue
        customer = 1 + int(draw.random() ** 1.4 * len(rows["customers"]))
        currency = draw.of(["EUR", "EUR", "USD", "JPY", "KWD"])
        status = draw.of(["paid"] * 6 + ["shipped"] * 6 + ["cancelled"])
        gone = stamp(placed + timedelta(hours=1 + draw.below(900))) if draw.chance(0.04) else None
        tickets[shop] += 1  # each till counts for itself
        order = (shop, customer, f"T{1_000 + tickets[shop]}", stamp(placed), currency, status, gone)
        last[shop] = add_order(rows, draw, order, [new_line(draw, rows, currency) for _ in range(1 + draw.below(4))])
    return rows


def new_line(draw, rows, currency):
    digits, level = CURRENCIES[currency]
    price = int((4 + draw.random() ** 2 * 180) / level * 10**digits)
    return 1 + draw.below(len(rows["products"])), 1 + draw.below(5), price, draw.of([0, 0, 0, 5, 10, 15, 33])


def add_order(rows, draw, order, new_lines):
    order = (len(rows["orders"]) + 1, *order)
    rows["orders"].append(order)
    placed = datetime.strptime(order[4], "%Y-%m-%dT%H:%M:%SZ")
    for product, quantity, price, discount in new_lines:
        gone = stamp(placed + timedelta(minutes=5)) if draw.chance(0.04) else None
        line = len(rows["lines"]) + 1
        rows["lines"].append((line, order[0], product, quantity, price, discount, gone))
        left = quantity
        while left and draw.chance(CATEGORIES[rows["products"][product - 1][2]] * 1.3):
            back = 1 + draw.below(left)
            withdrawn = draw.chance(0.15)
            when = placed + timedelta(days=2 + draw.below(60))
            number = len(rows["returns"]) + 1
            rows["returns"].append((number, line, back, stamp(when), stamp(when + timedelta(days=1)) if withdrawn else None))
            left -= back
    return order, new_lines


if __name__ == "__main__":
    import sqlite3  # the verifier needs the rows only

    with sqlite3.connect(sys.argv[1]) as database:
        for table, columns in SCHEMA.items():
            database.execute(f"CREATE TABLE {table} ({columns})")
        for table, rows in tables().items():
            marks = ", ".join("?" * len(rows[0]))
            database.executemany(f"INSERT INTO {table} VALUES ({marks})", rows)
