"""Jobs of several trials: pytest tests/test_job.py."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

from agent.durable import read_lines
from agent.loop import TerminalAgent
from agent.model import Completion, ProviderDenied, ProviderRejected, ProviderUnavailable, Usage
from agent.oracle import NopAgent
from agent.scripted import ScriptedModel
from evals.experiment import Experiment
from evals.harbor import load
from evals.job import Job
from evals.job_config import JobConfig, JobError
from evals.job_folder import new_folder
from evals.recovery import Recovery
from evals.result import Cause, Outcome
from evals.task import Task
from evals.trial import Plan
from sandbox.base import ImageBuildError
from tests.fakes import SOLVED, RaisingAgent, make_task, reply
from tests.job_folders import read_job
from tests.test_loop import FailingModel

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from pathlib import Path

    from agent.base import Agent
    from evals.job import Event
    from evals.sandboxes import Sandboxes
    from sandbox.base import Environment


@pytest.fixture
def kind() -> str:
    """One kind of sandbox is enough here."""
    return "auto"


def job(
    sandboxes: Sandboxes,
    folder: Path,
    agent: Callable[[Task, Path], Agent],
    prepare: Callable[[Environment], Awaitable[str | None]] | None = None,
    **options: Any,  # noqa: ANN401 - the config's own
) -> Experiment:
    for name in ("a", "b", "c"):
        make_task(folder / "tasks" / name)
    tasks = [task for task in load(folder / "tasks") if isinstance(task, Task)]
    config = JobConfig(agent="test", sandbox=sandboxes.kind, **options)
    plan = Plan(sandboxes.open, agent)
    return Experiment([Job(config, tasks, plan, folder / "job", prepare=prepare or sandboxes.prepare)])


@pytest.mark.fault("F07")
async def test_a_provider_that_rejects_the_first_trial_is_not_asked_again(sandboxes: Sandboxes, tmp_path: Path) -> None:
    asked = []

    def agent(task: Task, _: Path) -> Agent:
        asked.append(task.name)
        return TerminalAgent(FailingModel(ProviderRejected("no key")))

    results = await job(sandboxes, tmp_path, agent).run()
    assert asked == ["a"]
    assert [(r.outcome, r.cause) for r in results] == [(Outcome.INVALID, Cause.PROVIDER_REJECTED)] * 3
    kept = read_job(tmp_path / "job").trials  # those left out are counted too
    assert [(trial.outcome, trial.cause) for trial in kept] == [(r.outcome, r.cause) for r in results]


async def test_an_account_that_is_denied_in_the_middle_ends_the_job(sandboxes: Sandboxes, tmp_path: Path) -> None:
    def agent(task: Task, _: Path) -> Agent:
        error = ProviderDenied("no more quota")
        return TerminalAgent(ScriptedModel(SOLVED) if task.name == "a" else FailingModel(error))

    results = await job(sandboxes, tmp_path, agent).run()
    assert [(r.outcome, r.cause) for r in results] == [
        (Outcome.PASSED, None),
        (Outcome.INVALID, Cause.PROVIDER_DENIED),
        (Outcome.INVALID, Cause.PROVIDER_REJECTED),
    ]
    assert results[2].started
    assert results[2].timing == {}


@pytest.mark.fault("F52")
async def test_a_trial_that_breaks_does_not_stop_the_others(sandboxes: Sandboxes, tmp_path: Path) -> None:
    def agent(task: Task, _: Path) -> Agent:
        if task.name == "c":
            raise ImportError("a plug-in that cannot even be made")
        return RaisingAgent() if task.name == "b" else NopAgent()

    results = await job(sandboxes, tmp_path, agent, concurrency=3).run()
    broken = (Outcome.INVALID, Cause.HARNESS_ERROR)
    assert [(r.outcome, r.cause) for r in results] == [(Outcome.FAILED, None), broken, broken]


async def test_the_job_says_what_it_was_run_with(sandboxes: Sandboxes, tmp_path: Path) -> None:
    await job(sandboxes, tmp_path, lambda *_: NopAgent()).run()
    document = json.loads((tmp_path / "job" / "job.json").read_text())
    assert document["config"]["sandbox"] == sandboxes.kind
    assert set(document["lock"]["tasks"]) == {"a", "b", "c"}


@pytest.mark.fault("F49")
def test_jobs_of_the_same_second_get_folders_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with ExitStack() as stack:
        assert len({stack.enter_context(new_folder(None, "x")) for _ in range(50)}) == 50


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    with new_folder(tmp_path / "job", "x") as folder:
        assert folder == tmp_path / "job"
        (folder / "file").write_text("")
    with pytest.raises(JobError, match="exists already"), new_folder(tmp_path / "job", "x"):
        pass


class Flaky:
    """Makes agents of which the first ones of a task meet a provider that is gone."""

    def __init__(self, failures: int) -> None:
        self.failures = failures
        self.made: list[str] = []

    def __call__(self, task: Task, journal: Path) -> Agent:
        self.made.append(task.name)
        broken = task.name == "b" and self.made.count("b") <= self.failures
        model = FailingModel(ProviderUnavailable("gone")) if broken else ScriptedModel(SOLVED)
        return TerminalAgent(model, journal=journal)


async def test_what_a_provider_broke_is_tried_again_later_and_both_tries_are_kept(
    sandboxes: Sandboxes, tmp_path: Path
) -> None:
    flaky = Flaky(1)
    results = await job(sandboxes, tmp_path, flaky).run()
    assert flaky.made == ["a", "b", "c", "b"]
    assert [(r.outcome, r.tries) for r in results] == [(Outcome.PASSED, 1), (Outcome.PASSED, 2), (Outcome.PASSED, 1)]
    first = json.loads((tmp_path / "job" / "b" / "1" / "try-1" / "result.json").read_text())
    assert (first["cause"], first["tries"]) == ("provider_unavailable", 1)
    assert (tmp_path / "job" / "b" / "1" / "try-1" / "journal.jsonl").is_file()


async def test_what_stays_broken_is_tried_no_more_often_than_was_asked(sandboxes: Sandboxes, tmp_path: Path) -> None:
    flaky = Flaky(9)
    results = await job(sandboxes, tmp_path, flaky).run()
    assert flaky.made.count("b") == 2
    assert [(r.outcome, r.tries) for r in results][1] == (Outcome.INVALID, 2)


async def test_a_failure_of_the_agents_own_is_not_tried_again(sandboxes: Sandboxes, tmp_path: Path) -> None:
    made = []

    def agent(task: Task, _: Path) -> Agent:
        made.append(task.name)
        return RaisingAgent() if task.name == "a" else NopAgent()

    await job(sandboxes, tmp_path, agent).run()
    assert made == ["a", "b", "c"]


COSTLY = Usage(prompt_tokens=900, completion_tokens=100, cached_tokens=0, cache_creation_tokens=0, cost_usd=1.0)


def spending(task: Task, journal: Path) -> Agent:
    """Make an agent of which each turn costs a dollar, and whose third trial lasts."""
    replies = (reply("sleep 60\n", duration=60), *SOLVED) if task.name == "c" else SOLVED
    completions = [Completion(text=text, usage=COSTLY) for text in replies]
    return TerminalAgent(ScriptedModel(completions), journal=journal)


async def test_a_spent_budget_ends_what_runs_and_leaves_out_the_rest_to_be_resumed(
    sandboxes: Sandboxes, tmp_path: Path
) -> None:
    bounded = job(sandboxes, tmp_path, spending, job_max_cost=7.0, attempts=2)
    events: list[Event] = []
    bounded.jobs[0].on_event = events.append
    results = await bounded.run()
    assert bounded.halted == "the job's 7 dollars are spent"
    assert [(r.task, r.attempt, r.outcome) for r in results[:2]] == [
        ("a", 1, Outcome.PASSED),
        ("b", 1, Outcome.PASSED),
    ]
    assert {r.cause for r in results[2:]} == {Cause.CANCELLED}
    assert {r.message for r in results[2:]} == {bounded.halted}
    assert [r.final for r in results] == [True, True, False, False, False, False]
    assert bounded.usage.cost_usd == 7.0
    assert [event["type"] for event in events if event["type"] == "halted"] == ["halted"]
    found = Recovery(tmp_path / "job").found([(r.task, r.attempt) for r in results])
    assert set(found.results) == {("a", 1), ("b", 1)}
    assert found.spent.cost_usd == 7.0  # the one that was ended half way is counted
    assert (tmp_path / "job" / "c" / "1" / "try-1" / "journal.jsonl").is_file()
    assert not (tmp_path / "job" / "c" / "2" / "try-1").exists()


async def test_tokens_are_a_budget_too(sandboxes: Sandboxes, tmp_path: Path) -> None:
    bounded = job(sandboxes, tmp_path, spending, job_max_tokens=1000)
    await bounded.run()
    assert bounded.halted == "the job's 1000 tokens are spent"


@pytest.mark.fault("F43")
async def test_an_image_that_cannot_be_had_makes_only_its_own_trials_invalid(
    sandboxes: Sandboxes, tmp_path: Path
) -> None:
    asked: list[str] = []

    async def prepare(environment: Environment) -> str | None:
        name = environment.context.parent.name if environment.context else ""
        asked.append(name)
        if name == "b":
            raise ImageBuildError("registry: too many requests")
        return f"sha256:{name}"

    tried = job(sandboxes, tmp_path, lambda *_: NopAgent(), prepare=prepare)
    results = await tried.run()
    assert [(r.outcome, r.cause) for r in results] == [
        (Outcome.FAILED, None),
        (Outcome.INVALID, Cause.IMAGE_BUILD_FAILED),
        (Outcome.FAILED, None),
    ]
    assert sorted(asked) == ["a", "b", "c"]
    document = json.loads((tmp_path / "job" / "job.json").read_text())
    assert document["lock"]["images"] == {"a": ["sha256:a"], "c": ["sha256:c"]}
    assert results[1].message == "registry: too many requests"


async def test_all_is_written_down_before_the_first_trial_begins(sandboxes: Sandboxes, tmp_path: Path) -> None:
    seen = []

    def agent(*_: object) -> Agent:
        document = json.loads((tmp_path / "job" / "job.json").read_text())
        journal = [event["type"] for event in read_lines(tmp_path / "job" / "job.jsonl")]
        seen.append((set(document["lock"]), [kind for kind in journal if kind != "image_ready"]))
        return NopAgent()

    await job(sandboxes, tmp_path, agent).run()
    assert seen[0] == (
        {"tasks", "prompts", "source", "plugins", "packages", "python", "images"},
        ["job_begun", "trial_begun"],
    )
