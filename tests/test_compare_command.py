"""``termstone compare`` as it is run: pytest tests/test_compare_command.py."""

from __future__ import annotations

import os
import subprocess
import sys
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from evals.analysis.compare import compare
from evals.analysis.comparison_display import show
from evals.analysis.comparison_junit import junit
from evals.analysis.comparison_markdown import markdown
from evals.cli import main
from tests.job_folders import TASKS, read_job, write_termstone

if TYPE_CHECKING:
    from evals.analysis.comparison import Comparison

ROOT = Path(__file__).parent.parent
BETTER, WORSE = dict.fromkeys(TASKS, "PPF"), dict.fromkeys(TASKS, "PFF")
HOSTILE = "a<b>|`x`[red]\x1b[31m@all"


@pytest.fixture
def jobs(tmp_path: Path) -> tuple[str, str]:
    """Two jobs, of which the second is better."""
    return (
        str(write_termstone(tmp_path / "a", WORSE, reasoning_effort="low")),
        str(write_termstone(tmp_path / "b", BETTER, reasoning_effort="high")),
    )


def test_the_answer_comes_first(jobs: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", *jobs]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[1] == "effort=high is better."
    assert lines[2].startswith("+33.3 pp (95 % interval ")


def test_the_gates_exit_code_and_files_are_for_a_machine(jobs: tuple[str, str], tmp_path: Path) -> None:
    report, comment = tmp_path / "junit.xml", tmp_path / "comment.md"
    files = ["--junit", str(report), "--markdown", str(comment)]
    assert main(["compare", *jobs, "--max-drop", "2pp", *files]) == 0
    assert ET.parse(report).getroot().attrib["failures"] == "0"  # noqa: S314 - our own
    assert main(["compare", *reversed(jobs), "--max-drop", "2pp", *files]) == 1
    root = ET.parse(report).getroot()  # noqa: S314 - our own
    assert root.attrib == {"name": "termstone compare", "tests": "31", "failures": "31", "skipped": "0"}
    case = root.find(".//testcase[@name='task-00']")
    assert case is not None
    assert f"{tmp_path}/a/task-00/2" in str(case.findtext("system-out"))
    assert "❌ **dropped:**" in comment.read_text()
    assert "effort=low: dropped by 33.3 pp, where 2 pp were allowed" in comment.read_text()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["nowhere", "{a}"], "no such folder"),
        (["{a}"], "needs two jobs or more"),
        (["{a}", "{a}"], "is named twice"),
        (["{a}", "{other}"], "different versions of 30 tasks under one name"),
        (["{a}", "{cut}"], "task-03/2/result.json is damaged or cut short"),
        (["{a}", "{empty}"], "the job has no trials"),
        (["{a}", "{unrun}"], "unrun: no trial has a result yet"),
        (["{a}", "{null}"], "job.json is damaged: it holds other values than such a file does"),
        (["{a}", "{b}", "--markdown", "no-such/x.md"], "no-such/x.md cannot be written: no such folder"),
        (["{a}", "{b}", "--markdown", "{a}"], "cannot be written: it is a folder"),
    ],
)
def test_bad_input_is_one_line_and_writes_nothing(
    jobs: tuple[str, str], tmp_path: Path, arguments: list[str], says: str, capsys: pytest.CaptureFixture[str]
) -> None:
    cut = write_termstone(tmp_path / "cut", BETTER)
    (cut / "task-03/2/result.json").write_text('{"task": "task-')
    null = write_termstone(tmp_path / "null", BETTER)
    (null / "job.json").write_text('{"config": null, "lock": {}}')
    folders = {
        "a": jobs[0],
        "b": jobs[1],
        "unrun": write_termstone(tmp_path / "unrun", dict.fromkeys(TASKS, "...")),
        "null": null,
        "other": write_termstone(tmp_path / "other", BETTER, digest="e" * 64),
        "cut": cut,
        "empty": write_termstone(tmp_path / "empty", {}),
    }
    report = tmp_path / "junit.xml"
    named = [argument.format(**folders) for argument in arguments]
    assert main(["compare", *named, "--junit", str(report), "--max-drop", "2pp"]) == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert len(said.err.splitlines()) == 1
    assert said.err.startswith("termstone: ")
    assert says in said.err
    assert not report.exists()


@pytest.mark.parametrize("options", [["--max-drop", "2"], ["--max-drop", "-1pp"], ["--alpha", "5"], ["--alpha", "nan"]])
def test_options_that_mean_nothing_are_refused(jobs: tuple[str, str], options: list[str]) -> None:
    with pytest.raises(SystemExit) as caught:
        main(["compare", *jobs, *options])
    assert caught.value.code == 2


def test_how_many_tasks_have_enough_attempts_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    fates = [BETTER | {"task-07": "PIF"}, WORSE]
    folders = [str(write_termstone(tmp_path / f"{n}", fate, reasoning_effort=f"{n}")) for n, fate in enumerate(fates)]
    assert main(["compare", *folders]) == 0
    lines = capsys.readouterr().out.splitlines()
    rows = [" ".join(line.split()) for line in lines if "one passes" in line or "all pass" in line]
    assert rows[0] == "effort=0 one passes 66.1 % 100.0 % 100.0 % (29 tasks)"
    assert [row.count("(29 tasks)") for row in rows] == [1, 1, 0, 0]


