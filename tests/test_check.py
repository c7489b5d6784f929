"""What `termstone check` finds in tasks: pytest tests/test_check.py."""

from __future__ import annotations

import asyncio
import gc
import re
import shutil
import warnings
from typing import TYPE_CHECKING

import pytest

from evals.check import check
from evals.cli import BUNDLED
from evals.git_future import repositories
from evals.giveaways import giveaways
from evals.job_config import JobConfig
from evals.selection import found_tasks
from evals.task import BrokenTask, Task, Typing
from evals.terminal_bench import read as read_terminal_bench
from tests.conftest import found as opened
from tests.conftest import need
from tests.fakes import GRADE_HELLO, make_task
from tests.test_trial import one

if TYPE_CHECKING:
    from pathlib import Path

    from evals.finding import Finding
    from evals.sandboxes import Sandboxes

OFFLINE = '[environment]\nnetwork_mode = "no-network"\n'
WRITES_REWARD = "#!/bin/bash\nmkdir -p /logs/verifier; echo 1 > /logs/verifier/reward.txt\n"
WITH_GIT = "".join(
    (BUNDLED / "rescue-git-history" / "environment" / "Dockerfile").read_text().splitlines(keepends=True)[:2]
)
"""As a bundled task has it, whose layers are there already."""
HISTORY = """
commit() {
    GIT_COMMITTER_DATE="$2 +0000" git -c user.name=a -c user.email=a@b commit -q --allow-empty -m "$1"
}
for name in level ahead; do
    git init -q -b main $name && cd $name
    commit one "2020-01-01 00:00:00" && commit two "2021-01-01 00:00:00"
    cd ..
done
cd ahead
git checkout -q -b old HEAD~1 && commit aside "2020-06-01 00:00:00"
git checkout -q main && commit fix "2022-01-01 00:00:00" && commit lost "2023-01-01 00:00:00"
git reset -q --hard main~2 && git reflog expire --expire=now --all
"""


def with_cheat(folder: Path, name: str, script: str) -> Path:
    (folder / "cheats").mkdir(exist_ok=True)
    (folder / "cheats" / name).write_text(script)
    return folder


async def found(sandboxes: Sandboxes, folder: Path, task: Path, times: int = 1) -> dict[str, Finding]:
    findings = await check([one(task)], sandboxes, folder=folder / "runs", times=times, concurrency=2)
    return {finding.check: finding for finding in findings}


async def test_a_good_task_has_nothing_against_it(sandboxes: Sandboxes, tmp_path: Path) -> None:
    task = with_cheat(make_task(tmp_path / "hello", toml=OFFLINE), "reward-written.sh", WRITES_REWARD)
    told: list[Finding] = []
    findings = await check(
        [one(task), BrokenTask(name="bad", reason="task.toml is missing")],
        sandboxes,
        folder=tmp_path / "runs",
        times=2,
        concurrency=2,
        on_found=told.append,
    )
    assert [finding.check for finding in findings] == [
        *("loads", "paths", "oracle", "idempotent", "timing", "oracle 2", "nop", "cheat reward-written"),
        *("offline", "image", "git", "loads"),
    ]
    assert [finding for finding in findings if finding.is_against] == findings[-1:]
    assert (findings[-1].task, findings[-1].detail) == ("bad", "task.toml is missing")
    assert sorted(told, key=str) == sorted(findings, key=str)


async def test_an_oracle_that_fails_and_a_nop_that_passes_are_found(sandboxes: Sandboxes, tmp_path: Path) -> None:
    wrong = await found(sandboxes, tmp_path, make_task(tmp_path / "wrong", solve="echo bye > /app/out\n", toml=OFFLINE))
    assert (wrong["oracle"].ok, wrong["nop"].ok) == (False, True)
    assert wrong["oracle"].detail.startswith("failed with reward 0")
    easy = await found(sandboxes, tmp_path, make_task(tmp_path / "easy", test=WRITES_REWARD, toml=OFFLINE))
    assert (easy["oracle"].ok, easy["nop"].ok) == (True, False)


async def test_a_cheat_that_scores_is_found(sandboxes: Sandboxes, tmp_path: Path) -> None:
    task = with_cheat(make_task(tmp_path / "hello", toml=OFFLINE), "solved.sh", "echo hello > /app/out\n")
    finding = (await found(sandboxes, tmp_path, task))["cheat solved"]
    assert (finding.ok, finding.detail) == (False, "passed with reward 1")


async def test_a_verifier_that_says_something_else_the_second_time_is_found(
    sandboxes: Sandboxes, tmp_path: Path
) -> None:
    task = make_task(tmp_path / "hello", test=f"{GRADE_HELLO}rm -f /app/out\n", toml=OFFLINE)
    finding = (await found(sandboxes, tmp_path, task))["idempotent"]
    assert not finding.ok
    assert "'reward': 1.0" in finding.detail
    assert "'reward': 0.0" in finding.detail


