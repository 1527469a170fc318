"""Three real brokers that replicate to each other, each a process of its own that can be killed alone."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from backorder_dev.kafka import EmbeddedKafka, new_cluster_id
from backorder_dev.kafka_properties import Listener, Node
from backorder_dev.ports import LOOPBACK, free_port

SIZE = 3


class EmbeddedCluster:
    """Brokers 1, 2 and 3: every partition on all of them, a write confirmed by two at least.

    A node is started, killed and asked like a single broker: `nodes[number]`. What is asked of the whole raises
    KafkaError or OSError while no broker answers.
    """

    def __init__(self, folder: Path, *, heap: str = "320m", doors: Mapping[str, Sequence[int]] | None = None) -> None:
        """Prepare; nothing runs yet.

        Args:
            folder: where everything of the brokers lies; made if missing, kept on `stop`.
            heap: of each, as `-Xmx` takes it.
            doors: listeners beside the usual one: name → the port that each broker advertises there, in order.
        """
        numbers = range(1, SIZE + 1)
        controllers = {number: free_port() for number in numbers}
        cluster_id = new_cluster_id()
        self._ports = {number: free_port() for number in numbers}
        self.doors: dict[str, tuple[int, ...]] = {}
        listeners: dict[int, list[Listener]] = {number: [] for number in numbers}
        for name, advertised in (doors or {}).items():
            for number, port in zip(numbers, advertised, strict=True):
                listeners[number].append(Listener(name, free_port(), port))
            self.doors[name] = tuple(listeners[number][-1].port for number in numbers)
        self.nodes = {
            number: EmbeddedKafka(
                folder / f"broker-{number}",
                port=self._ports[number],
                heap=heap,
                node=Node(number, controllers, cluster_id),
                listeners=listeners[number],
            )
            for number in numbers
        }

    @property
    def bootstrap_servers(self) -> str:
        """`host:port` of each, for clients that use the first door."""
        return ",".join(f"{LOOPBACK}:{port}" for port in self._ports.values())

    async def start(self) -> None:
        """Start all that do not run, at once: one alone has no majority and would not get ready."""
        await asyncio.gather(*(node.start() for node in self.nodes.values()))

    async def kill(self) -> None:
        """Kill all at once."""
        await asyncio.gather(*(node.kill() for node in self.nodes.values()))

    async def leader(self, topic: str, partition: int) -> int:
        """The broker that takes the writes of a partition now; -1 when there is none."""
        async with self._admin() as admin:
            (described,) = await admin.describe_topics([topic])
        return int(next(each["leader"] for each in described["partitions"] if each["partition"] == partition))

    async def coordinator(self, group: str) -> int:
        """The broker that a consumer group is coordinated by now."""
        async with self._admin() as admin:
            return int(await admin.find_coordinator(group))

    async def missing_replicas(self) -> int:
        """How many replicas are not in sync, over all partitions; 0 when any one broker may be lost."""
        async with self._admin() as admin:
            topics = await admin.describe_topics()
        partitions = [each for topic in topics for each in topic["partitions"]]
        return sum(len(each["replicas"]) - len(each["isr"]) for each in partitions)

    @asynccontextmanager
    async def _admin(self) -> AsyncIterator[Any]:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.bootstrap_servers, request_timeout_ms=5_000)
        try:
            await admin.start()
            yield admin
        except ValueError as error:  # what the client makes of an answer in which no broker is named
            raise KafkaError(str(error)) from error
        finally:
            await admin.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.kill()
