"""LongCLI-Bench's two graded sets: F2P, what is asked for, and P2P, what worked before and must go on working."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Literal

from evals.pytest_summary import read_summary
from evals.reward import VerifierError
from evals.task import Verdict

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MISSING = -1.0
"""Stands for the score and the pass of a set of which there is no result."""
_LIMIT = 1_000_000
_DIGITS = 3


def read_sets(
    sets: Mapping[Literal["f2p", "p2p"], Literal["pytest", "text"]], files: Mapping[str, bytes]
) -> dict[str, float]:
    """Return ``reward``, 1 where each of the task's sets passes, and each set's ``is_pass`` and ``step_score``.

    Args:
        sets: the task's sets, and how each is written: as pytest's output, or as a score in JSON beside a text.
        files: what the tests wrote in `Verdict.folder`, by name.

    Raises:
        VerifierError: no set has a result.
    """
    rewards: dict[str, float] = {}
    reasons = []
    for name, kind in sets.items():
        try:
            passed, share = (_pytest if kind == "pytest" else _text)(name, files)
        except VerifierError as error:
            passed = share = MISSING
            reasons.append(f"{name}: {error}")
        rewards |= {f"{name}_is_pass": float(passed), f"{name}_step_score": share}
    if len(reasons) == len(sets):
        raise VerifierError("; ".join(reasons) or "the task has no set to grade")
    passes = [value for name, value in rewards.items() if name.endswith("_is_pass")]
    return {"reward": float(all(value == 1 for value in passes)), **rewards}


def ungraded(sets: Iterable[str]) -> dict[str, float]:
    """Return the rewards of a turn of which no set has a result, and after which there is another."""
    return {"reward": 0.0, **{f"{name}_{part}": MISSING for name in sets for part in ("is_pass", "step_score")}}


def said(sets: Iterable[str], printed: str, files: Mapping[str, bytes]) -> dict[str, str]:
    """Return what the tests said, by headings: these write it into a file for each set, and print next to nothing."""
    names = {name: f"{name}_output.txt" for name in sets}
    written = {
        f"{Verdict.LONG_CLI.folder}/{file}": files.get(file, b"").decode("utf-8", "replace") for file in names.values()
    }
    return {**written, **({"They printed": printed} if printed.strip() else {})}


def _pytest(name: str, files: Mapping[str, bytes]) -> tuple[float, float]:
    results = read_summary(_content(f"{name}_output.txt", files).decode("utf-8", "replace")).results()
    return float(all(results.values())), round(sum(results.values()) / len(results), _DIGITS)


def _text(name: str, files: Mapping[str, bytes]) -> tuple[float, float]:
    file = f"{name}_score.json"
    content = _content(file, files)
    if len(content) > _LIMIT:
        raise VerifierError(f"{file}: {len(content):,} bytes are no score")
    try:
        score = json.loads(content)
        passed, share = score["is_pass"], float(score["step_score"])
    except (ValueError, KeyError, TypeError, OverflowError, RecursionError) as error:
        raise VerifierError(f"{file}: no object with is_pass and step_score") from error
    if passed not in (0, 1) or not math.isfinite(share):
        raise VerifierError(f"{file}: is_pass is 0 or 1, step_score a number")
    # Some tasks count what was there before as zero, and so go below it when that breaks.
    return float(passed), round(min(1.0, max(0.0, share)), _DIGITS)


def _content(file: str, files: Mapping[str, bytes]) -> bytes:
    if file not in files:
        raise VerifierError(f"the tests did not write {file}")
    return files[file]
