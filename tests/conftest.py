"""Sandboxes to test in: real ones, skipped by name where this machine has none. And a model over real HTTP."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from contextlib import asynccontextmanager
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from agent.litellm_model import LiteLLMModel
from evals.sandboxes import choose
from evals.verifier import LOGS
from sandbox.base import Environment, ImageBuildError, SandboxError, SandboxStartError
from sandbox.engine import Engine
from sandbox.keys import RESET
from sandbox.owner import OWNER_LABEL, this_process
from sandbox.terminal import open_terminal
from tests import faults
from tests.fakes import KEY, Clock
from tests.scripted_server import ScriptedServer

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator, Sequence
    from pathlib import Path

    from evals.sandboxes import Sandboxes
    from sandbox.base import Sandbox
    from sandbox.terminal import Terminal

IMAGE = "debian:bookworm-slim"
KINDS = [pytest.param("docker", marks=pytest.mark.docker), "local"]
PROGRAMS = "bc busybox-static ed fish gdb-minimal htop less nano procps python3 sudo vim-tiny zsh"


async def has_image() -> bool:
    """Whether the image that the tests start from can be had."""
    engine = await Engine.connect()
    try:
        await engine.images.of(Environment(image=IMAGE))
    except SandboxError:
        return False
    finally:
        engine.close()
    return True


@asynccontextmanager
async def found(kind: str, hidden: Sequence[Path] = ()) -> AsyncIterator[Sandboxes]:
    """Find what opens sandboxes of this kind, or skip the test."""
    try:
        sandboxes = await choose(kind, hidden)
    except SandboxStartError as error:
        pytest.skip(str(error))
    if sandboxes.kind == "docker" and not await has_image():
        sandboxes.close()
        pytest.skip(f"no image {IMAGE}, and none can be pulled: make base-image")
    yield sandboxes
    sandboxes.close()


async def own_containers(engine: Engine) -> list[str]:
    """Name the containers of this process; beside it, others run tests as well."""
    filters = {"label": f"{OWNER_LABEL}={this_process()}"}
    return [found["Id"] for found in await engine.call(engine.api.containers, all=True, filters=filters)]


@asynccontextmanager
async def daemon() -> AsyncIterator[Engine]:
    """Connect to a Docker daemon with an image to start from, or skip the test."""
    try:
        connected = await Engine.connect()
    except SandboxStartError as error:
        pytest.skip(str(error))
    try:
        if not await has_image():
            pytest.skip(f"no image {IMAGE}, and none can be pulled: make base-image")
        yield connected
    finally:
        connected.close()


def debian(context: Path, *instructions: str) -> Environment:
    """Write the environment of a Debian with these instructions of a Dockerfile."""
    (context / "Dockerfile").write_text("\n".join([f"FROM {IMAGE}", *instructions, "WORKDIR /app", ""]))
    return Environment(context=context, folders=LOGS)


async def need(sandbox: Sandbox, program: str) -> None:
    """Start without a file, and skip what cannot be tried without a program."""
    if (await sandbox.exec(["sh", "-c", f"rm -f typed; command -v {program}"], timeout=10)).exit_code:
        pytest.skip(f"no {program} here")


@pytest.fixture(params=KINDS)
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of sandbox in turn."""
    return str(request.param)


@pytest.fixture
async def sandboxes(kind: str) -> AsyncIterator[Sandboxes]:
    """What opens sandboxes of this kind."""
    async with found(kind) as opener:
        yield opener


@pytest.fixture
async def sandbox(sandboxes: Sandboxes, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    """An empty Debian."""
    async with sandboxes.open(debian(tmp_path_factory.mktemp("environment"))) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=KINDS)
