"""Grading: what tests leave, and what becomes of it when they leave nothing: pytest tests/test_verifier.py."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING, Any

import pytest

from evals.reward import EnvironmentBroken, VerifierError, VerifierTimeout
from evals.task import Verdict, Verifier
from evals.verifier import verify
from sandbox.archive import Archive
from sandbox.base import Sealed, SealUnavailable
from sandbox.sealing import sealed

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from sandbox.base import Sandbox


class Unsealed:
    """A sandbox in which nothing can be sealed in."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the sandbox has
        return getattr(self._sandbox, name)

    async def sealed(self, *_: object, **__: object) -> Sealed:
        raise SealUnavailable("nothing can be sealed in here: for a test")


@pytest.fixture(params=["sealed", "plain"])
def place(request: pytest.FixtureRequest, sandbox: Sandbox) -> Any:  # noqa: ANN401 - a sandbox or one that passes for one
    """A sandbox in which tests are sealed in, and one in which they cannot be."""
    return sandbox if request.param == "sealed" else Unsealed(sandbox)


def judged_by(folder: Path, script: str, **facts: Any) -> Verifier:  # noqa: ANN401 - the verifier's own
    folder.mkdir(exist_ok=True)
    (folder / "test.sh").write_text(script)
    return Verifier(tests=(folder,), **{"timeout": 20.0, **facts})


BROKEN = {
    "hangs": ("#!/bin/sh\necho waiting\nsleep 600\n", VerifierTimeout, "not done within 1 s.*waiting"),
    "hangs in the background": ("#!/bin/sh\nsleep 600 &\nwait\n", VerifierTimeout, "not done within 1 s"),
    "ends with exit code 1": ("#!/bin/sh\necho no module; exit 1\n", VerifierError, "exit code 1.*no module"),
    "is killed": ("#!/bin/sh\nkill -9 $$\n", VerifierError, "neither.*exit code 137"),
    "says nothing": ("#!/bin/sh\n", VerifierError, "neither reward.json nor reward.txt"),
    "is not there for its shebang": ("#!/no/such\n", VerifierError, "exit code 12[67]"),
}


@pytest.mark.fault("F53")
@pytest.mark.parametrize("name", BROKEN)
async def test_a_verifier_that_gives_no_verdict_is_said_to(place: Sandbox, tmp_path: Path, name: str) -> None:
    script, kind, says = BROKEN[name]
    begun = time.monotonic()
    with pytest.raises(kind, match=f"(?s){says}"):
        await verify(
            judged_by(tmp_path / "tests", script, timeout=1.0 if "hangs" in name else 20.0), place, tmp_path / "out"
        )
    assert time.monotonic() - begun < 15


@pytest.mark.fault("F55")
@pytest.mark.parametrize(
    ("summary", "says"),
    [
        ("=== no tests ran in 0.01s ===", "no test ran"),
        ("=== 3 skipped in 0.01s ===", "no test ran: 3 were skipped"),
    ],
)
async def test_a_reward_without_a_test_is_none(sandbox: Sandbox, tmp_path: Path, summary: str, says: str) -> None:
    verifier = judged_by(tmp_path / "tests", f"#!/bin/sh\necho '{summary}'\necho 1 > /logs/verifier/reward.txt\n")
    with pytest.raises(VerifierError, match=says):
        await verify(verifier, sandbox, tmp_path / "out")


@pytest.mark.fault("F55")
async def test_a_summary_that_the_agent_printed_before_is_not_the_tests(sandbox: Sandbox, tmp_path: Path) -> None:
    line = "=== short test summary info ===\\nPASSED test_a.py::test_a\\n=== 1 passed in 0.1s ==="
    await sandbox.exec(
        ["sh", "-c", f"mkdir -p /logs/verifier; printf '{line}' > /logs/verifier/test-stdout.txt"], timeout=10
    )
    with pytest.raises(VerifierError):
        await verify(judged_by(tmp_path / "tests", "#!/bin/sh\n", verdict=Verdict.PYTEST), sandbox, tmp_path / "out")


