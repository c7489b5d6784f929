"""What is shown of a job while it runs: pytest tests/test_progress.py."""

from __future__ import annotations

import asyncio
import io
import time
from typing import TYPE_CHECKING, Any

import pytest
from rich.console import Console

from agent.durable import read_lines
from agent.loop import TerminalAgent
from agent.model import NOTHING_USED, Completion, ProviderRejected, Usage
from agent.scripted import ScriptedModel
from evals.budget import total
from evals.experiment import Experiment
from evals.harbor import load
from evals.job import Found, Job
from evals.job_config import JobConfig
from evals.progress import clock, outlook, shown, table, told
from evals.result import Cause, Outcome, TrialResult
from evals.task import Task
from evals.trial import Plan, Trial
from tests.conftest import found
from tests.fakes import SleepingAgent, make_task, reply
from tests.test_steps import Builder

if TYPE_CHECKING:
    from pathlib import Path

USED = Usage(prompt_tokens=900, completion_tokens=100, cached_tokens=0, cache_creation_tokens=0, cost_usd=0.25)
HOSTILE = "\x1b]0;owned\x07[red]\u202e"


def nothing(*_: object) -> Any:  # noqa: ANN401 - never called
    """Stand for what no trial here gets to."""
    raise AssertionError


PLAN = Plan(nothing, nothing)


def ended(task: str, outcome: Outcome = Outcome.PASSED, **facts: Any) -> TrialResult:  # noqa: ANN401 - the result's own
    timing = {"set_up": 1.0, "agent": 59.0}
    return TrialResult(**{"task": task, "attempt": 1, "outcome": outcome, "timing": timing, "usage": USED} | facts)


def job(folder: Path, *results: TrialResult, **options: Any) -> Experiment:  # noqa: ANN401 - the config's own
    """Lay out a job of four tasks of which some have ended."""
    for name in "abcd":
        make_task(folder / "tasks" / name)
    tasks = [task for task in load(folder / "tasks") if isinstance(task, Task)]
    done = {(result.task, 1): result for result in results}
    past = Found(done, total([result.usage for result in results]), {}, {})
    return Experiment([Job(JobConfig(sandbox="local", **options), tasks, PLAN, folder / "job", found=past)])


def screen(width: int = 160, *, terminal: bool = True) -> Console:
    return Console(file=io.StringIO(), width=width, force_terminal=terminal, color_system=None)


def text(console: Console) -> str:
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


class Typing(Trial):
    """A trial whose agent is at work."""

    @property
    def usage(self) -> Usage:
        """What the agent has used."""
        return self.agent.trajectory.usage if self.agent else NOTHING_USED

    @property
    def turns(self) -> int:
        """The agent's replies."""
        return len(self.agent.trajectory.steps) if self.agent else 0


def under_way(experiment: Experiment, folder: Path, keys: str) -> None:
    """Have a trial run that has typed some keys."""
    (task,) = (task for task in load(folder / "tasks" / "c") if isinstance(task, Task))
    trial = Typing(task, 1, folder / "job" / "c" / "1", PLAN)
    trial.phase, trial.started = "agent", time.monotonic() - 65
    agent = SleepingAgent()
    agent.trajectory.reply(Completion(text="x", usage=USED))
    agent.trajectory.typing = keys
    trial.agent = agent
    experiment.jobs[0].running.append(trial)


def test_the_outlook_counts_forecasts_and_says_how_much_longer(tmp_path: Path) -> None:
    begun = job(tmp_path, concurrency=2, job_max_cost=5.0, job_max_tokens=9000)
    expected = "0 of 4 trials: 0 passed, 0 failed, 0 invalid · $0.0000 of $5.00, 0 of 9,000 tokens"
    assert outlook(begun) == expected
    half = job(tmp_path, ended("a"), ended("b", Outcome.FAILED), concurrency=2)
    counts = "2 of 4 trials: 1 passed, 1 failed, 0 invalid"
    assert (
        outlook(half) == f"{counts} · $0.5000, 2,000 tokens, about $1.00 and 4,000 tokens in the end · about 1:00 more"
    )
    unpriced = USED.model_copy(update={"cost_usd": None})
    assert outlook(job(tmp_path, ended("a", usage=unpriced), job_max_tokens=9000)) == (
        "1 of 4 trials: 1 passed, 0 failed, 0 invalid · cost unknown, 1,000 of 9,000 tokens, "
        "about 4,000 tokens in the end · about 3:00 more"
    )
    under_way(half, tmp_path, "ls\n")
    assert "$0.7500" in outlook(half)


