"""Starts the system in a folder of its own; publishes, reads, kills, and waits for conditions."""

import asyncio
import json
import os
import signal
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Protocol

import asyncpg
from aiokafka.admin import AIOKafkaAdminClient

from auditor.audit import audit
from auditor.domain.report import Report
from auditor.settings import AuditSettings
from auditor.show import as_json
from backorder_contracts.state import BackOrderState
from backorder_dev.endpoints import SECRETS, Endpoints
from backorder_dev.local_run import running
from backorder_dev.reading import end_offsets, read_topic
from backorder_dev.services import SERVICES, Service
from backorder_runtime.outbox import Wire
from backorder_runtime.publisher import Publisher
from backorder_runtime.settings import KafkaSettings

GROUPS = {
    "backorder.gap-detector.intake": ("order-placed", "order-cancelled"),
    "backorder.inventory-sync.intake": ("stock-changed", "supplier-delivery"),
    "backorder.priority-router.intake": ("back-order-command",),
    "backorder.inventory-sync.lanes": ("supply-entry",),
    "backorder.gap-detector.lanes": ("order-line", "supply", "back-order-need"),
    "backorder.priority-router.lanes": ("back-order-queue", "supply", "queue-command"),
    "backorder.priority-router.snapshots": ("back-order-snapshot",),
    "backorder.notifier.lanes": ("back-order-state",),
}
SCHEMAS = ("inventory_sync", "gap_detector", "priority_router", "notifier")


class Runs(Protocol):
    """Whatever keeps the system running."""

    def endpoints(self) -> Endpoints:
        """Where everything is now."""


