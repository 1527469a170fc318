"""Holds the topics against what they were when the database was begun.

Offsets in the database are offsets of one log. A topic that was deleted and made anew, another cluster with topics of
the same names, another number of partitions: each has offsets that look just as good and mean something else. So the
topics are pinned when a service first reads them, and looked at whenever it is assigned some, and again and again.
"""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import asyncpg
import stamina
import structlog
from asyncpg import Pool
from confluent_kafka import KafkaError, KafkaException, TopicCollection
from confluent_kafka.admin import AdminClient

from backorder_contracts.topics import TOPICS
from backorder_runtime import database, queries
from backorder_runtime.broker import BrokerNotReady, LogChanged
from backorder_runtime.consumer import how_to_go_on
from backorder_runtime.lifecycle import first_of
from backorder_runtime.permissions import stop_if_denied
from backorder_runtime.settings import KafkaSettings, librdkafka_options

_SQL = queries.load(__package__ or "backorder_runtime", "topic_pin.sql")
_TIMEOUT = 10.0  # seconds
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class TopicState:
    """What a topic is: its identity, which no other topic ever has, and its number of partitions."""

    topic_id: str
    partitions: int


@dataclass(frozen=True, slots=True)
class Reads:
    """The topics of a service: the lane-keyed ones that it reads, its other inputs, all that it writes."""

    service: str
    lanes: tuple[str, ...]
    others: tuple[str, ...] = ()

    @property
    def inputs(self) -> tuple[str, ...]:
        """Everything that it reads."""
        return (*self.lanes, *self.others)

    @property
    def outputs(self) -> tuple[str, ...]:
        """Everything that it writes, by the registry."""
        return tuple(topic.name for topic in TOPICS.values() if self.service in topic.publishers)

    @property
    def lane_keyed(self) -> tuple[str, ...]:
        """What must have the configured number of partitions, because lanes are found by it."""
        written = (name for name in self.outputs if TOPICS[name].partitions == "lane")
        return tuple(dict.fromkeys((*self.lanes, *written)))


class Topics:
    """The broker's view of topics. Its calls raise KafkaException while no broker answers."""

    def __init__(self, kafka: KafkaSettings) -> None:
        options: dict[str, Any] = {**librdkafka_options(kafka), "log_level": 2}  # what fails is raised, and said once
        self._admin = AdminClient(options)

    async def cluster_id(self) -> str:
        """The identity of the cluster."""
        described: Any = await asyncio.wrap_future(self._admin.describe_cluster(request_timeout=_TIMEOUT))
        return str(described.cluster_id)

    async def describe(self, names: Iterable[str]) -> dict[str, TopicState]:
        """What the topics are; those that do not exist are left out. Raises `NotPermitted`."""
        futures = self._admin.describe_topics(TopicCollection(list(dict.fromkeys(names))), request_timeout=_TIMEOUT)
        found = await asyncio.gather(*map(asyncio.wrap_future, futures.values()), return_exceptions=True)
        states = {}
        for name, described in zip(futures, found, strict=True):
            if isinstance(described, KafkaException) and described.args[0].code() == KafkaError.UNKNOWN_TOPIC_OR_PART:
                continue
            if isinstance(described, BaseException):
                stop_if_denied(described, name)
                raise described
            states[name] = TopicState(str(described.topic_id), len(described.partitions))
        return states


