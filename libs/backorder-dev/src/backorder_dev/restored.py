"""Has all services go on together after their database was restored: `restored.sql`, and what it says."""

from __future__ import annotations

from importlib import resources
from typing import Any

import asyncpg

SCRIPT = resources.files("backorder_dev").joinpath("restored.sql").read_text("utf-8")


async def go_on(admin_url: str, *, dry_run: bool = False) -> list[str]:
    """Void what the database no longer knows of, or say what would be; returns a line for each service.

    Raises:
        asyncpg.RaiseError: it cannot be done, and nothing was; the message says why.
    """
    said: list[str] = []

    def note(_connection: Any, message: Any) -> None:
        said.append(message.message)

    connection = await asyncpg.connect(
        admin_url, timeout=10, server_settings={"application_name": "backorder database"}
    )
    connection.add_log_listener(note)
    work = connection.transaction()
    try:
        await work.start()
        await connection.execute(SCRIPT)
        await (work.rollback() if dry_run else work.commit())
    finally:
        await connection.close()
    return said
