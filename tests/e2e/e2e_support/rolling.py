"""A steady flow through every partition while processes come and go, and how long each partition was missed."""

import asyncio
import json
import signal
import time
from collections import Counter, defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import count, pairwise
from pathlib import Path
from typing import Any

from backorder_contracts.identity import lane
from backorder_dev.services import SERVICES, Service
from backorder_runtime.bundle import partition_of
from e2e_support.system import SCHEMAS, System
from e2e_support.upstream import line, order, stock

ROLLED = tuple(service for service in SERVICES if not service.reads)
TWINS = (*SERVICES, *(Service(f"{each.name}-2", each.module, each.sends) for each in ROLLED))
"""Two processes of each service, and one auditor."""

TICK = 0.1  # seconds
LATER = 20  # ticks after an order the units for it arrive
CUSTOMER = "C-ROLL"


@dataclass
class Flow:
    """At each tick one order with a line in each partition, and one unit of stock for each line of a while ago.

    It may run again when it has come to its end.
    """

    system: System
    orders: int = 0
    levels: Counter[str] = field(default_factory=Counter)
    published_at: dict[str, float] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.parts = _a_part_for_each(self.system.endpoints.partitions)
        self._stop = asyncio.Event()

    async def run(self) -> None:
        """Publish in time, whatever the system does, until it is to stop; then the stock that is missing."""
        self._stop.clear()
        began = time.time()
        waiting: set[asyncio.Task[None]] = set()
        for tick in count():
            await asyncio.sleep(max(0.0, began + tick * TICK - time.time()))
            if self._stop.is_set():
                break
            for sending in (self._order(), *([self._stock()] if tick > LATER else [])):
                task = asyncio.create_task(sending)
                waiting.add(task)
                task.add_done_callback(waiting.discard)
        await asyncio.gather(*waiting)
        while self.levels[self.parts[0]] < self.orders:
            await self._stock()

    def stop(self) -> None:
        """Let `run` come to its end."""
        self._stop.set()

    async def _order(self) -> None:
        self.orders += 1
        name = f"ROLL-{self.orders}"
        self.published_at[name] = time.time()
        await self.system.publish(
            "order-placed", order(name, *(line(part, 1) for part in self.parts), customer=CUSTOMER)
        )

    async def _stock(self) -> None:
        events = []
        for part in self.parts:
            self.levels[part] += 1
            events.append(stock(part, self.levels[part], self.levels[part], "received"))
        await self.system.publish("stock-changed", *events)


def _a_part_for_each(partitions: int) -> list[str]:
    found: dict[int, str] = {}
    for n in count():
        part = f"ROLL-P{n}"
        found.setdefault(partition_of(lane(part, "W1"), partitions), part)
        if len(found) == partitions:
            return [found[partition] for partition in range(partitions)]
    raise AssertionError


@dataclass(frozen=True)
class Stopped:
    """A process that was stopped in order: how it ended, after how many seconds, and when another was ready."""

    name: str
    pid: int
    at: float
    code: int | None
    took: float
    ready_at: float

    @property
    def service(self) -> str:
        return self.name.removesuffix("-2")


async def replace_process(system: System, name: str) -> Stopped:
    """Stop a process by SIGTERM, and wait until the supervisor has another one ready."""
    known: Any = system.run
    component = known._services[name]
    process = component._process
    at = time.time()
    process.send(signal.SIGTERM)
    code = await process.ended(60)
    took = time.time() - at

    async def back() -> bool:
        return component.pid not in {None, process.pid}

    await system.until(back, 60, every=0.05)
    return Stopped(name, process.pid, at, code, took, time.time())


async def outputs(system: System) -> dict[str, dict[int, list[float]]]:
    """When each service said something, by partition, in seconds."""
    told: dict[str, dict[int, list[float]]] = defaultdict(lambda: defaultdict(list))
    for topic in ("supply", "back-order-state"):
        for record in await system.read(topic):
            source = dict(record.headers)["ce_source"].decode().split("/")[2]
            told[source][record.partition].append(record.timestamp / 1000)
    for shard, at in await system.query("SELECT shard, decided_at FROM notifier.notification ORDER BY decided_at"):
        told["notifier"][shard].append(at.timestamp())
    return told


async def all_have_spoken(system: System) -> bool:
    """Whether each service has said something of each partition."""
    told = await outputs(system)
    return all(told[service.name][n] for service in ROLLED for n in range(system.endpoints.partitions))


