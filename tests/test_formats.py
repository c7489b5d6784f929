"""How each format reads what models write, and answers: pytest tests/test_formats.py."""

from __future__ import annotations

import json
import random
import time
from typing import TYPE_CHECKING

import pytest

from agent.formats import MAX_DURATION, Command, Repair, Reply, Result, Turn
from agent.formats.bash_block import BashBlockFormat
from agent.formats.json import JsonFormat
from agent.formats.terminus1 import Terminus1Format
from agent.formats.tool_call_tag import ToolCallTagFormat
from agent.formats.tools import ToolsFormat
from agent.formats.xml import XmlFormat
from agent.formats.xml_yaml import XmlYamlFormat
from agent.model import Completion, FunctionCall
from prompts import render
from sandbox.observation import Observation, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from agent.formats import ActionFormat

TEXT: dict[str, ActionFormat] = {
    made.name: made
    for made in (
        JsonFormat(),
        XmlFormat(),
        Terminus1Format(),
        BashBlockFormat(),
        ToolCallTagFormat(),
        XmlYamlFormat(),
    )
}
TOOLS = ToolsFormat()
ALL: list[ActionFormat] = [*TEXT.values(), TOOLS]

UNAME = {
    "json": '{"analysis":"a","plan":"p","commands":[{"keystrokes":"uname\\n","duration":30}]}',
    "xml": '<response><analysis>a</analysis><plan>p</plan><commands><keystrokes duration="30">uname\n</keystrokes>'
    "</commands></response>",
    "terminus1": '{"state_analysis":"a","explanation":"p","commands":[{"keystrokes":"uname\\n","is_blocking":true,'
    '"timeout_sec":30}],"is_task_complete":false}',
    "bash-block": "I look.\n```bash\nuname\n```\n",
    "tool-call-tag": '<tool_call>\n{"name": "bash", "arguments": {"command": "uname"}}\n</tool_call>',
    "xml-yaml": "<bash>\ncmd: uname\ntimeout_secs: 30\n</bash>",
}
DONE = {
    "json": '{"task_complete": true}',
    "xml": "<response><task_complete>true</task_complete></response>",
    "terminus1": '{"state_analysis":"a","explanation":"p","commands":[],"is_task_complete":true}',
    "bash-block": "It is there.\nAll done.",
    "tool-call-tag": "The file is there.",
    "xml-yaml": "<finish>\nmessage: it is there\n</finish>",
}
COMMAND = Command(keystrokes="uname\n", duration=30)


def read(name: str, text: str, finish_reason: str = "stop") -> Reply:
    return TEXT[name].parse(Completion(text=text, finish_reason=finish_reason))


def call(name: str, arguments: str, identity: str = "c1") -> FunctionCall:
    return FunctionCall(id=identity, name=name, arguments=arguments)


def called(*calls: FunctionCall, text: str = "") -> Completion:
    return Completion(text=text, calls=calls)


@pytest.mark.parametrize("name", UNAME)
@pytest.mark.parametrize(
    "around",
    ["{}", "<think>{draft}</think>\n{}", "{draft} perhaps\n</think>\n{}", "<thinking>a</thinking><think>b</think>{}"],
)
@pytest.mark.fault("F21")
def test_a_command_is_found_behind_thoughts(name: str, around: str) -> None:
    draft = UNAME[name].replace("uname", "rm -rf build") + "\n"
    reply = read(name, around.replace("{draft}", draft).replace("{}", UNAME[name]))
    assert (reply.problems, reply.commands, reply.task_complete) == ((), (COMMAND,), False)
    assert reply.repairs == ()


@pytest.mark.parametrize("name", ["json", "xml", "terminus1", "bash-block"])
@pytest.mark.fault("F21")
def test_two_different_replies_are_refused_and_the_same_twice_is_one(name: str) -> None:
    assert read(name, f"{UNAME[name]}\n{UNAME[name]}").commands == (COMMAND,)
    other = UNAME[name].replace("uname", "pwd")
    assert "2 different replies" in read(name, f"{UNAME[name]}\n{other}").problems[0]


@pytest.mark.parametrize("name", DONE)
def test_done_is_read(name: str) -> None:
    reply = read(name, DONE[name])
    assert (reply.problems, reply.commands, reply.task_complete) == ((), (), True)


