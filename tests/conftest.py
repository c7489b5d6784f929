"""Sandboxes to test in: real ones, skipped by name where this machine has none."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from evals.sandboxes import choose
from evals.verifier import LOGS
from sandbox.base import Environment, SandboxError, SandboxStartError
from sandbox.docker import Engine

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from evals.sandboxes import Sandboxes
    from sandbox.base import Sandbox

IMAGE = "debian:bookworm-slim"


async def has_image() -> bool:
    """Whether the image that the tests start from can be had."""
    engine = await Engine.connect()
    try:
        await engine.image(Environment(image=IMAGE))
    except SandboxError:
        return False
    finally:
        engine.close()
    return True


@pytest.fixture(params=[pytest.param("docker", marks=pytest.mark.docker), "local"])
def kind(request: pytest.FixtureRequest) -> str:
    """Each kind of sandbox in turn."""
    return str(request.param)


@pytest.fixture
async def sandboxes(kind: str) -> AsyncIterator[Sandboxes]:
    """What opens sandboxes of this kind."""
    try:
        found = await choose(kind)
    except SandboxStartError as error:
        pytest.skip(str(error))
    if found.kind == "docker" and not await has_image():
        found.close()
        pytest.skip(f"no image {IMAGE}, and none can be pulled: make base-image")
    yield found
    found.close()


@pytest.fixture
async def sandbox(sandboxes: Sandboxes, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Sandbox]:
    """An empty Debian."""
    context = tmp_path_factory.mktemp("environment")
    (context / "Dockerfile").write_text(f"FROM {IMAGE}\nWORKDIR /app\n")
    async with sandboxes.open(Environment(context=context, folders=LOGS)) as opened:
        yield opened
