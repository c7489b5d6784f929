"""Limits on what containers write, where the engine's storage has no quotas.

No file grows beyond the limit, which the kernel sees to. What many files take in all is measured when so much of the
disk has gone that a limit may have been passed, as an engine measures slowly; a container that has passed its own is
killed.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import time
from typing import TYPE_CHECKING

from sandbox.base import SandboxError, SandboxOutOfDisk
from sandbox.owner import OWNER_LABEL, this_process

if TYPE_CHECKING:
    from sandbox.engine import Engine

_LOOK = 2.0
"""Seconds between looks at the free space."""
_SHARE = 20.0
"""Times as long as a measurement took passes before the next one."""


class Disk:
    """What this process's containers have written."""

    def __init__(self, engine: Engine) -> None:
        self.has_quotas = True
        """Whether the engine's storage may have quotas, until it says that it has none."""
        self._engine = engine
        self._limits: dict[str, int] = {}
        """Bytes, by container."""
        self._passed: dict[str, int] = {}
        self._watch: asyncio.Task[None] | None = None

    def limit(self, container: str, size: int) -> None:
        """Kill a container once it is found to have written more than `size` bytes."""
        self._limits[container] = size
        if self._watch is None or self._watch.done():
            self._watch = asyncio.get_running_loop().create_task(self._watched())

    def forget(self, container: str) -> None:
        """Watch a container no more."""
        self._limits.pop(container, None)
        self._passed.pop(container, None)
        if not self._limits and self._watch is not None:
            self._watch.cancel()
            self._watch = None

    def reason(self, container: str) -> SandboxOutOfDisk | None:
        """Say whether this is why a container ended."""
        size = self._passed.get(container)
        return SandboxOutOfDisk(f"the container wrote more than {size >> 20} MB") if size is not None else None

    async def _watched(self) -> None:
        root = ""
        with contextlib.suppress(SandboxError):  # without it the free space is not looked at
            root = str((await self._engine.call(self._engine.api.info))["DockerRootDir"])
        at_measurement, earliest = _free(root), 0.0
        while True:
            await asyncio.sleep(_LOOK)
            free = _free(root)
            gone = None if free is None or at_measurement is None else at_measurement - free
            if time.monotonic() < earliest or (gone is not None and gone < min(self._limits.values()) // 2):
                at_measurement = None if free is None else max(at_measurement or 0, free)
                continue
            begun = time.monotonic()
            with contextlib.suppress(SandboxError):  # it is asked again
                await self._measure()
            at_measurement, earliest = free, time.monotonic() + _SHARE * (time.monotonic() - begun)

    async def _measure(self) -> None:
        api = self._engine.api
        filters = {"label": f"{OWNER_LABEL}={this_process()}"}
        for found in await self._engine.call(api.containers, size=True, filters=filters, within=300):
            size = self._limits.get(found["Id"])
            if size is not None and (found.get("SizeRw") or 0) > size:
                self._passed[found["Id"]] = size
                await self._engine.call(api.kill, found["Id"])


def _free(root: str) -> int | None:
    """Return the bytes that are free where the engine keeps its containers; ``None`` when that is elsewhere."""
    try:
        facts = os.statvfs(root)
    except OSError:
        return None
    return facts.f_bavail * facts.f_frsize
