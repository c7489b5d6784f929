from __future__ import annotations

import os
import tomllib
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.cli import BUNDLED
from evals.harbor import load
from evals.task import Artifact, BrokenTask, Healthcheck, Hook, Task, TaskError, resolved
from sandbox.base import NO_NETWORK, PUBLIC, Network
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
url = "http://localhost:8000/sse"
"""
STEPS = """
artifacts = ["/app/out"]
multi_step_reward_strategy = "final"
[agent]
timeout_sec = 90
user = "worker"
[verifier]
timeout_sec = 30
env = {A = "task", B = "task"}
[[steps]]
name = "first"
min_reward = 0.5
artifacts = [{source = "/app/more", destination = "more", exclude = ["*.o"], service = "db"}]
[steps.agent]
timeout_sec = 10
[steps.verifier]
env = {A = "step"}
[steps.healthcheck]
command = "true"
[[steps]]
name = "second"
min_reward = {speed = 0.25, size = 1}
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
    assert (task.steps[0].agent_timeout, task.steps[0].agent_user) == (90, "worker")
    assert (task.steps[0].verifier.timeout, task.steps[0].verifier.user) == (30.5, "1000")
    environment = task.environment
    assert (environment.cpus, environment.memory_mb, environment.workdir) == (1.5, 512, "/srv")
    assert (environment.env, environment.build_timeout) == ({"B": "c"}, 100)
    assert environment.network == Network(mode="allowlist", hosts=("example.org",))
    assert environment.storage_mb == 100
    assert task.steps[0].solution.env == {"A": "b"}
    assert task.steps[0].artifacts == (Artifact(source="/app/out"),)
    assert task.steps[0].verifier.hooks == (Hook(command="true"),)
    assert task.healthcheck == Healthcheck(command="true")
    assert [server["name"] for server in task.mcp_servers] == ["m"]
    assert task.metadata["keywords"] == ["a"]
    assert task.notes == ()


def test_keys_that_are_not_known_are_named(tmp_path: Path) -> None:
    toml = FULL + "[environment.surprise]\nx = 1\n[unheard]\ny = 2\n[[steps]]\nname = 'a'\nodd = 1\n"
    folder = make_task(tmp_path / "hello", toml=toml)
    with_step(folder, "a")
    assert good(folder).notes == tuple(
        f"task.toml: {key} is not known" for key in ("unheard", "environment.surprise", "steps.odd")
    )


def with_step(folder: Path, name: str, *files: str) -> None:
    for file in ("instruction.md", *files):
        path = folder / "steps" / name / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"{name} {file}\n")


def test_steps_are_read_with_what_they_inherit(tmp_path: Path) -> None:
    folder = make_task(tmp_path / "hello", toml=STEPS)
    with_step(folder, "first", "tests/test.sh", "workdir/setup.sh", "solution/solve.sh")
    with_step(folder, "second")
    task = good(folder)
    first, second = task.steps
    assert (task.reward_strategy, first.name, second.name) == ("final", "first", "second")
    assert (first.instruction, second.instruction) == ("first instruction.md", "second instruction.md")
    assert (first.files, second.files) == (folder / "steps/first/workdir", None)
    assert (first.agent_timeout, second.agent_timeout) == (10, 90)
    assert first.agent_user == second.agent_user == "worker"
    assert first.healthcheck
    assert first.verifier.tests == (folder / "tests", folder / "steps/first/tests")
    assert second.verifier.tests == (folder / "tests",)
    assert first.verifier.env == {"A": "step", "B": "task"}
    assert (first.min_reward, second.min_reward) == ({"reward": 0.5}, {"speed": 0.25, "size": 1})
    more = Artifact(source="/app/more", destination="more", exclude=("*.o",), service="db")
    assert (first.artifacts, second.artifacts) == ((Artifact(source="/app/out"), more), (Artifact(source="/app/out"),))
    assert first.solution.script == folder / "steps/first/solution/solve.sh"
    assert second.solution.script == folder / "solution/solve.sh"


def test_a_step_never_inherits_the_tasks_time_for_its_tests(tmp_path: Path) -> None:
    folder = make_task(tmp_path / "hello", toml=STEPS)
    for name in ("first", "second"):
        with_step(folder, name)
    assert [step.verifier.timeout for step in good(folder).steps] == [600, 600]


@pytest.mark.parametrize("missing", ["instruction.md", "tests/test.sh"])
def test_a_missing_file_of_a_step_is_named(tmp_path: Path, missing: str) -> None:
    folder = make_task(tmp_path / "hello", toml="[[steps]]\nname = 'a'\n")
    with_step(folder, "a", "tests/test.sh")
    (folder / "tests/test.sh").unlink()
    assert good(folder)
    (folder / "steps/a" / missing).unlink()
    assert missing in reason(folder)


