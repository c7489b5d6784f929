"""The statistics of a comparison, computed by scipy and numpy; each function names its source.

The tasks are taken as a sample of the tasks that could have been set, and the attempts at one task as alike. So what is
drawn, flipped and counted is the task. Functions take arrays whose last axis is the tasks, so that thousands of
simulated comparisons can be put through them at once.
"""

from __future__ import annotations

import bisect
import math
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from scipy import optimize, stats

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Floats = NDArray[np.float64]

RESAMPLES = 9999
SEED = 20250101
"""Fixed, so that one comparison always says the same."""
POWER = 0.8
_STEPS = 100_000
"""In which rates are moved from 0 to 1."""
_MOST_ATTEMPTS, _MOST_TASKS = 100_000, 100_000_000
_AT_ONCE = 4_000_000
"""Numbers in memory while resampling."""


class Interval(NamedTuple):
    """Two ends."""

    low: float
    high: float


def wilson(rates: Sequence[float], trials: int, confidence: float) -> Interval:
    """Return the interval of a pass rate, the mean of the tasks' `rates` over so many `trials`.

    Wilson's score interval (1927). Several attempts at one task say less than as many tasks, so they count by the
    effective sample size, as for proportions of cluster samples (Franco, Little, Louis and Slud, Journal of Survey
    Statistics and Methodology 7, 2019). With one attempt at each task it is the plain interval.
    """
    n, rate = len(rates), float(np.mean(rates))
    spread = rate * (1 - rate)
    between = float(np.var(rates, ddof=1)) / n if n > 1 else 0.0
    size = n if spread == 0 else trials if between == 0 else min(max(spread / between, n), trials)
    z = float(stats.norm.isf((1 - confidence) / 2))
    centre = (rate + z * z / (2 * size)) / (1 + z * z / size)
    half = z / (1 + z * z / size) * math.sqrt(spread / size + z * z / (4 * size * size))
    return Interval(max(centre - half, 0.0), min(centre + half, 1.0))


def pass_at(k: int, passed: int, attempts: int) -> float:
    """Estimate the chance that one of `k` attempts passes, without bias: pass@k (Chen et al., arXiv:2107.03374)."""
    return float(stats.hypergeom.sf(0, attempts, passed, k))


def pass_all(k: int, passed: int, attempts: int) -> float:
    """Estimate the chance that all of `k` attempts pass, without bias: pass^k (Yao et al., arXiv:2406.12045)."""
    return float(stats.hypergeom.pmf(k, attempts, passed, k))


def mcnemar(only_first: int, only_second: int) -> float:
    """Return the p-value of the exact test of McNemar: of the pairs that differ, is half on either side?"""
    discordant = only_first + only_second
    return float(stats.binomtest(only_second, discordant).pvalue) if discordant else 1.0


