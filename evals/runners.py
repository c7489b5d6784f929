"""What test runners other than pytest print of how many tests they ran.

Known are unittest (``Ran 0 tests in 0.000s``), ``go test`` (``[no tests to run]``) and ``cargo test`` (``running 0
tests``). That none ran is believed only where no other line speaks of what a test came to, as a task's own checks may
stand beside a runner that had nothing to do.
"""

from __future__ import annotations

import re

_NONE = re.compile(
    r"Ran 0 tests in \d+\.\d+s|ok\s+\S+\s+\S+.*\[no tests to run\]|testing: warning: no tests to run|running 0 tests",
    re.ASCII,
)
_SOME = re.compile(
    r"Ran [1-9]\d* tests? in \d+\.\d+s|ok\s+\S+\s+(?:\d+\.\d+s|\(cached\))$|--- (?:PASS|FAIL): "
    r"|test result: \w+\. (?!0 passed; 0 failed)",
    re.ASCII,
)
_BESIDE = re.compile(r"OK|PASS|NO TESTS RAN|test result: ok\. 0 passed; 0 failed;.*", re.ASCII)
"""What the same runners print of no test besides."""
_OUTCOME = re.compile(
    r"\b(?:ok|pass(?:ed|es|ing)?|fail(?:ed|s|ures?|ing)?)\b|[\u2713\u2714\u2705\u2717\u2718\u274c]"
    r"|\b(?:success\w*|succe+d\w*|correct\w*|match(?:es|ed)?|right|wrong|reward|score|hold)\b"
    r"|\b[1-9]\d* (?:tests?|examples?|specs?|checks?|assertions?|scenarios?)\b|\btests?(?: run)?: *[1-9]",
    re.ASCII | re.IGNORECASE,
)
_LINE_LIMIT = 400
"""Characters of a line that are looked at."""


def ran(text: str) -> bool | None:
    """Whether a text without a terminal's codes says that a test ran; ``None`` where no known runner says either."""
    none = other = False
    for line in (whole.strip()[:_LINE_LIMIT] for whole in text.splitlines()):
        if _SOME.match(line):
            return True
        if _NONE.match(line):
            none = True
        elif _OUTCOME.search(line) and not _BESIDE.fullmatch(line):
            other = True
    return False if none and not other else None