async def shared_sandbox(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[Sandbox]:
    """Each kind of sandbox in turn, an empty Debian, one for all tests of a module."""
    environment = debian(tmp_path_factory.mktemp("environment"))
    async with found(str(request.param)) as opener, opener.open(environment) as opened:
        yield opened


@pytest_asyncio.fixture(scope="module", loop_scope="module", params=KINDS)
async def equipped(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    """One Debian for a whole module. `PROGRAMS` are there in a container; in a local one those of this machine."""
    install = f"RUN apt-get update && apt-get install -y --no-install-recommends {PROGRAMS}"
    instructions = [install] if request.param == "docker" else []
    environment = debian(tmp_path_factory.mktemp("equipped"), *instructions)
    try:
        async with found(request.param) as opener, opener.open(environment) as opened:
            yield opened
    except ImageBuildError as error:
        pytest.skip(f"no image with {PROGRAMS}: {error}")


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def only_terminal(equipped: Sandbox) -> AsyncIterator[Terminal]:
    """One terminal for a whole module: those that are closed go on, and many would make a sandbox slow."""
    async with open_terminal(equipped) as opened:
        yield opened


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(only_terminal: Terminal) -> Terminal:
    """The only terminal with a new shell."""
    await only_terminal.type(RESET, 10)
    return only_terminal


@pytest.fixture(scope="session")
def litellm_imported() -> None:
    """Pay for the import before any test's time counts."""
    asyncio.run(LiteLLMModel("openai/gpt-5").warm_up())


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have a key for each provider that is asked."""
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    for provider in ("ANTHROPIC", "DEEPSEEK", "OPENROUTER"):
        monkeypatch.setenv(f"{provider}_API_KEY", f"sk-{provider}-0123456789abcdef")


@pytest.fixture
def clock() -> Clock:
    """Time that passes only when somebody sleeps."""
    return Clock()


@pytest.fixture
def server() -> Iterator[ScriptedServer]:
    """A provider."""
    with ScriptedServer(["one", "two"]) as running:
        yield running


@pytest.fixture
async def ask(
    litellm_imported: None,  # noqa: ARG001 - done before
    keys: None,  # noqa: ARG001 - there before
    server: ScriptedServer,
    clock: Clock,
) -> AsyncIterator[Callable[..., LiteLLMModel]]:
    """Makes models of that provider by their names."""
    made: list[LiteLLMModel] = []

    def make(name: str, **options: Any) -> LiteLLMModel:  # noqa: ANN401 - the model's own
        base = server.url.removesuffix("/v1") if name.startswith("anthropic/") else server.url
        made.append(LiteLLMModel(name, api_base=base, sleep=clock.sleep, clock=clock, **options))
        return made[-1]

    yield make
    for model in made:
        await model.close()


@pytest.fixture
def model(ask: Callable[..., LiteLLMModel]) -> LiteLLMModel:
    """A model of that provider."""
    return ask("openai/gpt-5")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Note which rows of the fault catalogue each test proves."""
    faults.mark_rows(items)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """Print what tests have measured: each number with its test, and the median or the sum of all."""
    reports = terminalreporter.getreports("passed") + terminalreporter.getreports("failed")
    measured: defaultdict[str, list[int]] = defaultdict(list)
    for report in reports:
        for name, value in report.user_properties:
            measured[name].append(value)
            if name == "milliseconds late":
                terminalreporter.write_line(f"{value:>6} {name}: {report.nodeid}")
    if late := measured["milliseconds late"]:
        terminalreporter.write_line(
            f"{len(late)} ends seen, {median(late):.0f} milliseconds late in the middle of them"
        )
    if strings := measured["strings arrived"]:
        terminalreporter.write_line(f"{len(strings)} ways, {sum(strings)} strings through them in all, 0 differences")
    broken = [
        report
        for report in terminalreporter.getreports("failed") + terminalreporter.getreports("error")
        if isinstance(report, pytest.TestReport)  # not one about a file that could not be read
    ]
    for line in faults.summary(terminalreporter.getreports("passed"), broken):
        terminalreporter.write_line(line)
