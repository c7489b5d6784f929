"""The Docker engine's raw streams: a running command's input and output, and files that come in chunks."""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import socket
from typing import TYPE_CHECKING, Any, Self

from sandbox.base import SandboxDied

if TYPE_CHECKING:
    from collections.abc import Iterator


class Connection:
    """The connection behind what the SDK's ``exec_start(socket=True)`` returns, taken over from it."""

    def __init__(self, raw: Any) -> None:
        # The SDK keeps both in private places, and its reader may hold bytes that came with the answer's headers.
        response, shared = raw._response, raw._sock  # noqa: SLF001 - as said
        shared.settimeout(0)  # or looking for those bytes would wait for some
        self.early: bytes = response.raw._fp.fp.peek()  # noqa: SLF001 - as said
        self.socket = socket.socket(fileno=os.dup(shared.fileno()))
        self.socket.setblocking(False)
        for owner in (response, raw, shared):
            owner.close()

    def close(self) -> None:
        """Close what nobody reads."""
        self.socket.close()


class ExecStream:
    """The raw stream of one ``docker exec`` without a terminal: frames of eight bytes of header and their content."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, exec_id: str) -> None:
        self._reader = reader
        self._writer = writer
        self.id = exec_id

    @classmethod
    async def over(cls, connection: Connection, exec_id: str) -> Self:
        """Read and write a connection."""
        family = connection.socket.family
        loop = asyncio.get_running_loop()
        reader = asyncio.StreamReader()
        reader.feed_data(connection.early)
        protocol = asyncio.StreamReaderProtocol(reader)
        connect: Any = loop.create_unix_connection if family == socket.AF_UNIX else loop.create_connection
        transport, _ = await connect(lambda: protocol, sock=connection.socket)
        writer = asyncio.StreamWriter(transport, protocol, reader, loop)
        return cls(reader, writer, exec_id)

    async def read(self) -> bytes:
        """Return the next bytes of standard output; ``b""`` at the end."""
        try:
            while True:
                header = await self._reader.readexactly(8)
                content = await self._reader.readexactly(int.from_bytes(header[4:]))
                if header[0] == 1 and content:
                    return content
        except (asyncio.IncompleteReadError, OSError):
            return b""

    async def write(self, data: bytes) -> None:
        """Send bytes to standard input."""
        try:
            self._writer.write(data)
            await self._writer.drain()
        except OSError as error:
            raise SandboxDied(f"the stream into the container is closed: {error}") from error

    async def close(self) -> None:
        """Close the connection."""
        self._writer.close()
        with contextlib.suppress(OSError):
            await self._writer.wait_closed()


class Chunks(io.RawIOBase):
    """A file to read, over the chunks of a response."""

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = iter(chunks)
        self._rest = b""

    def readable(self) -> bool:
        """Say that this is for reading, as `io.BufferedReader` asks."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Fill a buffer with what the next chunk has; 0 is the end."""
        self._rest = self._rest or next(self._chunks, b"")
        size = min(len(buffer), len(self._rest))
        buffer[:size], self._rest = self._rest[:size], self._rest[size:]
        return size
