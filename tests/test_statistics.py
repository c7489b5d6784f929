"""The statistics against published tables and against simulated comparisons: pytest tests/test_statistics.py."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
import pytest
from scipy import optimize, stats

from evals.analysis import statistics

if TYPE_CHECKING:
    from collections.abc import Callable

    from evals.analysis.statistics import Floats

DARWIN = np.array([49, -67, 8, 16, 6, 23, 28, 41, 14, 29, 56, 24, 75, 60, -48], dtype=float)
"""Crossed less self-fertilised maize, in eighths of an inch, as Fisher has them (The Design of Experiments, 1935)."""


@pytest.mark.parametrize(
    ("passed", "trials", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_intervals_are_those_of_newcombes_table(passed: int, trials: int, low: float, high: float) -> None:
    found = statistics.wilson([1.0] * passed + [0.0] * (trials - passed), trials, 0.95)
    assert found == pytest.approx((low, high), abs=5e-5)


def test_repeated_attempts_that_always_agree_count_once() -> None:
    tasks = [1.0] * 12 + [0.0] * 8
    assert statistics.wilson(tasks, 100, 0.95) == pytest.approx(statistics.wilson(tasks, 20, 0.95))


def test_repeated_attempts_that_do_not_agree_more_than_others_count_each() -> None:
    assert statistics.wilson([0.4, 0.6] * 10, 100, 0.95) == pytest.approx(
        tuple(stats.binomtest(50, 100).proportion_ci(0.95, "wilson")), abs=1e-9
    )


@pytest.mark.parametrize(("passed", "any_", "all_"), [(0, 0.0, 0.0), (2, 0.9, 0.0), (3, 1.0, 0.1), (5, 1.0, 1.0)])
def test_pass_at_3_of_5_attempts_is_what_counting_the_threes_gives(passed: int, any_: float, all_: float) -> None:
    assert statistics.pass_at(3, passed, 5) == pytest.approx(any_)
    assert statistics.pass_all(3, passed, 5) == pytest.approx(all_)


def test_mcnemar_is_exact() -> None:
    assert statistics.mcnemar(4, 14) == pytest.approx(2 * (1 + 18 + 153 + 816 + 3060) / 2**18)
    assert statistics.mcnemar(14, 4) == statistics.mcnemar(4, 14)
    assert statistics.mcnemar(0, 0) == 1.0


def test_flips_of_darwins_maize_are_those_that_fisher_counted() -> None:
    # 835 of 32,768 give more than was observed, and 28 as much, of which half is counted.
    expected = 2 * (835 + 28 / 2) / 32768
    assert float(statistics.sign_flip(DARWIN, resamples=40_000)) == pytest.approx(expected, abs=1e-9)
    assert float(statistics.sign_flip(-DARWIN, resamples=40_000)) == pytest.approx(expected, abs=1e-9)
    assert float(statistics.sign_flip(DARWIN)) == pytest.approx(expected, abs=0.006)  # of random ones


def test_random_flips_never_give_a_p_value_of_0() -> None:
    assert float(statistics.sign_flip(np.ones(200), resamples=999)) == pytest.approx(1 / 1000)


def test_tasks_that_do_not_differ_change_no_p_value() -> None:
    assert float(statistics.sign_flip(np.append(DARWIN, np.zeros(100)), 40_000)) == float(
        statistics.sign_flip(DARWIN, 40_000)
    )
    assert float(statistics.sign_flip(np.zeros(5))) == 1.0
    assert float(statistics.sign_flip(np.array([0.0, 0.5, 0.0]))) == 0.5


@pytest.mark.parametrize("alpha", [0.1, 0.05, 0.01, 0.001])
def test_the_least_tasks_that_can_reject_do_and_one_less_cannot(alpha: float) -> None:
    least = statistics.least_tasks(alpha)
    assert float(statistics.sign_flip(np.ones(least))) <= alpha < float(statistics.sign_flip(np.ones(least - 1)))


@pytest.mark.parametrize(("gained", "lost", "pairs"), [(12, 2, 50), (0, 0, 44), (1, 0, 44), (9, 0, 30), (3, 3, 8)])
def test_the_ends_of_tangos_interval_are_where_the_score_is_at_its_limit(gained: int, lost: int, pairs: int) -> None:
    low, high = statistics.tango(gained, lost, pairs, 0.05)
    assert abs(score(gained, lost, pairs, low)) == pytest.approx(1.959964, abs=1e-3)
    assert abs(score(gained, lost, pairs, high)) == pytest.approx(1.959964, abs=1e-3)
    assert low < (gained - lost) / pairs < high


def score(gained: int, lost: int, pairs: int, difference: float) -> float:
    """Maximise the likelihood under a difference by search, where the source has a formula."""
    floor = max(0.0, -difference)

    def minus_likelihood(p_lost: float) -> float:
        p_gained, same = p_lost + difference, 1 - 2 * p_lost - difference
        cells = ((gained, p_gained), (lost, p_lost), (pairs - gained - lost, same))
        return -math.fsum(count * math.log(max(p, 1e-300)) for count, p in cells if count)

    ends = (floor, (1 - difference) / 2)
    found = optimize.minimize_scalar(minus_likelihood, bounds=ends, method="bounded", options={"xatol": 1e-10})
    p_lost = float(found.x)
    return (gained - lost - pairs * difference) / math.sqrt(pairs * (2 * p_lost + difference - difference**2))


def test_no_task_that_differs_is_no_certainty() -> None:
    low, high = statistics.interval(np.zeros(8), 0.05)
    z = 1.959964
    assert (float(low), float(high)) == pytest.approx((-(z**2) / (8 + z**2), z**2 / (8 + z**2)), abs=1e-6)


def test_tasks_that_all_differ_alike_are_no_certainty_either() -> None:
    low, high = statistics.interval(np.ones(8), 0.05)
    wilson = stats.binomtest(8, 8).proportion_ci(0.95, "wilson")
    assert 0 < float(low) < wilson.low
    assert float(high) == 1.0


def test_the_bootstrap_agrees_with_t_where_t_is_right() -> None:
    values = stats.norm.ppf((np.arange(25) + 0.5) / 25)
    low, high = statistics.interval(values, 0.05)
    half = stats.t.isf(0.025, 24) * values.std(ddof=1) / 5
    assert (float(low), float(high)) == pytest.approx((-half, half), rel=0.04)


def test_holm_adjusts_as_published() -> None:
    assert statistics.holm([0.03, 0.01, 0.05, 0.02, 0.04]) == pytest.approx([0.09, 0.05, 0.09, 0.08, 0.09])


def test_3_points_take_969_questions_as_miller_has_it() -> None:
    spread = stats.norm.ppf((np.arange(969) + 0.5) / 969)
    half = spread / spread.std(ddof=1) / 6
    many = np.full(969, 1e4)  # attempts, so that the variance is that between tasks alone, 1/9 as in his example
    assert statistics.smallest_seen(0.5 - half, 0.5 + half, 1e4, 0.05) == pytest.approx(0.03, rel=0.002)
    need = statistics.needed(0.5 - half, 0.5 + half, (many, many), 0.03, 0.05)
    assert need.tasks == pytest.approx(969, abs=3)  # he has normal quantiles, which are a little smaller than t's


def test_too_few_tasks_could_have_shown_nothing() -> None:
    assert statistics.smallest_seen(np.zeros(4), np.array([1.0, 0.0, 0.0, 0.5]), 1, 0.05) is None
    # Where 58 of 100 tasks differ, all one way, 5 of 10 do with a chance of 80 %.
    assert stats.binom.sf(4, 10, 0.5805) == pytest.approx(0.8, abs=1e-3)
    assert statistics.smallest_seen(np.zeros(10), np.zeros(10), 1, 0.05) == pytest.approx(0.5805, abs=1e-3)


def test_of_too_few_tasks_no_number_of_attempts_is_enough() -> None:
    two = np.full(3, 2.0)
    need = statistics.needed(np.ones(3), np.zeros(3), (two, two), -1.0, 0.05)
    assert (need.attempts, need.tasks) == (None, 5)


@pytest.mark.parametrize("alpha", [0.05, 0.05 / 3])
def test_what_it_takes_is_more_than_there_is_where_the_difference_is_smaller_than_the_smallest_seen(
    alpha: float,
) -> None:
    generator = np.random.default_rng(11)
    sides = set()
    for _ in range(200):
        tasks, attempts = int(generator.integers(8, 30)), int(generator.integers(1, 5))
        counts = np.full(tasks, float(attempts))
        first, second = generator.binomial(attempts, [[0.3], [0.7]], (2, tasks)) / attempts
        difference = float((second - first).mean())
        smallest = statistics.smallest_seen(first, second, attempts, alpha)
        if not difference or smallest is None or not np.ptp(second - first):
            continue
        need = statistics.needed(first, second, (counts, counts), difference, alpha)
        enough = abs(difference) >= smallest
        assert (need.tasks is not None and need.tasks <= tasks) == enough
        assert (need.attempts is not None and need.attempts <= attempts) == enough
        sides.add(enough)
    assert sides == {True, False}


def _any_rates(generator: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return generator.beta(0.8, 0.8, shape)


def _hard_tasks(generator: np.random.Generator, shape: tuple[int, int]) -> Floats:
    return np.where(generator.random(shape) < 0.9, 0.02, 0.5)


@pytest.mark.parametrize(("rates", "most"), [(_any_rates, 0.92), (_hard_tasks, 0.96)])
@pytest.mark.parametrize(("tasks", "attempts"), [(10, 1), (20, 1), (20, 3), (30, 5), (89, 1)])
def test_the_smallest_difference_is_seen_80_times_in_100_or_somewhat_more(
    tasks: int, attempts: int, rates: Callable[[np.random.Generator, tuple[int, int]], Floats], most: float
) -> None:
    generator = np.random.default_rng(13)
    null = rates(generator, (100, tasks))
    observed = generator.binomial(attempts, null) / attempts, generator.binomial(attempts, null) / attempts
    told = [statistics.smallest_seen(*pair, attempts, 0.05) for pair in zip(*observed, strict=True)]
    smallest = float(np.median([one for one in told if one is not None]))
    first, second = apart(rates(generator, (400, tasks)), smallest)
    differences = (generator.binomial(attempts, second) - generator.binomial(attempts, first)) / attempts
    assert 0.74 <= np.mean(statistics.sign_flip(differences, 499) <= 0.05) <= most


def apart(chances: Floats, difference: float) -> tuple[Floats, Floats]:
    """Move chances to both sides until their means differ by so much."""

    def moved(by: float) -> tuple[Floats, Floats]:
        return (chances - by).clip(0, 1), (chances + by).clip(0, 1)

    def lacking(by: float) -> float:
        first, second = moved(by)
        return float((second - first).mean()) - difference

    return moved(float(optimize.brentq(lacking, 0, 1)))


def test_attempts_help_against_the_variance_of_attempts_only() -> None:
    generator = np.random.default_rng(5)
    k, alike = np.full(4000, 4.0), np.full(4000, 0.5)
    noisy = [generator.binomial(4, alike) / 4 for _ in range(2)]
    need = statistics.needed(noisy[0], noisy[1], (k, k), 0.01, 0.05)
    # The variance of one attempt's difference is 0.5, so 4000 tasks with k attempts have 0.5 / (4000 k).
    assert need.attempts == pytest.approx(0.5 / 4000 / (0.01 / 2.8016) ** 2, rel=0.25)
    apart = [np.tile([0.0, 1.0], 2000), np.tile([1.0, 0.0], 2000)]
    assert statistics.needed(apart[0], apart[1], (k, k), 0.01, 0.05).attempts is None


def simulated(tasks: int, attempts: int, comparisons: int, seed: int, better: float = 0.0) -> tuple[Floats, float]:
    """Draw the tasks' differences of many comparisons, and return them with the true difference."""
    generator = np.random.default_rng(seed)
    first = generator.beta(0.8, 0.8, (comparisons, tasks))
    second = first + better * (1 - first)
    drawn = generator.binomial(attempts, second) - generator.binomial(attempts, first)
    return drawn / attempts, better * 0.5


