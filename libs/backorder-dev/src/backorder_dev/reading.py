"""Reads and empties whole topics, for tests and tools."""

from collections.abc import Collection

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, RecordsToDelete
from aiokafka.structs import ConsumerRecord

from backorder_contracts.topics import TOPICS


async def read_topic(bootstrap_servers: str, topic: str) -> list[ConsumerRecord]:
    """All records of a topic up to its end at the time of the call. Raises LookupError when there is no such topic."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False)
    await consumer.start()
    try:
        cluster = await consumer._client.fetch_all_metadata()  # noqa: SLF001 - the public call knows subscriptions only
        numbers = cluster.partitions_for_topic(topic)
        if not numbers:
            raise LookupError(f"there is no topic {topic}")
        places = [TopicPartition(topic, number) for number in sorted(numbers)]
        consumer.assign(places)
        ends = await consumer.end_offsets(places)
        found: list[ConsumerRecord] = []
        for place, first in (await consumer.beginning_offsets(places)).items():
            consumer.seek(place, first)
        while [place for place in places if await consumer.position(place) < ends[place]]:
            for records in (await consumer.getmany(timeout_ms=200)).values():
                found.extend(records)
    finally:
        await consumer.stop()
    return sorted(found, key=lambda record: (record.partition, record.offset))


async def end_offsets(bootstrap_servers: str, topics: Collection[str]) -> dict[TopicPartition, int]:
    """The offset that the next record of each partition of these topics will get."""
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False)
    await consumer.start()
    try:
        cluster = await consumer._client.fetch_all_metadata()  # noqa: SLF001 - as above
        places = [
            TopicPartition(topic, number) for topic in topics for number in cluster.partitions_for_topic(topic) or ()
        ]
        found: dict[TopicPartition, int] = await consumer.end_offsets(places)
        return found
    finally:
        await consumer.stop()


async def empty_topics(bootstrap_servers: str) -> None:
    """Delete every record of every topic; offsets go on from where they are."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap_servers)
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap_servers, enable_auto_commit=False)
    await admin.start()
    await consumer.start()
    try:
        described = await admin.describe_topics()
        places = [
            TopicPartition(topic["topic"], partition["partition"])
            for topic in described
            if not topic["is_internal"] and topic["topic"] in TOPICS and not TOPICS[topic["topic"]].is_compacted
            for partition in topic["partitions"]
        ]
        ends = await consumer.end_offsets(places)
        await admin.delete_records({place: RecordsToDelete(before_offset=end) for place, end in ends.items() if end})
    finally:
        await consumer.stop()
        await admin.close()
