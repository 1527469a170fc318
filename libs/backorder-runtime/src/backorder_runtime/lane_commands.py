"""`backorder lane`: lanes that a defect of ours stopped, and how they go on."""

import asyncio
import os
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated

import asyncpg
import msgspec
from cyclopts import App, Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from backorder_contracts.refusal import one_line
from backorder_runtime import command_line, store
from backorder_runtime.command_line import CannotDo, agreed, say, say_json, tell
from backorder_runtime.database import Conn
from backorder_runtime.dlq.letters import services
from backorder_runtime.local_settings import database_url
from backorder_runtime.parked import ParkedLane, first_input, parked, standing
from backorder_runtime.record import Record

app = App(help="Lanes (a part at a location) that a defect of ours stopped; their input is kept in order.")

Service = Annotated[str | None, Parameter(help="The service; else all that can be reached.")]
Json = Annotated[bool, Parameter(name="--json", negative=())]
Flag = Parameter(negative=())


@app.command(name="list")
def list_lanes(*, service: Service = None, as_json: Json = False) -> None:
    """Print the parked lanes: why, since when, and how many inputs wait.

    Args:
        service: The service.
        as_json: Print them as a JSON array, for programs.
    """

    async def work() -> None:
        lanes = [lane for name in _named(service) for lane in await _parked(name)]
        if as_json:
            say_json([msgspec.to_builtins(lane) for lane in lanes])
        elif lanes:
            Console(highlight=False).print(_table(lanes))
        else:
            say("no lane is parked")

    command_line.run("lane list", work())


@app.command
def show(lane: str, *, service: Service = None, as_json: Json = False) -> None:
    """Print why a lane is parked, and the input that it stands at.

    Args:
        lane: PART@LOCATION, as `backorder lane list` names it.
        service: The service.
        as_json: Print it as JSON, for programs.
    """

    async def work() -> None:
        found = await _one(lane, service)
        async with _database(found.service) as conn:
            record = await first_input(conn, found)
        if as_json:
            say_json({**msgspec.to_builtins(found), "first": None if record is None else _as_json(record)})
        else:
            _show(found, record)

    command_line.run("lane show", work())


@app.command
def resume(
    *lanes: str,
    service: Service = None,
    all_: Annotated[bool, Parameter(name="--all", negative=())] = False,
    yes: Annotated[bool, Flag] = False,
    wait: float = 10,
) -> None:
    """Have parked lanes go on, with what was kept, in order; do it after the defect is mended.

    A lane that fails again is parked again, with nothing lost.

    Args:
        lanes: PART@LOCATION, as `backorder lane list` names them.
        service: The service.
        all_: All parked lanes of the service.
        yes: Do not ask before --all.
        wait: Seconds to wait until the service has taken them up.
    """

    async def work() -> None:
        if bool(lanes) == all_:
            raise CannotDo("name the lanes, or say --all")
        if all_:
            chosen = [lane for name in _named(service) for lane in await _parked(name)]
            if not chosen:
                say("no lane is parked")
                return
            if not agreed(f"resume {len(chosen)} lanes", yes=yes):
                return
        else:
            chosen = [await _one(lane, service) for lane in lanes]
        stood = [await _resume(lane) for lane in chosen]
        deadline = time.monotonic() + wait
        outcomes = [await _outcome(lane, at, deadline) for lane, at in zip(chosen, stood, strict=True)]
        if not all(outcomes):
            raise CannotDo(f"{outcomes.count(False)} of {len(outcomes)} lanes do not go on")

    command_line.run("lane resume", work())


async def _resume(lane: ParkedLane) -> int | None:
    """Ask a lane to go on; returns the id of the first input that waits."""
    async with _database(lane.service) as conn:
        before = await standing(conn, lane.lane)
        await store.resume_lane(conn, lane.lane)
    return before.first if before is not None else None


