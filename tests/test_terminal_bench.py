from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.task import BrokenTask, Task, Typing, Verdict
from evals.terminal_bench import load
from sandbox.base import PUBLIC

if TYPE_CHECKING:
    from pathlib import Path

CLIENT = """
services:
  client:
    build:
      dockerfile: Dockerfile
    image: ${T_BENCH_TASK_DOCKER_CLIENT_IMAGE_NAME}
    container_name: ${T_BENCH_TASK_DOCKER_CLIENT_CONTAINER_NAME}
    command: [ "sh", "-c", "sleep infinity" ]
    environment:
      - TEST_DIR=${T_BENCH_TEST_DIR}
    volumes:
      - ${T_BENCH_TASK_LOGS_PATH}:${T_BENCH_CONTAINER_LOGS_PATH}
      - ${T_BENCH_TASK_AGENT_LOGS_PATH}:${T_BENCH_CONTAINER_AGENT_LOGS_PATH}
"""


def make_task(folder: Path, *, yaml: str = "", compose: str = CLIENT) -> Path:
    """Write a task in Terminal-Bench's format."""
    files = {
        "task.yaml": f"instruction: |-\n  Say hello.\ndifficulty: easy\n{yaml}",
        "docker-compose.yaml": compose,
        "Dockerfile": "FROM debian:bookworm-slim\nWORKDIR /app\n",
        "run-tests.sh": "#!/bin/bash\npytest $TEST_DIR -rA\n",
        "tests/test_outputs.py": "def test_hello(): pass\n",
        "solution.sh": "echo hello > out\n",
    }
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content)
    return folder


def good(folder: Path) -> Task:
    (task,) = load(folder)
    assert isinstance(task, Task), task
    return task


def reason(folder: Path) -> str:
    (task,) = load(folder)
    assert isinstance(task, BrokenTask), task
    assert "\n" not in task.reason
    return task.reason


def test_a_task_is_read(tmp_path: Path) -> None:
    yaml = "max_agent_timeout_sec: 900\nmax_test_timeout_sec: 180.5\ntags: [a, b]\ncategory: files\nauthor_name: me\n"
    folder = make_task(tmp_path / "hello", yaml=yaml)
    task = good(folder)
    (step,) = task.steps
    assert (task.name, task.format, step.instruction) == ("hello", "terminal-bench", "Say hello.")
    assert (step.agent_timeout, step.verifier.timeout, step.verifier.user) == (900, 180.5, "root")
    assert step.verifier.tests == (folder / "tests", folder / "run-tests.sh")
    assert (step.verifier.script, step.verifier.verdict) == ("run-tests.sh", Verdict.PYTEST)
    assert step.verifier.env == {"TEST_DIR": "/tests"}
    assert not step.verifier.same_shell
    assert (step.solution.script, step.solution.whole_folder) == (folder / "solution.sh", False)
    assert task.facts[:2] == ("easy", "files")
    assert (task.metadata["tags"], task.metadata["author_name"]) == (["a", "b"], "me")


def test_what_is_not_said_is_terminal_benchs_own(tmp_path: Path) -> None:
    (step,) = good(make_task(tmp_path / "hello")).steps
    assert (step.agent_timeout, step.verifier.timeout, step.verifier.verdict) == (360, 60, Verdict.PYTEST)


@pytest.mark.parametrize("name", ["pytest", "swebench", "sweperf", "swelancer", "mlebench"])
def test_each_parser_is_known(tmp_path: Path, name: str) -> None:
    yaml = f"parser_name: {name}\nrun_tests_in_same_shell: true\n"
    verifier = good(make_task(tmp_path / "hello", yaml=yaml)).steps[0].verifier
    assert (verifier.verdict, verifier.same_shell) == (name, True)


def test_the_instruction_of_the_first_versions_is_read(tmp_path: Path) -> None:
    folder = make_task(tmp_path / "hello")
    (folder / "task.yaml").write_text(
        "descriptions:\n  - key: other\n    description: not this\n  - key: base\n    description: Say hello.\n"
    )
    assert good(folder).steps[0].instruction == "Say hello."


