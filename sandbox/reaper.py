"""What dead runs left on a Docker daemon, found by whom it belongs to, and removed."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any, NamedTuple

from sandbox.base import SandboxError
from sandbox.images import OWNER
from sandbox.owner import OWNER_LABEL, is_abandoned

if TYPE_CHECKING:
    from sandbox.engine import Engine


_GONE = ("No such", "no such", "not found", "already in progress")
"""What the engine says of what another reaper has removed, or is about to."""


class Removed(NamedTuple):
    """How many of each were removed."""

    containers: int = 0
    networks: int = 0
    volumes: int = 0


async def reap(engine: Engine) -> Removed:
    """Remove what dead runs left, and never what a live one uses: three calls when there is nothing."""
    return await remove(engine, OWNER_LABEL, only_abandoned=True)


async def remove(engine: Engine, label: str, *, only_abandoned: bool = False) -> Removed:
    """Remove all containers, networks and volumes with a label, in the order in which they let go of each other.

    Raises:
        SandboxError: something stayed; the rest is gone.
    """
    api, now = engine.api, time.time()
    problems: list[str] = []

    async def gone(found: list[dict[str, Any]], key: str, removal: Any, **options: Any) -> int:  # noqa: ANN401 - the SDK's
        wanted = [it for it in found if not only_abandoned or is_abandoned(it.get("Labels") or {}, now)]
        count = 0
        for it in wanted:
            try:
                await engine.call(removal, it[key], **options)
                count += 1
            except SandboxError as error:
                if not any(said in str(error) for said in _GONE):
                    problems.append(str(error))
        return count

    filters = {"label": label}
    containers = await engine.call(api.containers, all=True, filters=filters)
    networks = await engine.call(api.networks, filters=filters)
    volumes = (await engine.call(api.volumes, filters=filters))["Volumes"] or []
    removed = Removed(
        await gone(containers, "Id", api.remove_container, force=True, v=True),
        await gone(networks, "Id", api.remove_network),
        await gone(volumes, "Name", api.remove_volume),
    )
    if problems:
        raise SandboxError("; ".join(problems))
    return removed


async def remove_images(engine: Engine) -> int:
    """Remove the images of tasks, which are built again when they are needed; one that is in use stays."""
    count = 0
    for found in await engine.call(engine.api.images, filters={"label": f"{OWNER_LABEL}={OWNER[OWNER_LABEL]}"}):
        try:
            await engine.call(engine.api.remove_image, found["Id"], force=True)
            count += 1
        except SandboxError:
            continue
    return count
