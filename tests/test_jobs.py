"""Job folders of three harnesses, read: pytest tests/test_jobs.py."""

from __future__ import annotations

import json
import os
import shutil
from typing import TYPE_CHECKING

import pytest

from evals.analysis.job_record import NOT_RUN, RecordError
from evals.analysis.jobs import read_jobs
from tests.job_folders import read_job, write, write_harbor, write_terminal_bench, write_termstone

if TYPE_CHECKING:
    from pathlib import Path

    from evals.analysis.job_record import JobRecord


def outcomes(job: JobRecord) -> dict[str, str]:
    """Name what became of each attempt, with its cause."""
    return {f"{t.task} {t.attempt}": f"{t.outcome}" + (f" {t.cause}" if t.cause else "") for t in job.trials}


def test_our_own_job_is_read_with_what_it_was_run_with(tmp_path: Path) -> None:
    job = read_job(write_termstone(tmp_path / "a", {"x": "PF", "y": "I."}, reasoning_effort="high"))
    assert outcomes(job) == {
        "x 1": "passed",
        "x 2": "failed",
        "y 1": "invalid provider_unavailable",
        "y 2": f"invalid {NOT_RUN}",
    }
    assert job.model == {"model": "openai/gpt-5", "reasoning_effort": "high"}
    assert job.agent == {"agent": "termstone", "agent_version": "0.1.0"}
    assert job.conditions["prompts"] == "a" * 64
    assert job.conditions["turn_seconds"] == "600.0"
    first = job.trials[0]
    assert (first.tokens, first.usage.cost_usd, first.seconds, first.folder) == (10_000, 0.02, 24.5, tmp_path / "a/x/1")
    assert job.trials[-1].folder is None


def test_a_harbor_job_is_one_record_for_each_of_its_agents(tmp_path: Path) -> None:
    folder = write_harbor(tmp_path / "h", {"low": {"x": "PT", "y": "X."}, "high": {"x": "PP", "y": "IF"}})
    low, high = read_jobs(folder)
    assert (low.model["reasoning_effort"], high.model["reasoning_effort"]) == ("low", "high")
    assert outcomes(low) == {
        "x 1": "passed",
        "x 2": "failed AgentTimeoutError",
        "y 1": "invalid ApiRateLimitError",  # a reward of 0, which says nothing about the agent
        "y 2": f"invalid {NOT_RUN}",
    }
    assert outcomes(high)["y 1"] == "invalid RewardFileNotFoundError"
    assert (low.trials[0].tokens, low.trials[0].usage.cost_usd, low.trials[0].timing) == (1000, None, {"agent": 30.0})
    assert low.conditions["harbor"] == "0.26.0"


def test_harbors_own_word_on_a_reward_counts(tmp_path: Path) -> None:
    (job,) = read_jobs(write_harbor(tmp_path / "h", {"low": {"x": "PX"}}, reward_valid=True))
    assert outcomes(job) == {"x 1": "passed", "x 2": "failed ApiRateLimitError"}


def test_a_harbor_job_that_was_cut_off_counts_what_its_lock_planned(tmp_path: Path) -> None:
    folder = write_harbor(tmp_path / "h", {"low": {"x": "P"}, "high": {"x": "P"}})
    agents = json.loads((folder / "config.json").read_text())["agents"]
    planned = [{"task": {"name": task}, "agent": agent} for task in ("x", "y") for agent in agents]
    write(folder / "lock.json", {"trials": planned})
    low, high = read_jobs(folder)
    assert outcomes(low) == outcomes(high) == {"x 1": "passed", "y 1": f"invalid {NOT_RUN}"}


@pytest.mark.parametrize("setting", [{"mcp_servers": ["a"]}, {"max_timeout_sec": 9.0}, {"resume_trajectory": True}])
def test_harbor_agents_that_differ_in_any_setting_are_two(tmp_path: Path, setting: dict[str, object]) -> None:
    folder = write_harbor(tmp_path / "h", {"low": {"x": "PF"}})
    path = next(folder.glob("x__low2/result.json"))
    result = json.loads(path.read_text())
    result["config"]["agent"] |= setting
    write(path, result)
    first, second = read_jobs(folder)
    assert (outcomes(first)["x 1"], outcomes(second)["x 1"]) == ("passed", "failed")
    assert (first.configuration | first.conditions) != (second.configuration | second.conditions)


