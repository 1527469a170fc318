"""When a loop reads, and how much at a time: small batches cost nearly as much as large ones.

After a turn the loop rests for a quarter of the time it worked, and from one turn to the next for its pace (ADR 20), so
that turns become fewer and fuller on a busy machine; when there is plenty it reads on at once. In between nothing is
fetched: a fetch that waits at the broker comes back with the first record, and the others have to wait for the next
one.
"""

import asyncio
import time
from collections.abc import Callable, Collection

from aiokafka import AIOKafkaConsumer, TopicPartition

from backorder_runtime import consumer as kafka
from backorder_runtime.record import Record
from backorder_runtime.settings import EngineSettings

_LONGEST_REST = 0.05  # seconds


class Turns:
    """What a loop reads, turn by turn; `plenty` says that the last turn had much to do."""

    def __init__(self, consumer: AIOKafkaConsumer, service: str, engine: EngineSettings) -> None:
        self._consumer = consumer
        self._service = service
        self._engine = engine
        self._began = 0.0
        self.plenty = False

    async def read(self, places: Callable[[], Collection[TopicPartition]], wait: float) -> list[Record]:
        """What has come in these partitions, waiting so many seconds for the first record.

        Which they are is asked after the rest, because a rebalance may come meanwhile. Raises `LogChanged`.
        """
        if not self.plenty:
            await self._rest()
        partitions = places()
        if not partitions:
            await self._listen()
            return []
        self._consumer.resume(*partitions)
        records = await kafka.poll(self._consumer, self._service, partitions, wait, self._engine.batch)
        self._began = time.monotonic()
        self.plenty = sum(len(record.value or b"") for record in records) > self._engine.together_bytes
        # work that goes on by itself waits for no fetch: one has to be under way beside it
        if not self.plenty and wait > 0:
            # some may have been taken away while we waited
            self._consumer.pause(*self._consumer.assignment().intersection(partitions))
        return records

    async def _listen(self) -> None:
        """Wait for partitions. What the group's coordinator has to say is heard only by who reads, so that is done.

        What comes of it was fetched from somewhere: whoever gets a partition goes to where it stands first.
        """
        nothing = kafka.poll(self._consumer, self._service, (), self._engine.poll, 1)
        await asyncio.gather(nothing, asyncio.sleep(self._engine.poll))

    async def _rest(self) -> None:
        worked = time.monotonic() - self._began
        rest = max(self._engine.pace - worked, min(worked / 4, _LONGEST_REST)) if self._began else 0.0
        self._began = 0.0
        if rest > 0:
            await asyncio.sleep(rest)
