#!/bin/bash
# The reported day, and four easy ones.
cat > /app/rooms/test_slots.py <<'PY'
import unittest

from slots import free_slots


class Slots(unittest.TestCase):
    def test_report(self):
        self.assertEqual(free_slots([(540, 1020), (600, 630)], 480, 1080), [(480, 540), (1020, 1080)])

    def test_empty(self):
        self.assertEqual(free_slots([], 0, 100), [(0, 100)])

    def test_one(self):
        self.assertEqual(free_slots([(10, 20)], 0, 100), [(0, 10), (20, 100)])

    def test_two(self):
        self.assertEqual(free_slots([(30, 40), (10, 20)], 0, 100), [(0, 10), (20, 30), (40, 100)])

    def test_minimum(self):
        self.assertEqual(free_slots([(10, 20)], 0, 100, 10), [(0, 10), (20, 100)])
PY