def test_phases_have_networks_of_their_own(tmp_path: Path) -> None:
    toml = """
    [environment]
    network_mode = "allowlist"
    allowed_hosts = ["a.org", "*.b.org", "10.0.0.0/8", "::1"]
    [agent]
    network_mode = "no-network"
    [verifier]
    network_mode = "allowlist"
    """
    task = good(make_task(tmp_path / "hello", toml=toml))
    listed = Network(mode="allowlist", hosts=("a.org", "*.b.org", "10.0.0.0/8", "::1"))
    assert (task.environment.network, task.steps[0].verifier.network) == (listed, listed)
    assert task.steps[0].network == NO_NETWORK
    silent = good(make_task(tmp_path / "silent", toml=""))
    assert (silent.environment.network, silent.steps[0].network, silent.steps[0].verifier.network) == (
        PUBLIC,
        None,
        None,
    )


SEPARATE = "[verifier]\nenvironment_mode = 'separate'\n"
OWN = "[verifier.environment]\ndocker_image = 'task:1'\n"
STEP = "[[steps]]\nname = 'a'\n[steps.verifier.environment]\ndocker_image = 'step:1'\n"


@pytest.mark.parametrize(
    ("toml", "files", "image", "context"),
    [
        (SEPARATE, [], None, "environment"),
        (SEPARATE + "[environment]\ndocker_image = 'main:1'\n", [], "main:1", None),
        (SEPARATE, ["tests/Dockerfile"], None, "tests"),
        (OWN, ["tests/Dockerfile"], "task:1", None),
        ("[verifier.environment]\ncpus = 2\n", [], None, "environment"),
        ("[verifier.environment]\ncpus = 2\n", ["tests/Dockerfile"], None, "tests"),
        (OWN + "[[steps]]\nname = 'a'\n", ["steps/a/tests/Dockerfile"], None, "steps/a/tests"),
        (OWN + STEP, ["steps/a/tests/Dockerfile"], "step:1", None),
    ],
)
def test_tests_apart_have_the_first_image_that_is_named(
    tmp_path: Path, toml: str, files: list[str], image: str | None, context: str | None
) -> None:
    folder = make_task(tmp_path / "hello", toml=toml)
    with_step(folder, "a")
    for file in files:
        (folder / file).parent.mkdir(parents=True, exist_ok=True)
        (folder / file).write_text("FROM scratch\n")
    verifier = good(folder).steps[0].verifier
    assert verifier.environment
    assert (verifier.environment.image, verifier.environment.context) == (image, context and folder / context)
    brings_tests = "tests" in f"{context}" or image in ("task:1", "step:1")
    assert verifier.tests == (() if brings_tests else (folder / "tests",))
    assert verifier.environment.files is None


def test_tests_in_an_image_need_no_test_sh(tmp_path: Path) -> None:
    folder = make_task(tmp_path / "hello", toml=OWN)
    (folder / "tests/test.sh").unlink()
    assert good(folder).steps[0].verifier.tests == ()


def test_tests_share_the_sandbox_unless_it_is_said(tmp_path: Path) -> None:
    folder = make_task(
        tmp_path / "hello", toml=SEPARATE + "[[steps]]\nname = 'a'\n[steps.verifier]\nenvironment_mode = 'shared'\n"
    )
    with_step(folder, "a")
    assert good(folder).steps[0].verifier.environment is None


def test_a_compose_file_stands_beside_a_dockerfile_or_instead_of_one(tmp_path: Path) -> None:
    folder = make_task(tmp_path / "hello", toml="[environment]\nenv = {PORT = '80', KEY = '${KEY}'}\n")
    compose = folder / "environment/docker-compose.yaml"
    compose.write_text("services: {main: {image: x}}\n")
    environment = good(folder).environment
    assert (environment.compose, environment.service, environment.context) == (compose, "main", folder / "environment")
    assert environment.variables == {"PORT": "80"}
    (folder / "environment/Dockerfile").unlink()
    environment = good(folder).environment
    assert (environment.compose, environment.context, environment.files) == (compose, None, None)


def test_a_compose_file_of_another_name_is_a_file_like_any(tmp_path: Path) -> None:
    folder = make_task(tmp_path / "hello")
    (folder / "environment/docker-compose.yml").write_text("services: {}\n")
    assert good(folder).environment.compose is None


def test_older_keys_are_read(tmp_path: Path) -> None:
    toml = 'version = "1.0"\n[environment]\nmemory = "2G"\nstorage = "10G"\nallow_internet = false\n'
    task = good(make_task(tmp_path / "old", toml=toml))
    assert (task.environment.memory_mb, task.environment.network) == (2048, NO_NETWORK)
    assert good(make_task(tmp_path / "bare", toml="")).environment.network == PUBLIC  # Harbor's default is public
    assert "not known" not in " ".join(task.notes)


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("schema_version = '1.5'\n", "schema_version 1.5 is newer"),
        ("schema_version = '2'\n", "schema_version 2 is newer"),
        ("[environment]\ngpus = 1\n", "gpus"),
        ("[environment]\ntpu = {type = 'v5'}\n", "gpus"),
        (OWN + "[verifier.environment.healthcheck]\ncommand = 'true'\n", "verifier.environment.healthcheck"),
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
    assert good(folder).steps[0].instruction == "# Title\nDo it."


