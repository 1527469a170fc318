"""The proxy: bytes pass unchanged, and stop passing in each of the ways that it is told to."""

import asyncio

import pytest
from faults_support.proxy import LOOPBACK, Proxy

from backorder_dev.ports import free_port


class Echo:
    """A server that answers with what it was sent, and remembers it."""

    def __init__(self):
        self.port, self.heard = free_port(), b""

    async def serve(self, reader, writer):
        try:
            while data := await reader.read(65_536):
                self.heard += data
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.transport.abort()


@pytest.fixture
async def echo():
    made = Echo()
    server = await asyncio.start_server(made.serve, LOOPBACK, made.port)
    yield made
    server.close()


@pytest.fixture
async def proxy(echo):
    made = Proxy(free_port(), echo.port)
    await made.start()
    yield made
    await made.close()


class Client:
    def __init__(self, reader, writer):
        self.reader, self.writer = reader, writer

    async def ask(self, data):
        self.writer.write(data)
        return await asyncio.wait_for(self.reader.readexactly(len(data)), 20)

    async def gone(self):
        """Whether the other side has ended the connection; waits for it."""
        try:
            return await asyncio.wait_for(self.reader.read(1), 20) == b""
        except ConnectionError:
            return True


@pytest.fixture
async def connect(proxy):
    made = []

    async def one():
        made.append(Client(*await asyncio.open_connection(LOOPBACK, proxy.port)))
        return made[-1]

    yield one
    for client in made:
        client.writer.transport.abort()


async def until(condition):
    async with asyncio.timeout(20):
        while not condition():
            await asyncio.sleep(0.005)


async def test_bytes_pass_unchanged(connect):
    client, many = await connect(), bytes(range(256)) * 10_000
    assert await client.ask(many) == many


async def test_a_cut_ends_what_is_there_and_a_new_connection_works(connect, proxy):
    clients = [await connect() for _ in range(3)]
    for client in clients:
        await client.ask(b"x")
    assert proxy.cut() == 3
    assert all([await client.gone() for client in clients])
    assert await (await connect()).ask(b"again") == b"again"


async def test_while_it_refuses_every_connection_ends_at_once(connect, proxy):
    first = await connect()
    await first.ask(b"x")
    assert proxy.refuse() == 1
    assert await first.gone()
    assert await (await connect()).gone()
    proxy.heal()
    assert await (await connect()).ask(b"again") == b"again"


async def test_what_stalls_arrives_when_it_is_healed(connect, proxy, echo):
    client = await connect()
    await client.ask(b"before")
    proxy.stall()
    late = await connect()
    answers = asyncio.gather(client.ask(b"-waits"), late.ask(b"-too"))
    await until(lambda: proxy.open == 2)
    assert (echo.heard, answers.done()) == (b"before", False)
    proxy.heal()
    assert await answers == [b"-waits", b"-too"]


async def test_muted_requests_are_heard_and_their_answers_never(connect, proxy, echo):
    client = await connect()
    await client.ask(b"before")
    proxy.mute()
    client.writer.write(b"-commit")
    await until(lambda: echo.heard == b"before-commit")
    proxy.heal()
    assert await client.gone()
    assert await (await connect()).ask(b"again") == b"again"


async def test_a_server_that_is_away_looks_so(proxy, connect, echo):
    proxy.upstream = free_port()
    assert await (await connect()).gone()
    proxy.upstream = echo.port
    assert await (await connect()).ask(b"again") == b"again"


async def test_a_connection_that_is_cut_while_it_waits_for_the_server_does_not_come_to_life(connect, proxy, echo):
    proxy.stall()
    client = await connect()
    await until(lambda: proxy.open == 1)
    proxy.cut()
    proxy.heal()
    assert await client.gone()
    await until(lambda: proxy.open == 0)
    assert echo.heard == b""
