"""Jobs of several trials: pytest tests/test_job.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from agent.loop import TerminalAgent
from agent.model import ProviderRejected
from agent.oracle import NopAgent
from evals.harbor import load
from evals.job import Job, JobConfig, JobError, new_folder, read_results
from evals.result import Cause, Outcome
from evals.task import Task
from evals.trial import Plan
from tests.fakes import RaisingAgent, make_task
from tests.test_loop import FailingModel

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agent.base import Agent
    from evals.sandboxes import Sandboxes


@pytest.fixture
def kind() -> str:
    """One kind of sandbox is enough here."""
    return "auto"


def job(sandboxes: Sandboxes, folder: Path, agent: Callable[[Task, Path], Agent], concurrency: int = 1) -> Job:
    for name in ("a", "b", "c"):
        make_task(folder / "tasks" / name)
    tasks = [task for task in load(folder / "tasks") if isinstance(task, Task)]
    config = JobConfig(agent="test", sandbox=sandboxes.kind, concurrency=concurrency, attempts=1)
    return Job(config, tasks, Plan(sandboxes.open, agent), folder / "job")


async def test_a_provider_that_rejects_the_first_trial_is_not_asked_again(sandboxes: Sandboxes, tmp_path: Path) -> None:
    asked = []

    def agent(task: Task, _: Path) -> Agent:
        asked.append(task.name)
        return TerminalAgent(FailingModel(ProviderRejected("no key")))

    results = await job(sandboxes, tmp_path, agent).run()
    assert asked == ["a"]
    assert [(r.outcome, r.cause) for r in results] == [(Outcome.INVALID, Cause.PROVIDER_REJECTED)] * 3
    assert read_results(tmp_path / "job") == results  # those left out are counted too


async def test_a_trial_that_breaks_does_not_stop_the_others(sandboxes: Sandboxes, tmp_path: Path) -> None:
    results = await job(
        sandboxes, tmp_path, lambda task, _: RaisingAgent() if task.name == "b" else NopAgent(), concurrency=3
    ).run()
    assert [r.outcome for r in results] == [Outcome.FAILED, Outcome.INVALID, Outcome.FAILED]


async def test_the_job_says_what_it_was_run_with(sandboxes: Sandboxes, tmp_path: Path) -> None:
    await job(sandboxes, tmp_path, lambda *_: NopAgent()).run()
    document = json.loads((tmp_path / "job" / "job.json").read_text())
    assert document["config"]["sandbox"] == sandboxes.kind
    assert set(document["lock"]["tasks"]) == {"a", "b", "c"}


def test_jobs_of_the_same_second_get_folders_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert len({new_folder(None, "x") for _ in range(20)}) == 20


def test_a_folder_that_holds_something_is_refused(tmp_path: Path) -> None:
    (tmp_path / "job").mkdir()
    assert new_folder(tmp_path / "job", "x") == tmp_path / "job"
    (tmp_path / "job" / "file").write_text("")
    with pytest.raises(JobError, match="exists already"):
        new_folder(tmp_path / "job", "x")


@pytest.mark.parametrize("content", ["", "{", "null", "[]"])
def test_a_damaged_result_is_named(tmp_path: Path, content: str) -> None:
    (tmp_path / "a" / "1").mkdir(parents=True)
    (tmp_path / "a" / "1" / "result.json").write_text(content)
    with pytest.raises(JobError, match=r"a/1/result\.json"):
        read_results(tmp_path)
