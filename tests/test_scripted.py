from __future__ import annotations

import json
import signal
import sys
import urllib.error
import urllib.request
from asyncio import create_subprocess_exec
from asyncio.subprocess import PIPE
from pathlib import Path
from typing import Any

import pytest

from agent.model import NOTHING_USED, Message, ModelError
from agent.scripted import ScriptedModel, load_recording
from evals.harbor import load
from evals.task import Task
from tests.scripted_server import EMPTY, ScriptedServer

HELLO = Message(role="user", content="hello")
DEMO = Path(__file__).parent.parent / "evals/recorded/demo.json"
TASKS = DEMO.parent.parent / "tasks"


async def test_replies_come_in_order_and_questions_are_kept() -> None:
    model = ScriptedModel(["one", "two"])
    said = [HELLO]
    assert (await model.complete(said)).text == "one"
    said.append(Message(role="assistant", content="one"))
    completion = await model.complete(said)
    assert (completion.text, completion.usage, completion.model) == ("two", NOTHING_USED, "scripted")
    assert [len(asked) for asked in model.asked] == [1, 2]


@pytest.mark.parametrize("replies", [[], ["one"]])
async def test_after_the_last_reply_there_is_an_error(replies: list[str]) -> None:
    model = ScriptedModel(replies)
    for _ in replies:
        await model.complete([HELLO])
    for number in (1, 2):
        with pytest.raises(ModelError, match=f"^the recording has no reply {len(replies) + number}$"):
            await model.complete([HELLO])


def test_a_recording_is_replies_by_task(tmp_path: Path) -> None:
    path = tmp_path / "recording.json"
    path.write_text('{"a": ["1", "2"], "b": []}')
    assert load_recording(path) == {"a": ["1", "2"], "b": []}


def test_a_list_is_for_every_task(tmp_path: Path) -> None:
    path = tmp_path / "recording.json"
    path.write_text('["1", "2"]')
    assert load_recording(path) == {"*": ["1", "2"]}


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"\xff\xfe", b"[" * 100_000, b"1", b"null", b'"x"', b'{"a": "1"}', b'{"a": [1]}', b"[[]]", b"[null]"],
    ids=lambda content: repr(content[:12]),
)
def test_a_bad_recording_is_told_in_a_line(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "recording.json"
    path.write_bytes(content)
    with pytest.raises(ModelError) as caught:
        load_recording(path)
    assert str(caught.value).startswith(f"recording {path}: ")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["none.json", "."])
def test_a_missing_recording_is_told_in_a_line(tmp_path: Path, name: str) -> None:
    with pytest.raises(ModelError, match=r"^recording .*: (No such file|Is a directory)"):
        load_recording(tmp_path / name)


def test_the_bundled_recording_has_replies_for_each_bundled_task() -> None:
    recording = load_recording(DEMO)
    assert set(recording) == {name for task in load(TASKS) if isinstance(task, Task) for name in task.instructions}
    assert all(recording.values())


def ask(url: str, *said: str) -> dict[str, Any]:
    """Ask a server with the users' and the model's words in turn."""
    messages = [{"role": ("user", "assistant")[number % 2], "content": text} for number, text in enumerate(said)]
    body = json.dumps({"model": "m", "messages": messages}).encode()
    request = urllib.request.Request(f"{url}/chat/completions", body, {"Content-Type": "application/json"})  # noqa: S310
    with urllib.request.urlopen(request) as response:  # noqa: S310 - loopback
        answer: dict[str, Any] = json.load(response)
    return answer


def text_of(answer: dict[str, Any]) -> str:
    return str(answer["choices"][0]["message"]["content"])


def test_a_server_tells_tasks_apart_and_remembers_nothing() -> None:
    with ScriptedServer({"a": ["a1", "a2"], "b": ["b1"], "*": ["any"]}, {"a": "task A", "b": "task AB"}) as server:
        assert text_of(ask(server.url, "do task A now")) == "a1"
        assert text_of(ask(server.url, "do task AB now")) == "b1"  # the longest marker that fits
        assert text_of(ask(server.url, "do task A now", "a1", "seen: task AB")) == "a2"
        assert text_of(ask(server.url, "do task A now")) == "a1"
        assert text_of(ask(server.url, "something")) == "any"
        assert [len(request.messages) for request in server.requests] == [1, 1, 3, 1, 1]


def test_a_servers_usage_grows_with_the_conversation_and_its_start_is_cached() -> None:
    with ScriptedServer(["one", "two", "three"]) as server:
        long = "word " * 2000
        first = ask(server.url, long)["usage"]
        second = ask(server.url, long, "one", "seen")["usage"]
    assert first["prompt_tokens"] == 2507
    assert second["prompt_tokens"] > first["prompt_tokens"]
    assert (first["prompt_tokens_details"], second["prompt_tokens_details"]) == (
        {"cached_tokens": 0},
        {"cached_tokens": 2432},
    )


def test_a_server_without_a_reply_answers_400() -> None:
    with ScriptedServer({"a": ["1"]}, {"a": "A"}) as server:
        for said in (["A", "1", "go on"], ["B"]):
            with pytest.raises(urllib.error.HTTPError, match="400") as caught:
                ask(server.url, *said)
            with caught.value as error:
                assert "the recording has no reply" in json.load(error)["error"]["message"]


def test_a_fault_is_used_once_and_logged() -> None:
    with ScriptedServer(["one"], faults=[EMPTY]) as server:
        assert text_of(ask(server.url, "hello")) == ""
        assert text_of(ask(server.url, "hello")) == "one"
        assert [request.fault for request in server.requests] == [EMPTY, None]


async def test_a_server_runs_by_hand() -> None:
    command = [sys.executable, "-m", "tests.scripted_server", str(DEMO), "--tasks", str(TASKS)]
    process = await create_subprocess_exec(*command, cwd=TASKS.parent.parent, stdout=PIPE)
    assert process.stdout
    url = (await process.stdout.readline()).decode().split()[1]
    instruction = (TASKS / "fix-makefile/instruction.md").read_text().strip()
    assert text_of(ask(url, f"Your task:\n{instruction}\n")) == load_recording(DEMO)["fix-makefile"][0]
    process.send_signal(signal.SIGINT)
    assert b"1 requests" in (await process.communicate())[0]
