"""A command's end is seen when it comes, and never before: pytest tests/test_completion.py.

Each case runs in a terminal of its own, in one sandbox for all. How late its end was seen is printed after the tests.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import pytest

from sandbox.observation import State
from tests.conftest import need

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.terminal import Terminal

pytestmark = pytest.mark.asyncio(loop_scope="module")

LATE = 1.5
"""Seconds after a command's end in which it must be seen: for a loaded machine, as the printed median shows."""
REST = "sleep 0.2; sh -c 'exit 3'\n"


class Case(NamedTuple):
    """Keystrokes in a certain situation, and how they must be seen to end."""

    name: str
    keystrokes: str
    codes: tuple[int, ...] = ()
    state: State = State.PROMPT
    takes: float = 0
    """Seconds that the command itself needs."""
    setup: tuple[str, ...] = ()
    """Keystrokes before, in the same terminal."""
    needs: str = "bash"
    """The program without which there is no such case."""
    duration: float = 20
    patience: float = 5
    """The duration of each of the `setup`."""
    shows: str = ""
    """Text that must be seen."""


def marked(name: str, *start: str, needs: str = "bash") -> Case:
    """Make a case of a command in a shell that has marks."""
    return Case(f"a command in {name}", REST, (3,), takes=0.2, setup=start, needs=needs)


def unmarked(name: str, *start: str, needs: str = "bash") -> Case:
    """Make a case of a command in a shell that lost its marks or never had any: its exit codes stay unknown."""
    return Case(f"a command in {name}", REST, state=State.INPUT, takes=0.2, setup=start, needs=needs)


def asked(name: str, keystrokes: str, *start: str, needs: str, takes: float = 0) -> Case:
    """Make a case of a program that asks for input, again and again."""
    return Case(name, keystrokes, state=State.INPUT, takes=takes, setup=start, needs=needs)


def drawn(program: str, keystrokes: str, needs: str) -> tuple[Case, Case]:
    """Make two cases of a full-screen program: it is drawn, and it is left."""
    opened = Case(f"{program} opened", f"{program}\n", state=State.FULL_SCREEN, needs=needs)
    return opened, Case(f"{program} left", keystrokes, (0,), setup=(f"{program}\n",), needs=needs)


