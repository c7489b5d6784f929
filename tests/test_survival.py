"""What an agent can do to its own terminal and sandbox: pytest tests/test_survival.py.

Whatever it is, the answer comes in bounded time, the first loss of the terminal is made good, and the work is graded.
"""

from __future__ import annotations

import asyncio
import os
import time
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest

from agent.base import StopReason
from agent.loop import TerminalAgent
from agent.scripted import ScriptedModel
from evals.result import Cause, Outcome, TrialResult
from evals.trial import Plan, Trial
from sandbox.base import Environment, SandboxError, SandboxOutOfMemory
from sandbox.bundle import tmux_bundle
from sandbox.docker import DockerSandbox
from sandbox.engine import Engine
from sandbox.observation import State
from sandbox.terminal import TerminalLost, open_terminal
from tests.conftest import IMAGE, own_containers
from tests.fakes import SleepingAgent, make_task, reply
from tests.test_trial import Bench, one, scripted

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from evals.sandboxes import Sandboxes
    from sandbox.base import Sandbox
    from sandbox.terminal import Terminal

LATE = 5.0
"""Seconds after its duration at which each answer must be there."""
TMUX = "$(cut -d' ' -f4 /proc/$PPID/stat)"
BUNDLED = "/.termstone/lib/loader --library-path /.termstone/lib /.termstone/bin/tmux"
HELPERS = "for p in /proc/[0-9]*; do grep -qs shell/foregroun[d] $p/cmdline && kill -{} ${{p#/proc/}}; done"


class Blow(NamedTuple):
    """Something done to a terminal."""

    keystrokes: str
    ends: bool
    """Whether the shell ends of it, or tmux."""
    users: tuple[str | None, ...] = (None,)


BLOWS = {
    "exit": Blow("exit\n", ends=True),
    "exit and more": Blow("exit\necho more\necho and more\n", ends=True),
    "exec": Blow("exec true\n", ends=True),
    "the shell kills itself": Blow("kill -9 $$\n", ends=True),
    "the shell crashes": Blow("kill -SEGV $$\n", ends=True),
    "everything is killed": Blow("kill -9 -1\n", ends=True, users=(None, "nobody")),
    "tmux is told to end": Blow(f"{BUNDLED} -S /.termstone/run/$TERMSTONE_MARK.sock kill-server\n", ends=True),
    "tmux is killed": Blow(f"kill -9 {TMUX}\n", ends=True, users=(None, "nobody")),
    "tmux is stopped": Blow(f"kill -STOP {TMUX}\n", ends=False, users=(None, "nobody")),
    "temporary folders are emptied": Blow("rm -rf /tmp/* /tmp/.* /run/*\n", ends=False),
    "our files are removed": Blow("rm -rf /.termstone\n", ends=False),
    "our files are removed and the shell ends": Blow("rm -rf /.termstone; exit\n", ends=True),
    "devices are closed to all": Blow("chmod 000 /dev/pts/*\n", ends=False, users=(None, "nobody")),
    "the terminal is mistuned": Blow("stty raw -echo -isig -icrnl -opost\n", ends=False),
    "files are closed": Blow("exec 0<&- 1>&- 2>&-\n", ends=True),
    "the helper is killed": Blow(HELPERS.format("KILL") + "\n", ends=False),
    "the helper is stopped": Blow(HELPERS.format("STOP") + "\n", ends=False),
    "the screen is flooded from behind": Blow(
        "(trap '' TTOU; while :; do echo noise; sleep 0.01; done >$TERMSTONE_TTY) &\n", ends=False
    ),
}


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    connected = await Engine.connect()
    yield connected
    connected.close()


async def struck(terminal: Terminal, blow: Blow) -> list[str]:
    """Strike, and say what is wrong with the answer and with the terminal after it."""
    wrong: list[str] = []
    await terminal.type("sleep 0.1\n", 5)  # long enough for the helper to be there
    begun = time.monotonic()
    seen = await terminal.type(blow.keystrokes, 5)
    if (took := time.monotonic() - begun) > 5 + LATE:
        wrong.append(f"after {took:.1f} s")
    if (seen.state is State.RESTARTED) != blow.ends or "Pane is dead" in seen.text:
        wrong.append(f"{seen!r}")
    begun = time.monotonic()
    seen = await terminal.type("echo a''live; (exit 3)\n", 10)
    if "alive" not in seen.text or seen.exit_code != 3 or time.monotonic() - begun > 10:
        wrong.append(f"then: {seen!r}")
    return wrong