@pytest.mark.parametrize("name", UNAME)
@pytest.mark.parametrize("text", ["", " \n", "<think>I wonder", "<think>ls</think>\n"])
def test_a_reply_without_words_is_a_problem(name: str, text: str) -> None:
    reply = read(name, text)
    assert reply.problems
    assert not reply.task_complete


@pytest.mark.parametrize("name", UNAME)
def test_a_call_of_a_function_is_no_reply_to_a_format_of_text(name: str) -> None:
    assert "only calls functions" in TEXT[name].parse(called(call("bash", '{"command": "ls"}'))).problems[0]


@pytest.mark.parametrize("name", UNAME)
def test_a_reply_that_is_cut_off_does_nothing(name: str) -> None:
    for end in range(1, len(UNAME[name].rstrip())):
        reply = read(name, UNAME[name][:end], "length")
        assert reply.problems, UNAME[name][:end]


@pytest.mark.parametrize("name", ["json", "terminus1", "xml", "tool-call-tag", "xml-yaml"])
@pytest.mark.parametrize(
    ("duration", "expected"),
    [("1e999", MAX_DURATION), ("-5", 0), ("NaN", None), ("9" * 400, MAX_DURATION), ("9" * 5001, MAX_DURATION),
     ("301", MAX_DURATION), ("-1e999", 0), ("-" + "9" * 400, 0), ("Infinity", MAX_DURATION), ("true", None)],
)  # fmt: skip
@pytest.mark.fault("F19")
def test_odd_durations_are_mended_and_told(name: str, duration: str, expected: float | None) -> None:
    text = UNAME[name].replace('"command": "uname"', '"command": "uname", "timeout": 30').replace("30", duration)
    reply = read(name, text)
    assert reply.problems == ()
    assert Repair.DURATION in reply.repairs
    assert reply.commands[0].duration == (1 if expected is None else expected)


@pytest.mark.parametrize("name", UNAME)
@pytest.mark.parametrize(("bad", "says"), [("\0", "NUL"), ("\ud800", "surrogate")])
@pytest.mark.fault("F17", "F18")
def test_what_no_terminal_takes_is_told(name: str, bad: str, says: str) -> None:
    reply = read(name, UNAME[name].replace("uname", f"uname {bad}"))
    assert reply.commands == ()
    assert not reply.task_complete
    assert says in reply.problems[0]
    assert reply.problems[0].encode()


@pytest.mark.parametrize(
    ("text", "keystrokes", "repairs"),
    [
        ('{"commands":[{"keystrokes":"a"},],}', "a", [Repair.TRAILING_COMMA]),
        ('{"commands":[{"keystrokes":"a"}', "a", [Repair.CLOSED]),
        ('{"commands":[{"keystrokes":"a"', "a", [Repair.CLOSED]),
        ('{"commands":[{"keystrokes":"a"}}', "a", [Repair.CLOSED]),
        ('{"commands":[{"keystrokes":"a"]}', "a", [Repair.CLOSED]),
        ('```json\n{"commands":[{"keystrokes":"a"}]\n```', "a", [Repair.CLOSED]),
        ('{"commands":[{"keystrokes":"a\nb\tc"}]}', "a\nb\tc", [Repair.CONTROL_CHARACTER]),
        (r'{"commands":[{"keystrokes":"\d \\d \n \u00e9 \u1"}]}', "\\d \\d \n \u00e9 \\u1", [Repair.ESCAPE]),
        (r'{"commands":[{"keystrokes":"it\'s"}]}', "it's", [Repair.ESCAPE]),
        ("""{'commands':[{'keystrokes':'say "it\\'s"\\n'}]}""", 'say "it\'s"\n', [Repair.QUOTES]),
        ('{“commands”: [{“keystrokes”: “a "b"”}]}', 'a "b"', [Repair.QUOTES]),
        ('{"commands":[{"keystrokes":"a","x":None}]}', "a", [Repair.LITERAL]),
        ('{"commands":[{"keystrokes":"a"}] // all\n # of it\n}', "a", [Repair.COMMENT]),
        ('{"reply":{"commands":[{"keystrokes":"a"}]}}', "a", [Repair.UNWRAPPED]),
        ('{"commands":[{"keystrokes":"a"}]}\n# That was all', "a", []),
        ('{"commands":[{"keystrokes":"\\ud83d\\ude00"}]}', "😀", []),
        ('{"commands":[{"keystrokes":"```sh\\n// a # b </think> <think>x</think>"}]}',
         "```sh\n// a # b </think> <think>x</think>", []),
    ],
)  # fmt: skip
@pytest.mark.fault("F21")
def test_json_is_mended_where_it_can_mean_one_thing(text: str, keystrokes: str, repairs: list[Repair]) -> None:
    reply = read("json", text)
    assert reply.problems == ()
    assert [command.keystrokes for command in reply.commands] == [keystrokes]
    assert list(reply.repairs) == repairs


