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

from agent.trajectory import read_journal
from evals.cli import main
from evals.display import note_lines, printable
from evals.job_config import JobConfig
from evals.selection import found_tasks
from evals.task import Task
from tests.fakes import SOLVED, make_task, reply
from tests.job_folders import write_harbor
from tests.scripted_server import ScriptedServer

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
    assert (job["config"]["model"], job["config"]["format"]) == (f"scripted:{recording}", "json")
    assert set(job["lock"]) == {"tasks", "prompts", "source", "plugins", "packages", "python", "images"}
    shown = termstone("show", tmp_path / "job" / "hello" / "1")
    assert "> echo hello > out" in shown.stdout
    assert "2 of 2 passed" in termstone("show", tmp_path / "job").stdout


def test_what_is_asked_of_a_model_is_kept_and_what_it_does_not_take_is_said(tmp_path: Path) -> None:
    options = ["--temperature", 0.5, "--reasoning-effort", "low", "--thinking-budget", 2048, "--token-ids"]
    with ScriptedServer(SOLVED) as server:
        words = ["run", make_task(tmp_path / "hello"), "-m", "openai/o3", "--api-base", server.url, *options]
        ran = termstone(*words, "--output", tmp_path / "job", OPENAI_API_KEY="sk-0123456789abcdef")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "note: hello: the model does not take temperature, thinking, logprobs: left out" in ran.stderr
    assert server.requests[0].body["reasoning_effort"] == "low"
    config = json.loads((tmp_path / "job" / "job.json").read_text())["config"]
    assert [config[name] for name in ("temperature", "reasoning_effort", "thinking_budget", "token_ids")] == [
        0.5,
        "low",
        2048,
        True,
    ]


def test_another_format_is_named_on_the_command_line_and_recorded(tmp_path: Path) -> None:
    task = make_task(tmp_path / "hello")
    recording = tmp_path / "blocks.json"
    recording.write_text(json.dumps(["```bash\necho hello > out\n```", "done"]))
    (tmp_path / "mine.py").write_text("from agent.formats.bash_block import BashBlockFormat as Mine\n")
    for named in ("bash-block", "mine:Mine"):
        words = ("--model", f"scripted:{recording}", "--format", named, "--output", tmp_path / named)
        ran = termstone("run", task, *words, cwd=tmp_path)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        assert "1 of 1 passed" in ran.stdout
        assert json.loads((tmp_path / named / "job.json").read_text())["config"]["format"] == named


def test_the_manner_of_terminus_2_is_recorded_wherever_a_result_is(tmp_path: Path, recording: Path) -> None:
    words = ("run", make_task(tmp_path / "hello"), "--model", f"scripted:{recording}", "--compat", "terminus2")
    ran = termstone(*words, "--output", tmp_path / "job")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    config = json.loads((tmp_path / "job" / "job.json").read_text())["config"]
    assert (config["agent"], config["format"]) == ("terminus2", "json")
    trial = tmp_path / "job" / "hello" / "1"
    agent = json.loads((trial / "trajectory.json").read_text())["agent"]
    result = json.loads((trial / "result.json").read_text())
    assert (result["agent"], result["agent_version"]) == (agent["name"], agent["version"])
    assert agent["name"] == "termstone-terminus2"


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
    (tmp_path / "job" / "hello" / "1" / "result.json").unlink()
    shown = termstone("show", tmp_path / "job")
    assert (shown.returncode, shown.stdout) == (2, "")
    assert "none of 2 trials has a result: termstone resume" in shown.stderr


def test_jobs_of_other_harnesses_are_shown(tmp_path: Path) -> None:
    write_harbor(tmp_path / "job", {"high": {"alpha": "PF", "beta": "X"}})
    shown = termstone("show", tmp_path / "job")
    assert shown.returncode == 0, shown.stderr
    assert "1 of 2 passed" in shown.stdout


def test_a_reader_that_goes_away_does_not_stop_the_job(tmp_path: Path) -> None:
    task = make_task(tmp_path / "hello")
    words = f"run {task} --agent nop -k 3 --output {tmp_path / 'job'}"
    piped = f"'{sys.executable}' -m evals.cli {words} | head -1"
    ran = subprocess.run(["bash", "-c", piped], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert all(line.startswith("note: ") for line in ran.stderr.splitlines()), ran.stderr
    assert len(list((tmp_path / "job").glob("hello/*/result.json"))) == 3


def test_a_reader_of_all_that_is_said_who_goes_away_does_not_cost_the_report(tmp_path: Path) -> None:
    task = make_task(tmp_path / "hello")
    words = f"run {task} --agent nop -k 3 --leftovers restarted --output {tmp_path / 'job'}"
    piped = f"'{sys.executable}' -m evals.cli {words} 2>&1 | head -1; exit ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", piped], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert ran.returncode == 0
    assert (tmp_path / "job" / "report.html").is_file()


