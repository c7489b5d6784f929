"""Several models in one run, and jobs that grow: pytest tests/test_experiment.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from agent.durable import read_lines
from agent.loop import TerminalAgent
from agent.model import Completion, ProviderRejected, Usage
from agent.scripted import ScriptedModel
from evals.agents import Agents
from evals.analysis.jobs import read_jobs
from evals.cli import main
from evals.experiment import Experiment
from evals.harbor import load
from evals.job import Job
from evals.job_config import JobConfig, JobError, configs_of, read_options
from evals.result import Cause, Outcome
from evals.task import Task
from evals.trial import Plan
from tests.fakes import SOLVED, make_task, reply
from tests.test_cli import termstone
from tests.test_loop import FailingModel

if TYPE_CHECKING:
    from pathlib import Path

    from agent.model import Model
    from evals.pace import Pace
    from evals.sandboxes import Sandboxes

WRONG = [reply("echo bye > out\n"), *SOLVED[1:]]


@pytest.fixture
def kind() -> str:
    """One kind of sandbox is enough here."""
    return "auto"


@pytest.fixture
def words(tmp_path: Path) -> list[object]:
    """A run of a model that solves all of two tasks beside one that solves none."""
    for name in ("one", "two"):
        make_task(tmp_path / "tasks" / name)
    for name, replies in (("good", SOLVED), ("bad", WRONG)):
        (tmp_path / f"{name}.json").write_text(json.dumps({"*": replies}))
    models = [f"scripted:{tmp_path}/{name}.json" for name in ("bad", "good")]
    return ["run", tmp_path / "tasks", "-m", models[0], "-m", models[1], "-o", tmp_path / "both"]


def begun(folder: Path) -> list[tuple[str, str, int]]:
    """Return the jobs, tasks and attempts of all trials in the order in which they began."""
    events = [(event["at"], job, event) for job in ("bad", "good") for event in read_lines(folder / job / "job.jsonl")]
    in_order = sorted(events, key=lambda found: found[0])
    return [(job, event["task"], event["attempt"]) for _, job, event in in_order if event["type"] == "trial_begun"]


def test_models_take_turns_and_what_is_shown_at_the_end_compares_them(tmp_path: Path, words: list[object]) -> None:
    ran = termstone(*words, "-k", 2)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    folder = tmp_path / "both"
    assert begun(folder) == [
        ("bad", "one", 1), ("good", "one", 1), ("good", "two", 1), ("bad", "two", 1),
        ("bad", "one", 2), ("good", "one", 2), ("good", "two", 2), ("bad", "two", 2),
    ]  # fmt: skip
    assert "good one #1: passed" in ran.stdout
    assert "good against bad" in ran.stdout
    assert "+100.0 pp" in ran.stdout
    assert "good against bad" in termstone("compare", folder).stdout
    assert "good" in (folder / "report.html").read_text()
    assert [(job.folder.name, len(job.trials), job.attempts) for job in read_jobs(folder)] == [
        ("bad", 4, 2),
        ("good", 4, 2),
    ]
    shown = termstone("show", folder).stdout
    assert "0 of 4 passed" in shown
    assert "4 of 4 passed" in shown
    assert "4 of 4 passed" in termstone("show", folder / "good").stdout


def test_events_of_several_jobs_say_whose_they_are(tmp_path: Path, words: list[object]) -> None:
    ran = termstone(*words, "--json")
    assert ran.returncode == 0, ran.stderr
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    for job in ("bad", "good"):
        told = [
            {name: fact for name, fact in event.items() if name != "job"} for event in events if event["job"] == job
        ]
        assert told == list(read_lines(tmp_path / "both" / job / "job.jsonl"))


def test_what_was_cut_off_goes_on_for_all_and_attempts_can_be_added(tmp_path: Path, words: list[object]) -> None:
    folder = tmp_path / "both"
    assert termstone(*words).returncode == 0
    for trial in ("bad/two/1", "good/one/1"):
        (folder / trial / "result.json").unlink()
    for job in ("bad", "good"):
        journal = folder / job / "job.jsonl"
        kept = [line for line in journal.read_text().splitlines(keepends=True) if '"trial_ended"' not in line]
        journal.write_text("".join(kept))
    again = termstone("resume", folder)
    assert again.returncode == 0, again.stdout + again.stderr
    assert begun(folder)[4:] == [("good", "one", 1), ("bad", "two", 1)]
    more = termstone("resume", folder, "--add-attempts", 2)
    assert more.returncode == 0, more.stdout + more.stderr
    assert sorted(begun(folder)[6:]) == sorted(
        (job, task, attempt) for job in ("bad", "good") for task in ("one", "two") for attempt in (2, 3)
    )
    assert "0 of 6 passed" in more.stdout
    assert "6 of 6 passed" in more.stdout
    assert [job.attempts for job in read_jobs(folder)] == [3, 3]
    one = termstone("resume", folder / "good", "--add-attempts", 1)
    assert one.returncode == 0, one.stdout + one.stderr
    assert "8 of 8 passed" in one.stdout
    assert [job.attempts for job in read_jobs(folder)] == [3, 4]


def test_a_job_of_one_model_has_a_report_of_its_own(tmp_path: Path) -> None:
    make_task(tmp_path / "hello")
    (tmp_path / "good.json").write_text(json.dumps({"*": SOLVED}))
    ran = termstone("run", tmp_path / "hello", "-m", f"scripted:{tmp_path}/good.json", "-o", tmp_path / "job")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert f"Report: {tmp_path}/job/report.html" in ran.stdout
    assert "hello" in (tmp_path / "job" / "report.html").read_text()
    (tmp_path / "job" / "report.html").unlink()
    (tmp_path / "job" / "report.html").mkdir()
    again = termstone("resume", tmp_path / "job")
    assert again.returncode == 0
    assert "no report: " in again.stderr


def experiment(sandboxes: Sandboxes, folder: Path, models: dict[str, Model], **options: Any) -> Experiment:  # noqa: ANN401 - the config's own
    for name in ("a", "b"):
        make_task(folder / "tasks" / name)
    tasks = [task for task in load(folder / "tasks") if isinstance(task, Task)]
    config = JobConfig(agent="test", sandbox=sandboxes.kind, **options)

    def plan(model: Model) -> Plan:
        return Plan(sandboxes.open, lambda _, journal: TerminalAgent(model, journal=journal))

    jobs = [
        Job(config, tasks, plan(model), folder / "jobs" / name, prepare=sandboxes.prepare)
        for name, model in models.items()
    ]
    (folder / "jobs").mkdir()
    return Experiment(jobs, folder / "jobs")


async def test_a_provider_that_rejects_one_model_halts_no_other(sandboxes: Sandboxes, tmp_path: Path) -> None:
    models: dict[str, Model] = {"no": FailingModel(ProviderRejected("no such model")), "yes": Solving()}
    both = experiment(sandboxes, tmp_path, models)
    results = await both.run()
    assert [(result.outcome, result.cause) for result in results] == [
        *[(Outcome.INVALID, Cause.PROVIDER_REJECTED)] * 2,
        *[(Outcome.PASSED, None)] * 2,
    ]
    assert [bool(result.timing) for result in results] == [True, False, True, True]  # one was not begun
    assert both.halted == "no such model"


async def test_one_budget_holds_for_all_jobs(sandboxes: Sandboxes, tmp_path: Path) -> None:
    both = experiment(sandboxes, tmp_path, {"x": Solving(), "y": Solving()}, job_max_tokens=1000)
    results = await both.run()
    assert both.halted == "the job's 1000 tokens are spent"
    assert sum(result.outcome is Outcome.PASSED for result in results) < 4
    assert all(job.halted == both.halted for job in both.jobs)


class Solving:
    """Solves each task anew, for 100 tokens a question."""

    name = "solving"

    async def complete(self, messages: list[Any], **_: object) -> Completion:
        turn = sum(message.role == "assistant" for message in messages)
        answer = await ScriptedModel(SOLVED[turn:]).complete(messages)
        return answer.model_copy(update={"usage": Usage(prompt_tokens=90, completion_tokens=10, cost_usd=0.0)})


def test_models_of_one_provider_keep_one_pace() -> None:
    paces: dict[str, Pace] = {}
    for model in ("openai/gpt-5", "openai/o3", "anthropic/claude-sonnet-4-5"):
        Agents(JobConfig(model=model, concurrency=4), paces=paces)
    assert list(paces) == ["openai", "anthropic"]


def test_a_list_of_models_is_a_config_for_each(tmp_path: Path) -> None:
    file = tmp_path / "job.toml"
    file.write_text('model = ["a/x", "b/y"]\nattempts = 3\n')
    assert [(config.model, config.attempts) for config in configs_of(read_options(file), file)] == [
        ("a/x", 3),
        ("b/y", 3),
    ]
    assert [config.model for config in configs_of({"model": ["c/z"]}, file)] == ["c/z"]
    with pytest.raises(JobError, match="a/x is named twice"):
        configs_of({"model": ["a/x", "a/x"]})


@pytest.mark.parametrize("content", ["{", '{"jobs": 1}', "[]"])
def test_jobs_whose_list_is_damaged_are_refused_in_a_line(
    tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "experiment.json").write_text(content)
    for command in ("resume", "show", "compare", "report"):
        assert main([command, str(tmp_path)]) == 2
        said = capsys.readouterr().err
        assert "experiment.json is damaged" in said
        assert len(said.splitlines()) == 1
