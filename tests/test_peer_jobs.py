"""Folders that Harbor 0.26 and Terminal-Bench 0.2.18 wrote about our tasks, cut down: pytest tests/test_peer_jobs.py.

Harbor's job was ended by a signal in its second attempts. Terminal-Bench's image of `broken-image` could not be built.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from evals.analysis.compare import NotComparable, compare
from evals.analysis.job_record import NOT_RUN
from evals.analysis.jobs import read_jobs
from tests.job_folders import read_job, write
from tests.test_jobs import outcomes

FILES = json.loads(Path(__file__).with_name("peer_jobs.json").read_bytes())


@pytest.fixture
def written(tmp_path: Path) -> Path:
    for name, document in FILES.items():
        write(tmp_path / name, document)
    return tmp_path


def test_harbors_two_agents_are_read_with_what_the_signal_cut_off(written: Path) -> None:
    good, bad = read_jobs(written / "harbor")
    assert good.model == {
        "model": "openai/good",
        "api_base": "http://127.0.0.1:8917/v1",
        "reasoning_effort": "low",
    }
    assert (bad.model["model"], good.agent) == ("openai/bad", {"agent": "terminus-2", "agent_version": "2.0.0"})
    assert outcomes(good) == {
        "many-rewards 1": "invalid AuthenticationError",
        "many-rewards 2": f"invalid {NOT_RUN}",
        "slow-work 1": "failed AgentTimeoutError",
        "slow-work 2": "invalid verifier_no_result",
        "write-note 1": "passed",  # the work was done when the time was up
        "write-note 2": "passed",
    }
    assert outcomes(bad) == {
        "many-rewards 1": "failed AgentTimeoutError",
        "many-rewards 2": f"invalid {NOT_RUN}",
        "slow-work 1": "failed AgentTimeoutError",
        "slow-work 2": "invalid CancelledError",
        "write-note 1": "failed AgentTimeoutError",
        "write-note 2": "invalid CancelledError",
    }
    done = next(trial for trial in good.trials if trial.task == "write-note")
    assert (done.tokens, done.usage.cost_usd) == (1000, None)


def test_harbor_agents_with_other_timeouts_are_compared_by_force_alone(written: Path) -> None:
    jobs = read_jobs(written / "harbor")
    with pytest.raises(NotComparable, match="override_timeout_sec"):
        compare(jobs)
    assert compare(jobs, force=True).pairs


def test_terminal_benchs_run_is_read_with_the_image_that_broke(written: Path) -> None:
    job = read_job(written / "terminal-bench")
    first = {name: outcome for name, outcome in outcomes(job).items() if name.endswith(" 1")}
    assert first == {
        "broken-image 1": "invalid unknown_agent_error",
        "no-summary 1": "invalid verifier_no_result",
        "slow-tests 1": "invalid verifier_timeout",
        "slow-work 1": "passed",  # the work was done when the time was up
        "two-services 1": "passed",
        "write-note 1": "passed",
    }
    assert outcomes(job)["broken-image 2"] == "invalid unknown_agent_error"
    assert job.conditions["terminal-bench"] == "0.2.18"
    assert job.configuration == {"agent": "oracle"}  # which has no model, whatever its file says
