"""What of a task's environment needs no Docker, and what is refused: pytest tests/test_local_environment.py."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from agent.oracle import OracleAgent
from evals import terminal_bench
from evals.experiment import Experiment
from evals.harbor import load
from evals.job import Job
from evals.job_config import JobConfig
from evals.result import WORTH_ANOTHER_TRY, Cause, Outcome
from evals.task import Task
from evals.trial import Plan, Trial
from sandbox.base import PUBLIC, Environment, Network, UnsupportedImage
from sandbox.local_environment import followed
from tests.fakes import GRADE_HELLO, make_task
from tests.test_terminal_bench import CLIENT
from tests.test_terminal_bench import make_task as make_terminal_bench_task

if TYPE_CHECKING:
    from pathlib import Path

    from agent.base import Agent
    from evals.sandboxes import Sandboxes

LISTED = Network(mode="allowlist", hosts=("example.org",))


@pytest.fixture
def kind() -> str:
    """What this is about."""
    return "local"


def composed(folder: Path, text: str, **settings: object) -> Environment:
    """Write a compose file and a Dockerfile beside it."""
    (folder / "docker-compose.yaml").write_text(text)
    (folder / "Dockerfile").write_text("FROM base\nWORKDIR /app\n")
    return Environment.model_validate({"compose": folder / "docker-compose.yaml", **settings})


@pytest.mark.parametrize(
    ("settings", "reason"),
    [
        ({"image": "debian:12"}, "it names the image debian:12"),
        ({"network": LISTED}, "its network is open to listed hosts only"),
        ({"phases": (LISTED,)}, "its network is open to listed hosts only"),
        ({"phases": (PUBLIC,)}, "its network changes from phase to phase"),
    ],
)
def test_an_environment_that_takes_docker_is_refused(settings: dict[str, object], reason: str) -> None:
    with pytest.raises(UnsupportedImage, match=rf"^this task needs Docker \(--sandbox docker\): {reason}$"):
        followed(Environment.model_validate(settings))


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("services: {main: {}, db: {image: 'postgres:16'}}", "docker-compose.yaml has several services: db, main"),
        ("services: {main: {image: 'debian:12'}}", "docker-compose.yaml names the image debian:12"),
        ("services: {main: {build: {context: ., args: {A: 1}}}}", "services.main.build of more than a folder"),
        ("services: {main: {build: {context: ., dockerfile: Other}}}", "services.main.build of more than a folder"),
        ("services: {main: {command: [serve, --port, 80]}}", "services.main.command"),
        ("services: {main: {entrypoint: /begin}}", "services.main.entrypoint"),
        ("services: {main: {user: app}}", "services.main.user"),
        ("services: {main: {volumes: ['./Dockerfile:/d']}}", "services.main.volumes"),
        ("services: {main: {volumes: ['v:/data']}}\nvolumes: {v: }", "services.main.volumes"),
    ],
)
def test_a_compose_file_that_says_more_than_one_plain_service_is_refused(
    tmp_path: Path, text: str, reason: str
) -> None:
    with pytest.raises(UnsupportedImage, match=rf"^this task needs Docker [^\n]*{reason}[^\n]*$"):
        followed(composed(tmp_path, text))


def test_one_plain_service_is_followed_and_its_limits_are_said_to_be_none(tmp_path: Path) -> None:
    text = (
        "services:\n  main:\n    build: .\n    command: [sh, -c, sleep infinity]\n    tty: true\n    mem_limit: 1g\n"
        "    environment: {A: 1, B: of the file}\n    working_dir: /work\n    ports: ['80:80']\n"
    )
    environment, notes = followed(composed(tmp_path, text, env={"B": "of the task"}, folders=("/logs",)))
    expected = {"context": tmp_path, "workdir": "/work", "env": {"A": "1", "B": "of the task"}, "folders": ("/logs",)}
    assert environment == Environment.model_validate(expected)
    assert notes == [
        "services.main.ports are not published on this machine",
        "mem_limit of docker-compose.yaml is not enforced",
    ]


def test_an_environment_without_a_compose_file_is_followed_as_it_is(tmp_path: Path) -> None:
    environment = Environment(context=tmp_path, network=PUBLIC, phases=(PUBLIC,))
    assert followed(environment) == (environment, [])


ALIASES = CLIENT + "x-a: &a {b: c}\nx-b: *a\n"
"""Terminal-Bench's plain file in words that only compose follows."""


async def test_a_terminal_bench_task_whose_compose_file_has_one_plain_service_is_run(
    sandboxes: Sandboxes, tmp_path: Path
) -> None:
    folder = make_terminal_bench_task(tmp_path / "hello", compose=ALIASES)
    (task,) = terminal_bench.load(folder)
    assert isinstance(task, Task)
    assert task.environment.compose is not None
    async with sandboxes.open(task.environment) as sandbox:
        seen = await sandbox.exec(["sh", "-c", "pwd; echo $TEST_DIR; stat -c %a /agent-logs"], timeout=10)
    assert seen.output == "/app\n/tests\n777\n"


LATE = '[environment]\n[verifier]\nenvironment_mode = "separate"\n[verifier.environment]\ndocker_image = "tests:1"\n'
UNFIT = {
    "an image": '[environment]\ndocker_image = "debian:12"\n',
    "listed hosts": '[environment]\nnetwork_mode = "allowlist"\nallowed_hosts = ["example.org"]\n',
    "the network of a phase": '[environment]\n[agent]\nnetwork_mode = "no-network"\n',
    "an image for the tests": LATE,
}


@pytest.mark.parametrize("toml", UNFIT.values(), ids=UNFIT)
async def test_a_task_that_takes_docker_is_invalid_at_once_and_is_not_tried_again(
    sandboxes: Sandboxes, tmp_path: Path, toml: str
) -> None:
    (task,) = load(make_task(tmp_path / "hello", toml=toml))
    assert isinstance(task, Task)
    config = JobConfig(agent="oracle", sandbox="local", retries=2)
    plan = Plan(sandboxes.open, lambda task, _: OracleAgent(task.path / "solution"))
    job = Job(config, [task], plan, tmp_path / "job", prepare=sandboxes.prepare)
    (result,) = await Experiment([job]).run()
    assert (result.outcome, result.cause, result.tries) == (Outcome.INVALID, Cause.UNSUPPORTED_IMAGE, 1)
    assert "this task needs Docker" in (result.message or "")
    assert result.stop_reason is None  # no agent worked
    assert Cause.UNSUPPORTED_IMAGE not in WORTH_ANOTHER_TRY


async def test_a_task_with_several_services_does_not_pass_without_them(sandboxes: Sandboxes, tmp_path: Path) -> None:
    folder = make_task(tmp_path / "hello", test=GRADE_HELLO)
    (folder / "environment/docker-compose.yaml").write_text("services: {main: {}, db: {image: 'postgres:16'}}\n")
    (task,) = load(folder)
    assert isinstance(task, Task)

    def oracle(task: Task, _: Path) -> Agent:
        return OracleAgent(task.path / "solution")

    result = await Trial(task, 1, tmp_path / "1", Plan(sandboxes.open, oracle)).run()
    assert (result.outcome, result.cause) == (Outcome.INVALID, Cause.UNSUPPORTED_IMAGE)
    assert "several services: db, main" in (result.message or "")
