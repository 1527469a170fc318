"""The loop of a lane service on a broker and a database of paper: every turn of it is a test's to make."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, NoOffsetForPartitionError
from aiokafka.structs import ConsumerRecord

from backorder_runtime.bundle import partition_of, unpack
from backorder_runtime.clock import utc_now
from backorder_runtime.consumer import PauseOnAssignment
from backorder_runtime.lane_service import LaneService
from backorder_runtime.lanes import LaneRunner
from backorder_runtime.lifecycle import first_of
from backorder_runtime.outbox import Wire
from backorder_runtime.record import Record
from backorder_runtime.settings import EngineSettings, Settings
from engine_support.paper_database import PaperDatabase
from engine_support.tally import TOPIC, Tally, told

PARTITIONS = 4
QUICK = EngineSettings(pace=0, poll=0.001, tick=0.000_001, together_bytes=1_000)
LANES = ["M@W1", "D@W1", "B@W1", "A@W1"]  # the n-th is of shard n


class PaperConsumer:
    """Gives what stands in the log from where it was put; without that from where the `group` has got to."""

    def __init__(self) -> None:
        self.log: dict[TopicPartition, list[ConsumerRecord[Any, Any] | None]] = defaultdict(list)
        self.group: dict[TopicPartition, int] = {}
        self.at: dict[TopicPartition, int] = {}
        self.paused: set[TopicPartition] = set()
        self.given: set[TopicPartition] = set()
        self._fetcher = SimpleNamespace(error_future=Future())

    def subscribe(self, **_: Any) -> None:
        """A test says what is assigned, by `PaperLoop.assign`."""

    async def start(self) -> None:
        """It is there."""

    async def stop(self) -> None:
        """It stays there."""

    def append(self, lane: str, word: str, *headers: tuple[str, bytes]) -> None:
        place = TopicPartition(TOPIC, partition_of(lane, PARTITIONS))
        offset = len(self.log[place])
        self.log[place].append(
            ConsumerRecord(
                *place, offset, 0, 0, lane.encode(), word.encode(), None, len(lane), len(word), tuple(headers)
            )
        )

    def mark(self, place: TopicPartition) -> None:
        """A transaction ends: what stands there now is shown to nobody."""
        self.log[place].append(None)

    def give(self, *places: TopicPartition) -> None:
        """Assign these and no others, to be read from where the group has got to."""
        self.given = set(places)
        self.at.clear()
        self.paused.clear()

    def assignment(self) -> frozenset[TopicPartition]:
        return frozenset(self.given)

    def seek(self, place: TopicPartition, offset: int) -> None:
        self._check(place)
        self.at[place] = offset

    async def position(self, place: TopicPartition) -> int:
        self._check(place)
        return self.at[place]

    def pause(self, *places: TopicPartition) -> None:
        self._check(*places)
        self.paused |= set(places)

    def resume(self, *places: TopicPartition) -> None:
        self._check(*places)
        self.paused -= set(places)

    def _check(self, *places: TopicPartition) -> None:
        if not self.given.issuperset(places):
            raise IllegalStateError(f"{places} are not assigned")

    async def getmany(self, *places: TopicPartition, timeout_ms: int, max_records: int) -> dict[Any, Any]:
        await asyncio.sleep(0)
        found = {}
        for place in (set(places) or self.given) - self.paused:
            start = self.at.get(place, self.group.get(place))
            if start is None:
                raise NoOffsetForPartitionError(place)
            passed = self.log[place][start : start + max_records]
            self.at[place] = start + len(passed)
            if records := [record for record in passed if record is not None]:
                found[place] = records
        return found

    async def beginning_offsets(self, places: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        return dict.fromkeys(places, 0)

    async def end_offsets(self, places: Collection[TopicPartition]) -> dict[TopicPartition, int]:
        await asyncio.sleep(0)
        return {place: len(self.log[place]) for place in places}

    async def committed(self, place: TopicPartition) -> int | None:
        return self.group.get(place)

    async def commit(self, offsets: dict[TopicPartition, int]) -> None:
        self.group.update(offsets)

    def highwater(self, place: TopicPartition) -> int:
        return len(self.log[place])


@dataclass
class PaperPublisher:
    """Keeps what it was given, call by call; while it is not `open`, nothing is confirmed."""

    calls: list[list[Wire]] = field(default_factory=list)
    open: asyncio.Event = field(default_factory=asyncio.Event)
    breaks: Exception | None = None

    def __post_init__(self) -> None:
        self.open.set()

    async def publish(self, records: Sequence[Wire]) -> None:
        self.calls.append(list(records))
        await self.open.wait()
        error, self.breaks = self.breaks, None
        if error:
            raise error

    def told(self, topic: str) -> dict[str, list[Any]]:
        """What a reader of a topic sees who drops what he has seen, by lane."""
        seen: dict[bytes, int] = {}
        values = []
        for wire in (wire for call in self.calls for wire in call if wire.topic == topic):
            headers = dict(wire.headers)
            sequence, source = int(headers["ce_sequence"] or b""), headers["ce_source"] or b""
            if sequence > seen.get(source, 0):
                seen[source] = sequence
                values += [m.value or b"" for m in unpack(Record(topic, 0, 0, wire.key, wire.value, wire.headers))]
        return told(values)


class PaperLoop:
    """One process of the small service, which gets its shards by `assign`; `turn` has it do its work once."""

    def __init__(
        self,
        monkeypatch: pytest.MonkeyPatch,
        database: PaperDatabase,
        new: Callable[[], Tally] = Tally,
        check_topics: Callable[[], Any] | None = None,
        engine: EngineSettings = QUICK,
    ) -> None:
        self.consumer, self.database, self.publisher = PaperConsumer(), database, PaperPublisher()
        monkeypatch.setattr("backorder_runtime.consumer.new_consumer", lambda *_, **__: self.consumer)
        service = LaneService("inventory-sync", (TOPIC,), lambda _: new())
        settings = Settings(engine=engine)
        self.runner = LaneRunner(
            service,
            settings,
            database,
            self.publisher,
            utc_now,
            "one",
            *([check_topics] if check_topics else []),
        )
        self.ours = self.runner._ours
        self._listener = PauseOnAssignment(self.consumer, self.runner._on_assigned, self.ours.on_revoked)

    def assign(self, *numbers: int) -> None:
        """The group gives us these shards, as aiokafka tells it."""
        places = [TopicPartition(TOPIC, n) for n in numbers]
        self.revoke()
        self.consumer.give(*places)
        self._listener.on_partitions_assigned(places)

    def revoke(self) -> None:
        """The group is about to give out its shards anew."""
        self._listener.on_partitions_revoked(self.consumer.assignment())

    async def turn(self, times: int = 1) -> None:
        """Turns of the loop; after each the relays have published what they can."""
        for _ in range(times):
            await self.runner._turn()
            if self.publisher.open.is_set():
                await asyncio.gather(*map(self._relayed, self.ours.shards))

    async def _relayed(self, number: int) -> None:
        drained, failed = self.ours.shards[number].relay.room(0), asyncio.wait({self.ours.relays[number]})
        async with asyncio.timeout(5):
            await first_of(drained, failed)

    async def close(self) -> None:
        await self.ours.close()
