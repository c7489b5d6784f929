"""Tasks of several steps, and steps that are graded several times: pytest tests/test_steps.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from agent.oracle import NopAgent
from evals.agents import oracle
from evals.result import Cause, Outcome, TrialResult
from evals.task import Artifact, Healthcheck, Hook, Solution, Step, Task, Verifier
from evals.trial import Plan, Trial
from sandbox.base import NO_NETWORK, PUBLIC, Environment
from tests.conftest import debian, found
from tests.test_integrity import ShellAgent

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from agent.base import Agent, StopReason
    from evals.sandboxes import Sandboxes
    from sandbox.terminal import Terminal

GRADE = "#!/bin/sh\nif [ -f /app/{name} ]; then echo {good}; else echo 0; fi > /logs/verifier/reward.txt\n"


class Builder:
    """Writes tasks of several steps, each of which wants a file in /app."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "environment").mkdir()
        self.environment: Environment = debian(folder / "environment")

    def step(self, name: str, good: str = "1", **facts: object) -> Step:
        folder = self.folder / name
        (folder / "tests").mkdir(parents=True)
        (folder / "solution").mkdir()
        (folder / "tests" / "test.sh").write_text(GRADE.format(name=name, good=good))
        (folder / "solution" / "solve.sh").write_text(f"#!/bin/sh\ntouch /app/{name}\n")
        update = {"tests": (folder / "tests",), "timeout": 30.0}
        verifier = Verifier.model_validate({**update, **facts.pop("verifier", {})})  # type: ignore[dict-item]
        solution = Solution(script=folder / "solution" / "solve.sh")
        step = Step(name=name, instruction=f"Make {name}.", verifier=verifier, solution=solution)
        return step.model_copy(update=facts)

    def task(self, *steps: Step, **facts: object) -> Task:
        return Task(name="steps", path=self.folder, steps=steps, environment=self.environment).model_copy(update=facts)


@pytest.fixture
def builder(tmp_path: Path) -> Builder:
    folder = tmp_path / "task"
    folder.mkdir()
    return Builder(folder)


async def run(
    sandboxes: Sandboxes, task: Task, folder: Path, agent: Callable[[Task], Agent] = oracle, turns: int = 1
) -> TrialResult:
    result = await Trial(task, 1, folder, Plan(sandboxes.open, lambda task, _: agent(task), turns)).run()
    assert TrialResult.model_validate_json((folder / "result.json").read_bytes()) == result
    return result


async def test_each_step_has_its_own_agent_tests_and_files(
    sandboxes: Sandboxes, builder: Builder, tmp_path: Path
) -> None:
    task = builder.task(builder.step("one"), builder.step("two"))
    result = await run(sandboxes, task, tmp_path / "1")
    assert (result.outcome, result.reward, result.message) == (Outcome.PASSED, 1.0, None)
    assert [(step.name, step.reward, step.stop_reason) for step in result.steps] == [
        ("one", 1.0, "completed"),
        ("two", 1.0, "completed"),
    ]
    for name in ("one", "two"):
        names = {path.name for path in (tmp_path / "1" / "steps" / name).iterdir()}
        assert {"trajectory.json", "journal.jsonl", "terminal.cast", "verifier"} - names in (set(), {"journal.jsonl"})
        document = json.loads((tmp_path / "1" / "steps" / name / "trajectory.json").read_text())
        assert document["steps"][0]["message"] == f"Make {name}."
    assert {path.name for path in (tmp_path / "1").iterdir()} == {"steps", "result.json"}


@pytest.mark.parametrize(("strategy", "rewards"), [("mean", {"reward": 0.75}), ("final", {"reward": 0.5})])
async def test_rewards_of_steps_become_the_tasks(
    sandboxes: Sandboxes, builder: Builder, tmp_path: Path, strategy: str, rewards: dict[str, float]
) -> None:
    task = builder.task(builder.step("one"), builder.step("two", "0.5"), reward_strategy=strategy)
    result = await run(sandboxes, task, tmp_path / "1")
    assert (result.outcome, result.rewards) == (Outcome.FAILED, rewards)


async def test_a_step_that_is_not_good_enough_is_the_last(
    sandboxes: Sandboxes, builder: Builder, tmp_path: Path
) -> None:
    first = builder.step("one", "0.5", min_reward={"reward": 0.6})
    result = await run(sandboxes, builder.task(first, builder.step("two")), tmp_path / "1")
    assert [step.name for step in result.steps] == ["one"]
    assert (result.outcome, result.rewards) == (Outcome.FAILED, {"reward": 0.5})
    assert result.notes[-1:] == ["step one: reward is 0.5, and 0.6 was wanted, so no further step was begun"]


