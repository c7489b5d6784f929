"""YAML of strangers, read without what lets a small file take all memory or time."""

from __future__ import annotations

import re
from typing import TypeVar

import yaml  # type: ignore[import-untyped] # its types would be one more package

from evals.task import TaskError

T = TypeVar("T")

_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_DEPTH_LIMIT = 50
_LONG_NUMBER = re.compile(r"[-+.:0-9a-fA-FoxOX_]{300}")
"""YAML turns digits between colons into one number, in time by the square of their count."""


class AliasFound(TaskError):  # noqa: N818 - named for what was found
    """The file repeats a part of itself by an alias."""


def parse(name: str, text: str, kind: type[T]) -> T:
    """Read a mapping, or a list.

    Args:
        name: what errors call it.
        text: the file's content.
        kind: `dict` or `list`.

    Raises:
        AliasFound: it has aliases, which are not followed.
        TaskError: it is no YAML, something else, or too deep.
    """
    try:
        _refuse_bombs(name, text)
        content = yaml.load(text, Loader=_LOADER)  # noqa: S506 - either is a safe one
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise TaskError(f"{name} does not parse: {error}") from error
    if not isinstance(content, kind):
        raise TaskError(f"{name}: no {'list' if kind is list else 'mapping of keys to values'}")
    return content


def _refuse_bombs(name: str, text: str) -> None:
    depth = 0
    for event in yaml.parse(text, Loader=_LOADER):
        if isinstance(event, yaml.AliasEvent):
            raise AliasFound(f"{name}: aliases are not followed")
        if isinstance(event, yaml.CollectionStartEvent):
            depth += 1
        elif isinstance(event, yaml.CollectionEndEvent):
            depth -= 1
        elif isinstance(event, yaml.ScalarEvent) and event.implicit[0] and _LONG_NUMBER.match(event.value):
            raise TaskError(f"{name}: a number of hundreds of digits")
        if depth > _DEPTH_LIMIT:
            raise TaskError(f"{name}: more than {_DEPTH_LIMIT} values in each other")
