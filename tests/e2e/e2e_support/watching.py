"""What a run under load reads while it goes on: the newest states, and how far each service has committed."""

import asyncio
import json
import time
from collections import Counter
from collections.abc import AsyncIterator, Collection, Coroutine
from contextlib import asynccontextmanager, suppress
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from e2e_support.system import System
from e2e_support.warehouse import Key

LANE_GROUPS = {
    service: f"backorder.{service}.lanes"
    for service in ("inventory-sync", "gap-detector", "priority-router", "notifier")
}


class States:
    """The newest state of each back order, read as it is published. `released` counts what may leave, or left."""

    def __init__(self) -> None:
        self._version: Counter[str] = Counter()
        self.released: dict[Key, int] = {}

    async def follow(self, kafka: str, partitions: int) -> None:
        """Read until cancelled; an outage of the broker is waited out."""
        consumer: Any = AIOKafkaConsumer(
            bootstrap_servers=kafka, auto_offset_reset="earliest", enable_auto_commit=False
        )
        consumer.assign([TopicPartition("back-order-state", n) for n in range(partitions)])
        await consumer.start()
        try:
            while True:
                with suppress(KafkaError):
                    for records in (await consumer.getmany(timeout_ms=200)).values():
                        for record in records:
                            self._take(json.loads(record.value))
        finally:
            await consumer.stop()

    def _take(self, state: dict[str, Any]) -> None:
        if state["version"] > self._version[state["back_order_id"]]:
            self._version[state["back_order_id"]] = state["version"]
            quantity = state["quantity"]
            self.released[state["order_id"], state["line_id"]] = quantity["released"] + quantity["shipped"]


_ALL = "SELECT order_id, line_id, covered + cover_shipped FROM gap_detector.line"
# both parts are found by an index: it is asked several times a second, of a table that has more and more lines
_SOME = """
SELECT order_id, line_id, covered + cover_shipped FROM gap_detector.line WHERE lane = ANY ($1::text[]) AND covered > 0
UNION
SELECT order_id, line_id, covered + cover_shipped FROM gap_detector.line
WHERE (order_id, line_id) IN (SELECT * FROM unnest($2::text[], $3::text[]))
"""


async def covered(
    system: System, lanes: Collection[str] | None = None, short: Collection[Key] = ()
) -> dict[Key, int] | None:
    """The units of each line that stock satisfied, in the warehouse or gone; None while the database is away.

    Of `lanes` alone, only the lines that have some in the warehouse, and those that are named as `short`.
    """
    sql, arguments = _ALL, list[list[str]]()
    if lanes is not None:
        sql = _SOME
        arguments = [list(lanes), [order_id for order_id, _ in short], [line_id for _, line_id in short]]
    try:
        rows = await system.query(sql, *arguments)
    except (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError):
        return None
    return {(order_id, line_id): units for order_id, line_id, units in rows}


class Commits:
    """How far the lanes of each service have committed: the sum of the offsets of its group."""

    def __init__(self) -> None:
        self.at: dict[str, int] = {}
        self._looked = asyncio.Condition()

    async def follow(self, kafka: str) -> None:
        """Look several times a second, until cancelled; while nobody answers nothing changes."""
        while True:
            with suppress(KafkaError, OSError, TimeoutError):
                async with _admin(kafka) as admin:
                    while True:
                        for service, group in LANE_GROUPS.items():
                            offsets = await admin.list_consumer_group_offsets(group)
                            self.at[service] = sum(max(0, found.offset) for found in offsets.values())
                        async with self._looked:
                            self._looked.notify_all()
                        await asyncio.sleep(0.2)
            await asyncio.sleep(0.2)

    async def look(self) -> None:
        """Return after a look that begins now."""
        async with self._looked:
            await self._looked.wait()  # this one may have begun before
            await self._looked.wait()

    async def next_of(self, service: str, began: float, seconds: float = 120) -> float:
        """Wait for the next commit of a service; returns how long after `began` (monotonic) it came."""
        await self.look()
        before = self.at[service]
        try:
            async with asyncio.timeout(seconds), self._looked:
                await self._looked.wait_for(lambda: self.at[service] > before)
        except TimeoutError:
            raise AssertionError(f"{service} committed nothing for {seconds} s after it was killed") from None
        return time.monotonic() - began


@asynccontextmanager
async def beside(*coroutines: Coroutine[Any, Any, None]) -> AsyncIterator[list[asyncio.Task[None]]]:
    """Run these while the block runs."""
    tasks = [asyncio.create_task(coroutine) for coroutine in coroutines]
    try:
        yield tasks
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


@asynccontextmanager
async def _admin(kafka: str) -> AsyncIterator[Any]:
    admin: Any = AIOKafkaAdminClient(bootstrap_servers=kafka, request_timeout_ms=5_000)
    await admin.start()
    try:
        yield admin
    finally:
        await admin.close()
