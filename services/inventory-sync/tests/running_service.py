"""The service in this process, on a real broker and a real database, and what it publishes."""

import asyncio
import json
from contextlib import asynccontextmanager, suppress
from uuid import uuid4

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from backorder_contracts.supply import InboundScheduled, StockPositioned, SupplyDiscrepancy
from backorder_runtime import migrate
from backorder_runtime.service import run
from backorder_runtime.settings import DatabaseSettings, EngineSettings, HttpSettings, KafkaSettings
from inventory_sync.bootstrap import inventory_sync
from inventory_sync.settings import InventorySettings, SupplySettings

MODELS = {model.ce_type: model for model in (StockPositioned, InboundScheduled, SupplyDiscrepancy)}


def settings_for(broker, database, *, cached_lanes=1_000, **supply):
    return InventorySettings(
        kafka=KafkaSettings(bootstrap_servers=broker.bootstrap_servers, session_timeout_ms=6_000),
        database=DatabaseSettings(url=database.urls["inventory_sync"]),
        http=HttpSettings(host="127.0.0.1", port=0),
        engine=EngineSettings(poll=0.02, tick=0.05, cached_lanes=cached_lanes),
        supply=SupplySettings(**supply),
    )


@asynccontextmanager
async def running(settings):
    """Run the service as long as the block; an error of it ends the block's test."""
    await asyncio.to_thread(migrate.migrate, "inventory_sync", settings.database)
    stop = asyncio.Event()
    service = asyncio.create_task(run(inventory_sync(settings), settings, stop))
    try:
        yield service
    finally:
        stop.set()
        await asyncio.wait_for(service, 30)


class Feeds:
    """Publishes to the public inputs and reads the public outputs; parts have names of their own."""

    def __init__(self, broker):
        self._servers = broker.bootstrap_servers
        self.part = f"P-{uuid4().hex[:8]}"
        self.events = []
        self.letters = []

    async def __aenter__(self):
        self._producer = AIOKafkaProducer(bootstrap_servers=self._servers, acks="all")
        self._consumer = AIOKafkaConsumer(
            "supply",
            "inventory-sync.dead-letter",
            bootstrap_servers=self._servers,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
        )
        await self._producer.start()
        await self._consumer.start()
        self._reading = asyncio.create_task(self._read())
        return self

    async def __aexit__(self, *_):
        self._reading.cancel()
        with suppress(asyncio.CancelledError):
            await self._reading
        await self._consumer.stop()
        await self._producer.stop()

    async def publish(self, topic, *values):
        for value in values:
            raw = value if isinstance(value, bytes) else json.dumps(value).encode()
            await self._producer.send_and_wait(topic, raw, key=self.part.encode())

    async def stock(self, version, on_hand, *, reason="counted", location="L", **more):
        said = {"part_id": self.part, "location_id": location, "on_hand": on_hand, "version": version}
        await self.publish("stock-changed", said | {"occurred_at": "2026-11-24T08:00:00Z", "reason": reason} | more)

    async def delivery(
        self, version, quantity=10, *, name="PO", got=0, status="promised", due="2030-01-01", location="L"
    ):
        said = {
            "delivery_id": f"{name}-{self.part}",
            "supplier_id": "SUP",
            "part_id": self.part,
            "location_id": location,
            "version": version,
            "status": status,
            "quantity": quantity,
            "received_quantity": got,
            "promised_at": due,
            "occurred_at": "2026-11-24T08:00:00Z",
        }
        await self.publish("supplier-delivery", said)

    async def _read(self):
        async for record in self._consumer:
            headers = {name: (value or b"").decode() for name, value in record.headers}
            if record.topic == "supply":
                event = MODELS[headers["ce_type"]].model_validate_json(record.value)
                if event.part_id == self.part:
                    self.events.append((record.key.decode(), headers, event))
            elif self.part.encode() in (record.value or b""):
                self.letters.append((record.value, headers))

    async def until(self, condition, service=None):
        """Wait until a condition on what was published holds."""
        async with asyncio.timeout(30):
            while not condition():
                if service is not None and service.done():
                    service.result()
                await asyncio.sleep(0.02)

    def of(self, model):
        return [event for _, _, event in self.events if isinstance(event, model)]

    def levels(self, location="L"):
        return [(e.version, e.on_hand, e.moved) for e in self.of(StockPositioned) if e.location_id == location]

    def inbound(self, location="L"):
        """The open deliveries as told last: name → (open units, overdue)."""
        lists = [event for event in self.of(InboundScheduled) if event.location_id == location]
        return {d.delivery_id: (d.open_quantity, d.overdue) for d in lists[-1].deliveries} if lists else None
