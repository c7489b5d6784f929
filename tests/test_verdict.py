from __future__ import annotations

import json
import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evals.pytest_summary import read_summary
from evals.reward import VerifierError
from evals.task import Verdict, Verifier
from evals.verdict import read

HEADING = "=========================== short test summary info ============================\n"
PYTEST, REWARD = Verifier(verdict=Verdict.PYTEST), Verifier()


def summary(*lines: str, last: str | None = None) -> str:
    closing = f"============================== {last} in 0.12s ==============================\n" if last else ""
    return "\n".join(["collected 3 items", "", HEADING + "\n".join([*lines, closing])])


def passed(printed: str, verifier: Verifier = PYTEST) -> bool:
    return read(verifier, printed, {}) == {"reward": 1.0}


@pytest.mark.parametrize(
    ("lines", "passes"),
    [
        (["PASSED tests/test_outputs.py::test_a"], True),
        (["PASSED t.py::test_a", "FAILED t.py::test_b - assert 1 == 2"], False),
        (["PASSED t.py::test_a", "ERROR t.py::test_b"], False),
        (["PASSED t.py::test_a", "XPASS t.py::test_b"], False),
        (["PASSED t.py::test_a", "XFAIL t.py::test_b", "SKIPPED [1] t.py:3: no reason"], True),
        (["ERROR t.py - ImportError"], False),
        (["  PASSED t.py::test_a", "no line of a test", "PASSED", "UNKNOWN t.py::test_b"], True),
        (["ERROR: t.py::test_a"], False),
        (["FAILED t.py::test_a - x - y", "FAILED t.py::test_b"], False),
    ],
)
def test_terminal_benchs_rules_say_which_summary_is_a_pass(lines: list[str], passes: bool) -> None:  # noqa: FBT001 - a table
    assert passed(summary(*lines)) is passes


@pytest.mark.parametrize(
    "printed",
    [
        summary("PASSED t.py::test_a").replace("\n", "\r\n"),
        summary("PASSED t.py::test_a").upper().replace("T.PY", "t.py"),
        "\x1b[36m\x1b[1m=== short test summary info ===\x1b[0m\n\x1b[32mPASSED\x1b[0m t.py::\x1b[1mtest_a\x1b[0m\n",
        "\x1b]0;title\x07=====short test summary info=====\nPASSED t.py::test_a\x1b(B\n",
        summary("PASSED t.py::test_a") + "root@box:/# and what the shell says\n",
        summary("PASSED t.py::" + "a" * 147, "b" * 40, "FAILED".rjust(170)[:160]),
    ],
    ids=["carriage returns", "capitals", "colours", "a title", "a prompt", "wrapped at 160"],
)
def test_a_terminal_does_not_change_what_a_summary_says(printed: str) -> None:
    assert passed(printed)


def test_a_failure_keeps_its_name_without_its_message() -> None:
    found = read_summary(summary("FAILED t.py::test_a[x - y] - assert 1 - 2", "PASSED t.py::test_b - c"))
    assert found.tests == (("test_a[x - y] - assert 1", "FAILED"), ("test_b - c", "PASSED"))


@pytest.mark.fault("F55")
@pytest.mark.parametrize(
    ("printed", "says"),
    [
        ("", "no short summary"),
        ("collected 0 items\n\n=== no tests ran in 0.01s ===\n", "no short summary"),
        (HEADING, "no test ran"),
        (HEADING + "nothing of the kind\n", "no test ran"),
        (summary("SKIPPED [3] t.py:1: not here"), "no test ran: 1 were skipped"),
        (summary("SKIPPED [3] t.py:1: not here", last="3 skipped"), "no test ran: 3 were skipped"),
        (summary("FAILED t.py::test_a - x") + "PASSED t.py::test_a\n", "both failed and passed"),
        (summary("PASSED t.py::test_a", last="1 failed, 2 passed"), "its last line 1 that failed"),
        (summary("PASSED t.py::test_a", last="1 passed, 1 error"), "its last line 1 that failed"),
        (summary("PASSED t.py::test_a", "PASSED t.py::test_b", last="1 passed"), "2 passed, its last line 1"),
        (summary("PASSED t.py::test_a", last="no tests ran"), "1 passed, its last line 0"),
        (summary("PASSED a::a", last="1 passed") + summary("PASSED b::b", last="1 failed, 1 passed"), "1 that failed"),
    ],
)
def test_a_pass_that_the_output_contradicts_is_no_verdict(printed: str, says: str) -> None:
    with pytest.raises(VerifierError, match=says):
        passed(printed)


