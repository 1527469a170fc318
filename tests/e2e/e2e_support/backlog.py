"""Kills services that have a backlog. How far one has got is asked of its database: nothing else counts."""

import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from e2e_support.system import GROUPS, System
from e2e_support.watching import LANE_GROUPS


@dataclass(frozen=True)
class Standing:
    """What the database has of a service: its place in each partition, how often its shards were claimed, its outbox."""

    places: dict[TopicPartition, int]
    claims: int
    unsent: int

    @property
    def got(self) -> int:
        """How far all partitions are together."""
        return sum(self.places.values())

    def behind(self, ends: Mapping[TopicPartition, int]) -> int:
        """How many records there are from its places to these."""
        return sum(max(0, end - self.places[place]) for place, end in ends.items())


@dataclass(frozen=True)
class Hit:
    """A kill, the records that the service had still to process, the batches of its outbox, and when it went on."""

    service: str
    behind: int
    unsent: int
    recovered: float  # seconds after the kill


@dataclass
class Backlogs:
    """What the lanes of each service have still to do."""

    system: System
    consumer: Any

    async def standing(self, service: str) -> Standing:
        schema = service.replace("-", "_")
        rows = await self.system.query(f"SELECT topic, shard, next_offset FROM {schema}.shard_input")  # noqa: S608
        ((claims, unsent),) = await self.system.query(
            f"SELECT (SELECT sum(epoch)::bigint FROM {schema}.shard), (SELECT count(*) FROM {schema}.outbox)"  # noqa: S608
        )
        return Standing({TopicPartition(topic, shard): at for topic, shard, at in rows}, claims, unsent)

    async def ends(self, service: str) -> dict[TopicPartition, int]:
        """Where the topics end that a service reads."""
        numbers = range(self.system.endpoints.partitions)
        places = [TopicPartition(topic, n) for topic in GROUPS[LANE_GROUPS[service]] for n in numbers]
        found: dict[TopicPartition, int] = await self.consumer.end_offsets(places)
        return found

    async def kill(self, service: str) -> Hit:
        """Kill a service and wait until it has committed again; when nothing was left to do, until it could."""
        ends = await self.ends(service)
        await self.system.kill(service)
        began, now = time.monotonic(), datetime.now(UTC)
        await self.system.until(lambda: self._is_over(service, now), every=0.02)
        left = await self.standing(service)
        behind = left.behind(ends)

        async def goes_on() -> bool:
            found = await self.standing(service)
            return found.claims > left.claims and (found.got > left.got or not behind)

        await self.system.until(goes_on, every=0.05)
        return Hit(service, behind, left.unsent, time.monotonic() - began)

    async def _is_over(self, service: str, killed: datetime) -> bool:
        """Whether the sessions of the process that was killed are gone: until then the last of them may commit."""
        sql = "SELECT 1 FROM pg_stat_activity WHERE usename = $1 AND backend_start < $2"
        return not await self.system.query(sql, service.replace("-", "_"), killed)


@asynccontextmanager
async def backlogs(system: System) -> AsyncIterator[Backlogs]:
    consumer: Any = AIOKafkaConsumer(bootstrap_servers=system.endpoints.kafka, enable_auto_commit=False)
    await consumer.start()
    try:
        yield Backlogs(system, consumer)
    finally:
        await consumer.stop()
