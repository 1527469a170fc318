"""What people did with dead letters, from the topic `dead-letter-handled`: its order settles who was first.

A letter itself never changes. Whoever replays letters first says so on this topic, following what was said of
the letter before; of two that follow the same, the first on the topic has the letter. Only then the record is
published, and after it the word that it was. A command that is killed in between leaves the letter in doubt.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Self

import structlog
from aiokafka import AIOKafkaConsumer, TopicPartition
from pydantic import ValidationError

from backorder_contracts.envelope import write
from backorder_contracts.handled import REPLAYING, DeadLetterHandled
from backorder_contracts.internal import Origin
from backorder_runtime.consumer import first_and_end, started
from backorder_runtime.dlq.letters import Identity, StoredLetter, need_topics, records
from backorder_runtime.outbox import Wire
from backorder_runtime.publisher import Publisher
from backorder_runtime.settings import KafkaSettings, aiokafka_options

TOPIC = "dead-letter-handled"
_PLACE = TopicPartition(TOPIC, 0)
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Handler:
    """Who deals with letters in one run of a command."""

    run: str
    by: str
    at: datetime
    note: str | None = None


class Handled:
    """The newest word about each letter. Used as a context; `catch_up` reads what others said meanwhile."""

    def __init__(self, kafka: KafkaSettings) -> None:
        self._kafka = kafka
        self._consumer: Any = None
        self._next = 0
        self._last: dict[Identity, DeadLetterHandled] = {}

    async def __aenter__(self) -> Self:
        self._consumer = AIOKafkaConsumer(
            **aiokafka_options(self._kafka),
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            fetch_max_wait_ms=50,
        )
        await started(self._consumer)
        try:
            await need_topics(self._consumer, [TOPIC])
            self._consumer.assign([_PLACE])
            await self.catch_up()
        except BaseException:
            await self._consumer.stop()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._consumer.stop()

    async def catch_up(self) -> None:
        """Read on to the end of the topic."""
        first, end = (await first_and_end(self._consumer, [_PLACE]))[_PLACE]
        async for record in records(self._consumer, _PLACE, max(first, self._next), end):
            try:
                self.take(DeadLetterHandled.model_validate_json(record.value or b""))
            except ValidationError as error:
                _log.warning("unreadable", topic=TOPIC, offset=record.offset, error=error.errors()[0]["msg"])
        self._next = end

    def take(self, event: DeadLetterHandled) -> None:
        """Note an event, unless somebody was faster."""
        key = event.service, Origin(event.topic, event.partition, event.offset), event.digest
        last = self._last.get(key)
        if last is None or last.run in {event.after, event.run} or event.refused_at > last.refused_at:
            self._last[key] = event

    def of(self, letter: StoredLetter) -> DeadLetterHandled | None:
        """The last that was said of this letter; None when it waits to be dealt with."""
        event = self._last.get(letter.identity)
        return event if event is not None and event.refused_at >= letter.why.at else None

    def in_doubt(self, letter: StoredLetter) -> bool:
        """Whether somebody began to replay it and did not say that it was done."""
        event = self.of(letter)
        return event is not None and event.action == REPLAYING

    def is_open(self, letter: StoredLetter) -> bool:
        """Whether it is not dealt with, as far as anybody knows."""
        event = self.of(letter)
        return event is None or event.action == REPLAYING

    def words(self, letters: Iterable[StoredLetter], action: str, handler: Handler) -> list[Wire]:
        """The events that say of these letters what this handler does with them."""
        return [self._word(letter, action, handler) for letter in letters]

    async def claim(
        self, publisher: Publisher, letters: Sequence[StoredLetter], handler: Handler
    ) -> list[StoredLetter]:
        """Say that these letters are being replayed; returns those of which nobody said anything meanwhile."""
        await publisher.publish(self.words(letters, REPLAYING, handler))
        await self.catch_up()
        return [letter for letter in letters if self._last[letter.identity].run == handler.run]

    def _word(self, letter: StoredLetter, action: str, handler: Handler) -> Wire:
        last = self._last.get(letter.identity)
        event = DeadLetterHandled(
            service=letter.service,
            topic=letter.origin.topic,
            partition=letter.origin.partition,
            offset=letter.origin.offset,
            digest=letter.digest,
            refused_at=letter.why.at,
            action=action,
            run=handler.run,
            after=last.run if last is not None and last.run != handler.run else None,
            by=handler.by,
            at=handler.at,
            note=handler.note,
        )
        name = f"{letter.service}/{event.topic}/{event.partition}/{event.offset}/{event.digest}"
        headers = write(
            id=f"handled.{handler.run}.{name}.{action}",
            source="/backorder/dlq",
            type=DeadLetterHandled.ce_type,
            time=handler.at,
            subject=letter.id,
        )
        return Wire(TOPIC, name.encode(), event.to_json(), tuple(headers), 0)
