"""Trials written in the formats of others, and read again: pytest tests/test_export.py."""

from __future__ import annotations

import csv
import io
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from agent.loop import TerminalAgent
from agent.scripted import ScriptedModel
from evals.analysis.atif import TrajectoryError, read_trajectory
from evals.analysis.conversation import conversations
from evals.analysis.export import Run, atif, chat, runs, sharegpt, table
from evals.analysis.report.trial_page import trial_page
from evals.analysis.trial_files import read_trial
from sandbox.terminal import open_terminal
from tests.fakes import reply
from tests.job_folders import read_job, write_termstone
from tests.trial_folders import trajectory, write_trial

if TYPE_CHECKING:
    from evals.analysis.atif import Document
    from evals.analysis.job_record import JobRecord
    from sandbox.base import Sandbox

ROOT = Path(__file__).parent.parent


@pytest.fixture
def kind() -> str:
    """One kind of sandbox is enough here."""
    return "auto"


def make_job(folder: Path, text: str = "plain") -> JobRecord:
    write_termstone(folder, {"alpha": "PF", "beta": "I."})
    for result in folder.glob("*/*/result.json"):
        write_trial(result.parent, text, **json.loads(result.read_text()))
    return read_job(folder)


def document(folder: Path, steps: list[dict[str, Any]]) -> Document:
    path = folder / "trajectory.json"
    numbered = [{"step_id": number, **step} for number, step in enumerate(steps, 1)]
    path.write_text(
        json.dumps({"schema_version": "ATIF-v1.6", "agent": {"name": "a", "version": "1"}, "steps": numbered})
    )
    return read_trajectory(path)


def said(source: str, text: str, **facts: object) -> dict[str, Any]:
    return {"source": source, "message": text, **({"extra": facts} if facts else {})}


def command(*words: object) -> subprocess.CompletedProcess[str]:
    argv = [sys.executable, "-m", "evals.cli", "export", *map(str, words)]
    return subprocess.run(argv, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)


def test_what_is_exported_as_atif_and_read_again_is_the_same(tmp_path: Path) -> None:
    job = make_job(tmp_path / "job")
    ran = command(tmp_path / "job", "--to", "atif", "-o", tmp_path / "out")
    assert ran.returncode == 0, ran.stderr
    files = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in files] == [
        "0001-alpha-1.trajectory.json",
        "0002-alpha-2.trajectory.json",
        "0003-beta-1.trajectory.json",
    ]
    for run, path in zip(runs(job.trials), files, strict=True):
        assert json.loads(path.read_text()) == json.loads((run.trial.folder / "trajectory.json").read_text())  # type: ignore[operator]
        assert read_trajectory(path).steps == run.document.steps


def test_fields_of_any_version_are_kept(tmp_path: Path) -> None:
    whole = trajectory("x", "ls\n") | {
        "notes": "n",
        "continued_trajectory_ref": "next.json",
        "of_tomorrow": {"a": None},
    }
    whole["schema_version"] = "ATIF-v1.8"
    whole["steps"][1]["message"] = [{"type": "text", "text": "see"}, {"type": "image", "source": {"path": "a.png"}}]
    (tmp_path / "t.json").write_text(json.dumps(whole))
    read = read_trajectory(tmp_path / "t.json")
    assert read.json_object() == whole
    assert read.steps[1].said == "see\n[image: a.png]"


async def test_a_conversation_of_our_agent_is_what_its_model_read_and_wrote(sandbox: Sandbox, tmp_path: Path) -> None:
    model = ScriptedModel([reply("echo hello\n"), reply("true\n", "ls\n"), reply(done=True), reply(done=True)])
    agent = TerminalAgent(model, journal=tmp_path / "journal.jsonl")
    async with open_terminal(sandbox) as terminal:
        await agent.run("say hello", terminal)
    agent.trajectory.close()
    agent.trajectory.write(tmp_path / "trajectory.json")
    for name in ("trajectory.json", "journal.jsonl"):
        (messages,) = conversations(read_trajectory(tmp_path / name))
        assert messages[:-1] == [{"role": told.role, "content": told.content} for told in model.asked[-1]]
        assert messages[-1] == {"role": "assistant", "content": reply(done=True)}


def test_a_conversation_that_was_begun_anew_is_two_rows(tmp_path: Path) -> None:
    steps = [
        said("system", "rules"),
        said("user", "task"),
        said("agent", "one"),
        said("system", "3 observations were shortened", context_management={"boundary": "shorten"}),
        said("agent", "a summary", purpose="summary"),
        said("system", "go on from here", context_management={"boundary": "replace"}),
        said("agent", "", unusable="refused"),
        said("agent", "two"),
    ]
    first, second = conversations(document(tmp_path, steps))
    assert [message["content"] for message in first] == ["rules", "task", "one"]
    assert [message["content"] for message in second] == ["rules", "go on from here", "two"]
    assert [message["role"] for message in second] == ["system", "user", "assistant"]


