"""Whether a broker is there, and how topics are made."""

from collections.abc import Iterable, Sequence

import stamina
from aiokafka.admin import AIOKafkaAdminClient, NewTopic
from aiokafka.errors import KafkaConnectionError, TopicAlreadyExistsError, for_code

from backorder_contracts.topics import TOPICS
from backorder_runtime.settings import KafkaSettings, aiokafka_options

_PATIENCE = 60.0  # seconds


class BrokerNotReady(Exception):
    """The broker lacks what the system needs; the message says what to do."""


class LogChanged(Exception):
    """A topic no longer has what we have not read yet, or was made anew. Nothing may be skipped: stop."""


async def wait_for_broker(kafka: KafkaSettings) -> None:
    """Return when a broker answers. Raises `BrokerNotReady` after a minute."""
    await (await _admin(kafka)).close()


async def _admin(kafka: KafkaSettings) -> AIOKafkaAdminClient:
    admin = AIOKafkaAdminClient(**aiokafka_options(kafka))
    try:
        async for attempt in stamina.retry_context(
            on=KafkaConnectionError, attempts=None, timeout=_PATIENCE, wait_max=2
        ):
            with attempt:
                await admin.start()
    except KafkaConnectionError as error:
        await admin.close()
        raise BrokerNotReady(
            f"no broker lets us in at {kafka.bootstrap_servers}, for {_PATIENCE:.0f} seconds: {error}. Check that it "
            "runs, BACKORDER_KAFKA__BOOTSTRAP_SERVERS, and user and password."
        ) from error
    return admin


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
