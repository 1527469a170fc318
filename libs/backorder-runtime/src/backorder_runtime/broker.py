"""What a service checks of the broker before it starts, and how topics are made."""

from collections.abc import Iterable, Sequence

import stamina
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, KafkaError, TopicAlreadyExistsError, for_code

from backorder_contracts.topics import TOPICS
from backorder_runtime.settings import KafkaSettings, aiokafka_options


class BrokerNotReady(Exception):
    """The broker lacks what the system needs; the message says what to do."""


async def _admin(kafka: KafkaSettings) -> AIOKafkaAdminClient:
    admin = AIOKafkaAdminClient(**aiokafka_options(kafka))
    async for attempt in stamina.retry_context(on=KafkaConnectionError, attempts=None, timeout=60, wait_max=2):
        with attempt:
            await admin.start()
    return admin


async def check_topics(kafka: KafkaSettings, lane_topics: Sequence[str], other: Sequence[str]) -> None:
    """Raise `BrokerNotReady` unless all topics exist and every lane topic has the configured partitions."""
    admin = await _admin(kafka)
    try:
        found = await _partitions(admin, (*lane_topics, *other))
    finally:
        await admin.close()
    if missing := [topic for topic in (*lane_topics, *other) if not found.get(topic)]:
        raise BrokerNotReady(f"these topics do not exist: {', '.join(missing)}. Run `backorder topics create`.")
    for topic in lane_topics:
        if found[topic] != kafka.partitions:
            raise BrokerNotReady(
                f"{topic} has {found[topic]} partitions, but BACKORDER_KAFKA__PARTITIONS is {kafka.partitions}. "
                "Lane topics must all have that number: a lane would change its owner otherwise."
            )


async def create_topics(kafka: KafkaSettings, *, replication: int = 1) -> list[str]:
    """Make every topic of the registry that does not exist yet; returns their names."""
    admin = await _admin(kafka)
    try:
        existing = set(await admin.list_topics())
        new = [topic for topic in TOPICS.values() if topic.name not in existing]
        answer = await admin.create_topics(
            [
                NewTopic(
                    topic.name,
                    topic.partition_count(kafka.partitions),
                    replication,
                    topic_configs=topic.configuration,
                )
                for topic in new
            ]
        )
        _raise_errors(answer.topic_errors)
        return [topic.name for topic in new]
    finally:
        await admin.close()


def _raise_errors(errors: Iterable[Sequence[object]]) -> None:
    for name, code, *detail in errors:
        error = for_code(code)
        if code and error is not TopicAlreadyExistsError:
            raise BrokerNotReady(f"cannot create topic {name}: {error.__name__} {detail}")


async def _partitions(admin: AIOKafkaAdminClient, topics: Sequence[str]) -> dict[str, int]:
    try:
        described = await admin.describe_topics(list(topics))
    except KafkaError as error:
        raise BrokerNotReady(f"cannot read the topics' metadata: {error!r}") from error
    return {topic["topic"]: len(topic["partitions"]) for topic in described}
