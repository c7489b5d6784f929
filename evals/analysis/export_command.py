"""``termstone export``: its options, and what it does with them."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import argparse

    from evals.analysis.export import Run
    from evals.analysis.job_record import TrialRecord

_DESCRIPTION = """\
Writes trials in the formats of others: atif (a file for each run, into a folder), chat (messages, a line of JSON for
each conversation), sharegpt (the same as id and conversations), csv (a row for each trial). Secrets are taken out."""
_OUTCOMES = ("passed", "failed", "invalid")


def add_parser(commands: argparse._SubParsersAction[Any]) -> None:
    """Add the command to those of the command line."""
    parser = commands.add_parser("export", help="write trials in the formats of others", description=_DESCRIPTION)
    parser.add_argument("jobs", type=Path, nargs="+", metavar="JOB", help="their folders")
    parser.add_argument("--to", choices=("atif", "chat", "sharegpt", "csv"), required=True, help="the format")
    parser.add_argument(
        "--outcome", choices=_OUTCOMES, action="append", metavar="OUTCOME", help="passed, failed or invalid (all)"
    )
    parser.add_argument("-o", "--output", type=Path, metavar="PATH", help="a file (printed), for atif a new folder")


def run(arguments: argparse.Namespace) -> int:
    """Export trials, and return the exit code."""
    from evals.analysis.comparability import labels, refuse_twice  # noqa: PLC0415
    from evals.analysis.job_record import RecordError  # noqa: PLC0415
    from evals.analysis.jobs import read_jobs  # noqa: PLC0415
    from evals.console import ERR, refuse, say  # noqa: PLC0415 - `--help` must not wait for any of these

    try:
        jobs = [job for folder in arguments.jobs for job in read_jobs(folder)]
        refuse_twice(jobs)
        names = labels(jobs) if len(jobs) > 1 else [""]
        named = [(name, trial) for name, job in zip(names, jobs, strict=True) for trial in job.trials]
        trials = [trial.model_copy(update={"job": name}) for name, trial in named]
        wanted = [trial for trial in trials if trial.outcome in (arguments.outcome or _OUTCOMES)]
        written = _export(wanted, arguments.to, arguments.output)
    except BrokenPipeError:
        raise
    except (RecordError, OSError) as error:
        return refuse(error)
    say(f"{written} written of {len(wanted)} trials", ERR)
    return 0


def _export(trials: list[TrialRecord], form: str, output: Path | None) -> str:
    from evals.analysis import export  # noqa: PLC0415 - as above
    from evals.analysis.job_record import RecordError  # noqa: PLC0415
    from evals.analysis.output import write_output  # noqa: PLC0415

    if not trials:
        raise RecordError("no trial has that outcome")
    if form == "atif":
        if output is None:
            raise RecordError("--to atif writes a folder: name it with --output")
        return _write_files(trials, output)
    if form == "csv":
        lines = [export.table(trials)]
    else:
        write = export.chat if form == "chat" else export.sharegpt
        lines = [line for run in export.runs(trials) for line in write(run)]
        if not lines:
            raise RecordError("none of these trials left a conversation")
    if output is None:
        for line in lines:
            sys.stdout.buffer.write(line.encode("utf-8", "backslashreplace"))
        sys.stdout.flush()
    else:
        write_output(output, "".join(lines))
    return f"{len(trials)} rows" if form == "csv" else f"{len(lines)} conversations"


def _write_files(trials: list[TrialRecord], output: Path) -> str:
    from evals.analysis import export  # noqa: PLC0415 - as above
    from evals.analysis.job_record import RecordError  # noqa: PLC0415
    from evals.analysis.output import new_files, write_output  # noqa: PLC0415

    if output.exists() and (not output.is_dir() or any(output.iterdir())):
        raise RecordError(f"{output} exists already: name a new folder with --output")
    if not output.parent.is_dir():
        raise RecordError(f"{output} cannot be made: {output.parent} is no folder")
    found = list(export.runs(trials))
    if not found:
        raise RecordError("none of these trials left a trajectory")
    names = [_file_name(number, run) for number, run in enumerate(found, 1)]
    with new_files(output.resolve()) as folder:
        for number, (run, name) in enumerate(zip(found, names, strict=True), 1):
            goes_on = number < len(found) and found[number].continues
            write_output(folder / name, export.atif(run, names[number] if goes_on else None))
    return f"{len(found)} trajectories"


def _file_name(number: int, run: Run) -> str:
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", run.id).strip("-")[:80]
    return f"{number:04}-{name}.trajectory.json"
