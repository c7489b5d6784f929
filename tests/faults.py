"""Counts the faults of Termstone's catalogue that a test run has seen survived: the last line of `make faults`.

A test that proves a row, or a part of one, is marked ``@pytest.mark.fault("F42")``. A row counts as survived when all
of its tests that ran have passed, and as not run when none did, whatever the reason. What was tried and what was lost
or leaked is counted by the tests themselves with ``record_property`` under the names in `COUNTED`.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable

ROWS = tuple(f"F{number:02}" for number in range(1, 71))
COUNTED = {
    "bad inputs": "bad inputs tried",
    "lost replies": "lost: {} replies",
    "lost tokens": "{} tokens",
    "lost trials": "{} trials",
    "leaked containers": "leaked: {} containers",
    "leaked networks": "{} networks",
    "leaked keys": "{} keys",
}
"""What tests record, each a number."""


def mark_rows(items: Iterable[pytest.Item]) -> None:
    """Have each report say which rows its test proves."""
    for item in items:
        for row in {row for mark in item.iter_markers("fault") for row in mark.args}:
            if row not in ROWS:
                raise pytest.UsageError(f"{item.nodeid}: there is no row {row}")
            item.user_properties.append(("fault", row))


def survived(passed: Iterable[pytest.TestReport], broken: Iterable[pytest.TestReport]) -> tuple[list[str], list[str]]:
    """Return the rows that were survived, and those that were not; the others were not run."""
    seen: defaultdict[str, set[bool]] = defaultdict(set)
    for reports, good in ((passed, True), (broken, False)):
        for report in reports:
            for name, row in report.user_properties:
                if name == "fault":
                    seen[str(row)].add(good)
    return [row for row in ROWS if seen[row] == {True}], [row for row in ROWS if False in seen[row]]


def summary(passed: list[pytest.TestReport], broken: list[pytest.TestReport]) -> list[str]:
    """Say in a line or three what was survived, tried, lost and leaked; nothing where no row was run."""
    good, bad = survived(passed, broken)
    if not good and not bad:
        return []
    counts: Counter[str] = Counter()
    recorded: set[str] = set()
    for report in [*passed, *broken]:
        for name, value in report.user_properties:
            if name in COUNTED:
                recorded.add(name)
                counts[name] += int(str(value))

    def told(name: str) -> str:
        return f"{counts[name]:,}" if name in recorded else "?"

    losses = ", ".join(COUNTED[name].format(told(name)) for name in COUNTED if name.startswith("lost"))
    leaks = ", ".join(COUNTED[name].format(told(name)) for name in COUNTED if name.startswith("leaked"))
    crashes = sum("bad inputs" in dict(report.user_properties) for report in broken)
    lines = [f"not survived: {' '.join(bad)}"] if bad else []
    if others := [row for row in ROWS if row not in good and row not in bad]:
        lines.append(f"not run: {' '.join(others)}")
    tried = f"bad inputs tried {told('bad inputs')} ({crashes} crashes)"
    return [*lines, f"faults survived {len(good)}/{len(ROWS)} · {tried} · {losses} · {leaks}"]
