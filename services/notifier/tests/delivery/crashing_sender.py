"""A sender in a process of its own, to be killed. Arguments: database URL, SMTP port, seconds that its clock is ahead."""

import asyncio
import sys
from datetime import datetime, timedelta

import asyncpg

from backorder_runtime.clock import utc_now
from notifier.domain.model import Channel
from notifier.sender import Sender
from notifier.settings import NotifySettings, SmtpSettings
from notifier.smtp import SmtpTransport
from notifier.store import MessageStore


async def main(url: str, port: int, ahead: float) -> None:
    def clock() -> datetime:
        return utc_now() + timedelta(seconds=ahead)

    smtp = SmtpSettings(port=port, starttls=False, sender="back-orders@parts.example", timeout=30)
    async with asyncpg.create_pool(url, min_size=1, max_size=2) as pool:
        sender = Sender(MessageStore(pool, Channel.EMAIL), SmtpTransport(smtp), NotifySettings(poll=0.01), clock)
        await sender.run(asyncio.Event())


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])))
