"""Compose files, read with care: bounded, with nothing of this machine's environment in them.

What a file may ask for is decided by `sandbox.compose_policy`.
"""

from __future__ import annotations

import itertools
import re
from typing import TYPE_CHECKING, Any

import yaml  # type: ignore[import-untyped] # its types would be one more package

from sandbox.base import RefusedEnvironment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    Ask = Callable[[str], str | None]

_SIZE = 100_000
_NODES = 20_000
"""Values in a file, with each alias counted as all that it stands for."""
_DEPTH = 200
_BRACKETS = {"[": 1, "{": 1, "]": -1, "}": -1}
_VARIABLE = re.compile(r"\$(?:(\$)|([A-Za-z_]\w*)|\{([A-Za-z_]\w*)(:?[-+?])?)")


class _Loader(yaml.SafeLoader):  # type: ignore[misc] # as said
    """YAML 1.2's plain values, as compose has them: ``yes`` and ``22:22`` are strings."""

    yaml_implicit_resolvers: dict[str, Any] = {}  # noqa: RUF012 - PyYAML's own place for them

    def get_single_node(self) -> yaml.Node | None:
        node: yaml.Node | None = super().get_single_node()
        if node is not None and _size(node, {}, set()) > _NODES:
            raise yaml.YAMLError(f"more than {_NODES:,} values")
        return node


for _tag, _pattern, _first in (
    ("bool", r"true|True|TRUE|false|False|FALSE", "tTfF"),
    ("int", r"[-+]?(0|[1-9]\d*)", "-+0123456789"),
    ("float", r"[-+]?(\d+\.\d*|\.\d+|\d+)([eE][-+]?\d+)?", "-+.0123456789"),
    ("null", r"~|null|Null|NULL|", "~nN\0"),
    ("merge", r"<<", "<"),
):
    _Loader.add_implicit_resolver(f"tag:yaml.org,2002:{_tag}", re.compile(f"^(?:{_pattern})$"), [*_first, ""])


def load(path: Path, variables: Mapping[str, str], *, unset: Ask | None = None) -> dict[str, Any]:
    """Read a file and fill in its variables.

    Args:
        path: the file.
        variables: what ``${...}`` stands for.
        unset: asked for a variable that is not among them; with ``None``, such a one refuses the file.

    Raises:
        RefusedEnvironment: it cannot be read, or is too large; the message is one line.
    """
    try:
        content = path.read_bytes()[: _SIZE + 1]
        if len(content) > _SIZE:
            raise RefusedEnvironment(f"{path.name}: larger than {_SIZE:,} bytes")
        text = content.decode("utf-8-sig")
        # PyYAML takes time by the square of the brackets that are open.
        if max(itertools.accumulate(_BRACKETS.get(letter, 0) for letter in text), default=0) > _DEPTH:
            raise RefusedEnvironment(f"{path.name}: nested too deep")
        document = yaml.load(text, _Loader)  # noqa: S506 - a SafeLoader
    except (OSError, ValueError, yaml.YAMLError, RecursionError) as error:
        reason = " ".join(str(error).split())[:300] if not isinstance(error, RecursionError) else "nested too deep"
        raise RefusedEnvironment(f"{path.name}: {reason}") from error
    if not isinstance(document, dict):
        raise RefusedEnvironment(f"{path.name}: not a mapping with services")
    try:
        return {str(key): _filled(value, variables, unset) for key, value in document.items()}
    except ValueError as error:
        raise RefusedEnvironment(f"{path.name}: {error}") from error


def _size(node: yaml.Node, known: dict[int, int], above: set[int]) -> int:
    """Count the values that a node stands for."""
    if id(node) in above:
        raise yaml.YAMLError("a value holds itself")
    if id(node) not in known:
        above.add(id(node))
        parts: list[yaml.Node] = []
        if isinstance(node, yaml.SequenceNode):
            parts = node.value
        elif isinstance(node, yaml.MappingNode):
            parts = [part for pair in node.value for part in pair]
        known[id(node)] = 1 + sum(_size(part, known, above) for part in parts)
        above.discard(id(node))
    return known[id(node)]


def _filled(value: Any, variables: Mapping[str, str], unset: Ask | None) -> Any:  # noqa: ANN401 - as YAML has it
    if isinstance(value, dict):
        return {str(key): _filled(part, variables, unset) for key, part in value.items()}
    if isinstance(value, list):
        return [_filled(part, variables, unset) for part in value]
    return filled(value, variables, unset) if isinstance(value, str) else value


def filled(text: str, variables: Mapping[str, str], unset: Ask | None = None) -> str:
    """Fill in the variables of one string; `ValueError` names one that is not set."""
    parts, at = [], 0
    while found := _VARIABLE.search(text, at):
        parts.append(text[at : found.start()])
        at = found.end()
        escaped, plain, braced, mode = found.groups()
        if escaped:
            parts.append("$")
            continue
        other = None
        if braced:
            end = _closing(text, at)
            other, at = (text[at:end] if mode else None), end + 1
            if mode is None and end != found.end():
                raise ValueError(f"{text[found.start() : at]!r} is no variable")
        name = plain or braced
        value = unset(name) if unset and name not in variables else variables.get(name)
        is_set = bool(value) if mode and mode[0] == ":" else value is not None
        if mode and mode[-1] == "+":
            parts.append(filled(other or "", variables, unset) if is_set else "")
        elif is_set:
            parts.append(value or "")
        elif mode and mode[-1] == "-":
            parts.append(filled(other or "", variables, unset))
        elif mode or (unset is None and value is None):
            allowed = "" if unset else ", and nothing is taken from this machine (--trust-task allows it)"
            raise ValueError(f"the variable {name} is not set{allowed}")
    return "".join([*parts, text[at:]])


def _closing(text: str, at: int) -> int:
    """Return where the brace that is open at a place is closed."""
    depth = 1
    for place in range(at, len(text)):
        if text[place] == "{" and text[place - 1] == "$":
            depth += 1
        elif text[place] == "}":
            depth -= 1
            if not depth:
                return place
    raise ValueError(f"{text!r}: a variable is not closed")
