"""Reports on disk, with the pages of trials beside them: pytest tests/test_report_files.py."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
from pathlib import Path

import pytest

from evals.analysis.compare import compare
from evals.analysis.job_record import RecordError
from evals.analysis.output import new_files
from evals.analysis.report.files import Room, write_comparison, write_job
from evals.cli import main
from tests.job_folders import TASKS, read_job, write_termstone
from tests.trial_folders import write_long_trial, write_trial

ROOT = Path(__file__).parent.parent
THREES = {"alpha": "PPF", "beta": "FFI", "gamma": "PPP", "delta": "PFP", "epsilon": "FFF", "zeta": "PPP"}


def limited(folder: Path, *words: object, largest: int) -> subprocess.CompletedProcess[str]:
    """Run a command that can write no file beyond so many bytes, as on a disk that is nearly full."""
    argv = [sys.executable, "-m", "evals.cli", *map(str, words)]

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (largest, largest))

    environment = os.environ | {"PYTHONPATH": str(ROOT), "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(
        argv, cwd=folder, env=environment, capture_output=True, text=True, timeout=120, check=False, preexec_fn=limit
    )


def contents(folder: Path) -> dict[Path, bytes]:
    return {path: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_a_report_of_a_thousand_long_trials_stays_small(tmp_path: Path) -> None:
    jobs = []
    for effort in ("low", "high"):
        folder = write_termstone(tmp_path / effort, {f"task-{n}": "PFPPP" for n in range(100)}, reasoning_effort=effort)
        longest = write_long_trial(tmp_path / "long", turns=25, lines=65)
        assert 100_000 < (longest / "trajectory.json").stat().st_size < 150_000
        for result in folder.glob("*/*/result.json"):
            for path in longest.iterdir():
                os.link(path, result.parent / path.name)
        jobs.append(read_job(folder))
    written = write_comparison(compare(jobs), tmp_path / "report.html")
    pages = [*(tmp_path / "report-trials").iterdir()]
    assert (written.pages, written.without) == (len(pages), 1000 - len(pages))
    assert 1 <= len(pages) < 100
    assert all(path.stem.endswith("-2") for path in pages)  # those that failed
    assert sum(path.stat().st_size for path in (written.path, *pages)) < 10_000_000


def test_a_report_of_a_thousand_trials_has_a_hundred_pages(tmp_path: Path) -> None:
    folder = write_termstone(tmp_path / "job", {f"task-{number}": "PFPIP" for number in range(200)})
    written = write_job(read_job(folder), folder / "report.html")
    assert (written.pages, written.without) == (100, 900)
    size = sum(path.stat().st_size for path in (written.path, *(folder / "report-trials").iterdir()))
    assert size < 10_000_000


def test_pages_of_trials_that_did_not_pass_come_first_and_the_others_are_counted(tmp_path: Path) -> None:
    folder = write_termstone(tmp_path / "job", THREES)
    written = write_job(read_job(folder), folder / "report.html", Room(pages=9))
    assert (written.pages, written.without) == (9, 9)
    names = [path.name for path in sorted((folder / "report-trials").iterdir())]
    assert [name.split("-", 1)[1] for name in names[-2:]] == ["beta-3.html", "alpha-1.html"]


def test_a_report_written_again_leaves_no_pages_of_the_old_one(tmp_path: Path) -> None:
    folder = write_termstone(tmp_path / "job", THREES)
    write_job(read_job(folder), folder / "report.html")
    write_job(read_job(folder), folder / "report.html", Room(pages=1))
    assert len([*(folder / "report-trials").iterdir()]) == 1


def test_the_folder_of_pages_is_left_alone_where_something_else_lies_in_it(tmp_path: Path) -> None:
    folder = write_termstone(tmp_path / "job", THREES)
    (folder / "report-trials").mkdir()
    (folder / "report-trials/notes.txt").write_text("mine")
    write_job(read_job(folder), folder / "report.html")
    assert (folder / "report-trials/notes.txt").read_text() == "mine"


def test_pages_are_written_while_there_is_room_for_them(tmp_path: Path) -> None:
    folder = write_termstone(tmp_path / "job", {"alpha": "FFFF"})
    for attempt in range(1, 5):
        write_long_trial(folder / f"alpha/{attempt}", turns=5, lines=20)
    job, path = read_job(folder), folder / "report.html"
    assert write_job(job, path)[1:] == (4, 0)
    size = sum(page.stat().st_size for page in (folder / "report-trials").iterdir())
    assert write_job(job, path, Room(size=size * 0.6))[1:] == (2, 2)
    assert write_job(job, path, Room(size=10))[1:] == (1, 3)  # one is better than none
    assert write_job(job, path, Room(seconds=0.0))[1:] == (0, 4)


def test_the_number_of_pages_that_was_asked_for_is_written_whatever_they_take(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_termstone(tmp_path / "job", {"alpha": "F" * 50})
    longest = write_long_trial(tmp_path / "long", turns=60, lines=60)
    for attempt in range(1, 51):
        for path in longest.iterdir():
            os.link(path, folder / f"alpha/{attempt}" / path.name)
    assert main(["report", str(folder)]) == 0
    assert "have none (--trials N)" in capsys.readouterr().out
    assert main(["report", str(folder), "--trials", "40"]) == 0
    assert "40 trials have a page and 10 have none" in capsys.readouterr().out
    assert len([*(folder / "report-trials").iterdir()]) == 40


@pytest.fixture
def reported(tmp_path: Path) -> Path:
    """A job with a report, of which one trial has then grown."""
    folder = write_termstone(tmp_path / "job", {"alpha": "FP"})
    for attempt in (1, 2):
        own = folder / f"alpha/{attempt}"
        write_trial(own, "plain", **json.loads((own / "result.json").read_text()))
    write_job(read_job(folder), folder / "report.html")
    write_trial(folder / "alpha/2", "long" * 50_000)
    return folder


def test_a_draft_of_a_process_that_was_killed_is_in_nobodys_way(tmp_path: Path) -> None:
    left = tmp_path / f"new.draft-{os.getpid()}"
    left.mkdir()
    (left / "half").write_text("")
    with new_files(tmp_path / "new") as draft:
        (draft / "whole").write_text("")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["whole"]


@pytest.mark.parametrize("largest", [10_000, 60_000], ids=["the first page", "the last page"])
def test_a_report_stays_as_it_was_where_a_new_one_has_no_room_on_the_disk(reported: Path, largest: int) -> None:
    before = contents(reported)
    ran = limited(reported, "report", ".", largest=largest)
    assert (ran.returncode, ran.stdout, len(ran.stderr.splitlines())) == (2, "", 1)
    assert contents(reported) == before
    assert [path.name for path in reported.iterdir() if "draft" in path.name] == []


def test_trajectories_are_exported_all_or_none(reported: Path) -> None:
    ran = limited(reported.parent, "export", "job", "--to", "atif", "-o", "out", largest=60_000)
    assert (ran.returncode, len(ran.stderr.splitlines())) == (2, 1)
    assert sorted(path.name for path in reported.parent.iterdir()) == ["job"]
    (reported.parent / "out").mkdir()
    assert limited(reported.parent, "export", "job", "--to", "atif", "-o", "out", largest=60_000).returncode == 2
    assert [*(reported.parent / "out").iterdir()] == []
    assert limited(reported.parent, "export", "job", "--to", "atif", "-o", "out", largest=60_000_000).returncode == 0
    assert len([*(reported.parent / "out").iterdir()]) == 2
    assert sorted(path.name for path in reported.parent.iterdir()) == ["job", "out"]


def test_the_page_of_several_jobs_is_none_of_theirs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in ("low", "high"):
        write_termstone(tmp_path / "jobs" / name, dict.fromkeys(TASKS[:3], "PF"), reasoning_effort=name)
        assert main(["report", f"jobs/{name}"]) == 0
    before = contents(tmp_path)
    assert main(["report", "jobs/low", "jobs/high"]) == 0
    after = contents(tmp_path)
    assert {path: after[path] for path in before} == before
    assert "Comparison" in (tmp_path / "low-vs-high.html").read_text()


@pytest.mark.parametrize("output", ["nowhere/y.html", "job"])
def test_a_report_makes_no_folder_for_itself(tmp_path: Path, output: str, capsys: pytest.CaptureFixture[str]) -> None:
    folder = write_termstone(tmp_path / "job", {"alpha": "FP"})
    for words in ([folder], [folder / "alpha/1"]):
        assert main(["report", *map(str, words), "-o", str(tmp_path / output)]) == 2
        assert "cannot be written: " in capsys.readouterr().err
    assert sorted(path.name for path in tmp_path.iterdir()) == ["job"]


def test_a_file_where_pages_belong_is_not_touched(tmp_path: Path) -> None:
    folder = write_termstone(tmp_path / "job", {"alpha": "FP"})
    (folder / "report-trials").write_text("mine")
    with pytest.raises(RecordError, match="is no folder"):
        write_job(read_job(folder), folder / "report.html")
    assert not (folder / "report.html").exists()
    assert (folder / "report-trials").read_text() == "mine"


def test_a_device_gets_the_page_alone(tmp_path: Path) -> None:
    folder = write_termstone(tmp_path / "job", {"alpha": "FP"})
    (tmp_path / "null").symlink_to("/dev/null")
    assert write_job(read_job(folder), tmp_path / "null")[1:] == (0, 2)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["job", "null"]


@pytest.mark.parametrize("command", [["report"], ["report", "--force"]])
def test_bad_input_is_one_line_and_writes_nothing(
    tmp_path: Path, command: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "cut").mkdir()
    (tmp_path / "cut/job.json").write_text('{"config"')
    for name in ("nowhere", "empty", "cut"):
        assert main([*command, str(tmp_path / name)]) == 2
        told = capsys.readouterr()
        assert (told.out, len(told.err.splitlines())) == ("", 1)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["cut", "empty", "job.json"]
