"""Puts the notifier together."""

import asyncio
from collections.abc import Coroutine
from typing import Any

from backorder_runtime.lifecycle import run_together
from backorder_runtime.service import Running, Service
from notifier import retention
from notifier.domain.model import Channel
from notifier.handlers import NotifierHandler
from notifier.housekeeping import keep_house
from notifier.mime import mail_domain
from notifier.push import PushTransport
from notifier.sender import Sender
from notifier.settings import NotifierSettings
from notifier.smtp import SmtpTransport
from notifier.store import MessageStore
from notifier.wire import STATE_TOPIC


def notifier(settings: NotifierSettings) -> Service:
    """The service: one lane input, and beside it the senders, which never hold up a lane."""
    domain = mail_domain(settings.smtp)

    def new_handler(_shard: int, _running: Running) -> NotifierHandler:
        return NotifierHandler(settings.habits, settings.team, domain)

    async def send(running: Running, stop: asyncio.Event) -> None:
        push = PushTransport(settings.push)
        mails, pushes = (MessageStore(running.pool, channel) for channel in (Channel.EMAIL, Channel.PUSH))
        tasks: list[Coroutine[Any, Any, None]] = []
        for _ in range(settings.notify.senders):
            smtp = SmtpTransport(settings.smtp)
            tasks.append(Sender(mails, smtp, settings.notify, running.clock).run(stop))
            tasks.append(Sender(pushes, push, settings.notify, running.clock).run(stop))
        try:
            await run_together(stop, *tasks)
        finally:
            await push.close()

    async def tidy(running: Running, stop: asyncio.Event) -> None:
        await keep_house(running.pool, running.clock, stop)

    return Service(
        name="notifier",
        module="notifier",
        topics=(STATE_TOPIC,),
        new_handler=new_handler,
        side_tasks=(send, tidy),
        table_rules=retention.table_rules(settings.notify),
    )
