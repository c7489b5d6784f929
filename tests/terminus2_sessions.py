"""Conversations for Terminus 2, Harbor's and ours: what a model says, and in what the two may differ."""

from __future__ import annotations

import json
from typing import NamedTuple

DIFFERENCES = {
    "1": "A tab is typed as a key, and the shell completes.",
    "3": "Of more than 2,000 lines only the last screen is shown.",
    "4": "Where the pane begins with blank lines, some characters are shown again.",
    "6": "A hand-over drops the newest observation.",
    "8": "A trailing `;` is lost, and words such as `up` press keys.",
    "9": "A full-screen program gets a line feed for Enter.",
    "10": "Of a line of more than 4,095 bytes for a program, the rest is lost.",
    "twice": "Long output is cut a second time, and what is then said to be left out is not what was.",
    "term": "In our terminal, which calls itself screen-256color, `clear` leaves what is above the screen.",
    "parser": "Replies are read by other rules: see tests/parser_cases.jsonl.",
}
"""Why ours does not do the same: faults of Terminus 2, by their numbers in our list of them, and what is no fault."""


TASK = "Say hello."
LEFT_OUT = "<{} bytes left out>"
"""Stands for either's words on what a long output lacks."""


class Conversation(NamedTuple):
    """What a model says to one task, reply by reply."""

    name: str
    replies: list[str]
    differs: str | None = None
    """One of `DIFFERENCES`."""
    parser: str = "json"
    context_limit: int | None = None
    """Tokens that the model reads, where the conversation is to be handed over."""


def said(*keystrokes: str, done: bool = False, wait: float = 0.5) -> str:
    """Write a reply in the JSON format, all of whose commands wait equally long."""
    commands = [{"keystrokes": keys, "duration": wait} for keys in keystrokes]
    return json.dumps({"analysis": "a", "plan": "p", "commands": commands, "task_complete": done})


def said_in_xml(*keystrokes: str, done: bool = False) -> str:
    """Write the same in the XML format."""
    commands = "".join(f'<keystrokes duration="0.5">{keys}</keystrokes>\n' for keys in keystrokes)
    complete = "<task_complete>true</task_complete>\n" if done else ""
    return (
        f"<response>\n<analysis>a</analysis>\n<plan>p</plan>\n<commands>\n{commands}</commands>\n{complete}</response>"
    )


DONE = said(done=True)
WRITTEN = "cat > typed <<'EOF'\none\n  two $x `y` !z \\\nEOF\ncat typed\n"
RAW = "printf '\\033[?1049h'; stty raw; head -c 1 | od -An -c > got; stty sane; printf '\\033[?1049l'; cat got\n"

ASIDES = ["done so far", "what else?", "nothing"]
"""A summary, questions, and answers."""

CONVERSATIONS = (
    Conversation("plain", [said("echo hel''lo\n"), said("false\n", "echo $?\n"), DONE, DONE]),
    Conversation(
        "waits", [said("true\n", wait=2), said("sleep 1; echo o''ver\n", wait=0.3), said("", wait=1.5), DONE, DONE]
    ),
    Conversation("nothing", [said(), said(""), DONE, DONE]),
    Conversation("many-bytes", [said("seq 10001 11900\n", wait=1), DONE, DONE], "twice"),
    Conversation("many-bytes-done", [said("seq 10001 11900\n", wait=1, done=True), DONE]),
    Conversation("many-lines", [said("seq 1 5000\n", wait=2), said("echo af''ter\n"), DONE, DONE], "3"),
    Conversation("heredoc", [said(WRITTEN), DONE, DONE]),
    Conversation(
        "interrupt",
        [said("sleep 30\n", "C-c"), said("cat\n", "hello\n", "C-d"), said("echo a"), said("Enter"), DONE, DONE],
    ),
    Conversation("question", [said("read -p 'name? ' x\n"), said("Bob\n"), said('echo "<$x>"\n'), DONE, DONE]),
    Conversation("wrapped", [said(f"echo {'x' * 200}\n"), said("printf '%s\\n' üñí 漢字\n"), DONE, DONE]),
    Conversation("clear", [said("echo be''fore\n"), said("clear\n"), said("echo af''ter\n"), DONE, DONE], "term"),
    Conversation(
        "progress", [said("for i in 1 2 3; do printf 'at %d\\r' $i; sleep 0.1; done; echo\n", wait=1), DONE, DONE]
    ),
    Conversation(
        "full-screen", [said("printf '\\033[?1049hfull'; read -rsn 1; printf '\\033[?1049l'\n"), said("q"), DONE, DONE]
    ),
    Conversation("unreadable", ["no JSON", said("echo hel''lo\n"), DONE, "again", DONE]),
    Conversation("mended", [said("echo hel''lo\n")[:-1], DONE, DONE]),
    Conversation("around", [f"Here it is: {said('echo hi' + chr(10))}", DONE, DONE], "parser"),
    Conversation("taken-back", [DONE, said("true\n"), DONE, DONE]),
    Conversation("done-with-commands", [said("echo la''st\n", done=True), said("echo ne''ver seen\n", done=True)]),
    Conversation("exit", [said("exit\n"), said("echo never\n")]),
    Conversation(
        "xml", [said_in_xml("echo hel''lo\n"), "no XML", said_in_xml(done=True), said_in_xml(done=True)], parser="xml"
    ),
    Conversation(
        "handover",
        [said("echo hel''lo\n"), *ASIDES, DONE, *ASIDES, DONE],
        "6",
        context_limit=8300,
    ),
    Conversation("tab", [said("printf %s 'a\tb' | od -An -c\n"), DONE, DONE], "1"),
    Conversation("semicolon", [said("echo a;"), said("\n"), said("printf '%s\\n' x\\;", "\n"), DONE, DONE], "8"),
    Conversation("words", [said("cat\n", "up", "\n", "C-d"), DONE, DONE], "8"),
    Conversation("raw-enter", [said(RAW), said("\n"), DONE, DONE], "9"),
    Conversation("long-line", [said("wc -c\n", "y" * 5000 + "\n", "C-d"), DONE, DONE], "10"),
    Conversation(
        "blank-first",
        [said("printf '\\033[2J\\033[3J\\033[9;1H'\n"), said("echo hi\n"), said("echo ho\n"), DONE, DONE],
        "4",
    ),
)