@pytest.mark.parametrize(
    "text",
    [
        '{"commands":[{"keystrokes":"a"}}, {"keystrokes":"b"}]}',
        '{"commands":[{"keystrokes":"echo "hi""}]}',
        '{"commands":[{"keystrokes":"echo "{"commands":[{"keystrokes":"rm x"}]}""}]}',
        '{"commands":[{"keystrokes":"a"},',
        '{"commands":[{"keystrokes":"a", "duration":',
        '{"commands":[{"keystrokes":"cat <<E\\nhel',
        '{"commands":[], "commands":[{"keystrokes":"a"}]}',
        "{commands: [{keystrokes: ls}]}",
        'I would type {"keystrokes": "ls"}',
    ],
)
@pytest.mark.fault("F21")
def test_json_that_may_mean_two_things_is_refused(text: str) -> None:
    reply = read("json", text)
    assert reply.problems
    assert reply.commands == ()


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("<response><commands><keystrokes>ls\n</keystrokes></commands>", ""),
        ("<response><plan>p<commands><keystrokes>a</keystrokes></commands></response>", "`<plan>` is not closed"),
        ("<response><plan>p</plan></response>", "`<commands>` is missing"),
        ("<response><commands>ls</commands></response>", "besides `<keystrokes>`"),
        ("<response><commands><keystrokes>ls", "`<keystrokes>` is not closed"),
    ],
)
def test_xml_is_closed_or_refused(text: str, says: str) -> None:
    reply = read("xml", text)
    assert says in "".join(reply.problems)
    assert bool(reply.problems) == bool(says)
    assert bool(reply.commands) != bool(says)


def test_terminus_1_waits_for_what_blocks_and_types_the_rest_as_it_is() -> None:
    entries = [
        {"keystrokes": "make", "is_blocking": True, "timeout_sec": 60},
        {"keystrokes": ":q", "is_blocking": False, "timeout_sec": 60},
        {"keystrokes": "C-c", "is_blocking": True, "timeout_sec": 2},
    ]
    commands = read("terminus1", json.dumps({"commands": entries})).commands
    assert [(command.keystrokes, command.duration) for command in commands] == [("make\n", 60), (":q", 1), ("C-c", 2)]


@pytest.mark.parametrize(
    ("text", "keystrokes"),
    [
        ("```bash\ncd /x\nls\n```", ["cd /x\nls\n"]),
        ("```sh\r\nls\r\n```", ["ls\n"]),
        ("```keys\nC-c\n:q!\nEnter\n```", ["C-c", ":q!", "Enter"]),
        ("```bash\nC-c\n```", ["C-c"]),
        ("```bash\nMore\n```", ["More"]),
        ("```bash\n```", [""]),
        ("As in\n```python\nprint()\n```\nand\n~~~bash\nrm x\n~~~\nso\n```shell\nls\n```", ["ls\n"]),
        ("````bash\ncat > a.md <<'E'\n```sh\nx\n```\nE\n````", ["cat > a.md <<'E'\n```sh\nx\n```\nE\n"]),
        ("```bash\ncat > a.md <<'E'\n```sh\nx\n```\nE\n```", []),
        ("```bash\nls", []),
        ("```\nls\n```", []),
        ("I am not done.", []),
        ("Once it is all done I will say so", []),
    ],
)
def test_a_block_of_shell_is_typed(text: str, keystrokes: list[str]) -> None:
    reply = read("bash-block", text)
    assert [command.keystrokes for command in reply.commands] == keystrokes
    assert bool(reply.problems) == (not keystrokes)


@pytest.mark.parametrize("text", ["done", "**Done.**", "All is there. Done!", "`all done`"])
def test_done_without_a_block_ends_the_run(text: str) -> None:
    assert read("bash-block", text).task_complete


TWO_CALLS = """I look at both.
<tool_call>{"name":"bash","arguments":{"command":"a"}}</tool_call>
<tool_call>{"name":"bash","arguments":{"command":"b\\nc","timeout":5}}</tool_call>"""


