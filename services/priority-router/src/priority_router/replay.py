"""Decides recorded inputs again: exactly as it was, or as it would have been under another policy. Pure."""

from collections.abc import Iterable, Iterator, Sequence
from copy import copy
from dataclasses import dataclass, replace
from datetime import datetime
from heapq import heapify, heappop, heappush

from msgspec.structs import replace as replace_struct

from backorder_contracts import identity
from backorder_contracts.internal import BackOrderShipped, Cause, CommandEntry
from backorder_runtime.record import Message
from priority_router.domain import lane_facts as lf
from priority_router.domain.decide import decide
from priority_router.domain.events import Event, PolicyTaken, TimerRang
from priority_router.domain.evolve import evolve
from priority_router.domain.model import LaneQueue
from priority_router.domain.order import BackOrder
from priority_router.domain.policy import Policy
from priority_router.publish import Teller
from priority_router.repository import StoredLane


@dataclass(frozen=True, slots=True)
class Took:
    """A lane took over the policy of this version."""

    version: str


@dataclass(frozen=True, slots=True)
class Batch:
    """Inputs that were decided together at `now`, in their order; `born` and `found` as in the journal."""

    now: datetime
    inputs: Sequence[tuple[str, Event | Took]]
    born: dict[str, str]
    found: Sequence[tuple[str, BackOrder]]


class Replay:
    """The queues of one shard, as they were."""

    def __init__(self, policies: dict[str, Policy]) -> None:
        self.policies = policies
        self.queues: dict[str, LaneQueue] = {}

    def restore(self, stored: StoredLane, orders: Iterable[BackOrder]) -> None:
        """Begin with a queue as it was set down."""
        queue = LaneQueue(*identity.parts_of(stored.lane), self.policies[stored.policy_version])
        state = stored.state
        queue.idle, queue.idle_lots, queue.supplied = state.idle, state.idle_lots, state.supplied
        queue.inbound = state.inbound
        queue.stirred_by, queue.unsettled_by = state.stirred_by, state.unsettled_by
        queue.timers = dict(state.timers)
        queue.restore(orders)
        self.queues[stored.lane] = queue

    def run(self, batch: Batch) -> None:
        """Decide a batch again."""
        for _ in self._facts(batch):
            pass

    def published(self, batch: Batch) -> Iterator[Message]:
        """Decide a batch again; what it tells the public of back orders."""
        teller, last = None, None
        for queue, event, fact in self._facts(batch):
            if event is not last:
                teller, last = Teller(queue, event if isinstance(event, CommandEntry) else None), event
            for effect in teller.tell(fact) if teller else ():
                if isinstance(effect, Message) and effect.topic == "back-order-state":
                    yield effect

    def _facts(self, batch: Batch) -> Iterator[tuple[LaneQueue, Event, lf.Fact]]:
        for lane, version in batch.born.items():
            self.queues[lane] = LaneQueue(*identity.parts_of(lane), self.policies[version])
        for lane, order in batch.found:
            self.queues[lane].restore([copy(order)])
        for lane, recorded in batch.inputs:
            event = self._event(recorded)
            queue = self.queues[lane]
            if isinstance(event, PolicyTaken) and event.policy.version == queue.policy.version:
                continue
            for fact in decide(queue, event, batch.now):
                evolve(queue, fact)
                yield queue, event, fact

    def _event(self, recorded: Event | Took) -> Event:
        if isinstance(recorded, Took):
            return PolicyTaken(self.policies[recorded.version], Cause("policy", recorded.version))
        return recorded


class WhatIf:
    """The queues of one shard under another policy, from a moment on: time goes by as it did, timers ring anew.

    What customers, suppliers and commands did is as it was; which line got a unit is not. So a shipment takes
    nothing from the queue here: the units that the warehouse sent to one line might have been another's.
    """

    def __init__(self, base: Replay, policy: Policy, at: datetime) -> None:
        # a name of its own, so that all lines are ranked by it, whatever the file calls it
        self._policy = policy = replace(policy, version=f"{policy.version} (what if)")
        self._now = at
        self._timers: list[tuple[datetime, str, str]] = []
        self.queues: dict[str, LaneQueue] = {}
        for lane, queue in base.queues.items():
            self.queues[lane] = _copy(queue)
            self._timers += [(due, lane, key) for key, due in queue.timers.items()]
        heapify(self._timers)
        for lane in list(self.queues):
            self._happen(lane, PolicyTaken(policy, Cause("policy", policy.version)))
        self.advance(at)

    def run(self, batch: Batch) -> None:
        """Let the time until the batch go by, then let its inputs happen."""
        self.advance(batch.now)
        for lane, order in batch.found:
            if lane in self.queues:
                self.queues[lane].restore([copy(order)])
        for lane, event in batch.inputs:
            if isinstance(event, Took | TimerRang):
                continue  # timers ring by this policy
            if lane not in self.queues:
                self.queues[lane] = LaneQueue(*identity.parts_of(lane), self._policy)
            if (happened := _without_shipment(event)) is not None:
                self._happen(lane, happened)

    def advance(self, now: datetime) -> None:
        """Ring what is due until then."""
        while self._timers and self._timers[0][0] <= now:
            due, lane, key = heappop(self._timers)
            if self.queues[lane].timers.get(key) == due:
                self._now = max(self._now, due)
                self._happen(lane, TimerRang(key, due))
        self._now = max(self._now, now)

    def _happen(self, lane: str, event: Event) -> None:
        queue = self.queues[lane]
        for fact in decide(queue, event, self._now):
            evolve(queue, fact)
            if isinstance(fact, lf.TimerSet) and fact.at is not None:
                heappush(self._timers, (fact.at, lane, fact.key))


def _without_shipment(event: Event) -> Event | None:
    if not isinstance(event, BackOrderShipped):
        return event
    beside = event.units - event.counted
    return replace_struct(event, units=beside, counted=0) if beside > 0 else None


def _copy(queue: LaneQueue) -> LaneQueue:
    """A queue of its own."""
    other = LaneQueue(queue.part_id, queue.location_id, queue.policy)
    other.idle, other.idle_lots, other.supplied = queue.idle, queue.idle_lots, queue.supplied
    other.inbound = queue.inbound
    other.stirred_by, other.unsettled_by = queue.stirred_by, queue.unsettled_by
    other.timers = dict(queue.timers)
    other.restore(copy(order) for order in queue.orders.values())
    return other
