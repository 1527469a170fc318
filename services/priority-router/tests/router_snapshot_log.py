"""A log of snapshots on paper: shards that decide, producers that stand still, and one who watches."""

import asyncio
import json
from collections import Counter
from contextlib import asynccontextmanager
from copy import copy
from types import SimpleNamespace

import msgspec
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from router_desk import START, Desk

from backorder_runtime import queries
from priority_router import questions
from priority_router.publish import SNAPSHOTS
from priority_router.snapshot_watch import SnapshotWatch

ENGINE = queries.load("backorder_runtime")
KEYS = ("BO-1", "BO-2", "BO-3")
PARTITION = {"BO-1": 0, "BO-2": 0, "BO-3": 1}
SHARD = {"BO-1": 0, "BO-2": 1, "BO-3": 1}


def _order():
    desk = Desk()
    desk.short("SO-1", 1)
    return desk.line("SO-1")


_ORDER = _order()


class Killed(BaseException):
    """The process ends in the middle."""


class Shard:
    """`producers` hold what they have not sent; the last one belongs to the owner, the others stand still."""

    def __init__(self, number):
        self.source = f"/backorder/priority-router/{number}"
        self.sequence = 0
        self.outbox = []
        self.producers = [[]]


class SnapshotLog:
    """What is true, what was published of it, and a watch. All calls are the events of a story."""

    def __init__(self):
        self.truth = {}
        self.shards = [Shard(0), Shard(1)]
        self.records = {0: [], 1: []}
        self.position, self.committed = Counter(), Counter()
        self.asked = Counter()
        self.away = self.deaf = 0  # so many calls to the database, and to the group, fail
        self.meanwhile = []
        self.killed = None
        self.start_watch()

    # ── the shards ─────────────────────────────────────────────────────────────────────────────────────
    def decide(self, key, *, gone=False):
        version = None if gone else (self.truth.get(key) or 0) + 1
        self.truth[key] = version
        shard = self.shards[SHARD[key]]
        shard.sequence += 1
        entry = shard.sequence, key, version
        shard.outbox.append(entry)
        shard.producers[-1].append(entry)

    def send(self, number):
        shard = self.shards[number]
        if shard.producers[-1]:
            entry = shard.producers[-1].pop(0)
            shard.outbox.remove(entry)
            self.append(shard, entry)

    def move(self, number):
        """Another process takes the shard, and publishes what nobody has confirmed."""
        shard = self.shards[number]
        shard.producers.append(list(shard.outbox))

    def wake(self, number):
        """One that stood still sends something it held."""
        shard = self.shards[number]
        for held in shard.producers[:-1]:
            if held:
                self.append(shard, held.pop(0))

    def append(self, shard, entry):
        sequence, key, version = entry
        value = None if version is None else json.dumps({"version": version}).encode()
        headers = (("ce_source", shard.source.encode()), ("ce_sequence", str(sequence).encode()))
        self.put(PARTITION[key], key.encode(), value, headers)

    def put(self, partition, key, value, headers):
        log = self.records[partition]
        log.append(SimpleNamespace(key=key, value=value, headers=headers, partition=partition, offset=len(log)))
        log[-1].topic, log[-1].timestamp = SNAPSHOTS, 0

    def stored(self, key, version):
        """A back order as the database has it."""
        order = copy(_ORDER)
        order.back_order_id, order.version = key, version
        return order

    def last(self, key):
        """The version that a compacted topic shows of a back order; None when it says that there is none."""
        said = [record.value for record in self.records[PARTITION.get(key, 0)] if record.key == key.encode()]
        return json.loads(said[-1])["version"] if said and said[-1] is not None else None

    # ── the watch ──────────────────────────────────────────────────────────────────────────────────────
    def start_watch(self):
        running = SimpleNamespace(pool=self, publisher=self, clock=lambda: START)
        self.watch = SnapshotWatch(running, self)
        self.rebalance()

    def rebalance(self):
        self.position = Counter(self.committed)
        self.watch.begin()

    def turn(self, *meanwhile, killed=None):
        """The watch has a turn; `meanwhile` happens between its look at the database and its publishing."""
        self.meanwhile, self.killed = list(meanwhile), killed
        try:
            asyncio.run(self.watch.turn())
        except Killed:
            self.start_watch()
        self.killed = None

    def settle(self):
        """Everything is sent, by whoever holds it, and all of it is watched."""
        for number, shard in enumerate(self.shards):
            while any(shard.producers):
                self.wake(number)
                self.send(number)
        self.watch_all()

    def watch_all(self):
        """The watch takes everything that is there."""
        for _ in range(500):
            if all(self.committed[number] == len(log) for number, log in self.records.items()):
                return
            self.turn()
        raise AssertionError("the watch does not come to an end")

    # ── what it takes for consumer, pool, connection and publisher ─────────────────────────────────────
    _fetcher = SimpleNamespace(error_future=SimpleNamespace(done=lambda: False))

    async def getmany(self, *_, timeout_ms, max_records):
        fetched = {}
        for number, log in self.records.items():
            items = log[self.position[number] : self.position[number] + 2]
            self.position[number] += len(items)
            fetched[TopicPartition(SNAPSHOTS, number)] = items
        return fetched

    async def commit(self):
        if self.deaf:
            self.deaf -= 1
            raise KafkaConnectionError
        self.committed = Counter(self.position)

    @asynccontextmanager
    async def acquire(self):
        if self.away:
            self.away -= 1
            raise OSError("away")
        yield self

    async def fetch(self, text, *given):
        self.asked[text] += 1
        if text == ENGINE["last_sequences"]:
            return [(number, shard.sequence) for number, shard in enumerate(self.shards)]
        assert text == questions.SQL["back_orders"]
        assert all("\0" not in key for key in given[0]), "the database takes no such text"
        return [
            (msgspec.msgpack.encode(self.stored(key, self.truth[key])),)
            for key in given[0]
            if self.truth.get(key) is not None
        ]

    async def publish(self, wires):
        for happens in self.meanwhile:
            happens()
        if self.killed == "before":
            raise Killed
        for wire in wires:
            self.put(wire.partition, wire.key, wire.value, wire.headers)
        if self.killed == "after":
            raise Killed