async def test_a_full_reward_is_no_pass_when_steps_were_left_out(
    sandboxes: Sandboxes, builder: Builder, tmp_path: Path
) -> None:
    first = builder.step("one", min_reward={"quality": 0.6})
    result = await run(sandboxes, builder.task(first, builder.step("two")), tmp_path / "1")
    assert (result.outcome, result.reward) == (Outcome.FAILED, 1.0)


async def test_a_steps_files_are_there_and_set_up_before_its_agent_and_after_the_one_before(
    sandboxes: Sandboxes, builder: Builder, tmp_path: Path
) -> None:
    files = tmp_path / "files"
    files.mkdir()
    (files / "given").write_text("given\n")
    (files / "setup.sh").write_text("pwd > /app/where; cat given > /app/two\n")
    second = builder.step("two", files=files, healthcheck=Healthcheck(command="test -f /app/where && [ -f given ]"))
    seen: list[ShellAgent] = []

    def agent(_: Task) -> Agent:
        seen.append(ShellAgent("touch /app/one; ls /app; cat /app/where"))
        return seen[-1]

    result = await run(sandboxes, builder.task(builder.step("one"), second), tmp_path / "1", agent)
    assert (result.outcome, result.message) == (Outcome.PASSED, None)
    assert "given" not in seen[0].output
    assert seen[1].output.splitlines()[-1] == "/app"


async def test_a_set_up_that_fails_is_the_tasks_fault(sandboxes: Sandboxes, builder: Builder, tmp_path: Path) -> None:
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "setup.sh").write_text("echo no such thing; exit 3\n")
    task = builder.task(builder.step("one", files=tmp_path / "files"))
    result = await run(sandboxes, task, tmp_path / "1")
    assert (result.outcome, result.cause) == (Outcome.INVALID, Cause.TASK_BROKEN)
    assert "no such thing" in (result.message or "")


async def test_work_begins_when_the_environment_is_healthy(
    sandboxes: Sandboxes, builder: Builder, tmp_path: Path
) -> None:
    check = Healthcheck(command="echo x >> /app/tries; [ $(wc -l < /app/tries) -ge 3 ]", interval=0.05, retries=3)
    task = builder.task(builder.step("one"), healthcheck=check)
    assert (await run(sandboxes, task, tmp_path / "1")).outcome is Outcome.PASSED
    sick = task.model_copy(update={"healthcheck": check.model_copy(update={"retries": 2})})
    result = await run(sandboxes, sick, tmp_path / "2")
    assert (result.outcome, result.cause) == (Outcome.INVALID, Cause.SANDBOX_START_FAILED)
    assert "failed 2 times" in (result.message or "")


@pytest.mark.fault("F52")
async def test_hooks_run_when_the_agent_is_done_and_whatever_they_do_it_is_graded(
    sandboxes: Sandboxes, builder: Builder, tmp_path: Path
) -> None:
    hooks = (
        Hook(command="ls /app > /logs/artifacts/listing"),
        Hook(command="echo broken; exit 4"),
        Hook(command="sleep 60", timeout=0.5),
        Hook(command="true", service="database"),
    )
    task = builder.task(builder.step("one", verifier={"hooks": hooks}))
    result = await run(sandboxes, task, tmp_path / "1")
    assert result.outcome is Outcome.PASSED
    assert (tmp_path / "1" / "artifacts" / "logs" / "artifacts" / "listing").read_text() == "one\n"
    noted = [note.partition(": ")[2] for note in result.notes if note.startswith("hook")]
    assert noted[0] == "exit code 4"
    assert "0.5 s" in noted[1]
    assert noted[2] == "there is no service database"


async def test_an_agent_sees_what_the_tests_said_and_has_another_turn(
    sandboxes: Sandboxes, builder: Builder, tmp_path: Path
) -> None:
    step = builder.step("one")
    step.verifier.tests[0].joinpath("test.sh").write_text(
        f"#!/bin/sh\necho one is wanted\n{GRADE.format(name='one', good=1)}"
    )
    told: list[str] = []

    class Second(NopAgent):
        async def run(self, instruction: str, terminal: Terminal) -> StopReason:
            told.append(instruction)
            if len(told) == 2:
                await terminal.sandbox.exec(["touch", "/app/one"], timeout=10)
            return await super().run(instruction, terminal)

    result = await run(sandboxes, builder.task(step), tmp_path / "1", lambda _: Second(), turns=3)
    assert [step.reward for step in result.steps] == [0.0, 1.0, 1.0]
    assert (result.resolved_turn1, result.resolved_any_turn, result.outcome) == (False, True, Outcome.PASSED)
    assert told[0] == "Make one."
    assert told[1].startswith("Make one.")
    assert "one is wanted" in told[1]
    assert "turn 2 of 3" in told[1]
    assert (tmp_path / "1" / "turn-2" / "trajectory.json").is_file()


