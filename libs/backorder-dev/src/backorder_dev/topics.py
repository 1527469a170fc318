"""The topics of the registry, made on a broker and ready for use."""

from __future__ import annotations

import asyncio
import time

from aiokafka.admin import AIOKafkaAdminClient

from backorder_contracts.topics import TOPICS
from backorder_runtime import broker
from backorder_runtime.settings import KafkaSettings

DEFAULT_PARTITIONS = 4
_TIMEOUT = 30.0


class TopicsError(RuntimeError):
    """A topic exists with another number of partitions, or gets no leader."""


async def create_topics(
    bootstrap_servers: str, *, partitions: int = DEFAULT_PARTITIONS, replication_factor: int = 1
) -> None:
    """Make the topics that are missing and wait until each of their partitions has a leader. Idempotent.

    Args:
        bootstrap_servers: the broker.
        partitions: how many the lane-keyed topics share; cannot be changed once they exist.
        replication_factor: brokers that hold each partition.

    Raises:
        BrokerNotReady: the broker refused.
        TopicsError: an existing topic has another number of partitions, or a leader is missing after 30 s.
    """
    settings = KafkaSettings(bootstrap_servers=bootstrap_servers, partitions=partitions)
    await broker.create_topics(settings, replication=replication_factor)
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    await admin.start()
    try:
        await _settled(admin, {name: topic.partition_count(partitions) for name, topic in TOPICS.items()})
    finally:
        await admin.close()


async def _settled(admin: AIOKafkaAdminClient, counts: dict[str, int]) -> None:
    """Wait until every partition has a leader; refuse a topic with another count than ours."""
    deadline = time.monotonic() + _TIMEOUT
    while True:
        described = {each["topic"]: each["partitions"] for each in await admin.describe_topics(list(counts))}
        for name, partitions in described.items():
            if partitions and len(partitions) != counts[name]:
                raise TopicsError(
                    f"topic {name} has {len(partitions)} partitions instead of {counts[name]}: lanes would move to "
                    "other shards. Use the number it was made with, or start with an empty data folder."
                )
        leaderless = [
            name for name in counts if not described.get(name) or any(each["leader"] < 0 for each in described[name])
        ]
        if not leaderless:
            return
        if time.monotonic() > deadline:
            raise TopicsError(f"no leader after {_TIMEOUT:.0f} s for {', '.join(leaderless)}")
        await asyncio.sleep(0.05)
