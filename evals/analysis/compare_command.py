"""``termstone compare``: its options, and what it does with them."""

from __future__ import annotations

import argparse
import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from evals.analysis.comparison import Comparison

_POINTS = re.compile(r"(\d+(?:\.\d+)?)\s*pp")
_DESCRIPTION = """\
Compares configurations on the tasks that they have in common: job folders of Termstone and Harbor, run folders of
Terminal-Bench. The first is the one that the others are held against. A folder that holds several is enough."""
_EPILOG = """\
Exit codes: 0 compared, and where --max-drop is given, a larger drop is ruled out; 1 it is not; 2 bad input, or
jobs that are not comparable."""


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to those of the command line."""
    parser = commands.add_parser(
        "compare", help="compare jobs: is A better than B, or is it chance?", description=_DESCRIPTION, epilog=_EPILOG
    )
    parser.add_argument("jobs", type=Path, nargs="+", metavar="JOB", help="their folders")
    parser.add_argument("--alpha", type=_alpha, default=0.05, metavar="P", help="level of the tests (0.05)")
    parser.add_argument("--max-drop", type=_points, metavar="2pp", help="fail unless a larger drop is ruled out")
    parser.add_argument("--force", action="store_true", help="although something else differs; printed on the result")
    parser.add_argument("--junit", type=Path, metavar="FILE", help="write the result as JUnit XML, too")
    parser.add_argument("--markdown", type=Path, metavar="FILE", help="and as Markdown, for a pull request")


def run(arguments: argparse.Namespace) -> int:
    """Compare jobs, and return the exit code."""
    from evals.analysis import comparison_display  # noqa: PLC0415 - `--help` must not wait for any of these
    from evals.analysis.compare import compare  # noqa: PLC0415
    from evals.analysis.comparison import Verdict  # noqa: PLC0415
    from evals.analysis.job_record import RecordError  # noqa: PLC0415
    from evals.analysis.jobs import read_jobs  # noqa: PLC0415
    from evals.console import Out, refuse  # noqa: PLC0415

    try:
        jobs = [record for folder in arguments.jobs for record in read_jobs(folder)]
        comparison = compare(jobs, alpha=arguments.alpha, max_drop=arguments.max_drop, force=arguments.force)
        _write(comparison, arguments)
        width = None if sys.stdout.isatty() else 120
        comparison_display.show(Out(highlight=False, width=width), comparison)
    except (RecordError, OSError, UnicodeError) as error:  # exit code 1 is the gate's alone
        return refuse(error)
    return int(any(pair.gate and pair.gate.verdict is not Verdict.HELD for pair in comparison.pairs))


def _write(comparison: Comparison, arguments: argparse.Namespace) -> None:
    from evals.analysis.comparison_junit import junit  # noqa: PLC0415 - as above
    from evals.analysis.comparison_markdown import markdown  # noqa: PLC0415
    from evals.analysis.job_record import RecordError  # noqa: PLC0415
    from evals.analysis.output import check_output, write_outputs  # noqa: PLC0415

    files = [(path, render) for path, render in ((arguments.junit, junit), (arguments.markdown, markdown)) if path]
    for path, _ in files:
        check_output(path)
    if len({path.resolve() for path, _ in files}) < len(files):
        raise RecordError(f"{files[0][0]} is named twice")
    write_outputs({path: render(comparison) for path, render in files})


def _points(text: str) -> float:
    found = _POINTS.fullmatch(text.strip())
    if not found or not 0 <= float(found[1]) <= 100:  # noqa: PLR2004 - per cent
        raise argparse.ArgumentTypeError(f"{text!r} is no number of percentage points, such as 2pp")
    return float(found[1]) / 100


def _alpha(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = 0.0
    if not 0 < value < 0.5:  # noqa: PLR2004 - beyond it a test would say the opposite
        raise argparse.ArgumentTypeError(f"{text!r} is no level between 0 and 0.5")
    return value
