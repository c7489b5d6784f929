"""A sandbox that is one container, from an image that is built once per environment.

Nothing of this machine is mounted into it.
"""

from __future__ import annotations

import asyncio
import base64
import functools
import json
from typing import TYPE_CHECKING, Any, Self

from sandbox import owner
from sandbox.archive import Archive
from sandbox.base import HOME, Environment, SandboxError, SandboxStartError, UnsupportedImage, finished
from sandbox.bundle import tmux_bundle
from sandbox.container import Container
from sandbox.docker_network import Uplink
from sandbox.limits import EXPENDABLE, PIDS, disk_limit

if TYPE_CHECKING:
    from sandbox.engine import Engine

KEEP = ("/bin/sh", f"{HOME}/shell/keep", HOME)
"""The first process of a container, to which what the image would run is handed."""
_START = 60.0
_REMOVAL = 60.0


class DockerSandbox(Container):
    """One container."""

    def __init__(self, engine: Engine, environment: Environment) -> None:
        super().__init__(engine)
        self._environment = environment
        self._architecture = ""
        self.image = ""
        """The id of the image that the container runs."""

    async def __aenter__(self) -> Self:
        self.image = await self._engine.images.of(self._environment)
        try:
            await finished(self._create())
            await self._furnished()
        except SandboxError as error:
            reason = await self._unsupported() or SandboxStartError(f"no container: {error}")
            await self.__aexit__()
            raise reason from error
        except asyncio.CancelledError:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *exc: object) -> None:
        await finished(self._remove())

    async def _remove(self) -> None:
        """Remove what there is; what cannot be removed is left to `sandbox.reaper`, as the work in it is done."""
        container, self.container_id = self.container_id, ""
        self._engine.disk.forget(container)
        try:
            if container:
                await self._engine.call(
                    self._engine.api.remove_container, container, force=True, v=True, within=_REMOVAL
                )
            if self._uplink:
                await self._uplink.close()
        except SandboxError as error:
            self.notes.append(f"not removed, `termstone clean` does it later: {error}")

    async def _create(self) -> None:
        # In the image's words, with a command that Harbor's tasks are used to; PATH may be empty, so /bin/sh is named.
        image = self._engine.images.facts[self.image]
        self._architecture = image["Architecture"]
        own = (image["Config"] or {}).get("Entrypoint") or []
        command = [*own, "sh", "-c", "sleep infinity"] if own else []
        self._uplink = await Uplink.provided(self._engine, self._environment)
        self.container_id = await self._created(command)
        await self._uplink.adopt(self.container_id, self._uplink.network)

    async def _created(self, command: list[str]) -> str:
        """Make the container, with a quota where the engine's storage has them, and watched where it has not."""
        engine, size = self._engine, disk_limit(self._environment)
        wanted = self._environment.storage_mb is not None and engine.disk.has_quotas
        settings = self._settings()
        settings["host_config"] |= {"StorageOpt": {"size": str(size)}} if wanted else {}
        try:
            made = await engine.call(
                engine.api.create_container, self.image, command, entrypoint=list(KEEP), **settings
            )
        except SandboxError as error:
            if not wanted or "storage" not in str(error):
                raise
            engine.disk.has_quotas = False
            return await self._created(command)
        if not wanted:
            engine.disk.limit(made["Id"], size)
        return str(made["Id"])

    async def _furnished(self) -> None:
        """Put in what is ours and start; in a read-only container only what is below a volume can be written."""
        folders, read_only = self._environment.folders, self._environment.read_only
        await self.put(tmux_bundle("."), HOME) if read_only else await self.put(added(folders))
        await self._engine.call(self._engine.api.start, self.container_id, within=_START)
        if self._architecture != await self._engine.architecture():
            await self.exec(["true"], timeout=10)  # works where there is an emulator; a start says nothing
        if read_only and folders and (await self.exec(["chmod", "777", *folders], timeout=10, user="root")).exit_code:
            raise SandboxError("the image has no chmod for the folders of a read-only container")
        await self._put_files(self._environment)

    async def _unsupported(self) -> UnsupportedImage | None:
        """Say what it is in the image that no container can start from."""
        if self._architecture != (machine := await self._engine.architecture()):
            return UnsupportedImage(f"the image is for {self._architecture}, and this machine is {machine}")
        if self.container_id and not await self._engine.call(self._exists, "/bin/sh"):
            return UnsupportedImage("the image has no /bin/sh, and a terminal needs a shell")
        return None

    def _exists(self, path: str) -> bool:
        """Whether there is something at a path, behind its links, in a container that need not run."""
        api = self._engine.api
        answer = api.head(api._url("/containers/{0}/archive", self.container_id), params={"path": path})  # noqa: SLF001 - the SDK has no call that only asks
        if not answer.ok:
            return False
        target = json.loads(base64.b64decode(answer.headers["X-Docker-Container-Path-Stat"]))["linkTarget"]
        return not target or self._exists(target)

    def _settings(self) -> dict[str, Any]:
        environment = self._environment
        memory = environment.memory_mb and environment.memory_mb * 1024 * 1024
        host, rest = self._uplink.settings() if self._uplink else ({}, {})
        return {
            "environment": environment.env,
            # A volume takes our files in half the time of an image's layers, and can be written where those cannot.
            "volumes": [HOME, *(environment.folders if environment.read_only else ())],
            "working_dir": environment.workdir,
            "labels": owner.labels(),
            "host_config": self._engine.api.create_host_config(
                read_only=environment.read_only,
                mem_limit=memory,
                memswap_limit=memory,
                nano_cpus=environment.cpus and int(environment.cpus * 1e9),
                pids_limit=PIDS,
                oom_score_adj=EXPENDABLE,
                ulimits=[{"Name": "fsize", "Soft": disk_limit(environment), "Hard": disk_limit(environment)}],
                **host,
            ),
            **rest,
        }


@functools.lru_cache(maxsize=4)
def added(folders: tuple[str, ...]) -> bytes:
    """Pack what is ours, with folders that everyone may write to."""
    archive = Archive().merge(tmux_bundle())
    for folder in folders:
        archive.folder(folder.lstrip("/"), 0o777)
    return archive.done()