async def test_terminal_benchs_tests_are_run_by_bash_and_read_from_what_they_print(
    place: Sandbox, tmp_path: Path
) -> None:
    lines = '"=== short test summary info ===" "PASSED t.py::a" "=== 1 passed ==="'
    script = f"[[ $0 == /tests/test.sh ]] && printf '%s\\n' {lines}\n"
    graded = await verify(judged_by(tmp_path / "tests", script, verdict=Verdict.PYTEST), place, tmp_path / "out")
    assert graded.rewards == {"reward": 1.0}


async def test_tests_have_the_images_environment_and_their_own_and_are_gone_afterwards(
    place: Sandbox, tmp_path: Path
) -> None:
    script = (
        '#!/bin/sh\n[ "$GIVEN" = "a b" ] && [ -z "$TERMSTONE_MARK$TMUX" ] && [ "$(pwd)" = /app ] '
        '&& [ "$HOME" = /root ] '
        "&& [ $(stat -c %a%u /tests) = 7000 ] && [ -x /tests/deep/run ] && echo 1 > /logs/verifier/reward.txt; "
        "mkdir /logs/verifier/deep; echo kept > /logs/verifier/deep/file\n"
    )
    verifier = judged_by(tmp_path / "tests", script, env={"GIVEN": "a b"})
    (tmp_path / "tests" / "deep").mkdir()
    (tmp_path / "tests" / "deep" / "run").write_text("")
    graded = await verify(verifier, place, tmp_path / "out")
    assert graded.rewards == {"reward": 1.0}
    assert (tmp_path / "out" / "deep" / "file").read_text() == "kept\n"
    left = await place.exec(["sh", "-c", "ls -A /tests /logs/verifier 2>/dev/null | grep -v :; true"], timeout=10)
    assert left.output.split() == []


async def test_where_nothing_can_be_sealed_in_that_is_said(sandbox: Sandbox, tmp_path: Path) -> None:
    place: Any = Unsealed(sandbox)
    graded = await verify(
        judged_by(tmp_path / "t", "#!/bin/sh\necho 1 > /logs/verifier/reward.txt\n"), place, tmp_path / "out"
    )
    said = "what the agent left running could reach the tests: nothing can be sealed in here: for a test"
    assert graded.notes == (said,)


async def test_another_user_runs_the_tests_where_the_task_says_so(sandbox: Sandbox, tmp_path: Path) -> None:
    if sandbox.name == "local" and os.getuid():
        pytest.skip("one user only")
    script = (
        "#!/bin/sh\n[ $(id -un) = nobody ] && cat /tests/test.sh >/dev/null && echo 1 > /logs/verifier/reward.txt\n"
    )
    graded = await verify(judged_by(tmp_path / "t", script, user="nobody"), sandbox, tmp_path / "out")
    assert graded.rewards == {"reward": 1.0}


SWAPS = {
    "a link": "rm -rf /logs/verifier; ln -s /victim /logs/verifier",
    "a link to the root": "rm -rf /logs/verifier; ln -s / /logs/verifier",
    "a link above": "rm -rf /logs; mkdir /elsewhere; ln -s /elsewhere /logs",
    "a hard link": "rm -rf /logs/verifier; mkdir /logs/verifier; ln /victim/file /logs/verifier/reward.txt",
    "a fifo": "rm -rf /logs/verifier; mkdir /logs/verifier; mkfifo /logs/verifier/reward.txt",
    "a fifo in its place": "rm -rf /logs/verifier /tests; mkfifo /logs/verifier /tests",
    "a folder in its place": "mkdir -p /logs/verifier/reward.txt/deep",
    "a link to the tests": "rm -rf /logs/verifier /tests; ln -s /victim /tests; ln -s /tests /logs/verifier",
}


