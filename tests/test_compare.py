"""Is A better than B: pytest tests/test_compare.py."""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING, Any

import pytest

from evals.analysis.compare import NotComparable, compare
from evals.analysis.comparison import Range, Verdict
from evals.analysis.comparison_words import details, difference
from evals.analysis.job_record import RecordError
from evals.analysis.jobs import read_jobs
from tests.job_folders import TASKS, read_job, write_harbor, write_terminal_bench, write_termstone

if TYPE_CHECKING:
    from pathlib import Path

    from evals.analysis.comparison import Comparison


def compared(tmp_path: Path, first: dict[str, str], second: dict[str, str], **options: Any) -> Comparison:  # noqa: ANN401 - of compare
    """Compare two efforts."""
    a = write_termstone(tmp_path / "a", first, reasoning_effort="low")
    b = write_termstone(tmp_path / "b", second, reasoning_effort="high")
    return compare([read_job(a), read_job(b)], **options)


def half(first: str, second: str) -> dict[str, str]:
    """Give the even tasks one fate and the odd ones another."""
    return {task: second if number % 2 else first for number, task in enumerate(TASKS)}


def test_a_clear_difference_has_a_winner(tmp_path: Path) -> None:
    comparison = compared(tmp_path, half("PF", "FF"), half("PP", "PF"))
    (pair,) = comparison.pairs
    assert pair.difference == pytest.approx(0.5)
    assert comparison.contenders[1].label == "effort=high"
    assert (pair.winner, pair.reason) == (1, "effort=high is better")
    assert (len(pair.wins), len(pair.losses), len(pair.ties)) == (30, 0, 0)
    assert (pair.mcnemar.pairs, pair.mcnemar.only_second, pair.mcnemar.only_first) == (60, 30, 0)
    assert comparison.common["model"] == "openai/gpt-5"


def test_chance_has_no_winner_and_says_what_it_would_take(tmp_path: Path) -> None:
    first = dict.fromkeys(TASKS, "PF") | dict.fromkeys(TASKS[:4], "FF")
    comparison = compared(tmp_path, first, dict.fromkeys(TASKS, "PF") | dict.fromkeys(TASKS[4:7], "FF"))
    (pair,) = comparison.pairs
    assert (pair.winner, pair.reason) == (None, "no winner: chance could explain the difference")
    assert pair.interval.low < 0 < pair.interval.high
    assert pair.power.smallest
    assert pair.power.tasks
    assert pair.power.tasks > len(TASKS)


def test_invalid_trials_that_could_undo_a_lead_leave_no_winner(tmp_path: Path) -> None:
    (clear,) = compared(tmp_path / "clear", half("FF", "FF"), half("PP", "FF")).pairs
    assert clear.winner == 1
    (pair,) = compared(tmp_path / "not", half("FI", "FI"), half("PI", "FI")).pairs
    assert pair.difference == clear.difference
    assert pair.p_value <= 0.05
    assert pair.winner is None
    assert "60 invalid trials could undo that" in pair.reason
    assert pair.bounds == Range(low=-0.25, high=0.75)


def test_both_denominators_are_there(tmp_path: Path) -> None:
    rate = compared(tmp_path, {"x": "PI", "y": "FF", "z": "P."}, {"x": "PP", "y": "FF", "z": "PP"}).contenders[0].rate
    assert (rate.passed, rate.valid, rate.invalid) == (2, 4, 2)
    assert (rate.rate, rate.bounds.low, rate.bounds.high) == pytest.approx((2 / 3, 1 / 3, 2 / 3))


