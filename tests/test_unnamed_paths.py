"""Paths that tests look at and no instruction names: pytest tests/test_unnamed_paths.py."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from evals.cli import BUNDLED
from evals.harbor import load
from evals.task import Task, Verdict
from evals.unnamed_paths import unnamed_paths
from tests.fakes import make_task
from tests.test_trial import one

if TYPE_CHECKING:
    from pathlib import Path


def missing(folder: Path, test: str, instruction: str = "Mend it.\n", dockerfile: str = "FROM debian\n") -> list[str]:
    task = make_task(folder / "hello", test=f"{test}\n", dockerfile=dockerfile)
    (task / "instruction.md").write_text(instruction)
    return unnamed_paths(one(task))


def test_a_path_that_the_instruction_does_not_name_is_found(tmp_path: Path) -> None:
    test = 'cat /app/out /app/deep/report.json /usr/bin/env /srv/named.txt "$HOME/x/y" http://a/b/c'
    assert missing(tmp_path, test, "Write hello into /app/out, and named.txt.") == ["/app/deep/report.json"]


@pytest.mark.parametrize(
    ("test", "path"),
    [
        ("test -f /trigger.sh", "/trigger.sh"),
        ("cat /workspace/result", "/workspace/result"),
        ("open('/data/in.csv')", "/data/in.csv"),
        ("open('/output/report')", "/output/report"),
        ("open('/incident/beacon.conf')", "/incident/beacon.conf"),
        ("os.path.exists('/tmp/out.csv')", "/tmp/out.csv"),  # noqa: S108 - nobody opens it
        ('Path("/app") / "x"', "/app/x"),
        ("(Path('/app') / 'deep' / 'x.json').read_text()", "/app/deep/x.json"),
        ('os.path.join("/app", "x")', "/app/x"),
    ],
)
def test_it_is_found_wherever_it_is_and_however_it_is_written(tmp_path: Path, test: str, path: str) -> None:
    assert missing(tmp_path, test) == [path]


def test_a_name_is_named_as_a_word_and_not_as_part_of_one(tmp_path: Path) -> None:
    assert missing(tmp_path, "cat /app/x", "Fix the program.") == ["/app/x"]
    assert missing(tmp_path, "cat /app/x", "Write /app/x.txt, /app/x-y and x.py.") == ["/app/x"]
    for instruction in ("Write `x`.", "Write /app/x.", "Fill (/app/x/).", "It is src/x, then done."):
        assert missing(tmp_path, "cat /app/x", instruction) == []


@pytest.mark.parametrize(
    "test",
    [
        "fetch \"/v1/stations\" '/users/ann/edit'",
        'client.get("/reports/latest.json")',
        "hit('/static/app.js')",
        "source /opt/tools/.venv/bin/activate; PATH=/opt/riscv/bin:$PATH; cat /etc/passwd",
        "main > /tmp/printed.txt; test -f /tmp/printed.txt",
        "subprocess.run(['gcc', '-o', '/tmp/program.elf'])",
    ],
)
def test_what_is_a_url_a_tool_or_the_tests_own_is_not_taken_for_a_file(tmp_path: Path, test: str) -> None:
    assert missing(tmp_path, test) == []


def test_folders_of_the_dockerfile_count_and_what_the_agent_can_see_needs_no_name(tmp_path: Path) -> None:
    test = "cat /depot/in /depot/known.h"
    (tmp_path / "hello" / "environment").mkdir(parents=True)
    (tmp_path / "hello" / "environment" / "known.h").write_text("")
    assert missing(tmp_path, test, dockerfile="FROM debian\nCOPY . /depot\n") == ["/depot/in"]


def test_where_the_verdict_is_written_is_the_tests_own(tmp_path: Path) -> None:
    task = one(make_task(tmp_path / "hello", test="pytest > /app/test_output/f2p_output.txt; ls /app/test_output\n"))
    (step,) = task.steps
    graded = step.model_copy(update={"verifier": step.verifier.model_copy(update={"verdict": Verdict.LONG_CLI})})
    assert unnamed_paths(task) == ["/app/test_output/f2p_output.txt", "/app/test_output"]
    assert unnamed_paths(task.model_copy(update={"steps": (graded,)})) == []


@pytest.mark.parametrize("piece", ['"/foo/x.txt",', 'x = "/tmp/a.txt"\n', 'Path("/a"   '])
def test_looking_takes_time_in_proportion_to_the_text(tmp_path: Path, piece: str) -> None:
    begun = time.monotonic()
    missing(tmp_path, piece * (500_000 // len(piece)))
    assert time.monotonic() - begun < 10  # a second or so; where each path was held against all text it took hours


def test_no_bundled_task_has_any() -> None:
    found = {task.name: unnamed_paths(task) for task in load(BUNDLED) if isinstance(task, Task)}
    assert {name: paths for name, paths in found.items() if paths} == {}