def test_a_compose_file_that_only_builds_the_dockerfile_is_left_out(tmp_path: Path) -> None:
    folder = make_task(tmp_path / "hello")
    environment = good(folder).environment
    assert (environment.context, environment.compose, environment.network) == (folder, None, PUBLIC)
    assert environment.env == {"TEST_DIR": "/tests"}


@pytest.mark.parametrize(
    ("line", "field", "value"),
    [
        ("working_dir: /srv", "workdir", "/srv"),
        ("deploy: {resources: {limits: {cpus: '1.5', memory: 2G}}}", "cpus", 1.5),
        ("deploy: {resources: {limits: {cpus: '1.5', memory: 2G}}}", "memory_mb", 2048),
        ("mem_limit: 512m", "memory_mb", 512),
        ("mem_limit: 1073741824", "memory_mb", 1024),
        ("ports: ['8080:80']", "env", {"TEST_DIR": "/tests"}),
        ("tty: true", "env", {"TEST_DIR": "/tests"}),
    ],
)
def test_what_a_container_has_without_compose_is_kept(tmp_path: Path, line: str, field: str, value: object) -> None:
    environment = good(make_task(tmp_path / "hello", compose=f"{CLIENT}    {line}\n")).environment
    assert environment.compose is None
    assert getattr(environment, field) == value


@pytest.mark.parametrize(
    ("written", "env"),
    [
        ("{A: 1, B: two}", {"A": "1", "B": "two"}),
        ("[A=1=2, 'B=$T_BENCH_TEST_DIR/x']", {"A": "1=2", "B": "/tests/x"}),
        ("null", {}),
    ],
)
def test_variables_are_read_in_either_way(tmp_path: Path, written: str, env: dict[str, str]) -> None:
    compose = f"services: {{client: {{build: ., environment: {written}}}}}\n"
    assert good(make_task(tmp_path / "hello", compose=compose)).environment.env == env


@pytest.mark.parametrize(
    "compose",
    [
        CLIENT + "    privileged: true\n",
        CLIENT + "    cap_add: [SYS_ADMIN]\n",
        CLIENT + "    network_mode: host\n",
        CLIENT + "    depends_on: [db]\n  db:\n    image: postgres\n",
        CLIENT + "      - ./data:/data\n",
        CLIENT + "    environment: [HOME]\n",
        CLIENT + "    environment: ['A=${HOME}']\n",
        CLIENT + "    environment: ['A=$$x']\n",
        CLIENT + "    mem_limit: much\n",
        CLIENT.replace("Dockerfile", "Dockerfile.client"),
        CLIENT.replace("dockerfile: Dockerfile", "context: client"),
        CLIENT + "networks: {inner: {internal: true}}\n",
        CLIENT + "x: &x {a: 1}\ny: *x\n",
    ],
    ids=lambda compose: compose.replace(CLIENT, "")[:30],
)
def test_any_other_compose_file_is_followed(tmp_path: Path, compose: str) -> None:
    folder = make_task(tmp_path / "Hello", compose=compose)
    environment = good(folder).environment
    assert (environment.compose, environment.service) == (folder / "docker-compose.yaml", "client")
    assert environment.variables["T_BENCH_TASK_DOCKER_NAME_PREFIX"] == "tb__hello"
    assert environment.variables["T_BENCH_TEST_DIR"] == "/tests"
    assert "T_BENCH_TASK_LOGS_PATH" not in environment.variables  # a folder of this machine would be mounted there


def test_a_solution_may_be_typed(tmp_path: Path) -> None:
    folder = make_task(tmp_path / "hello")
    (folder / "solution.yaml").write_text("- command: vim out\n  append_enter: true\n- {command: C-c, block: true}\n")
    assert not good(folder).steps[0].solution.typings
    (folder / "solution.sh").unlink()
    assert good(folder).steps[0].solution.typings == (Typing(command="vim out"), Typing(command="C-c", block=True))
    (folder / "solution.yaml").unlink()
    assert not good(folder).steps[0].solution


