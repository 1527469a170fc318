"""A broker of another cluster, and one that does not permit what the service needs."""

import asyncio

import pytest
import pytest_asyncio
from confluent_kafka.admin import (
    AclBinding,
    AclBindingFilter,
    AclOperation,
    AclPermissionType,
    AdminClient,
    ResourcePatternType,
    ResourceType,
)
from engine_support.command_line import backorder
from engine_support.small_service import INPUT, ITS_TOPICS, Place, make_anew, place
from engine_support.tally import TOPIC

from backorder_dev.kafka import EmbeddedKafka
from backorder_dev.reading import empty_topics, read_topic
from backorder_dev.stack import Stack
from backorder_dev.topics import create_topics
from backorder_runtime.broker import BrokerNotReady, LogChanged
from backorder_runtime.permissions import NotPermitted, denied
from backorder_runtime.publisher import PublishingFailed

pytestmark = pytest.mark.stack

_EVERYBODY = "User:ANONYMOUS"
_ANY = (None, ResourcePatternType.ANY, None, None, AclOperation.ANY, AclPermissionType.ANY)


class GuardedKafka(EmbeddedKafka):
    """A broker that permits everything but what it is told to deny."""

    def _configure(self, port):
        config = super()._configure(port)
        config.write_text(
            config.read_text()
            + "authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer\n"
            + "allow.everyone.if.no.acl.found=true\n"
        )
        return config


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def other(tmp_path_factory, stack: Stack):
    broker = GuardedKafka(tmp_path_factory.mktemp("other") / "kafka")
    try:
        await broker.start()
        await create_topics(broker.bootstrap_servers, partitions=stack.partitions)
        yield broker
    finally:
        await broker.kill()


@pytest_asyncio.fixture(loop_scope="session")
async def there(stack: Stack, other: EmbeddedKafka):
    """The service on the other broker, whose topics are empty."""
    await empty_topics(other.bootstrap_servers)
    async with place(stack) as made:
        kafka = made.settings.kafka.model_copy(update={"bootstrap_servers": other.bootstrap_servers})
        yield Place(made.settings.model_copy(update={"kafka": kafka}), made.urls, made.pool)


class Denying:
    """What a broker denies inside the block."""

    def __init__(self, broker: EmbeddedKafka, kind: ResourceType, name: str, operation: AclOperation) -> None:
        self._admin = AdminClient({"bootstrap.servers": broker.bootstrap_servers})
        everything = (AclOperation.ALL, AclPermissionType.ALLOW)  # a resource with a rule denies what no rule allows
        self._rules = [
            AclBinding(kind, name, ResourcePatternType.LITERAL, _EVERYBODY, "*", *rule)
            for rule in (everything, (operation, AclPermissionType.DENY))
        ]

    async def __aenter__(self) -> None:
        for future in self._admin.create_acls(self._rules).values():
            await asyncio.wrap_future(future)

    async def __aexit__(self, *_: object) -> None:
        everything = AclBindingFilter(ResourceType.ANY, *_ANY)
        for future in self._admin.delete_acls([everything]).values():
            await asyncio.wrap_future(future)


def check_said(error: Exception, what: str, name: str) -> None:
    """People are told what the broker does not permit, and what to do."""
    problem = str(error) if isinstance(error, NotPermitted) else denied(error)
    assert problem, repr(error)
    assert f"the broker does not permit {what}" in problem
    assert name in problem, "which one"
    assert "Give the user of BACKORDER_KAFKA__SASL_USERNAME what it needs" in problem


async def test_another_cluster_with_the_same_topics_stops_it_before_it_reads(
    stack: Stack, other: EmbeddedKafka
) -> None:
    async with place(stack) as here:
        await here.send("one")
        async with here.running() as task:
            await here.until_counted(1, task)
        kafka = here.settings.kafka.model_copy(update={"bootstrap_servers": other.bootstrap_servers})
        elsewhere = Place(here.settings.model_copy(update={"kafka": kafka}), here.urls, here.pool)
        await elsewhere.send("two", "three")
        with pytest.raises(
            LogChanged, match=r"goes with the Kafka cluster \S+, but BACKORDER_KAFKA__BOOTSTRAP_SERVERS"
        ):
            await elsewhere.run()
        assert await here.counted() == 1
        code, said = await backorder(elsewhere.settings, "topics", "accept", "--service", "inventory-sync", "--yes")
        assert code == 0, said
        async with elsewhere.running() as task:
            await here.until_counted(3, task)


