"""The command as a user runs it: pytest tests/test_cli.py."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from evals.cli import main
from evals.display import printable
from tests.fakes import SOLVED, make_task, reply

ROOT = Path(__file__).parent.parent
COMMAND = (sys.executable, "-m", "evals.cli")


def termstone(*words: object, cwd: Path = ROOT, **env: str) -> subprocess.CompletedProcess[str]:
    settings = os.environ | {"PYTHONPATH": str(ROOT)} | env
    argv = [*COMMAND, *map(str, words)]
    return subprocess.run(argv, cwd=cwd, env=settings, capture_output=True, text=True, timeout=300, check=False)


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    path = tmp_path / "recording.json"
    path.write_text(json.dumps({"*": SOLVED}))
    return path


def test_a_recorded_model_runs_end_to_end(tmp_path: Path, recording: Path) -> None:
    task = make_task(tmp_path / "hello")
    ran = termstone("run", task, "--model", f"scripted:{recording}", "-k", 2, "-n", 2, "--output", tmp_path / "job")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "2 of 2 passed (100%)" in ran.stdout
    assert "Sandbox: " in ran.stdout
    results = [json.loads(path.read_text()) for path in sorted((tmp_path / "job").glob("hello/*/result.json"))]
    assert [(result["attempt"], result["outcome"], result["cause"]) for result in results] == [
        (1, "passed", None),
        (2, "passed", None),
    ]
    job = json.loads((tmp_path / "job" / "job.json").read_text())
    assert job["config"]["model"] == f"scripted:{recording}"
    assert set(job["lock"]) == {"tasks", "prompts", "source", "packages", "python"}
    shown = termstone("show", tmp_path / "job" / "hello" / "1")
    assert "> echo hello > out" in shown.stdout
    assert "2 of 2 passed" in termstone("show", tmp_path / "job").stdout


def test_check_finds_a_task_that_passes_by_itself(tmp_path: Path) -> None:
    make_task(tmp_path / "tasks" / "sound")
    make_task(tmp_path / "tasks" / "hollow", test="#!/bin/sh\necho 1 > /logs/verifier/reward.txt\n")
    ran = termstone("check", tmp_path / "tasks", "-n", 2, "--output", tmp_path / "job")
    assert ran.returncode == 1
    assert "hollow: nop passed, must be failed" in ran.stdout
    assert "sound:" not in ran.stdout


def test_an_agent_of_the_users_own_runs_from_its_module(tmp_path: Path) -> None:
    make_task(tmp_path / "hello")
    (tmp_path / "mine.py").write_text("from tests.fakes import RaisingAgent as Mine\n")
    ran = termstone("run", "hello", "--agent", "mine:Mine", "--output", "job", cwd=tmp_path)
    assert ran.returncode == 3
    assert "ZeroDivisionError: a bug in the agent" in ran.stdout


def test_a_class_that_is_no_agent_is_an_invalid_trial(tmp_path: Path) -> None:
    make_task(tmp_path / "hello")
    (tmp_path / "mine.py").write_text("class Mine:\n    def __init__(self, *a, **k): pass\n")
    ran = termstone("run", "hello", "--agent", "mine:Mine", "--output", "job", cwd=tmp_path)
    assert ran.returncode == 3
    assert "Mine is no agent: it has no `trajectory`" in ran.stdout


def test_a_job_that_was_cut_short_says_what_is_missing(tmp_path: Path, recording: Path) -> None:
    task = make_task(tmp_path / "hello")
    termstone("run", task, "--model", f"scripted:{recording}", "-k", 2, "--output", tmp_path / "job")
    (tmp_path / "job" / "hello" / "2" / "result.json").unlink()
    assert "1 more trials were to be run" in termstone("show", tmp_path / "job").stdout


def test_a_reader_that_goes_away_does_not_stop_the_job(tmp_path: Path) -> None:
    task = make_task(tmp_path / "hello")
    words = f"run {task} --agent nop -k 3 --output {tmp_path / 'job'}"
    piped = f"'{sys.executable}' -m evals.cli {words} | head -1"
    ran = subprocess.run(["bash", "-c", piped], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert all(line.startswith("note: ") for line in ran.stderr.splitlines()), ran.stderr
    assert len(list((tmp_path / "job").glob("hello/*/result.json"))) == 3


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "no/such/folder", "--agent", "nop"], "no/such/folder: no such folder"),
        (["run", "evals", "--agent", "nop"], "evals: no task here"),
        (["run", "TASK"], "no model: name one with --model"),
        (["run", "TASK", "--model", "scripted:missing.json"], "missing.json: No such file"),
        (["run", "TASK", "--agent", "no_such:Class"], "--agent no_such:Class"),
        (["run", "TASK", "--agent", "nop", "--output", "evals"], "evals exists already"),
        (["show", "evals"], "evals is neither a job's folder"),
        (["show", "no/such"], "no/such: no such folder"),
        (["run", "TASK", "--agent", "nop", "--sandbox", "docker"], "no Docker daemon answers (No such file"),
    ],
)
def test_bad_input_is_one_clear_line(tmp_path: Path, words: list[str], says: str) -> None:
    task = str(make_task(tmp_path / "hello"))
    ran = termstone(*[task if word == "TASK" else word for word in words], DOCKER_HOST="unix:///nowhere.sock")
    assert ran.returncode == 2
    assert says in ran.stderr
    assert len(ran.stderr.splitlines()) == 1
    assert "Traceback" not in ran.stderr


def test_a_broken_task_is_named_and_the_rest_runs(tmp_path: Path) -> None:
    make_task(tmp_path / "tasks" / "hello")
    (make_task(tmp_path / "tasks" / "broken") / "task.toml").write_text("[")
    ran = termstone("run", tmp_path / "tasks", "--agent", "oracle", "--output", tmp_path / "job")
    assert ran.returncode == 0
    assert "left out: broken: task.toml does not parse" in ran.stderr
    assert "1 of 1 passed" in ran.stdout


def test_ctrl_c_ends_everything_and_says_so(tmp_path: Path) -> None:
    task = make_task(tmp_path / "hello")
    recording = tmp_path / "slow.json"
    recording.write_text(json.dumps([reply("sleep 300\n", duration=300)]))
    words = ["run", task, "--model", f"scripted:{recording}", "--output", tmp_path / "job"]
    running = subprocess.Popen(
        [*COMMAND, *map(str, words)], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    cast = tmp_path / "job" / "hello" / "1" / "terminal.cast"
    while not (cast.exists() and "sleep 300" in cast.read_text()):
        assert running.poll() is None, running.communicate()[0]
        time.sleep(0.05)
    running.send_signal(signal.SIGINT)
    output, _ = running.communicate(timeout=30)
    assert running.returncode == 130
    assert "interrupted" in output
    assert "Traceback" not in output
    result = json.loads((tmp_path / "job" / "hello" / "1" / "result.json").read_text())
    assert (result["outcome"], result["cause"]) == ("invalid", "cancelled")


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    for command in ("run", "check", "show", "tasks"):
        assert command in shown


def test_nothing_that_a_terminal_acts_on_is_printed() -> None:
    hostile = "a\x1b]0;owned\x07b\x9b31m\u202ec\r[red]d[/red]\te\n"
    assert printable(hostile) == "a\ufffd]0;owned\ufffdb\ufffd31m\ufffdc\ufffd[red]d[/red]\te\n"
    assert printable("x" * 50, 10) == "x" * 9 + "…"


def test_hostile_output_of_a_task_reaches_the_user_as_text(tmp_path: Path) -> None:
    recording = tmp_path / "hostile.json"
    recording.write_text(json.dumps([reply("printf '[bold]\\033]0;owned\\007'\n"), reply(done=True), reply(done=True)]))
    task = make_task(tmp_path / "hello")
    ran = termstone("run", task, "--model", f"scripted:{recording}", "--output", tmp_path / "job")
    shown = termstone("show", tmp_path / "job" / "hello" / "1")
    assert "\x1b" not in ran.stdout + shown.stdout
    assert "[bold]" in shown.stdout