async def test_a_deadline_counts_for_each_step_anew(sandboxes: Sandboxes, builder: Builder, tmp_path: Path) -> None:
    steps = [builder.step(name, agent_timeout=2.0) for name in ("one", "two")]
    result = await run(
        sandboxes,
        builder.task(*steps),
        tmp_path / "1",
        lambda task: ShellAgent(f"touch /app/{task.steps[0].name}; sleep 1.2"),
    )
    assert [step.stop_reason for step in result.steps] == ["completed", "completed"]
    assert result.outcome is Outcome.PASSED


async def test_skills_and_servers_are_named_to_the_agent(
    sandboxes: Sandboxes, builder: Builder, tmp_path: Path
) -> None:
    server = {"name": "books", "transport": "sse", "url": "http://books:1234/sse", "headers": {"Key": "secret"}}
    task = builder.task(builder.step("one"), skills="/skills", mcp_servers=(server,))
    agent = NopAgent()
    result = await run(sandboxes, task, tmp_path / "1", lambda _: agent)
    told = str(agent.trajectory.steps[0].message)
    assert "/skills" in told
    assert "books (sse): http://books:1234/sse" in told
    assert "secret" not in told
    assert "MCP servers are only named in the instruction: books" in result.notes


async def test_work_is_graded_in_a_sandbox_of_the_tests_own(
    sandboxes: Sandboxes, builder: Builder, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    wanted = "[ -x /app/kept/run ] && [ ! -e /app/one ] && [ -e /mine ] && [ -L /app/kept/link ]"
    grade = f"#!/bin/sh\n{wanted} && echo 1 > /logs/verifier/reward.txt"
    step = builder.step(
        "one",
        artifacts=(Artifact(source="/app/kept", exclude=("*.tmp",)),),
        verifier={"environment": debian(other, "RUN touch /mine").model_copy(update={"network": NO_NETWORK})},
    )
    step.verifier.tests[0].joinpath("test.sh").write_text(
        f"{grade}\n[ ! -e /app/kept/a.tmp ] || echo 0 > /logs/verifier/reward.txt\n"
    )
    work = "mkdir /app/kept; cd /app/kept; echo x > run; chmod 755 run; touch a.tmp; ln -s run link; touch /app/one"
    result = await run(sandboxes, builder.task(step), tmp_path / "1", lambda _: ShellAgent(work))
    assert (result.outcome, result.message) == (Outcome.PASSED, None)
    assert (tmp_path / "1" / "artifacts" / "app" / "kept" / "run").read_text() == "x\n"


async def test_tests_that_want_the_agents_shell_run_in_it(
    sandboxes: Sandboxes, builder: Builder, tmp_path: Path
) -> None:
    step = builder.step("one", verifier={"same_shell": True})
    step.verifier.tests[0].joinpath("test.sh").write_text(
        '#!/bin/sh\nsleep 0.3; [ "$WORD" = spoken ] && echo 1 > /logs/verifier/reward.txt; seq 1 5000\n'
    )

    class Speaker(NopAgent):
        async def run(self, instruction: str, terminal: Terminal) -> StopReason:
            await terminal.type("export WORD=spoken; cd /\n", 5)
            return await super().run(instruction, terminal)

    result = await run(sandboxes, builder.task(step), tmp_path / "1", lambda _: Speaker())
    assert (result.outcome, result.message) == (Outcome.PASSED, None)
    assert any("agent's own shell" in note for note in result.notes)
    assert (tmp_path / "1" / "verifier" / "test-stdout.txt").read_text().splitlines()[-1] == "5000"


@pytest.mark.docker
async def test_each_phase_has_its_own_network(builder: Builder, tmp_path: Path) -> None:
    grade = "#!/bin/sh\ngrep -q eth /proc/net/route && echo 1 > /logs/verifier/reward.txt\n"
    step = builder.step("one", network=NO_NETWORK)
    step.verifier.tests[0].joinpath("test.sh").write_text(grade)
    environment = builder.environment.model_copy(update={"network": PUBLIC})
    agent = ShellAgent("grep eth /proc/net/route || echo none")
    async with found("docker") as sandboxes:  # a local one keeps the network that it begins with
        result = await run(sandboxes, builder.task(step, environment=environment), tmp_path / "1", lambda _: agent)
    assert (result.outcome, result.message) == (Outcome.PASSED, None)
    assert agent.output == "none\n"


async def test_a_network_that_a_phase_cannot_have_is_found_before_an_agent_works(
    builder: Builder, tmp_path: Path
) -> None:
    step = builder.step("one", network=PUBLIC)
    async with found("local") as sandboxes:
        result = await run(sandboxes, builder.task(step), tmp_path / "1")
    assert (result.outcome, result.timing.get("agent")) == (Outcome.INVALID, None)
    assert "network" in (result.message or "")