async def test_tests_and_solution_in_the_image_are_found(sandboxes: Sandboxes, tmp_path: Path) -> None:
    solve = "# A solution long enough that nothing is equal to it by chance.\necho hello > /app/out\n"
    task = make_task(tmp_path / "hello", solve=solve, toml=OFFLINE)
    lines = " ".join(f"'{line}'" for line in solve.splitlines())
    (task / "environment" / "Dockerfile").write_text(
        f"FROM debian:bookworm-slim\nRUN printf '%s\\n' {lines} > /opt/old-notes.txt\nWORKDIR /app\n"
    )
    finding = (await found(sandboxes, tmp_path, task))["image"]
    assert (finding.ok, finding.detail) == (False, "/opt/old-notes.txt is solution/solve.sh")


async def images(sandboxes: Sandboxes, task: Task) -> list[str]:
    """Name what the image of a task gives away."""
    async with sandboxes.open(task.environment) as sandbox:
        return sorted(map(str, await giveaways(task, sandbox)))


async def test_a_copy_with_a_line_end_in_its_name_is_found_among_thousands_of_sizes(
    sandboxes: Sandboxes, tmp_path: Path
) -> None:
    dockerfile = 'FROM debian:bookworm-slim\nWORKDIR /app\nCOPY hint /app/h\nRUN mv h "$(printf "a\\nb")"\n'
    folder = make_task(tmp_path / "hello", dockerfile=dockerfile)
    (folder / "solution/solve.sh").write_text("#!/bin/sh\n" + 10 * "echo hello > out\n")
    shutil.copy(folder / "solution/solve.sh", folder / "environment/hint")
    (folder / "tests/many").mkdir()
    for size in range(5000):
        (folder / f"tests/many/{size}").write_bytes(b"x" * (1000 + size))
    assert await images(sandboxes, one(folder)) == ["'/app/a\nb' is solution/solve.sh"]


@pytest.mark.fault("F59")
async def test_tests_and_solution_that_are_copied_into_the_image_are_found(
    sandboxes: Sandboxes, tmp_path: Path
) -> None:
    dockerfile = "FROM debian:bookworm-slim\nWORKDIR /app\nCOPY tests /opt/t\nCOPY solution /opt/s\nCOPY data /data\n"
    task = make_task(tmp_path / "hello", solve=f"# {'long enough ' * 9}\ntouch /app/out\n", dockerfile=dockerfile)
    (task / "tests" / "test_out.py").write_text(f"# {'what is tested ' * 9}\n")
    for name in ("tests", "solution"):
        shutil.copytree(task / name, task / "environment" / name)
    for folder in ("tests", "environment/data"):  # what both need is no giveaway
        (task / folder).mkdir(exist_ok=True)
        (task / folder / "rows.csv").write_text("1,2,3\n" * 50)
    assert await images(sandboxes, one(task)) == [
        "/opt/s/solve.sh is solution/solve.sh",
        "/opt/t/test.sh is tests/test.sh",
        "/opt/t/test_out.py is tests/test_out.py",
    ]


@pytest.mark.parametrize("solution", ["solution.sh", "solution.yaml"])
async def test_a_task_whose_image_is_its_whole_folder_shows_all_of_it(
    sandboxes: Sandboxes, tmp_path: Path, solution: str
) -> None:
    files = {
        "task.yaml": "instruction: Write hello into /app/out.\n",
        "docker-compose.yaml": "services:\n  client:\n    build: .\n",
        "Dockerfile": "FROM debian:bookworm-slim\nWORKDIR /app\nCOPY . /app/src\n",
        "run-tests.sh": f"# {'how it is run ' * 9}\n",
        "tests/test_out.py": f"# {'what is tested ' * 9}\n",
        "tests/rows.csv": "1,2,3\n" * 50,
        "data/rows.csv": "1,2,3\n" * 50,
        solution: f"- command: 'true # {'long enough ' * 9}'\n",
    }
    for name, content in files.items():
        (tmp_path / "task" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "task" / name).write_text(content)
    task = read_terminal_bench("task", tmp_path / "task")
    assert await images(sandboxes, task) == [
        f"/app/src/{name} is {name}" for name in ("run-tests.sh", solution, "tests/test_out.py")
    ]


