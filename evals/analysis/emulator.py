"""A terminal emulator, and what it shows.

Nothing that it plays reaches a real terminal or a process: it is Python, and is given only text and those sequences
that it knows.
"""

from __future__ import annotations

import copy
import re
import unicodedata
from collections import defaultdict
from itertools import groupby
from operator import attrgetter, itemgetter
from typing import TYPE_CHECKING, Any, NamedTuple

import pyte
from pyte.charsets import LAT1_MAP
from pyte.modes import IRM
from pyte.screens import Char, StaticDefaultDict
from wcwidth import wcwidth

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

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
_DATA, _ATTRIBUTES, _STYLE = itemgetter(0), itemgetter(slice(1, None)), attrgetter("style")


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


class Emulator(pyte.Screen):
    """pyte's screen, with the second one that full-screen programs draw on."""

    def __init__(self, columns: int, lines: int) -> None:
        super().__init__(columns, lines)
        self._stream = pyte.Stream(self)
        self._stream.use_utf8 = False  # with it, pyte has no line-drawing characters
        self._main: tuple[Any, Any] | None = None
        self._cells: dict[Char, _Cells] = {}

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

    def draw(self, data: str) -> None:
        """Write text at the cursor; what is plain and fits into the line, nearly all of it, a dozen times faster."""
        cursor = self.cursor
        end = cursor.x + len(data)
        plain = data.isascii() and data.isprintable() and end <= self.columns
        if not plain or self.charset or self.g0_charset is not LAT1_MAP or IRM in self.mode:
            super().draw(data)
            return
        cells = self._cells.get(cursor.attrs) or self._cells.setdefault(cursor.attrs, _Cells(cursor.attrs))
        self.buffer[cursor.y].update(zip(range(cursor.x, end), map(cells.__getitem__, data), strict=True))
        cursor.x = end
        self.dirty.add(cursor.y)

    def _line(self, row: int) -> tuple[Run, ...]:
        line = self.buffer[row]
        cursor = self.cursor.x if row == self.cursor.y and not self.cursor.hidden else -1
        width = min(max([*line, cursor], default=-1) + 1, self.columns)
        cells = [line[x] for x in range(width)]
        if not 0 <= cursor < width:
            return tuple(_joined(_runs(cells), at_end=True))
        before = _joined(_runs(cells[:cursor]), at_end=False)
        after = _joined(_runs(cells[cursor + 1 :]), at_end=True)
        return (*before, Run(cells[cursor].data, "cursor"), *after)


class _Cells(dict[str, "Char"]):
    """Characters that look alike, each made once."""

    def __init__(self, attributes: Char) -> None:
        super().__init__()
        self._attributes = attributes

    def __missing__(self, data: str) -> Char:
        self[data] = cell = self._attributes._replace(data=data)
        return cell


def _runs(cells: Sequence[Char]) -> Iterator[Run]:
    for attributes, group in groupby(cells, key=_ATTRIBUTES):
        yield Run("".join(map(_DATA, group)), _style(Char(" ", *attributes)))


def _joined(runs: Iterable[Run], *, at_end: bool) -> Iterator[Run]:
    """Join runs that look alike after all; at the end of a line, leave out its blanks."""
    joined = [Run("".join(run.text for run in group), style) for style, group in groupby(runs, key=_STYLE)]
    if at_end and joined and not joined[-1].style:
        joined[-1] = joined[-1]._replace(text=joined[-1].text.rstrip(" "))
    return iter([run for run in joined if run.text or run.style])


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
