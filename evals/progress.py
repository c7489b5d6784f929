"""Jobs while they run: a live table in a terminal, a line for each trial elsewhere, or one JSON object for each event.

Names and keys come from tasks and models, so they are made printable first and never read as markup.
"""

from __future__ import annotations

import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from rich.console import Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from agent.model import Usage
from evals.budget import forecast
from evals.console import emit, say
from evals.display import amount, dollars, printable
from evals.result import Outcome

if TYPE_CHECKING:
    from collections.abc import Iterator

    from rich.console import Console, RenderableType

    from evals.experiment import Experiment
    from evals.job import Event, Job
    from evals.trial import Trial

_LONG = 1.0
"""Seconds from which on it is worth a line that an image was built."""
_COLUMNS = ("task", "phase", "turn", "last keys", "tokens", "usd", "time")
_WORDS = ("job", "task", "phase", "last keys")


@contextmanager
def shown(experiment: Experiment, console: Console, *, as_json: bool = False) -> Iterator[None]:
    """Show jobs for as long as the block lasts."""
    several = len(experiment.jobs) > 1
    for job in experiment.jobs:
        name = job.folder.name if several else ""
        if as_json:
            job.on_event = partial(_emit, name)
        elif not console.is_terminal:
            job.on_event = partial(_tell, console, name)
    if as_json or not console.is_terminal:
        yield
        return
    with Live(console=console, get_renderable=lambda: table(experiment), refresh_per_second=5, transient=True):
        yield


def _emit(name: str, event: Event) -> None:
    emit({"job": name, **event} if name else event)


def _tell(console: Console, name: str, event: Event) -> None:
    if line := told(event):
        say(f"{name} {line}".lstrip(), console)


def told(event: Event) -> str | None:
    """Put an event into a line; ``None`` for those that a reader can do without."""
    match event["type"]:
        case "image_ready" if event["seconds"] >= _LONG:
            return f"{event['tasks'][0]}: image ready, {event['seconds']:.1f} s"
        case "image_failed":
            return f"{', '.join(event['tasks'])}: no image: {event['message']}"
        case "trial_ended":
            result = event["result"]
            cause = f" ({result['cause']})" if result["cause"] else ""
            again = "; it is tried again" if event["again"] else ""
            seconds = sum(result["timing"].values())
            rest = Usage.model_validate(event["forecast"])
            expected = f"; {words}" if event["left"] and (words := _expected(rest)) else ""
            ended = f"{result['outcome']}{cause}, {result['turns']} turns, {seconds:.1f} s{again}{expected}"
            return f"{result['task']} #{result['attempt']}: {ended}"
        case "halted":
            return f"no more trials are begun: {event['message']}"
    return None


def table(experiment: Experiment) -> RenderableType:
    """Draw what runs now, what is being built, and how far the jobs are."""
    several = len(experiment.jobs) > 1
    rows = Table(box=None, padding=(0, 2, 0, 0), expand=True)
    for heading in ("job", *_COLUMNS) if several else _COLUMNS:
        # The keys are the one column that gives way in a narrow terminal.
        side: Any = "left" if heading in _WORDS else "right"
        rows.add_column(heading, no_wrap=True, justify=side, ratio=1 if heading == "last keys" else None)
    for job in experiment.jobs:
        for row in _rows(job, time.monotonic()):
            rows.add_row(*([Text(printable(job.folder.name, 30))] if several else []), *row)
    return Group(rows, Text(outlook(experiment), style="bold"))


def _rows(job: Job, now: float) -> Iterator[list[str | Text]]:
    for name, since in job.images.under_way.items():
        yield [Text(printable(name, 40)), "image", *[""] * 4, clock(now - since)]
    for trial in job.running:
        yield _row(trial, now)


def _row(trial: Trial, now: float) -> list[str | Text]:
    keys = trial.agent.trajectory.typing if trial.agent else ""
    return [
        Text(printable(f"{trial.task.name} #{trial.attempt}", 40)),
        Text(printable(": ".join(filter(None, [trial.part, trial.phase])))),
        str(trial.turns),
        Text(printable(keys.replace("\n", "⏎"), 80)),
        amount(trial.usage.tokens),
        dollars(trial.usage.cost_usd),
        clock(now - (trial.started or now)),
    ]


def outlook(experiment: Experiment) -> str:
    """Say in a line how far the jobs are, what they have cost and will, and how much longer they take."""
    done = experiment.results
    counts = ", ".join(f"{sum(result.outcome is outcome for result in done)} {outcome}" for outcome in Outcome)
    begun = [result for result in done if result.timing]
    left = experiment.total - len(done)
    cost = _cost(experiment, [result.usage for result in begun], left)
    parts = [f"{len(done)} of {experiment.total} trials: {counts}", cost]
    if begun and left:
        mean = sum(sum(result.timing.values()) for result in begun) / len(begun)
        parts.append(f"about {clock(mean * left / min(experiment.concurrency, left))} more")
    return " · ".join(filter(None, parts))


def _cost(experiment: Experiment, usages: list[Usage], left: int) -> str:
    used, limits = experiment.usage, experiment.budget
    cost = "cost unknown" if used.cost_usd is None else f"${dollars(used.cost_usd)}"
    of_dollars = "" if limits.dollars is None else f" of ${limits.dollars:.2f}"
    of_tokens = "" if limits.tokens is None else f" of {limits.tokens:,}"
    expected = _expected(forecast(usages, left)) if left else ""
    return ", ".join(filter(None, [f"{cost}{of_dollars}", f"{amount(used.tokens)}{of_tokens} tokens", expected]))


def _expected(usage: Usage) -> str:
    """Say what all will have used; nothing of what is not known or is nothing."""
    cost = f"${usage.cost_usd:.2f}" if usage.cost_usd else ""
    tokens = f"{usage.tokens:,} tokens" if usage.tokens else ""
    words = " and ".join(filter(None, [cost, tokens]))
    return f"about {words} in the end" if words else ""


def clock(seconds: float) -> str:
    """Write seconds as ``m:ss`` or ``h:mm:ss``."""
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"