@pytest.mark.fault("F27", "F28")
async def test_a_blow_to_the_terminal_costs_at_most_the_shell(sandbox: Sandbox) -> None:
    wrong = []
    for name, blow in BLOWS.items():
        for user in blow.users if sandbox.name == "docker" or os.getuid() == 0 else (None,):
            await sandbox.put(tmux_bundle())  # what the blow before may have cost, as is the next
            await sandbox.exec(["chmod", "666", "/dev/pts/ptmx"], timeout=10, user="root")
            async with open_terminal(sandbox, user=user) as terminal:
                wrong += [f"{name} ({user}): {what}" for what in await struck(terminal, blow)]
    assert wrong == []


async def test_the_second_end_loses_the_terminal_and_removed_shells_the_first(sandbox: Sandbox) -> None:
    async with open_terminal(sandbox) as terminal:
        assert (await terminal.type("exit\n", 5)).state is State.RESTARTED
        with pytest.raises(TerminalLost, match="so did the one that replaced it"):
            await terminal.type("kill -9 $$\n", 5)
    async with open_terminal(sandbox) as terminal:
        assert (await terminal.type("rm -f /bin/sh; (exit 4)\n", 5)).exit_code == 4
        with pytest.raises(TerminalLost, match="did not come up"):
            await terminal.type("exit\n", 5)


async def test_a_program_that_heeds_nothing_is_told_and_ended_by_reset(sandbox: Sandbox) -> None:
    async with open_terminal(sandbox) as terminal:
        deaf = "trap '' INT TERM HUP QUIT; echo number \\$\\$; while :; do sleep 1; done"
        seen = await terminal.type(f'sh -c "{deaf}"\n', 1)
        assert seen.state is State.RUNNING
        assert (await terminal.type("C-c", 1)).ignores_interrupt
        restarted = await terminal.type("Reset", 5)
        assert (restarted.state, restarted.seconds < LATE) == (State.RESTARTED, True)
        process = seen.text.rpartition("number ")[2].split()[0]
        assert (await terminal.type(f"kill -0 {process}\n", 5)).exit_code == 1


async def test_a_thief_of_keystrokes_is_left_behind_by_reset(sandbox: Sandbox) -> None:
    async with open_terminal(sandbox) as terminal:
        thief = "setsid sh -c 'while :; do head -c 1 || exit; done' <$TERMSTONE_TTY >/dev/null 2>&1 &\n"
        await terminal.type(thief, 5)
        for _ in range(3):
            begun = time.monotonic()
            await terminal.type("echo stolen\n", 1)
            assert time.monotonic() - begun < 1 + LATE
        assert (await terminal.type("Reset", 5)).state is State.RESTARTED
        assert "whole line" in (await terminal.type("echo whole' 'line\n", 5)).text


async def test_a_helper_that_is_stopped_over_and_over_only_costs_time(sandbox: Sandbox) -> None:
    async with open_terminal(sandbox) as terminal:
        await terminal.type(f"while :; do {HELPERS.format('STOP')}; done 2>/dev/null &\n", 5)
        begun = time.monotonic()
        seen = await terminal.type("sleep 1; (exit 3)\n", 5)
        assert (seen.exit_code, time.monotonic() - begun < 5 + LATE) == (3, True)


async def test_names_of_processes_are_only_names(sandbox: Sandbox) -> None:
    async with open_terminal(sandbox) as terminal:
        if (await terminal.type("command -v perl\n", 5)).exit_code:
            pytest.skip("no perl here to rename itself")
        for name, shown in {"\\n.\\n": ".", "a) R 1\\n(\\033[31m": "a) R 1(?[31m", "\\\\n.": "\\n."}.items():
            seen = await terminal.type(f"perl -e '$0 = \"{name}\"; <STDIN>'\n", 10)
            assert (seen.state, seen.program) == (State.INPUT, shown)
            assert (await terminal.type("\n", 5)).state is State.PROMPT
        assert (await terminal.type("cat\n", 10)).program == "cat"


