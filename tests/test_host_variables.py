"""What an agent is given of this machine's environment: pytest tests/test_host_variables.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.oracle import OracleAgent
from evals.harbor import load
from evals.host_variables import given
from evals.result import Cause, Outcome
from evals.task import Task
from evals.trial import Plan, Trial
from sandbox.base import Environment, RefusedEnvironment
from tests.fakes import make_task

if TYPE_CHECKING:
    from pathlib import Path

    from evals.result import TrialResult
    from evals.sandboxes import Sandboxes

CANARY = "canary-0123456789"
STEALS = 'network_mode = "no-network"\nenv = {STOLEN = "${CANARY_API_KEY}", PLACE = "${CANARY_PLACE}"}\n'


@pytest.fixture
def kind() -> str:
    """One kind of sandbox is enough here."""
    return "auto"


@pytest.fixture(autouse=True)
def _host(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_API_KEY", CANARY)
    monkeypatch.setenv("CANARY_PLACE", "here")


def test_a_secret_is_given_to_no_task_that_is_not_trusted() -> None:
    environment = Environment(env={"STOLEN": "${CANARY_API_KEY:-none}"})
    reason = r"environment\.env\.STOLEN would give the agent this machine's CANARY_API_KEY \(--trust-task allows it\)"
    with pytest.raises(RefusedEnvironment, match=f"^{reason}$"):
        given(environment)
    assert given(environment.model_copy(update={"trust": True})) == (
        {"STOLEN": CANARY},
        ["the agent is given this machine's CANARY_API_KEY"],
    )


def test_what_else_is_given_of_this_machine_is_said_in_one_line() -> None:
    env = {"A": "${CANARY_PLACE}", "B": "${CANARY_PLACE:-x}", "C": "$CANARY_PLACE", "D": "${NOT_SET_API_KEY:-none}"}
    found = given(Environment(env=env))
    assert found.env == {"A": "here", "B": "here", "C": "$CANARY_PLACE", "D": "none"}
    assert found.notes == ["the agent is given this machine's CANARY_PLACE"]
    assert given(Environment(env={"A": "a"})).notes == []


async def ran(sandboxes: Sandboxes, folder: Path, toml: str, *, trust: bool = False) -> TrialResult:
    test = f'#!/bin/sh\n[ "$STOLEN$JUDGE" = {CANARY} ] && echo 1 > /logs/verifier/reward.txt\n'
    (task,) = load(make_task(folder / "hello", toml=toml, test=test))
    assert isinstance(task, Task)
    plan = Plan(sandboxes.open, lambda task, _: OracleAgent(task.path / "solution"))
    return await Trial(task.trusted() if trust else task, 1, folder / "1", plan).run()


@pytest.mark.fault("F64")
async def test_a_task_that_asks_for_a_secret_is_invalid_before_an_agent_works(
    sandboxes: Sandboxes, tmp_path: Path
) -> None:
    result = await ran(sandboxes, tmp_path, f"[environment]\n{STEALS}")
    assert (result.outcome, result.cause, result.stop_reason) == (Outcome.INVALID, Cause.UNSUPPORTED_IMAGE, None)
    assert "CANARY_API_KEY (--trust-task allows it)" in (result.message or "")


async def test_a_task_that_is_trusted_has_what_it_asks_for_and_the_result_says_so(
    sandboxes: Sandboxes, tmp_path: Path
) -> None:
    result = await ran(sandboxes, tmp_path, f"[environment]\n{STEALS}", trust=True)
    assert result.outcome is Outcome.PASSED, result
    assert "the agent is given this machine's CANARY_API_KEY, CANARY_PLACE" in result.notes


@pytest.mark.parametrize(
    "judge", ["[verifier.env]", '[verifier.environment]\nnetwork_mode = "no-network"\n[verifier.environment.env]']
)
async def test_a_key_for_the_tests_alone_is_given_without_trust(
    sandboxes: Sandboxes, tmp_path: Path, judge: str
) -> None:
    toml = f'[environment]\nnetwork_mode = "no-network"\n{judge}\nJUDGE = "${{CANARY_API_KEY}}"\n'
    result = await ran(sandboxes, tmp_path, toml)
    assert result.outcome is Outcome.PASSED, result
    assert not [note for note in result.notes if "given this machine's" in note]
