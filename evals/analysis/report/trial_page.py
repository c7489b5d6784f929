"""A trial's page: each step beside the terminal as it looked after it."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

from evals.analysis.report.endings import sentence
from evals.analysis.report.page import page
from evals.analysis.screens import screens_of

if TYPE_CHECKING:
    from evals.analysis.atif import AtifStep, Call, Seen
    from evals.analysis.emulator import Snapshot
    from evals.analysis.job_record import TrialRecord
    from evals.analysis.trial_files import Part, TrialFiles

_LONG = 20_000
"""Characters of one text; what is longer is shown without its middle, and stands in the trajectory file."""
_STEPS = 500
"""Steps that are shown of each end; the others stand in the trajectory file."""
_KEYS = {"\r": "Enter", "\n": "Enter", "\t": "Tab", "\x1b": "Escape"}


class ShownCommand(NamedTuple):
    """Something that was typed, and what it brought."""

    keys: str
    seen: list[str]
    exit_code: int | None
    seconds: float | None
    state: str | None

    @property
    def failed(self) -> bool:
        """Whether it ended with another exit code than 0."""
        return bool(self.exit_code)


class ShownStep(NamedTuple):
    """A step as it stands on the page."""

    anchor: str
    number: int
    source: str
    after: float | None
    """Seconds since the first step."""
    thoughts: list[tuple[str, str]]
    """Headings and texts: analysis, plan."""
    message: str
    """As it came; it is folded where thoughts and commands say the same."""
    reasoning: str
    commands: list[ShownCommand]
    told: list[str]
    notes: list[str]
    tokens: int | None
    cost: float | None
    screen: Snapshot | None

    @property
    def failed(self) -> bool:
        """Whether one of its commands failed."""
        return any(command.failed for command in self.commands)


class ShownPart(NamedTuple):
    """One run of the agent."""

    name: str
    steps: list[ShownStep]
    left_out: int
    """Steps between the first and the last that are not shown."""
    problem: str | None
    verdict: str
    reward: float | None
    """What the step came to, where the trial has several; ``None`` also when nothing was graded."""


def trial_page(files: TrialFiles, trial: TrialRecord | None, name: str, back: str | None = None) -> str:
    """Write the page of a trial.

    Args:
        files: what it left.
        trial: what it came to; ``None`` for a trajectory without a result.
        name: what to call it.
        back: where the report that it belongs to lies, as a relative address.
    """
    parts = [
        shown_part(part, trial, f"p{number}-" if len(files.parts) > 1 else "")
        for number, part in enumerate(files.parts, 1)
    ]
    return page(
        "trial",
        trial=trial,
        name=name,
        ended=sentence(trial.stop_reason) if trial else "",
        parts=parts,
        tries=files.tries,
        notes=[str(note) for note in files.result.get("notes") or []],
        back=back,
    )


def shown_part(part: Part, trial: TrialRecord | None, prefix: str = "") -> ShownPart:
    """Take what is shown out of a run of a trial; `prefix` sets the anchors of several on one page apart."""
    steps = part.document.steps if part.document else []
    screens = screens_of([[call.typed for call in step.calls if _types(call)] for step in steps], part.moments)
    begun = _time(steps[0].timestamp) if steps else None
    shown = [_step(step, screen, begun, prefix) for step, screen in zip(steps, screens, strict=True)]
    left_out = max(0, len(shown) - 2 * _STEPS)
    if left_out:
        shown = [*shown[:_STEPS], *shown[-_STEPS:]]
    graded = [step.reward for step in trial.steps if part.name in step.folders] if trial else []
    return ShownPart(part.name, shown, left_out, part.problem, part.verdict, graded[-1] if graded else None)


def _step(step: AtifStep, screen: Snapshot | None, begun: datetime | None, prefix: str) -> ShownStep:
    now = _time(step.timestamp)
    thoughts = [(name, _cut(str(step.fact(name)))) for name in ("analysis", "plan") if step.fact(name)]
    usage = step.metrics
    return ShownStep(
        anchor=f"{prefix}s{step.step_id}",
        number=step.step_id,
        source=step.source,
        after=(now - begun).total_seconds() if now and begun else None,
        thoughts=thoughts,
        message=_cut(step.said),
        reasoning=_cut(step.reasoning_content or ""),
        commands=[_command(call, step.brought(call)) for call in step.calls],
        told=[_cut(text) for text in (*(seen.text for seen in step.told), step.fact("told")) if text],
        notes=_notes(step),
        tokens=usage.tokens if usage else None,
        cost=usage.cost if usage else None,
        screen=screen if screen and screen.lines else None,
    )


def _command(call: Call, results: list[Seen]) -> ShownCommand:
    states = [str((seen.extra or {}).get("state")) for seen in results if (seen.extra or {}).get("state")]
    return ShownCommand(
        keys=_keys(call),
        seen=[_cut(seen.text) for seen in results if seen.text],
        exit_code=next((seen.exit_code for seen in results if seen.exit_code is not None), None),
        seconds=next((seen.seconds for seen in results if seen.seconds is not None), None),
        state=next((state for state in states if state != "prompt"), None),
    )


def _notes(step: AtifStep) -> list[str]:
    repairs = step.fact("repairs")
    notes = [f"mended: {repair}" for repair in repairs] if isinstance(repairs, list) else []
    notes += [f"{name}: {step.fact(name)}" for name in ("unusable", "purpose", "repeats") if step.fact(name)]
    if step.boundary == "replace":
        notes.append("takes the place of what was said before")
    if step.is_copied_context:
        notes.append("copied from before")
    waited = step.metrics.waited if step.metrics else None
    return notes if waited is None else [*notes, f"waited {waited:.0f} s for the provider"]


def _types(call: Call) -> bool:
    return isinstance(call.arguments.get("keystrokes"), str)


def _keys(call: Call) -> str:
    """Write what was typed so that it can be read: a line end at the end is how commands are sent."""
    if not call.typed:
        return "(waits)" if _types(call) else call.function_name.replace("_", " ")
    return _KEYS.get(call.typed) or _cut(call.typed.removesuffix("\n"))


def _cut(text: object) -> str:
    text = str(text)
    if len(text) <= _LONG:
        return text
    half = _LONG // 2
    return f"{text[:half]}\n[... {len(text) - 2 * half:,} characters left out ...]\n{text[-half:]}"


def _time(stamp: str | None) -> datetime | None:
    try:
        return datetime.fromisoformat(stamp).astimezone() if stamp else None
    except (ValueError, OverflowError):  # the second of years that no time zone has
        return None