async def test_a_program_that_knows_the_mark_fools_only_the_waiting(sandbox: Sandbox) -> None:
    forged = "printf '\\033]133;D;0;%s;%s\\a\\033]133;B;%s\\a' $TERMSTONE_MARK $$ $TERMSTONE_MARK; sleep 1; (exit 3)\n"
    async with open_terminal(sandbox) as terminal:
        seen = await terminal.type(forged, 10)
        assert (seen.exit_code, seen.state) == (0, State.PROMPT)
        await terminal.type("", 1.5)
        assert (await terminal.type("(exit 4)\n", 5)).exit_code == 4
        assert (await terminal.type("printf '\\033]133;X;0;%s\\a' $TERMSTONE_MARK\n", 5)).state is State.RESTARTED
        assert "alive" in (await terminal.type("echo a''live\n", 5)).text


HELLO = "echo hello > out\n"


@pytest.mark.parametrize(
    ("done", "outcome", "cause"), [(True, Outcome.PASSED, None), (False, Outcome.FAILED, Cause.TERMINAL_LOST)]
)
async def test_a_lost_terminal_is_graded(
    sandboxes: Sandboxes, tmp_path: Path, *, done: bool, outcome: Outcome, cause: Cause | None
) -> None:
    begin = (reply(HELLO),) if done else ()
    lost = (*begin, reply("rm -rf /.termstone /tmp/* /run/*; kill -9 -1\n"), reply("chmod 0 /dev/pts/*; kill -9 $$\n"))
    result = await Bench(sandboxes, tmp_path / "job").run(make_task(tmp_path / "hello"), scripted(*lost))
    assert (result.outcome, result.cause, result.stop_reason) == (outcome, cause, "terminal_lost"), result.message
    recorded = (tmp_path / "job" / "1" / "terminal.cast").read_text()
    assert "kill -9 -1" in recorded
    assert "chmod 0" in recorded


async def test_an_agent_that_leaves_no_shell_to_grade_with_has_failed(sandboxes: Sandboxes, tmp_path: Path) -> None:
    replies = (reply(HELLO, "rm -f /bin/sh /usr/bin/sh\n"), reply(done=True), reply(done=True))
    result = await Bench(sandboxes, tmp_path / "job").run(make_task(tmp_path / "hello"), scripted(*replies))
    assert (result.outcome, result.cause) == (Outcome.FAILED, Cause.ENVIRONMENT_BROKEN)
    assert "could not be started" in (result.message or "")


class Crowded(DockerSandbox):
    """Has room for few processes, and for little in a folder."""

    def _settings(self) -> dict[str, Any]:
        settings = super()._settings()
        settings["host_config"]["PidsLimit"] = 60
        settings["host_config"]["Tmpfs"] = {"/small": "size=64k,nr_inodes=20,mode=1777"}
        return settings


async def crowded(engine: Engine, folder: Path, *keystrokes: str) -> TrialResult:
    replies = (reply(HELLO, *keystrokes, duration=3), reply(done=True), reply(done=True))

    def agent(_: object, journal: Path) -> TerminalAgent:
        return TerminalAgent(ScriptedModel(replies), journal=journal)

    plan = Plan(lambda environment: Crowded(engine, environment), agent)
    return await Trial(one(make_task(folder / "hello")), 1, folder / "job", plan).run()


@pytest.mark.docker
@pytest.mark.parametrize(
    "keystrokes",
    [
        "bomb() { bomb | bomb & }; bomb\n",
        "while :; do sleep 1000 & done\n",
        "cd /small; head -c 1m /dev/zero > full; touch $(seq 1 100); cat <<E\na\nE\n",
    ],
    ids=["a fork bomb", "no process left", "no space and no inodes"],
)
@pytest.mark.fault("F37")
async def test_a_full_container_is_graded(engine: Engine, tmp_path: Path, keystrokes: str) -> None:
    begun = time.monotonic()
    result = await crowded(engine, tmp_path, keystrokes)
    assert (result.outcome, result.message) == (Outcome.PASSED, None)
    assert time.monotonic() - begun < 60
    assert result.timing["tear_down"] < LATE


class Killer(SleepingAgent):
    """Has its container killed from outside."""

    async def run(self, instruction: str, terminal: Terminal) -> StopReason:
        self.trajectory.prompt("user", instruction)
        await terminal.type(HELLO, 5)
        engine = await Engine.connect()
        for container in await own_containers(engine):
            await engine.call(engine.api.kill, container)
        engine.close()
        await terminal.type("echo more\n", 5)
        return StopReason.COMPLETED


