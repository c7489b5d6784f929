"""A sandbox of several containers, from a compose file.

`docker compose` starts them, in the order and with the health checks that the file names; everything else goes through
the engine, as with one container.
"""

from __future__ import annotations

import asyncio
import contextlib
import functools
import hashlib
import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from sandbox import compose_policy, owner
from sandbox.archive import Archive
from sandbox.base import HOME, PUBLIC, SandboxError, SandboxStartError, UnsupportedImage, finished
from sandbox.compose_policy import words
from sandbox.container import Container
from sandbox.docker import KEEP, added
from sandbox.docker_network import CLOSED, METADATA, NO_NAMES, Uplink
from sandbox.images import Recipe, packed
from sandbox.limits import EXPENDABLE, PIDS, disk_limit
from sandbox.reaper import remove

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sandbox.base import Environment
    from sandbox.compose_policy import Addition, Composition
    from sandbox.engine import Engine

_PROJECT_LABEL = "com.docker.compose.project"
_SERVICE_LABEL = "com.docker.compose.service"
_PASSED_ON = ("PATH", "HOME", "DOCKER_HOST", "DOCKER_CONFIG", "DOCKER_CONTEXT", "DOCKER_CERT_PATH", "DOCKER_TLS_VERIFY")
"""What `docker compose` needs of this process's environment; the file has no variables left to fill with it."""


class _Image(NamedTuple):
    name: str
    id: str


async def prepare(engine: Engine, environment: Environment) -> str:
    """Build, pull or find the images of an environment, and return what identifies them."""
    if environment.compose is None:
        return await engine.images.of(environment)
    composition = await asyncio.to_thread(compose_policy.read, environment)
    found = await _images(engine, environment, composition)
    lines = [f"{service} {image.id}\n" for service, image in sorted(found.items())]
    return f"sha256:{hashlib.sha256(''.join(lines).encode()).hexdigest()}"


async def _images(engine: Engine, environment: Environment, composition: Composition) -> dict[str, _Image]:
    """Have the images of all services, by service."""
    found = {}
    for service, name in composition.images.items():
        found[service] = _Image(name, await engine.images.pulled(name, environment.build_timeout))
    for service, build in composition.builds.items():
        context = await asyncio.to_thread(packed, build.context, build.dockerfile)
        recipe = Recipe(context, build.dockerfile, dict(build.args), build.target)
        found[service] = _Image(recipe.tag, await engine.images.built(recipe, environment.build_timeout))
    return found


