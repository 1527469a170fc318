"""The live picture: a panel in a terminal, plain lines every few seconds elsewhere."""

from __future__ import annotations

import time
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol, Self

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.panel import Panel
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from backorder_dev.demo.board import Board
from backorder_dev.demo.words import Told

_PLAIN_EVERY = 5.0
_COLOURS = {0: "", 1: "cyan", 2: "bold yellow"}
_PHASES = {
    "opening": "the warehouse opens",
    "play": "business as usual",
    "rest": "waiting until everything is processed",
}


@dataclass(slots=True)
class Progress:
    """Where the play is.

    Attributes:
        phase: `opening`, `play` or `rest`.
        since: seconds since the play began.
        seconds: how long it is to last.
        lines: order lines placed so far.
        published: records that upstream published.
        behind: seconds that the system is behind what is published, as far as can be seen from outside.
        waits_for: at rest: what is still awaited.
    """

    phase: str = "opening"
    since: float = 0.0
    seconds: float = 60.0
    lines: int = 0
    published: int = 0
    behind: float = 0.0
    waits_for: str = ""


class Picture(Protocol):
    """Shows the play."""

    def __enter__(self) -> Self: ...

    def __exit__(self, *_: object) -> None: ...

    def show(self, board: Board, progress: Progress) -> None:
        """Show the state of things; called several times a second."""


def picture_for(console: Console) -> Picture:
    """The panel if people look at a terminal, lines if not."""
    return LivePicture(console) if console.is_terminal else PlainPicture(console)


class PlainPicture:
    """A line of numbers every few seconds, and a line for each rare thing."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._next = 0.0
        self._said: Told | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        return

    def show(self, board: Board, progress: Progress) -> None:
        """Say what is new."""
        for told in _after(board.feed, self._said):
            self._said = told
            if told.weight > 1:
                self._console.print(f"  {_clock(told.at)} {told.text}", markup=False, highlight=False)
        if time.monotonic() < self._next:
            return
        self._next = time.monotonic() + _PLAIN_EVERY
        units = board.totals()
        self._console.print(
            f"{progress.phase} {progress.since:.0f} s: {progress.lines:,} order lines, "
            f"{len(board.open()):,} of {len(board.states):,} back orders open, "
            f"units {units['waiting']:,} waiting {units['allocated']:,} allocated {units['released']:,} released "
            f"{units['shipped']:,} shipped, {board.rate(time.time()):.0f} events/s, "
            f"{_latencies(board)}{', ' + progress.waits_for if progress.waits_for else ''}",
            markup=False,
            highlight=False,
        )


def _after(feed: Iterable[Told], last: Told | None) -> list[Told]:
    told = list(feed)
    for place, each in enumerate(told):
        if each is last:
            return told[place + 1 :]
    return told


class LivePicture:
    """A panel that redraws itself."""

    def __init__(self, console: Console) -> None:
        self._live = Live(console=console, auto_refresh=False, transient=True, vertical_overflow="crop")

    def __enter__(self) -> Self:
        self._live.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._live.stop()

    def show(self, board: Board, progress: Progress) -> None:
        """Draw."""
        self._live.update(draw(board, progress, time.time()), refresh=True)


def draw(board: Board, progress: Progress, now: float) -> RenderableType:
    """The whole picture."""
    columns = Table.grid(expand=True, padding=(0, 1))
    columns.add_column(ratio=3)
    columns.add_column(ratio=2)
    columns.add_row(_bands(board, now), _numbers(board, progress, now))
    return Group(
        Panel(_head(progress), title="backorder demo", border_style="blue"),
        columns,
        Panel(_feed(board.feed), title="what happens", border_style="dim"),
    )


def _head(progress: Progress) -> RenderableType:
    row = Table.grid(expand=True, padding=(0, 1))
    row.add_column(no_wrap=True)
    row.add_column(ratio=1)
    row.add_column(no_wrap=True, justify="right")
    bar = ProgressBar(total=progress.seconds, completed=min(progress.since, progress.seconds))
    state = progress.waits_for or f"{progress.lines:,} order lines, {progress.published:,} records published"
    row.add_row(_PHASES[progress.phase], bar, state)
    return row


def _bands(board: Board, now: float) -> RenderableType:
    table = Table("band", "open", "units waiting", "oldest", title="open back orders", expand=True, border_style="dim")
    for column in table.columns[1:]:
        column.justify = "right"
    rows = board.bands(now)
    for row in rows:
        table.add_row(row.band, f"{row.open:,}", f"{row.waiting:,}", f"{row.oldest:.0f} s")
    table.add_section()
    table.add_row("all", f"{sum(row.open for row in rows):,}", f"{sum(row.waiting for row in rows):,}", "")
    return table


def _numbers(board: Board, progress: Progress, now: float) -> RenderableType:
    units = board.totals()
    table = Table(title="units of back orders", expand=True, border_style="dim", show_header=False)
    table.add_column()
    table.add_column(justify="right")
    for name in ("waiting", "allocated", "released", "shipped", "cancelled"):
        table.add_row(name, f"{units[name]:,}")
    table.add_section()
    table.add_row("events/s", f"{board.rate(now):.0f}")
    table.add_row("order → opened p50/p99", _pair(board.to_opened.quantile(50), board.to_opened.quantile(99)))
    table.add_row("stock → allocated p50/p99", _pair(board.to_allocated.quantile(50), board.to_allocated.quantile(99)))
    table.add_row("surely answered until", f"{progress.behind:.1f} s ago")
    sent = sum(count for what, count in board.outcomes.items() if what.endswith(" sent"))
    table.add_row("messages sent", f"{sent:,}")
    table.add_row("dead letters", f"{board.letters.total():,}")
    return table


def _feed(feed: Iterable[Told]) -> RenderableType:
    text = Text(no_wrap=True, overflow="ellipsis")
    for told in feed:
        text.append(f"{_clock(told.at)} ", "dim")
        text.append(f"{told.text}\n", _COLOURS[told.weight])
    text.rstrip()
    return text


def _latencies(board: Board) -> str:
    opened = _pair(board.to_opened.quantile(50), board.to_opened.quantile(99))
    allocated = _pair(board.to_allocated.quantile(50), board.to_allocated.quantile(99))
    return f"order → opened p50/p99 {opened}, stock → allocated {allocated}"


def _pair(median: float | None, high: float | None) -> str:
    return "n/a" if median is None or high is None else f"{median * 1000:.0f} / {high * 1000:.0f} ms"


def _clock(at: float) -> str:
    return f"{datetime.fromtimestamp(at).astimezone():%H:%M:%S}"
