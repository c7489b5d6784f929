"""What grading gives: rewards, read once and believed only when they are beyond doubt, or the reason for none."""

from __future__ import annotations

import json
import math
import re
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_LIMIT = 64_000
_DECIMAL = re.compile(r"[+-]?(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?", re.ASCII)
"""What `float` takes, less 1_0, the digits of other scripts, nan and infinity."""
_NAME_LIMIT = 100
LARGEST = 1e300
"""What stands beside a reward may be no larger, either way: means of larger ones would be infinite."""


class Graded(NamedTuple):
    """What the tests gave."""

    rewards: dict[str, float]
    said: dict[str, str]
    """What the tests said, for an agent that has another turn, by headings that say where."""
    notes: tuple[str, ...] = ()
    """What the grading does not protect from, and what was found on the way."""
    problem: str | None = None
    """Why the tests gave no verdict, in a turn after which there is another."""


class VerifierError(Exception):
    """The tests left no reward that can be used; the message says why."""

    ungraded: Graded | None = None
    """What a turn that is not the last came to, where tests ran on the agent's work and gave no verdict on it.

    ``None`` where that is no matter of the work: nothing is left to go on with, or nobody knows what happened.
    """


class VerifierTimeout(VerifierError):  # noqa: N818 - a timeout, as in asyncio
    """The task's tests were not done in time."""


class EnvironmentBroken(VerifierError):  # noqa: N818 - named for what happened
    """The agent left nothing that tests could be put into: no shell, or no way to clear their place."""


class Tampered(VerifierError):  # noqa: N818 - named for what happened
    """What the tests are run with was changed, in a task whose tests must be able to rely on it."""


def read_reward(files: Mapping[str, bytes]) -> dict[str, float]:
    """Read the rewards from the files of ``/logs/verifier``.

    ``reward.json``, an object of numbers, wins over ``reward.txt``, one number, as in Harbor. What `score` depends on
    must be in [0, 1], and all else finite.
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


def combined(graded: Sequence[Mapping[str, float]], strategy: Literal["mean", "final"]) -> dict[str, float]:
    """Return a task's rewards from those of its steps: the last one's, or the means by name; what is missing is 0."""
    if strategy == "final" or len(graded) == 1:
        return dict(graded[-1])
    names = dict.fromkeys(name for rewards in graded for name in rewards)
    return {name: math.fsum(rewards.get(name, 0.0) for rewards in graded) / len(graded) for name in names}


def shortfall(rewards: Mapping[str, float], wanted: Mapping[str, float]) -> str | None:
    """Say which of the wanted rewards is too small, one that is missing included; ``None`` when none is."""
    for name, least in wanted.items():
        found = rewards.get(name)
        if found is None or found < least:
            return f"{name} is {'missing' if found is None else f'{found:g}'}, and {least:g} was wanted"
    return None


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
    return {_name(key): _checked(f"reward.json: {_name(key)}", number, counts=key == "reward" or "reward" not in value)
            for key, number in value.items()}  # fmt: skip


def _name(key: str) -> str:
    """Refuse what could not be written into a result or shown on a line."""
    if not key.isprintable() or len(key) > _NAME_LIMIT:
        raise VerifierError(f"reward.json: {ascii(key)[:_NAME_LIMIT]} is no name for a reward")
    return key


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    if len({key for key, _ in pairs}) != len(pairs):
        raise ValueError("a key stands there twice")
    return dict(pairs)


def _number(name: str, text: str) -> float:
    if not _DECIMAL.fullmatch(text):
        raise VerifierError(f"{name}: {text[:40]!a} is not a number")
    return _checked(name, float(text))


def _checked(name: str, number: object, *, counts: bool = True) -> float:
    if isinstance(number, bool) or not isinstance(number, int | float):
        raise VerifierError(f"{name}: a {type(number).__name__} is not a number")
    if counts and not 0 <= number <= 1:  # neither is NaN
        raise VerifierError(f"{name}: {str(number)[:40]} is not between 0 and 1")
    if not abs(number) <= LARGEST:
        raise VerifierError(f"{name}: {str(number)[:40]} is not finite, or too large for a mean")
    return float(number)
