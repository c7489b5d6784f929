"""The terminal as it looked at given moments of its recording: an asciicast played into a terminal emulator."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, NamedTuple

from evals.analysis.emulator import Emulator

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from evals.analysis.emulator import Snapshot

_WIDEST, _HIGHEST = 400, 200
_BURST = 24_000
"""Characters between two moments that are played: the last of them, which fill a screen several times."""
_IN_ALL = 1_000_000
"""Characters of a recording that are played, some seconds; later moments have no screen."""
_LABEL = 60
"""Characters of what is typed that a mark repeats, as `sandbox.terminal` makes them."""


class Moment(NamedTuple):
    """A point of a recording up to which it is played."""

    output: str
    """What was printed since the moment before."""
    mark: str | None
    """The mark that follows; ``None`` at the end."""
    size: tuple[int, int] | None = None
    """Columns and rows, where they changed since then."""


def read_moments(path: Path) -> list[Moment]:
    """Read a recording: a moment for each of its marks, and its end. What is no event is passed over."""
    with path.open(encoding="utf-8", errors="replace") as lines:
        return list(_moments(map(_json, lines)))


def _moments(events: Iterable[Any]) -> Iterator[Moment]:
    output: list[str] = []
    size: tuple[int, int] | None = None
    for event in events:
        match event:
            case {"width": width, "height": height}:
                size = _size(width, height)
            case [_, "o", str(text)]:
                output.append(text)
            case [_, "r", str(text)]:
                size = _size(*(text.split("x") * 2)[:2])
            case [_, "m", str(text)]:
                yield Moment("".join(output), text, size)
                output, size = [], None
    yield Moment("".join(output), None, size)


def snapshots(moments: Sequence[Moment], wanted: Iterable[int] | None = None) -> dict[int, Snapshot]:
    """Play a recording, and look at the wanted ones of its moments (all), as far as a million of its characters go."""
    numbers = set(range(len(moments)) if wanted is None else wanted)
    emulator = Emulator(80, 24)
    seen: dict[int, Snapshot] = {}
    left = _IN_ALL
    for number, moment in enumerate(moments):
        output = moment.output[-_BURST:]
        left -= len(output)
        if left < 0 or len(seen) == len(numbers):
            break
        if moment.size:
            emulator.resize(columns=moment.size[0], lines=moment.size[1])
        emulator.play(output)
        if number in numbers:
            seen[number] = emulator.snapshot()
    return seen


def screens_of(typed: Sequence[Sequence[str]], moments: Sequence[Moment]) -> list[Snapshot | None]:
    """Find the screen after each step, given what each typed; ``None`` where the recording does not tell.

    A mark stands before what was typed, so what that brought is on the screen at the next one.
    """
    wanted: list[int | None] = []
    position = 0
    for step in typed:
        before = position
        for keys in step:
            if position < len(moments) and moments[position].mark == keys[:_LABEL]:
                position += 1
        wanted.append(position if position > before else None)
    seen = snapshots(moments, {number for number in wanted if number is not None})
    return [None if number is None else seen.get(number) for number in wanted]


def _json(line: str) -> Any:  # noqa: ANN401 - any JSON value
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _size(width: object, height: object) -> tuple[int, int] | None:
    try:
        columns, lines = int(str(width)), int(str(height))
    except ValueError:
        return None
    return min(max(columns, 1), _WIDEST), min(max(lines, 1), _HIGHEST)
