"""The order of trials, what they may spend, and how often a provider is asked: pytest tests/test_schedule.py."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING, Any

import pytest

from agent.model import NOTHING_USED, Completion, FailedAttempt, ProviderRateLimited, Usage
from evals.budget import Budget, forecast, total
from evals.pace import Pace, PacedModel
from evals.schedule import blocks, longest_first
from sandbox.base import Environment
from tests.fakes import HELLO, until

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from agent.model import Message


def test_each_arm_is_tried_at_each_task_side_by_side_and_none_is_always_first() -> None:
    order = list(blocks(["a", "b", "c"], 2, ["x", "y"]))
    assert len(order) == len(set(order)) == 12
    pairs = [order[start : start + 2] for start in range(0, 12, 2)]
    assert [{(task, attempt) for task, attempt, _ in pair} for pair in pairs] == [
        {(task, attempt)} for attempt in (1, 2) for task in "abc"
    ]
    assert Counter(pair[0][2] for pair in pairs) == {"x": 3, "y": 3}


def test_no_task_comes_again_before_all_others_have_had_their_turn() -> None:
    assert [(task, attempt) for task, attempt, _ in blocks("abc", 2, [None])] == [
        (task, attempt) for attempt in (1, 2) for task in "abc"
    ]


def build(folder: Path, steps: int, compose: str | None = None) -> Environment:
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM x\n" + steps * "RUN a\n")
    if compose is None:
        return Environment(context=folder)
    (folder / "docker-compose.yaml").write_text(compose)
    return Environment(context=folder, compose=folder / "docker-compose.yaml")


def test_what_may_take_longest_is_built_first(tmp_path: Path) -> None:
    patient = Environment(image="y", build_timeout=3600)
    short, long = build(tmp_path / "short", 1), build(tmp_path / "long", 9)
    pulled = Environment(image="x")
    assert longest_first([short, pulled, long, patient]) == [patient, long, pulled, short]


def test_a_compose_file_counts_for_all_that_it_builds_and_pulls(tmp_path: Path) -> None:
    single = build(tmp_path / "single", 6)
    pulls = build(tmp_path / "pulls", 1, "services: {main: {}, db: {image: a}, cache: {image: b}}")
    builds = build(tmp_path / "builds", 1, "services: {main: {}, other: {build: other}}")
    (tmp_path / "builds" / "other").mkdir()
    (tmp_path / "builds" / "other" / "Dockerfile").write_text("FROM x\n" + 7 * "  run a\n")
    refused = build(tmp_path / "refused", 99, "services: {main: {privileged: true}}")
    assert longest_first([refused, single, pulls, builds]) == [builds, pulls, single, refused]


USED = Usage(prompt_tokens=90, completion_tokens=10, cached_tokens=0, cache_creation_tokens=0, cost_usd=0.5)


def test_a_budget_is_spent_when_its_dollars_or_its_tokens_are() -> None:
    assert Budget().spent(USED) is None
    assert Budget(dollars=0.51, tokens=101).spent(USED) is None
    assert Budget(dollars=0.5).spent(USED) == "the job's 0.5 dollars are spent"
    assert Budget(tokens=100).spent(USED) == "the job's 100 tokens are spent"


def test_a_budget_of_what_nobody_counts_is_spent_at_once() -> None:
    unpriced = USED.model_copy(update={"cost_usd": None})
    assert "cannot be kept" in (Budget(dollars=5).spent(unpriced) or "")
    assert Budget(tokens=1000).spent(unpriced) is None
    assert Usage().tokens is None


def test_the_forecast_is_the_mean_of_what_has_ended_times_all() -> None:
    ended = [USED, USED.model_copy(update={"cost_usd": 1.5})]
    expected = forecast(ended, left=6)
    assert (expected.cost_usd, expected.tokens) == (8.0, 800)
    assert forecast([], left=6).cost_usd is None
    assert forecast([*ended, Usage()], left=1).cost_usd is None
    assert total([]) == NOTHING_USED


class Provider:
    """A model that refuses to answer more than `most` questions at a time, once each."""

    name = "provider"

    def __init__(self, most: int) -> None:
        self.most = most
        self.asked = 0
        self.peak = 0
        self.refusals = 0

    async def complete(
        self,
        messages: list[Message],  # noqa: ARG002 - the seam's signature
        *,
        tools: Sequence[dict[str, Any]] = (),  # noqa: ARG002 - as said
        on_wait: Callable[[FailedAttempt], None] | None = None,
    ) -> Completion:
        self.asked += 1
        self.peak = max(self.peak, self.asked)
        too_many = self.asked > self.most
        await asyncio.sleep(0.01)  # on its way
        if too_many and on_wait:
            self.refusals += 1
            on_wait(FailedAttempt.of(ProviderRateLimited("slow down"), 0.01))
        await asyncio.sleep(0.01)
        self.asked -= 1
        return Completion(text="yes", usage=NOTHING_USED)


async def test_a_provider_that_is_asked_too_much_is_asked_less_and_then_more_again() -> None:
    pace, provider = Pace(16), Provider(4)
    await asyncio.gather(*(PacedModel(provider, pace).complete(HELLO) for _ in range(200)))
    assert provider.peak == 16  # at first
    assert pace.asked == 0
    assert pace.slowed >= 2  # 16 -> 8 -> 4, and then now and again
    assert provider.refusals < 60
    provider.most = 100
    await asyncio.gather(*(PacedModel(provider, pace).complete(HELLO) for _ in range(200)))
    assert pace.limit == 16


def test_refusals_of_questions_that_were_asked_together_halve_the_pace_once() -> None:
    pace = Pace(16)
    since = pace.slowed
    assert {pace.refused(since) for _ in range(16)} == {1}
    assert pace.limit == 8
    for _ in range(10):
        pace.refused(pace.slowed)
    assert pace.limit == 1


async def test_a_question_that_waits_for_its_turn_says_so_ahead_and_one_that_is_cancelled_takes_none() -> None:
    pace, waited = Pace(1), [0.0]

    def add(seconds: float) -> None:
        waited[0] += seconds

    await pace.enter(add)
    assert waited == [0.0]
    second = asyncio.create_task(pace.enter(add))
    third = asyncio.create_task(pace.enter(add))
    await until(lambda: waited[0] >= 2)  # a second for each of them, before it has passed
    third.cancel()
    pace.leave()
    await second
    assert waited[0] < 1.5
    assert pace.asked == 1
    with pytest.raises(asyncio.CancelledError):
        await third
