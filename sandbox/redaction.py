"""Secrets of the environment, by their values, taken out of whatever is written."""

from __future__ import annotations

import os
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_SECRET = re.compile(r"KEY|TOKEN|SECRET|PASSWORD|PASSWD|CREDENTIAL", re.IGNORECASE)
_SHORTEST = 8
"""Characters; shorter values are words such as ``true`` that stand everywhere."""


def is_secret(name: str) -> bool:
    """Whether a variable looks like a secret by its name."""
    return bool(_SECRET.search(name))


class Redaction:
    """Replaces the values of variables that look like secrets by their names in brackets."""

    def __init__(self, environ: Mapping[str, str] = os.environ) -> None:
        self._environ = environ
        self._size = -1
        self._found: list[tuple[str, str]] = []

    def text(self, text: str) -> str:
        """Redact a text."""
        for value, name in self._secrets():
            text = text.replace(value, name)
        return text

    def bytes(self, data: bytes) -> bytes:
        """Redact a file's content."""
        for value, name in self._secrets():
            data = data.replace(os.fsencode(value), os.fsencode(name))
        return data

    def json(self, value: Any) -> Any:  # noqa: ANN401 - any JSON value
        """Redact each text in a JSON value, but for the keys of objects."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, dict):
            return {key: self.json(part) for key, part in value.items()}
        return [self.json(part) for part in value] if isinstance(value, list | tuple) else value

    def begun(self, text: str) -> int:
        """Return how many characters at the end of a text may be the beginning of a secret, whose rest follows."""
        return max((_overlap(text, value) for value, _ in self._secrets()), default=0)

    def _secrets(self) -> list[tuple[str, str]]:
        """Find values and names, longest values first, and again once the environment has grown.

        litellm adds what stands in a ``.env`` file when it is imported, which is after the first writers are made.
        """
        if self._size != len(self._environ):
            self._size = len(self._environ)
            found = [
                (value, f"[{name}]")
                for name, value in list(self._environ.items())
                if len(value) >= _SHORTEST and is_secret(name)
            ]
            self._found = sorted(found, key=lambda secret: len(secret[0]), reverse=True)
        return self._found


def _overlap(text: str, value: str) -> int:
    """Return the length of the longest end of the text that the value begins with, the whole value left out."""
    tail = text[1 - len(value) :]
    start = tail.find(value[0])
    while start >= 0 and not value.startswith(tail[start:]):
        start = tail.find(value[0], start + 1)
    return len(tail) - start if start >= 0 else 0
