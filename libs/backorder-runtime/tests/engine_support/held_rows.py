"""What rules of tables do beside a transaction that holds the rows they are about."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from asyncpg import Connection

from backorder_runtime.retention import Rule


async def gone(conn: "Connection[Any]", rules: Sequence[Rule], now: datetime) -> list[int]:
    """How many rows each rule takes in the transaction at hand. Raises LockNotAvailableError where one waits."""
    await conn.execute("SET LOCAL lock_timeout = '200ms'")
    return [len(await conn.fetch(rule.statement, now - rule.after, 1_000)) for rule in rules]


async def gone_beside(
    one: "Connection[Any]", other: "Connection[Any]", rules: Sequence[Rule], now: datetime
) -> tuple[list[int], list[int]]:
    """How many rows each rule takes in a transaction, and how many it takes in another one meanwhile."""
    async with one.transaction():
        first = await gone(one, rules, now)
        async with other.transaction():
            return first, await gone(other, rules, now)