def test_a_job_without_a_key_says_how_to_go_on(tmp_path: Path) -> None:
    task = make_task(tmp_path / "hello")
    keyless = {name: value for name, value in os.environ.items() if not name.endswith("_API_KEY")}
    words = [sys.executable, "-m", "evals.cli", "run", str(task), "-m", "openai/x", "--output", str(tmp_path / "job")]
    ran = subprocess.run(words, cwd=ROOT, capture_output=True, text=True, timeout=120, env=keyless, check=False)
    assert ran.returncode == 3
    (line,) = [line for line in ran.stdout.splitlines() if line.startswith("Not all was run: ")]
    assert ". Once that is mended: termstone resume " in line
    assert line.endswith("job --invalid")
    assert ".." not in line


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["run", "no/such/folder", "--agent", "nop"], "no/such/folder: no such folder"),
        (["run", "evals", "--agent", "nop"], "evals: no task here"),
        (["run", "TASK"], "no model: name one with --model"),
        (["run", "TASK", "--model", "scripted:missing.json"], "missing.json: No such file"),
        (["run", "TASK", "--agent", "no_such:Class"], "--agent no_such:Class"),
        (
            ["run", "TASK", "--model", "x/y", "--format", "no-such"],
            "--format no-such: there is none; give bash-block, ",
        ),
        (["run", "TASK", "--model", "x/y", "--format", "json:loads"], "--format json:loads: "),
        (
            ["run", "TASK", "--model", "x/y", "--compat", "terminus2", "--format", "tools"],
            "Terminus 2 has json and xml",
        ),
        (["run", "TASK", "--agent", "nop", "--output", "evals"], "evals exists already"),
        (["run", "TASK", "-f", "no.toml"], "no.toml: No such file"),
        (["resume", "no/such"], "no/such: no such folder"),
        (["show", "evals"], "evals is no job and no trial"),
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


@pytest.mark.fault("F51")
def test_a_broken_task_is_named_and_the_rest_runs(tmp_path: Path) -> None:
    for name in ("a", "b", "c", "d"):
        make_task(tmp_path / "tasks" / name)
    (make_task(tmp_path / "tasks" / "bad-toml") / "task.toml").write_text("[")
    (make_task(tmp_path / "tasks" / "no-words") / "instruction.md").unlink()
    circle = make_task(tmp_path / "tasks" / "circle") / "tests" / "test.sh"
    circle.unlink()
    circle.symlink_to("test.sh")
    ran = termstone("run", tmp_path / "tasks", "--agent", "oracle", "--output", tmp_path / "job", "-n", 2)
    assert ran.returncode == 0
    for said in ("bad-toml: task.toml does not parse", "no-words: ", "circle: "):
        assert f"left out: {said}" in ran.stderr
    assert "4 of 4 passed" in ran.stdout
    document = json.loads((tmp_path / "job" / "job.json").read_text())
    begun = json.loads((tmp_path / "job" / "job.jsonl").read_text().splitlines()[0])
    assert document["left_out"] == begun["left_out"]
    assert [task["name"] for task in document["left_out"]] == ["bad-toml", "circle", "no-words"]
    (tmp_path / "job" / "a" / "1" / "result.json").unlink()
    assert termstone("resume", tmp_path / "job").returncode == 0
    (tmp_path / "job" / "job.json").unlink()  # and it is rebuilt
    assert termstone("resume", tmp_path / "job").returncode == 0
    shown = termstone("show", tmp_path / "job").stdout
    assert "left out: bad-toml: task.toml does not parse" in shown
    assert shown.count("left out: ") == 3


