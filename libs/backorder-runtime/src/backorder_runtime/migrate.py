"""Brings a service's schema to the newest migration. Alembic runs raw SQL files of the service's folder."""

import asyncio
from importlib import resources
from pathlib import Path

import stamina
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from backorder_runtime.database import check_owner
from backorder_runtime.settings import DatabaseSettings

_IN_USE = "55P03"  # PostgreSQL's code for a lock that was not to be had in time
_PATIENCE = 900.0  # seconds; a checkpoint, which holds a table for longest, may take ten minutes


def folder_of(module: str) -> Path:
    """Where a service's migrations are: in its package when installed, beside `src` in the source tree."""
    package = Path(str(resources.files(module)))
    for place in (package / "migrations", package.parents[1] / "migrations"):
        if place.is_dir():
            return place
    raise FileNotFoundError(f"{module} has no migrations folder")


def newest(module: str) -> str:
    """The newest migration that this version of the service knows."""
    head = ScriptDirectory.from_config(_config(module)).get_current_head()
    if head is None:
        raise FileNotFoundError(f"{module} has no migrations")
    return head


def migrate(module: str, database: DatabaseSettings) -> str:
    """Run what is missing, and return the migration at which the schema is then: a later one after later code.

    Safe to call at once from several processes: they wait for each other. Services may be running: they wait for a
    table that is being changed, but not for one that is in use and cannot be.

    Raises `WrongDatabase` when the role leads to another service's schema, of which nothing is touched.
    """
    return asyncio.run(_migrate(module, str(database.url)))


async def _migrate(module: str, url: str) -> str:
    found = ""
    engine = create_async_engine(url.replace("postgresql://", "postgresql+asyncpg://"), poolclass=NullPool)
    async for attempt in stamina.retry_context(on=_in_use, attempts=None, timeout=_PATIENCE, wait_max=2):
        with attempt:
            async with engine.begin() as connection:
                found = await connection.run_sync(_upgrade, module)
    await engine.dispose()
    return found


def _in_use(error: Exception) -> bool:
    return isinstance(error, DBAPIError) and getattr(error.orig, "sqlstate", None) == _IN_USE


def _upgrade(connection: Connection, module: str) -> str:
    check_owner(module, *connection.execute(text("SELECT current_user, current_schema()")).one())
    connection.execute(text("SELECT pg_advisory_xact_lock(hashtext('backorder migrate'))"))
    # whoever waits for a table holds up all who come after him, readers too
    connection.execute(text("SET LOCAL lock_timeout = '200ms'"))
    ours, found = newest(module), MigrationContext.configure(connection).get_current_revision()
    if found is not None and found > ours:  # by code that we go back from: migrations only add
        return found
    config = _config(module)
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
    return ours


def _config(module: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "alembic"))
    config.set_main_option("version_locations", str(folder_of(module)))
    config.set_main_option("path_separator", "newline")
    return config