def test_pass_at_k_counts_only_tasks_with_as_many_valid_attempts(tmp_path: Path) -> None:
    contender = compared(tmp_path, {"x": "PFF", "y": "PPI"}, {"x": "PFF", "y": "PPP"}).contenders[0]
    assert [(at.k, at.tasks) for at in contender.pass_at] == [(1, 2), (2, 2), (3, 1)]
    assert contender.pass_at[1].any == pytest.approx((2 / 3 + 1) / 2)
    assert contender.pass_at[1].all == pytest.approx((0 + 1) / 2)


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"prompts": "e" * 64}, "prompts differs: aaaaaaaaaaaa and eeeeeeeeeeee"),
        ({"source": "e" * 64}, "code differs"),
        ({"digest": "e" * 64}, "different versions of 30 tasks under one name: task-00, task-01, task-02 and 27 more"),
        ({"sandbox": "local"}, "sandbox differs: docker and local"),
        ({"leftovers": "fresh"}, "leftovers differs: unset and fresh"),
        ({"trust_task": True}, "trust_task differs: unset and True"),
        ({"changed": ["task x", "prompts", "source", "prompts"]}, "what changed half-way differs: unset and prompts, "),
        ({"limits": {"max_turns": 5, "turn_seconds": 600.0}}, "max_turns differs: unset and 5"),
        ({"model": "other", "format": "xml"}, "both the model and the agent (format) differ"),
    ],
)
def test_other_differences_are_refused_and_force_prints_them(
    tmp_path: Path, options: dict[str, Any], named: str
) -> None:
    jobs = [
        read_job(write_termstone(tmp_path / "a", half("P", "F"))),
        read_job(write_termstone(tmp_path / "b", half("F", "P"), **options)),
    ]
    with pytest.raises(NotComparable) as caught:
        compare(jobs)
    assert named in str(caught.value)
    assert any(named in reason for reason in compare(jobs, force=True).forced)


def test_a_label_is_what_differs_and_no_two_are_the_same(tmp_path: Path) -> None:
    configs: list[dict[str, Any]] = [
        {"reasoning_effort": "low"},
        {"reasoning_effort": "high"},
        {"reasoning_effort": "high"},
        {},
        {"model": "openai/gpt-6"},
    ]
    folders = [write_termstone(tmp_path / f"job-{n}", half("P", "F"), **config) for n, config in enumerate(configs)]
    labels = [contender.label for contender in compare([read_job(folder) for folder in folders]).contenders]
    assert labels == [
        "openai/gpt-5 effort=low",
        "openai/gpt-5 effort=high job-1",
        "openai/gpt-5 effort=high job-2",
        "openai/gpt-5 effort=unset",
        "openai/gpt-6 effort=unset",
    ]


def test_the_same_twice_is_named_by_folder_and_said_to_be_chance(tmp_path: Path) -> None:
    folders = [write_termstone(tmp_path / name, half("P", "F")) for name in ("monday", "tuesday")]
    comparison = compare([read_job(folder) for folder in folders])
    assert [contender.label for contender in comparison.contenders] == ["monday", "tuesday"]
    assert "the configurations are the same: what differs is chance" in comparison.remarks


def test_what_stands_beside_a_reward_may_be_large(tmp_path: Path) -> None:
    rewards = {"reward": 1.0, "finished_ns": 1.76413e18}
    job = read_job(write_termstone(tmp_path / "a", half("P", "P"), result={"rewards": rewards}))
    assert job.trials[0].rewards == rewards


def test_few_tasks_that_differ_are_said_to_be_too_few(tmp_path: Path) -> None:
    (pair,) = compared(tmp_path, dict.fromkeys(TASKS[:6], "FFF"), dict.fromkeys(TASKS[:4], "PPP") | {TASKS[4]: "FFF"}
                       | {TASKS[5]: "FFF"}).pairs  # fmt: skip
    assert pair.winner is None
    assert pair.reason == "no winner: only 4 tasks differ, and it takes 5 to show anything at 0.05"


def test_code_of_the_users_own_makes_another_agent(tmp_path: Path) -> None:
    own: list[dict[str, Any]] = [{"plugins": {"mine:Mine": digit * 64}, "agent": "mine:Mine"} for digit in "12"]
    jobs = [read_job(write_termstone(tmp_path / f"{n}", half("P", "F"), **facts)) for n, facts in enumerate(own)]
    comparison = compare(jobs)
    assert [one.label for one in comparison.contenders] == [f"code of mine:Mine={digit * 12}" for digit in "12"]
    assert not comparison.remarks


def test_images_of_other_builds_are_told(tmp_path: Path) -> None:
    images: list[dict[str, Any]] = [{"images": dict.fromkeys(TASKS[:2], digit), "retries": 1} for digit in "12"]
    jobs = [read_job(write_termstone(tmp_path / f"{n}", half("P", "F"), **facts)) for n, facts in enumerate(images)]
    assert "2 tasks ran in images of different builds: task-00, task-01" in compare(jobs).remarks


