from __future__ import annotations

import asyncio

import pytest

from sandbox.base import SandboxError
from sandbox.control import Control, unescape


class ScriptedStream:
    """A tmux that says what the test tells it to."""

    def __init__(self) -> None:
        self.written: asyncio.Queue[bytes] = asyncio.Queue()
        self._queue: asyncio.Queue[bytes] = asyncio.Queue()

    def say(self, data: bytes) -> None:
        self._queue.put_nowait(data)

    async def read(self) -> bytes:
        return await self._queue.get()

    async def write(self, data: bytes) -> None:
        self.written.put_nowait(data)

    async def close(self) -> None:
        self.say(b"")


class Pair:
    """A control client and the other end of its stream."""

    def __init__(self) -> None:
        self.stream = ScriptedStream()
        self.output: asyncio.Queue[bytes] = asyncio.Queue()
        self.ends = 0
        self.control = Control(self.stream, self.output.put_nowait, self._count)

    def _count(self) -> None:
        self.ends += 1

    async def begun(self) -> Pair:
        self.stream.say(b"%begin 1 1 0\n%end 1 1 0\n%session-changed $0 0\n")
        await self.control.started(1)
        return self

    async def written(self) -> bytes:
        return await self.stream.written.get()


async def test_an_answer_is_what_stands_between_begin_and_end() -> None:
    pair = await Pair().begun()
    asking = asyncio.create_task(pair.control.command("display-message", "-p", "a 'quoted' word;"))
    assert await pair.written() == b"'display-message' '-p' 'a '\\''quoted'\\'' word;'\n"
    pair.stream.say(b"%begin 1 2 1\nhel")
    pair.stream.say(b"lo\n%end 1 2")
    pair.stream.say(b" 1\n")
    assert await asking == ([b"hello"], True)
    await pair.control.close()


async def test_output_between_answers_reaches_the_listener_unescaped() -> None:
    pair = await Pair().begun()
    pair.stream.say(rb"%output %0 a\033[1mb\134\015\012" + b"\n")
    pair.stream.say("%output %0 漢字\n".encode())
    assert await pair.output.get() == b"a\x1b[1mb\\\r\n"
    assert await pair.output.get() == "漢字".encode()
    await pair.control.close()


async def test_a_captured_screen_may_hold_lines_that_look_like_its_end() -> None:
    pair = await Pair().begun()
    heard: list[int] = []
    asking = asyncio.create_task(
        pair.control.transaction(
            ["display-message", "-p", "x"], ["capture-pane", "-p"], then=lambda: heard.append(pair.output.qsize())
        )
    )
    line, last = (await pair.written()).splitlines()
    seal, end = line.split()[-1], last.split()[-1]
    assert (
        line
        == b"'display-message' '-p' 'x' ; display-message -p %b ; 'capture-pane' '-p' ; display-message -p %b"
        % (
            seal,
            seal,
        )
    )
    sealed = b"%begin 1 9 1\n" + seal + b"\n%end 1 9 1\n"
    pair.stream.say(b"%output %0 early\n%begin 1 2 1\nx\n%end 1 2 1\n" + sealed)
    pair.stream.say(b"%begin 1 3 1\nbefore\n%end 1 3 1\n%exit\nafter\n%end 1 3 1\n" + sealed)
    pair.stream.say(b"%output %0 late\n%begin 1 4 1\n" + end + b"\n%end 1 4 1\n")
    assert await asking == [[b"x"], [b"before", b"%end 1 3 1", b"%exit", b"after"]]
    assert heard == [1]  # what came before the capture, and nothing of what came after it
    assert [await pair.output.get(), await pair.output.get()] == [b"early", b"late"]
    await pair.control.close()


async def test_a_transaction_that_fails_says_which_command_did() -> None:
    pair = await Pair().begun()
    asking = asyncio.create_task(pair.control.transaction(["display-message", "-p", "x"], ["nonsense"]))
    line, last = (await pair.written()).splitlines()
    seal, end = line.split()[-1], last.split()[-1]
    pair.stream.say(b"%begin 1 2 1\nx\n%end 1 2 1\n%begin 1 3 1\n" + seal + b"\n%end 1 3 1\n")
    pair.stream.say(b"%begin 1 4 1\nunknown command\n%error 1 4 1\n%begin 1 5 1\n" + end + b"\n%end 1 5 1\n")
    with pytest.raises(SandboxError, match="tmux nonsense: "):
        await asking
    await pair.control.close()


async def test_an_error_carries_tmuxs_words() -> None:
    pair = await Pair().begun()
    asking = asyncio.create_task(pair.control.command("nonsense"))
    await pair.written()
    pair.stream.say(b"%begin 1 2 1\nunknown command: nonsense\n%error 1 2 1\n")
    assert await asking == ([b"unknown command: nonsense"], False)
    await pair.control.close()


async def test_a_tmux_that_does_not_come_up_says_why() -> None:
    pair = Pair()
    pair.stream.say(b"loader: cannot open shared object\n")
    pair.stream.say(b"")
    with pytest.raises(SandboxError, match="cannot open shared object"):
        await pair.control.started(1)
    await pair.control.close()


async def test_the_end_of_the_stream_answers_everything_and_is_told_once() -> None:
    pair = await Pair().begun()
    asking = asyncio.create_task(pair.control.command("list-panes"))
    await pair.written()
    pair.stream.say(b"")
    assert (await asking).ok is False
    await pair.control.close()
    assert pair.ends == 1
    with pytest.raises(SandboxError, match="has ended"):
        await pair.control.command("list-panes")


async def test_a_tmux_that_does_not_answer_is_a_sandbox_error() -> None:
    pair = await Pair().begun()
    with pytest.raises(SandboxError, match=r"no answer within 0.05 s"):
        await pair.control.command("list-panes", within=0.05)
    await pair.control.close()


async def test_a_command_is_one_line_whatever_is_in_it() -> None:
    pair = await Pair().begun()
    asking = asyncio.create_task(pair.control.command("send-keys", "a\nkill-server'\t\x7fb"))
    assert await pair.written() == rb"""'send-keys' 'a'"\012"'kill-server'\'''"\011\177"'b'""" + b"\n"
    pair.stream.say(b"%begin 1 2 1\n%end 1 2 1\n")
    assert (await asking).ok
    with pytest.raises(ValueError, match="NUL"):
        await pair.control.command("send-keys", "a\0b")
    await pair.control.close()


def test_every_byte_survives_escaping() -> None:
    data = bytes(range(256))
    escaped = b"".join(b"\\%03o" % byte if byte < 32 or byte == 0x5C else bytes([byte]) for byte in data)
    assert unescape(escaped) == data
    assert unescape(rb"\134012") == rb"\012"
