"""The project's database: one login role and one schema per service, and no way from one into another.

Who audits has a role that may read what it is told to, and write nothing.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg

DATABASE = "backorder"
_LOCK = 0x6261636B  # "back": keeps two provisioning runs apart

_ROLE_SETTINGS = {
    "statement_timeout": "30s",
    "idle_in_transaction_session_timeout": "60s",
    "lock_timeout": "10s",
}

_READER_SETTINGS = {
    "default_transaction_read_only": "on",
    "statement_timeout": "10min",
    "idle_in_transaction_session_timeout": "5min",
    "lock_timeout": "10s",
}


def url(role: str, password: str, host: str, port: int, database: str) -> str:
    """Build a connection URL, escaping what needs it."""
    return f"postgresql://{quote(role, safe='')}:{quote(password, safe='')}@{host}:{port}/{database}"


async def provision(
    admin_url: str,
    services: Iterable[str],
    *,
    readers: Mapping[str, Sequence[str]] | None = None,
    database: str = DATABASE,
    passwords: Mapping[str, str] | None = None,
) -> dict[str, str]:
    """Make the database and, per service, a role and a schema that only this role may write. Idempotent.

    The role may use its own schema and nothing else; its `search_path` is that schema, and its statements and
    idle transactions are cut off in time.

    Args:
        admin_url: a role that may create databases and roles, connected to any existing database.
        services: names of roles and schemas.
        readers: names of roles without a schema, each with the schemas (of these services) that it may read, now
            and whatever is added to them.
        database: its name; made if missing.
        passwords: per role. One that is not named gets a new random password, also when the role exists.

    Returns:
        The connection URL of each role.
    """
    known = dict(passwords or {})
    names, reading = list(services), dict(readers or {})
    chosen = {role: known.get(role) or secrets.token_urlsafe(24) for role in (*names, *reading)}
    admin = await asyncpg.connect(admin_url)
    try:
        await admin.execute("SELECT pg_advisory_lock($1)", _LOCK)
        for role, password in chosen.items():
            await _role(admin, role, password)
        if not await admin.fetchval("SELECT true FROM pg_database WHERE datname = $1", database):
            await _run(admin, "CREATE DATABASE %I", database)
        inside = await asyncpg.connect(on_database(admin_url, database))
        try:
            await _close_to_public(inside, database)
            for service in names:
                await _schema(inside, service, database)
            for reader, schemas in reading.items():
                await _reader(inside, reader, schemas, database)
        finally:
            await inside.close()
    finally:
        await admin.close()
    parts = urlsplit(admin_url)
    host, port = parts.hostname or "127.0.0.1", parts.port or 5432
    return {role: url(role, password, host, port, database) for role, password in chosen.items()}


async def drop(admin_url: str, database: str) -> None:
    """Drop a database, ending all connections to it. The roles stay."""
    admin = await asyncpg.connect(admin_url)
    try:
        await _run(admin, "DROP DATABASE IF EXISTS %I WITH (FORCE)", database)
    finally:
        await admin.close()


def on_database(address: str, database: str) -> str:
    """The same server's address, for another of its databases."""
    return urlunsplit(urlsplit(address)._replace(path=f"/{database}"))


async def _run(connection: asyncpg.Connection, template: str, *names: str) -> None:
    """Execute a utility statement, which takes no parameters, with names and literals quoted by the server."""
    placeholders = ", ".join(f"${number}::text" for number in range(2, len(names) + 2))
    statement = await connection.fetchval(f"SELECT format($1, {placeholders})", template, *names)
    await connection.execute(statement)


async def _role(connection: asyncpg.Connection, role: str, password: str) -> None:
    if not await connection.fetchval("SELECT true FROM pg_roles WHERE rolname = $1", role):
        await _run(connection, "CREATE ROLE %I", role)
    await _run(  # of connections, what a process for each of 24 partitions may open, and some
        connection,
        "ALTER ROLE %I WITH LOGIN NOCREATEDB NOCREATEROLE NOINHERIT CONNECTION LIMIT 200 PASSWORD %L",
        role,
        password,
    )
    if not await connection.fetchval("SELECT rolsuper FROM pg_roles WHERE rolname = current_user"):
        # who is not superuser must be able to act as the role, to give it a schema
        await _run(connection, "GRANT %I TO CURRENT_USER WITH SET TRUE, INHERIT FALSE", role)


async def _close_to_public(connection: asyncpg.Connection, database: str) -> None:
    await _run(connection, "REVOKE ALL ON DATABASE %I FROM PUBLIC", database)
    await connection.execute("REVOKE ALL ON SCHEMA public FROM PUBLIC")


async def _schema(connection: asyncpg.Connection, service: str, database: str) -> None:
    await _run(connection, "GRANT CONNECT, TEMPORARY ON DATABASE %I TO %I", database, service)
    await _run(connection, "CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I", service, service)
    await _settings(connection, service, database, _ROLE_SETTINGS | {"search_path": service})


async def _reader(connection: asyncpg.Connection, reader: str, schemas: Sequence[str], database: str) -> None:
    """The owner of each schema grants it: also for the tables that its next migration makes."""
    await _run(connection, "GRANT CONNECT ON DATABASE %I TO %I", database, reader)
    await _settings(connection, reader, database, _READER_SETTINGS)
    for schema in schemas:
        await _run(connection, "SET ROLE %I", schema)
        await _run(connection, "GRANT USAGE ON SCHEMA %I TO %I", schema, reader)
        await _run(connection, "GRANT SELECT ON ALL TABLES IN SCHEMA %I TO %I", schema, reader)
        await _run(connection, "ALTER DEFAULT PRIVILEGES IN SCHEMA %I GRANT SELECT ON TABLES TO %I", schema, reader)
        await connection.execute("RESET ROLE")


async def _settings(connection: asyncpg.Connection, role: str, database: str, settings: Mapping[str, str]) -> None:
    for name, value in settings.items():
        await _run(connection, f"ALTER ROLE %I IN DATABASE %I SET {name} = %L", role, database, value)
