from __future__ import annotations

import pytest

from evals.reward import VerifierError, read_reward, score


def test_json_wins_over_text() -> None:
    assert read_reward({"reward.json": b'{"a": 1, "b": 0.5}', "reward.txt": b"0"}) == {"a": 1.0, "b": 0.5}


@pytest.mark.parametrize(("content", "expected"), [(b"1", 1.0), (b"0.0\n", 0.0), (b" 0.25 \n", 0.25)])
def test_text_is_one_number(content: bytes, expected: float) -> None:
    assert read_reward({"reward.txt": content}) == {"reward": expected}


@pytest.mark.parametrize(
    "content",
    [b"", b"1\n1", b"NaN", b"1e309", b"5", b"-1", b"true", b"1" * 10_000_000, b"\xff\xfe1", b"[1]", b"\xef\xbb\xbf1"],
)
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
    ],
)
def test_a_doubtful_json_reward_is_refused(content: bytes) -> None:
    with pytest.raises(VerifierError, match=r"reward\.json"):
        read_reward({"reward.json": content, "reward.txt": b"1"})


def test_a_wrong_name_is_pointed_out() -> None:
    with pytest.raises(VerifierError, match=r"the name is reward\.json"):
        read_reward({"rewards.json": b'{"reward": 1}'})


def test_the_score_is_the_reward_or_the_mean() -> None:
    assert score({"reward": 0.5, "other": 1.0}) == 0.5
    assert score({"a": 1.0, "b": 0.0}) == 0.5
    assert score({}) == 0.0