async def _outcome(lane: ParkedLane, stood: int | None, deadline: float) -> bool:
    """Wait until the owner of the shard has taken up all of a lane, or for long enough, and say what became of it."""
    async with _database(lane.service) as conn:
        while (now := await standing(conn, lane.lane)) is not None:
            if not now.resuming:
                tell(f"{lane.lane} ({lane.service}) is parked again, at {one_line(now.error)}")
                return False
            if time.monotonic() > deadline:
                return await _so_far(conn, lane, moved=stood != now.first)
            await asyncio.sleep(0.1)
        say(f"{lane.lane} ({lane.service}) goes on; {lane.waiting} inputs had waited")
        return True


async def _so_far(conn: Conn, lane: ParkedLane, *, moved: bool) -> bool:
    if moved:
        left = sum(each.waiting for each in await parked(conn, lane.lane))
        say(f"{lane.lane} ({lane.service}) goes on; {left} inputs still wait")
    else:
        tell(f"{lane.lane} is asked to go on, but nobody has taken it up yet: does {lane.service} run?")
    return moved


def _named(service: str | None) -> Sequence[str | None]:
    """The services to look at; None for the one that the environment names by its database."""
    known = services()
    if service is not None:
        if service not in known:
            raise CannotDo(f"there is no service {service} with lanes; there are: {', '.join(known)}")
        return [service]
    return [None] if os.environ.get("BACKORDER_DATABASE__URL") else known


@asynccontextmanager
async def _database(service: str | None) -> AsyncIterator[Conn]:
    """A connection to the database of a service. Raises `CannotDo` when it is another's."""
    conn = await asyncpg.connect(
        database_url((service or "").replace("-", "_")),
        timeout=10,
        command_timeout=60,
        server_settings={"application_name": "backorder lane"},
    )
    try:
        found = str(await conn.fetchval("SELECT current_schema()")).replace("_", "-")
        if service is not None and found != service:
            raise CannotDo(f"BACKORDER_DATABASE__URL leads to the schema of {found}, not to that of {service}")
        yield conn
    finally:
        await conn.close()


async def _parked(service: str | None, lane: str | None = None) -> list[ParkedLane]:
    async with _database(service) as conn:
        try:
            return await parked(conn, lane)
        except asyncpg.UndefinedTableError as error:
            raise CannotDo(f"the schema of {service or 'this role'} has no lanes: was it migrated?") from error


async def _one(lane: str, service: str | None) -> ParkedLane:
    found = [each for name in _named(service) for each in await _parked(name, lane)]
    match found:
        case []:
            raise CannotDo(f"{lane} is not parked{f' in {service}' if service else ''}; see `backorder lane list`")
        case [one]:
            return one
        case _:
            raise CannotDo(f"{lane} is parked in {' and '.join(each.service for each in found)}: name the --service")


def _table(lanes: Sequence[ParkedLane]) -> Table:
    table = Table("service", "lane", "since (UTC)", "waiting", "error", box=None, pad_edge=False)
    for lane in lanes:
        error = f"{lane.error} (is asked to go on)" if lane.resuming else lane.error
        cells = (lane.service, lane.lane, f"{lane.since:%Y-%m-%d %H:%M:%S}", str(lane.waiting), error)
        table.add_row(*(Text(one_line(cell)) for cell in cells))
    return table


def _show(lane: ParkedLane, record: Record | None) -> None:
    say(
        f"{one_line(lane.lane)}  parked in {lane.service}, shard {lane.shard}, since {lane.since:%Y-%m-%d %H:%M:%S} UTC"
    )
    say(f"error    {one_line(lane.error)}")
    say(f"waiting  {lane.waiting} inputs")
    if record is None:
        say("It stands at a timer. The traceback is in the service's log, in the line `lane parked`.")
        return
    say(f"first    {record.topic}[{record.partition}] {record.offset}: {one_line(_text(record.value))}")
    say("The traceback is in the service's log, in the line `lane parked`.")


def _as_json(record: Record) -> dict[str, object]:
    place = {"topic": record.topic, "partition": record.partition, "offset": record.offset}
    return {**place, "value": _text(record.value)}


def _text(value: bytes | None) -> str:
    return "" if value is None else value.decode("utf-8", "backslashreplace")
