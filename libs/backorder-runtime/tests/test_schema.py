"""A schema that the service cannot work with stops it with what to do, before anything is read."""

import asyncio
import shutil

import asyncpg
import pytest
from engine_support.small_service import Place

from backorder_runtime import migrate
from backorder_runtime.database import WrongDatabase

pytestmark = pytest.mark.stack


@pytest.mark.parametrize(
    ("done", "said"),
    [
        ("DROP TABLE alembic_version", r"the schema has no tables yet: run `python -m <service> migrate` first$"),
        ("DELETE FROM alembic_version", r"the schema has no tables yet: run `python -m <service> migrate` first$"),
        (
            "UPDATE alembic_version SET version_num = '0001'",
            r"the schema is at migration 0001, this version needs \d+: run `python -m <service> migrate`$",
        ),
        (
            "REVOKE SELECT ON alembic_version FROM inventory_sync",
            r"may not read its schema: .*alembic_version\. Check BACKORDER_DATABASE__URL\.$",
        ),
    ],
    ids=["none", "emptied", "older", "unreadable"],
)
async def test_a_schema_that_is_not_migrated_stops_it_before_it_reads(here: Place, done: str, said: str) -> None:
    await here.pool.execute(done)
    await here.send("one")
    async with here.running() as task:
        with pytest.raises(WrongDatabase, match=said):
            await here.until_counted(1, task)
    assert await here.counted() == 0


async def test_a_schema_that_newer_code_migrated_is_good_for_the_code_before_it(here: Place) -> None:
    await here.pool.execute("UPDATE alembic_version SET version_num = '9999'")
    await here.send("one")
    async with here.running() as task:
        await here.until_counted(1, task)


async def test_code_that_is_put_back_finds_nothing_to_migrate_in_a_schema_that_later_code_migrated(here: Place) -> None:
    await here.pool.execute("UPDATE alembic_version SET version_num = '9999'")
    at = await asyncio.to_thread(migrate.migrate, "inventory_sync", here.settings.database)
    assert at == "9999" == await here.pool.fetchval("SELECT version_num FROM alembic_version")


LATER = """
from alembic import op

revision = "9999"
down_revision = "{newest}"


def upgrade() -> None:
    op.execute("ALTER TABLE tally ADD COLUMN added_later text")
"""
WAITS = "SELECT count(*) FROM pg_locks WHERE relation = 'tally'::regclass AND NOT granted"


async def test_a_migration_that_has_to_wait_for_a_table_holds_up_nobody_who_reads_it(
    here: Place, tmp_path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "migrations"
    shutil.copytree(migrate.folder_of("inventory_sync"), folder, ignore=shutil.ignore_patterns("__pycache__"))
    (folder / "9999_later.py").write_text(LATER.format(newest=migrate.newest("inventory_sync")), "utf-8")
    monkeypatch.setattr(migrate, "folder_of", lambda _: folder)
    async with asyncpg.create_pool(str(here.settings.database.url), min_size=2, max_size=2) as pool:
        async with pool.acquire() as one, one.transaction():
            await one.fetch("SELECT * FROM tally")  # and does something else for a while
            migrating = asyncio.create_task(
                asyncio.to_thread(migrate.migrate, "inventory_sync", here.settings.database)
            )
            async with asyncio.timeout(30):
                while not await pool.fetchval(WAITS):
                    assert not migrating.done()
                async with pool.acquire() as reader, reader.transaction():
                    await reader.execute("SET LOCAL lock_timeout = '5s'")
                    await reader.fetch("SELECT * FROM tally")
            assert not migrating.done()
        assert await migrating == "9999"
        await pool.fetch("SELECT added_later FROM tally")
