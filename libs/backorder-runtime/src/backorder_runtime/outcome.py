"""What batches lead to, collected while their inputs are decided, and stored in their transaction."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from backorder_contracts.topics import TOPICS
from backorder_runtime import store
from backorder_runtime.bundle import Bundler
from backorder_runtime.database import Conn
from backorder_runtime.dead_letters import without_record
from backorder_runtime.outbox import Entry, Event, Letter, OutboxBatch
from backorder_runtime.record import DeadLetter, Effect, Latest, Message, Record, SetTimer

Refusal = tuple[DeadLetter, int | None]
"""With when the message was written that was refused."""
_CLOCKS_DIFFER = timedelta(minutes=1)  # at most; a topic is not made anew and accepted in that time


@dataclass(slots=True)
class Outcome:
    """The effects of a batch, sorted by what becomes of them.

    `latest` are events of which only the last counts, each with its place among the `entries` and its trace. `parked`
    are inputs of stopped lanes, in order; `let_go` names what was kept for such lanes and is done. `more`: more is kept
    for a lane that goes on.
    """

    bundler: Bundler
    entries: list[Entry] = field(default_factory=list)
    latest: dict[tuple[str, str, str], tuple[int, Latest, str | None]] = field(default_factory=dict)
    refusals: list[Refusal] = field(default_factory=list)
    timers: list[SetTimer] = field(default_factory=list)
    errors: dict[str, str] = field(default_factory=dict)
    parked: list[tuple[str, Record]] = field(default_factory=list)
    let_go: list[int] = field(default_factory=list)
    more: bool = False
    inputs: int = 0
    facts: int = 0

    def take(self, effects: Iterable[Effect], trace: str | None, written_ms: int | None = None) -> None:
        """Take what one input leads to, which was written then and goes on with its trace."""
        for effect in effects:
            match effect:
                case Message() if TOPICS[effect.topic].is_public:
                    self.entries.append(
                        Event(effect.topic, effect.key, effect.type, effect.value, effect.subject, trace)
                    )
                case Message():
                    self.bundler.add(effect, trace)
                case Latest(topic, lane, name):
                    # the last one said is the last of the dictionary, too
                    self.latest.pop((topic, lane, name), None)
                    self.latest[topic, lane, name] = (len(self.entries), effect, trace)
                case DeadLetter():
                    self.refusals.append((effect, written_ms))
                case SetTimer():
                    self.timers.append(effect)

    def complete(self) -> Mapping[str, Exception]:
        """Write the latest events, each where it was said last; returns what went wrong with it, by lane."""
        failed: dict[str, Exception] = {}
        if not self.latest:
            return failed
        entries: list[Entry] = []
        done = 0
        for place, each, trace in self.latest.values():
            entries += self.entries[done:place]
            done = place
            try:
                entries.append(Event(each.topic, each.lane, each.type, each.write(), None, trace))
            except Exception as defect:  # noqa: BLE001 - see `Batch._decide`
                failed[each.lane] = defect
        self.entries = entries + self.entries[done:]
        self.latest.clear()
        return failed

    def rings_by(self, now: datetime) -> bool:
        """Whether there is more to do at once: what is kept, or a timer that is due."""
        return self.more or any(timer.due_at is not None and timer.due_at <= now for timer in self.timers)


async def keep(conn: Conn, outcomes: Mapping[int, tuple[int, Outcome]], now: datetime) -> Mapping[int, OutboxBatch]:
    """Store the outcomes of shards, each with its next sequence; returns what is to be published. Raises `Outdated`."""
    await store.set_timers(conn, {shard: each.timers for shard, (_, each) in outcomes.items() if each.timers})
    if done := [kept for _, each in outcomes.values() for kept in each.let_go]:
        await store.let_go(conn, done)
    for shard, (_, each) in outcomes.items():
        if each.errors or each.parked:
            await store.park(conn, shard, each.errors, each.parked, now)
        if each.refusals:
            each.entries.extend(await _letters(conn, each.refusals, now))
        each.entries.extend(each.bundler.take())
    batches = {
        shard: OutboxBatch(first, now, tuple(each.entries)) for shard, (first, each) in outcomes.items() if each.entries
    }
    if batches:
        await store.put_outbox(conn, batches)
    return batches


async def _letters(conn: Conn, refusals: Sequence[Refusal], now: datetime) -> Sequence[Letter]:
    """The dead letters of what nobody had refused before.

    What our intake sent on before a topic was made anew names offsets of the one before: they are not noted, or they
    would pass for those of the new one, and nothing is copied from there.
    """
    since = await store.known_since(conn, {refused.origin.topic for refused, _ in refusals})
    of_log_before = {x.origin: _letter(x) for x, written in refusals if _is_before(written, since.get(x.origin.topic))}
    fresh = await store.refuse(conn, [x for x, _ in refusals if x.origin not in of_log_before], now)
    gone = [without_record(letter, "its topic was made anew") for letter in of_log_before.values()]
    return [*map(_letter, fresh), *gone]


def _is_before(written_ms: int | None, since: datetime | None) -> bool:
    if written_ms is None or since is None:
        return False
    return datetime.fromtimestamp(written_ms / 1000, UTC) < since - _CLOCKS_DIFFER


def _letter(refused: DeadLetter) -> Letter:
    return Letter(refused.origin, refused.reason, refused.detail, None)