@pytest.mark.parametrize(
    ("text", "keystrokes"),
    [
        (TWO_CALLS, ["a\n", "b\nc\n"]),
        ('<tool_call>{"name":"bash","arguments":{"command":"a"}</tool_call>', ["a\n"]),
        ('<tool_call>{"name":"bash","arguments":{"command":"a"}}', ["a\n"]),
        ('<tool_call>{"name":"bash","arguments":{"command":"echo \'</tool_call>\'"}}</tool_call>',
         ["echo '</tool_call>'\n"]),
        ('<tool_call>{"name":"bash","arguments":{"command":""}}</tool_call>', [""]),
        ('<tool_call>{"name":"python","arguments":{"command":"a"}}</tool_call>', []),
        ('<tool_call>{"name":"bash","arguments":{"cmd":"a"}}</tool_call>', []),
        ("<tool_call>ls</tool_call>", []),
        ('<tool_call>{"name":"bash","arguments":{"command":"a"}} b</tool_call>', []),
        ('<tool_call>{"name":"bash","arguments":{"command":"a', []),
    ],
)  # fmt: skip
def test_calls_in_tags_run_in_order(text: str, keystrokes: list[str]) -> None:
    reply = read("tool-call-tag", text)
    assert [command.keystrokes for command in reply.commands] == keystrokes
    assert bool(reply.problems) == (not keystrokes)
    assert not reply.task_complete


@pytest.mark.parametrize(
    ("text", "keystrokes"),
    [
        ("<bash>\ncmd: |\n  cat > x <<'E'\n    </bas>\n  E\n</bash>", ["cat > x <<'E'\n  </bas>\nE\n"]),
        ("<bash>cmd: 'a'</bash>\n<bash>\ncmd: b\nblock: false\n</bash>", ["a\n", "b\n"]),
        ("Into <file>, then <bash>cmd: a</bash>", ["a\n"]),
        ("<bash>\ncmd: echo a: b\n</bash>", []),
        ("<bash>ls</bash>", []),
        ("<bash>cmd: [a]</bash>", []),
        ("<bash>cmd: a\ncmd: b</bash>", []),
        ("<bash>\na: &a x\ncmd: *a\n</bash>", []),
        ("<bash>cmd: {a: b}</bash>", []),
        ("<bash>? {a: b}\n: c</bash>", []),
        ("<bash>cmd: a", []),
        ("<file>\naction: read\n</file>", []),
    ],
)
def test_actions_with_yaml_run_in_order(text: str, keystrokes: list[str]) -> None:
    reply = read("xml-yaml", text)
    assert [command.keystrokes for command in reply.commands] == keystrokes
    assert bool(reply.problems) == (not keystrokes)


def test_finish_in_a_command_is_text() -> None:
    reply = read("xml-yaml", "<bash>cmd: echo '<finish></finish>'</bash>")
    assert (len(reply.commands), reply.task_complete) == (1, False)


def test_a_call_of_a_function_is_typed() -> None:
    reply = TOOLS.parse(
        called(
            call("bash", '{"command": "ls", "timeout": 9}'),
            call("type", '{"keystrokes": ":q!", "duration": 2,}'),
            call("finish", ""),
            text="I look.",
        )
    )
    assert reply.commands == (Command(keystrokes="ls\n", duration=9), Command(keystrokes=":q!", duration=2))
    assert (reply.task_complete, reply.analysis) == (True, "I look.")
    assert reply.repairs == (Repair.TRAILING_COMMA,)


@pytest.mark.parametrize(
    "broken",
    [call("python", "{}"), call("bash", ""), call("bash", '{"command": "ls'), call("bash", "[]"), call("type", "{}")],
)
def test_one_broken_call_stops_all(broken: FunctionCall) -> None:
    reply = TOOLS.parse(called(call("bash", '{"command": "ls"}'), broken, call("finish", "{}")))
    assert reply.problems
    assert (reply.commands, reply.task_complete) == ((), False)


def test_text_without_a_call_is_no_reply_to_a_format_of_tools() -> None:
    assert TOOLS.parse(Completion(text="I am done.")).problems == ("it calls no function",)


SEEN = [
    Result("ls\n", Observation(text=text, exit_codes=(0,), state=State.PROMPT, seconds=0.1))
    for text in ("first", "second")
]


