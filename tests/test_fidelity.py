"""What is typed arrives byte for byte, whoever reads it: pytest tests/test_fidelity.py."""

from __future__ import annotations

import random
import re
from hashlib import sha256
from itertools import zip_longest
from typing import TYPE_CHECKING, NamedTuple

import pytest

from sandbox.archive import Archive
from sandbox.observation import State
from tests.conftest import need
from tests.hard_strings import CONTROLS, LINE_ENDS, STRINGS

if TYPE_CHECKING:
    from collections.abc import Callable

    from sandbox.base import Sandbox
    from sandbox.terminal import Terminal

pytestmark = pytest.mark.asyncio(loop_scope="module")


class Way(NamedTuple):
    """One way of lines of text into /app/typed."""

    name: str
    needs: str
    """The program without which there is no such way."""
    begin: tuple[str, ...]
    """Keystrokes before the text."""
    end: tuple[str, ...]
    """Keystrokes after it."""
    at_once: int = 1000
    """Strings typed in one go."""
    every: int = 1
    """1 for all the strings, 2 for each second one."""
    without: str = "$^"
    """What such strings cannot have, as a regular expression."""
    spell: Callable[[str], str] = str
    """How the text is written so that it means itself."""

    @property
    def pieces(self) -> list[str]:
        return [piece for piece in PIECES[:: self.every] if not re.search(self.without, piece)]


def quoted(text: str) -> str:
    return "printf %s '" + text.replace("\\", "\\\\").replace("'", "\\'") + "' >> typed\n"


DOCUMENT = "cat > typed <<'EOF'\n"
WAYS = [
    Way("cat", "cat", ("cat > typed\n",), ("C-d",)),
    Way("cat, few at a time", "cat", ("cat > typed\n",), ("C-d",), at_once=3, every=10),
    Way("a document in bash", "bash", (DOCUMENT,), ("EOF\n",)),
    Way("a document in bash, few at a time", "bash", (DOCUMENT,), ("EOF\n",), at_once=3, every=10),
    Way("a document in dash", "dash", ("dash\n", DOCUMENT), ("EOF\n",)),
    Way("a document in ash", "busybox", ("busybox ash\n", DOCUMENT), ("EOF\n",)),
    # By characters of this range zsh's line editor keeps bytes that are no UTF-8, and it writes them as such.
    Way("a document in zsh", "zsh", ("zsh -f\n", DOCUMENT), ("EOF\n",), without="[\ue000-\ue0ff]"),
    Way("a quote in fish", "fish", ("fish\n",), (), at_once=20, without=".{1001}", spell=quoted),
    Way("ed", "ed", ("ed -s\n", "a\n"), (".\n", "w typed\n")),
    Way("nano", "nano", ("LC_ALL=C.UTF-8 nano -t typed\n",), ("BSpace", "C-x")),
    Way("vi", "busybox", ("busybox vi typed\n", "i"), ("BSpace", "Escape", ":x\n")),
    Way("vi, in one go", "busybox", ("busybox vi typed\n", "i"), ("BSpace", "\x1b:x\n"), every=10),
]
PIECES = [f"{line}\n" for lines in STRINGS.values() for line in lines] + LINE_ENDS

RAW = """\
import os, sys, tty
tty.setraw(0)
print("ready\\r")
data, size = b"", int(sys.argv[1])
while len(data) < size:
    data += os.read(0, 65536)
open("typed", "wb").write(data)
os.system("stty sane")
"""
MEGABYTE = 1_000_000


def ended(text: str, end: str = "\n") -> bytes:
    """Write text as a program reads it, for which every line end is an Enter."""
    return re.sub("\r\n|\r|\n", end, text).encode()


def different(kept: bytes, sent: bytes, end: bytes = b"\n") -> list[tuple[bytes, bytes]]:
    """Return the lines that are not what was sent: what is there, what was sent."""
    if kept == sent:
        return []
    pairs = zip_longest(kept.split(end), sent.split(end), fillvalue=b"nothing")
    return [(got[:200], line[:200]) for got, line in pairs if got != line][:20] or [(kept[-200:], sent[-200:])]


