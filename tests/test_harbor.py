from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evals.cli import BUNDLED
from evals.harbor import load
from evals.task import BrokenTask, Task, TaskError, resolved
from tests.fakes import make_task

if TYPE_CHECKING:
    from pathlib import Path

FULL = """
schema_version = "1.4"
source = "x"
artifacts = ["/app/out"]
[task]
name = "org/hello"
description = "Says hello."
keywords = ["a"]
[metadata]
difficulty = "easy"
category = "files"
[agent]
timeout_sec = 90
user = "worker"
[verifier]
timeout_sec = 30.5
user = 1000
env = {KEY = "${TERMSTONE_TEST_KEY:-none}"}
[[verifier.collect]]
command = "true"
[solution]
env = {A = "b"}
[environment]
build_timeout_sec = 100
cpus = 1.5
memory_mb = 512
storage_mb = 100
env = {B = "c"}
workdir = "/srv"
network_mode = "allowlist"
allowed_hosts = ["example.org"]
[environment.healthcheck]
command = "true"
[[environment.mcp_servers]]
name = "m"
"""


def one(folder: Path) -> Task | BrokenTask:
    (task,) = load(folder)
    return task


def good(folder: Path) -> Task:
    task = one(folder)
    assert isinstance(task, Task), task
    return task


def reason(folder: Path) -> str:
    task = one(folder)
    assert isinstance(task, BrokenTask), task
    assert "\n" not in task.reason
    return task.reason


def test_all_of_a_task_is_read(tmp_path: Path) -> None:
    task = good(make_task(tmp_path / "hello", toml=FULL))
    assert (task.name, task.description, task.facts[:2]) == ("hello", "Says hello.", ("easy", "files"))
    assert (task.agent_timeout, task.agent_user) == (90, "worker")
    assert (task.verifier.timeout, task.verifier.user) == (30.5, "1000")
    environment = task.environment
    assert (environment.cpus, environment.memory_mb, environment.workdir) == (1.5, 512, "/srv")
    assert (environment.env, environment.build_timeout) == ({"B": "c"}, 100)
    assert environment.network is False
    assert task.solution_env == {"A": "b"}


def test_what_is_not_honoured_is_said(tmp_path: Path) -> None:
    toml = FULL + "[environment.surprise]\nx = 1\n[unheard]\ny = 2\n"
    notes = " ".join(good(make_task(tmp_path / "hello", toml=toml)).notes)
    for word in ("artifacts", "collect", "storage_mb", "healthcheck", "mcp_servers", "allowed_hosts"):
        assert word in notes
    assert "environment.surprise is not known" in notes
    assert "unheard is not known" in notes


def test_older_keys_are_read(tmp_path: Path) -> None:
    toml = 'version = "1.0"\n[environment]\nmemory = "2G"\nstorage = "10G"\nallow_internet = false\n'
    task = good(make_task(tmp_path / "old", toml=toml))
    assert (task.environment.memory_mb, task.environment.network) == (2048, False)
    assert good(make_task(tmp_path / "bare", toml="")).environment.network is True  # Harbor's default is public
    assert "not known" not in " ".join(task.notes)


def test_leading_canaries_are_no_part_of_the_instruction(tmp_path: Path) -> None:
    folder = make_task(tmp_path / "hello")
    (folder / "instruction.md").write_text("<!-- a canary GUID 1 -->\n# canary 2\n\n# Title\nDo it.\n")
    assert good(folder).instruction == "# Title\nDo it."


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("not toml", "task.toml does not parse"),
        ("[agent]\ntimeout_sec = 'soon'\n", "agent.timeout_sec"),
        ("[agent]\ntimeout_sec = -1\n", "agent.timeout_sec"),
        ("[environment]\nmemory = 'much'\n", "environment.memory"),
        ("[environment]\nos = 'windows'\n", "Windows"),
        ("[[steps]]\nname = 'a'\n", "multi-step"),
        ("[verifier]\nenvironment_mode = 'separate'\n", "separate verifier"),
        ("x = 1\n" * 300_000, "larger than"),
    ],
)
def test_a_task_that_cannot_be_run_rightly_is_broken(tmp_path: Path, toml: str, says: str) -> None:
    assert says in reason(make_task(tmp_path / "broken", toml=toml))


@pytest.mark.parametrize("missing", ["instruction.md", "tests/test.sh", "environment/Dockerfile"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    folder = make_task(tmp_path / "broken")
    (folder / missing).unlink()
    assert missing in reason(folder)


def test_a_compose_file_is_not_quietly_left_out(tmp_path: Path) -> None:
    folder = make_task(tmp_path / "broken")
    (folder / "environment" / "docker-compose.yaml").write_text("services: {}\n")
    assert "docker-compose.yaml" in reason(folder)


def test_a_prebuilt_image_needs_no_dockerfile(tmp_path: Path) -> None:
    folder = make_task(tmp_path / "hello", toml='[environment]\ndocker_image = "debian:12"\n')
    (folder / "environment" / "Dockerfile").unlink()
    environment = good(folder).environment
    assert (environment.image, environment.context) == ("debian:12", None)


def test_a_broken_task_does_not_stop_the_others(tmp_path: Path) -> None:
    for name in ("c", "a", "b"):
        make_task(tmp_path / name)
    (tmp_path / "b" / "task.toml").write_text("[")
    (tmp_path / "no-task").mkdir()
    found = list(load(tmp_path))
    assert [(task.name, type(task)) for task in found] == [("a", Task), ("b", BrokenTask), ("c", Task)]


@pytest.mark.parametrize("what", ["missing", "empty", "file"])
def test_a_path_without_tasks_is_one_clear_line(tmp_path: Path, what: str) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "file").write_text("")
    with pytest.raises(TaskError, match=what):
        list(load(tmp_path / what))


def test_a_link_in_a_circle_is_not_followed(tmp_path: Path) -> None:
    folder = make_task(tmp_path / "hello")
    (folder / "environment" / "again").symlink_to(folder)
    assert len(good(folder).digest) == 64


def test_the_digest_follows_every_file(tmp_path: Path) -> None:
    before = good(make_task(tmp_path / "hello")).digest
    assert good(make_task(tmp_path / "copy" / "hello")).digest == before
    assert good(make_task(tmp_path / "hello", test="#!/bin/sh\n")).digest != before


def test_values_from_the_environment_are_filled_in_late(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERMSTONE_TEST_KEY", "secret")
    env = {"A": "${TERMSTONE_TEST_KEY}", "B": "${TERMSTONE_UNSET:-b}", "C": "x ${TERMSTONE_TEST_KEY}"}
    assert resolved(env, "env") == {"A": "secret", "B": "b", "C": "x ${TERMSTONE_TEST_KEY}"}
    with pytest.raises(TaskError, match=r"env\.D needs the environment variable TERMSTONE_UNSET"):
        resolved({"D": "${TERMSTONE_UNSET}"}, "env")


def test_the_bundled_tasks_are_all_usable_and_fully_honoured() -> None:
    found = list(load(BUNDLED))
    assert len(found) >= 8
    for task in found:
        assert isinstance(task, Task), task
        assert task.notes == ()
        assert (task.solution / "solve.sh").is_file()
