"""What containers reach: one network of a run for all that may reach everything, and the way out of each sandbox.

A container that never gets a network has none. One that does is made on the run's network, and taken off it before it
starts if it begins without; from then on it is connected and disconnected as it runs.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
from typing import TYPE_CHECKING, Any, Self

from sandbox import owner
from sandbox.base import NO_NETWORK, PUBLIC, SandboxError
from sandbox.egress import Egress

if TYPE_CHECKING:
    from sandbox.base import Environment, Network
    from sandbox.engine import Engine

METADATA = ("169.254.169.254", "169.254.170.2", "169.254.170.23")
"""Where clouds hand out a machine's credentials: as addresses of the container's own they lead nowhere."""
NO_NAMES: dict[str, Any] = {"dns": ["127.0.0.1"], "dns_opt": ["timeout:1", "attempts:1"]}
"""What containers look names up with where none may be: some engines would ask this machine's resolver, a way out."""
CLOSED = {"com.docker.network.bridge.inhibit_ipv4": "true"}
"""Makes an internal network without an address of this machine's, which would lead to whatever listens here."""
_APART = {"com.docker.network.bridge.enable_icc": "false"}
_MTU = "com.docker.network.driver.mtu"


class Networks:
    """The networks that a run has made."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._public = ""
        self._mtu: dict[str, str] | None = None
        self._making = asyncio.Lock()

    async def public(self) -> str:
        """Return the name of the network whose containers reach everything but each other."""
        async with self._making:
            if not self._public:
                self._public = await self.make({**_APART, **await self.mtu()})
        return self._public

    async def mtu(self) -> dict[str, str]:
        """Return the daemon's setting for networks that lead out, which only its default network has by itself."""
        if self._mtu is None:
            default = await self._engine.call(self._engine.api.inspect_network, "bridge")
            self._mtu = {key: value for key, value in (default["Options"] or {}).items() if key == _MTU}
        return self._mtu

    async def make(self, options: dict[str, str] | None = None, *, internal: bool = False) -> str:
        """Make a network and return its name; an internal one leads nowhere."""
        options = CLOSED if internal else options
        name = f"termstone-{secrets.token_hex(8)}"
        await self._engine.call(
            self._engine.api.create_network, name, "bridge", options, labels=owner.labels(), internal=internal
        )
        return name

    async def remove(self, name: str) -> None:
        """Remove a network that nothing is on any more."""
        await self._engine.call(self._engine.api.remove_network, name)

    async def connect(self, container: str, name: str) -> None:
        """Put a container on a network."""
        await self._engine.call(
            self._engine.api.connect_container_to_network, container, name, link_local_ips=list(METADATA)
        )

    async def disconnect(self, container: str, name: str) -> None:
        """Take a container off a network, and its connections with it."""
        await self._engine.call(self._engine.api.disconnect_container_from_network, container, name, True)

    def close(self) -> None:
        """Remove the run's network; what is still on it keeps it, until dead runs are cleaned up after."""
        if self._public:
            with contextlib.suppress(Exception):  # the SDK's and its libraries' errors: there is nobody to tell
                self._engine.api.remove_network(self._public)
            self._public = ""


class Uplink:
    """The way out of the containers of one sandbox, which can change while they run."""

    def __init__(self, engine: Engine, environment: Environment, services: tuple[str, ...]) -> None:
        self.env: dict[str, str] = {}
        """What tells programs of a proxy."""
        self.network = ""
        """The network that a container is made on; none when there is never a way out."""
        self._engine = engine
        self._services = services
        self._first = environment.network
        self._asked = {environment.network, *environment.phases}
        self._is_fixed = self._asked == {NO_NETWORK} or (bool(services) and self._asked == {PUBLIC})
        self._now: Network | None = None
        """What is reached; ``None`` in between, when nothing is."""
        self._containers: dict[str, str] = {}
        """The network that each is on, beside those of its own; empty for none."""
        self._egress: Egress | None = None

    @classmethod
    async def provided(cls, engine: Engine, environment: Environment, services: tuple[str, ...] = ()) -> Self:
        """Make what an environment and its phases need.

        Args:
            engine: where.
            environment: says what is reached first, and later on.
            services: the names of containers that have networks of their own, and reach each other whatever else.
        """
        uplink = cls(engine, environment, services)
        if uplink._is_fixed:
            uplink._now = environment.network
        elif not services:
            uplink.network = await engine.networks.public()
        return uplink

    @property
    def is_open(self) -> bool:
        """Whether the networks that services have of their own lead out, for good."""
        return self._is_fixed and self._first == PUBLIC

    def settings(self) -> tuple[dict[str, Any], dict[str, Any]]:
        """Return what a container is made with: arguments of ``create_host_config`` and of ``create_container``."""
        if not self.network:
            return {"network_mode": "none"}, {}
        api = self._engine.api
        endpoint = api.create_endpoint_config(link_local_ips=list(METADATA))
        dns = {} if PUBLIC in self._asked else NO_NAMES
        networking = api.create_networking_config({self.network: endpoint})
        return {"network_mode": self.network, **dns}, {"networking_config": networking}

    async def adopt(self, container: str, on: str) -> None:
        """Take a container that has been made on a network, or none, and give it what it reaches first."""
        self._containers[container] = on
        if not self._is_fixed:
            await self._move(self._now or self._first)

    async def allow(self, network: Network) -> None:
        """Have all containers reach this and nothing else."""
        if network == self._now:
            return
        if self._is_fixed:
            raise SandboxError(f"the network stays {self._first.mode}: {network.mode} was not provided for")
        await self._move(network)

    async def _move(self, network: Network) -> None:
        self._now, self.env = None, {}
        target = await self._engine.networks.public() if network == PUBLIC else ""
        networks = self._engine.networks
        for container, on in self._containers.items():
            if on and on != target:
                await networks.disconnect(container, on)
                self._containers[container] = ""
        if network.mode != "allowlist" or (self._egress and self._egress.hosts != network.hosts):
            await self._let_go()
        if network.mode == "allowlist":
            self._egress = self._egress or await Egress.open(self._engine, network.hosts)
            target, self.env = self._egress.network, self._egress.env(self._services)
        for container, on in self._containers.items():
            if target and on != target:
                await networks.connect(container, target)
                self._containers[container] = target
        self._now = network

    async def _let_go(self) -> None:
        egress, self._egress = self._egress, None
        if egress:
            await egress.close()

    async def close(self) -> None:
        """Let go of what allowed some hosts; the containers are gone by now."""
        self._containers.clear()
        await self._let_go()
