"""A schema that the service cannot work with stops it with what to do, before anything is read."""

import pytest
import pytest_asyncio
from engine_support.small_service import Place, place_anew

from backorder_dev.stack import Stack
from backorder_runtime.database import WrongDatabase

pytestmark = pytest.mark.stack


@pytest_asyncio.fixture(loop_scope="session")
async def here(stack: Stack):
    async with place_anew(stack) as made:
        yield made


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