def test_trials_in_which_no_agent_was_begun_make_none_cheaper(tmp_path: Path) -> None:
    first = write_termstone(tmp_path / "a", half("PI", "FI"), reasoning_effort="low")
    for path in first.glob("*/2/result.json"):
        usage = {"prompt_tokens": 0, "completion_tokens": 0, "cost_usd": 0.0}
        path.write_text(json.dumps(json.loads(path.read_text()) | {"turns": 0, "timing": {}, "usage": usage}))
    second = write_termstone(tmp_path / "b", half("PF", "FF"), reasoning_effort="high")
    one, other = compare([read_job(first), read_job(second)]).contenders
    assert (one.cost.mean, one.turns.mean, one.tokens.mean) == (other.cost.mean, other.turns.mean, other.tokens.mean)
    assert (one.cost.trials, other.cost.trials) == (30, 60)


def test_an_agent_that_never_began_is_no_other_version(tmp_path: Path) -> None:
    first = write_termstone(tmp_path / "a", half("I", "I"), model="x", result={"agent_version": ""})
    second = write_termstone(tmp_path / "b", half("P", "F"), model="y")
    with pytest.raises(RecordError, match="no common tasks with a valid trial"):
        compare([read_job(first), read_job(second)])


def test_a_difference_says_over_how_many_tasks_it_is(tmp_path: Path) -> None:
    comparison = compared(tmp_path, half("F", "F"), half("P", "P") | {TASKS[0]: "I"})
    (pair,) = comparison.pairs
    assert "pp over 29 of 30 tasks (95 % interval" in difference(comparison, pair)
    assert "pp over all 30 tasks whatever the invalid trials were" in dict(details(comparison, pair))["bounds"]


def test_a_loss_that_may_be_within_what_was_allowed_is_undecided_and_called_a_loss(tmp_path: Path) -> None:
    (pair,) = compared(tmp_path, half("PP", "PP"), half("PF", "PP"), max_drop=0.2).pairs
    assert pair.winner == 0
    assert pair.gate
    assert pair.gate.verdict is Verdict.UNDECIDED
    assert "is worse, by 25.0 pp; a drop of more than 20 pp is not ruled out" in pair.gate.reason


def test_several_pairs_are_adjusted_for_being_several(tmp_path: Path) -> None:
    fates = (half("F", "F"), half("P", "F"), half("P", "P"))
    jobs = [read_job(write_termstone(tmp_path / f"{n}", fate, temperature=n / 10)) for n, fate in enumerate(fates)]
    comparison = compare(jobs)
    assert [(pair.first, pair.second) for pair in comparison.pairs] == [(0, 1), (0, 2), (1, 2)]
    assert all(pair.p_adjusted > pair.p_value for pair in comparison.pairs if pair.p_value < 1 / 9999)


def test_unknown_costs_are_unknown_and_not_0(tmp_path: Path) -> None:
    unknown = {"usage": {"prompt_tokens": None, "completion_tokens": None, "cost_usd": None}}
    a = write_termstone(tmp_path / "a", half("P", "F"), reasoning_effort="low", result=unknown)
    b = write_termstone(tmp_path / "b", half("P", "."), reasoning_effort="high")
    first, second = compare([read_job(a), read_job(b)]).contenders
    assert (first.cost.total, first.cost.mean, first.tokens.total) == (None, None, None)
    assert second.cost.total == pytest.approx(0.3)
    assert second.cost.trials == 15
    assert second.seconds.mean == pytest.approx(22.5)  # 2 of 24.5 were waited


@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        (half("PP", "FF"), half("PP", "FF"), Verdict.UNDECIDED),
        (half("FF", "FF"), half("PP", "PF"), Verdict.HELD),
        (half("PP", "PF"), half("FF", "FF"), Verdict.DROPPED),
        (half("FF", "FF"), half("II", "PP"), Verdict.HELD),
        (half("FI", "FI"), half("PI", "FI"), Verdict.UNDECIDED),
    ],
)
def test_a_gate_holds_only_where_a_larger_drop_is_ruled_out(
    tmp_path: Path, first: dict[str, str], second: dict[str, str], verdict: Verdict
) -> None:
    (pair,) = compared(tmp_path, first, second, max_drop=0.02).pairs
    assert pair.gate
    assert pair.gate.verdict is verdict


