"""Publishers may use transactions: what only their clients and the broker see is no record that we have missed."""

import asyncio

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient
from engine_support.small_service import INPUT, LANE, Place

from backorder_dev.reading import end_offsets

pytestmark = pytest.mark.stack


async def until_nothing_is_left(here: Place, topic: str) -> None:
    """Wait until the intake's group has told the broker that it stands at the end of a topic."""
    servers = here.settings.kafka.bootstrap_servers
    admin = AIOKafkaAdminClient(bootstrap_servers=servers)
    await admin.start()
    async with asyncio.timeout(30):
        ends = {place: end for place, end in (await end_offsets(servers, [topic])).items() if end}
        while True:
            told = await admin.list_consumer_group_offsets("backorder.inventory-sync.intake")
            if all(place in told and told[place].offset == end for place, end in ends.items()):
                break
            await asyncio.sleep(0.02)
    await admin.close()


async def test_what_a_publisher_with_transactions_leaves_in_the_log_is_nothing_that_was_not_read(here: Place) -> None:
    servers = here.settings.kafka.bootstrap_servers
    async with here.running() as task:
        async with AIOKafkaProducer(bootstrap_servers=servers, transactional_id="somebody") as somebody:
            async with somebody.transaction():
                await somebody.send_and_wait(INPUT, b"one", LANE.encode())
            await somebody.begin_transaction()
            await somebody.send_and_wait(INPUT, b"taken back", LANE.encode())
            await somebody.abort_transaction()
        await here.until_counted(1, task)
        await until_nothing_is_left(here, INPUT)
    await here.truncate(INPUT)  # as when the time is over for which the broker keeps it
    await here.process("two")
    assert await here.pool.fetchval("SELECT seen FROM tally") == ["one", "two"]
