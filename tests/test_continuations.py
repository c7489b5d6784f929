"""Trajectories that go on in files beside them: pytest tests/test_continuations.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from evals.analysis.export import chat, runs
from evals.analysis.trial_files import read_trial
from evals.cli import main
from tests.job_folders import read_job, write, write_harbor
from tests.test_conversation import terminus
from tests.test_show import shown

if TYPE_CHECKING:
    from pathlib import Path


def write_chain(folder: Path, *refs: str | None) -> Path:
    """Write ``trajectory.json``, ``trajectory.cont-1.json``, ..., each naming what it goes on in."""
    for number, ref in enumerate(refs):
        steps = [{"source": "user", "message": f"prompt {number}"}, {"source": "agent", "message": f"reply {number}"}]
        document = terminus(*steps) | ({"continued_trajectory_ref": ref} if ref else {})
        write(folder / (f"trajectory.cont-{number}.json" if number else "trajectory.json"), document)
    return folder / "trajectory.json"


CHAIN = ("trajectory.cont-1.json", "trajectory.cont-2.json", None)


def harbor_trial(folder: Path, *refs: str | None) -> Path:
    """Write a Harbor job of one trial, and return the trial's folder."""
    trial = write_harbor(folder, {"low": {"alpha": "P"}}) / "alpha__low1"
    write_chain(trial / "agent", *refs)
    return trial


def replies(path: Path) -> list[tuple[str, str]]:
    parts = read_trial(path).parts
    return [(part.name, part.document.steps[-1].said if part.document else str(part.problem)) for part in parts]


def test_what_a_trajectory_goes_on_in_is_read_after_it(tmp_path: Path) -> None:
    trial = harbor_trial(tmp_path / "job", *CHAIN)
    expected = [("", "reply 0"), ("cont-1", "reply 1"), ("cont-2", "reply 2")]
    assert replies(trial) == expected
    assert replies(trial / "agent/trajectory.json") == expected
    for number in range(3):
        assert f"reply {number}" in shown(trial)


def test_each_step_is_followed_by_what_it_goes_on_in(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_chain(tmp_path / "trial/steps" / name, "trajectory.cont-1.json", None)
        (tmp_path / "trial/steps" / name / "verifier").mkdir()
        (tmp_path / "trial/steps" / name / "verifier/test-stdout.txt").write_text(f"verdict {name}")
    write(tmp_path / "trial/result.json", {})
    parts = read_trial(tmp_path / "trial").parts
    assert [(part.name, part.verdict) for part in parts] == [
        ("a", ""),
        ("a/cont-1", "verdict a"),
        ("b", ""),
        ("b/cont-1", "verdict b"),
    ]


def test_all_of_it_is_exported_and_read_again(tmp_path: Path) -> None:
    trial = harbor_trial(tmp_path / "job", *CHAIN)
    assert main(["export", str(tmp_path / "job"), "--to", "atif", "-o", str(tmp_path / "out")]) == 0
    files = sorted((tmp_path / "out").iterdir())
    assert [path.name for path in files] == [
        "0001-alpha-1.trajectory.json",
        "0002-alpha-1-cont-1.trajectory.json",
        "0003-alpha-1-cont-2.trajectory.json",
    ]
    assert replies(files[0]) == replies(trial)
    for path, name in zip(files, ("trajectory.json", *CHAIN), strict=False):
        assert _steps(path) == _steps(trial / "agent" / str(name))
    rows = [json.loads(row) for run in runs(read_job(tmp_path / "job").trials) for row in chat(run)]
    assert [(row["id"], row["messages"][-1]["content"]) for row in rows] == [
        ("alpha/1", "reply 0"),
        ("alpha/1/cont-1", "reply 1"),
        ("alpha/1/cont-2", "reply 2"),
    ]


def _steps(path: Path) -> Any:  # noqa: ANN401 - any JSON value
    return json.loads(path.read_text())["steps"]


@pytest.mark.fault("F68")
@pytest.mark.parametrize(
    "ref",
    [
        "../secret.json",
        "/etc/passwd",
        "{tmp}/secret.json",
        "..",
        ".",
        "link.json",
        "sub/x.json",
        "a\0b",
        "\ud800",
        "x" * 300,
    ],
)
def test_nothing_but_a_file_beside_it_is_read(tmp_path: Path, ref: str) -> None:
    write(tmp_path / "secret.json", terminus({"source": "agent", "message": "secret"}))
    path = write_chain(tmp_path / "trial", ref.replace("{tmp}", str(tmp_path)))
    (tmp_path / "trial/link.json").symlink_to(tmp_path / "secret.json")
    (_, first), (name, problem) = replies(path)
    assert (first, name) == ("reply 0", "cont-1")
    assert "which does not lie beside" in problem or "File name too long" in problem
    assert "secret\n" not in shown(path)


@pytest.mark.fault("F68")
@pytest.mark.parametrize(
    ("refs", "problem"),
    [
        (("trajectory.json",), "which comes before it"),
        (("trajectory.cont-1.json", "trajectory.json"), "which comes before it"),
        (("trajectory.cont-1.json",), "no such file"),
        (("link.json",), "no such file"),
        (tuple(f"trajectory.cont-{number}.json" for number in range(1, 150)), "is long enough"),
    ],
    ids=["itself", "a circle", "missing", "a circle of links", "many"],
)
def test_a_chain_without_an_end_ends_with_the_reason(tmp_path: Path, refs: tuple[str, ...], problem: str) -> None:
    path = write_chain(tmp_path / "trial", *refs)
    path.with_name("link.json").symlink_to("link.json")
    *_, (_, told) = replies(path)
    assert problem in told
    assert len(replies(path)) <= 102
    assert f"No steps: {told}" in shown(path)
