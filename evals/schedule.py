"""In which order trials run, so that the time of day favours nobody."""

from __future__ import annotations

import contextlib
import re
from typing import TYPE_CHECKING, TypeVar

from sandbox import compose_policy
from sandbox.base import RefusedEnvironment

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from sandbox.base import Environment

A = TypeVar("A")
T = TypeVar("T")
_RUN = re.compile(rb"^[ \t]*RUN\s", re.MULTILINE | re.IGNORECASE)
_PULL = 3
"""Steps of a Dockerfile that the pull of an image is taken for."""


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
    """Sort environments for building: first what may take longest, by the limit that it names, then by a guess.

    The guess is the number of steps, which says little of how long each takes, and nothing of what is there already.
    """
    return sorted(environments, key=lambda it: (it.build_timeout, _steps(it)), reverse=True)


def _steps(environment: Environment) -> int:
    """Count the RUNs of all Dockerfiles, and an image that is named for as many as its pull may take."""
    dockerfiles, images = [], int(environment.image is not None)
    if environment.compose is not None:
        with contextlib.suppress(RefusedEnvironment):  # for which nothing will be built
            composition = compose_policy.read(environment)
            dockerfiles = [build.context / build.dockerfile for build in composition.builds.values()]
            images = len(composition.images)
    elif environment.context is not None and not images:
        dockerfiles = [environment.context / "Dockerfile"]
    return _PULL * images + sum(len(_RUN.findall(it.read_bytes())) for it in dockerfiles if it.is_file())
