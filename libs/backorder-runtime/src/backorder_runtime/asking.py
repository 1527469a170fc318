"""What handlers ask of the database, put together: one statement for all shards of a batch.

A handler does not talk to the database. It is a generator that yields what it needs, `Read`, `Write` or `Copy`, and
goes on with the rows. Where the handlers of several shards wait for the same statement, it runs once for all of them.
So a statement's first parameter is the shard of each row, and what it reads has the shard as its first column.
"""

import asyncio
import re
from collections.abc import Callable, Generator, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from asyncpg import UniqueViolationError

from backorder_runtime import queries
from backorder_runtime.database import Conn
from backorder_runtime.store import Outdated

T = TypeVar("T")
Rows: TypeAlias = Sequence[Any]
Column: TypeAlias = Sequence[Any]

_PACKED: Mapping[str, Callable[[Column], Any]] = {"','": queries.numbers, r"E'\x1f'": queries.texts}
_TRAVELS = re.compile(r"string_to_array\(\$(\d+), (E'\\x1f'|',')\)")


@dataclass(frozen=True, slots=True)
class Statement:
    """A named statement. `rank` is its place in the file: handlers ask in that order, or they ask more often."""

    text: str
    rank: int
    packed: Mapping[int, Callable[[Column], Any]]

    def parameters(self, shards: Column, columns: Sequence[Column]) -> list[Any]:
        """The columns as the statement takes them: some as one text, see `queries.texts`."""
        return [self.packed.get(n, list)(column) for n, column in enumerate((shards, *columns), 1)]


def statements(package: str, file: str = "queries.sql") -> Mapping[str, Statement]:
    """The statements of a package's SQL file by name. Raises ValueError when a name stands twice."""
    found = enumerate(queries.load(package, file).items())
    return {
        name: Statement(text, rank, {int(n): _PACKED[separator] for n, separator in _TRAVELS.findall(text)})
        for rank, (name, text) in found
    }


def by_column(rows: Iterable[tuple[Any, ...]]) -> Sequence[Column]:
    """Rows, at least one, as the columns that a statement takes."""
    return list(zip(*rows, strict=True))


@dataclass(frozen=True, slots=True)
class _Stated:
    """A statement with the columns of its rows."""

    statement: Statement
    columns: Sequence[Column]

    @property
    def rank(self) -> int:
        """Which step goes first when handlers wait for different ones."""
        return self.statement.rank


@dataclass(frozen=True, slots=True)
class Read(_Stated):
    """Rows to be read; the answer has the rows of the shard that asked."""

    @staticmethod
    async def run(conn: Conn, steps: "Mapping[int, Read]") -> Mapping[int, Rows]:
        """Read for all shards at once."""
        statement = next(iter(steps.values())).statement
        answers: dict[int, list[Any]] = {shard: [] for shard in steps}
        for row in await conn.fetch(statement.text, *statement.parameters(*_merged(steps))):
            answers[row[0]].append(row)
        return answers


@dataclass(frozen=True, slots=True)
class Write(_Stated):
    """Rows to be stored. With `outdated`, each must be new: else what was loaded is no longer so."""

    outdated: str | None = None

    @staticmethod
    async def run(conn: Conn, steps: "Mapping[int, Write]") -> Mapping[int, Rows]:
        """Store for all shards at once. Raises `Outdated`."""
        step = next(iter(steps.values()))
        shards, columns = _merged(steps)
        said = await conn.execute(step.statement.text, *step.statement.parameters(shards, columns))
        if step.outdated and said != f"INSERT 0 {len(shards)}":
            raise Outdated(step.outdated)
        return dict.fromkeys(steps, ())


@dataclass(frozen=True, slots=True)
class Copy:
    """New rows for a table, the shard not among their columns unless the table has one.

    They go in sorted, in one order for all: who stores the same rows waits, and not in a circle. Their first columns
    tell them apart, since not all values compare. Numbers at the end of a row may be left out, if 0 is what the table
    puts there by itself: no time is spent on columns that no row of a batch has.
    `outdated` is said when a row is there already: what was loaded is no longer so.
    """

    rank: int
    table: str
    columns: Sequence[str]
    rows: Sequence[tuple[Any, ...]]
    outdated: str

    @staticmethod
    async def run(conn: Conn, steps: "Mapping[int, Copy]") -> Mapping[int, Rows]:
        """Store for all shards at once. Raises `Outdated`."""
        step = next(iter(steps.values()))
        rows = sorted(row for each in steps.values() for row in each.rows)
        widths = set(map(len, rows))
        width = max(widths)
        if len(widths) > 1:
            rows = [row + (0,) * (width - len(row)) for row in rows]
        try:
            await conn.copy_records_to_table(step.table, records=rows, columns=step.columns[:width])
        except UniqueViolationError as error:
            raise Outdated(step.outdated) from error
        return dict.fromkeys(steps, ())


@dataclass(frozen=True, slots=True)
class Breath:
    """A moment for others, within work that takes long."""

    rank: int = -1

    @staticmethod
    async def run(_conn: Conn, steps: "Mapping[int, Breath]") -> Mapping[int, Rows]:
        """Let others go on."""
        await asyncio.sleep(0)
        return dict.fromkeys(steps, ())


Step: TypeAlias = Read | Write | Copy | Breath
Asking: TypeAlias = Generator[Step, Rows, T]


async def together(conn: Conn, askings: Mapping[int, Asking[None]]) -> None:
    """Give the handlers of these shards what they ask for, until none of them asks any more. Raises `Outdated`."""
    waiting: dict[int, Step] = {}
    answers: Mapping[int, Rows | None] = dict.fromkeys(askings)
    while answers:
        for shard, rows in answers.items():
            try:
                waiting[shard] = askings[shard].send(rows)  # type: ignore[arg-type]  # None starts it
            except StopIteration:
                waiting.pop(shard, None)
        answers = await _next(conn, waiting) if waiting else {}


async def _next(conn: Conn, waiting: Mapping[int, Step]) -> Mapping[int, Rows]:
    first = min(step.rank for step in waiting.values())
    steps: dict[int, Any] = {shard: step for shard, step in waiting.items() if step.rank == first}
    answers: Mapping[int, Rows] = await next(iter(steps.values())).run(conn, steps)
    return answers


def _merged(steps: Mapping[int, _Stated]) -> tuple[list[int], list[Column]]:
    """The columns of all shards one after the other, and the shard of each row."""
    if len(steps) == 1:
        ((shard, step),) = steps.items()
        return [shard] * len(step.columns[0]), list(step.columns)
    shards = [shard for shard, step in steps.items() for _ in step.columns[0]]
    parts = zip(*(step.columns for step in steps.values()), strict=True)
    return shards, [[value for part in column for value in part] for column in parts]
