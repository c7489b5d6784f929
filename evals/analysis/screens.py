"""The terminal as it looked at given moments of its recording: an asciicast played into a terminal emulator.

Nothing of a recording reaches a real terminal or a process: the emulator is Python, and is given only text and those
sequences that it knows.
"""

from __future__ import annotations

import copy
import json
import re
import unicodedata
from collections import defaultdict
from itertools import groupby
from typing import TYPE_CHECKING, Any, NamedTuple

import pyte
from pyte.screens import StaticDefaultDict
from wcwidth import wcwidth

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from pathlib import Path

    from pyte.screens import Char

_WIDEST, _HIGHEST = 400, 200
_BURST = 24_000
"""Characters between two moments that are played: the last of them, which fill a screen several times."""
_IN_ALL = 1_000_000
"""Characters of a recording that are played, some seconds; later moments have no screen."""
_LABEL = 60
"""Characters of what is typed that a mark repeats, as `sandbox.terminal` makes them."""
_ALTERNATE = frozenset({47, 1047, 1049})
_132_COLUMNS = 3
_MARKS = 4  # on one character, as many as any script has

_SEQUENCE = re.compile(
    r"\x1b[\]PX^_][^\x07\x1b\x9c]*(?:\x07|\x1b\\|\x9c)?"  # strings: titles, links, our prompt marks, pictures
    r"|\x1b\[(?P<parameters>[0-?]*)(?P<between>[ -/]*)(?P<final>[@-~])?"
    r"|[\x80-\x9f]"  # the same in one character, which UTF-8 terminals do not take
)
_PARAMETERS = re.compile(r"\??\d{0,4}(?:;\d{0,4})*")
_MANY = 2  # parameters, of all but colours and modes

_COLOURS = {
    "black": 0, "red": 1, "green": 2, "brown": 3, "blue": 4, "magenta": 5, "cyan": 6, "white": 7,
    "brightblack": 8, "brightred": 9, "brightgreen": 10, "brightbrown": 11, "brightblue": 12,
    "bfightmagenta": 13, "brightcyan": 14, "brightwhite": 15,
}  # fmt: skip
"""pyte's names, one of which it misspells."""
_RGB = (
    (0, 0, 0), (205, 0, 0), (0, 205, 0), (205, 205, 0), (0, 0, 238), (205, 0, 205), (0, 205, 205), (229, 229, 229),
    (127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255), (255, 0, 255), (0, 255, 255),
    (255, 255, 255),
)  # fmt: skip
_FLAGS = {"bold": "bold", "italics": "italic", "underscore": "under", "strikethrough": "strike"}


class Run(NamedTuple):
    """Neighbouring characters that look alike."""

    text: str
    style: str = ""
    """Words such as ``f1`` and ``b4``, which are colours of the 16, ``bold``, ``italic``, ``cursor``."""


class Snapshot(NamedTuple):
    """A screen at one moment, without the empty lines at its end."""

    lines: tuple[tuple[Run, ...], ...] = ()

    @property
    def text(self) -> str:
        """What it shows."""
        return "\n".join("".join(run.text for run in line) for line in self.lines)

    @property
    def columns(self) -> int:
        """How many of them are used."""
        return max((sum(len(run.text) for run in line) for line in self.lines), default=0)


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
    emulator = _Emulator(80, 24)
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


class _Emulator(pyte.Screen):
    """pyte's screen, with the second one that full-screen programs draw on."""

    def __init__(self, columns: int, lines: int) -> None:
        super().__init__(columns, lines)
        self._stream = pyte.Stream(self)
        self._stream.use_utf8 = False  # with it, pyte has no line-drawing characters
        self._main: tuple[Any, Any] | None = None

    def play(self, output: str) -> None:
        """Show output; where pyte breaks on a sequence, go on behind it."""
        for piece in re.split(r"(?=\x1b)", _sane(output)):
            try:
                self._stream.feed(piece)
            except Exception:  # noqa: BLE001, S112 - pyte raises whatever its arithmetic happens to
                continue

    def snapshot(self) -> Snapshot:
        """Look at it."""
        lines = [self._line(row) for row in range(self.lines)]
        while lines and not lines[-1]:
            lines.pop()
        return Snapshot(tuple(lines))

    def set_mode(self, *modes: int, **kwargs: Any) -> None:  # noqa: ANN401 - pyte's own
        """Turn to the second screen, or whatever else is asked."""
        super().set_mode(*modes, **kwargs)
        if _ALTERNATE & {*modes} and self._main is None:
            self._main = self.buffer, copy.copy(self.cursor)
            self.buffer = defaultdict(lambda: StaticDefaultDict(self.default_char))

    def reset_mode(self, *modes: int, **kwargs: Any) -> None:  # noqa: ANN401 - pyte's own
        """Turn back to the first screen, or whatever else is asked."""
        super().reset_mode(*modes, **kwargs)
        if _ALTERNATE & {*modes} and self._main is not None:
            (self.buffer, self.cursor), self._main = self._main, None

    def save_cursor(self) -> None:
        """Save it, and forget those saved long ago."""
        super().save_cursor()
        del self.savepoints[:-10]

    def _line(self, row: int) -> tuple[Run, ...]:
        line = self.buffer[row]
        cursor = self.cursor.x if row == self.cursor.y and not self.cursor.hidden else -1
        width = min(max([*line, cursor], default=-1) + 1, self.columns)
        cells = [(line[x].data, "cursor" if x == cursor else _style(line[x])) for x in range(width)]
        while cells and cells[-1] == (" ", ""):
            cells.pop()
        return tuple(
            Run("".join(text for text, _ in group), style) for style, group in groupby(cells, key=lambda cell: cell[1])
        )


def _sane(output: str) -> str:
    """Leave out the sequences that pyte takes for others or breaks on, and marks piled on one character."""
    text = _SEQUENCE.sub(_known, output)
    if text.isascii():
        return text
    kept: list[str] = []
    marks = 0
    for character in text:
        combines = unicodedata.combining(character)
        marks = marks + 1 if combines else 0
        # pyte drops all that follows a character without a width, such as a joiner
        if marks <= _MARKS and (combines or character < "\x7f" or wcwidth(character) > 0):
            kept.append(character)
    return "".join(kept)


def _known(sequence: re.Match[str]) -> str:
    final = sequence["final"]
    if not final or sequence["between"] or not _PARAMETERS.fullmatch(parameters := sequence["parameters"]):
        return ""
    private = parameters.startswith("?")
    if private and (final not in "hlJK" or parameters == f"?{_132_COLUMNS}"):
        return ""
    if parameters.count(";") >= _MANY and final not in "mhl":
        return ""
    return sequence[0]


def _style(char: Char) -> str:
    if char[1:] == _PLAIN:
        return ""
    front, back = _colour(char.fg), _colour(char.bg)
    if char.reverse:
        front, back = (16 if back is None else back), (16 if front is None else front)
    words = [] if front is None else [f"f{front}"]
    words += [] if back is None else [f"b{back}"]
    return " ".join(words + [word for flag, word in _FLAGS.items() if getattr(char, flag)])


_PLAIN = ("default", "default", False, False, False, False, False, False)


def _colour(name: str) -> int | None:
    """Return the number of a colour, of the nearest one of the 16; ``None`` is the default."""
    if name == "default":
        return None
    if name in _COLOURS:
        return _COLOURS[name]
    try:
        wanted = bytes.fromhex(name)
    except ValueError:
        return None
    return min(range(16), key=lambda n: sum((a - b) ** 2 for a, b in zip(_RGB[n], wanted, strict=False)))


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
