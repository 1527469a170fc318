"""A campaign: the system under load, one fault after the other, and the reckoning at rest."""

import asyncio
import itertools
import logging
import random
import re
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import asdict, dataclass
from email import message_from_bytes
from pathlib import Path

import httpx
from aiokafka.errors import KafkaError
from e2e_support import oracle as books
from e2e_support.business import WITH_MAIL, Business, lanes_of
from e2e_support.system import System
from e2e_support.trading import ship_everything

from backorder_runtime.publisher import Publisher
from backorder_runtime.settings import KafkaSettings
from faults_support.fleet import Fleet
from faults_support.inject import Injector, NotPossibleError
from faults_support.lag import Lag
from faults_support.load import Load
from faults_support.oracle import Finding, examine
from faults_support.plan import Injection, Kind, rounds
from faults_support.report import Injected, Result
from faults_support.watch import Watch

_STEADY = 120.0  # seconds after a fault until everything must run again
_SENDERS = 2  # mails that a notifier has under way at most, and a crash may double
_HITS_NOTIFIER = {Kind.KILL, Kind.PAUSE, Kind.ZOMBIE, Kind.DATABASE, Kind.DATABASE_CUT, Kind.FULL_DISK, Kind.MEMBERSHIP}


@dataclass(frozen=True)
class Settings:
    """How a campaign is run. Times are in seconds.

    Attributes:
        minutes: of attacks; one round of all kinds is done in any case.
        kinds: of faults.
        session: after which the group gives the partitions of a silent member to others.
        long_share: of the pauses, those that take half a minute.
        lines: ordered per second.
        bound: in which a fault must be recovered from.
    """

    minutes: float = 0.0
    kinds: tuple[Kind, ...] = tuple(Kind)
    session: float = 2.0
    long_share: float = 0.1
    lines: float = 12.0
    bound: float = 60.0


async def run(folder: Path, seed: int, settings: Settings, say: Callable[[str], None]) -> Result:
    """Run a campaign in a folder of its own. Returns what it found; raises only when it could not be carried out."""
    async with _running(folder, settings, say) as (fleet, system):
        return await _Campaign(fleet, system, seed, settings, say).run()


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


