"""A trial in the terminal: each step with what it typed, what came out and how it ended, and what became of it all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.rule import Rule
from rich.text import Text

from evals.analysis.report.endings import sentence
from evals.analysis.report.trial_page import shown_part
from evals.display import printable

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console

    from evals.analysis.job_record import TrialRecord
    from evals.analysis.report.trial_page import ShownCommand, ShownStep
    from evals.analysis.trial_files import TrialFiles

_COLOURS = {"passed": "green", "failed": "red", "invalid": "yellow"}
_VERDICT = 40
"""Lines of what the verifier printed."""


def show(console: Console, files: TrialFiles, trial: TrialRecord | None) -> None:
    """Print a trial: `trial` is what it came to, ``None`` for a trajectory without a result."""
    for part in files.parts:
        shown = shown_part(part, trial)
        if part.name:
            reward = "" if shown.reward is None else f": reward {shown.reward:g}"
            console.print(Rule(Text(printable(part.name + reward)), characters="="))
        for step in shown.steps:
            console.print(Rule(Text(printable(_heading(step))), align="left", style="dim"))
            for line in _step(step):
                console.print(line, soft_wrap=True)
        if shown.problem:
            console.print(Text(printable(f"No steps: {shown.problem}."), style="yellow"), soft_wrap=True)
        if shown.verdict.strip():
            console.print(Rule(Text("what the verifier printed"), align="left", style="dim"))
            lines = shown.verdict.rstrip().splitlines()
            console.print(Text(printable("\n".join(lines[-_VERDICT:]))), soft_wrap=True)
    if trial:
        console.print(Rule(align="left", style="dim"))
        for line in _end(trial):
            console.print(line, soft_wrap=True)
        if files.tries:
            before = f"before it, {', '.join(files.tries)}: something other than the agent broke"
            console.print(Text(printable(before), style="dim"), soft_wrap=True)


def _heading(step: ShownStep) -> str:
    after = "" if step.after is None else f" +{step.after:.1f} s"
    tokens = "" if not step.tokens else f", {step.tokens:,} tokens"
    return ", ".join([f"step {step.number}: {step.source}{after}{tokens}", *step.notes])


def _step(step: ShownStep) -> Iterator[Text]:
    for _, text in step.thoughts:
        yield Text(printable(text), style="italic")
    if not step.thoughts and not step.commands and step.message:
        yield Text(printable(step.message))
    for command in step.commands:
        yield from _command(command)
    for text in step.told:
        yield Text(printable(text))


def _command(command: ShownCommand) -> Iterator[Text]:
    code = "" if command.exit_code is None else f"exit {command.exit_code}"
    ended = ", ".join(filter(None, [code, command.state]))
    style = "red" if command.failed else "dim"
    yield Text.assemble((f"> {printable(command.keys)}", "bold"), (f"  [{printable(ended)}]" if ended else "", style))
    for text in command.seen:
        yield Text(printable(text))


def _end(trial: TrialRecord) -> Iterator[Text]:
    cause = f" ({trial.cause.replace('_', ' ')})" if trial.cause else ""
    name = f"{trial.task} #{trial.attempt}: "
    yield Text.assemble(printable(name), (printable(f"{trial.outcome}{cause}"), f"bold {_COLOURS[trial.outcome]}"))
    yield Text(printable(sentence(trial.stop_reason)))
    if trial.message:
        yield Text(printable(trial.message))
    reward = "nothing was graded" if trial.reward is None else f"reward {trial.reward:g}"
    others = ", ".join(f"{name} {value:g}" for name, value in trial.rewards.items() if name != "reward")
    tokens = "unknown" if trial.tokens is None else f"{trial.tokens:,}"
    cost = "unknown" if trial.usage.cost_usd is None else f"${trial.usage.cost_usd:.4f}"
    yield Text(printable(", ".join(filter(None, [reward, others, f"tokens {tokens}", f"cost {cost}"]))))
    stages = ", ".join(f"{stage.replace('_', ' ')} {seconds:.1f} s" for stage, seconds in trial.timing.items())
    waited = f", waited {trial.waited:.1f} s for the provider" if trial.waited else ""
    yield Text(printable(stages + waited))
