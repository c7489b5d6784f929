"""In which order trials run, so that the time of day favours nobody."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sandbox.base import Environment

A = TypeVar("A")
T = TypeVar("T")


def blocks(tasks: Sequence[T], attempts: int, arms: Sequence[A]) -> Iterator[tuple[T, int, A]]:
    """Lay out every attempt (from 1) of each of the `arms`, such as models, at every task.

    A task comes again only when all others have had their turn. What is compared, the arms at one task, runs side by
    side, and each arm is equally often the first of them.
    """
    number = 0
    for attempt in range(1, attempts + 1):
        for task in tasks:
            turn = number % len(arms)
            yield from ((task, attempt, arm) for arm in (*arms[turn:], *arms[:turn]))
            number += 1


def longest_first(environments: Sequence[Environment]) -> list[Environment]:
    """Sort environments for building: first what may take longest, by its own limit, then by the steps it has."""
    return sorted(environments, key=lambda it: (it.build_timeout, _steps(it)), reverse=True)


def _steps(environment: Environment) -> int:
    recipe = environment.context and environment.context / "Dockerfile"
    return recipe.read_bytes().count(b"\nRUN") if recipe and recipe.is_file() else 0
