"""Commands sealed in a container's namespaces: `sandbox.seal`, run in a container of its own beside the one meant.

The container beside has the other's network, processes and limits, and from its own, clean files enters the other's
mount namespace, where the engine itself would give a command no capability to make a new one. It exists while the
command runs.
"""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any, Self, cast

from sandbox.archive import Archive
from sandbox.base import SandboxError, SandboxTimeout, SealUnavailable, finished
from sandbox.docker_stream import ExecStream
from sandbox.owner import labels
from sandbox.python_bundle import command
from sandbox.sealing import GRACE, Order, sealed

if TYPE_CHECKING:
    from sandbox.base import Sealed
    from sandbox.engine import Engine

_ORDER = "order.json"
_PROGRAM = "sandbox.seal"
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
"""What the engine gives a command where the image says nothing."""
_CAPABILITIES = ("SYS_ADMIN", "SYS_PTRACE", "LEASE")
_NEW_USER = 0x10000000
_FORBIDDEN = (
    *("acct", "add_key", "bpf", "create_module", "delete_module", "finit_module", "init_module", "kexec_file_load"),
    *("kexec_load", "keyctl", "lookup_dcookie", "nfsservctl", "open_by_handle_at", "perf_event_open", "query_module"),
    *("quotactl", "reboot", "request_key", "swapoff", "swapon", "userfaultfd", "vm86", "vm86old"),
)
_FILTER: dict[str, Any] = {
    "defaultAction": "SCMP_ACT_ALLOW",
    "syscalls": [
        {"names": list(_FORBIDDEN), "action": "SCMP_ACT_ERRNO"},
        {
            "names": ["clone", "unshare"],  # a new user namespace would bring back all capabilities
            "action": "SCMP_ACT_ERRNO",
            "args": [{"index": 0, "value": _NEW_USER, "valueTwo": _NEW_USER, "op": "SCMP_CMP_MASKED_EQ"}],
        },
        {"names": ["clone3"], "action": "SCMP_ACT_ERRNO", "errnoRet": 38},  # its flags cannot be seen; clone is used
    ],
}


class Beside:
    """Runs sealed commands beside one container."""

    def __init__(self, engine: Engine, facts: dict[str, Any]) -> None:
        """Take the engine, and what it knows of the container."""
        self._engine = engine
        self._id: str = facts["Id"]
        self._limits: dict[str, Any] = facts["HostConfig"]
        config = facts["Config"]
        self.user: str = config["User"] or "0"
        """Who its commands run as."""
        self.workdir: str = config["WorkingDir"] or "/"
        own = dict(line.split("=", 1) for line in config["Env"] or () if "=" in line)
        self.env: dict[str, str] = {"PATH": _PATH, "HOSTNAME": config["Hostname"], **own}
        """What the engine gives its commands."""

    @classmethod
    async def of(cls, engine: Engine, container: str) -> Self:
        """Look a container up by its id."""
        return cls(engine, await engine.call(engine.api.inspect_container, container))

    async def run(self, order: Order) -> Sealed:
        """Run one command.

        Args:
            order: what.

        Raises:
            SealUnavailable: the engine does not allow it.
            SandboxTimeout: it was not over in time.
            SandboxError: it should be alone, and sees the engine's own processes.
        """
        if order.alone and self._limits["PidMode"]:
            raise SandboxError("what runs in the container is not ended: it has the processes of others")
        container, stream = "", None

        async def begin(image: str) -> None:
            nonlocal container, stream  # known to what tidies up, also when this was cancelled meanwhile
            api = self._engine.api
            container = (await self._engine.call(self._create, image))["Id"]
            archive = Archive().file(_ORDER, json.dumps(order.model_dump()).encode()).done()
            await self._engine.call(api.put_archive, container, "/", archive)
            asked = {"stdout": 1, "stderr": 1, "stream": 1}
            stream = await ExecStream.over(
                await self._engine.connection(api.attach_socket, container, asked), container
            )
            await self._engine.call(api.start, container)

        try:
            try:
                await finished(begin(await self._engine.images.python(_PROGRAM)))
            except SandboxError as error:
                raise SealUnavailable(f"nothing can be sealed in here: {error}") from error
            return sealed(await _read(cast("ExecStream", stream), order))
        finally:
            if stream:
                await stream.close()
            if container:
                await finished(self._engine.call(self._engine.api.remove_container, container, force=True, v=True))

    def _create(self, image: str) -> dict[str, Any]:
        api, beside, limits = self._engine.api, f"container:{self._id}", self._limits
        created: dict[str, Any] = api.create_container(
            image,
            [*command(_PROGRAM), f"/{_ORDER}"],
            labels=labels(),
            host_config=api.create_host_config(
                network_mode=beside,
                pid_mode=beside,
                cap_add=[*_CAPABILITIES, *(limits["CapAdd"] or ())],
                security_opt=[f"seccomp={json.dumps(_FILTER)}", "apparmor=unconfined"],
                mem_limit=limits["Memory"] or None,
                memswap_limit=limits["MemorySwap"] or None,
                nano_cpus=limits["NanoCpus"] or None,
                pids_limit=limits["PidsLimit"] or None,
                log_config={"Type": "none"},
            ),
        )
        return created


async def _read(stream: ExecStream, order: Order) -> bytes:
    answer = bytearray()
    try:
        async with asyncio.timeout(order.seconds + GRACE):
            while chunk := await stream.read():
                answer += chunk
    except TimeoutError as error:
        raise SandboxTimeout(f"{order.argv[0]}: not done within {order.seconds:g} s") from error
    return bytes(answer)
