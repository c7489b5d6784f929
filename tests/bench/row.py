"""How something is measured, and shown in one line."""

from __future__ import annotations

import statistics
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

IMAGE = "debian:bookworm-slim"
ROUNDS = 9


async def timed(work: Callable[[], Awaitable[object]], rounds: int = ROUNDS) -> float:
    """Return the median of some runs, in milliseconds."""
    spans = []
    for _ in range(rounds):
        begun = time.perf_counter()
        await work()
        spans.append(time.perf_counter() - begun)
    return statistics.median(spans) * 1000


def show(
    what: str, ours: float, *, unit: str = "ms", target: float | None = None, beside: tuple[str, float] | None = None
) -> None:
    """Print one row.

    Args:
        what: was measured.
        ours: the value.
        unit: of all values.
        target: the most that it should be.
        beside: what it is compared with, and its value.
    """
    verdict = "" if target is None else f"<= {target:5.0f} {'met' if ours <= target else 'MISSED'}"
    compared = f"{beside[0]} {beside[1]:.1f} {unit}, ratio {ours / beside[1]:.3f}" if beside else ""
    print(f"{what:<48} {ours:9.1f} {unit:<3} {verdict:<18} {compared}".rstrip(), flush=True)  # noqa: T201
