"""What only people can mend stops a service with one clear message, and nothing is skipped or done twice."""

import asyncio
import json
import sys
from collections.abc import Coroutine
from typing import Any

import asyncpg
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient, NewPartitions
from engine_support.command_line import backorder, environment
from engine_support.small_service import INPUT, LANE, Place, make_anew
from engine_support.tally import TOPIC

from backorder_dev.reading import end_offsets, read_topic
from backorder_dev.stack import Stack
from backorder_runtime import migrate, store
from backorder_runtime.broker import BrokerNotReady, LogChanged
from backorder_runtime.bundle import partition_of
from backorder_runtime.database import WrongDatabase
from backorder_runtime.permissions import NotPermitted, denied
from backorder_runtime.refusal_limit import TooManyRefused
from backorder_runtime.settings import DatabaseSettings

pytestmark = pytest.mark.stack


async def run_while(here: Place, happens: Coroutine[Any, Any, None]) -> None:
    """Run while something happens, until it stops by itself."""
    async with here.running() as task:
        await happens
        await asyncio.wait_for(task, 60)


async def more_partitions(here: Place) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=here.settings.kafka.bootstrap_servers)
    await admin.start()
    await admin.create_partitions({TOPIC: NewPartitions(5)})
    await admin.close()


async def test_a_lane_topic_that_was_made_anew_stops_it_though_its_offsets_look_good_and_accepting_goes_on(
    here: Place,
) -> None:
    await here.process("one", "two")
    await make_anew(here.settings.kafka, TOPIC)
    await here.send("three", "four", "five", topic=TOPIC)
    with pytest.raises(LogChanged, match=r"supply-entry was deleted and made anew: .*backorder topics accept supply"):
        await here.run()
    assert await here.counted() == 2
    code, said = await backorder(here.settings, "topics", "accept", TOPIC, "--service", "inventory-sync", "--yes")
    assert code == 0, said
    assert f"{TOPIC}[{partition_of(LANE, 4)}]: was to go on at" in said
    async with here.running() as task:
        await here.until_counted(5, task)
    assert await here.pool.fetchval("SELECT seen FROM tally") == ["one", "two", "three", "four", "five"]


async def test_a_topic_that_is_made_anew_while_it_runs_stops_it(here: Place) -> None:
    await here.process("one")
    with pytest.raises(LogChanged, match=r"supply-entry.*(deleted|made anew)"):
        await run_while(here, make_anew(here.settings.kafka, TOPIC))


async def test_an_input_that_was_made_anew_stops_it_and_accepting_goes_on(here: Place) -> None:
    await here.process("one")
    await make_anew(here.settings.kafka, INPUT)
    with pytest.raises(LogChanged, match="stock-changed was deleted and made anew"):
        await here.run()
    code, said = await backorder(here.settings, "topics", "accept", "--service", "inventory-sync", "--yes")
    assert code == 0, said
    await here.process("two")


async def test_a_log_that_was_truncated_before_it_was_read_stops_it_and_accepting_goes_on(here: Place) -> None:
    await here.process("one")
    for topic in (TOPIC, INPUT):
        await here.send("lost", topic=topic)
        await here.truncate(topic)
        with pytest.raises(LogChanged, match=rf"{topic}\[\d\] holds offsets .*Nothing was skipped.*accept {topic}"):
            await here.run()
        code, said = await backorder(here.settings, "topics", "accept", topic, "--service", "inventory-sync", "--yes")
        assert (code, said.count("will go on at")) == (0, 1), said
    await here.process("two")
    assert await here.pool.fetchval("SELECT seen FROM tally") == ["one", "two"]


@pytest.mark.parametrize("topic", [TOPIC, INPUT])
async def test_a_log_that_is_truncated_beyond_where_it_stands_stops_it_while_it_runs(here: Place, topic: str) -> None:
    lacks = (
        rf"lacks records that were not processed yet: {topic}\[\d\] at \d+\. Nothing was skipped\. .*accept {topic} "
    )
    servers = here.settings.kafka.bootstrap_servers
    async with here.running() as task:
        await here.send("one")
        await here.until_counted(1, task)
        somebody = AIOKafkaProducer(bootstrap_servers=servers, transactional_id="somebody")
        async with somebody, somebody.transaction():  # until that ends nobody reads beyond its first record
            await somebody.send_and_wait(topic, b"lost", LANE.encode())
            await here.truncate(topic)
        await here.send("after what was lost", topic=topic)
        with pytest.raises(LogChanged, match=lacks):
            await here.until_counted(2, task)
    assert await here.counted() == 1


async def test_more_partitions_stop_it_while_it_runs_and_afterwards_whatever_is_configured(here: Place) -> None:
    await here.process("one")
    kafka = here.settings.kafka
    with pytest.raises(LogChanged, match="supply-entry has 5 partitions and had 4 when the database was begun"):
        await run_while(here, more_partitions(here))
    with pytest.raises(LogChanged, match="make the topic anew with 4 partitions"):
        await here.run(kafka=kafka.model_copy(update={"partitions": 5}))
    await here.pool.execute("DELETE FROM topic_pin")
    with pytest.raises(BrokerNotReady, match="has 5 partitions, but BACKORDER_KAFKA__PARTITIONS is 4"):
        await here.run()


async def test_topics_that_are_missing_stop_it_before_it_reads(here: Place) -> None:
    admin = AIOKafkaAdminClient(bootstrap_servers=here.settings.kafka.bootstrap_servers)
    await admin.start()
    await admin.delete_topics(["inventory-sync.dead-letter"])
    await admin.close()
    with pytest.raises(
        BrokerNotReady, match=r"do not exist: inventory-sync.dead-letter. Run `backorder topics create`"
    ):
        await here.run()


