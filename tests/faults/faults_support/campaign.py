"""A campaign: the system under load, one fault after the other, and the reckoning at rest."""

import asyncio
import itertools
import logging
import random
import time
import traceback
from collections import Counter
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import httpx
from aiokafka.errors import KafkaError
from e2e_support import oracle as books
from e2e_support.business import WITH_MAIL, Business, lanes_of
from e2e_support.system import System
from e2e_support.trading import ship_everything
from e2e_support.warehouse import Key

from backorder_dev.python_process import health_client
from backorder_runtime.publisher import Publisher
from backorder_runtime.settings import KafkaSettings
from faults_support.behind_burst import behind_burst
from faults_support.decisions import look_at_decisions
from faults_support.fleet import Fleet
from faults_support.inject import Injector, NotPossibleError
from faults_support.lag import Lag
from faults_support.left_behind import hits_notifier, look_at_logs, look_at_mails
from faults_support.load import Load
from faults_support.oracle import Finding, examine
from faults_support.plan import Injection, Kind, rounds
from faults_support.report import Injected, Result
from faults_support.watch import Watch

_STEADY = 120.0  # seconds after a fault until everything must run again
_RECKONING = 3_600.0  # seconds that each half of it may take; a system that is not well may never answer
_CUSTOMERS = {f"C-{n}" for n in range(WITH_MAIL)}  # those who want mail


@dataclass(frozen=True)
class Settings:
    """How a campaign is run. Times are in seconds.

    Attributes:
        minutes: of attacks; one round of all kinds is done in any case.
        kinds: of faults.
        session: after which the group gives the partitions of a silent member to others.
        outages: whether some cuts take longer than a service waits for an answer.
        lines: ordered per second.
        burst: order lines that come at once before every third fault; 0 for none.
        bound: in which a fault must be recovered from.
    """

    minutes: float = 0.0
    kinds: tuple[Kind, ...] = tuple(Kind)
    session: float = 2.0
    outages: bool = True
    lines: float = 12.0
    burst: int = 2_000
    bound: float = 60.0


async def run(
    folder: Path, seed: int, settings: Settings, say: Callable[[str], None], keep: Callable[[Result], None]
) -> Result:
    """Run a campaign in a folder of its own.

    Returns what it found; raises only when the system could not be started or stopped. `keep` is given what is known
    so far after each injection, and at the end.
    """
    async with _running(folder, settings, say) as (fleet, system):
        return await Campaign(fleet, system, seed, settings, say, keep).run()


@asynccontextmanager
async def _running(folder: Path, settings: Settings, say: Callable[[str], None]) -> AsyncIterator[tuple[Fleet, System]]:
    for name in ("aiokafka", "librdkafka"):
        logging.getLogger(name).setLevel(logging.CRITICAL)  # our own clients suffer too, and say so at length
    journal = (folder / "supervisor.log").open("w", buffering=1)
    fleet, stop = Fleet(folder, session=settings.session, say=lambda line: _write(journal, line)), asyncio.Event()
    began = time.monotonic()
    running, up = asyncio.create_task(fleet.run(stop)), asyncio.create_task(fleet.up.wait())
    publisher = None
    try:
        await asyncio.wait({running, up}, return_when=asyncio.FIRST_COMPLETED)
        if running.done():
            await running
            raise AssertionError("the system ended before it was ready")
        say(f"everything runs after {time.monotonic() - began:.0f} s")
        publisher = Publisher(KafkaSettings(bootstrap_servers=fleet.endpoints().kafka))
        yield fleet, System(fleet, publisher)
    finally:
        up.cancel()
        stop.set()
        await running
        if publisher is not None:
            publisher.close()
        journal.close()


def _write(journal, line: str) -> None:
    journal.write(f"{time.strftime('%H:%M:%S')} {line}\n")


