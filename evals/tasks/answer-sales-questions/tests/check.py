"""Answers the questions from the generator's own rows and compares with the agent's answers."""

import json
import sys
from bisect import bisect_right
from collections import Counter, defaultdict
from datetime import datetime, timedelta
from fractions import Fraction
from math import floor
from pathlib import Path

sys.path.insert(0, "/tests")
import make_sales  # noqa: E402 - with -I, the verifier's own folder is named first

ANSWERS = Path("/app/answers.json")


def half_up(number):
    return floor(number + Fraction(1, 2))


def decimals(number, digits):
    sign, number = ("-" if number < 0 else ""), abs(number)
    return f"{sign}{number // 10**digits}.{number % 10**digits:0{digits}d}"


class Sales:
    """The rows, and what counts of them."""

    def __init__(self, rows):
        self.digits = dict(rows["currencies"])
        self.offset = {shop: timedelta(minutes=minutes) for shop, _, minutes in rows["shops"]}
        self.city = {shop: city for shop, city, _ in rows["shops"]}
        self.category = {product: category for product, _, category, _ in rows["products"]}
        self.days, self.rates = defaultdict(list), defaultdict(list)
        for currency, day, rate in sorted(rows["rates"]):
            self.days[currency].append(day)
            self.rates[currency].append(Fraction(rate))
        self.returned = Counter()
        for _, line, quantity, _, gone in rows["returns"]:
            self.returned[line] += 0 if gone else quantity
        self.lines = defaultdict(list)
        for line, order, product, quantity, price, discount, gone in rows["lines"]:
            if not gone:
                self.lines[order].append((line, product, quantity, price, discount))
        tests = {customer for customer, _, staff, _ in rows["customers"] if staff}
        self.orders, sent = [], set()
        for order, shop, customer, reference, placed, currency, status, gone in sorted(rows["orders"]):
            if gone or status == "cancelled" or customer in tests or order not in self.lines or (shop, reference) in sent:
                continue
            sent.add((shop, reference))
            day = (datetime.strptime(placed, "%Y-%m-%dT%H:%M:%SZ") + self.offset[shop]).date().isoformat()
            self.orders.append((order, shop, customer, day, currency))

    def cents(self, line, day, currency):
        number, _, quantity, price, discount = line
        amount = half_up(Fraction((quantity - self.returned[number]) * price * (100 - discount), 100))
        if currency == "EUR":
            return amount
        rate = self.rates[currency][bisect_right(self.days[currency], day) - 1]
        return half_up(Fraction(amount, 10 ** self.digits[currency]) * rate * 100)


def answers(sales):
    shops, months, customers, sold, back = Counter(), Counter(), Counter(), Counter(), Counter()
    first, orders = {}, 0
    for order, shop, customer, day, currency in sales.orders:
        first[customer] = min(first.get(customer, day), day)
        if not day.startswith("2023"):
            continue
        orders += 1
        for line in sales.lines[order]:
            cents = sales.cents(line, day, currency)
            shops[sales.city[shop]] += cents
            months[day[:7]] += cents
            customers[customer] += cents
            sold[sales.category[line[1]]] += line[2]
            back[sales.category[line[1]]] += sales.returned[line[0]]
    share = {category: Fraction(back[category], sold[category]) for category in sold}
    worst = max(share, key=share.get)
    return {
        "revenue": decimals(sum(shops.values()), 2),
        "revenue_by_shop": {city: decimals(cents, 2) for city, cents in shops.items()},
        "best_month": max(months, key=months.get),
        "top_customers": sorted(customers, key=customers.get, reverse=True)[:3],
        "orders": orders,
        "new_customers": sum(day.startswith("2023") for day in first.values()),
        "most_returned_category": worst,
        "most_returned_percent": decimals(half_up(share[worst] * 1000), 1),
    }


def main():
    want = answers(Sales(make_sales.tables()))
    have = json.loads(ANSWERS.read_text())
    if not isinstance(have, dict) or have.keys() != want.keys():
        return "answers.json does not have exactly the eight keys"
    wrong = [key for key in want if json.dumps(have[key], sort_keys=True) != json.dumps(want[key], sort_keys=True)]
    return f"wrong values: {', '.join(wrong)}" if wrong else None


if __name__ == "__main__":
    try:
        problem = main()
    except Exception as error:  # whatever the agent left there, it is a 0 with a reason
        problem = f"{type(error).__name__}: {error}"
    print("FAIL: " + problem if problem else "PASS")
    sys.exit(1 if problem else 0)
