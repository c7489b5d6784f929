"""Cost against success, as far as it is known: pytest tests/test_price.py."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from evals.analysis.compare import alone, cells_of, compare
from evals.analysis.comparison import TaskRow
from evals.analysis.report.job_page import apart_page, comparison_page, job_page
from evals.analysis.report.price import Price, price
from tests.job_folders import read_job, write, write_terminal_bench, write_termstone

if TYPE_CHECKING:
    from pathlib import Path

    from evals.analysis.job_record import JobRecord

TASKS = {"alpha": "PPF", "beta": "FFF", "gamma": "PPP"}
UNKNOWN = {"prompt_tokens": None, "completion_tokens": None, "cached_tokens": None, "cost_usd": None}


def used(path: Path, **amounts: Any) -> None:  # noqa: ANN401 - of a result's usage
    result = json.loads(path.read_text())
    write(path, result | {"usage": result["usage"] | amounts})


def drawn(*jobs: JobRecord) -> Price | str:
    rows = [TaskRow(task=task, cells=tuple(cells_of(job)[task] for job in jobs)) for task in TASKS]
    return price([alone(job, job.name) for job in jobs], rows)


def test_one_trial_of_unknown_cost_does_not_take_the_chart_away(tmp_path: Path) -> None:
    folder = write_termstone(tmp_path / "job", TASKS)
    used(folder / "alpha/1/result.json", **UNKNOWN)
    job = read_job(folder)
    chart = drawn(job)
    assert isinstance(chart, Price)
    assert (chart.unit, chart.known, chart.trials) == ("dollars", 8, 9)
    assert [(dot.label, dot.price, dot.complete) for dot in chart.dots] == [
        ("alpha", 0.02, False),
        ("beta", 0.02, True),
        ("gamma", 0.02, True),
    ]
    page = job_page(job, {})
    assert "alpha: 66.7 % at ~$0.0200" in page
    assert "beta: 0 % at $0.0200" in page
    assert "~: the dollars are known of 8 of 9 trials." in page


def test_what_is_known_of_more_is_drawn(tmp_path: Path) -> None:
    folder = write_termstone(tmp_path / "job", TASKS)
    used(folder / "alpha/1/result.json", cost_usd=None)
    chart = drawn(read_job(folder))
    assert isinstance(chart, Price)
    assert (chart.unit, chart.known) == ("tokens", 9)
    for path in folder.glob("*/*/result.json"):
        used(path, cost_usd=0.0)
    chart = drawn(read_job(folder))
    assert isinstance(chart, Price)
    assert chart.unit == "tokens"


def test_a_configuration_of_which_nothing_is_known_is_named(tmp_path: Path) -> None:
    for name in ("low", "high"):
        write_termstone(tmp_path / name, TASKS, reasoning_effort=name)
    for path in (tmp_path / "high").glob("*/*/result.json"):
        used(path, **UNKNOWN)
    jobs = [read_job(tmp_path / name) for name in ("low", "high")]
    chart = drawn(*jobs)
    assert isinstance(chart, Price)
    assert ([dot.label for dot in chart.dots], chart.missing) == (["low"], ["high"])
    assert (chart.known, chart.trials) == (9, 9)
    assert "Without a point, as too little is known: effort=high." in comparison_page(compare(jobs), {})


def test_why_there_is_no_chart_is_said_in_a_sentence(tmp_path: Path) -> None:
    run = read_job(write_terminal_bench(tmp_path / "run", "openai/gpt-5", TASKS))
    assert drawn(run) == "Neither dollars nor tokens are known of any trial."
    assert "Neither dollars nor tokens are known of any trial." in job_page(run, {})
    invalid = read_job(write_termstone(tmp_path / "invalid", dict.fromkeys(TASKS, "I")))
    assert drawn(invalid) == "No trial was valid."
    free = write_termstone(tmp_path / "free", TASKS)
    for path in free.glob("*/*/result.json"):
        used(path, prompt_tokens=0, completion_tokens=0, cost_usd=0.0)
    assert drawn(read_job(free)) == "No trial cost anything."
    assert "No trial was valid." in apart_page([invalid, invalid], "they are the same", {})
