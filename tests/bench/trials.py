"""A trial: what it takes to set up, per turn and to tear down, beside the bare SDK."""

from __future__ import annotations

import os
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

from agent.litellm_model import LiteLLMModel
from agent.loop import TerminalAgent
from agent.scripted import ScriptedModel
from evals.harbor import load
from evals.task import Task
from evals.trial import Plan, Trial
from sandbox.bundle import TMUX_ENV, tmux, tmux_bundle
from sandbox.docker import DockerSandbox
from tests.bench.row import ROUNDS, show
from tests.fakes import make_task, reply
from tests.scripted_server import ScriptedServer

if TYPE_CHECKING:
    from pathlib import Path

    from agent.model import Completion, Message, Model
    from evals.result import TrialResult
    from sandbox.engine import Engine

TURNS = 30
REPLIES = [*[reply("echo hello > out\n")] * TURNS, *[reply(done=True)] * 2]


class ClockedModel(ScriptedModel):
    """Notes when it is asked."""

    async def complete(self, messages: list[Message], **settings: Any) -> Completion:  # noqa: ANN401 - passed on
        """Answer at once."""
        self.times.append(time.perf_counter())
        return await super().complete(messages, **settings)

    def __init__(self, replies: list[str]) -> None:
        super().__init__(replies)
        self.times: list[float] = []


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


async def measure(engine: Engine, folder: Path) -> None:
    """Compare a trial's set-up, turns and tear-down with the floor."""
    (task,) = load(make_task(folder / "hello"))
    if not isinstance(task, Task):
        sys.exit(str(task))
    image = await with_bundle(engine, task)
    floors, set_ups, turns, tear_downs = [], [], [], []
    for number in range(ROUNDS):
        floors.append(await floor(engine, image))
        model = ClockedModel(REPLIES)
        begun = time.perf_counter()
        result = await trial(engine, task, model, folder / str(number))
        set_ups.append(model.times[0] - begun)
        turns += spans(model.times, model.times[1:TURNS])
        tear_downs.append(result.timing["tear_down"])
    up, down = (statistics.median(column) * 1000 for column in zip(*floors, strict=True))
    beside = ("bare SDK, tmux in the image", up)
    show("set-up to the first request", statistics.median(set_ups) * 1000, target=1.5 * up, beside=beside)
    show("tear-down", statistics.median(tear_downs) * 1000, target=1.5 * down, beside=("bare SDK", down))
    show("our part of a turn with one quick command", statistics.median(turns) * 1000, target=15)
    os.environ.setdefault("OPENAI_API_KEY", "none")  # litellm wants one, and the server does not look at it
    gaps = []
    for number in range(ROUNDS):
        with ScriptedServer(REPLIES) as server:
            await trial(engine, task, LiteLLMModel("openai/scripted", api_base=server.url), folder / f"http-{number}")
        gaps += spans(server.answered, [request.at for request in server.requests[1:TURNS]])
    show("all of a turn, from an answer to the next request", statistics.median(gaps) * 1000, target=30)


async def trial(engine: Engine, task: Task, model: Model, folder: Path) -> TrialResult:
    """Run the task once with a model."""
    plan = Plan(lambda environment: DockerSandbox(engine, environment), lambda *_: TerminalAgent(model))
    return await Trial(task, 1, folder, plan).run()


def spans(begins: list[float], ends: list[float]) -> list[float]:
    """Return the seconds from each beginning to its end."""
    return [end - begin for begin, end in zip(begins, ends, strict=False)]


async def with_bundle(engine: Engine, task: Task) -> str:
    """Return an image of the task's environment in which tmux already is, for the floor."""
    api: Any = engine.api
    image = await engine.images.of(task.environment)
    created = await engine.call(api.create_container, image, ["true"])
    await engine.call(api.put_archive, created["Id"], "/", tmux_bundle())
    committed = await engine.call(api.commit, created["Id"], repository="termstone", tag="bench")
    await engine.call(api.remove_container, created["Id"], force=True)
    return str(committed["Id"])
