"""Dockerfiles that reach for what is not theirs are refused: pytest tests/test_hostile_builds.py."""

from __future__ import annotations

import secrets
import time
from typing import TYPE_CHECKING

import pytest

from sandbox.base import Environment, ImageBuildError
from tests.child import holding
from tests.conftest import IMAGE
from tests.fakes import until

if TYPE_CHECKING:
    from pathlib import Path

    from evals.sandboxes import Sandboxes

HOSTILE = {
    "a file above": "COPY ../secret /s",
    "a file far above": "COPY ../../../../../../../..{secret} /s",
    "a path of this machine": "COPY {secret} /s",
    "a file above, by ADD": "ADD ../secret /s",
    "a link that leads out": "COPY leads-out /s",
    "a folder that leads out": "COPY folder-out/secret /s",
    "a pattern that leads out": "COPY folder-out/s* /s/",
    "a folder above, mounted": "RUN --mount=type=bind,source=..,target=/m cp /m/secret /s",
    "a secret of who builds": "RUN --mount=type=secret,id=key,required=true cp /run/secrets/key /s",
    "the keys of who builds": "RUN --mount=type=ssh,required=true true",
    "privileges": "RUN --security=insecure true",
    "this machine's network": "RUN --network=host true",
    "a stage that is not there": "COPY --from=nobody / /s",
    "a disk of this machine": "RUN mknod /disk b 8 0 && head -c 1 /disk",
    "the memory of this machine": "RUN head -c 1 /dev/mem",
    "a mount": "RUN mount -t tmpfs none /mnt",
    "this machine's time": "RUN date -s @0",
    "this machine's settings": "RUN echo 1 > /proc/sys/kernel/panic",
    "the socket of Docker": "RUN test -S /var/run/docker.sock",
    "a step without end": "RUN sleep 31200",
}
"""Each has to fail."""


@pytest.mark.fault("F63")
@pytest.mark.parametrize("name", HOSTILE)
async def test_a_build_does_not_get(sandboxes: Sandboxes, tmp_path: Path, name: str) -> None:
    canary = f"canary-{secrets.token_hex(8)}"
    (tmp_path / "secret").write_text(canary)
    context = tmp_path / "task" / "environment"
    context.mkdir(parents=True)
    (context / "leads-out").symlink_to("../../secret")
    (context / "folder-out").symlink_to("../..")
    instruction = HOSTILE[name].format(secret=tmp_path / "secret")
    (context / "Dockerfile").write_text(f"FROM {IMAGE}\n{instruction}\n")
    limit = 3.0 if name == "a step without end" else 60.0
    begun = time.monotonic()
    with pytest.raises(ImageBuildError) as refused:
        async with sandboxes.open(Environment(context=context, build_timeout=limit)):
            pass
    assert canary not in str(refused.value)
    await until(lambda: not holding("31200"), 5)
    assert time.monotonic() - begun < limit + 5
