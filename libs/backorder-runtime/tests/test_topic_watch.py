"""Topics that are not what they were when the database was begun stop a service before it reads or decides anything."""

import asyncio
from dataclasses import replace

import asyncpg
import pytest
from confluent_kafka import KafkaError, KafkaException

from backorder_runtime.broker import BrokerNotReady, LogChanged
from backorder_runtime.permissions import NotPermitted
from backorder_runtime.settings import KafkaSettings
from backorder_runtime.topic_watch import Pin, Reads, TopicState, TopicWatch

LANES, OTHER = "supply-entry", "stock-changed"  # a topic of lanes, and another input
READS = Reads("inventory-sync", (LANES,), (OTHER,))
AS_BEGUN = {name: TopicState(f"id of {name}", 4) for name in (*READS.inputs, *READS.outputs)}


class PaperTopics:
    """The topics of a broker that never fails."""

    def __init__(self):
        self.cluster = "the cluster"
        self.states = dict(AS_BEGUN)

    async def cluster_id(self):
        return self.cluster

    async def describe(self, names):
        return {name: self.states[name] for name in names if name in self.states}


class PaperPins:
    """The table of pins: what is there stays."""

    def __init__(self):
        self.rows = {}

    async def fetch(self, _statement, topics):
        return [self.rows[topic] for topic in topics if topic in self.rows]

    async def execute(self, _statement, cluster, topics, ids, counts):
        for topic, *state in zip(topics, ids, counts, strict=True):
            pin = Pin(topic, *state, cluster)
            self.rows.setdefault(topic, {name: getattr(pin, name) for name in Pin.__slots__})


@pytest.fixture
def topics():
    return PaperTopics()


@pytest.fixture
async def watch(topics):
    """A watch that has seen the topics as they were when the database was begun."""
    made = TopicWatch(READS, KafkaSettings(partitions=4), PaperPins(), every=1)
    made._topics = topics
    await made.check()
    return made


def change(topics, name, **changes):
    topics.states[name] = replace(topics.states[name], **changes)


async def test_topics_that_stay_what_they_are_stop_nothing(watch):
    await watch.check()
    assert {pin["topic"] for pin in watch._pool.rows.values()} == set(READS.inputs)


@pytest.mark.parametrize("name", READS.inputs)
async def test_an_input_that_was_made_anew_is_not_the_one_that_was_read_each_time_it_is_looked_at(watch, topics, name):
    change(topics, name, topic_id="another")
    for _ in range(2):
        with pytest.raises(LogChanged, match=f"{name} was deleted and made anew.*topics accept {name}"):
            await watch.check()


async def test_an_input_that_is_gone_was_deleted_and_is_not_just_missing(watch, topics):
    del topics.states[OTHER]
    with pytest.raises(LogChanged, match=f"{OTHER} was deleted"):
        await watch.check()


async def test_another_cluster_with_the_same_topics_is_not_ours(watch, topics):
    topics.cluster = "another cluster"
    with pytest.raises(LogChanged, match=r"goes with the Kafka cluster the cluster, .*leads to the cluster another"):
        await watch.check()


async def test_lanes_that_are_spread_over_more_partitions_have_moved(watch, topics):
    change(topics, LANES, partitions=5)
    with pytest.raises(LogChanged, match=f"{LANES} has 5 partitions and had 4"):
        await watch.check()


async def test_an_input_without_lanes_may_get_more_partitions(watch, topics):
    change(topics, OTHER, partitions=5)
    await watch.check()


async def test_a_topic_of_lanes_has_the_number_that_is_configured_from_the_first_look_on(topics):
    change(topics, LANES, partitions=6)
    watch = TopicWatch(READS, KafkaSettings(partitions=4), PaperPins(), every=1)
    watch._topics = topics
    with pytest.raises(BrokerNotReady, match=f"{LANES} has 6 partitions, but BACKORDER_KAFKA__PARTITIONS is 4"):
        await watch.check()
    assert not watch._pool.rows


async def test_what_it_writes_has_to_be_there(watch, topics):
    del topics.states["inventory-sync.dead-letter"]
    with pytest.raises(
        BrokerNotReady, match=r"do not exist: inventory-sync.dead-letter. Run `backorder topics create`"
    ):
        await watch.check()


async def test_whoever_pins_first_is_right_also_when_another_process_does_so_at_the_same_time(topics):
    watch = TopicWatch(READS, KafkaSettings(partitions=4), PaperPins(), every=1)
    watch._topics = topics
    seen_before = watch._pool.fetch

    async def nothing_yet(statement, names):
        rows = await seen_before(statement, names)
        await watch._pool.execute("", topics.cluster, [LANES], ["another"], [4])
        return rows

    watch._pool.fetch = nothing_yet
    with pytest.raises(LogChanged, match=f"{LANES} was deleted and made anew"):
        await watch.check()


@pytest.mark.parametrize(
    "refused",
    [
        asyncpg.InsufficientPrivilegeError("permission denied for table topic_pin"),
        KafkaException(KafkaError(KafkaError.CLUSTER_AUTHORIZATION_FAILED)),
    ],
    ids=["by the database", "by the broker"],
)
async def test_what_is_away_is_waited_for_and_what_is_not_permitted_stops(watch, topics, refused):
    answers = [OSError("away"), asyncpg.CannotConnectNowError("starting"), refused]

    async def fail():
        raise answers.pop(0)

    topics.cluster_id = fail
    watch._every = 0.001
    with pytest.raises(NotPermitted, match=r"does not permit"):
        await asyncio.wait_for(watch.run(asyncio.Event()), 10)
    assert not answers
