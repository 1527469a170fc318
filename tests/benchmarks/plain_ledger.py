"""The ledger step as one would write it without an engine: aiokafka in batches, asyncpg, one transaction for each.

It is what our own is compared with, so it is as quick as it can be made without another design: uvloop, msgspec, one
statement per table and batch. It loses no line and counts none twice, but what it publishes may be doubled when it is
killed, and it does one thing of the many that a ledger has to: it covers new lines, and opens back orders.

Run by `bench_plain.py`: python tests/benchmarks/plain_ledger.py KAFKA DATABASE BATCH. It prints how many lines it has
stored so far, after each batch.
"""

import asyncio
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import asyncpg
import msgspec
import uvloop
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRecord

from backorder_contracts import identity
from backorder_contracts.internal import LineDetail, LinePlaced, OrderEntry

TABLES = """
CREATE SCHEMA plain;
CREATE TABLE plain.lane (lane text PRIMARY KEY, on_hand bigint NOT NULL, covered bigint NOT NULL, needed bigint NOT NULL)
  WITH (fillfactor = 50);
CREATE TABLE plain.line (order_id text, line_id text, lane text NOT NULL, covered bigint NOT NULL, need bigint NOT NULL,
  detail bytea NOT NULL, PRIMARY KEY (order_id, line_id));
"""
_KNOWN = """SELECT order_id, line_id, need FROM plain.line
  JOIN unnest($1::text[], $2::text[]) AS asked (order_id, line_id) USING (order_id, line_id)"""
_LANES = "SELECT lane, on_hand, covered, needed FROM plain.lane WHERE lane = ANY ($1) ORDER BY lane FOR UPDATE"
_SAVE_LANES = """UPDATE plain.lane SET covered = new.covered, needed = new.needed
  FROM unnest($1::text[], $2::bigint[], $3::bigint[]) AS new (lane, covered, needed) WHERE lane.lane = new.lane"""
_ADD_LINES = """INSERT INTO plain.line
  SELECT * FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bytea[])"""

_read = msgspec.json.Decoder(OrderEntry).decode
_write = msgspec.json.Encoder().encode
_pack = msgspec.msgpack.Encoder().encode

Row = tuple[str, str, str, int, int, bytes]
Opened = tuple[str, bytes]


async def store(conn: "asyncpg.Connection[Any]", lines: Sequence[LineDetail]) -> list[Opened]:
    """Cover what is new of these lines, store it, and return what opens."""
    async with conn.transaction():
        orders, names = [line.order_id for line in lines], [line.line_id for line in lines]
        seen = {(row[0], row[1]): row[2] for row in await conn.fetch(_KNOWN, orders, names)}
        lanes = {row[0]: list(row)[1:] for row in await conn.fetch(_LANES, list({_lane(line) for line in lines}))}
        rows, opened = _decided(lines, lanes, seen)
        if rows:
            changed = {row[2]: lanes[row[2]] for row in rows}
            columns = zip(*changed.values(), strict=True)
            _, covered, needed = map(list, columns)
            await conn.execute(_SAVE_LANES, list(changed), covered, needed)
            await conn.execute(_ADD_LINES, *map(list, zip(*rows, strict=True)))
    return opened


def _decided(
    lines: Sequence[LineDetail], lanes: dict[str, list[int]], seen: dict[tuple[str, str], int]
) -> tuple[list[Row], list[Opened]]:
    rows: list[Row] = []
    opened: list[Opened] = []
    for line in lines:
        lane = _lane(line)
        if (name := (line.order_id, line.line_id)) in seen:
            if units := seen[name]:  # whoever was killed may not have said so
                opened.append((lane, _event(line, units)))
            continue
        numbers = lanes[lane]
        on_hand, covered, needed = numbers
        cover = min(line.quantity, max(0, on_hand - covered)) if needed == 0 else 0
        seen[name] = need = line.quantity - cover
        numbers[1:] = covered + cover, needed + need
        rows.append((*name, lane, cover, need, _pack(line)))
        if need:
            opened.append((lane, _event(line, need)))
    return rows, opened


def _lane(line: LineDetail) -> str:
    return f"{line.part_id}@{line.location_id}"


def _event(line: LineDetail, units: int) -> bytes:
    event = {
        "back_order_id": identity.back_order_id(line.order_id, line.line_id, line.part_id, line.location_id),
        "version": 1,
        "status": "open",
        "order_id": line.order_id,
        "line_id": line.line_id,
        "part_id": line.part_id,
        "location_id": line.location_id,
        "customer_id": line.customer_id,
        "quantity": {"ordered": line.quantity, "covered": line.quantity - units, "waiting": units},
        "opened_at": datetime.now(UTC),
    }
    return _write(event)


async def publish(producer: AIOKafkaProducer, opened: Sequence[Opened]) -> None:
    """Return when the broker has everything."""
    headers = [("ce_type", b"back-order.opened")]
    sent = [
        await producer.send("back-order-state", value, key=lane.encode(), headers=headers) for lane, value in opened
    ]
    await asyncio.gather(*sent)


def _lines(records: Sequence[ConsumerRecord]) -> list[LineDetail]:
    messages = [_read(record.value) for record in records]
    return [message.line for message in messages if isinstance(message, LinePlaced)]


async def run(kafka: str, database: str, batch: int) -> None:
    """Take what comes, batch after batch, until this is ended."""
    consumer = AIOKafkaConsumer(
        "order-line",
        bootstrap_servers=kafka,
        group_id="plain",
        enable_auto_commit=False,
        auto_offset_reset="earliest",
        max_partition_fetch_bytes=4 * 1024 * 1024,
    )
    producer = AIOKafkaProducer(bootstrap_servers=kafka, acks="all", linger_ms=1)
    conn = await asyncpg.connect(database, server_settings={"jit": "off"})
    await consumer.start()
    await producer.start()
    stored = 0
    print(stored, flush=True)
    while True:
        polled = await consumer.getmany(timeout_ms=1_000, max_records=batch)
        if lines := _lines([record for records in polled.values() for record in records]):
            await publish(producer, await store(conn, lines))
            await consumer.commit()
            stored += len(lines)
            print(stored, flush=True)


if __name__ == "__main__":
    uvloop.run(run(sys.argv[1], sys.argv[2], int(sys.argv[3])))
