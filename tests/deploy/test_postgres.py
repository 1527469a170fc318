"""The SQL that containers and Kubernetes make the database with, on a real one."""

import re
from contextlib import asynccontextmanager
from pathlib import Path
from urllib.parse import urlsplit

import asyncpg
import pytest

from backorder_dev import database as provisioning
from backorder_runtime.tables import RUNTIME_TABLES, statements

ROOT = Path(__file__).parents[2]
ROLES = ("gap_detector", "inventory_sync", "priority_router", "notifier")
AUDITOR = "script_auditor"
SCHEMAS = (ROOT / "deploy/postgres/schemas.sql").read_text(encoding="utf-8")


def sql_of_the_runbooks():
    """The statements that the pages tell people to run, with the names they leave open filled in."""
    for path in sorted((ROOT / "docs/runbooks").glob("*.md")):
        for code in re.findall(r"`((?:SELECT|UPDATE)\b[^`]+)`", path.read_text(encoding="utf-8")):
            yield pytest.param(
                " ".join(code.split()).replace("…", "0").replace("PID", "1"), id=f"{path.stem}: {code[:40]}"
            )


def seconds(text):
    number, unit = re.fullmatch(r"(\d+)(ms|s|min)", text).groups()
    return int(number) * {"ms": 0.001, "s": 1, "min": 60}[unit]


class Made:
    """A database made by the script, under a name of its own, as are the roles."""

    def __init__(self, admin, roles, address):
        self.admin, self.roles, self._address = admin, roles, address

    @asynccontextmanager
    async def session_of(self, role):
        """What a service's session is like once the role has a password."""
        await self.admin.execute(f"ALTER ROLE {role} LOGIN PASSWORD 'secret'")
        parts = urlsplit(self._address)
        url = provisioning.url(role, "secret", parts.hostname, parts.port, parts.path.strip("/"))
        connection = await asyncpg.connect(url)
        try:
            yield connection
        finally:
            await connection.close()


@pytest.fixture
async def made(postgres):
    name = "made_by_script"
    admin = await asyncpg.connect(postgres.admin_url)
    roles = {role: f"script_{role}" for role in ROLES}
    script = re.sub(r"\bauditor\b", AUDITOR, SCHEMAS.replace("DATABASE backorder", f"DATABASE {name}"))
    for role, other in roles.items():
        script = script.replace(f"'{role}'", f"'{other}'")
    await admin.execute(f"CREATE DATABASE {name}")
    inside = await asyncpg.connect(postgres.admin_url_of(name))
    try:
        await inside.execute(script)
        yield Made(inside, list(roles.values()), postgres.admin_url_of(name))
    finally:
        await inside.close()
        await admin.execute(f"DROP DATABASE {name} WITH (FORCE)")
        for role in (*roles.values(), AUDITOR):
            await admin.execute(f"DROP ROLE IF EXISTS {role}")
        await admin.close()


async def test_a_role_owns_its_schema_and_finds_it_by_itself(made):
    for role in made.roles:
        async with made.session_of(role) as session:
            await session.execute("CREATE TABLE mine (id integer)")
            assert await session.fetchval("SELECT 'mine'::regclass::text") == "mine"
            assert await session.fetchval("SHOW search_path") == role
            for setting, value in provisioning._ROLE_SETTINGS.items():
                assert pytest.approx(seconds(await session.fetchval(f"SHOW {setting}"))) == seconds(value)


async def test_a_role_sees_nothing_of_the_others(made):
    first, second, *_ = made.roles
    async with made.session_of(first) as session:
        await session.execute("CREATE TABLE mine (id integer)")
    async with made.session_of(second) as session:
        for forbidden in (
            f"TABLE {first}.mine",
            f"CREATE TABLE {first}.yours (id integer)",
            "CREATE TABLE public.yours (id integer)",
            "CREATE SCHEMA another",
            f"SET ROLE {first}",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await session.execute(forbidden)
        usable = await session.fetch("SELECT nspname FROM pg_namespace WHERE has_schema_privilege(oid, 'USAGE')")
        assert {row["nspname"] for row in usable} == {second, "pg_catalog", "information_schema"}


async def test_the_auditor_reads_the_two_ledgers_and_writes_nothing(made):
    gap, sync, router, _ = made.roles
    for owner in (gap, sync, router):
        async with made.session_of(owner) as session:
            await session.execute("CREATE TABLE mine (id integer)")
    async with made.session_of(AUDITOR) as session:
        for schema in (gap, router):
            assert await session.fetch(f"TABLE {schema}.mine") == []
        for setting, value in provisioning._READER_SETTINGS.items():
            if setting.endswith("timeout"):
                assert seconds(await session.fetchval(f"SHOW {setting}")) == seconds(value)
        with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
            await session.execute(f"INSERT INTO {gap}.mine VALUES (1)")  # noqa: S608
        await session.execute("SET default_transaction_read_only = off")
        for forbidden in (
            f"INSERT INTO {gap}.mine VALUES (1)",  # noqa: S608
            f"DELETE FROM {router}.mine",  # noqa: S608
            f"CREATE TABLE {gap}.yours (id integer)",
            f"TABLE {sync}.mine",
        ):
            with pytest.raises(asyncpg.InsufficientPrivilegeError):
                await session.execute(forbidden)


async def test_nobody_logs_in_before_there_is_a_password(made):
    for role in (*made.roles, AUDITOR):
        row = await made.admin.fetchrow("SELECT * FROM pg_roles WHERE rolname = $1", role)
        rights = ("rolcanlogin", "rolsuper", "rolcreatedb", "rolcreaterole", "rolreplication", "rolinherit")
        assert not any(row[right] for right in rights)
    granted = await made.admin.fetchval("SELECT datacl::text FROM pg_database WHERE datname = current_database()")
    assert not re.search(r"[{,]=", granted), "PUBLIC may do something with the database"


def test_the_script_names_the_roles_that_the_passwords_are_for():
    listed = re.search(r"ARRAY\[(.*?)\]", SCHEMAS)[1]
    assert tuple(re.findall(r"'(\w+)'", listed)) == ROLES
    passwords = (ROOT / "deploy/postgres/passwords.sh").read_text(encoding="utf-8")
    assert tuple(re.findall(r"^ALTER ROLE (\w+) LOGIN PASSWORD :'\1';$", passwords, re.MULTILINE)) == (
        *ROLES,
        "auditor",
    )


def test_the_operator_can_run_the_script_without_psql():
    assert not re.search(r"^\\", SCHEMAS, re.MULTILINE)


@pytest.mark.parametrize("statement", list(sql_of_the_runbooks()))
async def test_the_sql_of_the_runbooks_runs(postgres, statement):
    connection = await asyncpg.connect(postgres.admin_url)
    try:
        await connection.execute("CREATE SCHEMA pages; SET search_path = pages")
        for each in statements(RUNTIME_TABLES):
            await connection.execute(each)
        await connection.execute(f"EXPLAIN {statement}")
    finally:
        await connection.execute("DROP SCHEMA pages CASCADE")
        await connection.close()