def test_a_trial_that_was_left_out_is_no_ground_for_a_forecast(tmp_path: Path) -> None:
    left_out = ended("b", Outcome.INVALID, timing={}, usage=NOTHING_USED)
    assert outlook(job(tmp_path, ended("a"), left_out)).endswith(
        "about $0.75 and 3,000 tokens in the end · about 2:00 more"
    )


def test_the_table_has_a_row_for_each_trial_under_way_and_each_image(tmp_path: Path) -> None:
    experiment = job(tmp_path)
    under_way(experiment, tmp_path, "make test\n")
    experiment.jobs[0].images.under_way["d"] = time.monotonic() - 3700
    console = screen()
    console.print(table(experiment))
    lines = text(console).splitlines()
    assert lines[0].split() == ["task", "phase", "turn", "last", "keys", "tokens", "usd", "time"]
    assert lines[1].split() == ["d", "image", "1:01:40"]
    assert lines[2].split() == ["c", "#1", "agent", "1", "make", "test⏎", "1,000", "0.2500", "1:05"]


def test_of_several_jobs_each_row_and_line_says_whose_it_is(tmp_path: Path) -> None:
    small, large = (job(tmp_path / name, ended("a"), concurrency=2).jobs[0] for name in ("small", "large"))
    small.folder, large.folder = tmp_path / "small", tmp_path / "large"
    both = Experiment([small, large], tmp_path)
    assert outlook(both).startswith(
        "2 of 8 trials: 2 passed, 0 failed, 0 invalid · $0.5000, 2,000 tokens, about $2.00 and "
    )
    large.images.under_way["d"] = time.monotonic()
    console = screen()
    console.print(table(both))
    assert text(console).splitlines()[1].split() == ["large", "d", "image", "0:00"]
    plain = screen(terminal=False)
    with shown(both, plain):
        large.on_event(ended_event(ended("a", turns=3)))
    assert text(plain) == "large a #1: passed, 3 turns, 60.0 s; about $0.75 in the end\n"


@pytest.mark.fault("F67", "F33")
@pytest.mark.parametrize("width", [40, 160])
def test_hostile_keys_reach_the_table_as_text(tmp_path: Path, width: int) -> None:
    experiment = job(tmp_path)
    under_way(experiment, tmp_path, HOSTILE)
    console = screen(width)
    console.print(table(experiment))
    drawn = text(console)
    assert not {"\x1b", "\x07", "\u202e"} & set(drawn)
    assert width < 100 or "]0;owned" in drawn
    assert width < 100 or "[red]" in drawn


def test_where_there_is_no_terminal_each_end_is_a_line(tmp_path: Path) -> None:
    console = screen(terminal=False)
    experiment = job(tmp_path)
    with shown(experiment, console):
        for event in (
            {"type": "trial_begun", "task": "a", "attempt": 1, "number": 1},
            {"type": "image_ready", "tasks": ["a"], "seconds": 12.34, "digest": "sha256:1"},
            {"type": "image_ready", "tasks": ["b"], "seconds": 0.1, "digest": "sha256:2"},
            {"type": "image_failed", "tasks": ["b", "c"], "seconds": 1, "message": HOSTILE},
            ended_event(ended("a", turns=3)),
            ended_event(ended("b", Outcome.INVALID, cause=Cause.SANDBOX_DIED), again=True),
            {"type": "halted", "message": "the job's 5 dollars are spent"},
        ):
            experiment.jobs[0].on_event(event)
    assert text(console).splitlines() == [
        "a: image ready, 12.3 s",
        "b, c: no image: \ufffd]0;owned\ufffd[red]\ufffd",
        "a #1: passed, 3 turns, 60.0 s; about $0.75 in the end",
        "b #1: invalid (sandbox_died), 0 turns, 60.0 s; it is tried again; about $0.75 in the end",
        "no more trials are begun: the job's 5 dollars are spent",
    ]
    assert told({"type": "job_ended"}) is None


