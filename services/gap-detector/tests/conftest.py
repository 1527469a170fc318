"""The helpers of these tests are plain modules beside them."""

import sys
from pathlib import Path

import asyncpg
import pytest

sys.path.insert(0, str(Path(__file__).parent))
pytest.register_assert_rewrite("ledger_desk", "ledger_oracle")


@pytest.fixture
async def conn(database):
    """A connection of the ledger's own role, to its tables."""
    conn = await asyncpg.connect(await database.migrated("gap_detector"))
    yield conn
    await conn.close()
