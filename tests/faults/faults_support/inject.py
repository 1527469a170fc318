"""Does to the system what a plan says, one fault at a time, and undoes what has to be undone."""

import asyncio
import contextlib
import os
import random
import signal
import socket
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import asyncpg
from aiokafka import AIOKafkaConsumer
from aiokafka.coordinator.assignors.range import RangePartitionAssignor
from aiokafka.errors import KafkaError
from e2e_support.system import GROUPS, System
from e2e_support.watching import LANE_GROUPS

from faults_support.fleet import Fleet, Member
from faults_support.plan import AUDITOR, Injection, Kind, Mode
from faults_support.proxy import Proxy

_EXITS = 40.0  # seconds that a member may take to leave in order
_MOVES = 40.0  # until partitions are given out: those of a frozen one to somebody else, some to each that is well
_FULL = 15.0  # until the database has asked for room that is not there
_NO_ROOM = b"No space left on device"
_LANE_TOPICS = ("order-line", "supply", "back-order-queue", "back-order-need", "back-order-state")
_AWAY = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class NotPossibleError(Exception):
    """This machine, or this user, cannot do that; the message says why."""


class Injector:
    """`inject` returns when the fault is over, with what shows that it was one."""

    def __init__(self, fleet: Fleet, system: System, session: float) -> None:
        self._fleet = fleet
        self._system = system
        self._session = session
        self._do: dict[Kind, Callable[[Injection], Awaitable[str]]] = {
            Kind.KILL: self._kill,
            Kind.PAUSE: self._pause,
            Kind.LONG_PAUSE: self._pause,
            Kind.ZOMBIE: self._zombie,
            Kind.MEMBERSHIP: self._leave_and_join,
            Kind.STORM: self._storm,
            Kind.DATABASE: self._database,
            Kind.CLUSTER: self._cluster,
            Kind.LEADER: self._leader,
            Kind.COORDINATOR: self._coordinator,
            Kind.BROKER_CUT: self._broker_cut,
            Kind.DATABASE_CUT: self._database_cut,
            Kind.FULL_DISK: self._full_disk,
        }

    async def inject(self, injection: Injection) -> str:
        """Do it. Raises `NotPossibleError`; AssertionError when it did not come to what it is meant to be."""
        return await self._do[injection.kind](injection)

    async def _kill(self, injection: Injection) -> str:
        pids = [_running(member) for member in self._members(injection)]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return f"killed {pids}"

    async def _pause(self, injection: Injection) -> str:
        _, pid, mine = await self._owner(injection)
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(injection.seconds)
            left = await self._owned(injection.service, pid)
        finally:
            os.kill(pid, signal.SIGCONT)
        return f"it had {len(mine)} shards before, {len(left)} after"

    async def _zombie(self, injection: Injection) -> str:
        """Wake it just when all its shards have another owner."""
        member, pid, mine = await self._owner(injection)
        began = time.monotonic()
        os.kill(pid, signal.SIGSTOP)
        try:
            await asyncio.sleep(self._session)
            while await self._owned(injection.service, pid):
                assert time.monotonic() - began < _MOVES, (
                    f"after {_MOVES} s nobody has taken the shards of {member.name}"
                )
                await asyncio.sleep(0.05)
        finally:
            os.kill(pid, signal.SIGCONT)
        return f"{len(mine)} shards moved in {time.monotonic() - began:.1f} s"

    async def _leave_and_join(self, injection: Injection) -> str:
        (member,) = self._members(injection)
        began, pid = time.monotonic(), _running(member)
        member.wanted.clear()
        try:
            os.kill(pid, signal.SIGTERM)
            while member.pid is not None:
                assert time.monotonic() - began < _EXITS, f"{member.name} does not leave"
                await asyncio.sleep(0.05)
            left = time.monotonic() - began
            await asyncio.sleep(injection.seconds)
        finally:
            member.wanted.set()
        return f"left in {left:.1f} s"

    async def _storm(self, injection: Injection) -> str:
        """Strangers join the groups of all lane services and leave again, as fast as they can; each joins at least once."""
        draw, until = random.Random(injection.draw), time.monotonic() + injection.seconds
        joins = await asyncio.gather(*(self._strangers(group, draw, until) for group in LANE_GROUPS.values()))
        assert all(joins), f"some groups nobody could join: {joins}"
        return f"{sum(joins)} joined and left"

    async def _strangers(self, group: str, draw: random.Random, until: float) -> int:
        joins = 0
        while time.monotonic() < until or (not joins and time.monotonic() < until + _MOVES):
            stranger: Any = AIOKafkaConsumer(
                *GROUPS[group],
                bootstrap_servers=self._fleet.cluster.bootstrap_servers,
                group_id=group,
                enable_auto_commit=False,
                partition_assignment_strategy=(RangePartitionAssignor,),
                session_timeout_ms=round(self._session * 1000),
                heartbeat_interval_ms=max(200, round(self._session * 160)),
            )
            with contextlib.suppress(KafkaError):
                try:
                    await stranger.start()
                    await asyncio.sleep(draw.uniform(0.05, 0.5))
                    joins += bool(stranger.assignment())
                finally:
                    await stranger.stop()
        return joins

    async def _database(self, _: Injection) -> str:
        pid = self._fleet.postgres.pid
        assert pid is not None
        os.kill(pid, signal.SIGQUIT)
        return f"process {pid}"

    async def _cluster(self, _: Injection) -> str:
        pids = [node.pid for node in self._fleet.cluster.nodes.values() if node.pid is not None]
        for pid in pids:
            os.kill(pid, signal.SIGKILL)
        return f"{len(pids)} brokers"

    async def _leader(self, injection: Injection) -> str:
        topic = _LANE_TOPICS[injection.draw % len(_LANE_TOPICS)]
        partition = injection.draw // 7 % self._fleet.partitions
        return f"{topic}[{partition}]: {self._kill_broker(await self._fleet.cluster.leader(topic, partition))}"

    async def _coordinator(self, injection: Injection) -> str:
        group = sorted(GROUPS)[injection.draw % len(GROUPS)]
        return f"{group}: {self._kill_broker(await self._fleet.cluster.coordinator(group))}"

    def _kill_broker(self, number: int) -> str:
        pid = self._fleet.cluster.nodes[number].pid
        assert pid is not None, f"broker {number} does not run"
        os.kill(pid, signal.SIGKILL)
        return f"broker {number}"

    async def _broker_cut(self, injection: Injection) -> str:
        return await _cut([proxy for member in self._members(injection) for proxy in member.brokers], injection)

    async def _database_cut(self, injection: Injection) -> str:
        return await _cut([member.database for member in self._members(injection)], injection)

    async def _full_disk(self, injection: Injection) -> str:
        disk = self._fleet.disk
        if disk is None:
            raise NotPossibleError("a disk to fill takes the right to mount a small one")
        log = self._fleet.log("postgres")
        start, began = log.stat().st_size, time.monotonic()
        await asyncio.to_thread(disk.fill)
        try:
            while not (refusals := _count(log, start)):
                assert time.monotonic() - began < _FULL, f"the database found room for {_FULL} s"
                await asyncio.sleep(0.05)
            await asyncio.sleep(injection.seconds)
            refusals = _count(log, start)
        finally:
            await asyncio.to_thread(disk.free)
        return f"{refusals} writes refused"

    def _members(self, injection: Injection) -> list[Member]:
        assert injection.service is not None
        return self._fleet.chosen(injection.service, injection.process)

    async def _owner(self, injection: Injection) -> tuple[Member, int, set[int]]:
        """Its process, as soon as it owns shards, and which: to stop one that owns none is no fault.

        The one before may have made the group give them out anew, which takes a moment. The auditor never owns any.
        """
        (member,) = self._members(injection)
        pid, began = _running(member), time.monotonic()
        while not (mine := await self._owned(injection.service, pid)) and injection.service != AUDITOR:
            assert time.monotonic() - began < _MOVES, f"{member.name} owns no shard for {_MOVES} s"
            await asyncio.sleep(0.05)
        return member, pid, mine

    async def _owned(self, service: str | None, pid: int) -> set[int]:
        """The shards that a process owns by the word of the database."""
        assert service is not None
        if service == AUDITOR:
            return set()
        owner = f"{socket.gethostname()}/{pid}"
        sql = f"SELECT shard FROM {service.replace('-', '_')}.shard WHERE owner = $1"  # noqa: S608
        while True:
            with contextlib.suppress(*_AWAY):
                return {row["shard"] for row in await self._system.query(sql, owner)}
            await asyncio.sleep(0.1)


async def _cut(proxies: Sequence[Proxy], injection: Injection) -> str:
    act = {Mode.CUT: Proxy.cut, Mode.REFUSE: Proxy.refuse, Mode.STALL: Proxy.stall, Mode.MUTE: Proxy.mute}
    assert injection.mode is not None
    began = time.monotonic()
    while not any(proxy.open for proxy in proxies):  # the auditor has some only while it audits
        assert time.monotonic() - began < _MOVES, f"there was no connection to cut for {_MOVES} s"
        await asyncio.sleep(0.005)
    there = sum(act[injection.mode](proxy) for proxy in proxies)
    try:
        await asyncio.sleep(injection.seconds)
    finally:
        for proxy in proxies:
            proxy.heal()
    return f"{there} connections"


def _running(member: Member) -> int:
    assert member.pid is not None, f"{member.name} does not run"
    return member.pid


def _count(log: Any, start: int) -> int:
    with log.open("rb") as file:
        file.seek(start)
        return int(file.read().count(_NO_ROOM))
