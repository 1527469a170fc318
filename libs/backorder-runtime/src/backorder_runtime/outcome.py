"""What a batch leads to, collected while its inputs are decided, and stored in its transaction."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime

from backorder_contracts.topics import TOPICS
from backorder_runtime import store
from backorder_runtime.bundle import Bundler
from backorder_runtime.database import Conn
from backorder_runtime.outbox import Entry, Event, Letter, OutboxBatch
from backorder_runtime.record import DeadLetter, Effect, Message, Record, SetTimer


@dataclass(slots=True)
class Outcome:
    """The effects of a batch, sorted by what becomes of them. `parked` are inputs of stopped lanes, in order."""

    bundler: Bundler
    entries: list[Entry] = field(default_factory=list)
    refusals: list[DeadLetter] = field(default_factory=list)
    timers: list[SetTimer] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    parked: list[tuple[str, Record]] = field(default_factory=list)
    inputs: int = 0
    facts: int = 0

    def take(self, effects: Iterable[Effect], trace: str | None) -> None:
        """Take what one input leads to, which goes on with its trace."""
        for effect in effects:
            match effect:
                case Message() if TOPICS[effect.topic].is_public:
                    self.entries.append(
                        Event(effect.topic, effect.key, effect.type, effect.value, effect.subject, trace)
                    )
                case Message():
                    self.bundler.add(effect, trace)
                case DeadLetter():
                    self.refusals.append(effect)
                case SetTimer():
                    self.timers.append(effect)

    def rings_by(self, now: datetime) -> bool:
        """Whether a timer was set that is due at once."""
        return any(timer.due_at is not None and timer.due_at <= now for timer in self.timers)

    async def keep(self, conn: Conn, shard: int, first_sequence: int, now: datetime) -> OutboxBatch | None:
        """Store all of it; returns what is to be published, or None. Raises `Fenced`."""
        if self.timers:
            await store.set_timers(conn, shard, self.timers)
        if self.errors or self.parked:
            await store.park(conn, shard, self.errors, self.parked, now)
        if self.refusals:
            fresh = await store.refuse(conn, self.refusals, now)
            self.entries.extend(Letter(x.origin, x.reason, x.detail, None) for x in fresh)
        self.entries.extend(self.bundler.take())
        if not self.entries:
            return None
        batch = OutboxBatch(first_sequence, now, tuple(self.entries))
        await store.put_outbox(conn, shard, batch)
        return batch
