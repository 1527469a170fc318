"""A mail server and an endpoint that misbehave as they are told, and senders to meet them."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass, field
from email import message_from_bytes
from email.message import Message as Mail
from typing import Any

import msgspec
import pytest
import pytest_asyncio
from aiosmtpd.smtp import SMTP

from notifier.domain.model import Channel
from notifier.sender import Sender
from notifier.smtp import SmtpTransport
from notifier.store import MessageStore


@dataclass
class MailServer:
    """A real SMTP server that follows a script; what is not in the script is accepted.

    `on_rcpt` and `on_data` hold the next answers: an SMTP reply, or `drop` (cut the connection; for data, after the final
    dot). `breaks_at` says how it fails whenever a recipient is named: `drop`, `silence`, or `down` (it is gone for good);
    it `asked` for those that were named. `on_arrival` runs when a mail is complete, before the sender hears of it.
    """

    port: int = 0
    on_mail: deque[str] = field(default_factory=deque)
    on_rcpt: deque[str] = field(default_factory=deque)
    on_data: deque[str] = field(default_factory=deque)
    breaks_at: dict[str, str] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    listening: asyncio.Server | None = None
    mails: list[Mail] = field(default_factory=list)
    raw: list[bytes] = field(default_factory=list)
    dropped: int = 0
    sessions: set[int] = field(default_factory=set)
    on_arrival: Callable[[], Awaitable[None]] | None = None

    async def handle_MAIL(self, _server, _session, envelope, address, options) -> str:  # noqa: N802
        if self.on_mail:
            return self.on_mail.popleft()
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, server, _session, envelope, address, _options) -> str:  # noqa: N802
        self.asked.append(address)
        if (failure := self.breaks_at.get(address)) is not None:
            if failure == "down":
                self.listening.close()
            if failure == "silence":
                await asyncio.Event().wait()
            server.transport.abort()
        answer = self.on_rcpt.popleft() if self.on_rcpt else "250 OK"
        if answer.startswith("250"):
            envelope.rcpt_tos.append(address)
        return answer

    async def handle_DATA(self, server, session, envelope) -> str:  # noqa: N802
        answer = self.on_data.popleft() if self.on_data else "250 taken"
        if answer == "drop" or answer.startswith("250"):
            self.raw.append(envelope.original_content)
            self.mails.append(message_from_bytes(envelope.original_content))
            self.sessions.add(id(session))
            if self.on_arrival is not None:
                await self.on_arrival()
        if answer == "drop":
            self.dropped += 1
            server.transport.abort()
            return "250 never heard"
        return answer


@pytest_asyncio.fixture(loop_scope="session")
async def mail_server() -> AsyncIterator[MailServer]:
    """A mail server of the test's own."""
    box = MailServer()
    server = await asyncio.get_running_loop().create_server(lambda: SMTP(box, hostname="mx.test"), "127.0.0.1", 0)
    box.listening = server
    box.port = server.sockets[0].getsockname()[1]
    yield box
    server.close()


@dataclass
class Pushed:
    """A request as it arrived."""

    method: str
    path: str
    headers: dict[str, str]
    body: dict[str, Any]


@dataclass
class Endpoint:
    """A real HTTP endpoint that follows a script: a status, a status with headers, `drop` the connection, or an `endless` body."""

    port: int = 0
    script: deque[str | tuple[int, dict[str, str]]] = field(default_factory=deque)
    pushed: list[Pushed] = field(default_factory=list)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/device/token-4711"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
            method, path, _ = head[0].split(" ")
            headers = dict(line.split(": ", 1) for line in head[1:] if line)
            headers = {name.lower(): value for name, value in headers.items()}
            body = await reader.readexactly(int(headers.get("content-length", "0")))
            self.pushed.append(Pushed(method, path, headers, msgspec.json.decode(body)))
            answer = self.script.popleft() if self.script else (202, {})
            if answer == "endless":
                writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
                with suppress(ConnectionError):
                    while True:
                        writer.write(b"x" * 65_536)
                        await writer.drain()
            elif answer != "drop":
                status, more = answer
                lines = [f"HTTP/1.1 {status} X", "content-length: 0", *(f"{k}: {v}" for k, v in more.items())]
                writer.write(("\r\n".join(lines) + "\r\n\r\n").encode())
                await writer.drain()
        finally:
            writer.close()


@pytest_asyncio.fixture(loop_scope="session")
async def endpoint() -> AsyncIterator[Endpoint]:
    endpoint = Endpoint()
    server = await asyncio.start_server(endpoint.serve, "127.0.0.1", 0)
    endpoint.port = server.sockets[0].getsockname()[1]
    yield endpoint
    server.close()


@pytest.fixture
def new_sender(pool, settings, clock, mail_server):
    """Another sender, as another task or another process has it."""

    def make(**changes) -> Sender:
        smtp = settings.smtp.model_copy(update={"port": mail_server.port, "timeout": 2, **changes})
        return Sender(MessageStore(pool, Channel.EMAIL), SmtpTransport(smtp), settings.notify, clock)

    return make


@pytest.fixture
def send(new_sender, clock):
    """Let the window pass and send all that is due, with one sender."""
    sender = new_sender()

    async def send(seconds: float = 2) -> None:
        clock.forward(seconds=seconds)
        while await sender.turn():
            pass
        await sender._transport.rest()

    return send


@pytest.fixture
def outcomes(shard):
    """All outcomes so far, after what is due was published: version, result and reason of each."""

    async def outcomes() -> list[tuple[int, str, str | None]]:
        await shard.feed()
        return sorted((o["version"], o["result"], o["reason"]) for o in shard.published)

    return outcomes
