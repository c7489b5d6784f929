from __future__ import annotations

import os
import tomllib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

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
    assert (task.name, task.title, task.description) == ("hello", "org/hello", "Says hello.")
    assert task.facts == ("easy", "files", "Says hello.")
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


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("schema_version = '1.5'\n", "schema_version 1.5 is newer"),
        ("schema_version = '2'\n", "schema_version 2 is newer"),
        ("[agent]\nnetwork_mode = 'no-network'\n", "agent.network_mode is not honoured"),
        ("[verifier]\nallowed_hosts = ['a.org']\n", "verifier.network_mode is not honoured"),
        ("[environment]\ngpus = 1\n", "gpus"),
        ("[environment]\ntpu = {type = 'v5'}\n", "gpus"),
        ("[environment]\nskills_dir = '/skills'\n", "skills_dir"),
        ('"two\\nlines" = 1\n', "two lines is not known"),
    ],
)
def test_each_thing_that_is_not_honoured_has_its_line(tmp_path: Path, toml: str, says: str) -> None:
    (note,) = good(make_task(tmp_path / "hello", toml=toml)).notes
    assert says in note


@pytest.mark.parametrize(
    "toml",
    [
        "schema_version = '1.0'\n",
        "schema_version = '1.4'\n[environment]\ngpus = 0\nmcp_servers = []\n",
        "[agent]\nnetwork_mode = 'public'\n[verifier]\nnetwork_mode = 'public'\nenvironment_mode = 'shared'\n",
    ],
)
def test_what_changes_nothing_is_not_noted(tmp_path: Path, toml: str) -> None:
    assert good(make_task(tmp_path / "hello", toml=toml)).notes == ()


@pytest.mark.parametrize("name", [".harborignore", "tests/.harborignore", "solution/.harborignore", "trajectory.json"])
def test_files_that_are_not_honoured_are_said(tmp_path: Path, name: str) -> None:
    folder = make_task(tmp_path / "hello")
    (folder / name).write_text("*.pyc\n")
    (note,) = good(folder).notes
    assert name.rpartition("/")[2] in note


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
        ("[agent]\ntimeout_sec = inf\n", "agent.timeout_sec"),
        ("[verifier]\ntimeout_sec = nan\n", "verifier.timeout_sec"),
        ("[environment]\nbuild_timeout_sec = 0\n", "environment.build_timeout_sec"),
        ("[environment]\nmemory_mb = -5\n", "environment.memory_mb"),
        ("[environment]\ncpus = 'many'\n", "environment.cpus"),
        ("[environment]\nworkdir = 'app'\n", "environment.workdir"),
        ("[environment]\nnetwork_mode = 'some'\n", "environment.network_mode"),
        ("[environment.env]\nA = 1\n", "environment.env.A"),
        ('[environment.env]\n"A=B" = "1"\n', "environment.env.A=B"),
        ('[environment.env]\nA = "\\u0000"\n', "environment.env.A"),
        ('[environment.env]\n"A\\nB" = 1\n', "environment.env.A B"),
        ("agent = 5\n", "agent"),
        ("[verifier.environment]\ncpus = 1\n", "separate verifier"),
        (f"x = {'9' * 5000}\n", "task.toml does not parse"),
        (f"x = {'[' * 50_000}\n", "task.toml does not parse"),
        ("x = 1\nx = 2\n", "task.toml does not parse"),
        ("a" + ".a" * 400_000 + " = 1\n", "a key of more than a hundred parts"),
        ("[x" + " . 'a'" * 150 + "]\n", "a key of more than a hundred parts"),
    ],
    ids=lambda text: text[:40].replace("\0", ""),
)
def test_a_task_that_cannot_be_run_rightly_is_broken(tmp_path: Path, toml: str, says: str) -> None:
    assert says in reason(make_task(tmp_path / "broken", toml=toml))


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (b"", "instruction.md is empty"),
        (b"<!-- canary -->\n\n", "instruction.md is empty"),
        (b"\xff\xfe", "instruction.md is not UTF-8"),
        (b"x" * 10_000_000, "instruction.md: larger than 1,000,000 bytes"),
    ],
    ids=["empty", "only a canary", "not UTF-8", "10 MB"],
)
def test_an_instruction_that_cannot_be_read_is_named(tmp_path: Path, content: bytes, says: str) -> None:
    folder = make_task(tmp_path / "broken")
    (folder / "instruction.md").write_bytes(content)
    assert reason(folder) == says


