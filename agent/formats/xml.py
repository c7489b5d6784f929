"""The XML format: one `<response>` with Terminus 2's fields as elements, whose contents are taken as they stand.

It is read from front to back, so markup inside keystrokes is something to type and never something to do.
"""

from __future__ import annotations

import re

from agent.formats import DEFAULT_DURATION, Repair, Reply
from agent.formats.candidates import Openings, only
from agent.formats.draft import Draft
from agent.formats.text import TextFormat

_OPENING = r"<response\b[^<>]*>"
_SECTION = re.compile(
    r"<(?P<name>analysis|plan|commands|task_complete)\b[^<>]*?(?P<empty>/?)>|(?P<end></response\s*>)|<response\b",
    re.IGNORECASE,
)
_ENDS = {
    name: re.compile(rf"</{name}\s*>", re.IGNORECASE) for name in ("analysis", "plan", "task_complete", "keystrokes")
}
_BETWEEN = re.compile(r"(?:\s|<!--.*?-->)*+", re.DOTALL)
_ATTRIBUTE = r"""[\w-]++\s*+=\s*+(?:"[^"<]*+"|'[^'<]*+'|[^\s<>"'/]++)"""
_KEYSTROKES = re.compile(rf"<keystrokes(?P<attributes>(?:\s++{_ATTRIBUTE})*+)\s*+(?P<empty>/?)>", re.IGNORECASE)
_DURATION = re.compile(r"""\sduration\s*=\s*["']?([^"'\s]*)""", re.IGNORECASE)
_COMMANDS_END = re.compile(r"(?P<end></commands\s*>)|</response\s*>|\Z", re.IGNORECASE)
_MARKUP = re.compile(r"<keystrokes[\s/>]", re.IGNORECASE)


class XmlFormat(TextFormat):
    """Reads replies that are one `<response>`."""

    name = "xml"
    confirms = True

    def read(self, text: str) -> Reply:
        """Find the one response that is meant; an empty one is only a mention of the tag."""
        openings = Openings(text, _OPENING, re.IGNORECASE)
        replies = []
        for opening in openings:
            response = _Response(text)
            openings.position = response.read(opening.end())
            if response.sections:
                replies.append(response.reply())
        return only(replies, "it holds no `<response>` with these elements")


class _Response:
    """One response while it is being read."""

    def __init__(self, text: str) -> None:
        self.sections: dict[str, str] = {}
        self._text = text
        self._draft = Draft()

    def read(self, at: int) -> int:
        """Read the sections from `at` to the response's end, and return where that is."""
        while (match := _SECTION.search(self._text, at)) and match["name"]:
            name, at = match["name"].lower(), match.end()
            if name in self.sections:
                self._draft.problems.append(f"`<{name}>` is there twice")
            self.sections[name] = ""
            if match["empty"]:
                continue
            if name == "commands":
                at = self._commands(at)
            else:
                self.sections[name], at = self._content(name, at)
        if match and match["end"]:
            return match.end()
        self._draft.repairs.append(Repair.CLOSED)
        return match.start() if match else len(self._text)

    def reply(self) -> Reply:
        """Make a reply of what was read."""
        draft = self._draft
        done = draft.said_true(self.sections.get("task_complete"))
        if not done and "commands" not in self.sections:
            draft.problems.append("`<commands>` is missing")
        analysis, plan = (self.sections.get(name, "").strip() for name in ("analysis", "plan"))
        return draft.reply(analysis, plan, task_complete=done)

    def _commands(self, at: int) -> int:
        while match := _KEYSTROKES.match(self._text, self._between(at)):
            at = match.end()
            content = ""
            if not match["empty"]:
                content, at = self._content("keystrokes", at)
            if _MARKUP.search(content):
                self._draft.problems.append("`<keystrokes>` holds another: the first is not closed")
            self._draft.add(content, _duration(match["attributes"]))
        if match := _COMMANDS_END.match(self._text, self._between(at)):
            if match["end"]:
                return match.end()
            self._draft.repairs.append(Repair.CLOSED)
            return match.start()
        self._draft.problems.append("`<commands>` holds something besides `<keystrokes>`")
        return at

    def _content(self, name: str, at: int) -> tuple[str, int]:
        if end := _ENDS[name].search(self._text, at):
            return self._text[at : end.start()], end.end()
        self._draft.problems.append(f"`<{name}>` is not closed")
        return "", len(self._text)

    def _between(self, at: int) -> int:
        match = _BETWEEN.match(self._text, at)
        return match.end() if match else at


def _duration(attributes: str) -> object:
    match = _DURATION.search(attributes)
    return number(match[1]) if match else DEFAULT_DURATION


def number(text: str) -> float | str:
    """Read a number; what is none stays text, for which there is a default."""
    try:
        return float(text)
    except ValueError:
        return text