def test_how_many_trials_run_at_once_makes_no_other_agent(tmp_path: Path) -> None:
    folder = write_harbor(tmp_path / "h", {"low": {"x": "PF"}})
    path = next(folder.glob("x__low2/result.json"))
    result = json.loads(path.read_text())
    result["config"]["agent"] |= {"n_concurrent": 2, "skip_model_parsing": False, "mcp_servers": []}
    write(path, result)
    assert outcomes(read_job(folder)) == {"x 1": "passed", "x 2": "failed"}


def test_a_trial_that_only_terminal_benchs_list_of_results_knows_keeps_its_cause(tmp_path: Path) -> None:
    folder = write_terminal_bench(tmp_path / "r", "openai/a", {"x": "P"})
    lost = {"trial_name": "y.1-of-1.r", "task_id": "y", "is_resolved": None, "failure_mode": "unknown_agent_error"}
    write(folder / "results.json", {"results": [lost, {**lost, "trial_name": "x.1-of-1.r", "task_id": "x"}]})
    job = read_job(folder)
    assert outcomes(job) == {"x 1": "passed", "y 1": "invalid unknown_agent_error"}
    assert job.trials[1].folder is None


def test_a_terminal_bench_run_is_read_and_a_pass_without_tests_is_none(tmp_path: Path) -> None:
    job = read_job(write_terminal_bench(tmp_path / "r", "openai/a", {"x": "PF", "y": "T0", "z": "X."}))
    assert outcomes(job) == {
        "x 1": "passed",
        "x 2": "failed",
        "y 1": "failed deadline",
        "y 2": "invalid verifier_no_result",
        "z 1": "invalid unknown_agent_error",
        "z 2": "failed",
    }
    assert (job.trials[0].tokens, job.trials[0].timing) == (None, {"agent": 60.0})
    assert job.configuration == {"model": "openai/a", "agent": "terminus"}


def test_a_run_whose_trial_was_cut_short_counts_it(tmp_path: Path) -> None:
    folder = write_terminal_bench(tmp_path / "r", "openai/a", {"x": "PP"})
    next(folder.glob("x/x.2*/results.json")).unlink()
    assert outcomes(read_job(folder))["x 2"] == f"invalid {NOT_RUN}"


@pytest.mark.parametrize("name", ["job.json", "x/1/result.json"])
@pytest.mark.parametrize("content", ["", '{"config": {"attempts"', "null", "[]", "{}"])
def test_a_damaged_file_is_named_in_one_line(tmp_path: Path, name: str, content: str) -> None:
    folder = write_termstone(tmp_path / "a", {"x": "P"})
    (folder / name).write_text(content)
    with pytest.raises(RecordError, match=name) as caught:
        read_job(folder)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize("name", ["config.json", "x__low1/result.json", "lock.json"])
@pytest.mark.parametrize("content", ["", "[]", '{"harbor": 4, "agents": 3, "config": {"agent": {}}}'])
def test_a_damaged_file_of_harbors_is_named_in_one_line(tmp_path: Path, name: str, content: str) -> None:
    folder = write_harbor(tmp_path / "h", {"low": {"x": "P"}})
    (folder / name).write_text(content)
    with pytest.raises(RecordError, match=r"h/") as caught:
        read_jobs(folder)
    assert len(str(caught.value).splitlines()) == 1


@pytest.mark.parametrize(
    "content", ["", "[]", '{"parser_results": {"a": "passed"}, "is_resolved": true, "total_input_tokens": []}1']
)
def test_a_damaged_file_of_terminal_benchs_is_named_in_one_line(tmp_path: Path, content: str) -> None:
    folder = write_terminal_bench(tmp_path / "r", "openai/a", {"x": "P"})
    next(folder.glob("x/*/results.json")).write_text(content)
    with pytest.raises(RecordError, match=r"results\.json"):
        read_jobs(folder)


