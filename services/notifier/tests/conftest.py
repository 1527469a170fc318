"""What the tests share: events to feed, a shard without a broker, a mail server and an endpoint that misbehave."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import asyncpg
import msgspec
import pytest
import pytest_asyncio

from backorder_contracts.identity import lane
from backorder_dev.stack import DatabaseServer, fresh_database
from backorder_runtime.asking import together
from backorder_runtime.record import Message, Record, Timer
from notifier import retention
from notifier.domain.model import BackOrder, StateEvent
from notifier.handlers import NotifierHandler
from notifier.settings import NotifierSettings, NotifySettings, SmtpSettings, TeamSettings
from notifier.wire import OUTCOME_TOPIC, STATE_TOPIC

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)


class Clock:
    """Time that moves when the test says so."""

    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


def _promise(days: float | None, first: float | None = None) -> dict[str, Any] | None:
    if days is None:
        return None
    p50 = NOW + timedelta(days=days)
    return {
        "p50": p50.isoformat(),
        "p90": (p50 + timedelta(days=3)).isoformat(),
        "first_p50": (NOW + timedelta(days=first if first is not None else days)).isoformat(),
        "revisions": 0 if first is None else 1,
        "delivery_ids": [],
    }


def state_json(**changes: Any) -> dict[str, Any]:
    units = {
        "ordered": 4, "covered": 1, "back_ordered": 3, "allocated": 0, "released": 0, "shipped": 0, "cancelled": 0, "waiting": 3,
        **changes.pop("quantity", {}),
    }  # fmt: skip
    promise = _promise(changes.pop("promise", None), changes.pop("first", None))
    line = changes.pop("line", "1")
    return {
        "back_order_id": f"BO-{line}", "version": 1, "order_id": "SO-1001", "line_id": line, "part_id": "BRK-204",
        "location_id": "W1", "customer_id": "C-17", "tier": "platinum", "service_impact": "none",
        "ship_policy": "available", "unit_value": "129.90", "status": "open", "quantity": units, "band": None,
        "placed_at": NOW.isoformat(), "opened_at": NOW.isoformat(), "due_at": None, "need_by": None, "promise": promise,
        "policy_version": None, "supplied_by": [], "rerouted_from": None,
        "cause": {"type": "order.placed", "id": "SO-1001"}, "changed": {}, **changes,
    }  # fmt: skip


@pytest.fixture
def make_state() -> Callable[..., BackOrder]:
    """A state with the given fields; `promise` is in days from now, `line` names line and back order."""

    def make(**changes: Any) -> BackOrder:
        return msgspec.convert(state_json(**changes), BackOrder)

    return make


@pytest.fixture
def make_event(make_state: Callable[..., BackOrder]) -> Callable[..., StateEvent]:
    """A state event; its id follows from back order and version, as that of a repeated one does."""

    def make(happened: str = "opened", at: datetime = NOW, **changes: Any) -> StateEvent:
        state = make_state(**changes)
        return StateEvent(
            event_id=f"{state.back_order_id}.{state.version}",
            event_type=f"back-order.{happened}",
            caused_at=at,
            lane=lane(state.part_id, state.location_id),
            state=state,
        )

    return make


@pytest.fixture
def make_record(clock: Clock) -> Callable[..., Record]:
    """The record of a state event."""

    def make(happened: str = "opened", at: datetime | None = None, **changes: Any) -> Record:
        data = state_json(**changes)
        headers = {
            "ce_specversion": "1.0",
            "ce_id": f"{data['back_order_id']}.{data['version']}",
            "ce_source": "/backorder/priority-router/0",
            "ce_type": f"back-order.{happened}",
            "ce_time": (at or clock.now).isoformat(),
        }
        return Record(
            STATE_TOPIC, 0, 0, b"BRK-204@W1", msgspec.json.encode(data),
            tuple((name, value.encode()) for name, value in headers.items()),
        )  # fmt: skip

    return make


@pytest.fixture
def settings() -> NotifierSettings:
    return NotifierSettings(
        team=TeamSettings(email="parts@example.com"),
        notify=NotifySettings(window=2, poll=0.01),
        smtp=SmtpSettings(starttls=False, sender="back-orders@parts.example", timeout=5),
    )


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def schema(postgres: DatabaseServer) -> AsyncIterator[str]:
    """The URL of one migrated database for all tests here."""
    async with fresh_database(postgres) as database:
        yield await database.migrated("notifier")


@pytest_asyncio.fixture(loop_scope="session")
async def pool(schema: str) -> AsyncIterator["asyncpg.Pool[Any]"]:
    """Connections to an empty schema."""
    async with asyncpg.create_pool(schema, min_size=1, max_size=8) as pool:
        await pool.execute("TRUNCATE back_order, contact, notification, message, told, timer")
        yield pool


class Shard:
    """The engine's part, without a broker: one transaction per batch, due timers with it."""

    def __init__(self, pool: "asyncpg.Pool[Any]", settings: NotifierSettings, clock: Clock) -> None:
        self.pool = pool
        self.clock = clock
        self.handler = NotifierHandler(settings.habits, settings.team, "parts.example")
        self.published: list[dict[str, Any]] = []

    async def feed(self, *records: Record) -> list[dict[str, Any]]:
        """Process a batch, with what is due; returns the outcomes that it publishes."""
        now = self.clock()
        outcomes: list[dict[str, Any]] = []
        async with self.pool.acquire() as conn, conn.transaction():
            inputs = [self.handler.decode(record) for record in records]
            due = await conn.fetch(
                "DELETE FROM timer WHERE shard = 0 AND due_at <= $1 RETURNING lane, key, due_at", now
            )
            inputs += [self.handler.on_timer(Timer(*row)) for row in due]
            await together(conn, {0: self.handler.load(inputs)})
            for each in inputs:
                for effect in self.handler.evolve(each, self.handler.decide(each, now), now):
                    assert isinstance(effect, Message)
                    assert (effect.topic, effect.key) == (OUTCOME_TOPIC, each.lane)
                    outcomes.append(msgspec.json.decode(effect.value or b""))
            await together(conn, {0: self.handler.save()})
        self.published += outcomes
        return outcomes


@pytest.fixture
def shard(pool: "asyncpg.Pool[Any]", settings: NotifierSettings, clock: Clock) -> Shard:
    return Shard(pool, settings, clock)


@pytest.fixture
def subscribe(pool: "asyncpg.Pool[Any]") -> Callable[..., Awaitable[None]]:
    """Makes a customer a contact."""

    async def subscribe(
        customer: str = "C-17", email: str | None = "jo@customer.example", push: str | None = None
    ) -> None:
        await pool.execute(
            "INSERT INTO contact (audience, recipient_id, email, push_url, updated_at) VALUES ('customer', $1, $2, $3, now())",
            customer, email, push,
        )  # fmt: skip

    return subscribe


@pytest.fixture
def forget() -> Callable[["asyncpg.Pool[Any]", datetime], Awaitable[None]]:
    """What retention does until nothing is left to go, one row at a time."""

    async def everything(pool: "asyncpg.Pool[Any]", now: datetime) -> None:
        for rule in retention.table_rules(NotifySettings()):
            while await pool.fetch(rule.statement, now - rule.after, 1):
                pass

    return everything