class TopicWatch:
    """Stops a service whose topics are not what they were."""

    def __init__(self, reads: Reads, kafka: KafkaSettings, pool: "Pool[Any]", every: float) -> None:
        self._reads = reads
        self._partitions = kafka.partitions
        self._pool = pool
        self._every = every
        self._topics = Topics(kafka)

    async def check(self) -> None:
        """Compare, and pin what this database sees for the first time.

        Raises `BrokerNotReady` when topics are missing or have the wrong number of partitions, `LogChanged` when one
        is not the one that the database knows, `NotPermitted`; KafkaException and what the database raises when these
        are away.
        """
        cluster = await self._topics.cluster_id()
        found = await self._topics.describe((*self._reads.inputs, *self._reads.outputs))
        pinned = await self._pins()
        check_cluster(self._reads.service, cluster, pinned.values())
        self._check_missing(found, pinned)
        for name, pin in pinned.items():
            check_pin(self._reads, pin, found[name])
        self._check_partitions(found)
        fresh = [name for name in self._reads.inputs if name not in pinned]
        if fresh:
            await self._pin(cluster, {name: found[name] for name in fresh})

    async def start(self) -> None:
        """Compare as `check` does; waits up to a minute for a broker that is starting."""
        async for attempt in stamina.retry_context(on=KafkaException, attempts=None, timeout=60, wait_max=2):
            with attempt:
                await self.check()

    async def run(self, stop: asyncio.Event) -> None:
        """Compare again and again until `stop` is set; raises as `check` does, but waits for what is away."""
        while await first_of(stop.wait(), timeout=self._every) is None:
            try:
                await self.check()
            except (KafkaException, *database.PASSING) as error:
                stop_if_denied(error)
                _log.warning("cannot look at the topics", error=repr(error))

    async def _pins(self) -> dict[str, "Pin"]:
        try:
            rows = await self._pool.fetch(_SQL["pinned"], list(self._reads.inputs))
        except asyncpg.UndefinedTableError as error:
            raise database.WrongDatabase(
                "the schema is older than this version: run `python -m <service> migrate`"
            ) from error
        return {row["topic"]: Pin(**row) for row in rows}

    async def _pin(self, cluster: str, states: dict[str, TopicState]) -> None:
        ids = [state.topic_id for state in states.values()]
        counts = [state.partitions for state in states.values()]
        await self._pool.execute(_SQL["pin"], cluster, list(states), ids, counts)
        for pin in (await self._pins()).values():  # another process may have been first, and elsewhere
            if pin.topic in states:
                check_pin(self._reads, pin, states[pin.topic])

    def _check_missing(self, found: dict[str, TopicState], pinned: dict[str, "Pin"]) -> None:
        if gone := [name for name in pinned if name not in found]:
            raise LogChanged(
                f"{', '.join(gone)} was deleted: what stood there and was not read is gone. Nothing was skipped. "
                f"{how_to_go_on(self._reads.service, gone)}"
            )
        if missing := [name for name in (*self._reads.inputs, *self._reads.outputs) if name not in found]:
            raise BrokerNotReady(f"these topics do not exist: {', '.join(missing)}. Run `backorder topics create`.")

    def _check_partitions(self, found: dict[str, TopicState]) -> None:
        for name in self._reads.lane_keyed:
            if found[name].partitions != self._partitions:
                raise BrokerNotReady(
                    f"{name} has {found[name].partitions} partitions, but BACKORDER_KAFKA__PARTITIONS is "
                    f"{self._partitions}. Lane topics must all have that number: a lane would change its owner "
                    "otherwise."
                )


@dataclass(frozen=True, slots=True)
class Pin:
    """A topic as the database knows it."""

    topic: str
    topic_id: str
    partitions: int
    cluster_id: str


def check_cluster(service: str, cluster: str, pins: Iterable[Pin]) -> None:
    """Raise `LogChanged` when the broker belongs to another cluster than the database."""
    if any(pin.cluster_id != cluster for pin in pins):
        known = next(pin.cluster_id for pin in pins if pin.cluster_id != cluster)
        raise LogChanged(
            f"the database of {service} goes with the Kafka cluster {known}, but BACKORDER_KAFKA__BOOTSTRAP_SERVERS "
            f"leads to the cluster {cluster}. Set the address of the one, or the database of the other. Nothing was "
            f"read. If the cluster was replaced for good: `backorder topics accept --service {service}`."
        )


def check_pin(reads: Reads, pin: Pin, found: TopicState) -> None:
    """Raise `LogChanged` when a topic is not the one that was pinned."""
    if pin.topic_id != found.topic_id:
        raise LogChanged(
            f"{pin.topic} was deleted and made anew: the offsets in the database are those of another log, and what "
            f"stood there and was not read is gone. Nothing was skipped. {how_to_go_on(reads.service, [pin.topic])}"
        )
    if pin.topic in reads.lanes and pin.partitions != found.partitions:
        raise LogChanged(
            f"{pin.topic} has {found.partitions} partitions and had {pin.partitions} when the database was begun: "
            "lanes would move to other shards and leave their state behind. The number cannot be changed; make the "
            f"topic anew with {pin.partitions} partitions. {how_to_go_on(reads.service, [pin.topic])}"
        )
