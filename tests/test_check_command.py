"""`termstone check` as a user runs it: pytest tests/test_check_command.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from evals.cli import parser
from evals.job_config import configs_of
from evals.selection import found_tasks, given
from evals.task import Task
from tests.fakes import make_task
from tests.test_cli import termstone

if TYPE_CHECKING:
    from pathlib import Path


def test_check_finds_a_task_that_passes_by_itself(tmp_path: Path) -> None:
    make_task(tmp_path / "tasks" / "sound")
    make_task(tmp_path / "tasks" / "hollow", test="#!/bin/sh\necho 1 > /logs/verifier/reward.txt\n")
    ran = termstone("check", tmp_path / "tasks", "-n", 2, "--output", tmp_path / "job")
    assert ran.returncode == 1
    (bad,) = [line for line in ran.stdout.splitlines() if "BAD" in line]
    assert bad.split()[0] == "hollow"
    assert "nop" in bad
    assert "2 tasks checked, 1 problem" in ran.stdout
    as_json = termstone("check", tmp_path / "tasks", "-n", 2, "--json", "--output", tmp_path / "other")
    findings = [json.loads(line) for line in as_json.stdout.splitlines()]
    assert [(it["task"], it["check"]) for it in findings if not it["ok"] and not it["warning"]] == [("hollow", "nop")]


def test_a_task_that_wants_much_of_this_machine_is_checked_only_when_it_is_trusted(tmp_path: Path) -> None:
    arguments = parser().parse_args(["check", str(make_task(tmp_path / "hello")), "--trust-task"])
    (task,) = found_tasks(*configs_of(given(arguments)))
    assert isinstance(task, Task)
    assert task.environment.trust


def test_in_a_local_sandbox_the_check_without_a_network_is_left_out_and_said_once(tmp_path: Path) -> None:
    for name in ("a", "b"):
        make_task(tmp_path / "tasks" / name, toml='[environment]\nnetwork_mode = "public"\n')
    words = ("check", tmp_path / "tasks", "--sandbox", "local", "--output", tmp_path / "job")
    ran = termstone(*words)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "offline is not tried for 2 tasks: the network of a local sandbox stays" in ran.stdout
    assert [line for line in ran.stdout.splitlines() if "warning" in line or "  offline" in line] == []
