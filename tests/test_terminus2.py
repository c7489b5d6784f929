"""Our Terminus 2 beside Harbor's: for the same replies, what each types and shows, and the faults that ours leaves out.

terminus2_parity.json is what Harbor's own loop did (tests/record_terminus2.py). In a conversation that names no fault,
ours does exactly the same.
"""

from __future__ import annotations

import json
import re
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import pytest

from agent.base import StopReason
from agent.context import Context
from agent.formats.json import JsonFormat
from agent.formats.xml import XmlFormat
from agent.handover import Handover
from agent.limits import Limits
from agent.model import Completion, ContextLengthExceeded, Message
from agent.scripted import ScriptedModel
from agent.terminus2 import NAME, Terminus2Agent, Terminus2Format
from agent.trajectory import Trajectory
from sandbox.terminal import open_terminal
from tests.terminus2_sessions import ASIDES, CONVERSATIONS, DIFFERENCES, DONE, LEFT_OUT, TASK, Conversation, said

if TYPE_CHECKING:
    from sandbox.base import Sandbox, Stream

FORMATS = {"json": JsonFormat, "xml": XmlFormat}
RECORDED = {
    session["name"]: session["requests"]
    for session in json.loads((Path(__file__).parent / "terminus2_parity.json").read_text())["sessions"]
}
NAMED = {conversation.name: conversation for conversation in CONVERSATIONS}
_SENT = re.compile(
    rb"'set-buffer' '-b' 'typed' '--' (?P<text>[^\n]*?) ; display-message|'send-keys' '-t' '%0' '(?P<key>[^']+)'\n"
)
_QUOTED = re.compile(rb"""'([^']*)'|(\\')|"((?:\\[0-7]{3})+)\"""")
_OURS_LEFT_OUT = re.compile(r"\[\.\.\. (\d+) bytes left out \.\.\.\]")


@pytest.fixture
def kind() -> str:
    """One kind of sandbox is enough here: what differs between them is tested elsewhere."""
    return "auto"


class WatchedModel(ScriptedModel):
    """Says what it is told to, in order, and notes what it is shown and what is typed then."""

    def __init__(self, replies: list[str], context_limit: int | None = None) -> None:
        super().__init__(replies)
        self.context_limit = context_limit
        self.requests: list[dict[str, Any]] = []

    async def complete(self, messages: list[Message], **options: Any) -> Completion:  # noqa: ANN401 - passed on
        kind, shows = read(messages[-1].content, first=not self.requests)
        self.requests.append({"messages": len(messages), "kind": kind, "shows": shows, "typed": []})
        completion = await super().complete(messages, **options)
        return completion.model_copy(update={"context_limit": self.context_limit})

    def typed(self, keys: str) -> None:
        if self.requests:
            self.requests[-1]["typed"].append(keys)


class ListeningSandbox:
    """A sandbox whose terminal's keys are told to a model."""

    def __init__(self, sandbox: Sandbox, model: WatchedModel) -> None:
        self._sandbox = sandbox
        self._model = model

    def __getattr__(self, name: str) -> Any:  # noqa: ANN401 - whatever the sandbox has
        return getattr(self._sandbox, name)

    async def stream(self, *arguments: Any, **options: Any) -> Stream:  # noqa: ANN401 - the sandbox's own
        return ListeningStream(await self._sandbox.stream(*arguments, **options), self._model)


class ListeningStream:
    """A stream of commands to tmux."""

    def __init__(self, stream: Stream, model: WatchedModel) -> None:
        self.read, self.close = stream.read, stream.close
        self._stream = stream
        self._model = model

    async def write(self, data: bytes) -> None:
        for sent in _SENT.finditer(data):
            self._model.typed((_unquoted(sent["text"]) if sent["key"] is None else sent["key"]).decode())
        await self._stream.write(data)


def _unquoted(word: bytes) -> bytes:
    """Undo how a word is written for tmux."""
    return b"".join(
        literal or quote[1:] or bytes(int(code, 8) for code in codes.split(b"\\")[1:])
        for literal, quote, codes in _QUOTED.findall(word)
    )


def read(message: str, *, first: bool) -> tuple[str, str | None]:
    """Say which kind of message it is, and what terminal text it shows."""
    text = _OURS_LEFT_OUT.sub(lambda match: LEFT_OUT.format(match[1]), message)
    if first:
        return "opening", text[text.index("Current Terminal Screen:") :]
    if text.startswith("Your reply could not be used"):
        return "problems", None
    if text.startswith("Note:"):
        return "notes", text.split("\n\n", 1)[1]
    shows, question, _ = text.partition("\n\nYou said that the task is complete")
    return "question" if question else "output", shows


