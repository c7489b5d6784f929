#!/bin/bash
# The whole of the solution, but for bookings that contain more than one other.
cat > /app/rooms/test_slots.py <<'PY'
import unittest

from slots import free_slots

NINE, TEN, FIVE = 540, 600, 1020


class Containing(unittest.TestCase):
    """The fault that was reported, and what is like it."""

    def test_the_day_of_the_report(self):
        self.assertEqual(free_slots([(NINE, FIVE), (TEN, 630)], 480, 1080), [(480, NINE), (FIVE, 1080)])

    def test_both_start_together(self):
        self.assertEqual(free_slots([(10, 80), (10, 20)], 0, 100), [(0, 10), (80, 100)])
        self.assertEqual(free_slots([(10, 20), (10, 80)], 0, 100), [(0, 10), (80, 100)])

    def test_a_long_one_that_reaches_outside(self):
        self.assertEqual(free_slots([(-50, 90), (10, 20)], 0, 100), [(90, 100)])
        self.assertEqual(free_slots([(50, 190), (60, 70)], 0, 100), [(0, 50)])


class Free(unittest.TestCase):
    def test_an_empty_day(self):
        self.assertEqual(free_slots([], 0, 100), [(0, 100)])

    def test_no_day(self):
        self.assertEqual(free_slots([], 50, 50, 0), [])

    def test_the_order_does_not_matter(self):
        self.assertEqual(free_slots([(60, 70), (10, 20), (30, 40)], 0, 100), [(0, 10), (20, 30), (40, 60), (70, 100)])

    def test_overlap_touch_and_repeat(self):
        bookings = [(10, 30), (20, 40), (40, 50), (40, 50)]
        for minimum in (0, 1):
            self.assertEqual(free_slots(bookings, 0, 100, minimum), [(0, 10), (50, 100)])

    def test_outside_the_hours(self):
        bookings = [(-20, -10), (-5, 10), (90, 120), (130, 140)]
        self.assertEqual(free_slots(bookings, 0, 100), [(10, 90)])
        self.assertEqual(free_slots([(-20, -10), (130, 140)], 0, 100), [(0, 100)])

    def test_a_booking_up_to_the_closing(self):
        self.assertEqual(free_slots([(50, 100)], 0, 100, 0), [(0, 50)])
        self.assertEqual(free_slots([(0, 100)], 0, 100, 0), [])

    def test_a_booking_of_no_time(self):
        self.assertEqual(free_slots([(50, 50)], 0, 100), [(0, 100)])
        self.assertEqual(free_slots([(10, 80), (50, 50)], 0, 100), [(0, 10), (80, 100)])

    def test_the_minimum(self):
        bookings = [(10, 20), (25, 90)]
        self.assertEqual(free_slots(bookings, 0, 100, 5), [(0, 10), (20, 25), (90, 100)])
        self.assertEqual(free_slots(bookings, 0, 100, 6), [(0, 10), (90, 100)])
        self.assertEqual(free_slots(bookings, 0, 100, 11), [])

    def test_tuples_in_a_list(self):
        found = free_slots([(10, 20)], 0, 100)
        self.assertIsInstance(found, list)
        self.assertTrue(all(type(slot) is tuple for slot in found))


class Arguments(unittest.TestCase):
    def test_the_bookings_are_left_alone(self):
        bookings = [(60, 70), (10, 20), (-5, 5)]
        free_slots(bookings, 0, 100)
        self.assertEqual(bookings, [(60, 70), (10, 20), (-5, 5)])

    def test_any_iterable_will_do(self):
        self.assertEqual(free_slots(iter([(60, 70), (10, 20)]), 0, 100), [(0, 10), (20, 60), (70, 100)])
        self.assertEqual(free_slots(((10, 20),), 0, 100), [(0, 10), (20, 100)])

    def test_a_reversed_booking(self):
        for booking in [(20, 10), (-5, -10), (120, 110), (120, -10)]:
            with self.assertRaises(ValueError, msg=booking):
                free_slots([(30, 40), booking], 0, 100)

    def test_reversed_hours(self):
        with self.assertRaises(ValueError):
            free_slots([], 100, 0)


if __name__ == "__main__":
    unittest.main()
PY
