"""What containers reach in each mode, on a real engine: pytest tests/test_network.py."""

from __future__ import annotations

import socket
import threading
from contextlib import asynccontextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

import pytest

from sandbox.base import NO_NETWORK, PUBLIC, Environment, Network, SandboxError
from sandbox.docker import DockerSandbox
from sandbox.docker_network import METADATA
from sandbox.egress_proxy import Hosts, RefusedHost, own_blocks
from sandbox.owner import OWNER_LABEL, this_process
from tests.conftest import IMAGE, daemon, own_containers

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

    from sandbox.container import Container
    from sandbox.engine import Engine

Address = tuple[str, int]

GET = """\
proxy=${http_proxy#http://}
exec 3<>"/dev/tcp/${proxy%:*}/${proxy#*:}" || exit 9
printf 'GET http://%s/page HTTP/1.1\\r\\nHost: x\\r\\n\\r\\n' "$1" >&3
cat <&3"""
CONNECT = """\
proxy=${HTTPS_PROXY#http://}
exec 3<>"/dev/tcp/${proxy%:*}/${proxy#*:}" || exit 9
printf 'CONNECT %s HTTP/1.1\\r\\n\\r\\nGET /deep HTTP/1.0\\r\\n\\r\\n' "$1" >&3
cat <&3"""
LISTEN = """\
$listening = IO::Socket::INET->new(LocalPort => 9999, Listen => 5) or die; $| = 1; print "up\\n";
while ($reader = $listening->accept) { <$reader>; <$reader>; print $reader "hello"; close $reader }"""


@pytest.fixture
async def engine() -> AsyncIterator[Engine]:
    async with daemon() as connected:
        yield connected


class Answer(BaseHTTPRequestHandler):
    """Says hello."""

    def do_GET(self) -> None:
        body = f"hello {self.path}".encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[Address]:
    """A server on this machine, by an address that containers reach and that is none of their networks'."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect(("192.0.2.1", 9))
        except OSError:
            pytest.skip("this machine is on no network")
        address = str(probe.getsockname()[0])
    with ThreadingHTTPServer((address, 0), Answer) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        yield address, running.server_port
        running.shutdown()


async def hears(sandbox: Container, host: str, port: int) -> bool:
    """Whether the server there says hello: some networks take every connection."""
    script = f"exec 3<>/dev/tcp/{host}/{port} && printf 'GET /x HTTP/1.0\\r\\n\\r\\n' >&3 && cat <&3"
    return "hello" in (await sandbox.exec(["timeout", "2", "bash", "-c", script], timeout=10)).output


async def asks(sandbox: Container, script: str, where: str) -> str:
    """Ask the proxy, as programs do that heed its variables."""
    return (await sandbox.exec(["timeout", "5", "bash", "-c", script, "ask", where], timeout=20)).output


@asynccontextmanager
async def listening(sandbox: Container) -> AsyncIterator[str]:
    """Listen on port 9999 at the sandbox's address."""
    stream = await sandbox.stream(["perl", "-MIO::Socket::INET", "-e", LISTEN])
    assert await stream.read() == b"up\n"
    (address, *_) = (await sandbox.exec(["hostname", "-I"], timeout=10)).output.split()
    yield address
    await stream.close()


async def mine(engine: Engine) -> list[str]:
    """Name this process's containers and networks."""
    filters = {"label": f"{OWNER_LABEL}={this_process()}"}
    networks = await engine.call(engine.api.networks, filters=filters)
    return [*await own_containers(engine), *(found["Id"] for found in networks)]


@pytest.mark.docker
@pytest.mark.fault("F60")
async def test_without_a_network_there_is_none_and_none_can_be_had(engine: Engine, server: Address) -> None:
    async with DockerSandbox(engine, Environment(image=IMAGE)) as sandbox:
        assert not await hears(sandbox, *server)
        await sandbox.allow(NO_NETWORK)
        with pytest.raises(SandboxError, match="public was not provided for"):
            await sandbox.allow(PUBLIC)


@pytest.mark.docker
@pytest.mark.fault("F60")
async def test_in_public_neither_the_metadata_nor_other_sandboxes_are_reached(engine: Engine, server: Address) -> None:
    environment = Environment(image=IMAGE, network=PUBLIC)
    async with DockerSandbox(engine, environment) as one, DockerSandbox(engine, environment) as other:
        assert await hears(one, *server)
        async with listening(other) as address:
            assert await hears(other, address, 9999)
            assert not await hears(one, address, 9999)
        table = (await one.exec(["cat", "/proc/net/fib_trie"], timeout=10)).output
        for metadata in METADATA:
            assert f"|-- {metadata}\n" in table  # the sandbox's own, and so nobody else's
            assert not await hears(one, metadata, 80)