def sign_flip(differences: Floats, resamples: int = RESAMPLES) -> Floats:
    """Return the two-sided p-value of the mean difference when each task's sign could as well be the other.

    Fisher's randomisation test for pairs (The Design of Experiments, 1935), over all flips where `resamples` are as
    many as these, else over so many random ones. Of flips that come to the same difference one half is counted, as
    few tasks with few attempts come to few different ones, by which the test would reject too seldom (the mid-p value:
    Lancaster, JASA 56, 1961; for pairs Fagerland, Lydersen and Laake, BMC Medical Research Methodology 13, 2013).
    """
    differing = differences[..., (differences != 0).any(axis=tuple(range(differences.ndim - 1)))]
    if differing.shape[-1] == 0:
        return np.ones(differences.shape[:-1])
    if differing.shape[-1] == 1:  # fewer than scipy takes
        differing = np.concatenate([differing, np.zeros_like(differing)], axis=-1)
    result = stats.permutation_test(
        (differing,),
        np.mean,
        permutation_type="samples",
        vectorized=True,
        n_resamples=resamples,
        batch=max(1, _AT_ONCE // differing.size),
        axis=-1,
        rng=np.random.default_rng(SEED),
    )
    same = np.isclose(result.null_distribution, result.statistic, rtol=0, atol=1e-9)
    above = np.where(same, 0.5, result.null_distribution > result.statistic).sum(axis=0)
    flips = len(same)
    if 2 ** differing.shape[-1] > resamples:  # what was observed is one more of the random ones
        above, flips = above + 0.5, flips + 1
    return np.asarray(2 * np.minimum(above, flips - above) / flips)


def least_tasks(alpha: float) -> int:
    """Return how many tasks must differ for `sign_flip` to be able to reject: 5 at 0.05."""
    return math.ceil(-math.log2(alpha))


def interval(differences: Floats, alpha: float, resamples: int = RESAMPLES) -> tuple[Floats, Floats]:
    """Return both ends of the interval of the mean difference, at the level 1 - `alpha`.

    Tasks are drawn with replacement, with all their attempts. The percentiles are the expanded ones, which make up for
    the narrowness of the bootstrap at few tasks (Hesterberg, The American Statistician 69, 2015). Where all tasks but
    fewer than a test could reject with are alike, the draws know too little, and the interval takes in Tango's.
    """
    n = differences.shape[-1]
    tail = stats.norm.cdf(math.sqrt(n / (n - 1)) * stats.t.ppf(alpha / 2, n - 1))
    found = stats.bootstrap(
        (differences,),
        np.mean,
        method="percentile",
        confidence_level=1 - 2 * float(tail),
        n_resamples=resamples,
        batch=max(1, _AT_ONCE // differences.size),
        axis=-1,
        rng=np.random.default_rng(SEED),
    ).confidence_interval
    low, high = np.atleast_1d(found.low), np.atleast_1d(found.high)
    rows = differences.reshape(-1, n)
    alike = np.array([np.unique(row, return_counts=True)[1].max() for row in rows])
    for row in np.flatnonzero(n - alike < least_tasks(alpha)):
        gained, lost = rows[row].clip(min=0).sum(), -rows[row].clip(max=0).sum()
        wide = tango(float(gained), float(lost), n, alpha)
        low.flat[row], high.flat[row] = min(low.flat[row], wide.low), max(high.flat[row], wide.high)
    return low.reshape(differences.shape[:-1]), high.reshape(differences.shape[:-1])


def tango(gained: float, lost: float, pairs: int, alpha: float) -> Interval:
    """Return the score interval of the difference of two paired proportions (Tango, Statistics in Medicine 17, 1998).

    It is not of width 0 when no pair differs. With parts of pairs, as of a task with several attempts, it is too wide
    rather than too narrow, since their squares are smaller than they.
    """
    z = float(stats.norm.isf(alpha / 2))
    observed = (gained - lost) / pairs

    def score(difference: float) -> float:
        b = (2 * pairs - gained + lost) * difference - gained - lost
        c = -lost * difference * (1 - difference)
        under = (math.sqrt(max(b * b - 8 * pairs * c, 0.0)) - b) / (4 * pairs)
        variance = pairs * (2 * under + difference * (1 - difference))
        return (gained - lost - pairs * difference) / math.sqrt(max(variance, 1e-12))

    def end(bound: float, wanted: float) -> float:
        if (score(bound) - wanted) * wanted <= 0:
            return bound
        return float(optimize.brentq(lambda difference: score(difference) - wanted, bound, observed))

    return Interval(end(-1.0, z), end(1.0, -z))


def holm(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for being several (Holm, Scandinavian Journal of Statistics 6, 1979)."""
    values = np.asarray(p_values)
    order = np.argsort(values)
    steps = np.maximum.accumulate(values[order] * np.arange(len(values), 0, -1))
    adjusted = np.empty_like(values)
    adjusted[order] = steps.clip(max=1.0)
    return [float(value) for value in adjusted]


def smallest_seen(first: Floats, second: Floats, attempts: float, alpha: float) -> float | None:
    """Return the smallest true difference that these tasks and attempts had a chance of 80 % to show, about.

    Args:
        first: the tasks' pass rates with one configuration.
        second: those with the other.
        attempts: at each task, in the mean.
        alpha: the level of the test.

    Returns:
        The difference as a fraction; ``None`` when there are fewer tasks than a test can reject with.
    """
    n = len(first)
    if n < least_tasks(alpha):
        return None
    rates = (first + second) / 2
    excess = max(float(np.var(second - first, ddof=1)) - _moved(rates, 0).noise / attempts, 0.0)

    def seen(step: int) -> bool:
        return _is_seen(_moved(rates, step / _STEPS), excess, n, attempts, alpha)

    return _moved(rates, bisect.bisect_left(range(_STEPS), True, key=seen) / _STEPS).difference  # noqa: FBT003


class _Moved(NamedTuple):
    """What tasks' pass rates come to when the two configurations move apart from their mean."""

    difference: float
    noise: float
    """The variance of a task's difference that one attempt of each brings, in the mean."""
    spread: float
    """The variance of the tasks' true differences."""


def _moved(rates: Floats, by: float) -> _Moved:
    """Lower the rates by so much for one and raise them for the other, as far as rates go."""
    low, high = (rates - by).clip(0, 1), (rates + by).clip(0, 1)
    noise = float(np.mean(low * (1 - low) + high * (1 - high)))
    return _Moved(float(np.mean(high - low)), noise, float(np.var(high - low)))


def _is_seen(moved: _Moved, excess: float, tasks: int, attempts: float, alpha: float) -> bool:
    """Whether a true difference has a chance of 80 % to be seen.

    The usual formula for paired means (Miller, arXiv:2411.00640, section 5), with t for normal quantiles, and with the
    variance that there is at such a difference and not at none; `excess` is what was observed beyond it. And with that
    chance no fewer tasks must differ than a test can reject with, which counts where hardly any do.
    """
    variance = moved.noise / attempts + moved.spread + excess
    differing = min(moved.difference * attempts, 1.0)
    return (
        moved.difference >= _quantiles(tasks, alpha) * math.sqrt(variance / tasks)
        and stats.binom.sf(least_tasks(alpha) - 1, tasks, differing) >= POWER
    )


def _quantiles(tasks: int, alpha: float) -> float:
    """Return how many standard errors a true difference must be for a chance of 80 % to show at the level `alpha`."""
    return float(stats.t.isf(alpha / 2, tasks - 1) + stats.t.ppf(POWER, tasks - 1))


class Need(NamedTuple):
    """What it would take to see a difference with a chance of 80 %."""

    attempts: int | None
    """At each of these tasks; ``None`` when no number of attempts is enough."""
    tasks: int | None
    """Or so many tasks with the attempts there are; ``None`` when it would be more than a hundred million."""
    at_least: bool
    """Whether the attempts may have to be more, as one attempt at each task does not show how much attempts vary."""


def needed(first: Floats, second: Floats, attempts: tuple[Floats, Floats], difference: float, alpha: float) -> Need:
    """Return what it would take to see `difference` between tasks' pass rates after so many `attempts` at each.

    The variance of the tasks' differences is parted into that of attempts, which more of them make smaller, and that
    between tasks, which stays (Miller, arXiv:2411.00640, sections 3 and 5).
    """
    n, spread, rates = len(first), float(np.var(second - first, ddof=1)), (first + second) / 2
    by = optimize.brentq(lambda by: _moved(rates, by).difference - abs(difference), 0, 1)
    moved, unmoved = _moved(rates, by), _moved(rates, 0)
    repeated = (attempts[0] > 1) & (attempts[1] > 1)
    now = float(np.mean(np.minimum(*attempts)))
    noise = [
        rate[repeated] * (1 - rate[repeated]) / (k[repeated] - 1)
        for rate, k in zip((first, second), attempts, strict=True)
    ]
    within = min(float(np.mean(sum(noise))), spread) if repeated.any() else spread

    def enough(tasks: int, k: float) -> bool:
        excess = max(spread - within + within * now / k - unmoved.noise / k, 0.0)
        return _is_seen(moved, excess, tasks, k, alpha)

    each = _least(lambda k: enough(n, k), 1, _MOST_ATTEMPTS) if n >= least_tasks(alpha) else None
    tasks = _least(lambda tasks: enough(tasks, now), least_tasks(alpha), _MOST_TASKS)
    return Need(each, tasks, at_least=each is not None and not repeated.any())


def _least(enough: Callable[[int], bool], least: int, most: int) -> int | None:
    """Return the first number, of those from `least` on, that is enough; ``None`` when not even `most` is."""
    if not enough(most):
        return None
    return bisect.bisect_left(range(most), True, lo=least, key=enough)  # noqa: FBT003 - the first that is true