def pauses(told: Iterable[float], begin: float, end: float) -> float:
    """The longest time without a word that falls into a span. Something must have been said before the span."""
    said = sorted(told)
    assert said, "nothing was said"
    assert said[0] < begin, "nothing was said before"
    said.append(max(end, said[-1]))  # whoever says nothing any more is silent up to the end
    return max(later - earlier for earlier, later in pairwise(said) if later > begin and earlier < end)


async def waits(system: System, flow: Flow) -> list[float]:
    """How long each order waited for the opening of its last back order; those that were covered did not."""
    opened: dict[str, float] = {}
    for record in await system.read("back-order-state"):
        if dict(record.headers)["ce_type"] == b"back-order.opened":
            name = json.loads(record.value)["order_id"]
            opened[name] = max(opened.get(name, 0.0), record.timestamp / 1000)
    return sorted(opened[name] - at for name, at in flow.published_at.items() if name in opened)


def claims(system: System) -> list[dict[str, Any]]:
    """What the services wrote when they claimed a shard."""
    return _written(system, "claimed")


def taken_over(system: System, stopped: Iterable[Stopped]) -> list[tuple[Stopped, dict[str, Any]]]:
    """The claims of the shards that processes owned when they were told to stop, each with the process.

    A process that stops in order sends what it has decided, and stores that it did, before it leaves its group. So
    whoever claims such a shard next has nothing to send. That may not be asked of any other claim: a shard that goes to
    a process that joins is taken from one that works on, and whose newest batches may not be confirmed at that moment.
    """
    histories: dict[tuple[str, int], list[dict[str, Any]]] = defaultdict(list)
    for claim in sorted(claims(system), key=lambda claim: claim["epoch"]):
        histories[claim["service"], claim["shard"]].append(claim)
    pairs = [(service, *pair) for (service, _), history in histories.items() for pair in pairwise(history)]
    return [
        (each, claim)
        for each in stopped
        for service, before, claim in pairs
        if service == each.service and _pid(before) == each.pid != _pid(claim) and _time(claim) > each.at
    ]


def _pid(claim: dict[str, Any]) -> int:
    return int(claim["owner"].rpartition("/")[2])


def _time(line: dict[str, Any]) -> float:
    return datetime.fromisoformat(line["@timestamp"]).timestamp()


def failures(system: System, since: float) -> list[dict[str, Any]]:
    """What the services wrote about batches that did not commit."""
    at = datetime.fromtimestamp(since, UTC).isoformat()
    return [each for each in _written(system, "batch failed, will claim again") if each["@timestamp"] > at]


def _written(system: System, event: str) -> list[dict[str, Any]]:
    logs = Path(system.endpoints.mailbox).parent / "logs"
    texts = [text for twin in TWINS for text in (logs / f"{twin.name}.log").read_text("utf-8").splitlines()]
    return [json.loads(text) for text in texts if f'"event": "{event}"' in text]


async def check_books(system: System, flow: Flow) -> None:
    """Every line came in once, and its unit is covered, or was set aside and released, once; every message ended."""
    lines = {(f"ROLL-{n}", str(m)) for n in range(1, flow.orders + 1) for m in range(1, len(flow.parts) + 1)}
    rows = await system.query("SELECT order_id, line_id, covered FROM gap_detector.line")
    assert sorted((row["order_id"], row["line_id"]) for row in rows) == sorted(lines), "each line once"
    covered = {(row["order_id"], row["line_id"]) for row in rows if row["covered"] == 1}
    histories = await system.histories()
    named = Counter((events[0]["order_id"], events[0]["line_id"]) for events in histories.values())
    assert named == Counter(dict.fromkeys(lines - covered, 1)), "each other line has one back order"
    for events in histories.values():
        quantity = events[-1]["quantity"]
        assert (events[-1]["status"], quantity["released"], quantity["back_ordered"]) == ("released", 1, 1), events[-1]
    for schema in SCHEMAS:
        assert await system.query(f"SELECT count(*) FROM {schema}.outbox") == [(0,)]  # noqa: S608
    ends: dict[str, set[bytes]] = defaultdict(set)
    for record in await system.read("notification-outcome"):
        ends[json.loads(record.value)["notification_id"]].add(record.value)
    known = {row[0] for row in await system.query("SELECT notification_id FROM notifier.notification")}
    assert known <= ends.keys(), "each notification has an end"
    assert {len(contents) for contents in ends.values()} == {1}, "and one only"
