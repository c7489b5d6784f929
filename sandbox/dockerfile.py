"""Dockerfiles, read: their instructions, the words in them, and the files that a ``.dockerignore`` leaves out.

It builds nothing (`sandbox.local_build` does), and reads one stage: what needs Docker is an `ImageBuildError`.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from pydantic import BaseModel, ConfigDict

from sandbox.base import ImageBuildError

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

NAME = "Dockerfile"

_KNOWN = {
    "ADD", "ARG", "CMD", "COPY", "ENTRYPOINT", "ENV", "EXPOSE", "FROM", "HEALTHCHECK", "LABEL", "MAINTAINER", "RUN",
    "SHELL", "STOPSIGNAL", "USER", "WORKDIR",
}  # fmt: skip
_CONTINUED = re.compile(r"\\[ \t]*$")
_COMMENT = re.compile(r"\s*#")
_FLAG = re.compile(r"--([a-z-]+)(?:=(\S*))?\s+")
_HEREDOC = re.compile(r"(?<![<\w])<<(-?)(['\"]?)([A-Za-z_]\w*)\2")

_VARIABLE = r"\$(?:(?P<name>[A-Za-z_]\w*)|\{(?P<braced>[A-Za-z_]\w*)(?::(?P<mode>[-+])(?P<other>[^}]*))?\})"
_QUOTED = re.compile(rf"\\(?P<escaped>[\"\\$])|{_VARIABLE}", re.DOTALL)
_PIECE = re.compile(
    rf"\\(?P<escaped>.)|'(?P<literal>[^']*)'|\"(?P<quoted>(?:\\.|[^\"\\])*)\"|{_VARIABLE}|(?P<space>\s+)|(?P<plain>.)",
    re.DOTALL,
)


class Instruction(BaseModel):
    """One instruction."""

    model_config = ConfigDict(frozen=True)

    line: int
    """Where it begins, from 1."""
    keyword: str
    """In capitals."""
    flags: dict[str, str]
    """``--chown=app`` is ``{"chown": "app"}``."""
    text: str
    """The rest, with continued lines joined; a RUN's here-documents stay in it as they are."""

    def refuse(self, reason: str) -> ImageBuildError:
        """Return the error that says why this instruction cannot be followed."""
        first, *more = self.text.splitlines() or [""]
        return ImageBuildError(f"{NAME}:{self.line}: {self.keyword} {first}{' ...' if more else ''}: {reason}")


def load(context: Path) -> list[Instruction]:
    """Read the Dockerfile of a folder.

    Raises:
        ImageBuildError: there is none, or something in it needs Docker.
    """
    try:
        text = (context / NAME).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ImageBuildError(f"{context / NAME}: {reason}") from error
    return parse(text)


def parse(text: str) -> list[Instruction]:
    """Read a Dockerfile."""
    instructions = []
    lines = text.splitlines()
    at = 0
    while at < len(lines):
        start, joined = at, ""
        while at < len(lines):
            line, at = lines[at], at + 1
            if _COMMENT.match(line) or not line.strip():
                if joined:
                    continue
                break
            joined += _CONTINUED.sub("", line)
            if not _CONTINUED.search(line):
                break
        if joined.strip():
            body, at = _heredocs(joined, lines, at)
            instructions.append(_instruction(start + 1, joined.strip() + body))
    _check(instructions)
    return instructions


def _heredocs(head: str, lines: list[str], at: int) -> tuple[str, int]:
    """Return the here-documents that an instruction announces, and the line after them."""
    body = ""
    for strip, _, word in _HEREDOC.findall(head) if re.match(r"\s*(RUN|COPY|ADD)\s", head, re.IGNORECASE) else ():
        for end in range(at, len(lines)):
            if (lines[end].lstrip("\t") if strip else lines[end]) == word:
                body += "".join(f"\n{line}" for line in lines[at : end + 1])
                at = end + 1
                break
    return body, at


def _instruction(line: int, text: str) -> Instruction:
    keyword, *rest = text.split(maxsplit=1)
    remaining, flags = rest[0] if rest else "", {}
    while keyword.upper() not in ("ENV", "LABEL", "ARG") and (flag := _FLAG.match(remaining)):
        flags[flag[1]] = flag[2] or ""
        remaining = remaining[flag.end() :]
    return Instruction(line=line, keyword=keyword.upper(), flags=flags, text=remaining)


