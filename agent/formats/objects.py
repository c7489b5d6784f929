"""Replies that are one JSON object, and the objects in a text that may be one."""

from __future__ import annotations

import json
from abc import abstractmethod
from typing import TYPE_CHECKING

from agent.formats import Repair
from agent.formats.candidates import Openings, only
from agent.formats.text import TextFormat
from agent.formats.tolerant_json import NotJson, Scanned, Scanner

if TYPE_CHECKING:
    from collections.abc import Iterator

    from agent.formats import Reply
    from agent.formats.draft import Draft

_OPENING = r"""\{(?=\s*+["'“”‘/#])"""


class ObjectFormat(TextFormat):
    """Reads replies that are one JSON object."""

    fields: frozenset[str]
    """Its names: an object without any of them is not meant as a reply."""

    @abstractmethod
    def reply(self, scanned: Scanned) -> Reply:
        """Read one object."""

    def read(self, text: str) -> Reply:
        """Find the one object that is meant."""
        found = [self.reply(item) for item in objects(text, self.fields)]
        return only(found, "it holds no JSON object with these fields")


def objects(text: str, fields: frozenset[str]) -> Iterator[Scanned]:
    """Find the outermost objects that have one of the `fields`, or hold an object that has.

    Raises:
        Unreadable: an object with one of the fields is broken, so that nothing inside or behind it can be trusted; or
            nothing is an object, and this is what the first beginning of one lacks.
    """
    openings = Openings(text, _OPENING)
    scanner = Scanner(text)
    broken: NotJson | None = None
    found = False
    for opening in openings:
        try:
            scanned = scanner.scan(opening.start())
        except NotJson as error:
            if error.keys & fields:
                raise
            broken = broken or error
            continue
        openings.position = scanned.end
        for item in _unwrapped(scanned, fields):
            found = True
            yield item
    if broken and not found:
        raise broken


def _unwrapped(scanned: Scanned, fields: frozenset[str]) -> list[Scanned]:
    if fields & scanned.value.keys():
        return [scanned]
    inner = [value for value in scanned.value.values() if isinstance(value, dict) and fields & value.keys()]
    return [scanned._replace(value=value, repairs=(*scanned.repairs, Repair.UNWRAPPED)) for value in inner]


def listed(item: dict[str, object], draft: Draft, *, needed: bool) -> list[dict[str, object]]:
    """Return the entries of an object's `commands`, an empty one for what is none."""
    entries = item.get("commands", [])
    if needed and "commands" not in item:
        draft.problems.append("`commands` is missing")
    if not isinstance(entries, list):
        draft.problems.append("`commands` is not a list")
        return []
    return [entry if isinstance(entry, dict) else {} for entry in entries]


def text_of(value: object) -> str:
    """Take a field that should be text for text."""
    return value if isinstance(value, str) else "" if value is None else json.dumps(value)
