"""Publishes a shard's outbox in sequence, cause before effect.

Within a group of batches the public events are confirmed before the internal ones are sent: nobody can see
what an event led to before the event. Dead letters lead to nothing, and stand in no order with events: they go
last, those that are read again from their origins in the order of these. Batches come from memory right after
their commit; after a claim, from the table.
"""

import asyncio
from collections import deque
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from itertools import islice

from backorder_runtime.dead_letters import Copy, OriginReader, wire
from backorder_runtime.outbox import Letter, OutboxBatch, Stamp, Wire, is_public, rfc3339
from backorder_runtime.publisher import Publisher
from backorder_runtime.telemetry import DEAD_LETTERS, OUTBOX_AGE, OUTBOX_BATCHES

Dated = tuple[Letter, datetime]
_MANY_LETTERS = 1_000


class Relay:
    """One per owned shard. `sent_sequence` is what the next committed batch may write down as sent."""

    def __init__(self, service: str, shard: int, publisher: Publisher, origins: OriginReader) -> None:
        self._service = service
        self._shard = shard
        self._publisher = publisher
        self._origins = origins
        self._stamp = Stamp(service, shard)
        self._waiting: deque[OutboxBatch] = deque()
        self._some = asyncio.Event()
        self._fewer = asyncio.Event()
        self.sent_sequence = 0

    def put(self, batches: Iterable[OutboxBatch]) -> None:
        """Take committed batches."""
        self._waiting.extend(batches)
        if self._waiting:
            self._some.set()
        self.export()

    @property
    def pending(self) -> int:
        """How many batches are unconfirmed."""
        return len(self._waiting)

    async def room(self, backlog: int) -> None:
        """Return when no more than so many batches are unconfirmed."""
        while len(self._waiting) > backlog:
            self._fewer.clear()
            await self._fewer.wait()

    async def run(self) -> None:
        """Publish until cancelled. Raises `PublishingFailed`; the shard is then to be dropped."""
        while True:
            await self._some.wait()
            group = self._next_group()
            await self._publish(group)
            for _ in group:
                self._waiting.popleft()
            if not self._waiting:
                self._some.clear()
            self.sent_sequence = group[-1].last_sequence
            self.export()
            self._fewer.set()

    def _next_group(self) -> Sequence[OutboxBatch]:
        """What waits, up to the batch that makes it many letters: their events may not wait for all that follow."""
        letters = 0
        for count, batch in enumerate(self._waiting, 1):
            letters += sum(isinstance(entry, Letter) for entry in batch.entries)
            if letters >= _MANY_LETTERS:
                return tuple(islice(self._waiting, count))
        return tuple(self._waiting)

    async def _publish(self, group: Sequence[OutboxBatch]) -> None:
        public: list[Wire] = []
        internal: list[Wire] = []
        letters: list[Dated] = []
        for batch in group:
            time = rfc3339(batch.decided_at).encode()
            for sequence, entry in enumerate(batch.entries, batch.first_sequence):
                if isinstance(entry, Letter):
                    letters.append((entry, batch.decided_at))
                else:
                    (public if is_public(entry) else internal).append(self._stamp.wire(entry, sequence, time))
        for records in (public, internal):
            if records:
                await self._publisher.publish(records)
        await self._publish_letters(letters)

    async def _publish_letters(self, letters: Sequence[Dated]) -> None:
        """Those with a copy first; the others by portions, of which one is in memory."""
        await self._send_letters([(letter, at, letter.copy) for letter, at in letters if letter.copy is not None])
        left = [(letter, at) for letter, at in letters if letter.copy is None]
        while left:
            copies = await self._origins.read({letter.origin for letter, _ in left})
            await self._send_letters([(x, at, copies[x.origin]) for x, at in left if x.origin in copies])
            left = [(letter, at) for letter, at in left if letter.origin not in copies]

    async def _send_letters(self, letters: Sequence[tuple[Letter, datetime, Copy | None]]) -> None:
        if not letters:
            return
        await self._publisher.publish([wire(self._service, letter, copy, at) for letter, at, copy in letters])
        for letter, _, _ in letters:
            DEAD_LETTERS.labels(letter.origin.topic, letter.reason).inc()

    def export(self) -> None:
        """Show how much is unconfirmed, and since when."""
        OUTBOX_BATCHES.labels(str(self._shard)).set(len(self._waiting))
        age = (datetime.now(UTC) - self._waiting[0].decided_at).total_seconds() if self._waiting else 0.0
        OUTBOX_AGE.labels(str(self._shard)).set(age)

    def forget(self) -> None:
        """Whoever owns the shard now shows it."""
        OUTBOX_BATCHES.remove(str(self._shard))
        OUTBOX_AGE.remove(str(self._shard))