@dataclass
class System:
    """A running system. Times are in seconds."""

    run: Runs
    publisher: Publisher

    @property
    def endpoints(self) -> Endpoints:
        return self.run.endpoints()

    async def publish(self, topic: str, *events: dict[str, Any] | bytes | None, key: bytes | None = None) -> None:
        """Bare JSON records, as the simplest publisher sends them."""
        values = [
            event if isinstance(event, bytes) or event is None else json.dumps(event).encode() for event in events
        ]
        await self.publisher.publish([Wire(topic, key, value, ()) for value in values])

    async def publish_wires(self, wires: Iterable[Wire]) -> None:
        await self.publisher.publish(list(wires))

    async def read(self, topic: str) -> list[Any]:
        return await read_topic(self.endpoints.kafka, topic)

    async def histories(self) -> dict[str, list[dict[str, Any]]]:
        """Every back order's events in version order; checks what the contract says of all of them."""
        return {name: list(map(json.loads, values)) for name, values in (await self.versions()).items()}

    async def versions(self) -> dict[str, list[bytes]]:
        """The same as they were published, for those who look at one back order after the other of a long run."""
        found: dict[str, dict[int, tuple[bytes, bytes]]] = defaultdict(dict)
        last: dict[str, int] = defaultdict(int)
        for record in await self.read("back-order-state"):
            contract, state = BackOrderState.model_validate_json(record.value), json.loads(record.value)
            name, version = state["back_order_id"], state["version"]
            event = (dict(record.headers)["ce_id"], record.value)
            known = found[name].setdefault(version, event)
            assert known == event, f"{name} v{version} was repeated with other content"
            assert record.key.decode() == contract.lane
            assert version <= last[name] + 1, "a version came before the one it follows"
            last[name] = max(last[name], version)
        for back_order_id, events in found.items():
            assert sorted(events) == list(range(1, len(events) + 1)), f"{back_order_id} has gaps: {sorted(events)}"
        return {key: [events[v][1] for v in sorted(events)] for key, events in found.items()}

    async def states(self) -> dict[str, dict[str, Any]]:
        """The newest state of each back order."""
        return {key: events[-1] for key, events in (await self.histories()).items()}

    async def kill(self, service: str) -> int:
        """Kill a service at once; the supervisor starts it again. Returns the pid that was killed."""
        pid = await self.until(lambda: _now(self.endpoints.services[service]["pid"]))
        os.kill(pid, signal.SIGKILL)
        return int(pid)

    async def until(self, condition: Callable[[], Awaitable[Any]], seconds: float = 120, every: float = 0.1) -> Any:
        """Wait until a condition holds and return what it said; fails with what it said last."""
        deadline = time.monotonic() + seconds
        while not (found := await condition()):
            assert time.monotonic() < deadline, f"not within {seconds} s: {condition} said {found!r}"
            await asyncio.sleep(every)
        return found

    async def until_rest(self, seconds: float = 120) -> None:
        """Wait until nothing is on its way: no lag, no outbox, no release or forecast about to ring.

        Then the two ledgers of every lane must agree.
        """
        try:
            await self.until(self._resting, seconds, every=0.3)
        except AssertionError:
            behind, kept = await self.lag(), await self._in_database()
            raise AssertionError(
                f"not at rest within {seconds} s: {behind} records behind, {kept} outbox batches and timers"
            ) from None
        await self.audit()

    async def audit(self) -> Report:
        """Look as the auditor does, with its role: no lane may drift that has no message under way."""
        report = await self.audited()
        assert not report.drifting, json.dumps(as_json(report), indent=1, ensure_ascii=False)
        return report

    async def audited(self) -> Report:
        """What the auditor finds now."""
        endpoints = self.endpoints
        kafka = KafkaSettings(bootstrap_servers=endpoints.kafka, partitions=endpoints.partitions)
        urls = json.loads((Path(endpoints.mailbox).parent / SECRETS).read_text("utf-8"))
        connection = await asyncpg.connect(urls["auditor"])
        try:
            return await audit(connection, kafka, AuditSettings(), datetime(1, 1, 1, tzinfo=UTC))
        finally:
            await connection.close()

    async def _resting(self) -> bool:
        for _ in range(2):  # what one look missed, because it went from one place to another, the next one finds
            if await self.lag() or await self._in_database():
                return False
        return True

    async def lag(self) -> int:
        admin = AIOKafkaAdminClient(bootstrap_servers=self.endpoints.kafka)
        await admin.start()
        try:
            ends = await end_offsets(self.endpoints.kafka, {topic for topics in GROUPS.values() for topic in topics})
            behind = 0
            for group, topics in GROUPS.items():
                committed = await admin.list_consumer_group_offsets(group)
                for place, end in ends.items():
                    if place.topic in topics:
                        at = committed[place].offset if place in committed else 0
                        behind += max(0, end - max(at, 0))
            return behind
        finally:
            await admin.close()

    async def _in_database(self) -> int:
        connection = await asyncpg.connect(self.endpoints.database)
        try:
            waiting = 0
            for schema in SCHEMAS:
                waiting += await connection.fetchval(f"SELECT count(*) FROM {schema}.outbox")  # noqa: S608
                waiting += await connection.fetchval(
                    f"SELECT count(*) FROM {schema}.timer WHERE due_at < now() + interval '5 seconds'"  # noqa: S608
                )
            return waiting
        finally:
            await connection.close()

    async def query(self, sql: str, *arguments: Any) -> list[Any]:
        """Ask the database, as nobody but a test may."""
        connection = await asyncpg.connect(self.endpoints.database)
        try:
            return list(await connection.fetch(sql, *arguments))
        finally:
            await connection.close()


async def _now(value: Any) -> Any:
    return value


@asynccontextmanager
async def running_system(folder: Path, services: Sequence[Service] = SERVICES) -> AsyncIterator[System]:
    """Everything runs while the block does, which begins when all is ready."""
    async with running(folder, services) as run:
        publisher = Publisher(KafkaSettings(bootstrap_servers=run.endpoints().kafka))
        try:
            yield System(run, publisher)
        finally:
            publisher.close()
