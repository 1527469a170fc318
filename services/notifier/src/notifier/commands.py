"""`backorder contacts`: who is told where. The only commands that show addresses."""

import asyncio
import sys
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Annotated, Literal, NoReturn, TypeVar

import asyncpg
from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from backorder_contracts.fields import MAX_IDENTIFIER, is_identifier
from backorder_runtime.clock import utc_now
from backorder_runtime.local_settings import NoSystem, database_url
from notifier.domain.addresses import check_email, check_url
from notifier.repository import SQL

T = TypeVar("T")

app = App(help="Who is told of back orders, and where.")


@app.command(name="set")
def set_contact(
    customer_id: str,
    *,
    email: Annotated[str | None, Parameter(help="Where mail goes.")] = None,
    push: Annotated[str | None, Parameter(help="The URL that pushes are posted to.")] = None,
) -> None:
    """Subscribe a customer, or change an address; what is not named stays as it is.

    A new e-mail address, or the same again, lifts a suspension after too many bounces.
    """
    try:
        address, url = _checked(customer_id, email, push)
    except ValueError as mistake:
        _fail(str(mistake))
    _run(lambda conn: conn.execute(SQL["set_contact"], "customer", customer_id, address, url, utc_now()))
    _say(f"{customer_id} is told by " + " and ".join(_ways(address, url)))


@app.command
def remove(customer_id: str, *, channel: Literal["email", "push"] | None = None) -> None:
    """Forget a customer's addresses, or the one of a channel. Nothing more is sent there."""

    async def change(conn: "asyncpg.Connection[asyncpg.Record]") -> bool:
        if channel is None:
            return await conn.fetchval(SQL["remove_contact"], customer_id) is not None
        return await conn.fetchval(SQL[f"remove_{channel}"], customer_id, utc_now()) is not None

    if not _run(change):
        _fail(f"{customer_id} has no {channel or 'contact'}")
    _say(f"{customer_id}: {channel or 'contact'} removed")


@app.command(name="list")
def list_contacts(customer_id: str | None = None) -> None:
    """Show all contacts, or one."""
    rows = _run(lambda conn: conn.fetch(SQL["list_contacts"], customer_id))
    table = Table("recipient", "kind", "e-mail", "push", "state")
    for audience, recipient_id, email, push_url, bounces, suspended_at in rows:
        cells = (recipient_id, audience, email or "", push_url or "", _state(bounces, suspended_at))
        table.add_row(*(Text(cell) for cell in cells))  # as they are: an id may look like markup
    Console().print(table)


def _run(work: "Callable[[asyncpg.Connection[asyncpg.Record]], Awaitable[T]]") -> T:
    async def connected() -> T:
        conn = await asyncpg.connect(url, timeout=10)
        try:
            return await work(conn)
        finally:
            await conn.close()

    try:
        url = database_url("notifier")
        return asyncio.run(connected())
    except NoSystem as problem:
        _fail(str(problem))
    except (OSError, TimeoutError, asyncpg.PostgresError) as error:
        _fail(f"the notifier's database cannot be used: {error}")


def _checked(customer_id: str, email: str | None, push: str | None) -> tuple[str | None, str | None]:
    """The addresses as they are kept. Raises ValueError when something cannot be taken."""
    if not is_identifier(customer_id):
        raise ValueError(f"a customer id has 1 to {MAX_IDENTIFIER} printable characters")
    if email is None and push is None:
        raise ValueError("name an address: --email ADDRESS, --push URL, or both")
    return (check_email(email) if email is not None else None, check_url(push) if push is not None else None)


def _ways(email: str | None, push: str | None) -> list[str]:
    return [way for way in (f"e-mail to {email}" if email else None, "push" if push else None) if way]


def _state(bounces: int, suspended_at: datetime | None) -> str:
    if suspended_at is not None:
        return f"mail suspended {suspended_at:%Y-%m-%d}, {bounces} bounces"
    return f"{bounces} bounces" if bounces else ""


def _say(text: str) -> None:
    sys.stdout.write(f"{text}\n")


def _fail(text: str) -> NoReturn:
    sys.stderr.write(f"backorder contacts: {text}\n")
    raise SystemExit(1)
