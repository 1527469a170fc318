"""A real SMTP server that keeps what it receives as files, so that a sample run shows its mail."""

from __future__ import annotations

import asyncio
from pathlib import Path

from aiosmtpd.smtp import SMTP, Envelope, Session

from backorder_dev.arrivals import write_arrival

_LARGEST = 10 * 1024 * 1024


class Mailbox:
    """Accepts every message and writes it to `folder` as an `.eml` file before it says so."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(parents=True, exist_ok=True)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:  # noqa: N802
        """Keep one message; aiosmtpd calls this by its name."""
        content = envelope.original_content or b""
        lines = [f"X-Envelope-From: {envelope.mail_from}"]
        lines += [f"X-Envelope-To: {recipient}" for recipient in envelope.rcpt_tos]
        head = "".join(f"{line}\r\n" for line in lines).encode()
        await asyncio.to_thread(write_arrival, self._folder, ".eml", head + content)
        return "250 Message accepted for delivery"


async def serve_mailbox(folder: Path, host: str, port: int) -> asyncio.Server:
    """Listen for SMTP; messages up to 10 MiB, UTF-8 addresses allowed.

    Raises:
        OSError: the port is taken.
    """
    handler = Mailbox(folder)

    def session() -> SMTP:
        return SMTP(handler, data_size_limit=_LARGEST, enable_SMTPUTF8=True, hostname="mailbox.localhost")

    return await asyncio.get_running_loop().create_server(session, host, port)