def ended_event(result: TrialResult, *, again: bool = False, left: int = 2, **used: float) -> dict[str, Any]:
    more = {"left": left, "forecast": {"cost_usd": 0.75, **used}}
    return {"type": "trial_ended", "again": again, **more, "result": result.model_dump(mode="json")}


def test_what_a_job_will_have_used_stands_at_the_end_of_each_trial_but_the_last() -> None:
    event = ended_event(ended("a", turns=1), prompt_tokens=3000, completion_tokens=4)
    assert (told(event) or "").endswith("; about $0.75 and 3,004 tokens in the end")
    unpriced = event | {"forecast": {"prompt_tokens": 3000, "completion_tokens": 4}}
    assert (told(unpriced) or "").endswith("; about 3,004 tokens in the end")
    assert "about" not in (told(event | {"left": 0}) or "")
    assert "about" not in (told(event | {"forecast": {}}) or "")


async def test_the_forecast_is_in_the_journal_and_so_in_the_events(tmp_path: Path) -> None:
    experiment = job(tmp_path, *(ended(name) for name in "abc"))
    (work,) = experiment.jobs
    told_of: list[dict[str, Any]] = []
    work.on_event = told_of.append
    with work.journalled():
        assert work.forecast.tokens == 4000
        work.leave_out(work.tasks[3], 1, ProviderRejected("no"))
    (event,) = (event for event in told_of if event["type"] == "trial_ended")
    assert (event["left"], event["forecast"]["prompt_tokens"], event["forecast"]["cost_usd"]) == (0, 2700, 0.75)
    assert event in list(read_lines(tmp_path / "job" / "job.jsonl"))


async def test_the_table_shows_what_is_typed_now_in_which_step_and_counts_all_replies(tmp_path: Path) -> None:
    folder = tmp_path / "task"
    folder.mkdir()
    builder = Builder(folder)
    task = builder.task(builder.step("plan"), builder.step("build"))
    replies = [
        [reply("sleep 0.5\n", "touch plan; sleep 300\n", duration=0.6), reply(done=True), reply(done=True)],
        [reply("touch build\n", "sleep 0.7\n", duration=1), reply(done=True), reply(done=True)],
    ]
    async with found("local") as sandboxes:

        def agent(_: Task, journal: Path) -> TerminalAgent:
            return TerminalAgent(ScriptedModel(replies.pop(0)), journal=journal)

        work = Job(JobConfig(sandbox="local"), [task], Plan(sandboxes.open, agent), tmp_path / "job")
        experiment = Experiment([work])
        rows: dict[tuple[str, ...], None] = {}
        running = asyncio.create_task(experiment.run())
        while not running.done():
            if work.running:
                console = screen(200)
                console.print(table(experiment))
                rows[tuple(text(console).splitlines()[1].split("  "))] = None
            await asyncio.sleep(0.02)
        (result,) = await running
    assert result.outcome is Outcome.PASSED, result
    seen = [[cell.strip() for cell in row if cell.strip()] for row in rows]
    first = next(row for row in seen if row[1] == "step 1/2 plan: agent" and row[2] == "1")
    assert first[3] == "sleep 0.5⏎", first
    assert ["step 1/2 plan: agent", "1", "touch plan; sleep 300⏎"] in [row[1:4] for row in seen]
    assert ["step 2/2 build: agent", "4", "sleep 0.7⏎"] in [row[1:4] for row in seen]
    assert [row[2] for row in seen if len(row) > 3] == sorted(row[2] for row in seen if len(row) > 3)


def test_time_is_written_as_a_clock_does() -> None:
    assert [clock(seconds) for seconds in (0, 59.9, 60, 3599, 3600, 36_061)] == [
        "0:00",
        "0:59",
        "1:00",
        "59:59",
        "1:00:00",
        "10:01:01",
    ]
