"""The tests' verdict as rewards, in each of the ways in which tasks write it down."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, NamedTuple

from evals import long_cli, runners
from evals.pytest_summary import plain, read_summary
from evals.reward import VerifierError, read_reward
from evals.task import Verdict

if TYPE_CHECKING:
    from collections.abc import Mapping

    from evals.task import Verifier

_OUTPUT, _REPORT = "test-stdout.txt", "ctrf.json"
_REPORT_LIMIT = 20_000_000


class _Block(NamedTuple):
    """A block of output that says whether the tests passed."""

    start: str
    end: str
    passed: str
    required: bool
    """Whether output without the block is no verdict, rather than a failure."""


_BLOCKS = {
    Verdict.SWEBENCH: _Block("SWEBench results starts here", "SWEBench results ends here", "PASSED", required=True),
    Verdict.SWEPERF: _Block("SWE-Perf results starts here", "SWE-Perf results ends here", "PASSED", required=True),
    Verdict.MLEBENCH: _Block(
        "MLEBench results starts here", "MLEBench results ends here", "ALL TESTS PASSED", required=False
    ),
}


def read(verifier: Verifier, printed: str, files: Mapping[str, bytes]) -> dict[str, float]:
    """Return the rewards that a step's tests gave.

    Args:
        verifier: how the step is judged.
        printed: what the tests printed, as it came or as a terminal showed it.
        files: what they wrote in `Verdict.folder`, by names relative to it.

    Raises:
        VerifierError: they gave no verdict, or one that cannot be believed, such as that of no test at all.
    """
    match verifier.verdict:
        case Verdict.REWARD:
            rewards = read_reward(files)
            _refuse_if_none_ran(printed, files)
            return rewards
        case Verdict.LONG_CLI:
            return long_cli.read_sets(verifier.graded_sets, files)
        case Verdict.PYTEST:
            passed = all(read_summary(printed).results().values())
        case Verdict.SWELANCER:
            passed = _swelancer(plain(printed).lower())
        case _:
            passed = _in_block(_BLOCKS[verifier.verdict], plain(printed))
    return {"reward": float(passed)}


def ungraded(verifier: Verifier) -> dict[str, float]:
    """Return the rewards of a turn in which the tests gave no verdict, and after which there is another."""
    return long_cli.ungraded(verifier.graded_sets) if verifier.verdict is Verdict.LONG_CLI else {}


def said(verifier: Verifier, printed: str, files: Mapping[str, bytes]) -> dict[str, str]:
    """Return what the tests said, for an agent that has another turn, by headings that say where; see `read`."""
    if verifier.verdict is Verdict.LONG_CLI:
        return long_cli.said(verifier.graded_sets, printed, files)
    return {"They printed": printed}


def _in_block(block: _Block, text: str) -> bool:
    if block.required and (block.start not in text or block.end not in text):
        raise VerifierError(f"the tests did not print {block.start!r} and {block.end!r}")
    return text.split(block.start, 1)[-1].rsplit(block.end, 1)[0].strip() == block.passed


def _swelancer(text: str) -> bool:
    if "swe lancer success" in text or "swe lancer failure" in text:
        return "swe lancer success" in text
    return "user_tool" in text and "completed" in text


def _refuse_if_none_ran(printed: str, files: Mapping[str, bytes]) -> None:
    """Refuse a reward where nothing but no test ran; most tests say nothing of the kind.

    This is known of pytest, a CTRF report, and the runners of `evals.runners`.
    """
    text = plain(printed or files.get(_OUTPUT, b"").decode("utf-8", "replace"))
    summary = read_summary(text)
    report = _counts(files.get(_REPORT))
    if summary.ran or (report and sum(report.get(word, 0) for word in ("passed", "failed", "pending", "other"))):
        return
    others = runners.ran(text)
    if others or (others is None and summary.counts is None and report is None):
        return
    skipped = max(summary.skipped, (report or {}).get("skipped", 0))
    raise VerifierError(f"no test ran: {skipped} were skipped" if skipped else "no test ran")


def _counts(report: bytes | None) -> dict[str, int] | None:
    """Return the counts of a report in CTRF, the common test report format; ``None`` where it is none."""
    if report is None or len(report) > _REPORT_LIMIT:
        return None
    try:
        summary = json.loads(report)["results"]["summary"]
        return {word: number for word, number in summary.items() if isinstance(number, int)}
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None
