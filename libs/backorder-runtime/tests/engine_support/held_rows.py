"""What rules of tables do beside a transaction that holds the rows they are about."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import asyncpg
from asyncpg import Connection

from backorder_runtime.retention import Rule


async def gone(conn: "Connection[Any]", rules: Sequence[Rule], now: datetime) -> list[int]:
    """How many rows each rule takes in the transaction at hand. Raises LockNotAvailableError where one waits."""
    await conn.execute("SET LOCAL lock_timeout = '200ms'")
    return [len(await conn.fetch(rule.statement, now - rule.after, 1_000)) for rule in rules]


async def check_that_they_wait_for_nobody(url: str, rules: Sequence[Rule], now: datetime) -> None:
    """Each rule has something to take; meanwhile another transaction takes nothing by them, and does not wait."""
    async with (
        asyncpg.create_pool(url, min_size=2, max_size=2) as pool,
        pool.acquire() as one,
        pool.acquire() as other,
        one.transaction(),
    ):
        first = await gone(one, rules, now)
        async with other.transaction():
            meanwhile = await gone(other, rules, now)
    assert all(first), f"each rule has something to do: {first}"
    assert sum(meanwhile) == 0, f"held by the other transaction: {meanwhile}"