def test_each_call_is_answered_by_a_message_of_its_own() -> None:
    completion = called(
        call("bash", '{"command": "a"}', "c1"), call("finish", "", "c2"), call("type", '{"keystrokes": "b",}', "c3")
    )
    answers = TOOLS.answer(Turn(completion, TOOLS.parse(completion), SEEN), "Say hello.")
    assert [(answer.role, answer.call_id) for answer in answers] == [("tool", "c1"), ("tool", "c2"), ("tool", "c3")]
    assert "first" in answers[0].content
    assert "comma" in answers[0].content
    assert "call `finish` again" in answers[1].content
    assert "Say hello." in answers[1].content
    assert "Nothing was typed" not in answers[1].content
    assert "second" in answers[2].content
    assert "comma" not in answers[2].content


def test_each_call_of_a_reply_that_cannot_be_used_is_answered_too() -> None:
    completion = called(call("bash", '{"command": "a"}', "c1"), call("nothing", "{}", "c2"))
    answers = TOOLS.answer(Turn(completion, TOOLS.parse(completion)), "x")
    assert [answer.call_id for answer in answers] == ["c1", "c2"]
    assert all("no such function" in answer.content for answer in answers)


@pytest.mark.parametrize("name", TEXT)
def test_a_turn_is_told_in_the_words_of_its_format(name: str) -> None:
    made = TEXT[name]
    turn = Turn(Completion(text=UNAME[name]), read(name, UNAME[name]), SEEN)
    (answer,) = made.answer(turn, "Say hello.")
    assert answer.role == "user"
    assert answer.content.index("first") < answer.content.index("second")
    wrapped = {"xml-yaml": "<bash_output>", "tool-call-tag": "<tool_response>"}
    assert (wrapped.get(name, "<") in answer.content) == (name in wrapped)
    (refused,) = made.answer(turn._replace(reply=Reply(problems=("it is odd",)), results=[]), "x")
    assert "it is odd" in refused.content
    if made.confirms:
        (asked,) = made.answer(turn._replace(reply=Reply(task_complete=True), results=[]), "Say hello.")
        assert "Say hello." in asked.content


@pytest.mark.parametrize("made", ALL, ids=lambda made: made.name)
def test_a_format_explains_itself(made: ActionFormat) -> None:
    told = render(f"{made.name}/system", max_duration=300, default_duration=30)
    assert "{{" not in told
    assert "\n\n\n" not in told
    example = UNAME.get(made.name, "")
    for tag in ("<response>", "<tool_call>", "<bash>", "```bash", "is_blocking", '"task_complete"'):
        assert tag not in example or tag in told


@pytest.mark.parametrize("repair", Repair)
def test_each_repair_has_its_sentence(repair: Repair) -> None:
    assert render("json/observation", results=[], repairs=[repair]).startswith("Note: ")


def test_a_thousand_problems_are_told_in_a_few_lines() -> None:
    reply = read("json", '{"commands":[' + "0," * 1000 + "]}")
    assert len(reply.problems) == 11
    assert "990 more" in reply.problems[-1]


PIECES = [
    *"{}[]\",:'\\`~<>/#\n\t -=&*|?!%@\0\ud800\u201c\u201d😀",
    *("<think>", "</think>", "<response>", "</response>", "<commands>", "</commands>", "<keystrokes>", "</keystrokes>"),
    *('<keystrokes duration="', "<task_complete>true</task_complete>", "<plan>", "</plan>", "<!--", "-->"),
    *("<tool_call>", "</tool_call>", "<bash>", "</bash>", "<finish>", "</finish>", "cmd: ", "cmd: |\n", "&a [*a]"),
    *("```bash\n", "\n```\n", "~~~\n", "done", '"commands":[', '"keystrokes":"', '"name":"bash","arguments":{'),
    *("true", "None", "NaN", "-1e999", "9" * 400, "\\u00", "\\ud800", "//", "ls\\n"),
]


def fuzzed(chance: random.Random) -> str:
    """A good reply with pieces put in, taken out and repeated; or pieces alone."""
    text = chance.choice([*UNAME.values(), *DONE.values(), '{"command": "ls", "timeout": 3}', ""])
    for _ in range(chance.randrange(8)):
        start, end = sorted((chance.randint(0, len(text)), chance.randint(0, len(text))))
        middle = chance.choice(["", text[start:end] * 2, chance.choice(PIECES), "".join(chance.choices(PIECES, k=5))])
        text = text[:start] + middle + text[end if chance.random() < 0.3 else start :]
    return text


