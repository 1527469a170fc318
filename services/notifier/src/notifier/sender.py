"""The sending task: leases messages, delivers them, and writes down how that ended."""

import asyncio
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import perf_counter

import stamina
import structlog

from backorder_runtime.clock import Clock
from backorder_runtime.database import PASSING
from backorder_runtime.permissions import stop_if_denied
from notifier import metrics
from notifier.delivery import Delivery, LeaseLost, Rejected, Sent, Transport, TryAgain, Unavailable, Unsure
from notifier.domain.compose import compose, unchanged
from notifier.domain.model import Result
from notifier.domain.schedule import next_try
from notifier.settings import NotifySettings
from notifier.store import Leased, MessageStore

_log = structlog.get_logger()
_SHORTEST_OUTAGE = 0.5


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be done about a delivery that did not succeed."""

    result: Result | None
    reason: str
    again_at: datetime | None = None
    keep: bool = False


def plan(delivery: TryAgain | Rejected | Unsure, message: Leased, now: datetime, settings: NotifySettings) -> Plan:
    """End it, or try again: the same message (`keep`) when an earlier try may have got through."""
    if isinstance(delivery, Rejected):
        return Plan(Result.FAILED, delivery.reason)
    keep = message.unsure or isinstance(delivery, Unsure)
    asked = delivery.after if isinstance(delivery, TryAgain) else None
    at = next_try(settings.patience, message.message_id, message.refusals + message.tries, now, asked)
    if at >= message.expires_at:
        return Plan(Result.EXPIRED, "unconfirmed" if keep else delivery.reason)
    return Plan(None, delivery.reason, at, keep)


class Sender:
    """Sends the messages of one channel, one after the other, over its own transport."""

    def __init__(self, store: MessageStore, transport: Transport, settings: NotifySettings, clock: Clock) -> None:
        self._store = store
        self._transport = transport
        self._settings = settings
        self._clock = clock
        self._lease = timedelta(seconds=settings.lease)
        self._calendar = settings.calendar
        self._outage = 0.0

    async def run(self, stop: asyncio.Event) -> None:
        """Send until `stop` is set; then finish the message at hand and put the others back."""
        try:
            while not stop.is_set():
                try:
                    busy = await self.turn(stop.is_set)
                except PASSING as error:
                    stop_if_denied(error)
                    _log.warning("sender waits for the database", error=type(error).__name__)
                    self._suffer_outage()
                    busy = False
                if not busy:
                    await self._transport.rest()
                    await _pause(stop, self._outage or self._settings.poll)
        finally:
            await self._transport.rest()

    async def turn(self, stopping: Callable[[], bool] = lambda: False) -> bool:
        """Lease and send one batch. False when there was nothing to do, or nothing can be done for a while."""
        settings = self._settings
        messages = await self._store.lease(self._clock(), self._lease, settings.batch, settings.lines)
        available = True
        for message in messages:
            if not available or stopping():
                await self._put_back(message)
                continue
            available = await self._send(message)
        if messages and available:
            self._outage = 0.0
        elif not available:
            self._suffer_outage()
        return bool(messages) and available

    async def _send(self, message: Leased) -> bool:
        """Try one message. False when the provider takes nothing from anybody."""
        address = message.address.of(message.channel)
        now = self._clock()
        if address is None or not message.news:
            await self._finish(message, Result.SUPPRESSED, "no-channel", tries=0)
            return True
        if message.expires_at <= now:
            await self._finish(message, Result.EXPIRED, "unconfirmed" if message.unsure else "too-old", tries=0)
            return True
        if not message.unsure and not await self._drop_repetitions(message, now):
            return True
        began = perf_counter()
        delivery = await self._deliver(message, address)
        metrics.SEND_SECONDS.labels(message.channel).observe(perf_counter() - began)
        metrics.MESSAGES.labels(message.channel, type(delivery).__name__.lower()).inc()
        await self._write_down(message, delivery)
        return not isinstance(delivery, Unavailable)

    async def _deliver(self, message: Leased, address: str) -> Delivery:
        try:
            letter = compose(message.recipient.audience, message.news, message.told, self._calendar)
            return await self._transport.deliver(message, address, letter, lambda: self._enter(message))
        except PASSING:
            raise
        except Exception as defect:  # noqa: BLE001 - a defect of ours holds up one message, not the others
            frame = traceback.extract_tb(defect.__traceback__)[-1]
            # not the text of the error: it may hold what it failed on
            _log.error(
                "defect", error=type(defect).__name__, at=f"{frame.name}:{frame.lineno}", message_id=message.message_id
            )
            return Unsure("defect")

    async def _enter(self, message: Leased) -> bool:
        """Before the step that cannot be taken back: the window in which a crash may double the message opens."""
        ours = await self._store.mark_sending(message, self._clock() + self._lease)
        if ours and message.unsure:
            metrics.AMBIGUOUS.labels(message.channel).inc()
            _log.warning("sent again, an earlier try may have got through", message_id=message.message_id)
        return ours

    async def _drop_repetitions(self, message: Leased, now: datetime) -> bool:
        """Leave out dates that moved and moved back; False when nothing is left to say."""
        repeated = unchanged(message.news, message.told)
        if not repeated:
            return True
        if len(repeated) == len(message.news):
            await self._finish(message, Result.SUPPRESSED, "unchanged", tries=0)
            return False
        if not await self._store.drop(message, sorted(repeated), "unchanged", now):
            return False
        message.news = [news for news in message.news if news.notification_id not in repeated]
        return True

    async def _write_down(self, message: Leased, delivery: Delivery) -> None:
        match delivery:
            case Sent():
                await self._finish(message, Result.SENT, None, tries=message.tries)
            case TryAgain() | Rejected() | Unsure():
                await self._follow(message, delivery, plan(delivery, message, self._clock(), self._settings))
            case Unavailable(reason):
                _log.warning("provider unavailable", channel=message.channel, reason=reason)
                await self._put_back(message)
            case LeaseLost():
                _log.warning("lease lost before sending", message_id=message.message_id)

    async def _follow(self, message: Leased, delivery: TryAgain | Rejected | Unsure, what: Plan) -> None:
        _log.info(
            "not sent",
            channel=message.channel,
            message_id=message.message_id,
            reason=what.reason,
            result=what.result,
            again_at=what.again_at.isoformat() if what.again_at else None,
        )
        if what.result is not None:
            rejected = delivery if isinstance(delivery, Rejected) else Rejected("")
            bounces = self._settings.hard_bounces if rejected.bounced else None
            if rejected.gone:
                await self._store.drop_push(message)
            await self._finish(message, what.result, what.reason, tries=message.tries, bounces=bounces)
        elif what.again_at is not None and what.keep:
            await self._store.hold(message, what.again_at)
        elif what.again_at is not None:
            await self._store.wait(message, what.again_at)

    async def _put_back(self, message: Leased) -> None:
        """Not tried: others may take it at once; one that may have got through stays as it is."""
        if message.unsure:
            await self._store.hold(message, self._clock())
        else:
            await self._store.put_back(message, self._clock())

    async def _finish(
        self, message: Leased, result: Result, reason: str | None, *, tries: int, bounces: int | None = None
    ) -> None:
        """Write the end down. While the database is away, keep at it: what is not written down is sent again."""
        retrying = stamina.retry_context(on=PASSING, attempts=None, timeout=self._settings.lease, wait_max=2)
        async for attempt in retrying:
            with attempt:
                now = self._clock()
                ended = await self._store.finish(message, result, reason, now, tries=tries, bounces=bounces)
        _log.info(
            "message ended",
            channel=message.channel,
            message_id=message.message_id,
            result=result,
            reason=reason,
            notifications=len(ended),
            tries=tries,
        )
        if result is Result.SENT:
            for notification_id in ended:
                delay = (now - message.times[notification_id].caused_at).total_seconds()
                metrics.DELAY_SECONDS.labels(message.channel).observe(max(0.0, delay))

    def _suffer_outage(self) -> None:
        self._outage = min(max(_SHORTEST_OUTAGE, self._outage * 2), self._settings.outage_wait)


async def _pause(stop: asyncio.Event, seconds: float) -> None:
    try:
        async with asyncio.timeout(seconds):
            await stop.wait()
    except TimeoutError:
        return
