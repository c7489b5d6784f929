"""Trials in the formats of others: ATIF, chat messages, ShareGPT and CSV; secrets are taken out of all of them."""

from __future__ import annotations

import csv
import io
import json
from typing import TYPE_CHECKING, Any, NamedTuple

from evals.analysis.atif import TrajectoryError
from evals.analysis.conversation import conversations
from evals.analysis.trial_files import read_trial
from evals.stopwatch import STAGES
from sandbox.redaction import Redaction

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from evals.analysis.atif import Document
    from evals.analysis.conversation import Message
    from evals.analysis.job_record import TrialRecord

_COLUMNS = (
    "job", "task", "attempt", "tries", "outcome", "cause", "reward", "stop_reason", "turns", "prompt_tokens",
    "completion_tokens", "cached_tokens", "cost_usd", *(f"seconds_{stage}" for stage in STAGES), "seconds_waited",
    "started", "answered_by", "task_digest", "message",
)  # fmt: skip
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_SHAREGPT = {"system": "system", "user": "human", "tool": "human", "assistant": "gpt"}
_redaction = Redaction()


class Run(NamedTuple):
    """The steps of one run of an agent, with its trial."""

    id: str
    """Task and attempt, before them the job where there are several, after them the part where there are."""
    trial: TrialRecord
    document: Document
    continues: bool = False
    """Whether the run before goes on in it."""


def runs(trials: Iterable[TrialRecord]) -> Iterator[Run]:
    """Read the steps of trials; those that left none are passed over."""
    for trial in trials:
        try:
            files = read_trial(trial.folder) if trial.folder else None
        except TrajectoryError:
            continue
        for part in files.parts if files else ():
            if part.document:
                names = (trial.job, trial.task, str(trial.attempt), part.name)
                yield Run("/".join(filter(None, names)), trial, part.document, part.continues)


def atif(run: Run, goes_on_in: str | None = None) -> str:
    """Write a run as a file in ATIF, with all that was read of it, and the new name of the file that it goes on in."""
    whole = run.document.json_object() | ({"continued_trajectory_ref": goes_on_in} if goes_on_in else {})
    return json.dumps(_redaction.json(whole), indent=1, ensure_ascii=False) + "\n"


def chat(run: Run) -> Iterator[str]:
    """Write a run's conversations as lines of JSON with `id`, `messages` and what the trial came to."""
    for name, messages in _named(run):
        yield _line({"id": name, "messages": messages, **_facts(run)})


def sharegpt(run: Run) -> Iterator[str]:
    """Write a run's conversations as lines of JSON with `id` and `conversations` of `from` and `value`."""
    for name, messages in _named(run):
        turns = [{"from": _SHAREGPT[message["role"]], "value": _value(message)} for message in messages]
        yield _line({"id": name, "conversations": list(_joined(turns))})


def table(trials: Sequence[TrialRecord]) -> str:
    """Write a row for each trial as CSV; what is unknown is empty."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(_COLUMNS)
    for trial in trials:
        rows.writerow([_cell(value) for value in _row(trial)])
    return text.getvalue()


def _named(run: Run) -> Iterator[tuple[str, list[Message]]]:
    for number, messages in enumerate(conversations(run.document), 1):
        while messages[-1]["role"] != "assistant":  # what nobody answered
            messages.pop()
        yield run.id if number == 1 else f"{run.id}#{number}", messages


def _facts(run: Run) -> dict[str, Any]:
    trial, agent = run.trial, run.document.agent
    facts = {name: getattr(trial, name) for name in ("job", "task", "attempt", "tries", "outcome", "reward")}
    return {**facts, "model": agent.get("model_name")}


def _value(message: Message) -> str:
    """Write a turn as text: thoughts and calls of tools in the tags that open models were trained on."""
    thought = f"<think>\n{message['reasoning_content']}\n</think>\n\n" if "reasoning_content" in message else ""
    calls = [
        f'<tool_call>\n{{"name": {json.dumps(call["function"]["name"])}, "arguments": {call["function"]["arguments"]}}}'
        "\n</tool_call>"
        for call in message.get("tool_calls", ())
    ]
    return thought + "\n".join(filter(None, [message["content"], *calls]))


def _joined(turns: Iterable[dict[str, str]]) -> Iterator[dict[str, str]]:
    """Join turns of one side that follow each other, as readers of ShareGPT want the sides to alternate."""
    last: dict[str, str] | None = None
    for turn in turns:
        if last and last["from"] == turn["from"]:
            last = {"from": last["from"], "value": "\n".join(filter(None, [last["value"], turn["value"]]))}
            continue
        if last:
            yield last
        last = turn
    if last:
        yield last


def _line(row: dict[str, Any]) -> str:
    return json.dumps(_redaction.json(row), ensure_ascii=False) + "\n"


def _row(trial: TrialRecord) -> list[Any]:
    usage = trial.usage
    return [
        trial.job,
        trial.task,
        trial.attempt,
        trial.tries,
        trial.outcome.value,
        trial.cause,
        trial.reward,
        trial.stop_reason,
        trial.turns,
        usage.prompt_tokens,
        usage.completion_tokens,
        usage.cached_tokens,
        usage.cost_usd,
        *(trial.timing.get(stage) for stage in STAGES),
        trial.waited,
        trial.started,
        " ".join(trial.answered_by),
        trial.task_digest,
        trial.message,
    ]


def _cell(value: object) -> object:
    """Take secrets out of a text, and keep spreadsheets from taking it for a formula."""
    if not isinstance(value, str):
        return value
    text = _redaction.text(value)
    return f"'{text}" if text.startswith(_FORMULA) else text
