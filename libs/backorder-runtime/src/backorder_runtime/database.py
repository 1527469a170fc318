"""The service's connections to its own schema."""

import asyncio
from datetime import datetime
from typing import Any, TypeAlias

import asyncpg
import stamina
from asyncpg import InvalidAuthorizationSpecificationError, InvalidCatalogNameError, InvalidPasswordError, Pool
from asyncpg.pool import PoolConnectionProxy

from backorder_runtime.settings import DatabaseSettings

Conn: TypeAlias = "asyncpg.Connection[Any] | PoolConnectionProxy[Any]"


class _Session(asyncpg.Connection):
    """A connection that goes back to the pool as it is: nothing that we do outlives its transaction."""

    def get_reset_query(self) -> str:
        """Nothing: the usual one costs a round trip for every batch."""
        return ""


PASSING = (asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError, OSError, TimeoutError)
"""What a call raises while the database is away; the driver itself is confused when it goes in mid-call.

Of what it includes, a lack of permission does not pass: whoever waits calls `permissions.stop_if_denied` first.
"""

_PROBE = 2.0  # seconds
_FINAL = (InvalidPasswordError, InvalidAuthorizationSpecificationError, InvalidCatalogNameError)


class WrongDatabase(Exception):
    """The database is not the one this service can work with; the message says what to do."""


def _passing(error: Exception) -> bool:
    return isinstance(error, OSError | asyncpg.PostgresError) and not isinstance(error, _FINAL)


async def connect(settings: DatabaseSettings) -> "Pool[Any]":
    """A pool of connections; waits up to a minute for a database that is starting. Raises `WrongDatabase`."""
    try:
        async for attempt in stamina.retry_context(on=_passing, attempts=None, timeout=60, wait_max=2):
            with attempt:
                return await asyncpg.create_pool(
                    str(settings.url),
                    connection_class=_Session,
                    min_size=1,
                    max_size=settings.pool,
                    command_timeout=60,
                    server_settings={"application_name": "backorder", "jit": "off"},
                )
    except (asyncpg.PostgresError, OSError) as error:
        raise WrongDatabase(f"the database does not let us in: {error}. Check BACKORDER_DATABASE__URL.") from error
    raise AssertionError("unreachable: the last attempt raises")


def check_owner(module: str, role: str, schema: str | None) -> None:
    """Raise `WrongDatabase` unless a role leads to the schema of this service, which has its module's name."""
    if schema != module:
        raise WrongDatabase(
            f"this is {module}, but the role {role} of BACKORDER_DATABASE__URL leads to "
            f"{f'the schema {schema}' if schema else 'no schema'}: use the role of {module}, whose schema has its "
            "name. Nothing was read or written."
        )


async def clock(pool: "Pool[Any]") -> datetime:
    """The time by the database's clock."""
    now: datetime = await pool.fetchval("SELECT clock_timestamp()")
    return now


async def check(pool: "Pool[Any]") -> str | None:
    """What is wrong with the database, or None."""
    try:
        async with asyncio.timeout(_PROBE):  # to get a connection may take long, too
            await pool.fetchval("SELECT 1")
    except PASSING as error:
        return f"{type(error).__name__}: {error}"
    return None


async def check_schema(pool: "Pool[Any]", module: str, revision: str) -> None:
    """Raise `WrongDatabase` unless the schema is the service's, at this migration or newer code's superset of it."""
    ((role, schema),) = await pool.fetch("SELECT current_user, current_schema()")
    check_owner(module, role, schema)
    try:
        found = {row[0] for row in await pool.fetch("SELECT version_num FROM alembic_version")}
    except asyncpg.UndefinedTableError:
        found = set()
    except asyncpg.InsufficientPrivilegeError as error:
        raise WrongDatabase(f"this role may not read its schema: {error}. Check BACKORDER_DATABASE__URL.") from error
    if not found:
        raise WrongDatabase("the schema has no tables yet: run `python -m <service> migrate` first")
    if found != {revision} and min(found) < revision:
        raise WrongDatabase(
            f"the schema is at migration {min(found)}, this version needs {revision}: run `python -m <service> migrate`"
        )