def test_a_terminal_without_dashes_is_told_all_the_same(jobs: tuple[str, str]) -> None:
    words = [sys.executable, "-m", "evals.cli", "compare", *jobs]
    latin = {**os.environ, "PYTHONIOENCODING": "latin-1"}
    ran = subprocess.run(words, cwd=ROOT, capture_output=True, env=latin, timeout=120, check=False)
    assert (ran.returncode, ran.stderr) == (0, b"")
    assert b"effort=high is better." in ran.stdout


def test_a_comment_on_many_tasks_is_not_larger_than_a_forge_takes(tmp_path: Path) -> None:
    fates = [{f"a-task-with-a-rather-long-name-{n:04}": letter for n in range(900)} for letter in "PF"]
    folders = [write_termstone(tmp_path / f"{n}", fate, reasoning_effort=f"{n}") for n, fate in enumerate(fates)]
    written = markdown(compare([read_job(folder) for folder in folders]))
    assert 20_000 < len(written) <= 65_536
    assert "<summary>900 tasks that effort=1 passed less often</summary>" in written
    assert written.count("and 600 more") == 2


def test_two_files_are_both_written_or_none(jobs: tuple[str, str], tmp_path: Path) -> None:
    report = tmp_path / "junit.xml"
    report.write_text("as it was")
    assert main(["compare", *jobs, "--junit", str(report), "--markdown", "/dev/full"]) == 2
    assert main(["compare", *jobs, "--junit", str(report), "--markdown", f"{tmp_path}/./junit.xml"]) == 2
    assert report.read_text() == "as it was"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a", "b", "junit.xml"]


def test_a_job_is_known_by_whatever_name(jobs: tuple[str, str], capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compare", jobs[0], f"{jobs[0]}/../a"]) == 2
    assert "is named twice" in capsys.readouterr().err


def test_force_is_printed_on_every_result(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    a = write_termstone(tmp_path / "a", WORSE)
    b = write_termstone(tmp_path / "b", BETTER, prompts="e" * 64)
    comment = tmp_path / "comment.md"
    assert main(["compare", str(a), str(b), "--force", "--markdown", str(comment)]) == 0
    assert "Compared by force" in capsys.readouterr().out.splitlines()[0]
    assert "prompts differs" in comment.read_text().splitlines()[0]


@pytest.fixture
def hostile(tmp_path: Path) -> Comparison:
    """Compare models whose names would be markup."""
    fates = [dict.fromkeys(TASKS[:12], letter) | {"y[b]": letter} for letter in "PF"]
    folders = [write_termstone(tmp_path / f"{n}", fate, model=f"{HOSTILE}{n}") for n, fate in enumerate(fates)]
    return compare([read_job(folder) for folder in folders], max_drop=0.02)


@pytest.mark.parametrize("width", [80, 120])
def test_nothing_is_wider_than_the_terminal_or_read_as_markup(hostile: Comparison, width: int, tmp_path: Path) -> None:
    with (tmp_path / "shown").open("w+") as file:
        show(Console(file=file, width=width, force_terminal=True, no_color=True, color_system=None), hostile)
        file.seek(0)
        lines = file.read().splitlines()
    assert max(len(line) for line in lines if str(tmp_path) not in line) <= width  # a path is not cut
    assert any("[red]" in line for line in lines)
    assert "\x1b[31m" not in "".join(lines)


def test_markdown_and_xml_take_no_meaning_from_names(hostile: Comparison) -> None:
    written = markdown(hostile)
    assert "@all" not in written
    assert "<b>" not in written.replace("\\<", "")
    assert "a\\<b\\>\\|\\`x\\`" in written
    assert ET.fromstring(junit(hostile)).find(".//testcase[@name='y[b]']") is not None  # noqa: S314 - our own


def test_an_output_that_is_full_is_bad_input_and_no_verdict(jobs: tuple[str, str]) -> None:
    with Path("/dev/full").open("w") as full:
        words = [sys.executable, "-m", "evals.cli", "compare", *jobs]
        ran = subprocess.run(words, cwd=ROOT, stdout=full, stderr=subprocess.PIPE, text=True, timeout=120, check=False)
    assert (ran.returncode, len(ran.stderr.splitlines())) == (2, 1)


@pytest.mark.parametrize(("order", "code"), [(1, 0), (-1, 1)])
def test_a_reader_that_goes_away_does_not_change_the_gates_exit_code(
    jobs: tuple[str, str], order: int, code: int
) -> None:
    words = f"'{sys.executable}' -m evals.cli compare {' '.join(jobs[::order])} --max-drop 2pp"
    piped = f"{words} | head -1; exit ${{PIPESTATUS[0]}}"
    ran = subprocess.run(["bash", "-c", piped], cwd=ROOT, capture_output=True, text=True, timeout=120, check=False)
    assert (ran.returncode, len(ran.stdout.splitlines()), ran.stderr) == (code, 1, "")


def test_a_refusal_is_one_line_whatever_stands_in_it(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    folders = [str(write_termstone(tmp_path / name, WORSE, max_turns=name)) for name in ("a\nb", "c\r\nd\u2028e")]
    assert main(["compare", *folders]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 1
