"""Backlogs that are drained while each service is killed in the middle of them, and what has become of every line.

The business is the one whose rate is measured: many lanes, some asked for much more often, one line in ten short. The
supervisor of the local run starts again what was killed.
"""

import asyncio
import os
import random
import signal
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence
from contextlib import suppress
from typing import Any

import msgspec
import trade
from at_rest import until_rest
from reckoning import Found, Lane, Line, reckon
from subscriber import Subscriber
from systems import LIMIT, System

from backorder_dev.reading import read_topic
from backorder_dev.services import SERVICES, Service

_EARLY, _LATE = 0.1, 0.85  # the shares of a backlog between which services are killed
_COUNTS = 2_000  # stock levels that are on their way when inventory-sync is killed: orders give it nothing to do
_LINES = """SELECT order_id, line_id, lane, covered, need FROM gap_detector.line
  UNION ALL SELECT order_id, line_id, '', 0, 0 FROM gap_detector.past_line"""


class _Named(msgspec.Struct):
    """Whose back order an event is about."""

    order_id: str
    line_id: str


_line_of = msgspec.json.Decoder(_Named).decode


class Kills:
    """A running system whose services are killed; `levels` is the stock that it was told of, by part."""

    def __init__(self, system: System, subscriber: Subscriber, lanes: int, seed: int = 20261124) -> None:
        self.system = system
        self._subscriber = subscriber
        self._draw = random.Random(seed)
        self._version = 1
        self._asking = asyncio.Lock()  # the database answers one question at a time
        self.levels = {part: 0 if trade.is_short(part) else trade.PLENTY for part in range(lanes)}
        self.back_after: dict[str, list[float]] = defaultdict(list)
        self.in_the_middle = 0

    async def drain(self, orders: Sequence[trade.Order]) -> float:
        """Drain a backlog and kill each service once meanwhile; returns when its last back order was seen, in seconds.

        What never comes is found by whoever reckons.
        """
        seen, due = self._subscriber.opened, sum(len(order.short) for order in orders)
        moments = sorted((self._draw.uniform(_EARLY, _LATE), service.name) for service in SERVICES)
        await self.system.backlog([order.wire() for order in orders])
        began, coming = time.time(), []
        with suppress(TimeoutError):
            async with asyncio.timeout(LIMIT):
                for share, name in moments:
                    await self._until_seen(seen + round(share * due))
                    if name == "inventory-sync":
                        await self._count_stock()
                    coming.append(asyncio.create_task(self._kill(name)))
                    self.in_the_middle += self._subscriber.opened < seen + due
                await self._until_seen(seen + due)
        seconds = time.time() - began
        await asyncio.gather(*coming)
        await until_rest(self.system)
        return seconds

    async def _until_seen(self, opened: int) -> None:
        while self._subscriber.opened < opened:
            await asyncio.sleep(0.02)

    async def _count_stock(self) -> None:
        """One unit more of some parts that have enough, so that no line is decided otherwise for it."""
        self._version += 1
        plenty = [part for part in self.levels if not trade.is_short(part)][:_COUNTS]
        self.levels |= {part: self.levels[part] + 1 for part in plenty}
        await self.system.publisher.publish([trade.stock(part, self.levels[part], self._version) for part in plenty])

    async def _kill(self, name: str) -> None:
        """Kill a service, and wait until another process of it has all of its shards."""
        pid, began = self._pid(name), time.time()
        os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(LIMIT):
            while self._pid(name) in {pid, None} or await self._unclaimed(name, began):
                await asyncio.sleep(0.05)
        self.back_after[name].append(round(time.time() - began, 1))

    def _pid(self, name: str) -> Any:
        return self.system.run.endpoints().services[name]["pid"]

    async def _unclaimed(self, name: str, since: float) -> int:
        service: Service = next(each for each in SERVICES if each.name == name)
        if service.reads:
            return 0
        asked = f"SELECT count(*) FROM {service.module}.shard WHERE claimed_at <= to_timestamp($1)"  # noqa: S608
        async with self._asking:
            return int(await self.system.database.fetchval(asked, since))


async def found(system: System) -> tuple[Found, dict[str, int]]:
    """What a system has at rest; how many events it published, how many of them again, and with another content."""
    lines = await system.database.fetch(_LINES)
    sums: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for _, _, lane, covered, need in lines:
        sums[lane][0] += covered
        sums[lane][1] += need
    lanes: dict[str, Lane] = {
        row[0]: (*row[1:], *sums[row[0]])
        for row in await system.database.fetch("SELECT lane, on_hand, covered, handed, needed FROM gap_detector.lane")
    }
    queue = await system.database.fetch("SELECT order_id, line_id FROM priority_router.back_order")
    opened, events = await _opened(system)
    return Found([(row[0], row[1]) for row in lines], [(row[0], row[1]) for row in queue], opened, lanes), events


async def _opened(system: System) -> tuple[list[Line], dict[str, int]]:
    events: dict[bytes, bytes | None] = {}
    opened, again, changed = [], 0, 0
    for record in await read_topic(system.found.kafka, "back-order-state"):
        headers = dict(record.headers)
        if (event_id := headers["ce_id"]) in events:
            again += 1
            changed += events[event_id] != record.value
            continue
        events[event_id] = record.value
        if headers["ce_type"] == b"back-order.opened":
            named = _line_of(record.value)
            opened.append((named.order_id, named.line_id))
    return opened, {"events": len(events), "repeated": again, "changed": changed}


async def reckoned(killing: Kills, orders: Iterable[trade.Order]) -> dict[str, Any]:
    """What has become of all orders that the system was ever given."""
    there, events = await found(killing.system)
    return {**reckon(orders, killing.levels, there), **events}
