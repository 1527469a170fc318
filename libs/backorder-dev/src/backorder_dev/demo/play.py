"""One play on a running system: publishes, watches, waits for rest, and gathers the evidence."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from backorder_dev.demo.acts import Plan
from backorder_dev.demo.board import Board
from backorder_dev.demo.business import Business
from backorder_dev.demo.checks.mail import missing
from backorder_dev.demo.found import Found
from backorder_dev.demo.letters import read_mails, read_pushes
from backorder_dev.demo.picture import Picture, Progress
from backorder_dev.demo.records import Event, Evidence
from backorder_dev.demo.tide import Snapshot, Tide
from backorder_dev.demo.wire import Gauge, Upstream, Watch
from backorder_dev.endpoints import Endpoints

_TURN = 0.05
_FRAME = 0.25
_QUIET = 3.5  # seconds without news: longer than the release of units and the gathering of mail wait
_OPENING_LIMIT = 90.0
_REST_LIMIT = 120.0


class NoRestError(RuntimeError):
    """The system did not take in what was published in time; the message says what is open."""


@dataclass(slots=True)
class Play:
    """A play: its plan, who is subscribed, and what shows it."""

    plan: Plan
    seed: int
    contacts: dict[str, dict[str, str]]
    picture: Picture
    board: Board = field(init=False)
    progress: Progress = field(init=False)
    evidence: Evidence = field(init=False)
    _tide: Tide = field(default_factory=Tide)
    _business: Business = field(init=False)
    _upstream: Upstream = field(init=False)
    _watch: Watch = field(init=False)

    async def run(self, endpoints: Endpoints) -> Evidence:
        """Play, wait for rest, and return the evidence.

        Raises:
            NoRestError: the opening stock was not taken in.
        """
        self._upstream = Upstream(endpoints.kafka)
        self._watch = Watch(endpoints.kafka, self._hear)
        self._business = Business(self.plan, seed=self.seed)
        self.board = Board(self._upstream.sent_at)
        self.progress = Progress(seconds=self.plan.seconds)
        self.evidence = Evidence(
            sent=self._upstream.sent,
            customers=set(self.plan.customers),
            contacts=self.contacts,
            short_picks=self._business.warehouse.short_picks,
        )
        gauge = Gauge(
            endpoints.kafka, lambda: self._watch.positions, published_until=lambda: self._upstream.published_until
        )
        async with self._upstream, self._watch, gauge:
            with self.picture:
                await _beside(self._script(), self._watch.run(), gauge.run(self._measured), self._paint())
        self.evidence.lags = dict(self._tide.lags)
        self.evidence.mails = read_mails(Path(endpoints.mailbox))
        self.evidence.pushes = read_pushes(Path(endpoints.push), endpoints.sinks["push"])
        return self.evidence

    async def _script(self) -> None:
        await self._open()
        await self._trade()
        await self._rest()

    def _hear(self, event: Event) -> None:
        self.evidence.events.append(event)
        # an event that breaks the contract is for the verdict to find; it must not end the play
        with contextlib.suppress(LookupError, TypeError, ValueError):
            self.board.hear(event)
            self._business.hear(event)

    def _measured(self, snapshot: Snapshot) -> None:
        self._tide.feed(snapshot)
        self.progress.behind = time.time() - self._tide.reached if self._tide.reached else 0.0

    async def _paint(self) -> None:
        while True:
            self.picture.show(self.board, self.progress)
            await asyncio.sleep(_FRAME)

    async def _open(self) -> None:
        """Publish what there is before the start, and wait until the system knows it."""
        now = time.time()
        await self._upstream.publish(self._business.opening(now), now)
        deadline = time.monotonic() + _OPENING_LIMIT
        while self._tide.reached <= now:
            if time.monotonic() > deadline:
                raise NoRestError(
                    f"the opening stock was not taken in within {_OPENING_LIMIT:.0f} s: {self._open_lags()}"
                )
            await asyncio.sleep(_TURN)

    async def _trade(self) -> None:
        began = time.time()
        self._business.begin(began)
        self.progress.phase = "play"
        while not self._business.done:
            await self._turn()
            self.progress.since = time.time() - began

    async def _turn(self) -> None:
        now = time.time()
        records = self._business.due(now, self._tide.reached)
        self.progress.lines += sum(
            len(record.data["lines"])
            for record in records
            if record.topic == "order-placed"
            and record.data is not None
            and record.refused is None
            and record.cause_id not in self._upstream.sent_at
        )
        await self._upstream.publish(records, now)
        self.progress.published = len(self._upstream.sent)
        await asyncio.sleep(_TURN)

    async def _rest(self) -> None:
        """Go on shipping until nothing is left to do; after a while, be content with what there is."""
        self.progress.phase = "rest"
        deadline = time.monotonic() + _REST_LIMIT
        next_look = 0.0
        while time.monotonic() < deadline:
            await self._turn()
            if time.monotonic() < next_look:
                continue
            next_look = time.monotonic() + 1.0
            self.progress.waits_for = self._awaited()
            if not self.progress.waits_for:
                return

    def _awaited(self) -> str:
        """What is not at rest yet; "" when everything is."""
        last = self._upstream.sent[-1].at if self._upstream.sent else 0.0
        if lags := self._open_lags():
            return lags
        if self._tide.reached <= last or not self._business.at_rest(self._tide.reached):
            return "the warehouse still has something to ship"
        if open_messages := missing(self.contacts, Found.of(self.evidence.events)):
            return f"{len(open_messages)} messages to customers are under way"
        if time.time() - self._watch.last_news_at < _QUIET:
            return "listening whether more comes"
        return ""

    def _open_lags(self) -> str:
        lags = {where: lag for where, lag in self._tide.lags.items() if lag}
        return ", ".join(f"{where}: {lag} records" for where, lag in lags.items())


async def _beside(script: Coroutine[Any, Any, None], *loops: Coroutine[Any, Any, None]) -> None:
    """Run the script to its end, with loops beside it; the error of whichever fails first is raised."""
    tasks = [asyncio.create_task(each) for each in (script, *loops)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            if task.done():
                task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
