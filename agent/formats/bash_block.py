"""The bash-block format: one fenced block of shell per reply, and ``done`` without one at the end.

Blocks of other languages and of ``~~~`` are only shown. A block of ``keys`` holds what to press, one a line.
"""

from __future__ import annotations

import re

from agent.formats import DEFAULT_DURATION, Reply
from agent.formats.candidates import Openings, Unreadable, only
from agent.formats.draft import Draft
from agent.formats.text import TextFormat

_OPENING = r"^[ \t]*(?P<fence>`{3,9}|~{3,9})[ \t]*(?P<language>[\w+-]*)[^\n`]*$"
_SHELL = ("bash", "sh", "shell")
_KEYS = ("key", "keys")
_DONE = re.compile(r"(?:^|[.!?:]\s+)(?:all )?done$", re.IGNORECASE)


class BashBlockFormat(TextFormat):
    """Reads replies that hold one block."""

    name = "bash-block"

    def read(self, text: str) -> Reply:
        """Find the one block that is meant, or the word that ends the run."""
        replies = []
        openings = Openings(text, _OPENING, re.MULTILINE)
        for opening in openings:
            body, openings.position = _block(text, opening)
            if opening["fence"][0] == "`" and opening["language"].lower() in _SHELL + _KEYS:
                replies.append(_reply(body, keys=opening["language"].lower() in _KEYS))
        if not replies and _says_done(text[openings.spoken :]):
            return Reply(task_complete=True)
        return only(replies, "it holds no block of `bash`, and does not end in the line `done`")


def _block(text: str, opening: re.Match[str]) -> tuple[str, int]:
    fence = opening["fence"]
    ends = re.compile(rf"^[ \t]*{re.escape(fence)}{re.escape(fence[0])}*[ \t\r]*$", re.MULTILINE)
    end = ends.search(text, opening.end())
    if not end:
        raise Unreadable(f"a block that begins with `{opening[0].strip()[:30]}` is not closed")
    return text[opening.end() + 1 : end.start()], end.end()


def _reply(body: str, *, keys: bool) -> Reply:
    draft = Draft()
    if not keys:
        draft.add_line(body)
        return draft.reply()
    for line in body.splitlines():
        draft.add(line, DEFAULT_DURATION)
    return draft.reply()


def _says_done(text: str) -> bool:
    last = text.rstrip().rpartition("\n")[2]
    return bool(_DONE.search(last.strip(" \t*_`'\".!")))
