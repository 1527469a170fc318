"""A database on paper: what the engine's statements do, without SQL, for tests of all that is around them."""

import asyncio
import copy
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from backorder_runtime import queries
from engine_support import tally

_NAMES = {text: name for name, text in queries.load("backorder_runtime").items()} | {
    tally._LOAD.text: "load_tally",
    tally._SAVE.text: "save_tally",
}
Row = Any


@dataclass
class Tables:
    """The rows, and a method for each statement that reads or writes them."""

    shard: dict[int, list[int]] = field(default_factory=lambda: defaultdict(lambda: [0, 1, 0]))  # epoch, next, sent
    shard_input: dict[tuple[int, str], list[int]] = field(default_factory=dict)  # next offset, last sequence
    void_number: dict[tuple[str, int], int] = field(default_factory=dict)  # by source and first
    outbox: dict[tuple[int, int], tuple[datetime, bytes]] = field(default_factory=dict)
    timer: dict[tuple[int, str, str], datetime] = field(default_factory=dict)
    parked_lane: dict[tuple[int, str], bool] = field(default_factory=dict)  # whether it is to go on
    parked_input: list[tuple[int, int, str, bytes]] = field(default_factory=list)  # id, shard, lane, record
    parked_id: int = 0
    parked_errors: list[str] = field(default_factory=list)
    tally: dict[str, tuple[int, str]] = field(default_factory=dict)

    def be_impatient(self) -> list[Row]:
        return []

    def claim(self, shard: int, _owner: str) -> list[Row]:
        row = self.shard[shard]
        row[0] += 1
        return [{"epoch": row[0], "next_sequence": row[1], "sent_sequence": row[2]}]

    def add_inputs(self, shard: int, topics: list[str], firsts: list[int]) -> list[Row]:
        for topic, first in zip(topics, firsts, strict=True):
            self.shard_input.setdefault((shard, topic), [first, 0])
        return []

    def inputs(self, shard: int) -> list[Row]:
        return [(topic, *place) for (number, topic), place in self.shard_input.items() if number == shard]

    def void_numbers(self) -> list[Row]:
        return [(source, first, last) for (source, first), last in self.void_number.items()]

    def advance(self, shards: list[int], epochs: list[int], sents: list[int], *steps: list[Any]) -> list[Row]:
        moved = {n: 0 for n, epoch, _ in zip(shards, epochs, sents, strict=True) if self.shard[n][0] == epoch}
        for n, sent in zip(shards, sents, strict=True):
            if n in moved:
                self.shard[n][2] = max(self.shard[n][2], sent)
                self.outbox = {key: row for key, row in self.outbox.items() if key[0] != n or key[1] > sent}
        for n, topic, old, new, sequence in zip(*steps, strict=True):
            if n in moved and self.shard_input[n, topic][0] == old:
                self.shard_input[n, topic] = [new, sequence]
                moved[n] += 1
        return list(moved.items())

    def put_outbox(self, *columns: list[Any]) -> list[Row]:
        numbered = []
        for shard, first, count, at, payload in zip(*columns, strict=True):
            if self.shard[shard][1] == first:
                self.shard[shard][1] = first + count
                self.outbox[shard, first] = at, payload
                numbered.append((shard,))
        return numbered

    def unsent(self, shard: int, sent: int) -> list[Row]:
        return [(key[1], *row) for key, row in sorted(self.outbox.items()) if key[0] == shard and key[1] > sent]

    def shards_with_due(self, shards: list[int], now: datetime) -> list[Row]:
        resumed = {shard for (shard, _), resume in self.parked_lane.items() if resume}
        return [(n,) for n in shards if n in {key[0] for key in self._due(shards, now)} | resumed]

    def take_timers(self, shards: list[int], now: datetime, most: int) -> list[Row]:
        return [(*key, self.timer.pop(key)) for key in self._due(shards, now)[:most]]

    def _due(self, shards: list[int], now: datetime) -> list[tuple[int, str, str]]:
        there = [key for key, due in self.timer.items() if key[0] in shards and due <= now]
        return [key for key in there if key[:2] not in self.parked_lane]

    def set_timers(self, *columns: list[Any]) -> list[Row]:
        self.timer.update({(shard, lane, key): due for shard, lane, key, due in zip(*columns, strict=True)})
        return []

    def parked(self, shard: int) -> list[Row]:
        return [{"lane": lane, "resume": resume} for (n, lane), resume in self.parked_lane.items() if n == shard]

    def park(self, shard: int, lanes: list[str], errors: list[str], _now: datetime) -> list[Row]:
        self.parked_errors += errors
        self.parked_lane.update({(shard, lane): False for lane in lanes})
        return []

    def keep_parked(self, shard: int, lanes: list[str], records: list[bytes]) -> list[Row]:
        for lane, record in zip(lanes, records, strict=True):
            self.parked_id += 1
            self.parked_input.append((self.parked_id, shard, lane, record))
        return []

    def take_parked(self, shards: list[int], lanes: int, most: int) -> list[Row]:
        resumed = [key for key, resume in self.parked_lane.items() if resume and key[0] in shards]
        found: list[Row] = []
        for n in shards:
            for shard, lane in [key for key in resumed if key[0] == n][:lanes]:
                kept = [(row[0], row[3]) for row in self.parked_input if row[1:3] == (shard, lane)][:most]
                whole = len(kept) < most
                found += [(shard, lane, whole, *each) for each in kept or [(None, None)]]
                if whole:
                    del self.parked_lane[shard, lane]
        return found

    def let_go(self, ids: list[int]) -> list[Row]:
        self.parked_input = [row for row in self.parked_input if row[0] not in ids]
        return []

    def load_tally(self, shards: list[int], lanes: list[str]) -> list[Row]:
        found = [(n, lane, *self.tally[lane]) for n, lane in zip(shards, lanes, strict=True) if lane in self.tally]
        return [(n, lane, count, seen.split("\x1e")) for n, lane, count, seen in found]

    def save_tally(self, _shards: list[int], *columns: list[Any]) -> list[Row]:
        self.tally.update({lane: (count, seen) for lane, count, seen in zip(*columns, strict=True)})
        return []


