"""Programs that print too much, or what no terminal should be given: pytest tests/test_floods.py."""

from __future__ import annotations

import asyncio
import json
import re
import sys
import unicodedata
from asyncio.subprocess import PIPE, STDOUT
from io import StringIO
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio
from rich.console import Console

from evals.analysis.atif import Document
from evals.analysis.job_record import TrialRecord
from evals.analysis.show import show
from evals.analysis.trial_files import Part, TrialFiles
from evals.display import show_results
from evals.result import TrialResult
from sandbox.keys import MORE
from sandbox.observation import State
from sandbox.recording import LIMIT, Recording
from sandbox.terminal import open_terminal
from tests.flooded import FLOODS, GROWTH, NOT_HERE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sandbox.base import Sandbox
    from sandbox.observation import Observation
    from sandbox.terminal import Terminal

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def terminal(shared_sandbox: Sandbox, tmp_path: Path) -> AsyncIterator[Terminal]:
    """Recorded; that its recording is in bounds is checked at the end of each test."""
    recording = Recording(tmp_path / "t.cast", 160, 40)
    async with open_terminal(shared_sandbox, recording=recording) as opened:
        yield opened
        assert (await opened.type("echo 'right' afterwards\n", 10)).text.split("\n")[1:2] == ["right afterwards"]
    recording.close()
    assert (tmp_path / "t.cast").stat().st_size <= LIMIT
    for line in (tmp_path / "t.cast").read_text().splitlines():
        json.loads(line)


@pytest.mark.fault("F31")
async def test_yes_is_stopped_and_counted(terminal: Terminal) -> None:
    seen = await terminal.type("yes\n", 3)
    assert seen.state is State.RUNNING
    assert set(seen.text.split("\n")[1:]) | set(seen.tail.split("\n")) <= {"y", ""}
    assert seen.omitted_bytes >= 2 * seen.omitted_lines - 1
    assert seen.omitted_lines > seen.lost_lines > 0
    ended = await terminal.type("C-c", 10)
    assert (ended.exit_code, ended.state) == (130, State.PROMPT)
    assert set(ended.text.split("\n")) <= {"y", "", "^C"} | set((ended.tail or ended.text).split("\n")[-2:])


@pytest.mark.fault("F36")
async def test_a_million_lines_are_counted_and_the_end_of_them_can_be_read(terminal: Terminal) -> None:
    seen = await terminal.type("seq 1 1000000\n", 90)
    head, tail = numbers(seen.text), numbers(seen.tail)
    assert (head[0], tail[-1]) == (1, 1_000_000)
    assert tail[0] - head[-1] - 1 == seen.omitted_lines
    assert seen.omitted_bytes == sum(len(str(number)) + 1 for number in range(head[-1] + 1, tail[0]))
    read, page = [], seen
    while page.omitted_lines:
        page = await terminal.type(MORE, 1)
        read += numbers(page.text)
    assert read == [*range(head[-1] + 1 + seen.lost_lines, tail[0])]


@pytest.mark.fault("F32")
async def test_one_line_of_twenty_megabytes_is_shown_from_both_ends(terminal: Terminal) -> None:
    seen = await terminal.type("head -c 20000000 /dev/zero | tr '\\0' x; echo\n", 90)
    _command, begun = seen.text.split("\n")
    rest, _prompt = seen.tail.split("\n")
    assert set(begun) == set(rest) == {"x"}
    assert min(len(begun), len(rest)) > 4000
    assert seen.omitted_bytes == 20_000_000 - len(begun) - len(rest)
    assert seen.omitted_lines == 0
    assert set((await terminal.type(MORE, 1)).text) == {"x"}


@pytest.mark.fault("F32")
async def test_random_bytes_leave_no_trace(terminal: Terminal) -> None:
    for _ in range(3):
        seen = await terminal.type("head -c 1000000 /dev/urandom\n", 60)
        assert seen.state is State.PROMPT
        assert spoilt(seen) == set()
        seen = await terminal.type("printf 'a\\tb\\n'; printf '%0200d\\n' 7; read -r x\n", 10)
        assert seen.text.split("\n")[1:] == ["a       b", "7".zfill(200)]
        await terminal.type("tab\there", 5)
        await terminal.type("Enter", 5)
        assert (await terminal.type('[ "$x" = "tab\there" ]; echo "<$?>"\n', 10)).text.split("\n")[1] == "<0>"


