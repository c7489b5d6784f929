"""What runs a task's own scripts and command lines: what a script's ``#!`` line names, else bash where there is one."""

from __future__ import annotations

import shlex

_LINE = 255
"""Bytes of a first line that the kernel reads."""
_BY_SHELL = 'if command -v bash >/dev/null; then exec bash -c "$1"; fi; exec sh -c "$1"'


def by_shell(line: str) -> list[str]:
    """Return how a task's own command line is run: by bash where there is one, as in Harbor."""
    return ["sh", "-c", _BY_SHELL, "sh", line]


def interpreter(script: bytes) -> list[str]:
    """Return the program that a script's first line names, with its argument; empty where it names none."""
    if not script.startswith(b"#!"):
        return []
    return script[2:_LINE].split(b"\n")[0].decode("utf-8", "surrogateescape").strip(" \t").split(maxsplit=1)


def command(path: str, script: bytes) -> list[str]:
    """Return how the script at a path in a sandbox is run: by itself, or where nothing says how, by `by_shell`.

    A shell that finds no ``#!`` line takes a script for one of its own, and so sh, if it were asked, for one of sh.
    """
    return [path] if script.startswith(b"#!") else by_shell(shlex.quote(path))


def hint(name: str, script: bytes) -> str | None:
    """Say what is wrong with a script that no shell says clearly."""
    if b"\r\n" not in script:
        return None
    return f"{name} has the line ends of Windows (CRLF), which Linux takes for part of each line"