def test_regressions_are_named_with_their_trials(tmp_path: Path) -> None:
    comparison = compared(tmp_path, {"x": "PP", "y": "PP", "z": "FF"}, {"x": "PF", "y": "PP", "z": "FF"})
    assert comparison.regressed(comparison.pairs[0]) == {"x": (tmp_path / "b/x/2",)}


@pytest.mark.parametrize(
    ("first", "second", "said"),
    [
        ({"x": "P", "y": "P"}, {"z": "P", "u": "P"}, "no task in common: x, y against u, z"),
        ({"x": "P", "y": "P"}, {"x": "P", "z": "P"}, "only one task in common (x)"),
        ({"x": "I", "y": "I"}, {"x": "P", "y": "P"}, "no common tasks with a valid trial of both"),
        ({"x": "I", "y": "P"}, {"x": "P", "y": "P"}, "1 common task with a valid trial of both"),
    ],
)
def test_too_little_to_compare_is_one_clear_line(
    tmp_path: Path, first: dict[str, str], second: dict[str, str], said: str
) -> None:
    with pytest.raises(RecordError) as caught:
        compared(tmp_path, first, second)
    assert said in str(caught.value)


def test_a_job_is_not_compared_with_itself(tmp_path: Path) -> None:
    job = read_job(write_termstone(tmp_path / "a", half("P", "F")))
    with pytest.raises(RecordError, match="named twice"):
        compare([job, job])
    with pytest.raises(RecordError, match="two jobs"):
        compare([job])


def test_without_a_task_in_common_two_jobs_are_shown_that_share_none(tmp_path: Path) -> None:
    ours = [read_job(write_termstone(tmp_path / task, {task: "P", "x": "P"})) for task in ("u", "w")]
    far = read_job(write_termstone(tmp_path / "far", {"z": "P"}))
    with pytest.raises(RecordError, match="no task in common: u, x against z"):
        compare([*ours, far])


def test_folders_of_other_harnesses_are_compared_among_themselves_and_by_force_with_ours(tmp_path: Path) -> None:
    harbor = read_jobs(write_harbor(tmp_path / "h", {"low": half("FF", "XF"), "high": half("PP", "PP")}))
    (pair,) = compare(harbor).pairs
    assert pair.winner == 1
    bench = [
        read_job(write_terminal_bench(tmp_path / name, f"openai/{name}", half(*fate)))
        for name, fate in (("a", ("FF", "FT")), ("b", ("PP", "PP")))
    ]
    comparison = compare(bench)
    assert comparison.pairs[0].winner == 1
    assert "the tasks' versions are not known, so they may differ" in comparison.remarks
    ours = read_job(write_termstone(tmp_path / "ours", half("P", "P")))
    with pytest.raises(NotComparable, match="the harness differs: termstone and harbor"):
        compare([ours, harbor[0]])
    assert len(compare([ours, *harbor, *bench], force=True).pairs) == 10


def test_a_thousand_trials_take_less_than_5_seconds(tmp_path: Path) -> None:
    fates = {f"task-{number:03}": "PFPFP" if number % 3 else "FFFPF" for number in range(100)}
    folders = [write_termstone(tmp_path / effort, fates, reasoning_effort=effort) for effort in ("low", "high")]
    begun = time.monotonic()
    compare([read_job(folder) for folder in folders])
    assert time.monotonic() - begun < 5


def test_nothing_is_ruled_out_that_the_interval_takes_in(tmp_path: Path) -> None:
    first = dict.fromkeys(TASKS[:12], "P") | {TASKS[7]: "I"}
    second = dict.fromkeys(TASKS[:12], "P") | dict.fromkeys((TASKS[5], TASKS[11]), "F")
    (pair,) = compared(tmp_path, first, second, max_drop=0.46).pairs
    assert pair.interval.low < -0.46
    assert pair.bounds_interval.low <= pair.interval.low
    assert pair.gate
    assert pair.gate.verdict is Verdict.UNDECIDED


def test_rates_that_are_not_passes_by_trials_say_how_they_were_taken(tmp_path: Path) -> None:
    even, uneven = {"x": "PF", "y": "FF"}, {"x": "PI", "y": "FF"}
    assert not any("means" in line for line in compared(tmp_path / "even", even, even).remarks)
    assert any("means over tasks" in line for line in compared(tmp_path / "not", even, uneven).remarks)