async def test_what_a_program_left_switched_on_is_off_for_the_next(terminal: Terminal) -> None:
    for left in (
        "\\033Pq0123",
        "\\033]0;title",
        "\\033_application",
        "\\033[?2004h\\033[?1003h\\033[?1006h",
        "\\033)0\\016",
        "\\033(0",
        "\\033[4h\\033[?6h\\033[?7l\\033[5;10r\\033[3g\\033[7H",
        "\\033[?1049h\\033[5;10r",
    ):
        await terminal.type(f"printf '{left}'\n", 10)
        await terminal.type("cat > typed\n", 0.5)
        await terminal.type("qqq\ttab\nlines\n", 0.5)
        await terminal.type("C-d", 10)
        assert (await terminal.sandbox.get("/app/typed", 1000))["typed"] == b"qqq\ttab\nlines\n", left
        seen = await terminal.type("seq 101 160; printf 'a\\tqqq\\n'; printf '%0200d\\n' 7\n", 10)
        assert seen.text.split("\n")[1:-1] == [*map(str, range(101, 161)), "a       qqq", "7".zfill(200)], left


async def test_what_the_terminal_answers_is_not_typed_into_the_next_command(terminal: Terminal) -> None:
    for shell in ("bash", "sh"):
        await terminal.type(f"{shell}\n", 5)
        for query in ("[6n", "[c", "[>c", "[5n", "[?6n", "]10;?\\007", "P$qm\\033\\\\", "[>q", "[18t"):
            await terminal.type(f"printf '\\033{query}'; sleep 0.1\n", 10)
            seen = await terminal.type("echo 'not' joined\n", 10)
            assert (seen.exit_code, seen.text.split("\n")[-2]) == (0, "not joined"), (shell, query)
        await terminal.type("exit\n", 5)


@pytest.mark.fault("F33")
async def test_escapes_reach_neither_an_observation_nor_the_readers_own_terminal(terminal: Terminal) -> None:
    nasty = (
        "\\033]0;title\\007\\033]8;;http://example.com\\033\\\\link\\033]8;;\\033\\\\\\033]52;c;aGVsbG8=\\007"
        "\\033P1$r0m\\033\\\\\\302\\233[31m\\342\\200\\256sdrawkcab\\342\\201\\246\\033[6n\\n"
    )
    seen = await terminal.type(f"printf '{nasty}'; sleep 0.1\n", 10)
    assert "link" in seen.text
    assert spoilt(seen) == set()
    out = StringIO()
    step = {
        "step_id": 1,
        "source": "agent",
        "message": "\x9b31m\u202e",
        "tool_calls": [
            {"tool_call_id": "c", "function_name": "f", "arguments": {"keystrokes": "\x1b]52;eA==\x07\u2066"}}
        ],
        "observation": {"results": [{"source_call_id": "c", "content": seen.text}, {"content": "\x1b[6n\u202d"}]},
    }
    document = Document.model_validate({"schema_version": "ATIF-v1.7", "agent": {}, "steps": [step]})
    facts = {"task": "t", "attempt": 1, "outcome": "invalid", "message": "\x1b]0;x\x07\u202e"}
    console = Console(file=out, force_terminal=True, color_system=None, width=160)
    show(console, TrialFiles({}, (Part("", document, None, [], ""),), ()), TrialRecord.model_validate(facts))
    show_results(console, [TrialResult.model_validate(facts)])
    assert "link" in out.getvalue()
    assert [c for c in out.getvalue() if c != "\n" and unicodedata.category(c) in ("Cc", "Cf")] == []


@pytest.mark.fault("F32")
async def test_the_harness_does_not_grow_with_what_is_printed(kind: str) -> None:
    """In a process of its own, as a peak is never taken back."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.flooded", kind, stdout=PIPE, stderr=STDOUT
    )
    output = (await process.communicate())[0].decode()
    if process.returncode == NOT_HERE:
        pytest.skip(output.strip())
    assert process.returncode == 0, output
    grown = {name: int(kilobytes) for name, kilobytes in re.findall(r"(\w+): (\d+) kB", output)}
    assert grown.keys() == FLOODS.keys(), output
    assert max(grown.values()) < GROWTH, grown


def numbers(text: str) -> list[int]:
    return [int(line) for line in text.split("\n") if line.isdigit()]


def spoilt(seen: Observation) -> set[str]:
    """Return the characters that no observation may hold."""
    return {c for c in seen.text + seen.tail if unicodedata.category(c) in ("Cc", "Cs") and c not in "\n\t"}