COMMANDS = [
    Case("true", "true\n", (0,)),
    Case("sleep", "sleep 0.5; false\n", (1,), takes=0.5),
    Case("a subshell", "(exit 7)\n", (7,)),
    Case("a pipe", "sleep 0.2 | true | (exit 4)\n", (4,), takes=0.2),
    Case("a list", "true && false || (exit 5)\n", (5,)),
    Case("no such command", "nosuchcommand\n", (127,)),
    Case("a syntax error, with which nothing runs", ")\n"),
    Case("an empty line", "\n"),
    Case("a comment", "# nothing\n"),
    Case("a job", "sleep 0.2 &\n", (0,)),
    Case("a job brought back", "fg\n", (0,), takes=0.6, setup=("sleep 1 &\n",)),
    Case("a job that was stopped brought back", "fg\n", (0,), setup=("sleep 0.5\n", "C-z"), patience=0.2),
    Case("a job waited for", "wait\n", (0,), takes=0.2, setup=("sleep 0.5 &\n",)),
    Case(
        "a job that prints",
        "sleep 0.3; false\n",
        (1,),
        takes=0.3,
        setup=("(sleep 0.1; echo la''te) &\n",),
        shows="late",
    ),
    Case("a loop", "for i in 1 2 3; do echo $i; sleep 0.1; done\n", (0,), takes=0.3),
    Case("a loop over lines", "for i in 1 2\ndo echo $i\nsleep 0.1\ndone\n", (0,), takes=0.2),
    Case("a function", "f() {\nsleep 0.2\nreturn 6\n}\nf\n", (0, 6), takes=0.2),
    Case("a document", "cat <<EOF\na\n\tb\nEOF\n", (0,)),
    Case("a document with tabs taken off", "cat <<-X; (exit 2)\n\ta\n\tX\n", (2,)),
    Case("a quoted document", "cat <<'E O'\n$a\nE O\n", (0,), shows="$a"),
    Case("a quote over lines", "echo 'a\nb\nc'; (exit 8)\n", (8,)),
    Case("a line continued", "echo a \\\nb\n", (0,), shows="a b"),
    Case("several commands", "true\nfalse\n(exit 3)\nsleep 0.2\n", (0, 1, 3, 0), takes=0.2),
    Case("a list in a shell that ends at errors", "set -e; false\n", (1,), setup=("bash\n",)),
    Case("no PS1", REST, (3,), takes=0.2, setup=("PS1=''\n",)),
    Case("a PS1 of lines", REST, (3,), takes=0.2, setup=("PS1='\\n[\\w]\\n\\$ '\n",)),
    Case("PROMPT_COMMAND replaced", REST, (3,), takes=0.2, setup=("PROMPT_COMMAND='x=1'\n",)),
    Case("PROMPT_COMMAND unset", REST, (3,), takes=0.2, setup=("unset PROMPT_COMMAND\n",)),
    Case("trap DEBUG", REST, (3,), takes=0.2, setup=("trap 'x=1' DEBUG\n",)),
    Case("trap ERR", "false\n", (1,), setup=("trap 'echo trap''ped' ERR\n",), shows="trapped"),
    Case("stty -echo", REST, (3,), takes=0.2, setup=("stty -echo\n",)),
    Case("stty raw", REST, (3,), takes=0.2, setup=("stty raw\n",)),
    Case("after reset", REST, (3,), takes=0.2, setup=("reset\n",), needs="reset"),
    Case("clear", "clear; sleep 0.2; false\n", (1,), takes=0.2),
    Case("output without a line end", "printf te''xt; (exit 2)\n", (2,), shows="text"),
    Case("output that comes late", "sleep 0.5; echo la''te; false\n", (1,), takes=0.5, shows="late"),
    Case("what looks like a prompt", "printf 'root@host:/# '; sleep 1; false\n", (1,), takes=1),
    Case("what looks like a question", "printf 'Go on? [y/n] '; sleep 1; false\n", (1,), takes=1),
    Case("marks without a number", "printf '\\e]13''3;D;0\\a\\e]13''3;B\\a'; sleep 0.5; (exit 7)\n", (7,), takes=0.5),
    Case("marks of another", "printf '\\e]13''3;D;0;12ab;1\\a\\e]13''3;B;12ab\\a'; sleep 0.5\n", (0,), takes=0.5),
    Case("an end that comes too late", "sleep 30\n", state=State.RUNNING, takes=0.4, duration=0.4),
    Case("a loop without an end", "while :; do :; done\n", state=State.RUNNING, takes=0.4, duration=0.4),
    Case("no time at all", "sleep 30\n", state=State.RUNNING, duration=0),
    Case("nothing typed at the prompt", "", takes=0.4, duration=0.4),
    Case("nothing typed while a program works", "", (0,), setup=("sleep 0.5\n",), patience=0.1),
]
SHELLS = [
    marked("a nested bash", "bash\n"),
    marked("exec bash", "exec bash\n"),
    marked("bash -l", "bash -l\n"),
    marked("bash --norc", "bash --norc\n"),
    marked("bash --posix", "bash --posix\n"),
    marked("bash --noediting", "bash --noediting\n"),
    marked("a bash in a dash", "dash\n", "bash\n"),
    marked("the bash after a bash", "bash\n", "exit\n"),
    marked("sh", "sh\n"),
    marked("dash", "dash\n", needs="dash"),
    marked("ash", "busybox ash\n", needs="busybox"),
    marked("zsh", "touch ~/.zshrc; zsh\n", needs="zsh"),
    marked("exec zsh", "touch ~/.zshrc; exec zsh\n", needs="zsh"),
    marked("fish", "fish\n", needs="fish"),
    marked("su", "su\n", needs="su"),
    unmarked("su -", "su -\n", needs="su"),
    unmarked("sudo -s", "sudo -s\n", needs="sudo"),
    unmarked("zsh -f", "zsh -f\n", needs="zsh"),
    unmarked("env -i bash", "env -i bash --norc\n"),
    unmarked("env -i dash", "env -i dash\n", needs="dash"),
    unmarked("a bash whose dotfile has a PROMPT_COMMAND", "echo PROMPT_COMMAND=true >rc; bash --rcfile rc\n"),
    unmarked("script", "script -q /dev/null\n", needs="script"),
    unmarked("script -c", "script -qc bash /dev/null\n", needs="script"),
    unmarked("a bash in a python's pty", "python3 -c 'import pty; pty.spawn(\"bash\")'\n", needs="python3"),
]
PROGRAMS = [
    asked("python", "import time; time.sleep(0.3)\n", "python3 -q\n", needs="python3", takes=0.3),
    asked("python's continuation", "for i in range(2):\n", "python3 -q\n", needs="python3"),
    asked("gdb", "shell sleep 0.2\n", "gdb -q\n", needs="gdb", takes=0.2),
    asked("ed", "a\n", "ed\n", needs="ed"),
    asked("bc", "1+1\n", "bc -q\n", needs="bc"),
    asked("cat", "a\nb\n", "cat\n", needs="cat"),
    asked("a yes or no", "bash -c 'sleep 0.2; read -p \"Go on? [y/n] \" x'\n", needs="bash", takes=0.2),
    asked("a key", "read -n 1 -p 'any key'\n", needs="bash"),
    asked("a password", "sleep 0.2; read -rs x\n", needs="bash", takes=0.2),
    asked("passwd", "passwd\n", needs="passwd"),
    Case("nothing typed while a program waits", "", state=State.INPUT, setup=("cat\n",), takes=0.4, duration=0.4),
    Case("an answer", "y\n", (0,), setup=("read -p 'Go on? ' x\n",)),
    Case("a read that gives up", "read -t 0.5 x\n", (142,), takes=0.5),
    Case("an open document", "cat <<'THE END'\n", state=State.CONTINUATION),
    Case(
        "nothing typed into an open quote", "", state=State.CONTINUATION, setup=("echo '\n",), takes=0.3, duration=0.3
    ),
    Case("an open quote", "echo 'a\n", state=State.CONTINUATION),
    Case("C-c in an open quote", "C-c", setup=("echo 'a\n",)),
    Case("C-d to a program", "C-d", (0,), setup=("cat\n",)),
    Case("C-d in a nested shell", "C-d", (0,), setup=("bash\n",)),
    Case("C-z", "C-z", (148,), setup=("sleep 30\n",), patience=0.2),
    Case("C-c to a program", "C-c", (130,), setup=("sleep 30\n",), patience=0.2),
    Case("C-c behind unread lines", "C-c", (130,), setup=("sleep 30\n", "a\nb\nc\n"), patience=0.2),
    Case(
        "C-c to a program that ignores it",
        "C-c",
        state=State.RUNNING,
        setup=("sh -c 'trap \"\" INT; sleep 30'\n",),
        takes=1,
        duration=1,
        patience=0.3,
    ),
    Case("a line typed ahead", "sleep 0.3; false\n", (0, 1), setup=("sleep 0.5\n",), takes=0.6, patience=0.1),
    *drawn("vim.tiny -n typed", ":q!\n", "vim.tiny"),
    *drawn("less /etc/passwd", "q", "less"),
    *drawn("nano", "C-x", "nano"),
    *drawn("htop", "q", "htop"),
    Case("top opened", "top\n", state=State.INPUT, needs="top"),
    Case("top left", "q", (0,), setup=("top\n",), needs="top"),
]


