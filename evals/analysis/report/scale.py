"""Where values lie on an axis of a chart."""

from __future__ import annotations

import math
from typing import NamedTuple


class Scale(NamedTuple):
    """Takes values to places on an axis, in units of the chart."""

    low: float
    high: float
    start: float
    """Where `low` lies."""
    end: float
    """Where `high` lies."""

    def __call__(self, value: float) -> float:
        """Return the place of a value; one beyond an end lies there."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.0
        return round(self.start + min(max(share, 0.0), 1.0) * (self.end - self.start), 2)

    @property
    def ticks(self) -> list[float]:
        """Return four or so round values from end to end."""
        width = (self.high - self.low) / 4 or 1.0
        power = 10.0 ** math.floor(math.log10(width))
        step = min((power * factor for factor in (1, 2, 2.5, 5, 10)), key=lambda one: abs(one - width))
        first = math.ceil(self.low / step)
        return [round(number * step, 12) for number in range(first, math.floor(self.high / step + 1e-9) + 1)]


def up_to(most: float, start: float, end: float) -> Scale:
    """Make an axis from 0 to a little more than the largest value."""
    return Scale(0.0, most * 1.08 or 1.0, start, end)