@pytest.mark.fault("F55")
def test_a_failure_stays_one_whatever_is_printed_around_it() -> None:
    forged = summary("PASSED t.py::test_a", "PASSED t.py::test_b", last="9 passed")
    real = summary("PASSED t.py::test_a", "FAILED t.py::test_c - x", last="1 failed, 1 passed")
    assert not passed(forged + real)
    assert not passed(real + forged)


def test_a_run_of_pytest_within_a_test_does_not_make_a_pass_doubtful() -> None:
    inner = "1 failed, 3 passed in 0.04s\n"
    assert passed(inner + summary("PASSED t.py::test_a", last="1 passed, 2 subtests passed, 1 warning"))


def test_of_two_runs_both_count() -> None:
    first, second = summary("PASSED a.py::test_a", last="1 passed"), summary("PASSED b.py::test_b", last="1 passed")
    assert passed(first + second)
    assert not passed(summary("FAILED a.py::test_a - x", last="1 failed") + second)


@pytest.mark.parametrize("end", ["\n", ""])
@pytest.mark.parametrize(
    "piece", ["=", "= short", "PASSED t.py::test_a", " in ", "1 a, ", "\x1b]", "\x1b[", "- ", "\n"]
)
def test_reading_takes_time_in_proportion_to_the_text(piece: str, end: str) -> None:
    text = HEADING + (piece + end) * (5_000_000 // len(piece + end))
    begun = time.monotonic()
    read_summary(text)
    assert time.monotonic() - begun < 20


@given(st.text(st.sampled_from("= \n\x1b[]mPASED-:1,in.s") | st.characters(), max_size=300))
def test_whatever_is_printed_is_a_verdict_or_a_reason(printed: str) -> None:
    for verdict in Verdict:
        try:
            rewards = read(Verifier(verdict=verdict), HEADING + printed, {})
        except VerifierError:
            continue
        assert rewards["reward"] in (0.0, 1.0)


BLOCKS = [
    (Verdict.SWEBENCH, "SWEBench results", "PASSED"),
    (Verdict.SWEPERF, "SWE-Perf results", "PASSED"),
    (Verdict.MLEBENCH, "MLEBench results", "ALL TESTS PASSED"),
]


@pytest.mark.parametrize(("verdict", "name", "word"), BLOCKS)
def test_a_block_of_output_is_a_pass_by_its_one_word(verdict: Verdict, name: str, word: str) -> None:
    verifier = Verifier(verdict=verdict)
    assert passed(f"x\n{name} starts here\n  {word}\r\n{name} ends here\ny", verifier)
    for other in ("FAILED", f"{word} x", f"x {word}", word.lower(), ""):
        assert not passed(f"x\n{name} starts here\n{other}\n{name} ends here\n", verifier)


@pytest.mark.parametrize("verdict", [Verdict.SWEBENCH, Verdict.SWEPERF])
@pytest.mark.parametrize("printed", ["", "PASSED", "SWEBench results starts here SWE-Perf results starts here PASSED"])
def test_output_without_the_block_is_no_verdict(verdict: Verdict, printed: str) -> None:
    with pytest.raises(VerifierError, match="did not print"):
        passed(printed, Verifier(verdict=verdict))


@pytest.mark.parametrize(
    ("printed", "passes"),
    [
        ("SWE Lancer Success", True),
        ("swe lancer failure", False),
        ("swe lancer failure, swe lancer success", True),
        ("user_tool ... Completed", True),
        ("user_tool completed, swe lancer failure", False),
        ("", False),
    ],
)
def test_swelancer_says_it_in_a_phrase(printed: str, passes: bool) -> None:  # noqa: FBT001 - a table
    assert passed(printed, Verifier(verdict=Verdict.SWELANCER)) is passes


def ctrf(**counts: int) -> bytes:
    return json.dumps({"results": {"tool": {"name": "pytest"}, "summary": {"tests": 3, **counts}}}).encode()


UNITTEST = "\n" + "-" * 70 + "\nRan {} tests in 0.000s\n\n{}\n"
CARGO = "running {0} tests\n\ntest result: ok. {0} passed; 0 failed; 0 ignored; 0 measured; 2 filtered out\n"
OWN_WORDS = [
    "Output matches expected.\n",
    "SUCCESS: the file is right\n",
    "all answers correct\n",
    "Reward: 1\n",
    "Tests:       5 passed, 5 total\n",
    "  5 passing (10ms)\n",
    "5 examples, 0 failures\n",
    "Tests run: 5, Failures: 0\n",
    "OK (5 tests, 9 assertions)\n",
    "ok 1 - it builds\n",
    "100% tests passed, 0 tests failed out of 5\n",
    "PASS: the binary prints hello\n",
    "[PASS] the binary prints hello\n",
    "✓ prints hello\n",
    "all checks passed\n",
    "Test 1: PASSED\n",
]


@pytest.mark.fault("F55")
@pytest.mark.parametrize(
    ("printed", "files", "says"),
    [
        ("", {"ctrf.json": ctrf(passed=0, failed=0, skipped=0)}, "no test ran"),
        ("", {"ctrf.json": ctrf(passed=0, failed=0, skipped=3)}, "no test ran: 3 were skipped"),
        ("collected 0 items\n\n===== no tests ran in 0.00s =====\n", {}, "no test ran"),
        ("", {"test-stdout.txt": b"== 2 skipped, 1 deselected in 0.10s ==\n"}, "no test ran: 2 were skipped"),
        (UNITTEST.format(0, "OK"), {}, "no test ran"),
        (UNITTEST.format(0, "NO TESTS RAN"), {}, "no test ran"),
        (UNITTEST.format(0, "OK") * 2, {}, "no test ran"),
        ("", {"test-stdout.txt": UNITTEST.format(0, "OK").replace("\n", "\r\n").encode()}, "no test ran"),
        ("\x1b[1mRan 0 tests in 0.000s\x1b[0m\n\nOK\n", {}, "no test ran"),
        (UNITTEST.format(0, "OK"), {"ctrf.json": ctrf(passed=0)}, "no test ran"),
        ("testing: warning: no tests to run\nPASS\nok  \texample.com/a\t0.003s [no tests to run]\n", {}, "no test ran"),
        ("ok  \ta\t0.003s [no tests to run]\n?   \tb\t[no test files]\n", {}, "no test ran"),
        (CARGO.format(0) + CARGO.format(0), {}, "no test ran"),
    ],
)
def test_a_reward_of_no_test_is_no_reward(printed: str, files: dict[str, bytes], says: str) -> None:
    for reward in (b"1", b"0"):
        with pytest.raises(VerifierError, match=says):
            read(REWARD, printed, {"reward.txt": reward, **files})


@pytest.mark.parametrize(
    ("printed", "files"),
    [
        ("no word of a test", {}),
        ("", {"ctrf.json": ctrf(passed=1)}),
        ("", {"ctrf.json": ctrf(failed=1, skipped=2)}),
        ("ERROR t.py - ImportError\n=== 1 error in 0.20s ===\n", {"ctrf.json": ctrf(passed=0)}),
        ("== no tests ran in 0.00s ==\n", {"ctrf.json": ctrf(passed=1)}),
        (UNITTEST.format(1, "OK"), {}),
        (UNITTEST.format(10, "FAILED (failures=1)"), {}),
        (UNITTEST.format(2, "OK (skipped=2)"), {}),  # as many as the parts that were skipped of two tests that ran
        (UNITTEST.format(0, "OK") + UNITTEST.format(3, "OK"), {}),
        (UNITTEST.format(0, "OK") + "== 3 passed in 0.10s ==\n", {}),
        ("== no tests ran in 0.10s ==\n" + UNITTEST.format(3, "OK"), {}),
        (UNITTEST.format(0, "OK"), {"ctrf.json": ctrf(passed=1)}),
        ("he ran 0 tests in 1 s\n", {}),
        ("ok  \ta\t0.003s [no tests to run]\nok  \tb\t0.1s\n", {}),
        ("ok  \ta\t0.003s [no tests to run]\nok  \tb\t(cached)\n", {}),
        ("ok  \ta\t0.003s [no tests to run]\nFAIL\tb [build failed]\nFAIL\n", {}),
        ("=== RUN   TestA\n--- PASS: TestA (0.00s)\nok  \tb\t0.1s\nok  \ta\t0.003s [no tests to run]\n", {}),
        ("?   \ta\t[no test files]\n", {}),
        (CARGO.format(0) + CARGO.format(3), {}),
        (CARGO.format(0) + UNITTEST.format(3, "OK"), {}),
        *((CARGO.format(0) + own, {}) for own in OWN_WORDS),
        ("", {"ctrf.json": b"[" * 100_000}),
        ("", {"ctrf.json": b'{"results": []}'}),
        ("", {"ctrf.json": b"\xff"}),
    ],
)
def test_a_reward_stands_where_nothing_speaks_against_it(printed: str, files: dict[str, bytes]) -> None:
    assert read(REWARD, printed, {"reward.txt": b"0.5", **files}) == {"reward": 0.5}


def test_a_verdict_says_where_its_files_are() -> None:
    assert {verdict: verdict.folder for verdict in Verdict if verdict.folder} == {
        Verdict.REWARD: "/logs/verifier",
        Verdict.LONG_CLI: "/app/test_output",
    }
