"""A TCP proxy that stands between a service and what it needs, and can come between them."""

import asyncio
import socket
import struct
from contextlib import suppress

LOOPBACK = "127.0.0.1"
_CHUNK = 65_536
_RESET = struct.pack("ii", 1, 0)  # no lingering: the other side learns of the end by a reset


class Proxy:
    """Passes bytes between clients of `port` and a server on `upstream`, as long as it is not told otherwise."""

    def __init__(self, port: int, upstream: int) -> None:
        self.port = port
        self.upstream = upstream
        self._server: asyncio.Server | None = None
        self._open: set[_Connection] = set()
        self._refusing = False
        self._requests, self._answers = asyncio.Event(), asyncio.Event()
        self._requests.set()
        self._answers.set()

    @property
    def open(self) -> int:
        """How many connections there are."""
        return len(self._open)

    async def start(self) -> None:
        """Take connections from now on."""
        self._server = await asyncio.start_server(self._serve, LOOPBACK, self.port)

    async def close(self) -> None:
        """End all connections and take no more."""
        if self._server is not None:
            self._server.close()
            self.cut()
            await self._server.wait_closed()
            self._server = None

    def cut(self) -> int:
        """Reset every connection; new ones are taken. Returns how many there were."""
        there = list(self._open)
        for connection in there:
            connection.reset()
        return len(there)

    def refuse(self) -> int:
        """Reset every connection, and each new one at once, until `heal`."""
        self._refusing = True
        return self.cut()

    def stall(self) -> int:
        """Let nothing pass in either direction until `heal`; then it goes on as if it had been slow."""
        self._requests.clear()
        self._answers.clear()
        return self.open

    def mute(self) -> int:
        """Let requests pass and keep the answers back. `heal` ends the connections: nobody ever gets them."""
        self._answers.clear()
        return self.open

    def heal(self) -> None:
        """Be a good proxy again."""
        if self._requests.is_set() and not self._answers.is_set():
            self.cut()
        self._refusing = False
        self._requests.set()
        self._answers.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = _Connection(writer)
        self._open.add(connection)
        try:
            if self._refusing:
                connection.reset()
                return
            await self._requests.wait()
            up_reader, up_writer = await asyncio.open_connection(LOOPBACK, self.upstream)
            connection.add(up_writer)
            pumps = (_pump(reader, up_writer, self._requests), _pump(up_reader, writer, self._answers))
            connection.tasks = [asyncio.create_task(pump) for pump in pumps]
            await asyncio.wait(connection.tasks, return_when=asyncio.FIRST_COMPLETED)
        except OSError:
            pass  # the server is away: to the client that looks as it is
        finally:
            self._open.discard(connection)
            connection.reset()


class _Connection:
    """Both halves of a connection. A reset of one that is not whole yet ends what there is of it."""

    def __init__(self, writer: asyncio.StreamWriter) -> None:
        self._writers = [writer]
        self._gone = False
        self.tasks: list[asyncio.Task[None]] = []

    def add(self, writer: asyncio.StreamWriter) -> None:
        self._writers.append(writer)
        if self._gone:
            self.reset()

    def reset(self) -> None:
        self._gone = True
        for task in self.tasks:
            task.cancel()
        for writer in self._writers:
            end = writer.get_extra_info("socket")
            with suppress(OSError, AttributeError):
                end.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            writer.transport.abort()


async def _pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, gate: asyncio.Event) -> None:
    with suppress(OSError):
        while data := await reader.read(_CHUNK):
            await gate.wait()
            writer.write(data)
            await writer.drain()
