"""Pytest fixtures over a real broker and a real database. Loaded by pytest wherever this package is installed.

| fixture | scope | what |
|---|---|---|
| `broker` | session | one broker with all topics; leave it running |
| `postgres` | session | one database server; leave it running |
| `database` | function | a new database on it, provisioned for every service |
| `stack` | module | a broker and a database of the module's own, to stop, kill and start again |

`--stack=docker` takes containers instead of plain processes, `--stack=auto` does if an engine answers. A test that
uses one of them is marked `stack`, so `-m "not stack"` leaves them all out.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING, Literal

import pytest
import pytest_asyncio

if TYPE_CHECKING:
    from backorder_dev.stack import Broker, Database, DatabaseServer, Stack

# The imports of what runs the stack stay inside the fixtures: most test runs never need them.

_FIXTURES = {"broker", "postgres", "database", "stack"}
_KIND = pytest.StashKey[Literal["embedded", "docker"]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    """Offer `--stack`."""
    parser.addoption(
        "--stack",
        choices=["embedded", "docker", "auto"],
        default="embedded",
        help="how the real broker and database run: as plain processes (default), in Docker, or whichever works",
    )


def pytest_configure(config: pytest.Config) -> None:
    """Settle how the stack runs."""
    config.addinivalue_line("markers", "stack: needs the real broker and database, which the fixtures start")
    chosen = config.getoption("--stack")
    if chosen == "auto":
        from backorder_dev.containers import docker_answers  # noqa: PLC0415

        chosen = "docker" if docker_answers() else "embedded"
    config.stash[_KIND] = chosen


def pytest_report_header(config: pytest.Config) -> str:
    """Say which stack the tests run on."""
    how = {
        "embedded": "embedded (Apache Kafka and PostgreSQL as plain processes)",
        "docker": "docker (Apache Kafka and PostgreSQL in containers)",
    }
    return f"stack: {how[config.stash[_KIND]]}"


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what needs the stack, before `-m` selects."""
    for item in items:
        if _FIXTURES.intersection(getattr(item, "fixturenames", ())):
            item.add_marker("stack")


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def broker(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Broker]:
    """One broker for the whole session, with all topics of the registry."""
    from backorder_dev.stack import running_broker  # noqa: PLC0415

    async with running_broker(pytestconfig.stash[_KIND], tmp_path_factory.mktemp("kafka")) as running:
        yield running


@pytest_asyncio.fixture(scope="session", loop_scope="session")
async def postgres(
    pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory
) -> AsyncIterator[DatabaseServer]:
    """One database server for the whole session."""
    from backorder_dev.stack import running_postgres  # noqa: PLC0415

    async with running_postgres(pytestconfig.stash[_KIND], tmp_path_factory.mktemp("postgres")) as running:
        yield running


@pytest_asyncio.fixture(loop_scope="session")
async def database(postgres: DatabaseServer) -> AsyncIterator[Database]:
    """A new database with a role and a schema per service; gone after the test."""
    from backorder_dev.stack import fresh_database  # noqa: PLC0415

    async with fresh_database(postgres) as fresh:
        yield fresh


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def stack(pytestconfig: pytest.Config, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stack]:
    """A broker and a database that this test module has to itself."""
    from backorder_dev.stack import running_stack  # noqa: PLC0415

    async with running_stack(pytestconfig.stash[_KIND], tmp_path_factory.mktemp("stack")) as running:
        yield running