def _check(instructions: list[Instruction]) -> None:
    for instruction in instructions:
        if instruction.keyword not in _KNOWN:
            raise instruction.refuse("not supported without Docker")
    stages = [instruction for instruction in instructions if instruction.keyword == "FROM"]
    if not stages:
        raise ImageBuildError(f"{NAME}: no FROM in it")
    if len(stages) > 1:
        raise stages[1].refuse("a second stage needs Docker")


def exec_form(text: str) -> list[str] | None:
    """Return the words of ``["a", "b"]``, ``None`` for anything else."""
    try:
        found = json.loads(text)
    except ValueError:
        return None
    return found if isinstance(found, list) and all(isinstance(word, str) for word in found) else None


def script(text: str) -> str:
    """Return what a shell runs for the text of a RUN: a lone here-document is itself the script."""
    head, _, body = text.partition("\n")
    lone = _HEREDOC.fullmatch(head.strip())
    if lone is None or not body:
        return text
    lines = body.splitlines()[:-1]
    return "\n".join(line.lstrip("\t") if lone[1] else line for line in lines)


def words(text: str, variables: Mapping[str, str]) -> list[str]:
    """Split into words, with quotes, escapes and ``$variables`` resolved."""
    found: list[str] = []
    current: str | None = None
    for piece in _PIECE.finditer(text):
        if piece["space"] is not None:
            found += [] if current is None else [current]
            current = None
        else:
            current = (current or "") + _resolved(piece, variables)
    return found if current is None else [*found, current]


def word(text: str, variables: Mapping[str, str]) -> str:
    """Resolve quotes, escapes and ``$variables``, and keep the spaces."""
    pieces = _PIECE.finditer(text)
    return "".join(_resolved(piece, variables) if piece["space"] is None else piece["space"] for piece in pieces)


def _resolved(piece: re.Match[str], variables: Mapping[str, str]) -> str:
    parts = piece.groupdict()
    if parts.get("quoted") is not None:
        return _QUOTED.sub(lambda inner: _resolved(inner, variables), parts["quoted"])
    for kind in ("escaped", "literal", "plain"):
        if parts.get(kind) is not None:
            return parts[kind] if kind != "escaped" or parts[kind] != "\n" else ""
    value = variables.get(parts["name"] or parts["braced"], "")
    if parts["mode"] is None:
        return value
    other = word(parts["other"], variables)
    return (value or other) if parts["mode"] == "-" else (other if value else "")


def assignments(instruction: Instruction, variables: Mapping[str, str]) -> dict[str, str]:
    """Read the ``NAME=value ...`` of an ENV or LABEL, or the older ``NAME the rest``."""
    first = instruction.text.split(maxsplit=1)
    if first and "=" not in first[0]:
        if len(first) == 1:
            raise instruction.refuse("a name without a value")
        return {first[0]: word(first[1].strip(), variables)}
    found = {}
    for pair in words(instruction.text, variables):
        name, equals, value = pair.partition("=")
        if not name or not equals:
            raise instruction.refuse("not NAME=value")
        found[name] = value
    return found


class Ignored:
    """What a ``.dockerignore`` leaves out of the context; the last pattern that fits decides."""

    def __init__(self, lines: Iterable[str]) -> None:
        patterns = [line.strip() for line in lines if line.strip() and not line.startswith("#")]
        self._rules = [(_pattern(pattern.removeprefix("!")), not pattern.startswith("!")) for pattern in patterns]

    @classmethod
    def load(cls, context: Path) -> Ignored:
        """Read the file of a context folder, if it has one."""
        path = context / ".dockerignore"
        return cls(path.read_text(encoding="utf-8").splitlines() if path.is_file() else ())

    def __contains__(self, path: str) -> bool:
        """Tell whether a path, relative to the context, is left out."""
        return next((ignored for rule, ignored in reversed(self._rules) if rule.fullmatch(path)), False)


def _pattern(pattern: str) -> re.Pattern[str]:
    """Translate; what lies below a match matches too."""
    translated = {"**/": "(?:.*/)?", "**": ".*", "*": "[^/]*", "?": "[^/]"}
    pieces = re.split(r"(\*\*/|\*\*|\*|\?)", pattern.strip("/").removeprefix("./"))
    return re.compile("".join(translated.get(piece, re.escape(piece)) for piece in pieces) + "(?:/.*)?")
