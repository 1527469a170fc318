"""The producer: idempotent, acknowledged by all replicas, murmur2 like every other client of these topics."""

import asyncio
import logging
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress

from confluent_kafka import KafkaError, KafkaException, Message, Producer

from backorder_runtime.outbox import Wire
from backorder_runtime.settings import KafkaSettings, librdkafka_options
from backorder_runtime.telemetry import PUBLISHED

_library_log = logging.getLogger("librdkafka")
# that a setting of ours may change with the library is for whoever updates the library, not for each start
_library_log.addFilter(lambda record: "is experimental" not in record.getMessage())
_CHUNK = 20_000
_MOST = 1_000_000  # records that the library holds
_LARGEST = 11 * 1024 * 1024  # a dead letter may be as large as its topic allows, and the library counts the frame too
_BY_KEY = -1
_FULL = 0.02  # seconds until a library that is full is asked again
_AFTERMATH = {  # what the library says of all records once it has given up
    KafkaError._FATAL,  # noqa: SLF001 - the library's names
    KafkaError._GAPLESS_GUARANTEE,  # noqa: SLF001
    KafkaError._PURGE_QUEUE,  # noqa: SLF001
    KafkaError._PURGE_INFLIGHT,  # noqa: SLF001
}


class PublishingFailed(Exception):
    """The broker refused records for good; nothing after them stands in their partition. The message says why."""


class ProducerBroken(PublishingFailed):
    """The producer sends nothing any more, since it could not keep its promises: the process has to start anew.

    Its cause is what the broker said about the first record that it refused, or why its answers are heard no more.
    """


class _Deaf(PublishingFailed):
    """Nobody hears the broker's answers any more."""


class Publisher:
    """Sends records and tells when all of them are confirmed. Safe to share between tasks of one loop."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._broken: KafkaError | _Deaf | None = None
        self._refusal: KafkaError | None = None
        self._producer = Producer(
            {
                **librdkafka_options(kafka),
                "enable.idempotence": True,
                # or what follows a record that is refused would be delivered without it, and readers, who go by
                # sequence, would take the record for a repetition when it comes at last
                "enable.gapless.guarantee": True,
                "acks": "all",
                # without a limit: an outage of the broker is waited out, in order, and seen as outbox age
                "message.timeout.ms": 0,
                "partitioner": "murmur2_random",  # librdkafka's own default would break co-partitioning
                "linger.ms": 2,
                "compression.type": kafka.compression,
                "queue.buffering.max.messages": _MOST,
                "message.max.bytes": _LARGEST,
            },
            logger=_library_log,
        )
        self._loop: asyncio.AbstractEventLoop | None = None
        self._under_way: set[_Confirmation] = set()
        self._stopping = threading.Event()
        self._poller = threading.Thread(target=self._poll, name="publisher", daemon=True)
        self._poller.start()

    async def publish(self, records: Sequence[Wire]) -> None:
        """Return when every record is confirmed, in order per partition.

        Raises `PublishingFailed`, `ProducerBroken`, and KafkaException for a record that cannot be sent at all.

        When cancelled, records may still be sent: the caller repeats them, which readers recognise.
        """
        for start in range(0, len(records), _CHUNK):
            await self._publish(records[start : start + _CHUNK])

    async def _publish(self, records: Sequence[Wire]) -> None:
        confirmation = _Confirmation(len(records), self._note)
        self._loop = asyncio.get_running_loop()
        self._under_way.add(confirmation)
        try:
            if isinstance(self._broken, _Deaf):
                raise self._broken
            await self._produce(records, confirmation)
            await confirmation.wait()
        except (KafkaException, PublishingFailed) as error:
            if self._broken is None:
                raise
            said = KafkaException(self._refusal) if self._refusal else error
            raise ProducerBroken(f"the producer has to start anew: {self._broken}") from said
        finally:
            self._under_way.discard(confirmation)
        for topic, count in Counter(record.topic for record in records).items():
            PUBLISHED.labels(topic).inc(count)

    async def _produce(self, records: Sequence[Wire], confirmation: "_Confirmation") -> None:
        for record in records:
            while not self._takes(record, confirmation):
                await asyncio.sleep(_FULL)
                if isinstance(self._broken, _Deaf):
                    raise self._broken

    def _takes(self, record: Wire, confirmation: "_Confirmation") -> bool:
        """Hand a record to the library; False while that is full of what the broker has not confirmed."""
        try:
            self._producer.produce(
                record.topic,
                value=record.value,
                key=record.key,
                headers=list(record.headers),
                on_delivery=confirmation.one,
                partition=_BY_KEY if record.partition is None else record.partition,
            )
        except BufferError:
            return False
        return True

    def _note(self, refusal: KafkaError) -> None:
        if self._refusal is None and refusal.code() not in _AFTERMATH:
            self._refusal = refusal

    def _poll(self) -> None:
        while not self._stopping.is_set():
            try:
                self._producer.poll(0.2)
            except KafkaException as error:  # a producer that gives up says so here; what it took is still answered
                if error.args[0].fatal():
                    self._broken = error.args[0]
            except Exception as error:  # noqa: BLE001 - a defect, whatever it is, must not end the thread in silence
                self._end(error)
                return

    def _end(self, error: Exception) -> None:
        """Without this thread no confirmation comes: have those fail that are awaited, and all that come later."""
        self._broken = _Deaf(f"the thread that hears the broker's answers ended with {error!r}")
        self._broken.__cause__ = error
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop is closed, so nobody waits
                self._loop.call_soon_threadsafe(self._fail, self._broken)

    def _fail(self, error: PublishingFailed) -> None:
        for confirmation in self._under_way:
            confirmation.fail(error)

    def close(self) -> None:
        """Stop at once; unconfirmed records are given up here and sent again from the outbox later."""
        self._stopping.set()
        self._poller.join()
        self._producer.purge(in_queue=True, in_flight=True, blocking=False)
        # what is given up leaves a gap, and so is an error to the producer, which its library then fails to raise
        with suppress(KafkaException, SystemError):
            self._producer.flush(1)


class _Confirmation:
    """Counts the confirmations of one call; filled from the producer's thread."""

    def __init__(self, expected: int, note: Callable[[KafkaError], None]) -> None:
        self._left = expected
        self._note = note
        self._error: KafkaError | None = None
        self._loop = asyncio.get_running_loop()
        self._done = self._loop.create_future()

    def one(self, error: KafkaError | None, message: Message) -> None:
        if error is not None:
            error = KafkaError(error.code(), f"{message.topic()}: {error.str()}")  # what it says names no topic
            self._note(error)
            self._error = self._error or error
        self._left -= 1
        if self._left == 0 and not self._loop.is_closed():
            self._loop.call_soon_threadsafe(self._finish)

    def _finish(self) -> None:
        if self._error is not None:
            cause = KafkaException(self._error)
            failed = PublishingFailed(str(cause))
            failed.__cause__ = cause
            self.fail(failed)
        elif not self._done.done():
            self._done.set_result(None)

    def fail(self, error: PublishingFailed) -> None:
        if not self._done.done():
            self._done.set_exception(error)

    async def wait(self) -> None:
        if self._left > 0 or not self._done.done():
            await self._done
