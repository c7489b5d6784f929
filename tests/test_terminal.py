"""The terminal in real tmux, in each kind of sandbox: pytest tests/test_terminal.py."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from sandbox.observation import State
from sandbox.recording import Recording
from sandbox.terminal import TerminalLost, open_terminal

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from sandbox.base import Sandbox
    from sandbox.terminal import Terminal


pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def terminal(shared_sandbox: Sandbox) -> AsyncIterator[Terminal]:
    async with open_terminal(shared_sandbox) as opened:
        yield opened


async def test_a_command_is_over_when_the_shell_says_so(terminal: Terminal) -> None:
    begun = time.monotonic()
    seen = await terminal.type("sleep 0.3; false\n", 30)
    assert 0.3 <= time.monotonic() - begun < 5
    assert (seen.exit_code, seen.state) == (1, State.PROMPT)


async def test_a_duration_is_a_maximum(terminal: Terminal) -> None:
    seen = await terminal.type("sleep 20\n", 0.3)
    assert seen.state is State.RUNNING
    assert seen.exit_code is None
    assert 0.3 <= seen.seconds < 5
    seen = await terminal.type("C-c", 5)
    assert (seen.exit_code, seen.state) == (130, State.PROMPT)


async def test_each_new_line_is_seen_once(terminal: Terminal) -> None:
    first = await terminal.type("echo one\n", 5)
    second = await terminal.type("echo two\n", 5)
    assert first.text.count("one") == 2  # the echo of the command, and what it printed
    assert "one" not in second.text
    assert second.text.splitlines()[1] == "two"


@pytest.mark.fault("F35")
async def test_tabs_semicolons_and_key_words_arrive_as_they_were_sent(terminal: Terminal) -> None:
    await terminal.type("cat > typed <<'EOF'\n\ttab\there;\n-x\nup\n0x41\n!bang `a` $b \\\nüñí 漢字 😀\nEOF\n", 5)
    kept = await terminal.sandbox.get("/app/typed", 1000)
    assert kept["typed"].decode() == "\ttab\there;\n-x\nup\n0x41\n!bang `a` $b \\\nüñí 漢字 😀\n"


async def test_a_program_that_reads_gets_the_lines_after_the_one_that_started_it(terminal: Terminal) -> None:
    seen = await terminal.type('read x\nfoo bar\necho "got <$x>"\n', 5)
    assert "got <foo bar>" in seen.text
    assert seen.exit_code == 0


async def test_lines_for_a_program_end_in_line_feeds(terminal: Terminal) -> None:
    await terminal.type("cat > typed\nhello\nworld\n", 1)
    await terminal.type("C-d", 5)
    assert await terminal.sandbox.get("/app/typed", 1000) == {"typed": b"hello\nworld\n"}


@pytest.mark.fault("F34")
async def test_an_open_quote_is_not_a_finished_command(terminal: Terminal) -> None:
    assert (await terminal.type("echo 'a\n", 5)).state is State.CONTINUATION
    seen = await terminal.type("b'\n", 5)
    assert seen.state is State.PROMPT
    assert seen.text.splitlines()[-3:-1] == ["a", "b"]


async def test_a_flood_keeps_its_beginning_and_its_end_and_says_what_is_left_out(terminal: Terminal) -> None:
    seen = await terminal.type("seq 1 20000\n", 30)
    head, tail = seen.text.splitlines(), seen.tail.splitlines()
    assert head[1:3] == ["1", "2"]
    assert tail[-2] == "20000"
    assert int(tail[0]) - int(head[-1]) - 1 == seen.omitted_lines
    assert seen.omitted_bytes == sum(len(str(number)) + 1 for number in range(int(head[-1]) + 1, int(tail[0])))


async def test_more_lines_than_the_history_holds_are_counted_all_the_same(terminal: Terminal) -> None:
    seen = await terminal.type("seq 1 120000\n", 60)
    head, tail = seen.text.splitlines(), seen.tail.splitlines()
    assert (head[1], tail[-2]) == ("1", "120000")
    assert int(tail[0]) - int(head[-1]) - 1 == seen.omitted_lines
    more = await terminal.type("More", 5)
    assert int(more.text.splitlines()[0]) == int(head[-1]) + seen.lost_lines + 1
    assert (await terminal.type("echo next\n", 5)).text.splitlines()[1] == "next"


async def test_lines_that_come_while_looking_are_neither_lost_nor_seen_twice(terminal: Terminal) -> None:
    looks = [await terminal.type("for i in $(seq 1 400); do echo line-$i; sleep 0.001; done\n", 0.02)]
    while looks[-1].state is State.RUNNING:
        looks.append(await terminal.type("", 0.02))
    assert len(looks) > 2
    assert not any(seen.omitted_lines for seen in looks)
    lines = [line for seen in looks for line in seen.text.splitlines() if line.startswith("line-")]
    assert lines == [f"line-{number}" for number in range(1, 401)]


async def test_a_full_screen_program_is_told_when_it_comes_to_rest(terminal: Terminal) -> None:
    draw = "printf '\\033[?1049h\\033[2J\\033[HTO%s' P; read -r x; printf '\\033[?1049l'"
    seen = await terminal.type(f"{draw}\n", 10)
    assert (seen.state, seen.text.strip()) == (State.FULL_SCREEN, "TOP")
    assert seen.seconds < 5
    seen = await terminal.type("Enter", 10)
    assert seen.state is State.PROMPT
    assert "TOP" not in seen.text


async def test_a_line_typed_ahead_is_not_answered_by_the_prompt_before_it(terminal: Terminal) -> None:
    for first in (0.1, 0.195, 0.2, 0.205):
        await terminal.type("sleep 0.2\n", first)
        seen = await terminal.type("sleep 0.4; false\n", 5)
        assert (seen.exit_code, seen.state) == (1, State.PROMPT)
        assert seen.seconds > 0.35


async def test_a_full_screen_program_that_was_killed_does_not_hide_the_prompt(terminal: Terminal) -> None:
    assert (await terminal.type("printf '\\033[?1049h'\n", 5)).state is State.PROMPT
    seen = await terminal.type("sleep 0.4; (exit 4)\n", 5)
    assert (seen.exit_code, seen.state) == (4, State.PROMPT)


@pytest.mark.parametrize("size", [11_000, 60_000])
async def test_a_line_that_is_too_long_is_shown_from_both_ends(terminal: Terminal, size: int) -> None:
    seen = await terminal.type(f"head -c {size} /dev/zero | tr '\\0' x; echo\n", 10)
    assert len(seen.text) > 4000
    assert len(seen.tail) > 4000
    assert "x" * 3000 in seen.text
    assert "x" * 3000 in seen.tail
    assert len(seen.text) + len(seen.tail) + seen.omitted_bytes >= size


async def test_the_terminals_own_tmux_is_not_offered_to_what_runs_in_it(terminal: Terminal) -> None:
    assert (await terminal.type('echo "<$TMUX>"\n', 5)).text.splitlines()[1] == "<>"


async def test_a_begun_line_is_not_ended_by_control_d(terminal: Terminal) -> None:
    await terminal.type("echo begun", 5)
    assert (await terminal.type("C-d", 5)).state is State.PROMPT
    assert (await terminal.type("\n", 5)).text.splitlines()[0] == "begun"


async def test_printed_control_mode_lines_are_only_text(terminal: Terminal) -> None:
    await terminal.type("for i in $(seq 1 400); do echo \"%end $(date +%s) $i 1\"; done; echo '%exit'\n", 10)
    assert (await terminal.type("echo still here\n", 5)).text.splitlines()[1] == "still here"


async def test_marks_that_a_program_prints_are_not_believed(terminal: Terminal) -> None:
    seen = await terminal.type("printf '\\033]133;D;0\\007\\033]133;B\\007'; sleep 0.5; (exit 7)\n", 5)
    assert seen.seconds >= 0.5
    assert seen.exit_code == 7


async def test_a_cleared_screen_is_shown_from_its_top(terminal: Terminal) -> None:
    await terminal.type("seq 1 30\n", 5)
    seen = await terminal.type("clear; echo fresh\n", 5)
    assert "fresh" in seen.text.splitlines()
    assert "17" not in seen.text.splitlines()


async def test_a_long_line_is_one_line(terminal: Terminal) -> None:
    seen = await terminal.type("printf 'x%.0s' $(seq 1 500); echo\n", 5)
    assert "x" * 500 in seen.text


async def test_waiting_at_the_prompt_takes_the_time_it_was_given(terminal: Terminal) -> None:
    await terminal.type("(sleep 0.3; echo late) &\n", 5)
    seen = await terminal.type("", 0.8)
    assert seen.seconds >= 0.8
    assert "late" in seen.text


async def test_a_nested_shell_has_the_same_marks(terminal: Terminal) -> None:
    for shell in ("bash", "sh"):
        assert (await terminal.type(f"{shell}\n", 5)).state is State.PROMPT
        seen = await terminal.type("false\n", 5)
        assert (seen.exit_code, seen.state) == (1, State.PROMPT)
        assert seen.seconds < 3


@pytest.mark.fault("F29")
async def test_a_changed_prompt_keeps_its_marks(terminal: Terminal) -> None:
    await terminal.type("PS1=''\n", 5)
    seen = await terminal.type("false\n", 5)
    assert (seen.exit_code, seen.state) == (1, State.PROMPT)


@pytest.mark.fault("F25")
async def test_a_shell_that_ended_is_replaced_once(terminal: Terminal) -> None:
    seen = await terminal.type("exit\n", 5)
    assert seen.state is State.RESTARTED
    assert (await terminal.type("echo again\n", 5)).text.splitlines()[1] == "again"
    with pytest.raises(TerminalLost):
        await terminal.type("exec true\n", 5)


@pytest.mark.fault("F27")
async def test_a_killed_tmux_is_replaced_once(terminal: Terminal) -> None:
    seen = await terminal.type("kill -9 $(cut -d' ' -f4 /proc/$PPID/stat)\n", 5)
    assert seen.state is State.RESTARTED
    assert (await terminal.type("echo again\n", 5)).text.splitlines()[1] == "again"


async def test_what_runs_in_the_background_outlives_the_terminal(shared_sandbox: Sandbox) -> None:
    async with open_terminal(shared_sandbox) as terminal:
        await terminal.type("(sleep 0.5; touch /app/later) &\n", 5)
    seen = await shared_sandbox.exec(["sh", "-c", "while ! test -e /app/later; do sleep 0.1; done"], timeout=10)
    assert seen.exit_code == 0


async def test_the_recording_is_an_asciicast_of_all_that_was_printed(shared_sandbox: Sandbox, tmp_path: Path) -> None:
    import json  # noqa: PLC0415

    recording = Recording(tmp_path / "t.cast", 160, 40)
    async with open_terminal(shared_sandbox, recording=recording) as terminal:
        await terminal.type("echo rec''orded\n", 5)
    recording.close()
    header, *events = map(json.loads, (tmp_path / "t.cast").read_text().splitlines())
    assert (header["version"], header["width"], header["height"]) == (2, 160, 40)
    assert "recorded" in "".join(text for _, kind, text in events if kind == "o")
    assert [text for _, kind, text in events if kind == "m"] == ["echo rec''orded\n"]


async def test_the_shell_does_not_see_what_tmux_needs(terminal: Terminal) -> None:
    assert (await terminal.type('echo "<$LOCPATH>"\n', 5)).text.splitlines()[1] == "<>"


async def test_tracing_shows_the_command_and_nothing_of_the_terminals_own(terminal: Terminal) -> None:
    await terminal.type("set -x\n", 5)
    seen = await terminal.type("echo trac''ed\n", 5)
    assert seen.text.splitlines()[1:-1] == ["+ echo traced", "traced"]
