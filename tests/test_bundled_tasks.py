"""The bundled tasks in each kind of sandbox: pytest tests/test_bundled_tasks.py."""

from __future__ import annotations

import filecmp
from typing import TYPE_CHECKING

import pytest

from agent.litellm_model import LiteLLMModel
from agent.loop import TerminalAgent
from agent.scripted import load_recording
from evals.check import check
from evals.cli import BUNDLED
from evals.experiment import Experiment
from evals.harbor import load
from evals.job import Job
from evals.job_config import JobConfig
from evals.result import Outcome, TrialResult
from evals.task import Task
from evals.trial import Plan
from tests.conftest import found
from tests.scripted_server import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agent.base import Agent
    from evals.sandboxes import Sandboxes

ROOT = BUNDLED.parent.parent
TASKS = [task for task in load(BUNDLED) if isinstance(task, Task)]
INSTRUCTIONS = {name: told for task in TASKS for name, told in task.instructions.items()}
RECORDED = load_recording(BUNDLED.parent / "recorded" / "demo.json")
ORACLES_TIME = 60
"""Seconds within which each oracle's trial must be over."""


async def outcomes(
    sandboxes: Sandboxes, folder: Path, agent: Callable[[Task, Path], Agent]
) -> dict[str, tuple[Outcome, str | None]]:
    """Run one agent on every bundled task, four at a time."""
    config = JobConfig(agent="test", sandbox=sandboxes.kind, concurrency=4, attempts=1)
    results: list[TrialResult] = await Experiment([Job(config, TASKS, Plan(sandboxes.open, agent), folder)]).run()
    return {result.task: (result.outcome, result.message) for result in results}


def all_of(outcome: Outcome) -> dict[str, tuple[Outcome, str | None]]:
    return {task.name: (outcome, None) for task in TASKS}


@pytest.mark.long
@pytest.mark.fault("F58")
async def test_nothing_is_found_against_any_task(kind: str, tmp_path: Path) -> None:
    clones = [folder for folder in ROOT.parent.iterdir() if (folder / "evals" / "tasks").is_dir()]
    async with found(kind, hidden=clones) as sandboxes:  # a local one would show the tests in them
        findings = await check(TASKS, sandboxes, folder=tmp_path / "runs", times=2, concurrency=4)
    assert [finding for finding in findings if finding.is_against] == []
    warned = {(one.task, one.check) for one in findings if one.warning and one.check != "timing"}
    assert warned <= {("rescue-git-history", "git")}  # what is lost there is the task
    for name in ("oracle", "oracle 2", "nop", "image"):
        assert [finding.task for finding in findings if finding.check == name] == [task.name for task in TASKS]
    cheats = [(task.name, f"cheat {script.stem}") for task in TASKS for script in task.path.glob("cheats/*.sh")]
    assert len(cheats) >= len(TASKS)
    assert {(one.task, one.check) for one in findings if one.check.startswith("cheat ")} == set(cheats)
    assert [one for one in findings if one.check == "oracle 2" and one.seconds >= ORACLES_TIME] == []


async def test_a_model_behind_http_solves_every_task(
    sandboxes: Sandboxes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", "sk-test-canary-0123456789")
    with ScriptedServer(RECORDED, INSTRUCTIONS) as server:
        model = LiteLLMModel("openai/scripted", api_base=server.url)
        ended = await outcomes(sandboxes, tmp_path / "job", lambda _, journal: TerminalAgent(model, journal=journal))
        await model.close()
    assert ended == all_of(Outcome.PASSED)
    assert len(server.requests) == sum(len(replies) for replies in RECORDED.values())
    written = [path.read_bytes() for path in (tmp_path / "job").rglob("*") if path.is_file()]
    assert not any(b"canary-0123456789" in content for content in written)


@pytest.mark.parametrize("task", TASKS, ids=lambda task: str(task.name))
def test_what_tests_share_with_the_environment_is_the_same(task: Task) -> None:
    shared = {path.name: path for path in (task.path / "environment").rglob("*") if path.is_file()}
    for path in (task.path / "tests").rglob("*"):
        if path.is_file() and path.name in shared:
            assert filecmp.cmp(path, shared[path.name], shallow=False), path.name
