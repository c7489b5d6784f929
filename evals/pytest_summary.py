"""What pytest says of its tests in what it prints: the short summary, test by test, and the counts of its last line."""

from __future__ import annotations

import re
from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from evals.reward import VerifierError

if TYPE_CHECKING:
    from collections.abc import Iterator

_ANSI = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)|[ -/]*[0-Z\\^-~])")
_HEADING = re.compile(r"=\s{0,20}short test summary info\s{0,20}=", re.IGNORECASE)
_LAST_LINE = re.compile(
    r"=*\s*((?:\d{1,9} [a-z]+(?: [a-z]+)?(?:, )?){1,12}|no tests ran) in \d{1,9}\.\d\ds\b", re.ASCII
)
_COUNT = re.compile(r"(\d+) ([a-z]+)", re.ASCII)
_LINE_LIMIT = 400
"""Characters of a line in which the counts can stand."""
_STATUSES = frozenset({"PASSED", "FAILED", "SKIPPED", "XFAIL", "XPASS", "ERROR"})
_PASSING = frozenset({"PASSED", "XFAIL", "SKIPPED"})
_RAN = ("passed", "failed", "error", "errors", "xfailed", "xpassed")


class PytestSummary(NamedTuple):
    """One or more runs of pytest, by what they printed."""

    tests: tuple[tuple[str, str], ...] | None
    """Names and statuses in the short summaries, in their order; ``None`` where there is no short summary."""
    counts: Counter[str] | None
    """Sums of the last lines, such as ``{"passed": 3}``; ``None`` where there is no last line."""
    contradiction: str | None = None
    """What the last line says against the summary before it."""

    @property
    def ran(self) -> int:
        """How many tests ran, whatever came of them; one that could not be collected is among them."""
        listed = sum(status != "SKIPPED" for _, status in self.tests or ())
        return max(listed, sum(self.counts[word] for word in _RAN) if self.counts else 0)

    @property
    def skipped(self) -> int:
        """How many tests were skipped."""
        listed = sum(status == "SKIPPED" for _, status in self.tests or ())
        return max(listed, self.counts["skipped"] if self.counts else 0)

    def results(self) -> dict[str, bool]:
        """Return whether each test passed, by Terminal-Bench's rules: the last status counts, and a skip is a pass.

        Raises:
            VerifierError: no summary, no test that ran, or passes that the same output contradicts. Nothing but a pass
                is doubted, so that nobody turns a failure into something else by printing more.
        """
        if self.tests is None:
            raise VerifierError("the tests printed no short summary of pytest")
        results = {name: status in _PASSING for name, status in self.tests}
        if not results or not self.ran:
            raise VerifierError(f"no test ran: {self.skipped} were skipped" if self.skipped else "no test ran")
        if all(results.values()):
            overridden = next((name for name, status in self.tests if status not in _PASSING), None)
            if overridden is not None:
                raise VerifierError(f"pytest's summary has {overridden[:100]!a} both failed and passed")
            if self.contradiction:
                raise VerifierError(self.contradiction)
        return results


def read_summary(printed: str) -> PytestSummary:
    """Read what pytest printed, directly or through a terminal, in time proportional to it.

    As in Terminal-Bench, all lines after the first heading of a short summary count that begin with a status.
    """
    text = plain(printed)
    last_lines = [found for line in text.splitlines() if (found := _last_line(line)) is not None]
    counts = sum(last_lines, Counter()) if last_lines else None
    headings = list(_HEADING.finditer(text))
    if not headings:
        return PytestSummary(None, counts)
    tests = tuple(_tests(text[headings[0].end() :]))
    return PytestSummary(tests, counts, _contradiction(text[headings[-1].end() :]))


def plain(text: str) -> str:
    """Take out what only a terminal understands."""
    return _ANSI.sub("", text) if "\x1b" in text else text


def _tests(summary: str) -> Iterator[tuple[str, str]]:
    for line in summary.splitlines():
        status, *rest = _without_message(line).split(maxsplit=1) or [""]
        status = status.strip(":")
        if rest and status in _STATUSES and (name := rest[0].strip().split("::", maxsplit=1)[-1]):
            yield name, status


def _last_line(line: str) -> Counter[str] | None:
    found = _LAST_LINE.match(line[:_LINE_LIMIT]) if " in " in line[:_LINE_LIMIT] else None
    return Counter({word: int(number) for number, word in _COUNT.findall(found[1])}) if found else None


def _contradiction(summary: str) -> str | None:
    """Compare a summary with the first last line after it: what the tests themselves printed comes before both."""
    before: list[str] = []
    for line in summary.splitlines():
        if (counts := _last_line(line)) is None:
            before.append(line)
            continue
        statuses = Counter(status for _, status in _tests("\n".join(before)))
        passed, failed = statuses["PASSED"], counts["failed"] + counts["error"] + counts["errors"]
        if failed and not statuses["FAILED"] + statuses["ERROR"]:
            return f"pytest's summary has only passes, its last line {failed} that failed"
        if passed > counts["passed"]:
            return f"pytest's summary has {passed} passed, its last line {counts['passed']}"
        return None
    return None


def _without_message(line: str) -> str:
    return line.rpartition(" - ")[0] if line.startswith("FAILED") and " - " in line else line