@pytest.mark.parametrize(
    ("toml", "says"),
    [
        ("not toml", "task.toml does not parse"),
        ("[agent]\ntimeout_sec = 'soon'\n", "agent.timeout_sec"),
        ("[agent]\ntimeout_sec = -1\n", "agent.timeout_sec"),
        ("[environment]\nmemory = 'much'\n", "environment.memory"),
        ("[environment]\nos = 'windows'\n", "Windows"),
        ("[[steps]]\nname = '../a'\n", "steps.0.name"),
        ("[[steps]]\nname = 'a'\n[[steps]]\nname = 'A'\n", "two steps have the same name"),
        ("[[steps]]\nname = 'a'\nmin_reward = 'much'\n", "steps.0.min_reward"),
        ("[[steps]]\nname = 'a'\nmin_reward = nan\n", "steps.0.min_reward"),
        ("multi_step_reward_strategy = 'best'\n", "multi_step_reward_strategy"),
        ("[verifier]\nenvironment_mode = 'apart'\n", "verifier.environment_mode"),
        ("[verifier]\nenvironment_mode = 'shared'\n[verifier.environment]\ncpus = 1\n", "verifier: "),
        ("[verifier]\nallowed_hosts = ['a.org']\n", "allowed_hosts goes with"),
        ("[environment]\nnetwork_mode = 'allowlist'\nallowed_hosts = ['a b']\n", "environment.allowed_hosts.0"),
        ("artifacts = ['out']\n", "artifacts.0"),
        ("artifacts = ['/app/../etc']\n", "artifacts.0"),
        ("artifacts = [{source = '/a', destination = '/b'}]\n", "artifacts.0"),
        ("artifacts = [{source = '/a', destination = '../b'}]\n", "artifacts.0"),
        ("artifacts = [{source = '/a', destination = 'manifest.json'}]\n", "artifacts.0"),
        ("artifacts = [5]\n", "artifacts.0"),
        ("[environment.healthcheck]\nretries = 0\ncommand = 'a'\n", "environment.healthcheck.retries"),
        ("[[verifier.collect]]\ntimeout_sec = 1\n", "verifier.collect.0.command"),
        ("[[environment.mcp_servers]]\nname = 'a'\n", "needs a url"),
        ("[[environment.mcp_servers]]\nname = 'a'\ntransport = 'stdio'\n", "needs a command"),
        ("[environment]\nskills_dir = 'skills'\n", "environment.skills_dir"),
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
        ("[verifier.environment]\nos = 'windows'\n", "Windows"),
        (f"x = {'9' * 5000}\n", "task.toml does not parse"),
        (f"x = {'[' * 50_000}\n", "task.toml does not parse"),
        ("x = 1\nx = 2\n", "task.toml does not parse"),
        ("a" + ".a" * 400_000 + " = 1\n", "a key of more than a hundred parts"),
        ("[x" + " . 'a'" * 150 + "]\n", "a key of more than a hundred parts"),
    ],
    ids=lambda text: text[:40].replace("\0", ""),
)
@pytest.mark.fault("F63")
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
    assert good(folder).steps[0].instruction == "a\nb\fc\u2028d\te"


@given(st.binary(max_size=300), st.binary(max_size=300))
@pytest.mark.fault("F66")
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


@pytest.mark.parametrize(
    "name", ["-rf", ".hidden", "a b", "a\nb", "a:b", "a\u202eb", "a;b", "con", "NUL.txt", "a" * 151]
)
def test_a_folders_name_must_do_as_a_part_of_paths(tmp_path: Path, name: str) -> None:
    assert "name" in reason(make_task(tmp_path / name))


@pytest.mark.parametrize("missing", ["instruction.md", "tests/test.sh", "environment/Dockerfile"])
def test_a_missing_file_is_named(tmp_path: Path, missing: str) -> None:
    folder = make_task(tmp_path / "broken")
    (folder / missing).unlink()
    assert missing in reason(folder)


def test_a_prebuilt_image_needs_no_dockerfile(tmp_path: Path) -> None:
    folder = make_task(tmp_path / "hello", toml='[environment]\ndocker_image = "debian:12"\n')
    (folder / "environment" / "Dockerfile").unlink()
    environment = good(folder).environment
    assert (environment.image, environment.context) == ("debian:12", None)
    assert environment.files is None
    (folder / "environment" / "data.csv").write_text("")
    assert good(folder).environment.files == folder / "environment"
    (folder / "environment" / "Dockerfile").write_text("FROM debian:12\n")
    environment = good(folder).environment
    assert (environment.image, environment.context, environment.files) == ("debian:12", None, None)


@pytest.mark.fault("F51")
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


@pytest.mark.fault("F51")
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
    assert resolved(task.steps[0].verifier.env, "verifier.env") == {"KEY": "secret-value"}


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
        assert task.steps[0].solution