def test_what_is_no_job_is_said(tmp_path: Path) -> None:
    with pytest.raises(RecordError, match="no such folder"):
        read_job(tmp_path / "none")
    with pytest.raises(RecordError, match="is no job"):
        read_job(tmp_path)
    write(tmp_path / "trial/result.json", {})
    with pytest.raises(RecordError, match="is no job"):
        read_job(tmp_path / "trial")
    with pytest.raises(RecordError, match="no trials"):
        read_job(write_termstone(tmp_path / "empty", {}))


@pytest.mark.parametrize("number", ["NaN", "Infinity", "1e400", "-1", f"1{400 * '0'}"])
@pytest.mark.parametrize("name", ["prompt_tokens", "cost_usd"])
def test_what_is_no_amount_is_damage_and_is_never_added_up(tmp_path: Path, name: str, number: str) -> None:
    folder = write_termstone(tmp_path / "a", {"x": "P"}, result={"usage": {name: "@"}})
    path = folder / "x/1/result.json"
    path.write_text(path.read_text().replace('"@"', number))
    with pytest.raises(RecordError, match=r"x/1/result\.json is damaged"):
        read_job(folder)


@pytest.mark.parametrize("number", ["NaN", "1e400", "1e308"])
def test_a_time_that_is_none_is_damage(tmp_path: Path, number: str) -> None:
    folder = write_termstone(tmp_path / "a", {"x": "P"}, result={"timing": {"agent": "@"}})
    path = folder / "x/1/result.json"
    path.write_text(path.read_text().replace('"@"', number))
    with pytest.raises(RecordError, match=r"x/1/result\.json is damaged"):
        read_job(folder)


@pytest.mark.parametrize("attempts", [10**12, float("inf"), 0, -1, None, "many"])
def test_a_number_of_attempts_that_nobody_runs_is_damage(tmp_path: Path, attempts: object) -> None:
    folder = write_termstone(tmp_path / "a", {"x": "P"})
    job = json.loads((folder / "job.json").read_text())
    write(folder / "job.json", job | {"config": job["config"] | {"attempts": attempts}})
    with pytest.raises(RecordError, match=r"job\.json is damaged"):
        read_job(folder)


@pytest.mark.parametrize("kwargs", ["text", [1], 4])
def test_damaged_settings_of_a_harbor_trial_are_named_by_its_folder(tmp_path: Path, kwargs: object) -> None:
    folder = write_harbor(tmp_path / "h", {"low": {"x": "PP"}})
    path = folder / "x__low2/result.json"
    result = json.loads(path.read_text())
    result["config"]["agent"]["kwargs"] = kwargs
    write(path, result)
    with pytest.raises(RecordError, match=r"x__low2 is damaged"):
        read_jobs(folder)


def test_a_damaged_value_of_a_harbor_trial_is_named_by_its_file(tmp_path: Path) -> None:
    folder = write_harbor(tmp_path / "h", {"low": {"x": "P"}}, started_at=[], step_results=4)
    with pytest.raises(RecordError, match=r"x__low1/result\.json is damaged"):
        read_jobs(folder)


def test_a_copy_of_a_tasks_folder_does_not_count_twice(tmp_path: Path) -> None:
    folder = write_termstone(tmp_path / "a", {"x": "P", "y": "F"})
    shutil.copytree(folder / "x", folder / "x-before")
    with pytest.raises(RecordError, match="attempt 1 at x is there twice"):
        read_job(folder)


def test_a_pipe_in_a_job_is_not_waited_for(tmp_path: Path) -> None:
    folder = write_termstone(tmp_path / "a", {"x": "P."})
    (folder / "x/2").mkdir()
    os.mkfifo(folder / "x/2/result.json")
    assert outcomes(read_job(folder))["x 2"] == f"invalid {NOT_RUN}"
