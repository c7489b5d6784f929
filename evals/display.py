"""What the user sees: a live table while trials run, a table of results, a trial's steps.

Whatever came out of a model or a sandbox is made printable first and never read as markup, so that it cannot reach the
user's own terminal.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.live import Live
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from evals.result import Outcome
from evals.task import BrokenTask

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from rich.console import Console, RenderableType

    from evals.job import Job
    from evals.result import TrialResult
    from evals.task import Task
    from evals.trial import Trial

_COLOURS = {Outcome.PASSED: "green", Outcome.FAILED: "red", Outcome.INVALID: "yellow"}


def printable(text: str, limit: int | None = None) -> str:
    """Replace what a terminal would act on: escapes, other controls, bidirectional marks; tabs and line ends stay."""
    clean = "".join(character if character.isprintable() or character in "\n\t" else "\N{REPLACEMENT CHARACTER}"
                    for character in text)  # fmt: skip
    return clean if limit is None or len(clean) <= limit else clean[: limit - 1] + "…"


@contextmanager
def progress(console: Console, job: Job) -> Iterator[None]:
    """Show a job while it runs: a live table in a terminal, one line a trial elsewhere."""
    if not console.is_terminal:
        job.on_end = lambda trial: console.print(_line(trial), soft_wrap=True)
        yield
        return
    with Live(console=console, get_renderable=lambda: _live(job), refresh_per_second=5, transient=True):
        yield


def _line(trial: Trial) -> Text:
    result = trial.result
    if result is None:
        return Text(f"{trial.task.name} {trial.phase}")
    seconds = time.monotonic() - (trial.started or time.monotonic())
    cause = f" ({result.cause})" if result.cause else ""
    return Text(f"{trial.task.name} #{trial.attempt}: {result.outcome}{cause}, {result.turns} turns, {seconds:.1f} s")


def _live(job: Job) -> RenderableType:
    table = Table(box=None, padding=(0, 2, 0, 0), expand=True)
    for heading in ("task", "phase", "turns", "seconds"):
        table.add_column(heading, no_wrap=True, justify="right" if heading in ("turns", "seconds") else "left")
    table.add_column("last keys", no_wrap=True, ratio=1)  # the one that gives way in a narrow terminal
    for trial in job.trials:
        if trial.started is not None and trial.result is None:
            table.add_row(*_row(trial))
    done = job.results
    counts = ", ".join(f"{sum(r.outcome is outcome for r in done)} {outcome}" for outcome in Outcome)
    return Group(table, Text(f"{len(done)} of {len(job.trials)} trials: {counts}", style="bold"))


def _row(trial: Trial) -> list[str | Text]:
    steps = trial.agent.trajectory.steps if trial.agent else []
    turns = sum(step.source == "agent" for step in steps)
    calls = next((step.tool_calls for step in reversed(steps) if step.tool_calls), [])
    keys = str(calls[-1].arguments.get("keystrokes", "")) if calls else ""
    seconds = time.monotonic() - (trial.started or 0)
    return [Text(trial.task.name), trial.phase, str(turns), f"{seconds:.0f}",
            Text(printable(keys.replace("\n", "⏎"), 50))]  # fmt: skip


def show_results(console: Console, results: Sequence[TrialResult]) -> None:
    """Print a row a trial, then the rates over valid trials, then what made the others invalid."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    longest = max((len(result.task) for result in results), default=0)
    table.add_column("task", no_wrap=True, min_width=min(longest, 40))
    for heading in ("attempt", "outcome", "cause", "turns", "tokens", "usd", "seconds"):
        table.add_column(heading, justify="left" if heading in ("outcome", "cause") else "right")
    for result in results:
        tokens = (result.usage.prompt_tokens, result.usage.completion_tokens)
        table.add_row(
            Text(result.task),
            str(result.attempt),
            Text(result.outcome, style=_COLOURS[result.outcome]),
            result.cause or "",
            str(result.turns),
            "unknown" if None in tokens else f"{sum(filter(None, tokens)):,}",
            "unknown" if result.usage.cost_usd is None else f"{result.usage.cost_usd:.4f}",
            f"{sum(result.timing.values()):.1f}",
        )
    console.print(table)
    console.print(Text(summary(results), style="bold"))
    broken = [result for result in results if result.message]
    for message in dict.fromkeys(result.message or "" for result in broken):
        named = [f"{result.task} #{result.attempt}" for result in broken if result.message == message]
        others = f" and {len(named) - 1} more" if len(named) > 1 else ""
        console.print(Text(f"{named[0]}{others}: {printable(message, 2000)}"), soft_wrap=True)


def summary(results: Sequence[TrialResult]) -> str:
    """Say in a line what came out, over the trials that count."""
    passed = sum(result.outcome is Outcome.PASSED for result in results)
    invalid = sum(result.outcome is Outcome.INVALID for result in results)
    valid = len(results) - invalid
    rate = f" ({passed / valid:.0%})" if valid else ""
    note = f"; {invalid} invalid, which count for nothing" if invalid else ""
    return f"{passed} of {valid} passed{rate}{note}"


def show_tasks(console: Console, tasks: Sequence[Task | BrokenTask]) -> None:
    """Print a row a task, with what is wrong with the broken ones."""
    table = Table(box=None, padding=(0, 2, 0, 0))
    for heading in ("task", "difficulty", "category", "description"):
        table.add_column(heading)
    for task in tasks:
        if isinstance(task, BrokenTask):
            table.add_row(Text(task.name), Text("broken", style="yellow"), "", Text(printable(task.reason)))
        else:
            table.add_row(Text(task.name), *(Text(printable(fact)) for fact in task.facts))
    console.print(table)


def show_trial(console: Console, result: TrialResult, trajectory: dict[str, Any]) -> None:
    """Print a trial's steps: what the agent said and typed, what came out, why it ended."""
    for step in trajectory.get("steps", []):
        console.print(Rule(f"step {step.get('step_id')}: {step.get('source')}", align="left"))
        for line in _said(step):
            console.print(line, soft_wrap=True)
    console.print(Rule(align="left"))
    show_results(console, [result])
    facts = (("stopped", result.stop_reason), ("rewards", result.rewards), ("timing", result.timing))
    for name, value in facts:
        console.print(Text(f"{name}: {value}"), soft_wrap=True)


def _said(step: dict[str, Any]) -> Iterator[Text]:
    """Say what stands in a step: the text, then each command with what it brought."""
    facts = step.get("extra") or {}
    thoughts = [str(facts[name]) for name in ("analysis", "plan") if facts.get(name)]
    yield Text(printable("\n".join(thoughts) or str(step.get("message", ""))), style="italic" if thoughts else "")
    results = (step.get("observation") or {}).get("results", [])
    for call in step.get("tool_calls") or []:
        keys = call.get("arguments", {}).get("keystrokes")
        yield Text(f"> {printable(str(call.get('function_name') if keys is None else keys)).rstrip()}", style="bold")
        yield from (_content(seen) for seen in results if seen.get("source_call_id") == call.get("tool_call_id"))
    yield from (_content(seen) for seen in results if seen.get("source_call_id") is None)


def _content(seen: dict[str, Any]) -> Text:
    return Text(printable(str(seen.get("content", ""))))
