"""Job files, and options that win over them: pytest tests/test_job_file.py."""

from __future__ import annotations

import contextlib
import io
import re
from pathlib import Path

import pytest

from evals.cli import parser
from evals.job_config import JobConfig, JobError, configs_of, read_options
from evals.selection import asked

WHOLE = """
tasks = ["evals/tasks", "more/*"]
model = "openai/gpt-5"
max-turns = 40
context_limit = 1000
job-max-cost = 2.5
sandbox = "local"
attempts = 3
"""


def effective(folder: Path, text: str, *words: str) -> JobConfig:
    """Return what a command with a job file asks for."""
    path = folder / "job.toml"
    path.write_text(text)
    options = asked(parser().parse_args(["run", "-f", str(path), *words]))
    (config,) = configs_of(options.values, options.file)
    return config


def test_a_job_file_can_hold_any_option(tmp_path: Path) -> None:
    config = effective(tmp_path, WHOLE)
    assert config.tasks == ("evals/tasks", "more/*")
    assert (config.model, config.context_limit, config.sandbox) == ("openai/gpt-5", 1000, "local")
    assert (config.limits.max_turns, config.job_max_cost, config.attempts) == (40, 2.5, 3)
    assert config.concurrency == 1  # the option's own default


def test_options_win_over_the_job_file(tmp_path: Path) -> None:
    config = effective(tmp_path, WHOLE, "one/task", "-k", "1", "--max-turns", "5", "-n", "8")
    assert (config.tasks, config.attempts, config.max_turns, config.concurrency) == (("one/task",), 1, 5, 8)
    assert config.model == "openai/gpt-5"


def test_a_job_file_may_stand_among_the_paths(tmp_path: Path) -> None:
    (tmp_path / "job.toml").write_text('model = "x/y"\ntasks = "here"\n')
    for words, tasks in (([], ("here",)), (["there"], ("there",))):
        given = asked(parser().parse_args(["run", *words, str(tmp_path / "job.toml")]))
        (config,) = configs_of(given.values, given.file)
        assert (config.model, config.tasks) == ("x/y", tasks)


def test_every_option_of_the_command_line_is_a_key_of_the_job_file() -> None:
    words = "run --trust-task -m x --api-base x --temperature 1 --reasoning-effort low --thinking-budget 1 --token-ids"
    more = "--context-limit 1 --agent x --format x --context stop --max-turns 1 --max-tokens 1 --max-cost 1"
    last = "--agent-timeout 1 --max-repeats 1 --turns 2 --leftovers fresh -k 1 -n 1"
    job = "--job-max-cost 1 --job-max-tokens 1 --retries 0 --sandbox local -o x"
    arguments = vars(parser().parse_args(f"{words} {more} {last} {job} -l 1 --task-format harbor path".split()))
    assert JobConfig.model_fields.keys() == arguments.keys() - {"command", "job_file", "json"}


def test_every_option_of_the_command_line_can_stand_in_a_job_file(tmp_path: Path) -> None:
    with pytest.raises(SystemExit), contextlib.redirect_stdout(io.StringIO()) as shown:
        parser().parse_args(["run", "--help"])
    options = set(re.findall(r"--([a-z-]+)", shown.getvalue())) - {"help", "job-file"}
    assert {"json", "compat", "trust-task", "temperature"} < options
    for option in options:
        with pytest.raises(JobError) as refused:
            effective(tmp_path, f"{option} = {{}}")
        assert "no option" not in str(refused.value)
    assert "agent-timeout" in options


def test_a_job_file_can_ask_for_json_and_for_another_harness(tmp_path: Path) -> None:
    assert effective(tmp_path, 'compat = "terminus2"').agent == "terminus2"
    assert effective(tmp_path, 'compat = "terminus2"', "--agent", "nop").agent == "nop"
    for text, words, as_json in (("json = true", [], True), ("json = false", [], False), ("", ["--json"], True)):
        path = tmp_path / "job.toml"
        path.write_text(text)
        assert asked(parser().parse_args(["run", "-f", str(path), *words])).as_json is as_json


@pytest.mark.fault("F66")
@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("modle = 'x'", "no option modle"),
        ("max-turn = 1\nagents = 2", "no option max-turn; no option agents"),
        ("attempts = 0", "attempts: Input should be greater than or equal to 1"),
        ("attempts = 'many'", "attempts: Input should be a valid integer"),
        ("[limits]\nmax_turns = 1", "no option limits"),
        ("= 1", "Invalid"),
        ("json = 1", "json: true or false"),
        ("compat = 'mine'", "compat: terminus2"),
        ("compat = 'terminus2'\nagent = 'nop'", "agent and compat: one of both"),
        ("a = " + "[" * 100_000, "job.toml"),
    ],
)
def test_what_does_not_fit_is_named(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(JobError) as refused:
        effective(tmp_path, text)
    assert says in str(refused.value)
    assert str(tmp_path / "job.toml") in str(refused.value)
    assert "\n" not in str(refused.value)


def test_a_job_file_that_is_not_there_is_named() -> None:
    with pytest.raises(JobError, match=r"no-such\.toml: No such file"):
        read_options(Path("no-such.toml"))
