"""One shard: the lanes of one partition number, owned by one process, and where it stands in its inputs."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from types import MappingProxyType
from typing import Any, Generic, TypeVar

from asyncpg import Pool

from backorder_runtime import store
from backorder_runtime.bundle import Bundler
from backorder_runtime.handler import LaneHandler
from backorder_runtime.inputs import Readers
from backorder_runtime.outbox import OutboxBatch
from backorder_runtime.outcome import Outcome, keep
from backorder_runtime.record import Record
from backorder_runtime.refusal_limit import RefusalLimit
from backorder_runtime.relay import Relay
from backorder_runtime.retention import Rule
from backorder_runtime.store import Place
from backorder_runtime.telemetry import PARKED_LANES

E = TypeVar("E")
F = TypeVar("F")


class Shard(Generic[E, F]):
    """A claimed shard of so many `partitions`. When a batch of it fails, it is dropped and claimed again."""

    def __init__(
        self,
        number: int,
        partitions: int,
        claim: store.Claim,
        parked: Iterable[str],
        handler: LaneHandler[E, F],
        relay: Relay,
        sequenced: frozenset[str],
        limit: RefusalLimit | None = None,
        readers: Readers = MappingProxyType({}),
    ) -> None:
        self.number = number
        self.partitions = partitions
        self.epoch = claim.epoch
        self.next_sequence = claim.next_sequence
        self.handler = handler
        self.relay = relay
        self.limit = limit
        self.readers = readers
        self.parked = set(parked)
        self.rings_again = False  # there is more to do at once: a timer that is due, or what a stopped lane kept
        self._sent = claim.sent_sequence
        self._places = claim.places
        self._sequenced = sequenced
        self._void = claim.void
        PARKED_LANES.labels(str(number)).set(len(self.parked))

    def place(self, topic: str) -> Place:
        """Where the shard stands in a topic."""
        return self._places[topic]

    @property
    def has_news_of_relay(self) -> bool:
        """Whether the broker has confirmed more than the database knows."""
        return self.relay.sent_sequence > self._sent

    def steps(self, records: Sequence[Record]) -> dict[str, tuple[Place, Place]]:
        """From where to where these records take the shard, by topic."""
        steps: dict[str, tuple[Place, Place]] = {}
        for record in records:
            old, new = steps.get(record.topic) or (self._places[record.topic], None)
            mark = new.last_sequence if new else old.last_sequence
            steps[record.topic] = (
                old,
                Place(record.offset + 1, max(mark, self._sequence(record)), record.timestamp_ms),
            )
        return steps

    def unseen(self, records: Sequence[Record]) -> Iterator[Record]:
        """Those among these records that their publisher knows of, and that its relay has not repeated."""
        seen = {topic: place.last_sequence for topic, place in self._places.items()}
        for record in records:
            if self._void and self._is_void(record):
                continue
            sequence = self._sequence(record)
            if sequence:
                if sequence <= seen[record.topic]:
                    continue
                seen[record.topic] = sequence
            yield record

    def _is_void(self, record: Record) -> bool:
        """Whether its publisher's database was restored to before it was decided."""
        if not (ranges := self._void.get(record.header("ce_source") or "")):
            return False
        text = record.header("ce_sequence") or ""
        return text.isdecimal() and any(int(text) in each for each in ranges)

    def _sequence(self, record: Record) -> int:
        if record.topic not in self._sequenced:
            return 0
        if self._void and self._is_void(record):
            return 0
        text = record.header("ce_sequence")
        if not text or not text.isdecimal():
            return 0
        # another shard of the publisher counts for itself: what it sends on is known by its content
        source = record.header("ce_source")
        return int(text) if source is None or source.endswith(f"/{self.number}") else 0

    def committed(
        self,
        steps: Mapping[str, tuple[Place, Place]],
        sent: int,
        published: OutboxBatch | None,
        *,
        rings_again: bool,
    ) -> None:
        """A batch was committed that made these steps, wrote down what was sent, and publishes."""
        self._places.update({topic: new for topic, (_, new) in steps.items()})
        self._sent = max(self._sent, sent)
        self.rings_again = rings_again
        if published is not None:
            self.next_sequence = published.last_sequence + 1
        PARKED_LANES.labels(str(self.number)).set(len(self.parked))

    async def forget(
        self, pool: "Pool[Any]", rules: Sequence[Rule], now: datetime, most: int
    ) -> tuple[OutboxBatch | None, bool]:
        """Let what is over go: at most so many rows by each rule, in one transaction under the fence.

        Returns what it publishes, and whether there is more to go. Raises as a batch does; then nothing was done.
        """
        outcome, gone = Outcome(Bundler(self.partitions)), []
        sent = self.relay.sent_sequence
        async with pool.acquire() as conn, conn.transaction():
            await store.advance(conn, [store.Fence(self.number, self.epoch, sent, {})])
            for rule in rules:
                rows = await conn.fetch(rule.statement, self.number, now - rule.after, most)
                gone.append(len(rows))
                outcome.take(rule.tell(rows), None)
            published = await keep(conn, {self.number: (self.next_sequence, outcome)}, now)
        self.committed({}, sent, batch := published.get(self.number), rings_again=self.rings_again)
        for rule, count in zip(rules, gone, strict=True):
            rule.count(count)
        return batch, most in gone