@pytest.mark.parametrize(("tasks", "attempts"), [(30, 5), (90, 1), (60, 3)])
def test_a_true_null_is_rejected_5_times_in_100(tasks: int, attempts: int) -> None:
    differences, _ = simulated(tasks, attempts, 2000, seed=7)
    assert np.mean(statistics.sign_flip(differences, 999) <= 0.05) == pytest.approx(0.05, abs=0.01)


@pytest.mark.parametrize("better", [0.0, 0.3])
@pytest.mark.parametrize(("tasks", "attempts"), [(25, 3), (90, 1), (60, 5)])
def test_intervals_cover_the_truth_95_times_in_100(tasks: int, attempts: int, better: float) -> None:
    differences, truth = simulated(tasks, attempts, 2000, seed=8, better=better)
    low, high = statistics.interval(differences, 0.05, 999)
    assert np.mean((low <= truth) & (truth <= high)) == pytest.approx(0.95, abs=0.015)


@pytest.mark.long
@pytest.mark.parametrize("attempts", [1, 3, 5])
@pytest.mark.parametrize("tasks", [50, 100, 200])
def test_levels_hold_over_many_more_comparisons(tasks: int, attempts: int) -> None:
    rejected, covered = [], []
    for seed in range(5):
        differences, _ = simulated(tasks, attempts, 2000, seed)
        rejected.append(statistics.sign_flip(differences, 1999) <= 0.05)
        shifted, truth = simulated(tasks, attempts, 2000, seed, better=0.2)
        low, high = statistics.interval(shifted, 0.05, 1999)
        covered.append((low <= truth) & (truth <= high))
    assert np.mean(rejected) == pytest.approx(0.05, abs=0.01)
    assert np.mean(covered) == pytest.approx(0.95, abs=0.015)


@pytest.mark.parametrize("attempts", [1, 4])
def test_intervals_of_one_pass_rate_cover_it_too(attempts: int) -> None:
    generator = np.random.default_rng(9)
    chances = generator.beta(0.8, 0.8, (2000, 60))
    rates = generator.binomial(attempts, chances) / attempts
    intervals = [statistics.wilson(list(row), 60 * attempts, 0.95) for row in rates]
    assert np.mean([low <= 0.5 <= high for low, high in intervals]) == pytest.approx(0.95, abs=0.015)
