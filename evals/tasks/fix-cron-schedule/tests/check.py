"""The visible tests in their pristine form, then hidden ones: the agent's module runs in another process, the
expected times come from a calendar walk of the verifier's own and from random expressions, new in each run."""

import json
import random
import subprocess
import sys
import unittest
from datetime import datetime, time, timedelta

MONTHS = "jan feb mar apr may jun jul aug sep oct nov dec".split()
DAYS = "sun mon tue wed thu fri sat".split()


def values(field, first, last, names=()):
    found = set()
    for item in field.lower().split(","):
        span, _, step = item.partition("/")
        low, _, high = span.partition("-")
        if span == "*":
            low, high = first, last
        else:
            low, high = (int(names.index(end) + first if end in names else end) if end else None for end in (low, high))
            if high is None:
                high = last if step else low
            if names is DAYS and high == 0 < low:
                high = 7
        found.update(range(low, high + 1, int(step or 1)))
    return found


def expected(expression, after):
    minute, hour, day, month, weekday = expression.split()
    minutes, hours = sorted(values(minute, 0, 59)), sorted(values(hour, 0, 23))
    days, months = values(day, 1, 31), values(month, 1, 12, MONTHS)
    weekdays = {value % 7 for value in values(weekday, 0, 7, DAYS)}
    today = after.date()
    for offset in range(9 * 365 + 1):
        candidate = today + timedelta(days=offset)
        by_day, by_weekday = candidate.day in days, candidate.isoweekday() % 7 in weekdays
        both = day.startswith("*") or weekday.startswith("*")
        if candidate.month in months and (by_day and by_weekday if both else by_day or by_weekday):
            for clock in (time(h, m) for h in hours for m in minutes):
                if datetime.combine(candidate, clock) > after:
                    return datetime.combine(candidate, clock).isoformat()
    return None


def random_field(first, last, names=()):
    def name(value):
        known = names and value - first < len(names) and random.random() < 0.4
        return random.choice([str.lower, str.upper, str.title])(names[value - first]) if known else str(value)

    def item():
        low = random.randint(first, last)
        high = random.randint(low, last)
        return random.choice([
            name(low), f"{name(low)}-{name(high)}", f"{name(low)}-{name(high)}/{random.randint(1, 9)}",
            f"*/{random.randint(2, 11)}", name(low) if names is DAYS else f"{low}/{random.randint(2, 25)}",
        ])

    return "*" if random.random() < 0.35 else ",".join(item() for _ in range(random.choice([1, 1, 1, 2, 3])))


def random_case():
    fields = [
        random_field(0, 59), random_field(0, 23), random_field(1, 31), random_field(1, 12, MONTHS), random_field(0, 7, DAYS),
    ]
    after = datetime(2023, 1, 1) + timedelta(minutes=random.randrange(5 * 525600))
    if random.random() < 0.4:
        after += timedelta(seconds=random.randrange(60), microseconds=random.randrange(10**6))
    return " ".join(fields), after


def ask(cases):
    """The module's answers, one for each (expression, datetime)."""
    questions = "".join(json.dumps([expression, after.isoformat()]) + "\n" for expression, after in cases)
    run = subprocess.run(
        [sys.executable, "-I", "-S", "-B", "/tests/answer.py"], input=questions.encode(), stdout=subprocess.PIPE, timeout=8, check=False,
    )
    return [json.loads(line) for line in run.stdout.splitlines()]


class Hidden(unittest.TestCase):
    def check(self, cases):
        answers = ask(cases)
        self.assertEqual(len(answers), len(cases), "the module did not answer every question")
        for (expression, after), answer in zip(cases, answers):
            self.assertEqual(answer, expected(expression, after), f"{expression!r} after {after}")

    def test_visible_tests_pass(self):
        code = "import sys, unittest; sys.path[len(sys.path):] = ['/app/cron', '/tests']; unittest.main('test_cronexpr')"
        run = subprocess.run(
            [sys.executable, "-I", "-S", "-B", "-c", code], stderr=subprocess.PIPE, timeout=8, check=False,
        )
        self.assertRegex(run.stderr.decode(errors="replace"), r"Ran 9 tests in [\d.]+s\s+OK")

    def test_named_cases(self):
        start = datetime(2025, 12, 31, 23, 59, 59, 999999)
        expressions = [
            "* * * * *", "0 0 29 2 *", "0 0 31 * *", "5/20 * * * *", "0 0 * * 0", "0 0 * * 7", "0 0 * * SUN", "0 0 * * fri-sun",
            "0 0 * JAN,jul-Sep *", "0 0 */2 * mon", "0 0 1-7 * */6", "0 0 1-7 * mon", "59 23 31 12 *", "0 0 31 2,4,6,9,11 *", "0 0 * * 5-7",
            "7-59/13 1-23/11 * dec *", "0 12 29 feb mon",
        ]
        moments = [start, datetime(2096, 3, 1), datetime(2024, 2, 29), datetime(2025, 1, 31, 0, 0), datetime(2025, 1, 31, 12, 30)]
        self.check([(expression, moment) for expression in expressions for moment in moments])

    def test_random_expressions(self):
        self.check([random_case() for _ in range(400)])

    def test_malformed(self):
        expressions = [
            "", "* * * *", "* * * * * *", "60 * * * *", "-1 * * * *", "* 24 * * *", "* * 0 * *", "* * 32 * *", "* * * 0 *", "* * * 13 *",
            "* * * * 8", "*/0 * * * *", "1-2-3 * * * *", "5-1 * * * *", "x * * * *", "1,,2 * * * *", "1/ * * * *", "jan * * * *",
            "* * * mon *", "* * * * january", "1.5 * * * *", "\u0661 * * * *", "/5 * * * *",
        ]
        answers = ask([(expression, datetime(2025, 1, 1)) for expression in expressions])
        self.assertEqual(answers, ["CronError"] * len(expressions))


if __name__ == "__main__":
    result = unittest.TextTestRunner(stream=sys.stdout, failfast=True, verbosity=2).run(
        unittest.defaultTestLoader.loadTestsFromTestCase(Hidden)
    )
    passed = result.wasSuccessful() and result.testsRun == 4
    print("PASS" if passed else "FAIL")
    sys.exit(0 if passed else 1)
