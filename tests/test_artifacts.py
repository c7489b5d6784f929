"""What is kept of a sandbox: pytest tests/test_artifacts.py."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

import pytest

from evals.artifacts import ALWAYS, Kept, keep, take
from evals.result import Cause, Outcome, TrialResult
from evals.task import Artifact, Leftovers, Task
from evals.trial import Plan, Trial
from tests.fakes import make_task
from tests.test_integrity import ShellAgent
from tests.test_trial import one

if TYPE_CHECKING:
    from pathlib import Path

    from evals.sandboxes import Sandboxes
    from sandbox.base import Sandbox


def names_in(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


async def kept(sandbox: Sandbox, folder: Path, script: str, *artifacts: Artifact) -> list[Kept]:
    done = await sandbox.exec(["sh", "-c", f"set -e; {script}"], timeout=180)
    assert done.exit_code == 0, done.output
    return keep(await take(sandbox, [ALWAYS, *artifacts]), folder)


async def test_files_and_folders_are_kept_by_their_paths_or_where_the_task_says(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    lines = await kept(
        sandbox,
        tmp_path / "a",
        "mkdir -p sub/deep empty; echo 1 > sub/one; echo 2 > sub/deep/two; echo x > sub/x.tmp; "
        "echo log > /logs/artifacts/l",
        Artifact(source="/app/sub", exclude=("*.tmp",)),
        Artifact(source="/app/sub/one", destination="first/1.txt"),
        Artifact(source="/app/empty"),
        Artifact(source="/app/missing"),
    )
    files = {str(path.relative_to(tmp_path / "a")) for path in (tmp_path / "a").rglob("*") if path.is_file()}
    assert files == {"logs/artifacts/l", "app/sub/one", "app/sub/deep/two", "first/1.txt", "manifest.json"}
    assert [(line.status, line.type) for line in lines] == [
        ("ok", "directory"),
        ("ok", "directory"),
        ("ok", "file"),
        ("empty", "directory"),
        ("failed", None),
    ]
    assert json.loads((tmp_path / "a" / "manifest.json").read_text()) == [
        line.model_dump(mode="json", exclude_none=True) for line in lines
    ]


async def test_nothing_to_keep_leaves_nothing(sandbox: Sandbox, tmp_path: Path) -> None:
    assert await kept(sandbox, tmp_path / "a", "true") == []
    assert not (tmp_path / "a").exists()


@pytest.mark.fault("F62")
@pytest.mark.parametrize(
    ("script", "says"),
    [
        ("mkdir many; cd many; seq -f %06.0f 1 NUMBER | xargs touch", "more than 10,000 files"),
        ("truncate -s 5G sparse", "more than 100,000,000 bytes"),
    ],
)
async def test_too_much_is_not_kept_and_that_is_recorded(
    sandbox: Sandbox, tmp_path: Path, script: str, says: str
) -> None:
    # A file system in user space, as this machine's engine may have, makes few files a second.
    script = script.replace("NUMBER", "100000" if sandbox.name == "local" else "12000")
    other, line = await kept(
        sandbox, tmp_path / "a", f"echo small > /logs/artifacts/small; {script}", Artifact(source="/app")
    )
    assert line.status == "failed"
    assert says in (line.detail or "")
    assert other.status == "ok"
    assert sum(path.stat().st_size for path in (tmp_path / "a").rglob("*")) < 100_000


@pytest.mark.fault("F62")
async def test_odd_names_are_kept_as_they_are(sandbox: Sandbox, tmp_path: Path) -> None:
    odd = [b"a b", b"new\nline", b"-rf", b"$(x)", b"\xff\xfe", "\u202egnp.exe".encode(), b"con", b"x" * 240, b".hidden"]
    octal = [b"".join(b"\\%03o" % byte for byte in name).decode() for name in odd]
    made = "; ".join(f"printf x > \"$(printf '{name}')\"" for name in octal)
    (line,) = await kept(sandbox, tmp_path / "a", f"mkdir odd; cd odd; {made}", Artifact(source="/app/odd"))
    assert (line.status, line.detail) == ("ok", None)
    assert {os.fsencode(name) for name in names_in(tmp_path / "a" / "app" / "odd")} == set(odd)


@pytest.mark.fault("F62")
async def test_links_and_devices_lead_nowhere(sandbox: Sandbox, tmp_path: Path) -> None:
    (line,) = await kept(
        sandbox,
        tmp_path / "a",
        "mkdir d; cd d; ln -s /etc/passwd link; ln -s / root; mkfifo fifo; echo x > real; ln real hard",
        Artifact(source="/app/d"),
    )
    assert line.status == "ok"
    names = names_in(tmp_path / "a" / "app" / "d")
    assert names <= {"real", "hard"}
    assert len(names) == 1  # the other is the same file
    assert set(line.left_out) == {"link", "root", "fifo", "real", "hard"} - names
    (written,) = json.loads((tmp_path / "a" / "manifest.json").read_text())
    assert set(written["left_out"]) == set(line.left_out)


@pytest.mark.fault("F62")
async def test_of_many_links_the_first_are_named_and_an_artifact_may_be_one_itself(
    sandbox: Sandbox, tmp_path: Path
) -> None:
    many, link = await kept(
        sandbox,
        tmp_path / "a",
        "mkdir d; cd d; for n in $(seq 1 300); do ln -s x $n; done; ln -s d ../link",
        Artifact(source="/app/d"),
        Artifact(source="/app/link"),
    )
    assert (many.status, len(many.left_out), many.left_out[-1]) == ("empty", 101, "and more")
    assert (link.status, link.left_out) == ("empty", ("link",))


async def test_a_destination_stays_below_its_folder(sandbox: Sandbox, tmp_path: Path) -> None:
    await kept(sandbox, tmp_path / "a", "echo x > f", Artifact(source="/app/f", destination="../../outside"))
    assert (tmp_path / "a" / "outside").read_text() == "x\n"
    assert names_in(tmp_path) == {"a"}


async def test_no_secret_is_kept(sandbox: Sandbox, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CANARY_API_KEY", "canary-0123456789")
    await kept(sandbox, tmp_path / "a", "echo canary-0123456789 > f", Artifact(source="/app/f"))
    assert (tmp_path / "a" / "app" / "f").read_text() == "[CANARY_API_KEY]\n"


async def test_what_is_carried_to_another_sandbox_is_the_same_there(sandbox: Sandbox) -> None:
    script = "mkdir -p d/e; cd d; echo x > e/run; chmod 750 e/run; ln -s e/run link; echo y > one; ln one two; mkfifo p"
    await sandbox.exec(["sh", "-c", script], timeout=10)
    show = ["sh", "-c", "cd /app && find d ! -type p | sort | xargs stat -c '%n %A %u %h %N'"]
    before = (await sandbox.exec(show, timeout=10)).output
    archive, others = await sandbox.take("/app/d", 1000)
    assert len(others) == 3
    await sandbox.exec(["rm", "-rf", "/app/d"], timeout=10)
    await sandbox.put(archive)
    assert (await sandbox.exec(show, timeout=10)).output == before


async def graded_fresh(sandboxes: Sandboxes, folder: Path, script: str) -> TrialResult:
    plan = Plan(sandboxes.open, lambda *_: ShellAgent(script), leftovers=Leftovers.FRESH)
    return await Trial(graded_apart(folder / "hello"), 1, folder / "1", plan).run()


def graded_apart(folder: Path) -> Task:
    test = "#!/bin/sh\n[ $(stat -c %s /app/model) -ge 120000000 ] && echo 1 > /logs/verifier/reward.txt\n"
    toml = 'artifacts = ["/app/model"]\n[environment]\nnetwork_mode = "no-network"\n'
    return one(make_task(folder, test=test, toml=toml))


@pytest.mark.fault("F62")
@pytest.mark.parametrize(
    ("size", "outcome", "says"),
    [
        (120_000_000, Outcome.PASSED, "artifact /app/model: more than 100,000,000 bytes"),
        (5_000_000_000, Outcome.INVALID, "more than 500,000,000 bytes"),
    ],
)
async def test_what_is_too_much_to_keep_is_carried_and_what_is_too_much_to_carry_is_nobodys_failure(
    sandboxes: Sandboxes, tmp_path: Path, size: int, outcome: Outcome, says: str
) -> None:
    result = await graded_fresh(sandboxes, tmp_path, f"truncate -s {size} /app/model")
    assert result.outcome is outcome, result.message
    assert result.cause in (None, Cause.VERIFIER_NO_RESULT)
    assert says in "\n".join([*result.notes, result.message or ""])
    assert sum(path.stat().st_size for path in (tmp_path / "1").rglob("*")) < 1_000_000


@pytest.mark.fault("F62")
async def test_what_nobody_asked_for_does_not_keep_work_from_being_graded(sandboxes: Sandboxes, tmp_path: Path) -> None:
    fill = "truncate -s 5000000000 /logs/artifacts/huge; truncate -s 120000000 /app/model"
    result = await graded_fresh(sandboxes, tmp_path, fill)
    assert (result.outcome, result.message) == (Outcome.PASSED, None)
    assert any("/logs/artifacts: more than 500,000,000 bytes" in note for note in result.notes)
