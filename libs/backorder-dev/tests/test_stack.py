"""The real broker and database: what the fault tests and the local run rely on."""

import asyncio

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient

from backorder_contracts.topics import TOPICS
from backorder_dev.database import provision
from backorder_dev.stack import Database, DatabaseServer, Stack
from backorder_dev.topics import TopicsError, create_topics


async def produce(bootstrap_servers, topic, values):
    producer = AIOKafkaProducer(bootstrap_servers=bootstrap_servers, enable_idempotence=True, acks="all")
    await producer.start()
    try:
        for value in values:
            await producer.send_and_wait(topic, value)
    finally:
        await producer.stop()


async def consume(bootstrap_servers, topic, count, group="readers"):
    consumer = AIOKafkaConsumer(
        topic, bootstrap_servers=bootstrap_servers, group_id=group, auto_offset_reset="earliest"
    )
    await consumer.start()
    try:
        return [(await asyncio.wait_for(consumer.getone(), 30)).value for _ in range(count)]
    finally:
        await consumer.stop()


async def test_what_is_produced_is_consumed(broker):
    await produce(broker.bootstrap_servers, "delay-pattern", [b"a", b"b"])
    assert await consume(broker.bootstrap_servers, "delay-pattern", 2) == [b"a", b"b"]


async def test_every_topic_of_the_registry_exists(broker):
    admin = AIOKafkaAdminClient(bootstrap_servers=broker.bootstrap_servers)
    await admin.start()
    try:
        assert set(TOPICS) <= set(await admin.list_topics())
    finally:
        await admin.close()


async def test_topics_can_be_made_again_but_not_with_another_partition_count(broker):
    await create_topics(broker.bootstrap_servers)
    with pytest.raises(TopicsError, match="4 partitions instead of 5"):
        await create_topics(broker.bootstrap_servers, partitions=5)


async def test_the_broker_keeps_its_port_and_its_data_through_a_stop_and_a_kill(stack: Stack):
    broker, address = stack.broker, stack.broker.bootstrap_servers
    await produce(address, "delay-pattern", [b"before"])
    await broker.stop()
    assert broker.pid is None
    await broker.start()
    await broker.kill()
    await broker.start()
    assert broker.bootstrap_servers == address
    await produce(address, "delay-pattern", [b"after"])
    assert await consume(address, "delay-pattern", 2) == [b"before", b"after"]


@pytest.mark.parametrize("end", ["fast", "immediate", "kill"])
async def test_the_database_keeps_its_port_and_what_was_committed(stack: Stack, end):
    url = stack.database.urls["notifier"]
    connection = await asyncpg.connect(url)
    await connection.execute("CREATE TABLE IF NOT EXISTS kept (how text)")
    await connection.execute("INSERT INTO kept VALUES ($1)", end)
    if end == "kill":
        await stack.postgres.kill()
    else:
        await stack.postgres.stop(end)
    with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
        await connection.execute("SELECT 1")
    connection.terminate()
    await stack.postgres.start()
    connection = await asyncpg.connect(url)
    try:
        assert await connection.fetchval("SELECT true FROM kept WHERE how = $1", end)
        assert await connection.fetchval("SHOW fsync") == "on"
    finally:
        await connection.close()


async def test_a_service_owns_its_schema_and_cannot_enter_another(database: Database):
    notifier = await asyncpg.connect(database.urls["notifier"])
    router = await asyncpg.connect(database.urls["priority_router"])
    try:
        await notifier.execute("CREATE TABLE contacts (address text)")
        assert await notifier.fetchval("SELECT 'contacts'::regclass::text") == "contacts"
        assert await notifier.fetchval("SHOW search_path") == "notifier"
        assert await notifier.fetchval("SHOW idle_in_transaction_session_timeout") == "1min"
        for forbidden in (
            "SELECT * FROM notifier.contacts",
            "CREATE TABLE notifier.mine ()",
            "CREATE TABLE public.mine ()",
            "CREATE SCHEMA mine",
            "SET ROLE notifier",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await router.execute(forbidden)
    finally:
        await notifier.close()
        await router.close()


async def test_a_wrong_password_is_refused(database: Database):
    role, _, rest = database.urls["notifier"].removeprefix("postgresql://").partition(":")
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(f"postgresql://{role}:wrong@{rest.partition('@')[2]}")


async def test_provisioning_again_with_the_same_passwords_disturbs_nobody(postgres: DatabaseServer):
    passwords = {role: f"it's {role}/@:%" for role in ("first_again", "second_again")}
    first = await provision(postgres.admin_url, passwords, database="again", passwords=passwords)
    connection = await asyncpg.connect(first["first_again"])
    try:
        await connection.execute("CREATE TABLE mine (x int)")
        assert await provision(postgres.admin_url, passwords, database="again", passwords=passwords) == first
        assert await connection.fetchval("SELECT count(*) FROM mine") == 0
    finally:
        await connection.close()


async def test_provisioning_needs_no_superuser(postgres: DatabaseServer):
    admin = await asyncpg.connect(postgres.admin_url)
    try:
        await admin.execute("CREATE ROLE operator LOGIN CREATEDB CREATEROLE PASSWORD 'secret'")
    finally:
        await admin.close()
    address = "postgresql://operator:secret@" + postgres.admin_url.rpartition("@")[2]
    readers = {"plain_reader": ["plain_service"]}
    urls = await provision(address, ["plain_service"], readers=readers, database="plain")
    assert await provision(address, ["plain_service"], readers=readers, database="plain") != urls
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(urls["plain_service"])


async def test_a_reader_reads_what_was_there_and_what_comes_later_and_writes_nothing(postgres: DatabaseServer):
    passwords = dict.fromkeys(["read_one", "read_two", "the_reader"], "secret")

    async def again():
        readers = {"the_reader": ["read_one"]}
        return await provision(
            postgres.admin_url, ["read_one", "read_two"], readers=readers, database="read", passwords=passwords
        )

    urls = await provision(postgres.admin_url, ["read_one", "read_two"], database="read", passwords=passwords)
    one, two = await asyncpg.connect(urls["read_one"]), await asyncpg.connect(urls["read_two"])
    await one.execute("CREATE TABLE before (x int)")
    await two.execute("CREATE TABLE closed (x int)")
    reader = await asyncpg.connect((await again())["the_reader"])
    try:
        await one.execute("CREATE TABLE later (x int)")
        assert await reader.fetch("TABLE read_one.before") == await reader.fetch("TABLE read_one.later") == []
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await reader.execute("INSERT INTO read_one.later VALUES (1)")
        await reader.execute("SET default_transaction_read_only = off")
        for forbidden in (
            "INSERT INTO read_one.later VALUES (1)",
            "CREATE TABLE read_one.mine (x int)",
            "TABLE read_two.closed",
            "CREATE TEMPORARY TABLE mine (x int)",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await reader.execute(forbidden)
    finally:
        for connection in (one, two, reader):
            await connection.close()
