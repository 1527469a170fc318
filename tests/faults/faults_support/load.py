"""The business goes on while the system is attacked: an open loop, which never waits for an answer."""

import asyncio
import contextlib
import time
from typing import Any

from aiokafka.partitioner import murmur2
from e2e_support.business import Business
from e2e_support.system import System
from e2e_support.trading import shipments
from e2e_support.warehouse import Key, Lane
from e2e_support.watching import covered

from backorder_runtime.outbox import Wire
from faults_support.burst import Bursts
from faults_support.watch import PROBE, PROBE_CUSTOMER, Probe, Watch

TICK = 0.5  # seconds
_LANES_AT_ONCE = 8
_BURST_LANES_AT_ONCE = 4  # all of which are emptied; each has its turn before the next burst comes
_LINES_PER_ORDER = 3
_HELD_FOR = 5  # seconds before a hold is taken back


class Load:
    """Publishes by the clock what a business publishes, and a tenth of it again; and probes when asked to."""

    def __init__(self, system: System, business: Business, watch: Watch, lines_per_second: float, burst: int) -> None:
        self._system = system
        self._business = business
        self._watch = watch
        self._orders = lines_per_second * TICK / _LINES_PER_ORDER
        self._bursts = Bursts(business, burst)
        self._owed = 0.0
        self._under_way: set[asyncio.Task[None]] = set()
        self._held: dict[str, float] = {}
        self._probes = 0
        self._probe_lanes = _lane_of_each_shard(system.endpoints.partitions)
        self.commands: dict[str, tuple[str, str]] = {}  # id → back order, action

    async def run(self, stop: asyncio.Event) -> None:
        """Publish until `stop` is set, tick after tick, however long the brokers take for it."""
        due = time.monotonic()
        self._send(self._bursts.stock())
        while not stop.is_set():
            self._owed += self._orders
            orders, self._owed = int(self._owed), self._owed % 1
            self._send(self._business.tick(orders))
            self._send(self._business.publish_commands(self._some_commands()))
            await self._ship_some()
            due += TICK
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(stop.wait(), max(0.0, due - time.monotonic()))

    async def finish(self) -> None:
        """Publish what was put off, and wait until all is confirmed."""
        self._send(self._business.rest())
        await asyncio.gather(*self._under_way)

    async def resume_all(self) -> bool:
        """Take back the holds that are in force; False when there are none."""
        held = [name for name, state in self._watch.open.items() if state["status"] == "held"]
        self._send(self._business.publish_commands([self._command(name, "resume") for name in held]))
        await asyncio.gather(*self._under_way)
        return bool(held)

    def probe(self) -> Probe:
        """Publish a probe now."""
        self._probes += 1
        order_id = f"{PROBE}{self._probes}"
        self._send(self._business.publish_probe(order_id, self._probe_lanes, PROBE_CUSTOMER))
        versions = {"@".join(lane): self._business.warehouse.version[lane] for lane in self._probe_lanes}
        return Probe(order_id, versions)

    def burst(self, lines: int) -> None:
        """Publish so many order lines at once, now."""
        self._send(self._bursts.next(lines))

    def _send(self, wires: list[Wire]) -> None:
        if wires:
            task = asyncio.create_task(self._system.publish_wires(wires))
            self._under_way.add(task)
            task.add_done_callback(self._done)

    def _done(self, task: "asyncio.Task[None]") -> None:
        if task.cancelled() or task.exception() is None:
            self._under_way.discard(task)  # a failed one stays, so that the end of the run raises it

    async def _ship_some(self) -> None:
        draw, lanes = self._business.draw, self._business.lanes
        await self._ship(draw.sample(lanes, min(_LANES_AT_ONCE, len(lanes))), draw.randint(0, 4))
        await self._ship(self._bursts.some_lanes(_BURST_LANES_AT_ONCE), _BURST_LANES_AT_ONCE)

    async def _ship(self, lanes: list[Lane], most: int) -> None:
        """What may leave of at most so many of these lanes."""
        if not lanes:
            return
        short = [
            _key(state) for state in self._watch.open.values() if (state["part_id"], state["location_id"]) in lanes
        ]
        try:
            cover = await asyncio.wait_for(covered(self._system, ["@".join(lane) for lane in lanes], short), TICK)
        except TimeoutError:
            return
        if cover is not None:
            self._send(shipments(self._business, self._watch.released, cover, most, careful=True))

    def _some_commands(self) -> list[dict[str, Any]]:
        """Something about one back order, and the end of the holds that have lasted long enough."""
        found, now, there = [], time.monotonic(), self._watch.open
        for name, since in list(self._held.items()):
            if now - since > _HELD_FOR and there.get(name, {}).get("status") == "held":
                del self._held[name]
                found.append(self._command(name, "resume"))
            elif name not in there:
                del self._held[name]
        if there:
            name = self._business.draw.choice(list(there))
            action = self._business.draw.choice(("hold", "expedite", "release"))
            if action == "hold":
                self._held[name] = now
            found.append(self._command(name, action))
        return found

    def _command(self, back_order_id: str, action: str) -> dict[str, Any]:
        state, command_id = self._watch.open[back_order_id], f"CMD-{len(self.commands)}"
        self.commands[command_id] = back_order_id, action
        told = {"command_id": command_id, "back_order_id": back_order_id, "action": action, "requested_by": "desk-1"}
        place = {"part_id": state["part_id"], "location_id": state["location_id"]}
        return {**told, **place, **({"band": "machine-down"} if action == "expedite" else {})}


def _key(state: dict[str, Any]) -> Key:
    return state["order_id"], state["line_id"]


def _lane_of_each_shard(partitions: int) -> list[Lane]:
    """One lane per shard, found by the partitioner that all clients share."""
    found: dict[int, Lane] = {}
    number = 0
    while len(found) < partitions:
        lane = f"{PROBE}{number}", "W1"
        found.setdefault((murmur2("@".join(lane).encode()) & 0x7FFFFFFF) % partitions, lane)
        number += 1
    return [found[shard] for shard in range(partitions)]
