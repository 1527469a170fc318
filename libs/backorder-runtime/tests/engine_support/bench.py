"""A small service on the real broker and database, started and stopped as a test wants it."""

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from backorder_dev.reading import read_topic
from backorder_runtime.clock import utc_now
from backorder_runtime.lane_service import LaneService
from backorder_runtime.lanes import LaneRunner
from backorder_runtime.outbox import Wire
from backorder_runtime.publisher import Publisher
from backorder_runtime.retention import Rule
from backorder_runtime.settings import Settings
from engine_support.tally import TOPIC, Tally


@dataclass
class Bench:
    """The real parts, and helpers that wait for conditions."""

    settings: Settings
    pool: Any
    publisher: Publisher
    running: list[tuple[LaneRunner, asyncio.Event, asyncio.Task[None]]] = field(default_factory=list)

    def runner(self, new: Callable[[], Tally] = Tally, owner: str = "one", rules: tuple[Rule, ...] = ()) -> LaneRunner:
        service = LaneService("inventory-sync", (TOPIC,), lambda _: new(), rules)
        return LaneRunner(service, self.settings, self.pool, self.publisher, utc_now, owner)

    async def start(
        self, new: Callable[[], Tally] = Tally, owner: str = "one", rules: tuple[Rule, ...] = ()
    ) -> LaneRunner:
        runner, stop = self.runner(new, owner, rules), asyncio.Event()
        task = asyncio.create_task(runner.run(stop))
        self.running.append((runner, stop, task))
        return runner

    async def stop(self, runner: LaneRunner, *, crash: bool = False) -> None:
        """Stop in order, or drop it in the middle of whatever it does, without draining anything."""
        entry = next(entry for entry in self.running if entry[0] is runner)
        self.running.remove(entry)
        _, stop, task = entry
        task.cancel() if crash else stop.set()
        with suppress(asyncio.CancelledError):
            await task

    async def send(self, *words: tuple[str, str]) -> None:
        await self.publisher.publish([Wire(TOPIC, lane.encode(), word.encode(), ()) for lane, word in words])

    async def until(self, condition: Callable[[], Any], seconds: float = 60) -> Any:
        """Wait until an async condition holds; fails with what it last said."""
        async with asyncio.timeout(seconds):
            while not (found := await condition()):
                await asyncio.sleep(0.02)
            return found

    async def counted(self) -> int:
        return int(await self.pool.fetchval("SELECT coalesce(sum(count), 0) FROM tally"))

    async def values(self, topic: str) -> list[Any]:
        """Everything on a topic, partition by partition."""
        return await read_topic(self.settings.kafka.bootstrap_servers, topic)