@pytest.mark.fault("F51")
@pytest.mark.parametrize(
    ("file", "content", "says"),
    [
        ("task.yaml", None, ""),
        ("run-tests.sh", None, "run-tests.sh is missing"),
        ("task.yaml", "instruction: [", "task.yaml does not parse"),
        ("task.yaml", "- a\n", "task.yaml: no mapping"),
        ("task.yaml", "difficulty: easy\n", "no instruction"),
        ("task.yaml", "instruction: ' '\n", "no instruction"),
        ("task.yaml", "instruction: [a]\n", "task.yaml: instruction"),
        ("task.yaml", "instruction: a\nparser_name: reward\n", "task.yaml: parser_name"),
        ("task.yaml", "instruction: a\nmax_agent_timeout_sec: -1\n", "task.yaml: max_agent_timeout_sec"),
        ("task.yaml", "instruction: a\nmax_agent_timeout_sec: .inf\n", "task.yaml: max_agent_timeout_sec"),
        ("task.yaml", "instruction: !!python/name:os.system a\n", "task.yaml does not parse"),
        ("solution.yaml", "command: a\n", "solution.yaml: no list"),
        ("solution.yaml", "- {}\n", "solution.yaml: command"),
        ("docker-compose.yaml", "services: {main: {}}\n", "no service client"),
        ("docker-compose.yaml", "services: []\n", "no service client"),
        ("docker-compose.yaml", "{", "docker-compose.yaml does not parse"),
    ],
)
def test_what_is_wrong_with_a_task_is_named(tmp_path: Path, file: str, content: str | None, says: str) -> None:
    make_task(tmp_path / "good")
    folder = make_task(tmp_path / "bad")
    (folder / "solution.sh").unlink()
    (folder / file).unlink(missing_ok=True)
    if content is not None:
        (folder / file).write_text(content)
    found = {task.name: task for task in load(tmp_path)}
    assert isinstance(found.pop("good"), Task)
    assert [says in task.reason for task in found.values() if isinstance(task, BrokenTask)] == [True] * bool(says)


ALIASES = "".join(f"{b}: &{b} [*{a}, *{a}]\n" for a, b in zip("abcdefghi", "bcdefghij", strict=True))
BOMBS = {
    "aliases": ("instruction: x\na: &a [x, x]\n" + ALIASES, "aliases are not followed"),
    "merges": ("instruction: x\na: &a {b: 1}\nc: {<<: [*a, *a]}\n", "aliases are not followed"),
    "depth": ("a: " + "[" * 100_000, "more than 50 values in each other"),
    "blocks": ("- " * 100_000, "more than 50 values in each other"),
    "keys": ("? " * 50_000, "more than 50 values in each other"),
    "a long number": ("instruction: x\na: " + "1:" * 400_000 + "1\n", "a number of hundreds of digits"),
    "digits": (f"instruction: x\na: {'9' * 5000}\n", "a number of hundreds of digits"),
    "size": ("a: b\n" * 300_000, "larger than 1,000,000 bytes"),
    "many keys": ("".join(f"a{n}: 1\n" for n in range(80_000)), "no instruction"),
    "a date": ("instruction: x\na: 2001-99-99\n", "does not parse"),
    "a tag": ("instruction: x\na: !!python/object/apply:time.sleep [60]\n", "does not parse"),
}


@pytest.mark.fault("F66")
@pytest.mark.parametrize("bomb", sorted(BOMBS))
def test_a_bomb_is_refused_at_once(tmp_path: Path, bomb: str) -> None:
    text, says = BOMBS[bomb]
    folder = make_task(tmp_path / "hello")
    (folder / "task.yaml").write_text(text)
    begun = time.monotonic()
    assert says in reason(folder)
    assert time.monotonic() - begun < 5  # a second on a machine that does nothing else


@given(st.binary(max_size=200), st.binary(max_size=200))
def test_whatever_stands_in_the_files_is_a_task_or_a_reason(
    tmp_path_factory: pytest.TempPathFactory, yaml: bytes, compose: bytes
) -> None:
    folder = make_task(tmp_path_factory.getbasetemp() / "any")
    (folder / "task.yaml").write_bytes(b"instruction: a\n" + yaml)
    (folder / "docker-compose.yaml").write_bytes(compose)
    (task,) = load(folder)
    assert isinstance(task, Task) or ("\n" not in task.reason and task.reason)