class ComposeSandbox(Container):
    """The containers of a compose file; commands run in the service that the agent works in."""

    def __init__(self, engine: Engine, environment: Environment) -> None:
        super().__init__(engine)
        self._environment = environment
        self._project = f"termstone-{secrets.token_hex(8)}"
        self._file: Path | None = None
        self._watched: tuple[str, ...] = ()
        """The containers whose disk is watched."""
        self.image = ""
        """The id of the image of the agent's service."""

    async def __aenter__(self) -> Self:
        environment, engine = self._environment, self._engine
        composition = await asyncio.to_thread(compose_policy.read, environment)
        self.notes += composition.notes
        found = await _images(engine, environment, composition)
        self.image = found[environment.service].id
        try:
            async with asyncio.timeout(environment.build_timeout):
                await self._start(composition, found)
        except TimeoutError as error:
            await self.__aexit__()
            raise SandboxStartError(f"the services were not up within {environment.build_timeout:g} s") from error
        except SandboxError as error:
            await self.__aexit__()
            raise (
                error if isinstance(error, SandboxStartError) else SandboxStartError(f"no services: {error}")
            ) from error
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def _start(self, composition: Composition, found: Mapping[str, _Image]) -> None:
        environment, engine = self._environment, self._engine
        self._uplink = await Uplink.provided(engine, environment, services=tuple(found))
        document = await self._completed(composition, found)
        self._file = Path(tempfile.mkdtemp(prefix=owner.folder_prefix())) / "compose.json"
        # JSON is YAML, and as all variables are filled in, a dollar sign is one.
        self._file.write_text(json.dumps(document).replace("$", "$$"), encoding="utf-8")
        await self._compose("up", "--no-start", "--no-build")
        containers = await self._made()
        self.container_id = containers[environment.service]
        self._watched = tuple(containers.values())
        for made in self._watched:
            engine.disk.limit(made, disk_limit(environment))
        others = {name: it for name, it in containers.items() if name != environment.service}
        services = {name: Container(engine, it, self._uplink) for name, it in others.items()}
        self.services = services
        await self.put(await asyncio.to_thread(added, environment.folders))
        for name, additions in composition.additions.items():
            archive = await asyncio.to_thread(_packed, additions)
            await services.get(name, self).put(archive)
        await self._compose("up", "-d", "--no-build", "--no-recreate")
        await self._healthy(containers)
        await self._put_files(environment)

    async def _completed(self, composition: Composition, found: Mapping[str, _Image]) -> dict[str, Any]:
        """Return the file with images, limits, labels, networks and the first process of the agent's service."""
        environment, marks = self._environment, {"labels": owner.labels()}
        document = json.loads(json.dumps(composition.document))
        is_open = self._uplink is not None and self._uplink.is_open
        for name, service in document["services"].items():
            service.update(image=found[name].name, oom_score_adj=EXPENDABLE, **marks)
            service.setdefault("pids_limit", PIDS)
            service["ulimits"] = {"fsize": disk_limit(environment), **service.get("ulimits", {})}
            if service.get("mem_limit"):
                service["memswap_limit"] = service["mem_limit"]
            if "network_mode" not in service:
                joined = service.get("networks") or {"default": {}}
                out = {"link_local_ips": list(METADATA)} if is_open else {}
                service["networks"] = {network: {**it, **out} for network, it in joined.items()}
                if PUBLIC not in {environment.network, *environment.phases}:
                    service.update(NO_NAMES)
        self._first_process(document["services"][environment.service])
        networks = document.setdefault("networks", {})
        mtu = await self._engine.networks.mtu()
        for name in {"default", *networks}:
            options = mtu if is_open else CLOSED
            network = networks.get(name) or {}
            is_internal = not is_open or network.get("internal", False)
            networks[name] = {**network, "driver_opts": options, "internal": is_internal, **marks}
        document["volumes"] = {name: {**it, **marks} for name, it in document.get("volumes", {}).items()}
        return dict(document)

    def _first_process(self, service: dict[str, Any]) -> None:
        """Have the agent's service begin as `sandbox.docker` does, with the service's own process beside."""
        environment, image = self._environment, self._engine.images.facts[self.image]["Config"] or {}
        own = words(service.get("entrypoint")) or image.get("Entrypoint") or []
        inherited = [] if service.get("entrypoint") else image.get("Cmd") or []
        service["command"] = [*own, *(words(service.get("command")) or inherited)]
        service["entrypoint"] = list(KEEP)
        service["environment"] = {**service.get("environment", {}), **environment.env}
        service["volumes"] = [*service.get("volumes", []), HOME]
        if environment.workdir:
            service["working_dir"] = environment.workdir
        if environment.read_only:
            service |= {"read_only": True, "volumes": [*service["volumes"], *environment.folders]}

    async def _made(self) -> dict[str, str]:
        """Return the containers by their services, each with the way out that it begins with."""
        filters = {"label": f"{_PROJECT_LABEL}={self._project}"}
        listed = await self._engine.call(self._engine.api.containers, all=True, filters=filters)
        for it in listed:
            shares = it["HostConfig"]["NetworkMode"].startswith(("none", "container:", "host"))
            if self._uplink and not shares:
                await self._uplink.adopt(it["Id"], "")
        return {it["Labels"][_SERVICE_LABEL]: it["Id"] for it in listed}

    async def _healthy(self, containers: Mapping[str, str]) -> None:
        """Wait until every service that has a health check has passed it."""
        waiting = dict(containers)
        while waiting:
            for name, found in list(waiting.items()):
                state = (await self._engine.call(self._engine.api.inspect_container, found))["State"]
                health = (state.get("Health") or {}).get("Status", "healthy")
                ended = not state["Running"] and state["ExitCode"]
                if health == "unhealthy" or ended:
                    said = await self._engine.call(self._engine.api.logs, found, tail=12)
                    reason = f"ended, exit code {ended}" if ended else "is not healthy"
                    raise SandboxStartError(f"service {name} {reason}\n{said.decode(errors='replace')}".strip())
                if health == "healthy" or not state["Running"]:
                    del waiting[name]
            await asyncio.sleep(0.1 if waiting else 0)

    async def _compose(self, *argv: str) -> None:
        """Run `docker compose`; `SandboxError` has its last lines."""
        if self._file is None:
            return
        command = [*await asyncio.to_thread(_command), "-p", self._project, "-f", str(self._file), *argv]
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT, start_new_session=True, cwd=self._file.parent,
            env={name: os.environ[name] for name in _PASSED_ON if name in os.environ},
        )  # fmt: skip
        try:
            output, _ = await process.communicate()
        finally:
            if process.returncode is None:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(process.pid, signal.SIGKILL)
                await finished(process.wait())
        if process.returncode:
            lines = [line for line in output.decode(errors="replace").splitlines() if line.strip()]
            raise SandboxError("\n".join([f"docker compose {argv[0]} failed:", *lines[-12:]]))

    async def __aexit__(self, *exc: object) -> None:
        await finished(self._remove())

    async def _remove(self) -> None:
        if self._file:
            shutil.rmtree(self._file.parent, ignore_errors=True)
        for container in self._watched:
            self._engine.disk.forget(container)
        try:
            await remove(self._engine, f"{_PROJECT_LABEL}={self._project}")
            if self._uplink:
                await self._uplink.close()
        except SandboxError as error:
            self.notes.append(f"not removed, `termstone clean` does it later: {error}")


@functools.cache
def _command() -> tuple[str, ...]:
    """Find the second `docker compose`, or the first."""
    for command in (("docker", "compose"), ("docker-compose",)):
        if shutil.which(command[0]):
            tried = subprocess.run([*command, "version"], capture_output=True, check=False, timeout=60)
            if tried.returncode == 0:
                return command
    raise UnsupportedImage("a task with a compose file needs `docker compose`, which is not installed here")


def _packed(additions: tuple[Addition, ...]) -> bytes:
    archive = Archive(mtime=time.time())
    for source, target in additions:
        name = target.strip("/")
        if source is None:
            archive.folder(name, 0o777)
        elif source.is_dir():
            archive.tree(source, name)
        else:
            archive.file(name, source.read_bytes(), source.stat().st_mode & 0o777)
    return archive.done()