def test_calls_of_tools_are_messages_of_their_own(tmp_path: Path) -> None:
    calls = [{"id": "c1", "name": "bash", "arguments": '{"command": "ls"}'}]
    step = said("agent", "", calls=calls) | {"observation": {"results": [{"content": "a b"}]}}
    (messages,) = conversations(document(tmp_path, [said("user", "task"), step, said("agent", "done")]))
    assert messages[1]["tool_calls"][0]["function"] == {"name": "bash", "arguments": '{"command": "ls"}'}
    assert messages[2] == {"role": "tool", "tool_call_id": "c1", "content": "a b"}


def test_rows_for_sharegpt_alternate_and_carry_thoughts(tmp_path: Path) -> None:
    job = make_job(tmp_path / "job")
    rows = [json.loads(line) for run in runs(job.trials) for line in sharegpt(run)]
    assert [row["id"] for row in rows] == ["alpha/1", "alpha/2", "beta/1"]
    for row in rows:
        assert set(row) == {"id", "conversations"}
        sides = [turn["from"] for turn in row["conversations"]]
        assert sides == ["system", "human", "gpt", "human", "gpt"]
        assert row["conversations"][2]["value"].startswith("<think>\nthought plain\n</think>\n\nreply plain")


def test_chat_rows_say_what_the_trial_came_to(tmp_path: Path) -> None:
    job = make_job(tmp_path / "job")
    row = json.loads(next(chat(next(runs(job.trials)))))
    assert (row["task"], row["attempt"], row["outcome"], row["reward"]) == ("alpha", 1, "passed", 1.0)
    assert row["messages"][2]["reasoning_content"] == "thought plain"


def test_of_several_jobs_each_row_says_whose_it_is(tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        make_job(folder)
    rows = [json.loads(line) for line in command(*folders, "--to", "sharegpt").stdout.splitlines()]
    assert [row["id"] for row in rows] == [
        f"{job}/{it}" for job in ("one", "two") for it in ("alpha/1", "alpha/2", "beta/1")
    ]
    chats = [json.loads(line) for line in command(*folders, "--to", "chat").stdout.splitlines()]
    assert [row["job"] for row in chats] == ["one"] * 3 + ["two"] * 3
    cells = list(csv.DictReader(io.StringIO(command(*folders, "--to", "csv").stdout)))
    assert [row["job"] for row in cells] == ["one"] * 4 + ["two"] * 4


def test_what_is_printed_is_utf_8_whatever_the_terminal_knows(tmp_path: Path) -> None:
    job = make_job(tmp_path / "job", "naïve — 你好")
    argv = [sys.executable, "-m", "evals.cli", "export", str(job.folder), "--to", "chat"]
    latin = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    ran = subprocess.run(argv, cwd=ROOT, capture_output=True, env=latin, timeout=120, check=False)
    assert ran.returncode == 0, ran.stderr
    assert "naïve — 你好" in ran.stdout.decode("utf-8")


@pytest.mark.parametrize(("outcome", "count"), [("passed", 1), ("failed", 1), ("invalid", 1)])
def test_trials_are_chosen_by_their_outcome(tmp_path: Path, outcome: str, count: int) -> None:
    make_job(tmp_path / "job")
    ran = command(tmp_path / "job", "--to", "chat", "--outcome", outcome)
    assert [json.loads(line)["outcome"] for line in ran.stdout.splitlines()] == [outcome] * count


def test_a_table_has_a_row_for_each_trial_and_no_formulas(tmp_path: Path) -> None:
    job = make_job(tmp_path / "job")
    hostile = job.trials[0].model_copy(update={"message": "=HYPERLINK(1)", "cause": "-1+1"})
    rows = list(csv.DictReader(io.StringIO(table([hostile, *job.trials[1:]]))))
    assert len(rows) == 4
    assert (rows[0]["message"], rows[0]["cause"]) == ("'=HYPERLINK(1)", "'-1+1")
    assert (rows[0]["prompt_tokens"], rows[0]["cost_usd"], rows[0]["seconds_agent"]) == ("9000", "0.02", "20.0")
    assert (rows[3]["outcome"], rows[3]["cost_usd"], rows[3]["reward"]) == ("invalid", "", "")


def test_secrets_never_leave(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = "sk-0123456789"  # noqa: S105 - none of anybody's
    job = make_job(tmp_path / "job", f"the key is {secret}")
    monkeypatch.setenv("MY_API_KEY", secret)
    written = [table([job.trials[0].model_copy(update={"message": secret})])]
    for run in runs(job.trials):
        written += [atif(run), *chat(run), *sharegpt(run)]
    assert len(written) == 10
    assert not any(secret in text for text in written)
    assert all("[MY_API_KEY]" in text for text in written)


@pytest.mark.fault("F68")
@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "damaged or cut short"),
        ('{"schema_version": "ATIF-v1.7", "st', "damaged or cut short"),
        ("[" * 100_000, "damaged or cut short"),
        ("[]", "is no trajectory"),
        ('{"schema_version": "ATIF-v9.9", "agent": {}, "steps": []}', "is none of"),
        ('{"schema_version": "ATIF-v1.7", "agent": {}, "steps": [{"step_id": 0}]}', "is no trajectory"),
    ],
)
def test_what_is_no_trajectory_is_one_clear_line(tmp_path: Path, content: str, reason: str) -> None:
    (tmp_path / "t.json").write_text(content)
    with pytest.raises(TrajectoryError, match=reason) as told:
        read_trajectory(tmp_path / "t.json")
    assert "\n" not in str(told.value)