@pytest.mark.parametrize(
    ("kind", "name", "operation", "said"),
    [
        (ResourceType.TOPIC, TOPIC, AclOperation.DESCRIBE, f"a topic ({TOPIC})"),
        (ResourceType.TOPIC, TOPIC, AclOperation.READ, "a topic"),
        (ResourceType.TOPIC, INPUT, AclOperation.READ, "a topic"),
        (ResourceType.GROUP, "backorder.inventory-sync.lanes", AclOperation.READ, "a consumer group"),
        (ResourceType.GROUP, "backorder.inventory-sync.intake", AclOperation.READ, "a consumer group"),
        (ResourceType.TOPIC, TOPIC, AclOperation.WRITE, "a topic"),
        (ResourceType.TOPIC, "supply", AclOperation.WRITE, "a topic"),
    ],
)
async def test_what_the_broker_does_not_permit_stops_it_with_what_to_do(
    there: Place, other: EmbeddedKafka, kind: ResourceType, name: str, operation: AclOperation, said: str
) -> None:
    await there.send("one")
    async with Denying(other, kind, name, operation):
        with pytest.raises(Exception) as stopped:
            await asyncio.wait_for(there.run(), 60)
    check_said(stopped.value, said, name)
    async with there.running() as task:
        await there.until_counted(1, task)


@pytest.mark.parametrize(
    ("kind", "name", "operation", "said", "read_from"),
    [
        (ResourceType.TOPIC, TOPIC, AclOperation.READ, "a topic", INPUT),
        (ResourceType.TOPIC, INPUT, AclOperation.READ, "a topic", INPUT),
        (ResourceType.GROUP, "backorder.inventory-sync.lanes", AclOperation.READ, "a consumer group", INPUT),
        (ResourceType.GROUP, "backorder.inventory-sync.intake", AclOperation.READ, "a consumer group", INPUT),
        (ResourceType.TOPIC, TOPIC, AclOperation.WRITE, "a topic", INPUT),
        (ResourceType.TOPIC, "supply", AclOperation.WRITE, "a topic", INPUT),
        (ResourceType.TOPIC, "inventory-sync.dead-letter", AclOperation.WRITE, "a topic", INPUT),
        (ResourceType.TOPIC, "inventory-sync.dead-letter", AclOperation.WRITE, "a topic", TOPIC),
    ],
)
async def test_what_the_broker_permits_no_longer_stops_it_while_it_runs_and_nothing_is_skipped(
    there: Place,
    other: EmbeddedKafka,
    kind: ResourceType,
    name: str,
    operation: AclOperation,
    said: str,
    read_from: str,
) -> None:
    await make_anew(there.settings.kafka, *ITS_TOPICS)
    async with there.running() as task:
        await there.send("one", topic=read_from)
        await there.until_counted(1, task)
        async with Denying(other, kind, name, operation):
            await there.send("bad", "two", topic=read_from)
            with pytest.raises(Exception) as stopped:
                await asyncio.wait_for(task, 60)
    check_said(stopped.value, said, name)
    async with there.running() as task, asyncio.timeout(60):
        await there.until_counted(2, task)
        while len(await read_topic(other.bootstrap_servers, "inventory-sync.dead-letter")) < 1:
            await asyncio.sleep(0.1)
    seen = await there.pool.fetchval("SELECT seen FROM tally")
    assert list(dict.fromkeys(seen)) == ["one", "two"], "what an intake could not confirm it translates again"


async def test_a_command_says_so_too(there: Place, other: EmbeddedKafka) -> None:
    async with Denying(other, ResourceType.TOPIC, INPUT, AclOperation.WRITE):
        with pytest.raises(PublishingFailed) as failed:
            await there.send("one")
    check_said(failed.value, "a topic", INPUT)


async def test_a_broker_that_nobody_answers_for_is_named(there: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("backorder_runtime.broker._PATIENCE", 0.5)
    kafka = there.settings.kafka.model_copy(update={"bootstrap_servers": "127.0.0.1:1"})
    with pytest.raises(BrokerNotReady, match=r"no broker lets us in at 127\.0\.0\.1:1.*user and password"):
        await there.run(kafka=kafka)
