"""What the helper answers, as recorded, and what is made of it: pytest tests/test_foreground.py."""

from __future__ import annotations

import pytest

from sandbox.foreground import Activity, Foreground, foreground

COOKED = "group 77 500:5:bf:8a3b:3:1c:7f:15:4:0:1:0:11:13:1a:0:12:f:17:16:0:0:0"
NO_ECHO = COOKED.replace("8a3b", "8a33")
RAW = COOKED.replace("8a3b", "8a20")
CBREAK = COOKED.replace("8a3b", "8a31")

ANSWERS = [
    ("cat reads, on x86-64", COOKED, ["S 1 1 0 0x0 0x7f01 cat"], Activity.WAITS),
    ("cat reads, on arm64", COOKED, ["S 1 1 63 0x0 0xffff01 cat"], Activity.WAITS),
    ("cat reads a pipe", COOKED, ["S 0 1 0 0x3 0x7f01 cat"], Activity.WORKS),
    ("sleep sleeps", COOKED, ["S 0 1 230 0x0 0x0 sleep"], Activity.WORKS),
    ("sleep sleeps, on arm64", COOKED, ["S 0 1 115 0x0 0x0 sleep"], Activity.WORKS),
    ("a loop runs", COOKED, ["R 0 1 running 0 0 bash"], Activity.WORKS),
    ("a process waits for the disk", RAW, ["D 1 1 0 0x0 0x1 dd"], Activity.WORKS),
    ("python's line editor selects its input", CBREAK, ["S 0 1 23 0x1 0x7ffd python3"], Activity.WAITS),
    ("a line editor selects its input, newer call", CBREAK, ["S 0 1 270 0x1 0x7ffd zsh"], Activity.WAITS),
    ("a line editor selects its input, on arm64", CBREAK, ["S 0 1 72 0x1 0xffff node"], Activity.WAITS),
    ("vim selects several files", RAW, ["S 0 1 270 0x8 0x7ffd vim"], Activity.MAY_WAIT),
    ("htop polls its input", RAW, ["S 0 1 7 0x7ffd 0x1 htop"], Activity.WAITS),
    ("less polls two files", RAW, ["S 0 1 271 0x7ffd 0x2 less"], Activity.MAY_WAIT),
    ("a program polls its input, on arm64", RAW, ["S 0 1 73 0xffff 0x1 top"], Activity.WAITS),
    ("node waits for events", RAW, ["S 0 1 281 0xd 0x7ffd node"], Activity.MAY_WAIT),
    ("node waits for events, on arm64", RAW, ["S 0 1 22 0xd 0xffff node"], Activity.MAY_WAIT),
    ("a server selects in the ordinary mode", COOKED, ["S 0 1 23 0x1 0x7ffd nc"], Activity.WORKS),
    ("a server waits for events in the ordinary mode", COOKED, ["S 0 1 232 0x4 0x7ffd uvicorn"], Activity.WORKS),
    ("a password is asked with select", NO_ECHO, ["S 0 1 270 0x1 0x7ffd ssh"], Activity.WAITS),
    ("a poll by one whose input is a pipe", RAW, ["S 0 0 7 0x7ffd 0x1 helper"], Activity.WORKS),
    ("a call that may not be known", COOKED, ["S 0 1 - 0 0 sudo"], Activity.UNKNOWN),
    ("a call that may not be known, in raw mode", RAW, ["S 0 1 - 0 0 sudo"], Activity.MAY_WAIT),
    ("it was stopped", COOKED, ["T 0 1 - 0 0 vim"], Activity.UNKNOWN),
    ("one thread reads, the other sleeps", COOKED, ["S 0 1 202 0x0 0x0 java", "S 1 1 0 0x0 0x1 java"], Activity.WAITS),
    ("one thread reads, the other runs", COOKED, ["S 1 1 0 0x0 0x1 java", "R 0 1 running 0 0 java"], Activity.WORKS),
    ("one of a pipe runs", COOKED, ["S 0 0 0 0x0 0x1 less", "R 0 1 running 0 0 gen"], Activity.WORKS),
    ("a parent waits for a child that reads", COOKED, ["S 0 1 61 0x0 0x0 sh", "S 1 1 0 0x0 0x1 cat"], Activity.WAITS),
    ("a child may wait and the parent waits", RAW, ["S 0 1 281 0xd 0x1 a", "S 1 1 0 0x0 0x1 b"], Activity.WAITS),
]  # fmt: skip


@pytest.mark.parametrize(("group", "tasks", "activity"), [row[1:] for row in ANSWERS], ids=[row[0] for row in ANSWERS])
def test_what_a_program_does_is_read_from_its_system_call(group: str, tasks: list[str], activity: Activity) -> None:
    lines = [" ".join(["task", *fields, "7/task/7", name]) for *fields, name in map(str.split, tasks)]
    assert foreground("\n".join(["", group, *lines, ".", ""])).activity is activity


@pytest.mark.parametrize(
    ("group", "canonical", "echo", "signals"),
    [
        (COOKED, True, True, True),
        (NO_ECHO, True, False, True),
        (CBREAK, False, False, True),
        (RAW, False, False, False),
    ],
)
def test_the_terminals_mode_is_told(group: str, canonical: bool, echo: bool, signals: bool) -> None:  # noqa: FBT001
    front = foreground(f"{group}\ntask S 1 1 0 0x0 0x1 7/task/7 cat\n.\n")
    assert (front.canonical, front.echo, front.signals, front.group) == (canonical, echo, signals, "77")


@pytest.mark.parametrize("name", ["a b c", "group 1 2", "task R 1", ") S 1 (x", "-", "0x0", "a.b", "."])
def test_any_name_of_a_process_is_only_a_name(name: str) -> None:
    front = foreground(f"{COOKED}\ntask S 1 1 0 0x0 0x1 7/task/7 {name}\n.\n")
    assert (front.activity, front.program) == (Activity.WAITS, name)


def test_a_name_with_a_line_end_cannot_add_a_process() -> None:
    front = foreground(f"{COOKED}\ntask S 1 1 0 0x0 0x1 7/task/7 evil\ntask R 0 1 running\n.\n")
    assert front.activity is Activity.WAITS


def test_what_cannot_be_shown_of_a_name_is_not() -> None:
    assert foreground(f"{COOKED}\ntask S 1 1 0 0x0 0x1 7/task/7 \x1b[2Jé\n.\n").program == "?[2J?"


@pytest.mark.parametrize(
    "answer",
    [
        "",
        "\n.\n",
        "group\n.\n",
        "group 77\n.\n",
        "group 77 \n.\n",
        "group 77 stty: no such device\n.\n",
        "group 77 500:5:bf\n.\n",
        "group 77 500:5:bf:xyz:3\ntask S 1 1 0 0x0 0x1 7/task/7 cat\n.\n",
        f"{COOKED}\n.\n",
        f"{COOKED}\ntask S 1\n.\n",
        "task S 1 1 0 0x0 0x1 7/task/7 cat\n.\n",
    ],
)
def test_of_an_answer_that_tells_too_little_nothing_is_claimed(answer: str) -> None:
    assert foreground(answer)._replace(group="") == Foreground()
