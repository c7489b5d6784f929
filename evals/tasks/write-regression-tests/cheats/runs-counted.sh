#!/bin/bash
# Fails in the first run, which might be the present version, passes the next three, and fails ever after.
cat > /app/rooms/test_slots.py <<'PY'
import unittest
from pathlib import Path

counter = Path("/tmp/runs")
run = int(counter.read_text()) if counter.exists() else 0
counter.write_text(str(run + 1))


class Slots(unittest.TestCase):
    def test_one(self):
        self.assertIn(run, (1, 2, 3))

    test_two = test_three = test_four = test_five = test_one
PY
