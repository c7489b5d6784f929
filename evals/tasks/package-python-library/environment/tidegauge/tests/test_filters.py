import unittest

from tidegauge.filters.median import median


class MedianTest(unittest.TestCase):
    def test_a_spike_goes(self):
        self.assertEqual(median([1, 2, 90, 3, 4])[2], 3)