async def test_the_database_of_another_service_stops_it_and_is_not_touched(here: Place) -> None:
    for module, said in (("gap_detector", "leads to the schema gap_detector"), ("auditor", "leads to no schema")):
        other = DatabaseSettings(url=here.urls[module])
        with pytest.raises(WrongDatabase, match=f"this is inventory_sync, but the role {module} .* {said}"):
            await here.run(database=other)
        with pytest.raises(WrongDatabase, match=said):
            await asyncio.to_thread(migrate.migrate, "inventory_sync", other)
    wrong = here.urls["inventory_sync"].replace("inventory_sync:", "inventory_sync:wrong")
    with pytest.raises(WrongDatabase, match=r"does not let us in: .*Check BACKORDER_DATABASE__URL"):
        await here.run(database=DatabaseSettings(url=wrong))


async def test_a_right_that_its_role_loses_stops_it_and_with_the_right_it_goes_on_where_it_stood(here: Place) -> None:
    refused = r"database does not permit .* permission denied for table shard\. .*GRANT ALL .*Nothing was skipped\.$"
    async with here.running() as task:
        await here.send("one")
        await here.until_counted(1, task)
        await here.pool.execute("REVOKE UPDATE ON shard FROM inventory_sync")
        await here.send("two")
        with pytest.raises(NotPermitted, match=refused):
            await asyncio.wait_for(task, 60)
    with pytest.raises(NotPermitted, match=refused):
        await asyncio.wait_for(here.run(), 60)
    assert await here.counted() == 1
    await here.pool.execute("GRANT ALL ON ALL TABLES IN SCHEMA inventory_sync TO inventory_sync")
    async with here.running() as task:
        await here.until_counted(2, task)
    assert await here.pool.fetchval("SELECT seen FROM tally") == ["one", "two"]


async def test_an_administrator_who_holds_a_shard_in_a_transaction_of_his_own_is_waited_for(
    here: Place, stack: Stack
) -> None:
    await here.process("one")
    admin = await asyncpg.connect(stack.postgres.admin_url_of(here.urls["inventory_sync"].rpartition("/")[2]))
    async with here.pool.acquire() as conn:
        await admin.execute("BEGIN; SELECT FROM inventory_sync.shard FOR UPDATE")
        with pytest.raises(asyncpg.InsufficientPrivilegeError, match="terminate") as refused:
            await store.claim(conn, 0, "a process", {})
        assert denied(refused.value) is None
        await admin.close()
        await store.claim(conn, 0, "a process", {})


async def test_the_process_ends_with_code_2_and_one_line_that_says_what_to_do(here: Place) -> None:
    wrong = here.settings.model_copy(update={"database": DatabaseSettings(url=here.urls["gap_detector"])})
    for words in ((), ("migrate",)):
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "inventory_sync",
            *words,
            env=environment(wrong),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
        assert process.returncode == 2
        problems = [line["problem"] for line in map(json.loads, out.splitlines()) if "problem" in line]
        assert len(problems) == 1
        assert "use the role of inventory_sync" in problems[0]


async def test_what_the_owner_before_commits_until_the_claim_is_no_changed_log(
    here: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    await here.process("one")
    claim, claimed = store.claim, asyncio.Event()

    async def after_another_batch(conn, shard, owner, first_offsets):
        """What stands in the log when the claim is made was not there when it was looked at first."""
        if shard == partition_of(LANE, 4):
            await here.send("two", topic=TOPIC)
            await conn.execute("UPDATE shard_input SET next_offset = next_offset + 1 WHERE shard = $1", shard)
            claimed.set()
        return await claim(conn, shard, owner, first_offsets)

    monkeypatch.setattr(store, "claim", after_another_batch)
    async with here.running() as task:
        await asyncio.wait_for(claimed.wait(), 60)
        await here.send("three", topic=TOPIC)
        await here.until_counted(2, task)
    assert await here.pool.fetchval("SELECT seen FROM tally") == ["one", "three"]


async def test_a_version_that_refuses_everything_stops_before_it_writes_letters_and_again_after_a_restart(
    here: Place,
) -> None:
    bad = ["bad"] * 100
    await here.send(*bad)
    servers = here.settings.kafka.bootstrap_servers
    for _ in range(2):
        with pytest.raises(
            TooManyRefused, match=r"refuses nearly everything: \d+ of the \d+ messages of stock-changed"
        ):
            await here.run()
        assert await read_topic(servers, "inventory-sync.dead-letter") == []
    off = here.settings.engine.model_copy(update={"dead_letter_limit": 0})
    async with here.running(engine=off), asyncio.timeout(60):
        while len(await read_topic(servers, "inventory-sync.dead-letter")) < len(bad):
            await asyncio.sleep(0.1)
    assert len(await read_topic(servers, "inventory-sync.dead-letter")) == len(bad)


async def test_lanes_that_refuse_everything_stop_too(here: Place) -> None:
    await here.send("good", *["bad"] * 100, topic=TOPIC)
    with pytest.raises(TooManyRefused, match="messages of supply-entry"):
        await here.run()
    assert await read_topic(here.settings.kafka.bootstrap_servers, "inventory-sync.dead-letter") == []
    assert await here.counted() == 0
    assert await here.pool.fetchval("SELECT max(next_offset) FROM shard_input") == 0
    assert (await end_offsets(here.settings.kafka.bootstrap_servers, [TOPIC]))[
        TopicPartition(TOPIC, partition_of(LANE, 4))
    ] == 101
