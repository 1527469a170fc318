"""Has a service go on after a topic has lost what it had not read, or was made anew: a decision of people.

Every shard that stands where the log no longer has anything goes on at what the log still has. What is read twice by
that is known by its identity or its sequence.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import ne
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError

from backorder_contracts.topics import TOPICS
from backorder_runtime import queries
from backorder_runtime.command_line import CannotDo
from backorder_runtime.consumer import first_and_end, started
from backorder_runtime.database import Conn
from backorder_runtime.dead_letters import without_record
from backorder_runtime.outbox import Entry, Letter, OutboxBatch
from backorder_runtime.settings import KafkaSettings, aiokafka_options
from backorder_runtime.topic_watch import Topics

_SQL = queries.load(__package__ or "backorder_runtime", "topic_pin.sql")
_GONE = "its topic was made anew before the record was copied"


@dataclass(frozen=True, slots=True)
class Move:
    """A partition whose reader goes on somewhere else: `before` is what it would have read next."""

    topic: str
    partition: int
    before: int
    after: int


@dataclass(frozen=True, slots=True)
class Acceptance:
    """What is to be accepted: the topics as they are now, where their readers go on, which of them were made anew."""

    cluster: str
    pins: Mapping[str, tuple[str, int]]
    moves: Sequence[Move]
    anew: frozenset[str] = frozenset()


async def find_out(conn: Conn, kafka: KafkaSettings, service: str, names: Sequence[str]) -> Acceptance:
    """Compare topics with what the database knows of them; all that the service reads when none is named.

    Raises `CannotDo` for a topic that the service does not read, or that does not exist.
    """
    pinned = {row["topic"]: row for row in await conn.fetch(_SQL["pinned"], list(TOPICS))}
    if strange := [name for name in names if name not in pinned]:
        raise CannotDo(f"{service} does not read {', '.join(strange)}; it reads {', '.join(pinned) or 'nothing yet'}")
    topics = Topics(kafka)
    cluster, found = await topics.cluster_id(), await topics.describe(names or pinned)
    if missing := [name for name in names or pinned if name not in found]:
        raise CannotDo(f"{', '.join(missing)} does not exist: run `backorder topics create` first")
    anew = frozenset(name for name, state in found.items() if state.topic_id != pinned[name]["topic_id"])
    moves: list[Move] = []
    consumer = _consumer(kafka, service)
    await started(consumer)
    try:
        for name, state in found.items():
            stands = dict(await conn.fetch(_SQL["stands"], name)) or await _committed(consumer, name, state.partitions)
            moves += await _moves(consumer, name, stands, is_new=name in anew)
    finally:
        await consumer.stop()
    pins = {name: (state.topic_id, state.partitions) for name, state in found.items()}
    return Acceptance(cluster, pins, moves, anew)


async def accept(conn: Conn, kafka: KafkaSettings, service: str, acceptance: Acceptance) -> int:
    """Do it. Raises `CannotDo` when the service's intake still runs; then nothing was done.

    Returns how many dead letters go out without their records, which were to be copied and are gone.

    The intake's offsets come first: while it runs the broker refuses them, and topics must not count as known before
    their readers stand where they go on. What is cut off between the two is done again by the same command. The rest is
    one transaction, which fences lanes that still run: they commit nothing more, and stop by themselves.
    """
    lanes = {row["topic"] for row in await conn.fetch(_SQL["lane_topics"])}
    await _commit(kafka, service, [move for move in acceptance.moves if move.topic not in lanes])
    async with conn.transaction():
        await conn.execute(_SQL["fence_all"])
        await conn.execute(_SQL["forget_refused"], list(acceptance.anew))
        lost = await _give_up_copies(conn, acceptance.anew)
        for topic, (topic_id, partitions) in acceptance.pins.items():
            await conn.execute(_SQL["repin"], topic, topic_id, partitions, acceptance.cluster)
            moves = [move for move in acceptance.moves if move.topic == topic and topic in lanes]
            shards, offsets = [move.partition for move in moves], [move.after for move in moves]
            await conn.execute(_SQL["go_on_at"], topic, shards, offsets)
    return lost


async def _give_up_copies(conn: Conn, anew: Collection[str]) -> int:
    """Have letters that are still to be sent say that their record is gone, or they would copy another one."""

    def known(entry: Entry) -> Entry:
        if isinstance(entry, Letter) and entry.copy is None and entry.origin.topic in anew:
            return without_record(entry, _GONE)
        return entry

    count = 0
    for shard, first, at, payload in await conn.fetch(_SQL["outbox"]) if anew else ():
        batch = OutboxBatch.of(first, at, payload)
        told = replace(batch, entries=[known(entry) for entry in batch.entries])
        if lost := sum(map(ne, batch.entries, told.entries)):
            await conn.execute(_SQL["tell_instead"], shard, first, told.payload())
            count += lost
    return count


async def _moves(consumer: Any, topic: str, stands: Mapping[int, int], *, is_new: bool) -> list[Move]:
    places = [TopicPartition(topic, number) for number in stands]
    moves = []
    for place, (first, end) in (await first_and_end(consumer, places)).items():
        stood = stands[place.partition]
        after = first if is_new else min(max(stood, first), end)
        if after != stood:
            moves.append(Move(topic, place.partition, stood, after))
    return moves


async def _committed(consumer: Any, topic: str, partitions: int) -> dict[int, int]:
    """Where the intake stands: its offsets are the consumer group's."""
    found = {number: await consumer.committed(TopicPartition(topic, number)) for number in range(partitions)}
    return {number: offset for number, offset in found.items() if offset is not None}


async def _commit(kafka: KafkaSettings, service: str, moves: Iterable[Move]) -> None:
    offsets = {TopicPartition(move.topic, move.partition): move.after for move in moves}
    if not offsets:
        return
    consumer = _consumer(kafka, service)
    await started(consumer)
    try:
        consumer.assign(list(offsets))
        await consumer.commit(offsets)
    except CommitFailedError as error:
        raise CannotDo(f"{service} still runs: stop it, and say this again; nothing was done") from error
    finally:
        await consumer.stop()


def _consumer(kafka: KafkaSettings, service: str) -> Any:
    return AIOKafkaConsumer(
        **aiokafka_options(kafka),
        group_id=f"backorder.{service}.intake",
        enable_auto_commit=False,
        auto_offset_reset="none",
        isolation_level="read_committed",
    )