@pytest.mark.fault("F24")
def test_twenty_thousand_broken_replies_raise_nothing(record_property: Callable[[str, object], None]) -> None:
    record_property("bad inputs", 20_000 * len(ALL))
    chance = random.Random(20_000)  # noqa: S311 - the same inputs each time
    for _ in range(20_000):
        text = fuzzed(chance)
        finish_reason = chance.choice(["stop", "length", None])
        for made in ALL:
            calls = (call(chance.choice(["bash", "type", "finish", "x\ud800"]), text),) if made is TOOLS else ()
            reply = made.parse(Completion(text=text, calls=calls, finish_reason=finish_reason))
            assert not (reply.problems and (reply.commands or reply.task_complete))
            "".join((*reply.problems, reply.analysis, reply.plan)).encode()


SIZE = 300_000
SLOW = 0.45
"""Seconds for that many characters, three times what is aimed at; what is not linear takes far longer."""
HOSTILE = [
    # Objects, lists and strings without an end, or with a great many parts.
    *[
        ("", "{", ""),
        ("", "[", ""),
        ("", '{"a":', ""),
        ("", '{"', ""),
        ("", '{"commands":[', ""),
        ("", '{"x":[1]},', ""),
    ],
    *[
        ('{"commands":[', "0,", ""),
        ('{"commands":', "9", "}"),
        ("", '{"a"//\n', ""),
        ("", "{ ", ""),
        ('{"a":"', "x", ""),
    ],
    *[('{"commands":[{"keystrokes":"', "\\d", '"}]}'), ("{'commands':['", '\\d"', "']}"), ('{"commands":"', "\\", "")],
    *[("", "a<think>", ""), ("", "</think>", ""), ("", "a<think></thinkx", ""), ("", "<think></think>", "")],
    # Elements without an end, or with a great many parts.
    *[("", "<response>", ""), ("", "<response><plan>", ""), ("<response>", "<plan/>", ""), ("", "<response ", "")],
    *[("<response><commands>", piece, "") for piece in ("<!--", "<!-- -->", "<keystrokes>a</keystrokes>")],
    *[("<response><commands><keystrokes", piece, "") for piece in (' a="b"', " a", " ", ' a="')],
    # Fences and tags.
    *[("", "```bash\n", ""), ("", "`", ""), ("", "~~~\n", ""), ("", "```x\n```\n", ""), ("", "done. ", "")],
    *[("", "<tool_call>{", ""), ("<tool_call>", " ", ""), ("", "<file>", ""), ("", "<bash>", "")],
    # YAML that nests, expands or never ends.
    *[("<bash>", piece, "</bash>") for piece in ("[", "? ", "- ", "a: b\n", "!", "#\n", "%")],
    *[("<bash>a: &a [x]\n", "b: *a\n", "</bash>"), ("<bash>cmd: |\n", "  a b\n", "</bash>")],
]


@pytest.mark.parametrize(("begin", "piece", "end"), HOSTILE)
@pytest.mark.fault("F20")
def test_reading_takes_time_in_proportion_to_the_text(begin: str, piece: str, end: str) -> None:
    text = begin + piece * (SIZE // len(piece)) + end
    for made in ALL:
        calls = (call("bash", text),) if made is TOOLS else ()
        seconds = [cpu_seconds(made, Completion(text=text, calls=calls)) for _ in range(2)]
        assert min(seconds) < SLOW, made.name


def cpu_seconds(made: ActionFormat, completion: Completion) -> float:
    started = time.process_time()
    made.parse(completion)
    return time.process_time() - started


def test_what_has_more_parts_than_any_reply_is_not_read_to_its_end() -> None:
    assert "too many values" in read("json", '{"plan":[' + "0," * 30_000 + "0]}").problems[0]
    fields = "".join(f"field{number}: x\n" for number in range(50))
    assert read("xml-yaml", f"<bash>{fields}cmd: ls</bash>").problems


@pytest.mark.fault("F20")
def test_five_megabytes_of_braces_and_deep_nesting_are_problems() -> None:
    for text in ("{" * 5_000_000, '{"commands":' + "[" * 100_000 + "]" * 100_000 + "}", '{"commands":[' * 100_000):
        for name in ("json", "terminus1", "xml", "bash-block"):
            assert read(name, text).problems