@pytest.mark.parametrize("case", COMMANDS + SHELLS + PROGRAMS, ids=lambda case: case.name)
@pytest.mark.fault("F29", "F30", "F34")
async def test_the_end_is_seen_when_it_comes(
    case: Case, fresh: Terminal, record_property: Callable[[str, object], None]
) -> None:
    await need(fresh.sandbox, case.needs)
    for keystrokes in case.setup:
        await fresh.type(keystrokes, case.patience)
    seen = await fresh.type(case.keystrokes, case.duration)
    late = seen.seconds - case.takes
    record_property("milliseconds late", round(late * 1000))
    assert (seen.exit_codes, seen.state) == (case.codes, case.state), seen
    assert -0.02 <= late < LATE
    assert case.shows in seen.text
    assert "133;" not in seen.text


async def test_a_line_that_wraps_is_over_when_its_command_is(fresh: Terminal) -> None:
    """While it is read, readline may draw the prompt and all of its marks anew."""
    await fresh.type("PS1='a prompt of thirty characters '\n", 5)
    for width in (*range(120, 136), *range(280, 296)):
        seen = await fresh.type("sleep 0.05; (exit 3) #".ljust(width, "x") + "\n", 5)
        assert (width, seen.exit_code) == (width, 3)


@pytest.mark.fault("F34")
async def test_an_open_document_is_named_with_the_line_that_ends_it(fresh: Terminal) -> None:
    for line in ("cat <<EOF\n", "a\n", " EOF\n"):
        assert (await fresh.type(line, 5)).ends_document == "EOF"
    assert (await fresh.type("EOF\n", 5)).ends_document is None


async def test_a_hidden_answer_and_a_deaf_program_are_told(fresh: Terminal) -> None:
    assert (await fresh.type("read -rs x\n", 5)).hidden
    await fresh.type("secret\n", 5)
    await fresh.type("trap '' INT; sleep 30\n", 0.3)
    assert (await fresh.type("C-c", 1)).ignores_interrupt


async def test_marks_are_in_nothing_that_a_program_can_read(fresh: Terminal) -> None:
    await fresh.type("rm -rf kept; mkdir kept\n", 5)
    await fresh.type("bash -c 'echo a; false' >kept/file 2>&1\n(sleep 0.1; echo b) | cat -v >kept/pipe\n", 5)
    await fresh.type("cat >kept/document <<E\na\nE\n", 5)
    await fresh.type("script -q kept/script\n", 5)
    await fresh.type("echo inside\n", 5)
    await fresh.type("exit\n", 5)
    assert "133;" not in (await fresh.type("cat -v kept/*\n", 5)).text
    files = await fresh.sandbox.get("/app/kept", 1_000_000)
    assert set(files) == {"file", "pipe", "document", "script"}
    assert b"inside" in files["script"]
    assert not [name for name, content in files.items() if b"133;" in content]