@pytest.mark.fault("F61")
@pytest.mark.parametrize("swap", SWAPS)
async def test_what_stands_in_the_place_of_the_logs_does_no_harm(place: Sandbox, tmp_path: Path, swap: str) -> None:
    await place.exec(["sh", "-c", f"mkdir /victim; echo safe > /victim/file; {SWAPS[swap]}"], timeout=10)
    script = "#!/bin/sh\ncd /logs/verifier\necho 0.5 > reward.txt\nln -s /etc/passwd p\nmkfifo f\n"
    graded = await verify(judged_by(tmp_path / "t", script), place, tmp_path / "out")
    assert graded.rewards == {"reward": 0.5}
    assert {path.name for path in (tmp_path / "out").iterdir()} <= {"reward.txt", "test-stdout.txt"}
    victim = await place.exec(["sh", "-c", "cat /victim/file; ls /victim"], timeout=10)
    assert victim.output.split() == ["safe", "file"]


@pytest.mark.fault("F53")
async def test_killing_what_runs_the_tests_does_not_make_them_run_without_it(sandbox: Sandbox, tmp_path: Path) -> None:
    script = "#!/bin/sh\nkill -9 $PPID\necho 1 > /logs/verifier/reward.txt\n"
    with pytest.raises(VerifierError, match="was killed"):
        await verify(judged_by(tmp_path / "t", script), sandbox, tmp_path / "out")


async def test_a_sandbox_without_a_shell_is_the_agents_doing(sandbox: Sandbox, tmp_path: Path) -> None:
    await sandbox.exec(["rm", "-f", "/bin/sh"], timeout=10)
    with pytest.raises(EnvironmentBroken, match="/bin/sh"):
        await verify(judged_by(tmp_path / "t", "#!/bin/sh\n"), sandbox, tmp_path / "out")


async def test_what_is_sealed_in_keeps_its_limits(sandbox: Sandbox) -> None:
    async def left(script: str, limit: int = 1000) -> Sealed:
        archive = Archive().folder("tests").done()
        return await sandbox.sealed(
            ["/bin/sh", "-c", script],
            archive,
            folders=("/tests", "/kept/in"),
            kept=("/kept/in",),
            limit=limit,
            timeout=20,
        )

    big = await left("head -c 5000 /dev/zero > /kept/in/big; echo small > /kept/in/small; exit 3")
    assert (big.exit_code, big.files) == (3, {"/kept/in/small": b"small\n"})
    assert big.notes == ("/kept/in/big: too large to keep",)
    many = await left("i=0; while [ $i -lt 10050 ]; do : > /kept/in/$i; i=$((i+1)); done")
    assert len(many.files) == 10_000
    assert many.notes == ("/kept/in: more than 10,000 files",)
    started = await left("(sleep 0.2; echo late > /kept/in/late) & echo now > /kept/in/now")
    assert started.files == {"/kept/in/now": b"now\n"}


@pytest.mark.parametrize(
    "answer",
    [b"", b'{"changed": []}\n', b'{"changed": []}\n{"exit_code": 0, "fil', b'{"killed": true}\n'],
)
def test_an_answer_that_is_cut_short_is_one_of_somebody_killed(answer: bytes) -> None:
    assert sealed(answer).killed


@pytest.mark.parametrize("answer", [b"OSError: no\n", b'{"unavailable": "no"}\n'])
def test_what_cannot_be_had_is_told_from_what_was_killed(answer: bytes) -> None:
    with pytest.raises(SealUnavailable, match=r"no$"):
        sealed(answer)


def names(found: Sequence[str]) -> set[str]:
    return {name.rsplit("/", 1)[-1] for name in found}


async def test_only_what_tests_are_run_with_counts_as_changed(sandbox: Sandbox) -> None:
    since = time.time()
    changes = (
        "echo x > /usr/local/bin/my-tool; echo x > /usr/local/bin/bash; mkdir -p /root/.local/bin /usr/lib/python3.99; "
        "echo x > /etc/hosts.bak; echo x > /app/conftest.py; echo x > /usr/lib/python3.99/os.py; touch /etc/profile; "
        "ln -sf /app/own /usr/local/bin/curl; echo x > /root/.local/bin/uvx; echo x > /pytest.ini"
    )
    await sandbox.exec(["sh", "-c", changes], timeout=10)
    found = await sandbox.sealed(
        ["/bin/true"], Archive().done(), folders=("/tests",), kept=(), limit=1, timeout=20, since=since
    )
    assert names(found.changed) == {"bash", "os.py", "curl", "uvx", "pytest.ini"}