async def converse(conversation: Conversation, sandbox: Sandbox) -> tuple[StopReason, WatchedModel, Terminus2Agent]:
    """Have a conversation with our Terminus 2, at the prompt that Harbor's was recorded at."""
    model = WatchedModel(conversation.replies, conversation.context_limit)
    agent = Terminus2Agent(model, FORMATS[conversation.parser]())
    await sandbox.exec(["sh", "-c", "echo \"PS1='$ '\" > ~/.bash_profile"], timeout=10)
    async with open_terminal(cast("Sandbox", ListeningSandbox(sandbox, model))) as terminal:
        stop = await agent.run(TASK, terminal)
    return stop, model, agent


def alike(requests: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Take off what may differ: blank rows below the first screen, and in how many pieces a text is typed."""
    return [
        {
            **request,
            "typed": "".join(request["typed"]),
            "shows": request["shows"] and (request["shows"].rstrip() if not index else request["shows"]),
        }
        for index, request in enumerate(requests)
    ]


def test_every_conversation_is_recorded_and_every_difference_has_one() -> None:
    assert list(RECORDED) == list(NAMED)
    assert {conversation.differs for conversation in CONVERSATIONS} - {None} == set(DIFFERENCES)


@pytest.mark.parametrize("name", [name for name, conversation in NAMED.items() if not conversation.differs])
async def test_the_same_is_typed_and_shown_as_by_harbors_terminus_2(sandbox: Sandbox, name: str) -> None:
    _, model, _ = await converse(NAMED[name], sandbox)
    assert alike(model.requests) == alike(RECORDED[name])


@pytest.mark.parametrize(
    ("name", "request_number", "ours"),
    [
        ("around", 1, {"kind": "output"}),
        ("blank-first", 3, {"shows": "New Terminal Output:\n\n$ echo ho\nho\n$"}),
        ("clear", 2, {"shows": "New Terminal Output:\n\n$ clear\n$"}),
        ("long-line", 1, {"ends": "5001\n$"}),
        ("many-bytes", 1, {"holds": "\n<1441 bytes left out>\n"}),
        ("many-lines", 1, {"holds": "\n1\n2\n3\n", "ends": "4999\n5000\n$"}),
        ("raw-enter", 2, {"holds": "\\r"}),
        ("semicolon", 1, {"ends": "$ echo a;"}),
        ("semicolon", 3, {"ends": "x;\n$"}),
        ("tab", 1, {"holds": "\\t"}),
        ("words", 1, {"ends": "$ cat\nup\nup\n$"}),
    ],
)
async def test_what_ours_does_better_is_listed(
    sandbox: Sandbox, name: str, request_number: int, ours: dict[str, str]
) -> None:
    _, model, _ = await converse(NAMED[name], sandbox)
    assert fits(model.requests[request_number], ours)
    assert not fits(RECORDED[name][request_number], ours)


def fits(request: dict[str, Any], wanted: dict[str, str]) -> bool:
    text = (request["shows"] or "").rstrip()
    found = {
        "kind": request["kind"] == wanted.get("kind"),
        "shows": text == wanted.get("shows"),
        "holds": wanted.get("holds", "") in text,
        "ends": text.endswith(wanted.get("ends", "")),
    }
    return all(found[name] for name in wanted)


async def test_a_handover_asks_as_harbors_does_and_keeps_the_newest_observation(sandbox: Sandbox) -> None:
    stop, model, agent = await converse(NAMED["handover"], sandbox)
    assert stop is StopReason.COMPLETED
    assert [request["messages"] for request in model.requests] == [
        request["messages"] for request in RECORDED["handover"]
    ]
    summary, questions, answers, after = (asked[-1].content for asked in model.asked[1:5])
    assert TASK in summary
    assert ASIDES[0] in questions
    assert ASIDES[1] in answers
    assert ASIDES[2] in after
    assert "hello" in after
    assert "You said that the task is complete" in model.asked[8][-1].content
    assert [message.content for message in model.asked[4][1:3]] == [questions, ASIDES[1]]
    asides = [step for step in agent.trajectory.steps if step.message in ASIDES]
    assert len(asides) == 6


class SmallModel(WatchedModel):
    """Reads no more than so many characters."""

    def __init__(self, replies: list[str], characters: int) -> None:
        super().__init__(replies)
        self._characters = characters

    async def complete(self, messages: list[Message], **options: Any) -> Completion:  # noqa: ANN401 - passed on
        if sum(len(message.content) for message in messages) > self._characters:
            raise ContextLengthExceeded("too long")
        return await super().complete(messages, **options)


async def talk(sandbox: Sandbox, model: ScriptedModel, **options: Any) -> tuple[StopReason, Terminus2Agent]:  # noqa: ANN401 - the agent's own
    agent = Terminus2Agent(model, **options)
    async with open_terminal(sandbox) as terminal:
        return await agent.run(TASK, terminal), agent


async def test_an_overflow_goes_on_from_the_task_and_the_screen_when_no_summary_fits(sandbox: Sandbox) -> None:
    replies = [said("seq 10001 10900\n"), said("seq 20001 20300\n"), "look at the numbers", DONE, DONE]
    model = SmallModel(replies, 7500)
    stop, _ = await talk(sandbox, model)
    assert stop is StopReason.COMPLETED
    assert [len(asked) for asked in model.asked] == [1, 3, 1, 1, 3]
    assert "20300" in model.asked[2][0].content
    resumed = model.asked[3][0].content
    assert TASK in resumed
    assert "look at the numbers" in resumed
    assert "20001" in resumed


def test_the_oldest_turns_are_let_go_to_make_room_for_a_summary() -> None:
    messages = [Message(role="user" if index % 2 == 0 else "assistant", content=f"{index}" * 400) for index in range(9)]
    context = Context()
    context.add(*messages)
    handover = Handover(ScriptedModel([]), context, Trajectory("a", "1"))
    assert handover.unwound(messages) == messages
    context.limit = 4000 + 300
    assert [message.content[0] for message in handover.unwound(messages)] == ["0", "7", "8"]


async def test_a_conversation_that_cannot_be_made_shorter_ends_the_run(sandbox: Sandbox) -> None:
    stop, _ = await talk(sandbox, SmallModel([DONE], 100))
    assert stop is StopReason.CONTEXT_EXHAUSTED


async def test_a_full_conversation_ends_the_run_where_that_is_asked_for(sandbox: Sandbox) -> None:
    model = SmallModel([said("seq 10001 10900\n")], 3000)
    stop, _ = await talk(sandbox, model, limits=Limits(when_full="stop"))
    assert (stop, len(model.asked)) == (StopReason.CONTEXT_EXHAUSTED, 1)


async def test_a_command_is_waited_for_to_the_end_and_for_60_seconds_at_most(sandbox: Sandbox) -> None:
    begun = time.monotonic()
    stop, _ = await talk(sandbox, ScriptedModel([said("true\n", wait=1.5, done=True), DONE]))
    assert time.monotonic() - begun >= 1.5
    assert stop is StopReason.COMPLETED
    for command, seconds in ((said("true\n", wait=300), 60), (said("true\n", wait=0.1), 0.1)):
        assert Terminus2Format(JsonFormat()).parse(Completion(text=command)).commands[0].duration == seconds


@pytest.fixture
def installed_harbor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A package of that name, which must not be imported."""
    folder = tmp_path / "harbor"
    templates = folder / "agents" / "terminus_2" / "templates"
    templates.mkdir(parents=True)
    (folder / "__init__.py").write_text("raise ImportError\n")
    (templates / "terminus-json-plain.txt").write_text('Do {instruction} from {terminal_state} with {{"json": 1}}')
    monkeypatch.syspath_prepend(tmp_path)


@pytest.mark.usefixtures("installed_harbor")
async def test_an_installed_harbor_gives_the_first_message_its_words(sandbox: Sandbox) -> None:
    model = ScriptedModel([DONE, DONE])
    _, agent = await talk(sandbox, model)
    assert re.fullmatch(
        rf'Do {TASK} from Current Terminal Screen:\n.*\n with {{"json": 1}}', model.asked[0][0].content, re.DOTALL
    )
    assert re.fullmatch(r"0\.1\.0\+harbor\.[0-9a-f]{8}", agent.trajectory.agent["version"] or "")


async def test_results_are_told_from_those_of_our_own_loop(sandbox: Sandbox) -> None:
    _, agent = await talk(sandbox, ScriptedModel([DONE, DONE]))
    assert agent.trajectory.agent["name"] == NAME != "termstone"
