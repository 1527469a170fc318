"""The helpers of these tests are plain modules beside them."""

import sys
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest_asyncio

from backorder_runtime import migrate
from backorder_runtime.settings import DatabaseSettings

sys.path.insert(0, str(Path(__file__).parent))


@pytest_asyncio.fixture(loop_scope="session")
async def ledgers(database):
    """Both ledgers, made by their own migrations; the auditor's rights are those that it has everywhere."""
    from audit_books import Ledgers  # noqa: PLC0415 - found by the line above

    for module in ("gap_detector", "priority_router"):
        await migrate._migrate(module, str(DatabaseSettings(url=database.urls[module]).url))
    admin, reader = await asyncpg.connect(database.admin_url), await asyncpg.connect(database.urls["auditor"])
    assert urlsplit(database.urls["auditor"]).username == "auditor"
    try:
        yield Ledgers(admin, reader)
    finally:
        await admin.close()
        await reader.close()
