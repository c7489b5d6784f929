"""An HTTP proxy that lets through to some hosts alone: `main`, with a port and the hosts as arguments.

It takes CONNECT and plain HTTP, looks names up itself, and connects to the very address that it has judged, so that a
name cannot lead elsewhere a moment later. It runs in a container of its own (`sandbox.egress`), with nothing but
Python's standard library.
"""

from __future__ import annotations

import encodings.idna  # noqa: F401 - a look-up would import it late, and what is packed is what is imported by then
import ipaddress
import select
import socket
import socketserver
import sys
from contextlib import suppress
from pathlib import Path
from urllib.parse import urlsplit

_HEAD = 65536
_PATIENCE = 30.0
"""Seconds for a request to come, and for a host to answer a connection."""
_GRACE = 2.0
"""Seconds for what a client still sends after it was refused."""
_IDLE = 600.0
"""Seconds of silence after which a connection is given up."""


class RefusedHost(Exception):  # noqa: N818 - named for what it is
    """The host is not on the list, or leads where no list leads."""


class Hosts:
    """A list of host names, ``*.`` wildcards, addresses and CIDR blocks."""

    def __init__(self, listed: list[str], own: list[str]) -> None:
        """Take the list, and the blocks of the networks that this machine is on, to which none leads."""
        self._own = [ipaddress.ip_network(block) for block in own]
        self._names: list[str] = []
        self._blocks = []
        for entry in listed:
            try:
                self._blocks.append(ipaddress.ip_network(entry.strip("[]"), strict=False))
            except ValueError:
                self._names.append(entry.rstrip(".").lower())

    def addresses(self, host: str) -> list[str]:
        """Return the addresses to try for a host; `RefusedHost` when there are none, `OSError` when it is unknown."""
        named = self.has(host)
        if not named and not self._blocks:
            raise RefusedHost(host)
        found = dict.fromkeys(str(entry[4][0]) for entry in socket.getaddrinfo(host, None, type=socket.SOCK_STREAM))
        allowed = [address for address in found if self._may(address, named=named)]
        if not allowed:
            raise RefusedHost(host)
        return allowed

    def has(self, host: str) -> bool:
        """Whether a name of the list stands for this host."""
        host = host.rstrip(".").lower()
        return any(host == name or (name.startswith("*.") and host.endswith(name[1:])) for name in self._names)

    def _may(self, text: str, *, named: bool) -> bool:
        parsed = ipaddress.ip_address(text.partition("%")[0])
        address = getattr(parsed, "ipv4_mapped", None) or parsed
        if address.is_loopback or address.is_link_local or address.is_multicast or address.is_unspecified:
            return False
        if any(address in block for block in self._own):
            return False
        return named or any(address in block for block in self._blocks)


class Connection(socketserver.BaseRequestHandler):
    """One connection of a client: one request, and then whatever both sides send."""

    server: Proxy
    request: socket.socket

    def handle(self) -> None:
        """Read where to, judge it, and carry."""
        self.request.settimeout(_PATIENCE)
        with suppress(OSError):
            head, _, rest = self._head().partition(b"\r\n\r\n")
            line, _, fields = head.partition(b"\r\n")
            try:
                method, target, _ = line.decode("latin-1").split(" ")
                host, port, path = _destination(method, target)
            except ValueError:
                self._answer("400 Bad Request", "this proxy takes CONNECT and http:// addresses")
                return
            try:
                there = _reached(self.server.hosts.addresses(host), port)
            except RefusedHost:
                self._answer("403 Forbidden", f"{host} is not on the list of hosts that may be reached from here")
            except (OSError, UnicodeError) as error:
                self._answer("502 Bad Gateway", f"{host}: {error}")
            else:
                with there:
                    if method == "CONNECT":
                        self.request.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
                        there.sendall(rest)
                    else:
                        there.sendall(_request(method, path, fields) + rest)
                    _carry(self.request, there)

    def _head(self) -> bytes:
        head = b""
        while b"\r\n\r\n" not in head and len(head) < _HEAD:
            chunk = self.request.recv(_HEAD)
            if not chunk:
                break
            head += chunk
        return head

    def _answer(self, status: str, reason: str) -> None:
        body = f"{reason}\n".encode()
        fields = f"Content-Type: text/plain\r\nContent-Length: {len(body)}\r\nConnection: close"
        self.request.sendall(f"HTTP/1.1 {status}\r\n{fields}\r\n\r\n".encode() + body)
        self.request.shutdown(socket.SHUT_WR)
        self.request.settimeout(_GRACE)
        while self.request.recv(_HEAD):  # closed with something unread, a connection would lose the answer
            pass


class Proxy(socketserver.ThreadingTCPServer):
    """Serves until it is ended."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, address: tuple[str, int], hosts: Hosts) -> None:
        super().__init__(address, Connection)
        self.hosts = hosts

    def handle_error(self, request: object, client_address: object) -> None:
        """Say nothing: a client's mistakes are no news."""


def _destination(method: str, target: str) -> tuple[str, int, str]:
    """Return host, port and path; `ValueError` when that is not what it says."""
    parts = urlsplit(f"//{target}" if method == "CONNECT" else target)
    if not parts.hostname or (method != "CONNECT" and parts.scheme != "http"):
        raise ValueError(target)
    port = parts.port or (443 if method == "CONNECT" else 80)
    return parts.hostname, port, (parts.path or "/") + (f"?{parts.query}" if parts.query else "")


def _request(method: str, path: str, fields: bytes) -> bytes:
    """Return the request as the host itself is sent it, for one answer."""
    ours = (b"proxy-", b"connection:", b"keep-alive:")
    kept = [field for field in fields.split(b"\r\n") if field and not field.lower().startswith(ours)]
    return b"\r\n".join([f"{method} {path} HTTP/1.1".encode("latin-1"), *kept, b"Connection: close", b"", b""])


def _reached(addresses: list[str], port: int) -> socket.socket:
    for address in addresses[:-1]:
        with suppress(OSError):
            return socket.create_connection((address, port), _PATIENCE)
    return socket.create_connection((addresses[-1], port), _PATIENCE)


def _carry(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes both ways until one side has ended and the other too, or both are silent."""
    towards = {one: other, other: one}
    while towards:
        ready, _, _ = select.select(list(towards), [], [], _IDLE)
        if not ready:
            return
        for source in ready:
            chunk = source.recv(65536)
            if chunk:
                towards[source].sendall(chunk)
            else:
                with suppress(OSError):
                    towards.pop(source).shutdown(socket.SHUT_WR)


def own_blocks(table: str) -> list[str]:
    """Return the blocks that ``/proc/net/route`` leads to without a gateway."""
    rows = [line.split() for line in table.splitlines()[1:]]
    return [f"{_dotted(row[1])}/{_dotted(row[7])}" for row in rows if row[2] == "00000000"]


def _dotted(word: str) -> str:
    return str(ipaddress.ip_address(int.from_bytes(bytes.fromhex(word), "little")))


def main() -> None:
    """Serve on all addresses of this container."""
    port, *listed = sys.argv[1:]
    hosts = Hosts(listed, own_blocks(Path("/proc/net/route").read_text()))
    with Proxy(("", int(port)), hosts) as proxy:
        print("ready", flush=True)  # noqa: T201 - what `sandbox.egress` waits for
        proxy.serve_forever()
