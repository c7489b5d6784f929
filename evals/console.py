"""Where Termstone speaks: standard output for what was asked for, standard error for remarks."""

from __future__ import annotations

import contextlib
import io
import json
import os
import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from evals.cli import USAGE
from evals.display import printable


class Out(Console):
    """Goes on in silence when its reader has gone, as ``| head`` does: the job is not the reader's."""

    def on_broken_pipe(self) -> None:
        """Write to nobody from now on."""
        self.quiet = True
        with contextlib.suppress(OSError, ValueError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())


if isinstance(sys.stdout, io.TextIOWrapper):
    sys.stdout.reconfigure(errors="replace")  # a terminal that knows no dashes is no reason to say nothing
OUT: Console = Out(highlight=False, width=None if sys.stdout and sys.stdout.isatty() else 160)
ERR: Console = Out(stderr=True, highlight=False, width=None if sys.stderr and sys.stderr.isatty() else 160)


def say(line: str, console: Console = OUT) -> None:
    """Print a line as it is, but for what a terminal would act on."""
    console.print(Text(printable(line)), soft_wrap=True)


def refuse(error: Exception) -> int:
    """Say in a line what cannot be done and why, and return the exit code for it."""
    say(" ".join(f"termstone: {error}".splitlines()), ERR)
    return USAGE


def emit(value: Any) -> None:  # noqa: ANN401 - any JSON value
    """Print a JSON value in a line of plain ASCII."""
    if OUT.quiet:
        return
    try:
        sys.stdout.write(json.dumps(value) + "\n")
        sys.stdout.flush()
    except BrokenPipeError:
        OUT.on_broken_pipe()
