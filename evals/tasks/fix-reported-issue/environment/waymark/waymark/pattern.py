"""Patterns of paths: fixed text, <name>, <int:name>, and <path:name> at the end."""

import re
from urllib.parse import quote, unquote

_PARAMETER = re.compile(r"<(?:(int|path):)?([a-z_]+)>")
_KINDS = {None: ".+?", "int": "[0-9]+"}


def split(path):
    """The segments of a path, each of them decoded."""
    if not path.startswith("/"):
        raise ValueError(f"{path!r} does not start with a slash")
    return [unquote(segment) for segment in path[1:].split("/")]


class Segment:
    """What stands between two slashes of a pattern."""

    def __init__(self, text):
        self.parameters = {}
        expression, at = "", 0
        for found in _PARAMETER.finditer(text):
            kind, name = found.groups()
            self.parameters[name] = kind
            expression += f"{re.escape(text[at:found.start()])}(?P<{name}>{_KINDS[kind]})"
            at = found.end()
        self._text = text
        self._expression = re.compile(expression + re.escape(text[at:]), re.DOTALL)

    def match(self, segment):
        """The values of the parameters, or None."""
        found = self._expression.fullmatch(segment)
        if found is None:
            return None
        return {name: int(value) if self.parameters[name] else value for name, value in found.groupdict().items()}

    def fill(self, values):
        return _PARAMETER.sub(lambda found: quote(str(values[found[2]]), safe=""), self._text)


class Pattern:
    """A whole pattern, or the beginning of one."""

    def __init__(self, text):
        self.text = text
        *before, last = text[1:].split("/") if text.startswith("/") else self._refuse()
        rest = _PARAMETER.fullmatch(last)
        self.rest = rest[2] if rest and rest[1] == "path" else None
        self.segments = [Segment(it) for it in (before if self.rest else [*before, last]) if "<path:" not in it or self._refuse()]

    def _refuse(self):
        raise ValueError(f"{self.text!r} is no pattern")

    @property
    def parameters(self):
        return {name for segment in self.segments for name in segment.parameters} | ({self.rest} if self.rest else set())

    def match(self, segments):
        """The values of the parameters when the pattern fits the beginning of a path, and the segments left; or None."""
        if len(segments) < len(self.segments):
            return None
        values = {}
        for segment, text in zip(self.segments, segments):
            found = segment.match(text)
            if found is None:
                return None
            values.update(found)
        left = segments[len(self.segments) :]
        if self.rest:
            if not any(left):
                return None
            values[self.rest], left = "/".join(left), []
        return values, left

    def fill(self, values):
        parts = [segment.fill(values) for segment in self.segments]
        if self.rest:
            parts.append(quote(str(values[self.rest])))
        return "/" + "/".join(parts)
