from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.reward import VerifierError, read_reward, score


def test_json_wins_over_text() -> None:
    assert read_reward({"reward.json": b'{"a": 1, "b": 0.5}', "reward.txt": b"0"}) == {"a": 1.0, "b": 0.5}


@pytest.mark.parametrize(
    ("content", "expected"),
    [(b"1", 1.0), (b"0.0\n", 0.0), (b" 0.25 \n", 0.25), (b"+1.", 1.0), (b".5", 0.5), (b"1e-3", 0.001)],
)
def test_text_is_one_number(content: bytes, expected: float) -> None:
    assert read_reward({"reward.txt": content}) == {"reward": expected}


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b" \n",
        b"1\n1",
        b"NaN",
        b"inf",
        b"1e309",
        b"5",
        b"1.0000001",
        b"-1",
        b"-1e-9",
        b"true",
        b"passed",
        b"1/1",
        b"0_1",
        "\u0661".encode(),  # a one, in Arabic
        b"0x1",
        b"1,0",
        b"1\0",
        b"1" * 10_000_000,
        b"\xff\xfe1",
        b"[1]",
        b"\xef\xbb\xbf1",
    ],
    ids=lambda content: ascii(content[:12]),
)
@pytest.mark.fault("F54")
def test_a_doubtful_text_reward_is_refused(content: bytes) -> None:
    with pytest.raises(VerifierError, match=r"reward\.txt"):
        read_reward({"reward.txt": content})


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{}",
        b"[1]",
        b"1",
        b"null",
        b'{"r": true}',
        b'{"r": "1"}',
        b'{"r": NaN}',
        b'{"r": 1e999}',
        b'{"r": 2}',
        b'{"r": -0.1}',
        b'{"r": 1, "r": 0}',
        b'{"r": {"s": 1}}',
        b"{" * 50_000,
        b'{"r": ' + b"9" * 5000 + b"}",
        b'{"r": ' + b"9" * 400 + b"}",
        b'{"r": null}',
        b'{"r": []}',
        b'{"r": ' + b"[" * 900 + b"]" * 900 + b"}",
        b'{"r": Infinity}',
        b'{"r": 1} {"r": 1}',
        b'{"r": 1,}',
        b"{'r': 1}",
        b'\xef\xbb\xbf{"r": 1}',
        b'{"r\xff": 1}',
        b'{"\\ud800": 1}',
        b'{"a\\nb": 1}',
        b'{"' + b"k" * 200 + b'": 1}',
        b'{"r": 1' + b" " * 64_000 + b"}",
    ],
    ids=lambda content: ascii(content[:24]),
)
@pytest.mark.fault("F54")
def test_a_doubtful_json_reward_is_refused(content: bytes) -> None:
    with pytest.raises(VerifierError, match=r"^reward\.json: ") as caught:
        read_reward({"reward.json": content, "reward.txt": b"1"})
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("files", [{}, {"test-stdout.txt": b"1"}, {"sub/reward.txt": b"1"}, {"Reward.txt": b"1"}])
def test_without_a_reward_there_is_none(files: dict[str, bytes]) -> None:
    with pytest.raises(VerifierError, match=r"neither reward\.json nor reward\.txt"):
        read_reward(files)


def rewards_or_reason(files: dict[str, bytes]) -> dict[str, float] | str:
    try:
        return read_reward(files)
    except VerifierError as error:
        return str(error)


@given(st.binary(max_size=60), st.sampled_from(["reward.json", "reward.txt"]))
@pytest.mark.fault("F54")
def test_whatever_was_written_is_a_reward_or_a_reason(content: bytes, name: str) -> None:
    found = rewards_or_reason({name: content})
    assert "\n" not in found if isinstance(found, str) else 0 <= score(found) <= 1


@given(st.dictionaries(st.text("abc", max_size=5), st.floats(0, 1), min_size=1))
def test_what_was_written_well_is_read_unchanged(rewards: dict[str, float]) -> None:
    assert read_reward({"reward.json": json.dumps(rewards).encode()}) == rewards
    assert min(rewards.values()) - 1e-9 <= score(rewards) <= max(rewards.values()) + 1e-9


@given(st.dictionaries(st.text("abc", max_size=5), st.sampled_from([0.0, 0.999999, 1.0]), min_size=1))
def test_the_score_is_1_only_when_all_are(rewards: dict[str, float]) -> None:
    assert (score(rewards) == 1) is all(reward == 1 for reward in rewards.values())


@pytest.mark.parametrize(
    ("content", "rewards"),
    [
        (b'{"reward": 1.0, "n_tests": 12}', {"reward": 1.0, "n_tests": 12.0}),
        (b'{"loss": -0.5, "reward": 0}', {"loss": -0.5, "reward": 0.0}),
        (b'{"reward": 0.5, "seconds": 1e300}', {"reward": 0.5, "seconds": 1e300}),
    ],
)
def test_beside_the_reward_any_finite_number_stands(content: bytes, rewards: dict[str, float]) -> None:
    assert read_reward({"reward.json": content}) == rewards
    assert score(rewards) == rewards["reward"]


@pytest.mark.fault("F54")
@pytest.mark.parametrize(
    "content",
    [
        b'{"reward": 12, "n_tests": 1}',
        b'{"reward": -1, "n_tests": 1}',
        b'{"rewards": 1, "n_tests": 12}',  # the mean counts, and so all do
        *[b'{"reward": 1, "n": %s}' % other for other in (b"NaN", b"1e999", b"-1.7e308", b"-Infinity")],
        *[b'{"reward": 1, "n": %s}' % other for other in (b"true", b'"1"', b"null")],
        b'{"reward": 1, "n": ' + b"9" * 400 + b"}",
    ],
    ids=lambda content: ascii(content[:40]),
)
def test_what_the_outcome_depends_on_is_in_bounds_and_all_else_finite(content: bytes) -> None:
    with pytest.raises(VerifierError, match=r"reward\.json"):
        read_reward({"reward.json": content})


def test_a_wrong_name_is_pointed_out() -> None:
    with pytest.raises(VerifierError, match=r"the name is reward\.json"):
        read_reward({"rewards.json": b'{"reward": 1}'})


def test_the_score_is_the_reward_or_the_mean() -> None:
    assert score({"reward": 0.5, "other": 1.0}) == 0.5
    assert score({"a": 1.0, "b": 0.0}) == 0.5
    assert score({}) == 0.0