CROWD = """\
while :; do sleep 1000 & done 2>/dev/null &
sleep 1 # until there is no room
for process in /proc/[0-9]*; do
  read -r _ _ _ parent _ <"$process/stat" && read -r name <"$process/comm"
  [ "$parent" = 1 ] && [ "$name" = loader ] && kill -9 "${process#/proc/}" # what the first process waits for
done
exec sleep 1000"""


@pytest.mark.docker
@pytest.mark.fault("F37")
async def test_the_first_process_stays_when_there_is_no_room_for_its_child(engine: Engine) -> None:
    async with Crowded(engine, Environment(image="debian:bookworm-slim")) as sandbox:
        stream = await sandbox.stream(["bash", "-c", CROWD])
        await asyncio.sleep(2)
        await stream.close()
        for _ in range(50):  # until there was room for it, and the dead have been taken in
            await sandbox.exec(["sh", "-c", "kill -9 -1"], timeout=10)
            ran = await sandbox.exec(["sh", "-c", "sleep 0.1"], timeout=10)
            if ran.exit_code == 0:
                return
        raise AssertionError(ran.output)


@pytest.mark.docker
@pytest.mark.parametrize("kind", ["docker"])
@pytest.mark.fault("F42")
async def test_a_container_that_dies_is_not_the_agents_failure(sandboxes: Sandboxes, tmp_path: Path) -> None:
    result = await Bench(sandboxes, tmp_path / "job").run(make_task(tmp_path / "hello"), lambda *_: Killer())
    assert (result.outcome, result.cause) == (Outcome.INVALID, Cause.SANDBOX_DIED)


@pytest.mark.docker
@pytest.mark.fault("F42")
async def test_a_program_without_end_of_memory_costs_itself_or_the_sandbox(engine: Engine) -> None:
    async with (
        DockerSandbox(engine, Environment(image=IMAGE, memory_mb=64)) as sandbox,
        open_terminal(sandbox) as terminal,
    ):
        try:
            await terminal.type("head -c 500m /dev/zero | tail -c 400m > /dev/null\n", 30)
            assert "alive" in (await terminal.type("echo a''live\n", 5)).text
        except SandboxOutOfMemory:
            pass


DEAF = """["sh", "-c", "trap '' TERM INT HUP; while :; do sleep 1; done"]"""


@pytest.mark.docker
@pytest.mark.fault("F45")
async def test_orphans_are_reaped_whatever_sh_is_and_a_container_is_gone_at_once(
    engine: Engine, tmp_path: Path
) -> None:
    shells = {
        "dash": "true",
        "bash": "ln -sf bash /bin/sh",
        "busybox": "apt-get update && apt-get install -y busybox-static && ln -sf busybox /bin/sh",
    }
    for name, change in shells.items():
        folder = tmp_path / name
        folder.mkdir()
        (folder / "Dockerfile").write_text(f"FROM {IMAGE}\nRUN {change}\nENTRYPOINT {DEAF}\n")
        async with DockerSandbox(engine, Environment(context=folder)) as sandbox:
            orphans = "for i in $(seq 1 200); do (sleep 0.$((RANDOM % 9)) &); done; sleep 1"
            await sandbox.exec(["bash", "-c", orphans], timeout=60)
            until = "until ! grep -qs '^State:.Z' /proc/[0-9]*/status; do sleep 0.1; done"
            assert (await sandbox.exec(["bash", "-c", until], timeout=20)).exit_code == 0, name
            begun = time.monotonic()
        took = time.monotonic() - begun
        print(f"a container with {name} as sh was removed in {took:.3f} s")  # noqa: T201 - a number to look at
        assert took < 2


@pytest.mark.fault("F45")
async def test_programs_that_heed_no_signal_do_not_hold_up_the_end(sandboxes: Sandboxes) -> None:
    async with sandboxes.open(Environment(image=IMAGE) if sandboxes.kind == "docker" else Environment()) as sandbox:
        deaf = "trap '' TERM INT HUP; (sleep 1000 & wait) >/dev/null 2>&1 &"
        assert (await sandbox.exec(["sh", "-c", f"{deaf} {deaf} {deaf} true"], timeout=10)).exit_code == 0
        begun = time.monotonic()
    assert time.monotonic() - begun < 2


async def test_a_terminal_in_a_sandbox_that_is_gone_is_a_sandbox_error(sandbox: Sandbox) -> None:
    async with open_terminal(sandbox) as terminal:
        await sandbox.__aexit__(None, None, None)
        with pytest.raises(SandboxError):
            await terminal.type("true\n", 5)
