"""The way out to some hosts alone: a network that leads nowhere, and on it a proxy in a container of its own.

Nothing on that network has an address on this machine, so what does not go through the proxy goes nowhere. The proxy's
image is made of this machine's own Python: no registry is asked.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, Self

from sandbox import owner
from sandbox.base import SandboxError, finished
from sandbox.python_bundle import command

if TYPE_CHECKING:
    from sandbox.engine import Engine

_PORT = 3128
_PROGRAM = "sandbox.egress_proxy"
_START = 20.0


class Egress:
    """A proxy at work."""

    def __init__(self, engine: Engine, hosts: tuple[str, ...]) -> None:
        self.hosts = hosts
        self.network = ""
        """The name of the network on which the proxy is; what else is on it reaches the proxy alone."""
        self._address = ""
        self._engine = engine
        self._container = ""

    @classmethod
    async def open(cls, engine: Engine, hosts: tuple[str, ...]) -> Self:
        """Start a proxy for these hosts; `SandboxError` says why there is none."""
        egress = cls(engine, hosts)
        try:
            await egress._start()
        except BaseException:
            await finished(egress.close())
            raise
        return egress

    async def _start(self) -> None:
        engine, api = self._engine, self._engine.api
        image = await engine.images.python(_PROGRAM)
        networks = engine.networks
        self.network = await finished(networks.make(internal=True))
        public = await networks.public()
        settings = api.create_host_config(
            network_mode=public, cap_drop=["ALL"], read_only=True, mem_limit="256m", memswap_limit="256m",
            pids_limit=1024, security_opt=["no-new-privileges"], sysctls={"net.ipv4.ip_forward": "0"},
        )  # fmt: skip
        creating = engine.call(
            api.create_container, image, [*command(_PROGRAM), str(_PORT), *self.hosts], user="65534:65534",
            host_config=settings, labels=owner.labels(),
        )  # fmt: skip
        self._container = (await finished(creating))["Id"]
        await networks.connect(self._container, self.network)
        await engine.call(api.start, self._container)
        facts = await engine.call(api.inspect_container, self._container)
        self._address = facts["NetworkSettings"]["Networks"][self.network]["IPAddress"]
        await self._ready()

    def env(self, beside: tuple[str, ...]) -> dict[str, str]:
        """Return what tells programs of the proxy, and of hosts that are reached without it."""
        proxies = dict.fromkeys(("http_proxy", "https_proxy", "all_proxy"), f"http://{self._address}:{_PORT}")
        told = {**proxies, "no_proxy": ",".join(("localhost", "127.0.0.1", "::1", *beside))}
        return told | {name.upper(): value for name, value in told.items()}

    async def _ready(self) -> None:
        try:
            async with asyncio.timeout(_START):
                while b"ready" not in (said := await self._said()):
                    await asyncio.sleep(0.02)
                    state = (await self._engine.call(self._engine.api.inspect_container, self._container))["State"]
                    if not state["Running"]:
                        raise SandboxError(f"the proxy for the allowed hosts ended: {said.decode(errors='replace')}")
        except TimeoutError as error:
            raise SandboxError(f"the proxy for the allowed hosts was not up within {_START:g} s") from error

    async def _said(self) -> bytes:
        api: Any = self._engine.api
        return bytes(await self._engine.call(api.logs, self._container))

    async def close(self) -> None:
        """Remove the proxy and its network."""
        container, network = self._container, self.network
        self._container = self.network = ""
        if container:
            await self._engine.call(self._engine.api.remove_container, container, force=True, v=True)
        if network:
            await self._engine.networks.remove(network)
