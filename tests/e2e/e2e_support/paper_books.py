"""A system that has been written down, for the tests of the oracle."""

from types import SimpleNamespace
from typing import Any


class Row(tuple):  # noqa: SLOT001 - it keeps its columns
    """A row of the database, by number and by name."""

    def __new__(cls, **columns):
        row = super().__new__(cls, columns.values())
        row._columns = columns
        return row

    def __getitem__(self, at):
        return self._columns[at] if isinstance(at, str) else super().__getitem__(at)

    def keys(self):
        return self._columns.keys()


class Paper:
    """A system that has been written down: what each question finds, and each topic holds."""

    def __init__(self, rows=(), topics=(), versions=()):
        self._rows, self._topics, self._versions = dict(rows), dict(topics), dict(versions)

    async def query(self, asked):
        (found,) = [rows for part, rows in self._rows.items() if part in asked]
        return found

    async def read(self, topic):
        return self._topics.get(topic, [])

    async def versions(self):
        return self._versions


def record(value, offset=0, **headers: Any):
    """A record of a topic; its headers by name, with `_` for `-`."""
    told = [
        (name.replace("_", "-") if name.startswith("dlq") else name, _bytes(what)) for name, what in headers.items()
    ]
    return SimpleNamespace(value=value, partition=0, offset=offset, headers=told)


def _bytes(what):
    return what if isinstance(what, bytes) else str(what).encode()