async def typed(sandbox: Sandbox) -> bytes:
    return (await sandbox.get("/app/typed", 10 * MEGABYTE))["typed"]


async def start_raw(terminal: Terminal, size: int) -> None:
    """Start a program that reads so many bytes as they come, with nothing interpreted by the terminal."""
    await terminal.sandbox.put(Archive().file("app/raw.py", RAW.encode()).done())
    await terminal.type(f"python3 raw.py {size}\n", 10)


@pytest.mark.parametrize("way", WAYS, ids=lambda way: way.name)
@pytest.mark.fault("F35")
async def test_what_is_typed_is_what_is_read(
    way: Way, fresh: Terminal, record_property: Callable[[str, object], None]
) -> None:
    await need(fresh.sandbox, way.needs)
    pieces = way.pieces
    for keystrokes in way.begin:
        await fresh.type(keystrokes, 10)
    for start in range(0, len(pieces), way.at_once):
        seen = await fresh.type(way.spell("".join(pieces[start : start + way.at_once])), 60)
        assert not seen.untyped_bytes
    for keystrokes in way.end:
        await fresh.type(keystrokes, 10)
    assert different(await typed(fresh.sandbox), ended("".join(pieces))) == []
    record_property("strings arrived", len(pieces))


@pytest.mark.fault("F35")
async def test_a_program_that_reads_raw_gets_every_byte(
    fresh: Terminal, record_property: Callable[[str, object], None]
) -> None:
    await need(fresh.sandbox, "python3")
    pieces = [*PIECES, *CONTROLS, *(f"a{control}b\n" for control in CONTROLS), "".join(CONTROLS), *CONTROLS]
    sent = ended("".join(pieces), "\r")
    await start_raw(fresh, len(sent))
    await fresh.type("".join(pieces[: -len(CONTROLS)]), 60)
    for control in CONTROLS:  # each by itself
        seen = await fresh.type(control, 10)
    assert seen.state is State.PROMPT
    assert different(await typed(fresh.sandbox), sent, b"\r") == []
    record_property("strings arrived", len(pieces))


def much(size: int) -> str:
    source = random.Random(1)  # noqa: S311 - no secrets
    lines = (f"{source.getrandbits(source.randint(8, 900)):x}\t;" for _ in range(size // 100))
    return "\n".join(lines).ljust(size, "x")[: size - 1] + "\n"


MUCH = [
    ("cat > typed\n", "C-d", MEGABYTE),
    (DOCUMENT, "EOF\n", MEGABYTE // 10),  # a shell's line editor takes some milliseconds for each line
]


@pytest.mark.parametrize(("begin", "end", "size"), MUCH, ids=["cat", "a document"])
@pytest.mark.fault("F22")
async def test_a_megabyte_arrives_whole(begin: str, end: str, size: int, fresh: Terminal) -> None:
    text = much(size)
    await fresh.type(begin, 10)
    assert not (await fresh.type(text, 120)).untyped_bytes
    assert (await fresh.type(end, 10)).exit_codes == (0,)
    assert sha256(await typed(fresh.sandbox)).hexdigest() == sha256(text.encode()).hexdigest()


@pytest.mark.fault("F22")
async def test_a_megabyte_arrives_whole_in_a_program_that_reads_raw(fresh: Terminal) -> None:
    await need(fresh.sandbox, "python3")
    text = much(MEGABYTE)
    await start_raw(fresh, len(text))
    assert (await fresh.type(text, 120)).state is State.PROMPT
    assert sha256(await typed(fresh.sandbox)).hexdigest() == sha256(ended(text, "\r")).hexdigest()


@pytest.mark.parametrize("keystrokes", ["a\0b\n", "\0", "a\ud800\n", "\udfff", "\ude00\ud83d"])
async def test_what_no_terminal_takes_is_refused_and_nothing_of_it_typed(keystrokes: str, fresh: Terminal) -> None:
    with pytest.raises(ValueError, match=r"NUL|surrogate"):
        await fresh.type(keystrokes, 5)
    assert (await fresh.type("echo next\n", 5)).text.splitlines()[0].endswith("# echo next")
