"""The reward file a verifier wrote, read once and believed only when it is beyond doubt."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

_LIMIT = 64_000


class VerifierError(Exception):
    """The tests left no reward that can be used; the message says why."""


def read_reward(files: Mapping[str, bytes]) -> dict[str, float]:
    """Read the rewards from the files of ``/logs/verifier``.

    ``reward.json``, an object of numbers, wins over ``reward.txt``, one number, as in Harbor. Every number must be
    finite and in [0, 1].
    """
    if (content := files.get("reward.json")) is not None:
        return _from_json(_text("reward.json", content))
    if (content := files.get("reward.txt")) is not None:
        return {"reward": _number("reward.txt", _text("reward.txt", content).strip())}
    hint = "; there is a rewards.json, but the name is reward.json" if "rewards.json" in files else ""
    raise VerifierError(f"the tests wrote neither reward.json nor reward.txt{hint}")


def score(rewards: Mapping[str, float]) -> float:
    """Return the one number of a trial: ``reward`` where there is one, else the mean; nothing at all is 0."""
    if "reward" in rewards:
        return rewards["reward"]
    return math.fsum(rewards.values()) / len(rewards) if rewards else 0.0


def _text(name: str, content: bytes) -> str:
    if len(content) > _LIMIT:
        raise VerifierError(f"{name}: {len(content):,} bytes are no reward")
    try:
        return content.decode("utf-8")
    except UnicodeDecodeError as error:
        raise VerifierError(f"{name}: not UTF-8") from error


def _from_json(text: str) -> dict[str, float]:
    try:
        value: Any = json.loads(text, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as error:
        raise VerifierError(f"reward.json: not valid JSON: {error}") from error
    if not isinstance(value, dict) or not value:
        raise VerifierError("reward.json: not an object with at least one number")
    return {key: _checked(f"reward.json: {key}", number) for key, number in value.items()}


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands there twice")
    return dict(pairs)


def _number(name: str, text: str) -> float:
    try:
        return _checked(name, float(text))
    except ValueError as error:
        raise VerifierError(f"{name}: {text[:40]!r} is not a number") from error


def _checked(name: str, number: object) -> float:
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise VerifierError(f"{name}: {str(number)[:40]!r} is not a number")
    if not 0 <= number <= 1:  # neither is NaN
        raise VerifierError(f"{name}: {str(number)[:40]} is not between 0 and 1")
    return float(number)
