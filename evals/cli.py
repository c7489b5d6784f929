"""The command line: `run`, `check`, `show` and `tasks`. Everything heavy is imported by the command that needs it."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

BUNDLED = Path(__file__).parent / "tasks"
OK, BAD_RESULT, USAGE, INVALID, INTERRUPTED = 0, 1, 2, 3, 130


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command and return its exit code: 0 fine, 1 a check failed, 2 bad input, 3 some trials were invalid."""
    arguments = _parser().parse_args(argv)
    try:
        from evals import commands  # noqa: PLC0415 - `--help` must not wait for it

        return int(getattr(commands, arguments.command)(arguments))
    except KeyboardInterrupt:
        print("interrupted; everything that was started has been ended", file=sys.stderr)  # noqa: T201 - the CLI's voice
        return INTERRUPTED
    except BrokenPipeError:
        sys.stderr.close()  # the reader of our output has gone, and Python would complain about that at exit
        return OK


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="termstone",
        description="Runs a model on terminal tasks and scores what was really done.",
        epilog="Exit codes: 0 fine, 1 a check failed, 2 bad input, 3 some trials were invalid, 130 interrupted.",
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    _add_run(commands.add_parser("run", help="run a model or another agent on tasks"))
    _add_check(commands.add_parser("check", help="check tasks: the oracle must pass, doing nothing must fail"))
    show = commands.add_parser("show", help="show a job's results, or one trial's steps")
    show.add_argument("path", type=Path, metavar="FOLDER", help="a job folder, or a trial's folder in it")
    tasks = commands.add_parser("tasks", help="list tasks")
    tasks.add_argument("paths", type=Path, nargs="*", metavar="PATH", help="tasks, or folders of them (bundled ones)")
    return parser


def _add_run(run: argparse.ArgumentParser) -> None:
    _add_common(run)
    run.add_argument("-m", "--model", help="a litellm name (anthropic/..., openai/...), or scripted:FILE")
    run.add_argument("--api-base", metavar="URL", help="where an OpenAI-compatible server listens")
    run.add_argument("--temperature", type=float, help="passed to the model; unset is the provider's default")
    run.add_argument("--agent", default="termstone", metavar="AGENT", help="oracle, nop, or module:Class (termstone)")
    run.add_argument("--max-turns", type=_positive, metavar="N", help="replies per trial (no limit)")
    run.add_argument("-k", "--attempts", type=_positive, default=1, metavar="K", help="attempts at each task (1)")


def _add_check(check: argparse.ArgumentParser) -> None:
    _add_common(check)
    check.set_defaults(model=None, api_base=None, temperature=None, max_turns=None, attempts=1)


def _add_common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("paths", type=Path, nargs="*", metavar="PATH", help="tasks, or folders of them (bundled ones)")
    parser.add_argument("--sandbox", choices=("auto", "docker", "local"), default="auto", help="where to run (auto)")
    parser.add_argument("-n", "--concurrency", type=_positive, default=1, metavar="N", help="trials at a time (1)")
    parser.add_argument("-o", "--output", type=Path, metavar="JOBDIR", help="folder for the results (jobs/TIME-...)")


def _positive(text: str) -> int:
    if not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of 1 or more")
    return int(text)


if __name__ == "__main__":
    sys.exit(main())