def test_a_run_that_was_cut_off_is_read_from_its_journal(tmp_path: Path) -> None:
    steps = [{"type": "step", **step} for step in trajectory("x", "ls\n")["steps"]]
    (tmp_path / "journal.jsonl").write_text("".join(json.dumps(step) + "\n" for step in steps) + '{"type": "st')
    read = read_trajectory(tmp_path / "journal.jsonl")
    assert [step.said for step in read.steps] == ["rules x", "task x", "reply x", "done x"]
    assert Run("x", None, read)  # type: ignore[arg-type] # its trial does not matter here


@pytest.mark.parametrize(
    "words",
    [
        ["nowhere", "--to", "csv"],
        ["job", "--to", "atif"],
        ["job", "--to", "atif", "-o", "job"],
        ["empty", "--to", "csv"],
        ["job", "job", "--to", "csv"],
        ["job", "--to", "atif", "-o", "no-such-folder/out"],
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(tmp_path: Path, words: list[str]) -> None:
    make_job(tmp_path / "job")
    (tmp_path / "empty").mkdir()
    before = sorted(tmp_path.rglob("*"))
    ran = command(*[word if word.startswith("-") or word in ("csv", "atif") else tmp_path / word for word in words])
    assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (2, "", 1)
    assert sorted(tmp_path.rglob("*")) == before


STRANGE: tuple[object, ...] = (
    4,
    "text",
    [1],
    [None],
    [[[]]],
    {"boundary": []},
    [{"id": 1, "name": [], "arguments": {}}],
    {},
    True,
)
"""What may stand under a name that others have given another meaning."""


@pytest.mark.parametrize("name", ["calls", "context_management", "told", "repairs", "unusable", "analysis"])
@pytest.mark.parametrize("value", STRANGE)
def test_facts_of_others_under_our_names_are_no_obstacle(tmp_path: Path, name: str, value: object) -> None:
    read = document(tmp_path, [said("user", "task"), said("agent", "reply", **{name: value})])
    if not (name == "unusable" and value):
        assert [message["content"] for message in conversations(read)[0]][:2] == ["task", "reply"]
    assert "reply" in trial_page(read_trial(tmp_path / "trajectory.json"), None, "strange")


def test_a_run_without_steps_has_no_conversation(tmp_path: Path) -> None:
    assert conversations(document(tmp_path, [])) == []


@pytest.mark.parametrize(
    "step",
    [
        {"timestamp": "0001-01-01T00:00:00"},
        {"timestamp": "9999-12-31T23:59:59-14:00"},
        {"observation": {"results": [{"content": "x", "extra": {"seconds": 1e400}}]}},
        {"metrics": {"prompt_tokens": 10**400, "completion_tokens": 1, "extra": {"waited": 10**400}}},
    ],
)
def test_numbers_and_times_out_of_this_world_are_unknown(tmp_path: Path, step: dict[str, Any]) -> None:
    document(tmp_path, [said("agent", "reply") | step])
    assert "reply" in trial_page(read_trial(tmp_path / "trajectory.json"), None, "strange")


@pytest.mark.parametrize("form", ["atif", "chat", "sharegpt"])
def test_half_a_character_is_written_as_json_has_it(tmp_path: Path, form: str) -> None:
    folder = write_termstone(tmp_path / "job", {"alpha": "P"})
    write_trial(folder / "alpha/1", "half @", **json.loads((folder / "alpha/1/result.json").read_text()))
    steps = folder / "alpha/1/trajectory.json"
    steps.write_text(steps.read_text().replace("half @", "half \\ud800"))
    ran = command(folder, "--to", form, "-o", tmp_path / "out")
    assert (ran.returncode, len(ran.stderr.splitlines())) == (0, 1)
    written = next((tmp_path / "out").iterdir()) if form == "atif" else tmp_path / "out"
    assert "half \\ud800" in written.read_text()


def test_a_device_is_written_to_and_not_replaced(tmp_path: Path) -> None:
    make_job(tmp_path / "job")
    (tmp_path / "null").symlink_to("/dev/null")
    assert command(tmp_path / "job", "--to", "csv", "-o", tmp_path / "null").returncode == 0
    assert (tmp_path / "null").is_char_device()
