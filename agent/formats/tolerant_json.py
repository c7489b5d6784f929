"""One JSON object as models write it: read with repairs that cannot change what is meant, or refused.

It is a reader of its own because a repair must be told to the model, must never make an object of prose, and must take
time in proportion to the text whatever the text is.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from agent.formats import Repair
from agent.formats.candidates import Unreadable

if TYPE_CHECKING:
    from collections.abc import Callable

_DEPTH = 50
_VALUES = 20_000
"""Values read in one text, a bound on time: a reply of a thousand commands has a quarter of it."""
_BLANK = re.compile(r"(?:\s|```\w*|(?P<comment>//[^\n]*|\#[^\n]*))*+")
_CLOSING_QUOTES = {'"': '"', "'": "'", "“": "“”", "”": "“”", "‘": "‘’"}
_STRINGS = {
    opening: re.compile(rf"((?:[^{closing}\\]++|\\.)*+)[{closing}]", re.DOTALL)
    for opening, closing in _CLOSING_QUOTES.items()
}
_QUOTES = "'’”“‘"
_CONTROL = re.compile(r"[\x00-\x1f]")
_TO_ESCAPE = re.compile(r'\\(?:["\\/bfnrt]|u[0-9a-fA-F]{4})|\\(.)|(")', re.DOTALL)
_WORD = re.compile(r"-?(?:\d++(?P<fraction>(?:\.\d+)?(?:[eE][+-]?\d+)?)|Infinity)|[A-Za-z]+")
_JSON_WORDS = {"true": True, "false": False, "null": None, "NaN": float("nan")}
_PYTHON_WORDS = {"True": True, "False": False, "None": None}
_SAFE_DIGITS = 300
"""Digits that a float can hold."""


class Scanned(NamedTuple):
    """One object, where it ends, and what was mended in it."""

    value: dict[str, Any]
    end: int
    repairs: tuple[Repair, ...]


class NotJson(Unreadable):
    """What begins like an object is none."""

    def __init__(self, text: str, at: int, reason: str, keys: frozenset[str]) -> None:
        where = f"at `{text[at : at + 30]}`" if at < len(text) else "where it breaks off"
        super().__init__(f"not valid JSON: {reason} {where}")
        self.keys = keys
        """All keys up to there."""


class Scanner:
    """Reads objects out of one text."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._values_left = _VALUES
        self._repairs: list[Repair] = []
        self._keys: set[str] = set()

    def scan(self, start: int) -> Scanned:
        """Read the object whose brace is at `start`; `NotJson` where there is none."""
        self._repairs = []
        self._keys = set()
        value: dict[str, Any] = {}
        end = self._object(start + 1, 1, value)
        if Repair.CLOSED in self._repairs and self._peek(self._skip(end)) in {*',:]}"'}:
            raise self._error(end, "a bracket before this is missing or one too many")
        return Scanned(value, end, tuple(dict.fromkeys(self._repairs)))

    def _value(self, at: int, depth: int) -> tuple[Any, int]:
        self._values_left -= 1
        if depth > _DEPTH or self._values_left < 0:
            raise self._error(at, "too many values" if depth <= _DEPTH else "nested too deeply")
        first = self._peek(at)
        if first == "{":
            value: dict[str, Any] = {}
            return value, self._object(at + 1, depth + 1, value)
        if first == "[":
            return self._array(at + 1, depth + 1)
        return self._string(at) if first in _STRINGS else self._word(at)

    def _object(self, at: int, depth: int, into: dict[str, Any]) -> int:
        def member(at: int) -> int:
            key, at = self._string(at)
            self._keys.add(key)
            at = self._skip(at)
            if self._peek(at) != ":":
                raise self._error(at, "expected `:`")
            value, end = self._value(self._skip(at + 1), depth)
            if key in into and into[key] != value:
                raise self._error(at, f"`{key[:30]}` is there twice")
            into[key] = value
            return end

        return self._members(at, "}", member, other="]" if depth > 1 else "")

    def _array(self, at: int, depth: int) -> tuple[list[Any], int]:
        found: list[Any] = []

        def member(at: int) -> int:
            value, end = self._value(at, depth)
            found.append(value)
            return end

        return found, self._members(at, "]", member, other="}")

    def _members(self, at: int, closing: str, member: Callable[[int], int], *, other: str) -> int:
        """Read members up to `closing`; `other` is the bracket that shows that it was forgotten, as the end does."""
        at = self._skip(at)
        while self._peek(at) != closing:
            at = self._skip(member(at))
            follows = self._peek(at)
            if follows == ",":
                at = self._skip(at + 1)
                if self._peek(at) == closing:
                    self._repairs.append(Repair.TRAILING_COMMA)
            elif not follows or follows in other:
                self._repairs.append(Repair.CLOSED)
                return at
            elif follows != closing:
                raise self._error(at, f"expected `,` or `{closing}`")
        return at + 1

    def _string(self, at: int) -> tuple[str, int]:
        quote = self._peek(at)
        if quote not in _STRINGS:
            raise self._error(at, "expected a string")
        match = _STRINGS[quote].match(self._text, at + 1)
        if not match:
            raise self._error(len(self._text), "a string has no end")
        if quote != '"':
            self._repairs.append(Repair.QUOTES)
        if _CONTROL.search(match[1]):
            self._repairs.append(Repair.CONTROL_CHARACTER)
        return self._unescaped(match[1], quote), match.end()

    def _unescaped(self, body: str, quote: str) -> str:
        if "\\" not in body:
            return body
        try:
            return str(json.loads(f'"{body}"', strict=False))
        except ValueError:
            if quote == '"':
                self._repairs.append(Repair.ESCAPE)
        return str(json.loads(f'"{_TO_ESCAPE.sub(_escaped, body)}"', strict=False))

    def _word(self, at: int) -> tuple[Any, int]:
        match = _WORD.match(self._text, at)
        if not match:
            raise self._error(at, "expected a value")
        word = match[0]
        if match["fraction"] is not None:
            value: Any = float(word) if match["fraction"] or len(word) > _SAFE_DIGITS else int(word)
        elif word.endswith("Infinity"):
            value = float(word)
        elif word in _PYTHON_WORDS:
            self._repairs.append(Repair.LITERAL)
            value = _PYTHON_WORDS[word]
        elif word in _JSON_WORDS:
            value = _JSON_WORDS[word]
        else:
            raise self._error(at, "expected a value")
        return value, match.end()

    def _peek(self, at: int) -> str:
        return self._text[at : at + 1]

    def _skip(self, at: int) -> int:
        match = _BLANK.match(self._text, at)
        if not match:  # it matches nothing, too
            return at
        if match["comment"]:
            self._repairs.append(Repair.COMMENT)
        return match.end()

    def _error(self, at: int, reason: str) -> NotJson:
        return NotJson(self._text, at, reason, frozenset(self._keys))


def _escaped(match: re.Match[str]) -> str:
    if unknown := match[1]:
        return str(unknown) if unknown in _QUOTES else f"\\\\{unknown}"
    return r"\"" if match[2] else match[0]