async def test_an_oracle_that_hangs_ends_with_the_time_of_a_task_that_sets_none(
    sandboxes: Sandboxes, tmp_path: Path
) -> None:
    hanging = make_task(tmp_path / "hanging", solve="sleep 3600\n", toml=OFFLINE)
    own = make_task(tmp_path / "own", toml=f"{OFFLINE}[agent]\ntimeout_sec = 7.5\n")
    config = JobConfig(tasks=(str(hanging), str(own)), agent_timeout=2)
    tasks = found_tasks(config)
    assert [step.agent_timeout for task in tasks if isinstance(task, Task) for step in task.steps] == [2, 7.5]
    findings = await check(tasks[:1], sandboxes, folder=tmp_path / "runs", concurrency=3)
    (oracle,) = (finding for finding in findings if finding.check == "oracle")
    assert (oracle.ok, oracle.detail) == (False, "failed with reward 0; its time was over")
    assert JobConfig().agent_timeout == 3600


async def test_little_room_in_a_time_limit_is_a_warning(sandboxes: Sandboxes, tmp_path: Path) -> None:
    toml = f"{OFFLINE}[verifier]\ntimeout_sec = 6.0\n"
    task = make_task(tmp_path / "hello", test=f"#!/bin/sh\nsleep 3.2\n{GRADE_HELLO}", toml=toml)
    finding = (await found(sandboxes, tmp_path, task))["timing"]
    assert (finding.ok, finding.warning, finding.is_against) == (False, True, False)
    assert re.fullmatch(r"the tests took [345]\.\d s of 6 s", finding.detail)


@pytest.mark.docker
async def test_a_verifier_that_needs_a_network_is_a_warning(tmp_path: Path) -> None:
    test = f"#!/bin/sh\nif grep -q eth0 /proc/net/route; then sh -c '{GRADE_HELLO[10:].strip()}'; fi\n"
    task = make_task(tmp_path / "hello", test=test, toml='[environment]\nnetwork_mode = "public"\n')
    async with opened("docker") as sandboxes:  # the network of a local one cannot be taken away
        finding = (await found(sandboxes, tmp_path, task))["offline"]
    assert (finding.ok, finding.warning) == (False, True)
    assert "without a network invalid: verifier_no_result" in finding.detail


@pytest.mark.fault("F59")
async def test_commits_from_after_what_is_checked_out_are_a_warning(sandboxes: Sandboxes, tmp_path: Path) -> None:
    task = make_task(tmp_path / "hello", dockerfile=f"{WITH_GIT}WORKDIR /app\nCOPY history.sh /\nRUN sh /history.sh\n")
    (task / "environment" / "history.sh").write_text(HISTORY)
    async with sandboxes.open(one(task).environment) as sandbox:
        await need(sandbox, "git")
        there = await repositories(sandbox, local=sandboxes.kind == "local")
        assert sorted(str(one) for one in there) == [
            "/app/ahead: 3 commits that HEAD does not reach, 2 of them newer",
            "/app/level: 0 commits that HEAD does not reach, 0 of them newer",
        ]
    finding = (await found(sandboxes, tmp_path, task))["git"]
    assert (finding.ok, finding.warning) == (False, True)
    assert finding.detail == "/app/ahead: 3 commits that HEAD does not reach, 2 of them newer"


async def test_a_repository_that_cannot_be_looked_into_is_named(sandboxes: Sandboxes, tmp_path: Path) -> None:
    task = make_task(tmp_path / "hello", dockerfile="FROM debian:bookworm-slim\nWORKDIR /app\nRUN mkdir .git\n")
    async with sandboxes.open(one(task).environment) as sandbox:
        there = await repositories(sandbox, local=sandboxes.kind == "local")
        has_git = (await sandbox.exec(["sh", "-c", "command -v git"], timeout=10)).exit_code == 0
    assert list(map(str, there)) == [] if has_git else ["/app: no git there to look into it with"]


async def test_a_solution_that_is_typed_is_typed(sandboxes: Sandboxes, tmp_path: Path) -> None:
    task = one(make_task(tmp_path / "hello", toml=OFFLINE))
    typings = (
        Typing(command="cat > /app/out", block=False, min_timeout=0.3),
        Typing(command="hello"),
        Typing(command="C-d", append_enter=False, min_timeout=0.3),
        Typing(command="sleep 0.5; chmod 600 /app/out", block=True),
    )
    solution = task.steps[0].solution.model_copy(update={"script": None, "typings": typings})
    typed = task.model_copy(update={"steps": (task.steps[0].model_copy(update={"solution": solution}),)})
    findings = await check([typed], sandboxes, folder=tmp_path / "runs")
    assert [finding.ok for finding in findings if finding.check == "oracle"] == [True], findings


async def test_a_check_that_is_cut_short_leaves_none_half_begun(sandboxes: Sandboxes, tmp_path: Path) -> None:
    checking = asyncio.ensure_future(check([one(make_task(tmp_path / "hello"))], sandboxes, folder=tmp_path / "runs"))
    await asyncio.sleep(0.1)
    checking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await checking
    with warnings.catch_warnings(record=True) as complaints:
        warnings.simplefilter("always")
        del checking
        gc.collect()
    assert [str(complaint.message) for complaint in complaints] == []
