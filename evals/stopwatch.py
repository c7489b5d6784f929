"""How long each stage of a trial took."""

from __future__ import annotations

import time
from collections import defaultdict
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator


STAGES = ("set_up", "agent", "artifacts", "verification", "tear_down")
"""Those of a trial, in their order."""


class Stopwatch:
    """Times stages that follow one another, and says which one it is."""

    def __init__(self, on_stage: Callable[[str], None] = lambda _: None) -> None:
        """Call `on_stage` with the name of each stage as it begins."""
        self._on_stage = on_stage
        self._seconds: defaultdict[str, float] = defaultdict(float)

    @contextmanager
    def stage(self, name: str) -> Iterator[None]:
        """Count the block as part of a stage."""
        self._on_stage(name.replace("_", " "))
        begun = time.monotonic()
        try:
            yield
        finally:
            self._seconds[name] += time.monotonic() - begun

    @property
    def seconds(self) -> dict[str, float]:
        """Seconds of each stage so far."""
        return {name: round(seconds, 3) for name, seconds in self._seconds.items()}


def summed(timings: Iterable[dict[str, float]]) -> dict[str, float]:
    """Add up the seconds of several timings, stage by stage, in the order of a trial."""
    total: dict[str, float] = {}
    for timing in timings:
        for name, seconds in timing.items():
            total[name] = round(total.get(name, 0.0) + seconds, 3)
    return dict(sorted(total.items(), key=lambda stage: STAGES.index(stage[0])))