def test_a_note_at_the_end_says_of_which_tasks_it_is(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        make_task(tmp_path / "tasks" / name)
    recording = tmp_path / "recording.json"
    recording.write_text(json.dumps({"*": SOLVED}))
    words = ("--model", f"scripted:{recording}", "--leftovers", "restarted", "--output", tmp_path / "job")
    ran = termstone("run", tmp_path / "tasks", *words)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "note: a and 2 more: what agents leave running: restarted" in ran.stderr.splitlines()
    assert list(note_lines([("a", "x"), ("b", "y"), ("a", "x"), ("c", "y")])) == [
        "note: a: x",
        "note: b and 1 more: y",
    ]


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
    assert output.splitlines()[-1] == (
        f"interrupted; everything that was started has been ended; go on with: termstone resume {tmp_path / 'job'}"
    )
    assert "Traceback" not in output
    result = json.loads((tmp_path / "job" / "hello" / "1" / "result.json").read_text())
    assert (result["outcome"], result["cause"]) == ("invalid", "cancelled")


def test_a_killed_run_has_all_that_was_paid_for_in_its_journal(tmp_path: Path) -> None:
    recorded = [reply("echo o''ne\n"), reply("echo t''wo\n"), reply("sleep 60\n", duration=60)]
    journal = tmp_path / "job" / "hello" / "1" / "journal.jsonl"
    with ScriptedServer(recorded) as server:
        words = ["run", make_task(tmp_path / "hello"), "-m", "openai/x", "--api-base", server.url]
        argv = [*COMMAND, *map(str, words), "--sandbox", "local", "--output", str(tmp_path / "job")]
        with subprocess.Popen(argv, cwd=ROOT, env=os.environ | {"OPENAI_API_KEY": "sk-0123456789abcdef"}) as process:
            until = time.monotonic() + 60
            while time.monotonic() < until and not (journal.is_file() and "sleep 60" in journal.read_text()):
                time.sleep(0.02)
            process.kill()
        assert len(server.requests) == 3
    replies = [step for step in read_journal(journal) if step.source == "agent"]
    assert [step.message for step in replies] == recorded
    assert ["one" in str(replies[0].observation), "two" in str(replies[1].observation)] == [True, True]


def test_help_names_every_command(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--help"])
    shown = capsys.readouterr().out
    for command in ("run", "resume", "check", "show", "clean", "tasks"):
        assert command in shown


def test_the_help_of_run_fits_on_a_screen_and_a_half(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    with pytest.raises(SystemExit):
        main(["run", "--help"])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) <= 24 * 1.5
    assert max(map(len, lines)) <= 80


def test_events_are_lines_of_json_and_nothing_else_is_on_standard_output(tmp_path: Path, recording: Path) -> None:
    task = make_task(tmp_path / "hello", test="#!/bin/sh\necho '\u202e[red]' >/logs/verifier/reward.txt\n")
    ran = termstone("run", task, "--model", f"scripted:{recording}", "--json", "--output", tmp_path / "job")
    assert ran.returncode == 3, ran.stdout + ran.stderr
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    types = [event["type"] for event in events if event["type"] != "image_ready"]
    assert types == ["job_begun", "trial_begun", "trial_ended", "job_ended"]
    assert "[red]" in events[-2]["result"]["message"]
    assert events == [json.loads(line) for line in (tmp_path / "job" / "job.jsonl").read_text().splitlines()]
    assert ran.stdout.isascii()


def test_a_job_file_runs_and_what_came_of_it_stands_in_the_jobs_folder(tmp_path: Path, recording: Path) -> None:
    make_task(tmp_path / "hello")
    text = f'tasks = "hello"\nmodel = "scripted:{recording}"\nattempts = 2\nmax-turns = 9\noutput = "job"\n'
    (tmp_path / "job.toml").write_text(text)
    ran = termstone("run", "job.toml", "-k", 1, cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    config = json.loads((tmp_path / "job" / "job.json").read_text())["config"]
    assert (config["tasks"], config["attempts"], config["max_turns"]) == (["hello"], 1, 9)


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


def test_a_task_is_trusted_only_when_the_user_says_so(tmp_path: Path) -> None:
    tasks = (str(make_task(tmp_path / "hello")),)
    for trust in (False, True):
        (task,) = found_tasks(JobConfig(tasks=tasks, trust_task=trust))
        assert isinstance(task, Task)
        assert task.environment.trust is trust


def test_what_agents_leave_running_can_be_ended_for_all_tasks(tmp_path: Path, recording: Path) -> None:
    words = ("--model", f"scripted:{recording}", "--leftovers", "restarted", "--output", tmp_path / "job")
    ran = termstone("run", make_task(tmp_path / "hello"), *words)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "what agents leave running: restarted" in (tmp_path / "job/hello/1/result.json").read_text()
