"""What Termstone costs beside plain Docker, as ratios from one run: make bench.

Absolute times of a shared machine say little, so everything is measured in turn with what it is compared with.
"""

from __future__ import annotations

import asyncio
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from agent.loop import TerminalAgent
from agent.scripted import ScriptedModel
from evals.harbor import load
from evals.task import Task
from evals.trial import Plan, Trial
from sandbox.base import Environment, SandboxStartError
from sandbox.bundle import TMUX_ENV, tmux, tmux_bundle
from sandbox.docker import DockerSandbox, Engine
from sandbox.terminal import Terminal, open_terminal
from tests.fakes import make_task, reply

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from agent.model import Completion, Message

IMAGE = "debian:bookworm-slim"
ROUNDS = 9


class ClockedModel(ScriptedModel):
    """Notes when it is asked."""

    async def complete(self, messages: list[Message], *, on_wait: Callable[[float], None] | None = None) -> Completion:
        """Answer at once."""
        self.times.append(time.perf_counter())
        return await super().complete(messages, on_wait=on_wait)

    def __init__(self, replies: list[str]) -> None:
        super().__init__(replies)
        self.times: list[float] = []


async def timed(work: Callable[[], Awaitable[object]], rounds: int = ROUNDS) -> float:
    """Return the median of some runs, in milliseconds."""
    spans = []
    for _ in range(rounds):
        begun = time.perf_counter()
        await work()
        spans.append(time.perf_counter() - begun)
    return statistics.median(spans) * 1000


def show(what: str, ours: float, beside: str, theirs: float) -> None:
    """Print one comparison."""
    print(f"{what:<44} {ours:8.1f} ms   {beside:<34} {theirs:8.1f} ms   ratio {ours / theirs:6.3f}")  # noqa: T201


async def commands(engine: Engine) -> None:
    """Compare one command in the terminal with one ``docker exec``."""
    async with DockerSandbox(engine, Environment(image=IMAGE)) as sandbox, open_terminal(sandbox) as terminal:
        exec_true = await timed(lambda: sandbox.exec(["true"], timeout=10))
        seen = await timed(lambda: terminal.type("true\n", 10), 51)
        show("true, seen complete with its exit code", seen, "docker exec true", exec_true)
        late = await timed(lambda: terminal.type("sleep 0.2; false\n", 10)) - 200
        show("how late the end of `sleep 0.2` is seen", late, "docker exec true", exec_true)
        wasted = await timed(lambda: wasting(terminal))
        show("true with a duration of 15 s", wasted, "the same, waited out", 15_000)


async def wasting(terminal: Terminal) -> None:
    """Type what asks for far too long a wait."""
    await terminal.type("true\n", 15)


async def floor(engine: Engine, image: str) -> tuple[float, float]:
    """Create, start, open a control stream and read one screen with the bare SDK; then remove: seconds of each."""
    api: Any = engine.api
    begun = time.perf_counter()
    settings = api.create_host_config(init=True, network_mode="none")
    created = await engine.call(api.create_container, image, ["sh", "-c", "sleep infinity"], host_config=settings)
    await engine.call(api.start, created["Id"])
    command = [*tmux("bench"), "-C", "new-session", "-x", "160", "-y", "40"]
    made = await engine.call(api.exec_create, created["Id"], command, stdin=True, environment=TMUX_ENV)
    raw = await engine.call(api.exec_start, made["Id"], socket=True)
    await engine.call(_until_captured, raw)
    up = time.perf_counter() - begun
    await engine.call(api.remove_container, created["Id"], force=True)
    return up, time.perf_counter() - begun - up


def _until_captured(raw: Any) -> None:  # noqa: ANN401 - the SDK's socket
    connection, response = raw._sock, raw._response  # noqa: SLF001 - the SDK offers nothing better
    connection.sendall(b"capture-pane -p\n")
    seen = b""
    while seen.count(b"%end ") < 2:
        seen += connection.recv(65536)
    for owner in (response, raw, connection):
        owner.close()


async def trials(engine: Engine, folder: Path) -> None:
    """Compare a trial's set-up, turns and tear-down with the floor."""
    (task,) = load(make_task(folder / "hello"))
    if not isinstance(task, Task):
        sys.exit(str(task))
    image = await with_bundle(engine, task)
    floors, set_ups, turns, tear_downs = [], [], [], []
    for number in range(ROUNDS):
        floors.append(await floor(engine, image))
        model = ClockedModel([reply("echo hello > out\n")] * 30 + [reply(done=True)] * 2)
        plan = Plan(lambda environment: DockerSandbox(engine, environment), lambda *_, m=model: TerminalAgent(m))
        begun = time.perf_counter()
        result = await Trial(task, 1, folder / str(number), plan).run()
        set_ups.append(model.times[0] - begun)
        turns += [after - before for before, after in zip(model.times, model.times[1:30], strict=False)]
        tear_downs.append(result.timing["tear_down"])
    up, down = (statistics.median(column) * 1000 for column in zip(*floors, strict=True))
    show("set-up to the first request", statistics.median(set_ups) * 1000, "bare SDK, tmux in the image", up)
    show("tear-down", statistics.median(tear_downs) * 1000, "bare SDK", down)
    show("our part of a turn with one quick command", statistics.median(turns) * 1000, "bare SDK set-up", up)


async def with_bundle(engine: Engine, task: Task) -> str:
    """Return an image of the task's environment in which tmux already is, for the floor."""
    api: Any = engine.api
    image = await engine.image(task.environment)
    created = await engine.call(api.create_container, image, ["true"])
    await engine.call(api.put_archive, created["Id"], "/", tmux_bundle())
    committed = await engine.call(api.commit, created["Id"], repository="termstone", tag="bench")
    await engine.call(api.remove_container, created["Id"], force=True)
    return str(committed["Id"])


async def command_line() -> None:
    """Compare the command's start with Python's own."""

    async def run(*argv: str) -> None:
        await asyncio.to_thread(subprocess.run, argv, stdout=subprocess.DEVNULL, check=True)

    ours = await timed(lambda: run(sys.executable, "-m", "evals.cli", "--help"))
    theirs = await timed(lambda: run(sys.executable, "-c", "pass"))
    show("termstone --help", ours, "python -c pass", theirs)


async def main() -> None:
    """Run all of it."""
    await command_line()
    try:
        engine = await Engine.connect()
    except SandboxStartError as error:
        sys.exit(f"the rest needs Docker: {error}")
    with tempfile.TemporaryDirectory() as folder:
        await engine.image(Environment(image=IMAGE))
        await commands(engine)
        await trials(engine, Path(folder))
    engine.close()


if __name__ == "__main__":
    asyncio.run(main())
