import unittest
from datetime import datetime

from cronexpr import CronError, next_run


def at(text):
    return datetime.strptime(text, "%Y-%m-%d %H:%M")


class NextRun(unittest.TestCase):
    def check(self, expression, after, expected):
        self.assertEqual(next_run(expression, at(after)), at(expected), expression)

    def test_every_quarter_of_an_hour(self):
        self.check("*/15 * * * *", "2025-03-03 10:07", "2025-03-03 10:15")
        self.check("*/15 * * * *", "2025-03-03 23:50", "2025-03-04 00:00")

    def test_a_run_is_strictly_after(self):
        self.check("30 6 * * *", "2025-03-03 06:30", "2025-03-04 06:30")

    def test_seconds_are_dropped(self):
        after = datetime(2025, 3, 3, 6, 29, 41, 250)
        self.assertEqual(next_run("30 6 * * *", after), at("2025-03-03 06:30"))

    def test_the_steps_of_a_range_start_at_its_beginning(self):
        self.check("10-40/15 * * * *", "2025-03-03 10:11", "2025-03-03 10:25")

    def test_working_days(self):
        self.check("0 9 * * mon-fri", "2025-03-07 12:00", "2025-03-10 09:00")

    def test_either_day_is_enough(self):
        self.check("0 12 13 * 5", "2025-03-08 00:00", "2025-03-13 12:00")
        self.check("0 12 13 * 5", "2025-03-13 12:00", "2025-03-14 12:00")

    def test_next_year(self):
        self.check("0 0 1 1 *", "2025-03-03 10:00", "2026-01-01 00:00")

    def test_never(self):
        self.assertIsNone(next_run("0 0 30 2 *", at("2025-03-03 10:00")))

    def test_malformed(self):
        for expression in ["* * * *", "60 * * * *", "* * 0 * *", "*/0 * * * *", "5-1 * * * *", "x * * * *", "1, * * * *"]:
            with self.assertRaises(CronError, msg=expression):
                next_run(expression, at("2025-03-03 10:00"))


if __name__ == "__main__":
    unittest.main()