@pytest.mark.docker
@pytest.mark.fault("F60")
async def test_what_is_reached_changes_while_the_sandbox_runs(engine: Engine, server: Address) -> None:
    async with DockerSandbox(engine, Environment(image=IMAGE, phases=(PUBLIC,))) as sandbox:
        assert not await hears(sandbox, *server)
        await sandbox.allow(PUBLIC)
        assert await hears(sandbox, *server)
        await sandbox.allow(NO_NETWORK)
        assert not await hears(sandbox, *server)
        devices = await sandbox.exec(["sh", "-c", "tail -n +3 /proc/net/dev | cut -d: -f1"], timeout=10)
        assert devices.output.split() == ["lo"]
        await sandbox.allow(PUBLIC)
        assert await hears(sandbox, *server)


@pytest.mark.docker
@pytest.mark.fault("F60")
async def test_with_a_list_only_what_is_on_it_is_reached_and_only_by_the_proxy(engine: Engine, server: Address) -> None:
    host, port = server
    listed = Network(mode="allowlist", hosts=(f"{host}/32",))
    async with DockerSandbox(engine, Environment(image=IMAGE, network=listed)) as sandbox:
        assert "hello /page" in await asks(sandbox, GET, f"{host}:{port}")
        assert "hello /deep" in await asks(sandbox, CONNECT, f"{host}:{port}")
        assert not await hears(sandbox, host, port)
        public = await engine.call(engine.api.inspect_network, await engine.networks.public())
        for other in (public["IPAM"]["Config"][0]["Gateway"], "127.0.0.1", "169.254.169.254", "198.51.100.7"):
            assert "403 Forbidden" in await asks(sandbox, CONNECT, f"{other}:{port}"), other
            assert not await hears(sandbox, other, port)
        assert "400 Bad Request" in await asks(sandbox, CONNECT, "[::1")
        looked_up = await sandbox.exec(["timeout", "5", "getent", "hosts", "example.com"], timeout=10)
        assert looked_up.output == ""
    assert len(await mine(engine)) == 1  # the network that all sandboxes of a run share


@pytest.mark.docker
@pytest.mark.fault("F60")
async def test_a_list_follows_another_and_sandboxes_with_lists_do_not_see_each_other(
    engine: Engine, server: Address
) -> None:
    host, port = server
    listed, empty = (Network(mode="allowlist", hosts=hosts) for hosts in ((host,), ("example.invalid",)))
    environment = Environment(image=IMAGE, network=empty, phases=(listed, PUBLIC))
    async with DockerSandbox(engine, environment) as one, DockerSandbox(engine, environment) as other:
        assert "403" in await asks(one, GET, f"{host}:{port}")
        await one.allow(listed)
        assert "hello" in await asks(one, GET, f"{host}:{port}")
        async with listening(other) as address:
            assert not await hears(one, address, 9999)
            assert "403" in await asks(one, CONNECT, f"{address}:9999")
            await one.allow(PUBLIC)
            assert await hears(one, host, port)
            assert not await hears(one, address, 9999)
        await one.allow(listed)
        assert not await hears(one, host, port)
        assert "hello" in await asks(one, GET, f"{host}:{port}")


@pytest.mark.docker
async def test_no_network_of_a_run_is_left_behind(record_property: Callable[[str, object], None]) -> None:
    async with daemon() as engine:
        listed = Network(mode="allowlist", hosts=("198.51.100.7",))
        async with DockerSandbox(engine, Environment(image=IMAGE, network=listed)):
            assert len(await mine(engine)) == 4  # the sandbox, the proxy, its network and the run's
    async with daemon() as engine:
        left = await mine(engine)
        record_property("leaked networks", len(left))
        assert left == []


@pytest.mark.fault("F60")
def test_a_list_opens_what_it_names_and_nothing_of_a_machines_own() -> None:
    hosts = Hosts(["Hub.test.", "*.example.com"], [])
    for host in ("hub.test", "HUB.TEST.", "a.example.com", "a.b.example.com"):
        assert hosts.has(host), host
    for host in ("example.com", "evil-hub.test", "hub.test.evil.net", "aexample.com", ""):
        assert not hosts.has(host), host
    for own in ("localhost", "127.0.0.1", "169.254.169.254", "::1", "::ffff:169.254.169.254", "0", "2130706433"):
        with pytest.raises(RefusedHost):
            Hosts([own, "0.0.0.0/0", "::/0"], []).addresses(own)
    blocks = Hosts(["10.0.0.0/8"], ["10.1.0.0/16"])
    assert blocks.addresses("10.2.0.1") == ["10.2.0.1"]
    with pytest.raises(RefusedHost):
        blocks.addresses("10.1.0.1")


def test_the_blocks_of_a_machines_own_networks_are_read_from_the_kernels_table() -> None:
    table = """Iface Destination Gateway Flags RefCnt Use Metric Mask MTU Window IRTT
eth1 00000000 010012AC 0003 0 0 0 00000000 0 0 0
eth1 000012AC 00000000 0001 0 0 0 0000FFFF 0 0 0
"""
    assert own_blocks(table) == ["172.18.0.0/255.255.0.0"]