class _Campaign:
    def __init__(self, fleet: Fleet, system: System, seed: int, settings: Settings, say: Callable[[str], None]) -> None:
        self._fleet, self._system, self._settings, self._say = fleet, system, settings, say
        self._watch = Watch()
        self._business = Business(random.Random(seed), lanes_of(20))
        self._load = Load(system, self._business, self._watch, settings.lines)
        self._lag = Lag(system.endpoints.kafka, fleet.partitions)
        self._injector = Injector(fleet, system, settings.session)
        self._plan = rounds(seed, session=settings.session, long_share=settings.long_share, kinds=settings.kinds)
        told = asdict(settings) | {"kinds": [kind.value for kind in settings.kinds]}
        self._result = Result(seed, told)

    async def run(self) -> Result:
        customers = {f"C-{n}" for n in range(WITH_MAIL)}
        await self._system.query(
            "INSERT INTO notifier.contact (audience, recipient_id, email, updated_at) "
            "SELECT 'customer', name, name || '@customers.example', now() FROM unnest($1::text[]) AS name",
            sorted(customers),
        )
        watching = asyncio.create_task(self._watch.follow(self._system.endpoints.kafka, self._fleet.partitions))
        try:
            await self._attack()
            await self._reckon(customers)
        finally:
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)
            await self._lag.close()
        return self._result

    async def _attack(self) -> None:
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
                    await self._one(injection)
                if time.monotonic() > until:
                    return
        finally:
            stop.set()
            await loading

    async def _one(self, injection: Injection) -> None:
        await self._steady()
        done = Injected(injection, time.time())
        try:
            done.evidence = await self._injector.inject(injection)
        except NotPossibleError as why:
            self._result.not_possible[injection.kind] = str(why)
            return
        except (AssertionError, KafkaError, OSError) as wrong:
            done.problem = f"not injected as meant: {wrong!r}"
        healed = time.monotonic()
        done.healed = time.time()
        self._result.injected.append(done)
        try:
            done.opened, done.recovered = await self._recovery(healed)
        except TimeoutError as late:
            done.problem = f"not recovered: {late}"
        said = f"recovered in {done.recovered:.1f} s" if done.recovered is not None else ""
        self._say(f"{injection}: {done.evidence}; {said}{' PROBLEM ' + done.problem if done.problem else ''}")

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

    async def _steady(self) -> None:
        """Return when everything runs, is ready, and has all its replicas: the next fault is the only one."""
        deadline = time.monotonic() + _STEADY
        while left := await self._missing():
            assert time.monotonic() < deadline, f"{_STEADY:.0f} s after a fault: {left}"
            await asyncio.sleep(0.1)

    async def _missing(self) -> str:
        down = [member.name for member in self._fleet.members.values() if member.pid is None]
        down += [f"broker-{number}" for number, node in self._fleet.cluster.nodes.items() if node.pid is None]
        if self._fleet.postgres.pid is None:
            down.append("postgres")
        if down:
            return f"{', '.join(down)} down"
        async with httpx.AsyncClient(trust_env=False, timeout=5.0) as client:
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

    async def _reckon(self, customers: set[str]) -> None:
        """Let it come to rest, compare the ledgers, ship everything, and look at all that was published."""
        result, began = self._result, time.monotonic()
        try:
            await self._steady()
            await self._load.finish()
            await self._system.until_rest(180)
            there = await books.ledgers(self._system)
            assert there["waiting"], "the two ledgers had something to disagree about"
            assert there["covered"] + there["allocated"] + there["released"], there
            before_the_end = self._business.warehouse.sent.copy()
            await self._load.resume_all()
            await ship_everything(self._system, self._business, self._watch.released)
            while await self._load.resume_all():
                await ship_everything(self._system, self._business, self._watch.released)
        except AssertionError as wrong:
            result.findings.append(Finding("wrong", str(wrong)))
            before_the_end = self._business.warehouse.sent.copy()
        self._say(f"at rest and empty after {time.monotonic() - began:.0f} s")
        found, mails, topics = await examine(
            self._system, self._business, self._load.commands, before_the_end, customers
        )
        result.findings += found
        result.counted = self._business.counted
        self._look_at_mails(mails)
        self._look_at_logs()
        events = topics.outputs["back-order-state"]
        distinct = len({dict(record.headers)["ce_id"] for record in events})
        result.notes.append(
            f"{len(self._business.lines)} order lines, {len(self._load.commands)} commands, {distinct} events of back "
            f"orders ({len(events) - distinct} repeated)"
        )

    def _look_at_mails(self, mails: set[str]) -> None:
        files = [file.read_bytes() for file in (self._fleet.folder / "mailbox").glob("*.eml")]
        received = Counter(message_from_bytes(file)["Message-ID"].strip() for file in files)
        if lost := mails - received.keys():
            self._result.findings.append(Finding("lost", f"{len(lost)} mails that were sent did not arrive"))
        hits = sum(each.injection.kind in _HITS_NOTIFIER for each in self._result.injected)
        doubled = received.total() - len(received)
        self._result.notes.append(f"{len(received)} mails, {doubled} of them twice (at most {2 * _SENDERS * hits})")
        if doubled > 2 * _SENDERS * hits:
            self._result.findings.append(Finding("doubled", f"{doubled} mails"))

    def _look_at_logs(self) -> None:
        """The auditor must not have raised an alarm; no lane may have been parked."""
        again = Counter[str]()
        for member in self._fleet.members.values():
            text = self._fleet.log(member.name).read_text("utf-8", "replace")
            again["started"] += len(re.findall(r'"event": "starting"', text))
            again["fenced"] += len(re.findall(r'"event": "fenced"', text))
            again["claims"] += len(re.findall(r'"event": "claimed"', text))
            for line in re.findall(r'^.*"event": "(?:drift|lane parked)".*$', text, re.MULTILINE)[:5]:
                self._result.findings.append(Finding("wrong", f"{member.name}: {line}"))
        self._result.notes.append(", ".join(f"{name}: {count}" for name, count in again.items()))
