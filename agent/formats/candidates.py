"""Where in a text a reply may begin, and which one of several is meant.

A reply may hold drafts, thoughts and quoted terminal text around what is meant. All beginnings outside of thoughts are
looked at, and exactly one of them must be usable: neither the first nor the last is a safe guess when two differ.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from agent.formats import Reply

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

LIMIT = 100
"""Beginnings looked at in one text; more than that is no reply, and each may cost a look at the whole text."""
_THOUGHT = r"(?P<thought><think(?:ing)?>)"
_BLANKS = re.compile(r"\s*+")
_THOUGHT_ENDS = re.compile(r"</think(?:ing)?>")


class Unreadable(Exception):  # noqa: N818 - named for what the text is
    """The text is no reply; the message says why, to the model."""


class Openings:
    """The beginnings in a text, in order. Who reads one sets `position` to where the search goes on."""

    def __init__(self, text: str, pattern: str, flags: re.RegexFlag = re.NOFLAG) -> None:
        """Look for `pattern`, a regular expression."""
        self.position = _unopened_thought(text)
        self.spoken = self.position
        """Where what is said begins, behind the thoughts in front of it."""
        self._text = text
        self._thoughts_end = True
        self._pattern = re.compile(f"{_THOUGHT}|{pattern}", flags)

    def __iter__(self) -> Iterator[re.Match[str]]:
        """Give each beginning outside of thoughts.

        Raises:
            Unreadable: there are more than `LIMIT`.
        """
        found = 0
        while match := self._pattern.search(self._text, self.position):
            self.position = match.end()
            if match["thought"]:
                self._skip_thought(match)
                continue
            found += 1
            if found > LIMIT:
                raise Unreadable(f"it holds more than {LIMIT} beginnings of an action")
            yield match

    def _skip_thought(self, opening: re.Match[str]) -> None:
        leading = opening.start() == _after_blanks(self._text, self.spoken)
        # Searched for to the end of the text once at most.
        if self._thoughts_end and (ends := _THOUGHT_ENDS.search(self._text, opening.end())):
            self.position = ends.end()
        else:
            self._thoughts_end = False
            if leading:  # elsewhere it is only a word
                self.position = len(self._text)
        if leading:
            self.spoken = self.position


def only(replies: Sequence[Reply], none: str) -> Reply:
    """Return the one that is meant; two that do the same are one. `none` is the problem where there are none."""
    usable = {(reply.commands, reply.task_complete): reply for reply in reversed(replies) if not reply.problems}
    if len(usable) == 1:
        return usable.popitem()[1]
    if usable:
        return Reply(problems=(f"it holds {len(usable)} different replies, and only one can be meant",))
    return replies[-1] if replies else Reply(problems=(none,))


def _unopened_thought(text: str) -> int:
    """Find the end of a thought whose beginning is in the provider's template and not in the text."""
    ends = _THOUGHT_ENDS.search(text)
    if not ends or "<think" in text[: ends.start()]:
        return 0
    # Inside a line it is quoted, by a command that writes it.
    return ends.end() if text[ends.end() : ends.end() + 1] in ("", "\n", "\r") else 0


def _after_blanks(text: str, at: int) -> int:
    match = _BLANKS.match(text, at)
    return match.end() if match else at