class Campaign:
    """Whatever goes wrong is a finding: hours of attacks are not lost to what nobody thought of."""

    def __init__(
        self,
        fleet: Fleet,
        system: System,
        seed: int,
        settings: Settings,
        say: Callable[[str], None],
        keep: Callable[[Result], None],
    ) -> None:
        self._fleet, self._system, self._settings = fleet, system, settings
        self._say, self._keep = say, keep
        self._watch = Watch()
        self._business = Business(random.Random(seed), lanes_of(20))
        self._load = Load(system, self._business, self._watch, settings.lines, settings.burst)
        self._lag = Lag(system.endpoints.kafka, fleet.partitions)
        self._injector = Injector(fleet, system, settings.session)
        self._plan = rounds(
            seed, session=settings.session, outages=settings.outages, kinds=settings.kinds, burst=settings.burst
        )
        told = asdict(settings) | {"kinds": [kind.value for kind in settings.kinds]}
        self._before_the_end: Counter[Key] | None = None  # what had been sent when all had come to rest
        self._result = Result(seed, told, counted=self._business.counted)

    async def run(self) -> Result:
        """Attack, then reckon."""
        await self._system.query(
            "INSERT INTO notifier.contact (audience, recipient_id, email, updated_at) "
            "SELECT 'customer', name, name || '@customers.example', now() FROM unnest($1::text[]) AS name",
            sorted(_CUSTOMERS),
        )
        await self._system.until(lambda: self._system.query("SELECT 1 FROM priority_router.checkpoint"))
        watching = asyncio.create_task(self._watch.follow(self._system.endpoints.kafka, self._fleet.partitions))
        try:
            await self._do("attacking", self._attack())
            await self._reckon()
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await self._do("letting go of the brokers", self._lag.close())
        self._result.reckoned = True
        self._keep(self._result)
        return self._result

    async def _do(self, what: str, part: Coroutine[Any, Any, None]) -> None:
        """A part of the campaign; what ends it early is a finding, and the next part comes all the same."""
        try:
            await part
        except AssertionError as wrong:
            self._wrong(f"{what}: {wrong}")
        except Exception as error:  # noqa: BLE001 - see the class
            self._say(traceback.format_exc())
            self._wrong(f"{what}: {error!r}")

    def _wrong(self, what: str, at: float | None = None) -> None:
        self._result.findings.append(Finding("wrong", what, at))

    async def _attack(self) -> None:
        """Fault after fault, until the time is up or the system does not come back from one."""
        stop, until = asyncio.Event(), time.monotonic() + 60 * self._settings.minutes
        loading = asyncio.create_task(self._load.run(stop))
        try:
            await self._recovery(time.monotonic())  # the first answers take the longest, and are nobody's recovery
            for number in itertools.count():
                for injection in next(self._plan):
                    if number and time.monotonic() > until:
                        return
                    if loading.done():
                        loading.result()
                    if left := await self._unsteady():
                        before = self._result.injected[-1].healed if self._result.injected else None
                        self._wrong(f"no more attacks: {left}", before)
                        return
                    await self._one(injection)
                    self._keep(self._result)
                if time.monotonic() > until:
                    return
        finally:
            stop.set()
            await loading

    async def _one(self, injection: Injection) -> None:
        done = Injected(injection, time.time())
        try:
            if injection.burst:
                done.backlog = await behind_burst(self._system, self._load, injection)
            done.evidence = await self._injector.inject(injection)
        except NotPossibleError as why:
            self._result.not_possible[injection.kind] = str(why)
            return
        except Exception as wrong:  # noqa: BLE001 - see the class
            done.problem = f"not injected as meant: {wrong!r}"
        healed = time.monotonic()
        done.healed = time.time()
        self._result.injected.append(done)
        try:
            done.opened, done.recovered = await self._recovery(healed)
        except Exception as late:  # noqa: BLE001 - see the class
            done.problem = f"not recovered: {late!r}"
        self._say(f"{done}")

    async def _recovery(self, healed: float) -> tuple[float, float]:
        """Seconds from the heal until a probe is opened, and until it went all the way and nothing is left behind."""
        probe = self._load.probe()
        opened, answered, caught_up = tasks = [
            asyncio.create_task(self._watch.answered(probe, opened_only=True)),
            asyncio.create_task(self._watch.answered(probe)),
            asyncio.create_task(self._lag.caught_up()),
        ]
        _, late = await asyncio.wait(tasks, timeout=self._settings.bound)
        for task in late:
            task.cancel()
        await asyncio.gather(*late, return_exceptions=True)
        if late:
            raise TimeoutError(
                f"after {self._settings.bound:.0f} s {probe.order_id} has {self._watch.left(probe) or 'all answers'}"
                f"{'' if caught_up not in late else ', and a group is behind'}"
            )
        return opened.result() - healed, max(answered.result(), caught_up.result()) - healed

    async def _unsteady(self) -> str:
        """Wait until everything runs, is ready, and has all its replicas: then the next fault is the only one.

        Returns what is still missing after a while, else nothing.
        """
        deadline = time.monotonic() + _STEADY
        while left := await self._missing():
            if time.monotonic() > deadline:
                return f"{_STEADY:.0f} s after a fault: {left}"
            await asyncio.sleep(0.1)
        return ""

    async def _missing(self) -> str:
        down = [member.name for member in self._fleet.members.values() if member.pid is None]
        down += [f"broker-{number}" for number, node in self._fleet.cluster.nodes.items() if node.pid is None]
        if self._fleet.postgres.pid is None:
            down.append("postgres")
        if down:
            return f"{', '.join(down)} down"
        async with health_client(timeout=5.0) as client:
            for member in self._fleet.members.values():
                try:
                    answer = await client.get(f"{member.process.base_url}/readyz")
                except httpx.HTTPError as error:
                    return f"{member.name}: {error!r}"
                if not answer.is_success:
                    return f"{member.name}: {answer.text}"
        try:
            missing = await self._fleet.cluster.missing_replicas()
        except (KafkaError, OSError) as error:
            return repr(error)
        return f"{missing} replicas behind" if missing else ""

    async def _reckon(self) -> None:
        """Let it come to rest, compare the ledgers, ship everything, and look at all that was published."""
        began = time.monotonic()
        await self._do("coming to rest", asyncio.wait_for(self._come_to_rest(), _RECKONING))
        self._say(f"at rest and empty after {time.monotonic() - began:.0f} s")
        await self._do("looking at everything", asyncio.wait_for(self._look(), _RECKONING))

    async def _come_to_rest(self) -> None:
        assert not (left := await self._unsteady()), left
        await self._load.finish()
        await self._system.until_rest(180)
        there = await books.ledgers(self._system)
        assert there["waiting"], "the two ledgers had something to disagree about"
        assert there["covered"] + there["allocated"] + there["released"], there
        self._before_the_end = self._business.warehouse.sent.copy()
        await self._load.resume_all()
        await ship_everything(self._system, self._business, self._watch.released)
        while await self._load.resume_all():
            await ship_everything(self._system, self._business, self._watch.released)

    async def _look(self) -> None:
        result, business = self._result, self._business
        before = business.warehouse.sent.copy() if self._before_the_end is None else self._before_the_end
        seen, mails, topics = await examine(self._system, business, self._load.commands, before, _CUSTOMERS)
        result.findings += seen
        hits = sum(hits_notifier(each.injection) for each in result.injected)
        logs = {member.name: self._fleet.log(member.name) for member in self._fleet.members.values()}
        for found, note in (look_at_mails(self._fleet.folder / "mailbox", mails, hits), look_at_logs(logs)):
            result.findings += found
            result.notes.append(note)
        result.notes.append(result.bursts())
        ordered = f"{len(business.lines)} order lines, {len(self._load.commands)} commands"
        result.notes.append(f"{ordered}, {topics.events_of_back_orders()}")
        found, note = await look_at_decisions(self._system, topics)
        result.findings += found
        result.notes.append(note)