def test_an_instruction_keeps_its_odd_characters(tmp_path: Path) -> None:
    folder = make_task(tmp_path / "hello")
    (folder / "instruction.md").write_bytes("\ufeffa\r\nb\fc\u2028d\te\n".encode())
    assert good(folder).instruction == "a\nb\fc\u2028d\te"


@given(st.binary(max_size=300), st.binary(max_size=300))
def test_whatever_stands_in_the_files_is_a_task_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, toml: bytes, instruction: bytes
) -> None:
    folder = make_task(tmp_path_factory.getbasetemp() / "any")
    (folder / "task.toml").write_bytes(toml)
    (folder / "instruction.md").write_bytes(instruction)
    task = one(folder)
    assert isinstance(task, Task) or ("\n" not in task.reason and task.reason)


@given(
    st.sampled_from(
        ["", "[agent]\n", "[verifier]\n", "[environment]\n", "[metadata]\n", "[environment.healthcheck]\n"]
    ),
    st.sampled_from(
        ["timeout_sec", "user", "env", "cpus", "memory", "memory_mb", "os", "steps", "artifacts", "version"]
    ),
    st.sampled_from(["1", "-1", "0", "nan", "inf", "true", "''", "'x'", "[]", "[1]", "{}", "{a = 1}", "1979-05-27"]),
)
def test_any_value_of_any_key_is_read_or_refused(
    tmp_path_factory: pytest.TempPathFactory, table: str, key: str, value: str
) -> None:
    toml = f"{table}{key} = {value}\n"
    tomllib.loads(toml)
    task = one(make_task(tmp_path_factory.getbasetemp() / "any", toml=toml))
    assert isinstance(task, Task) or task.reason.startswith("task.toml: ") or "supported" in task.reason


@pytest.mark.parametrize("name", ["-rf", ".hidden", "a b", "a\nb", "a:b", "a\u202eb", "a;b"])
def test_a_folders_name_must_do_as_a_part_of_paths(tmp_path: Path, name: str) -> None:
    assert "name" in reason(make_task(tmp_path / name))


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
    (folder / "environment" / "data.csv").write_text("")
    assert "beside a docker_image" in reason(folder)
    (folder / "environment" / "Dockerfile").write_text("FROM debian:12\n")
    assert good(folder).environment.image == "debian:12"


def test_a_broken_task_does_not_stop_the_others(tmp_path: Path) -> None:
    for name in ("c", "a", "b"):
        make_task(tmp_path / name)
    (tmp_path / "b" / "task.toml").write_text("[")
    (tmp_path / "no-task").mkdir()
    found = list(load(tmp_path))
    assert [(task.name, type(task)) for task in found] == [("a", Task), ("b", BrokenTask), ("c", Task)]


def test_a_linked_task_has_the_links_name(tmp_path: Path) -> None:
    target = make_task(tmp_path / "elsewhere" / "target")
    tasks = tmp_path / "tasks"
    tasks.mkdir()
    for name in ("b", "a"):
        (tasks / name).symlink_to(target)
    (tasks / "loop").symlink_to(tasks / "loop")
    (tasks / "up").symlink_to(tasks)
    assert [task.name for task in load(tasks)] == ["a", "b"]


def test_a_task_can_be_named_from_within(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = make_task(tmp_path / "hello")
    for here, path in ((folder, "."), (folder / "tests", "..")):
        monkeypatch.chdir(here)
        task = good(type(folder)(path))
        assert (task.name, task.path) == ("hello", folder.resolve())


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


def test_odd_files_do_not_stop_the_digest(tmp_path: Path) -> None:
    folder = make_task(tmp_path / "hello")
    before = good(folder).digest
    (folder / os.fsdecode(b"not-\xff-utf8")).write_text("")
    (folder / "dangling").symlink_to("nowhere")
    os.mkfifo(folder / "pipe")
    assert good(folder).digest != before


def test_no_two_folders_have_the_same_digest_by_how_it_is_made(tmp_path: Path) -> None:
    one_file, two_files = make_task(tmp_path / "1"), make_task(tmp_path / "2")
    (one_file / "a").write_bytes(b"x\0b\0y")
    (two_files / "a").write_bytes(b"x")
    (two_files / "b").write_bytes(b"y")
    assert good(one_file).digest != good(two_files).digest


def test_a_secret_stands_in_no_task(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TERMSTONE_TEST_KEY", "secret-value")
    task = good(make_task(tmp_path / "hello", toml=FULL))
    assert "secret-value" not in f"{task!r}{task.model_dump_json()}"
    assert resolved(task.verifier.env, "verifier.env") == {"KEY": "secret-value"}


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
