"""The command line: what can be asked for. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import argparse
import signal
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evals.analysis import compare_command, export_command
from evals.analysis.report import command as report_command

if TYPE_CHECKING:
    from collections.abc import Sequence

BUNDLED = Path(__file__).parent / "tasks"
COMPATIBLE = ("terminus2",)
"""Other harnesses whose way of working there is."""
OK, BAD_RESULT, USAGE, INVALID, INTERRUPTED = 0, 1, 2, 3, 130


class _Formatter(argparse.HelpFormatter):
    """Has room for long options beside their help."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=32)


class _DenseFormatter(_Formatter):
    """Leaves out empty lines, so that many options fit on a screen and a half."""

    def format_help(self) -> str:
        return super().format_help().replace("\n\n", "\n")


class _Parser(argparse.ArgumentParser):
    """Has that formatter for all its commands."""

    def __init__(self, **settings: Any) -> None:  # noqa: ANN401 - argparse's own
        super().__init__(**{"formatter_class": _Formatter, **settings})


_UNSET = argparse.SUPPRESS  # what is not given is not there, so that a job file or the config's own default counts


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 fine, 1 a check failed, 2 bad input, 3 some trials were invalid."""
    arguments = parser().parse_args(argv)
    try:
        from evals import commands  # noqa: PLC0415 - `--help` must not wait for it

        return int(getattr(commands, arguments.command)(arguments))
    except KeyboardInterrupt as interrupted:
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            signal.signal(number, signal.SIG_IGN)  # an impatient user's second one must not change the exit code
        said = "; ".join(["interrupted", "everything that was started has been ended", *map(str, interrupted.args)])
        print(said, file=sys.stderr)  # noqa: T201 - the CLI's voice
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone, and Python would complain about that at exit
        return OK


def parser() -> argparse.ArgumentParser:
    """Make the parser of the whole command line; options that are not given are not in what it returns."""
    whole = _Parser(
        prog="termstone",
        description="Runs a model on terminal tasks and scores what was really done.",
        epilog="Exit codes: 0 fine, 1 a check failed, 2 bad input, 3 some trials were invalid or the job could not "
        "go on, 130 interrupted.",
    )
    commands = whole.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(
        commands.add_parser(
            "run",
            help="run a model or another agent on tasks",
            usage="termstone run [-h] [PATH ...] [-m MODEL] [options]",
            add_help=False,
            formatter_class=_DenseFormatter,
        )
    )
    _add_resume(commands.add_parser("resume", help="go on with a job that was cut short"))
    _add_check(commands.add_parser("check", help="check tasks: the oracle must pass, doing nothing must fail"))
    show = commands.add_parser("show", help="show a job's results, or one trial's steps")
    show.add_argument("path", type=Path, metavar="FOLDER", help="a job folder, a trial's, or a trajectory")
    compare_command.add_parser(commands)
    report_command.add_parser(commands)
    export_command.add_parser(commands)
    _add_tasks(commands.add_parser("tasks", help="list tasks"))
    clean = commands.add_parser("clean", help="remove what runs left that were killed")
    clean.add_argument("--images", action="store_true", help="and images of tasks, which are built again when needed")
    return whole


def _add_run(run: argparse.ArgumentParser) -> None:
    run.add_argument("-h", "--help", action="help", help=_UNSET)  # stands in the usage
    tasks = run.add_argument_group("tasks")
    _add_tasks(tasks)
    _add_trust(tasks)
    tasks.add_argument("-f", "--job-file", type=Path, metavar="FILE", help="any of these options as TOML, also as PATH")

    model = run.add_argument_group("model").add_argument
    model("-m", "--model", action="append", default=_UNSET, help="a litellm name, or scripted:FILE; each is run")
    model("--api-base", default=_UNSET, metavar="URL", help="where an OpenAI-compatible server listens")
    model("--temperature", type=float, default=_UNSET, metavar="T", help="passed to it, as the next two (its default)")
    model("--reasoning-effort", default=_UNSET, metavar="EFFORT", help="low, medium, high or as the provider has it")
    model("--thinking-budget", type=_positive, default=_UNSET, metavar="TOKENS", help="tokens to think for")
    model("--token-ids", action="store_true", default=_UNSET, help="record token ids and log probabilities (vLLM)")
    model("--context-limit", type=_positive, default=_UNSET, metavar="TOKENS", help="what it reads (litellm's table)")

    group = run.add_argument_group("agent")
    kind = group.add_mutually_exclusive_group()
    kind.add_argument("--agent", default=_UNSET, metavar="AGENT", help="oracle, nop, or module:Class (termstone)")
    kind.add_argument("--compat", dest="agent", choices=COMPATIBLE, default=_UNSET, help="work as another harness does")
    agent = group.add_argument
    agent("--format", default=_UNSET, metavar="NAME", help="json, xml, tools, ... or module:Class (json)")
    agent("--context", choices=("compact", "stop"), default=_UNSET, help="if a conversation is too long (compact)")
    agent("--max-turns", type=_positive, default=_UNSET, metavar="N", help="replies per trial (no limit)")
    agent("--max-tokens", type=_positive, default=_UNSET, metavar="N", help="sent and received per trial (no limit)")
    agent("--max-cost", type=float, default=_UNSET, metavar="USD", help="dollars per trial (no limit)")
    agent("--max-repeats", type=_positive, default=_UNSET, metavar="N", help="equal turns in a row (only recorded)")
    agent("--turns", type=_positive, default=_UNSET, metavar="N", help="times to work, its tests seen between (1)")
    left = ("shared", "restarted", "fresh")
    agent("--leftovers", choices=left, default=_UNSET, metavar="MODE", help="its processes: shared, restarted or fresh")
    _add_agent_timeout(group)

    job = run.add_argument_group("job")
    job.add_argument("-k", "--attempts", type=_positive, default=_UNSET, metavar="K", help="attempts at each task (1)")
    _add_job(job)
    job.add_argument("--retries", type=_count, default=_UNSET, metavar="N", help="if provider or sandbox broke it (1)")
    _add_where(job)


def _add_resume(resume: argparse.ArgumentParser) -> None:
    resume.add_argument("path", type=Path, metavar="JOB", help="its folder")
    resume.add_argument("--invalid", action="store_true", help="run again what has ended as invalid, too")
    more = "as many more at each task, also of a job that had ended"
    resume.add_argument("--add-attempts", type=_positive, default=0, metavar="N", help=more)
    resume.add_argument("--force", action="store_true", help="although tasks, prompts or code have changed; recorded")
    _add_job(resume, before=" (as before)")


def _add_check(check: argparse.ArgumentParser) -> None:
    _add_tasks(check)
    _add_trust(check)
    _add_agent_timeout(check)
    check.add_argument("--times", type=_positive, default=1, metavar="N", help="how often each oracle must pass (1)")
    check.add_argument("-n", "--concurrency", type=_positive, default=_UNSET, metavar="N", help="runs at a time (1)")
    check.add_argument("--json", action="store_true", help="print findings as lines of JSON, nothing else")
    _add_where(check)


def _add_tasks(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    parser.add_argument("tasks", nargs="*", default=_UNSET, metavar="PATH", help="tasks, or folders of them (bundled)")
    parser.add_argument("-l", "--limit", type=_positive, default=_UNSET, metavar="N", help="only the first N tasks")
    parser.add_argument("--task-format", default=_UNSET, metavar="NAME", help="how they are read (found out)")


def _add_trust(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    parser.add_argument(
        "--trust-task", action="store_true", default=_UNSET, help="let tasks have what they ask of this machine"
    )


def _add_agent_timeout(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    told = "time to work, where the task sets none (3600)"
    parser.add_argument("--agent-timeout", type=_seconds, default=_UNSET, metavar="SECONDS", help=told)


def _add_job(parser: argparse.ArgumentParser | argparse._ArgumentGroup, before: str = "") -> None:
    add, at_once, dollars, tokens = parser.add_argument, "trials at a time", "dollars for all trials", "tokens for all"
    add("-n", "--concurrency", type=_positive, default=_UNSET, metavar="N", help=at_once + (before or " (1)"))
    add("--job-max-cost", type=float, default=_UNSET, metavar="USD", help=dollars + before)
    add("--job-max-tokens", type=_positive, default=_UNSET, metavar="N", help=tokens + before)
    parser.add_argument("--json", action="store_true", help="print events as lines of JSON, nothing else")


def _add_where(parser: argparse.ArgumentParser | argparse._ArgumentGroup) -> None:
    kinds = ("auto", "docker", "local")
    parser.add_argument("--sandbox", choices=kinds, default=_UNSET, metavar="KIND", help="auto, docker or local (auto)")
    parser.add_argument(
        "-o", "--output", default=_UNSET, metavar="JOBDIR", help="folder of the results (jobs/TIME-...)"
    )


def _count(text: str) -> int:
    if not text.isdigit():
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 0 or more")
    return int(text)


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 1 or more")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return seconds


if __name__ == "__main__":
    sys.exit(main())
