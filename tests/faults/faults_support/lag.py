"""How far behind the consumer groups are, asked again and again at little cost."""

import asyncio
import time
from collections.abc import Mapping
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError
from e2e_support.system import GROUPS

from backorder_contracts.topics import TOPICS

_GROUP_OF = {topic: [group for group, topics in GROUPS.items() if topic in topics] for topic in TOPICS}
_PASSING = (KafkaError, OSError, TimeoutError, ValueError)
Ends = Mapping[TopicPartition, int]


class Lag:
    """The ends of all inputs and the places of all groups. What the brokers do not answer is asked again."""

    def __init__(self, kafka: str, partitions: int) -> None:
        self._kafka = kafka
        names = {topic for topics in GROUPS.values() for topic in topics}
        self._places = [
            TopicPartition(name, n) for name in names for n in range(TOPICS[name].partition_count(partitions))
        ]
        self._admin: Any = None
        self._consumer: Any = None

    async def caught_up(self) -> float:
        """Wait until every group has processed what stands in its inputs now; returns when (monotonic)."""
        ends = await self._until_answered(self._ends)
        while await self._until_answered(lambda: self._behind(ends)):
            await asyncio.sleep(0.2)
        return time.monotonic()

    async def close(self) -> None:
        """Let go of the brokers."""
        admin, consumer, self._admin, self._consumer = self._admin, self._consumer, None, None
        if admin is not None:
            await admin.close()
        if consumer is not None:
            await consumer.stop()

    async def _until_answered(self, ask: Any) -> Any:
        while True:
            try:
                return await asyncio.wait_for(ask(), 5)
            except _PASSING:
                await self.close()
                await asyncio.sleep(0.2)

    async def _ends(self) -> Ends:
        if self._consumer is None:
            self._consumer = AIOKafkaConsumer(bootstrap_servers=self._kafka, enable_auto_commit=False)
            await self._consumer.start()
        found: Ends = await self._consumer.end_offsets(self._places)
        return found

    async def _behind(self, ends: Ends) -> int:
        if self._admin is None:
            self._admin = AIOKafkaAdminClient(bootstrap_servers=self._kafka, request_timeout_ms=3_000)
            await self._admin.start()
        committed = {group: await self._admin.list_consumer_group_offsets(group) for group in GROUPS}
        behind = 0
        for place, end in ends.items():
            for group in _GROUP_OF[place.topic]:
                at = committed[group].get(place)
                behind += max(0, end - max(0, at.offset if at is not None else 0))
        return behind