class PaperDatabase:
    """Stands in for a pool. Transactions run one after the other, and leave nothing when they fail.

    `said` has each statement with the connection that it came by, `BEGIN` and `COMMIT` among them. `breaks` has what
    the next statement of a name is to raise; at `COMMIT` it is done all the same, and only the answer is lost. `during`
    has what happens during the next statement of a name.
    """

    def __init__(self) -> None:
        self.tables = Tables()
        self.said: list[tuple[int, str]] = []
        self.breaks: dict[str, Exception] = {}
        self.during: dict[str, Callable[[], None]] = {}
        self._connections = 0
        self._one_at_a_time = asyncio.Lock()

    @asynccontextmanager
    async def acquire(self) -> AsyncIterator["_Connection"]:
        self._connections += 1
        yield _Connection(self, self._connections)

    def seen(self, lane: str) -> list[str]:
        """The words that a lane has counted."""
        return self.tables.tally[lane][1].split("\x1e") if lane in self.tables.tally else []

    def says(self, number: int, name: str) -> None:
        self.said.append((number, name))
        if happens := self.during.pop(name, None):
            happens()
        if error := self.breaks.pop(name, None):
            raise error


class _Connection:
    def __init__(self, database: PaperDatabase, number: int) -> None:
        self._database, self._number = database, number
        self._own: Tables | None = None  # what it sees within a transaction

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        database = self._database
        async with database._one_at_a_time:
            database.says(self._number, "BEGIN")
            self._own = copy.deepcopy(database.tables)
            try:
                yield
                database.tables = self._own
                database.says(self._number, "COMMIT")
            finally:
                self._own = None

    async def fetch(self, text: str, *parameters: Any) -> list[Row]:
        await asyncio.sleep(0)
        name = _NAMES[text]
        self._database.says(self._number, name)
        return list(getattr(self._own or self._database.tables, name)(*parameters))

    async def fetchrow(self, text: str, *parameters: Any) -> Row:
        return (await self.fetch(text, *parameters))[0]

    async def execute(self, text: str, *parameters: Any) -> str:
        await self.fetch(text, *parameters)
        return "done"
