"""What happens to a message in the queue: decoded, loaded, decided, written down, told."""

from collections.abc import Sequence
from copy import copy
from datetime import UTC, datetime

import msgspec

from backorder_contracts import identity
from backorder_contracts.internal import CommandEntry
from backorder_contracts.refusal import Reason, Refused
from backorder_runtime.asking import Asking, Breath
from backorder_runtime.handler import Arrived
from backorder_runtime.record import DeadLetter, Effect, Record, SetTimer, Timer
from priority_router import repository
from priority_router.answered import Answered, Known
from priority_router.decisions import Decision
from priority_router.domain import lane_facts as lf
from priority_router.domain.decide import decide
from priority_router.domain.events import PolicyTaken, TimerRang
from priority_router.domain.evolve import evolve
from priority_router.domain.facts import OfBackOrder
from priority_router.domain.model import LaneQueue
from priority_router.domain.policy import Policy
from priority_router.inputs import Contested, Input, PolicyChanged, PutOff, WrongLane, named_back_order, read
from priority_router.intake import command_message
from priority_router.journal import Journal
from priority_router.policies import POLICY_TIMER, Policies
from priority_router.publish import Teller

_ORDERS_OF_A_LANE = 5  # back orders that take as much memory as a lane without any
# facts from timers after which others wait for the next batch: a queue of many lines that is ranked anew, or
# released, must not hold up the other lanes of the shard
_FULL = 250
_TURN = 1_000  # back orders that are restored in one go


class Router:
    """The queues of one shard. A queue stays in memory with all its open back orders once it was needed.

    There may be so many `cached_lanes`; a lane with many back orders counts as several.
    """

    def __init__(self, policies: Policies, cached_lanes: int) -> None:
        self._policies = policies
        self._cached_lanes = cached_lanes
        self._queues: dict[str, LaneQueue] = {}
        self._touched: dict[str, None] = {}
        self._sizes: dict[str, int] = {}
        self._size = 0
        self._places: dict[str, str] = {}  # where back orders are that some lane did not have
        self._answered = Answered({})
        self._changed_lanes: set[str] = set()
        self._changed_orders: dict[str, str] = {}
        self._loaded_closed: dict[str, str] = {}
        self._ranked: set[str] = set()  # lanes that stand by a policy that they did not stand by before the batch
        self._rung = 0
        self._journal = Journal()
        self._now = datetime.min.replace(tzinfo=UTC)  # of the batch at hand
        self._decisions: list[tuple[str, Decision]] = []

    def decode(self, record: Record) -> Arrived[Input] | None:
        """A message of the ledger, a command, or what is inbound. Raises `Refused`."""
        try:
            found = read(record)
        except (msgspec.DecodeError, UnicodeDecodeError, ValueError) as error:
            raise Refused(Reason.UNREADABLE, str(error)) from error
        return None if found is None else Arrived(*found, record.origin, record.index)

    def on_timer(self, timer: Timer) -> Arrived[Input]:
        """A time has come, or the policy changed."""
        if timer.key == POLICY_TIMER:
            return Arrived(timer.lane, PolicyChanged())
        return Arrived(timer.lane, TimerRang(timer.key, timer.due_at))

    def load(self, arrived: Sequence[Arrived[Input]]) -> Asking[None]:
        """The queues that the inputs name, and those back orders that are closed or elsewhere."""
        self._touched = dict.fromkeys(item.lane for item in arrived)
        missing = sorted(lane for lane in self._touched if lane not in self._queues)
        if missing:
            yield from self._load_queues(missing)
        # several lanes may name the same back order, each for itself
        unknown = dict.fromkeys(
            (item.lane, key)
            for item in arrived
            if (key := named_back_order(item.event)) and key not in self._queues[item.lane].orders
        )
        ids = dict.fromkeys(key for _, key in unknown)
        for stored in (yield from repository.load_back_orders(ids)) if ids else ():
            key = stored.order.back_order_id
            self._places[key] = stored.lane
            if (stored.lane, key) in unknown:
                self._queues[stored.lane].restore([stored.order])
                self._loaded_closed[key] = stored.lane
                self._journal.found.append((stored.lane, copy(stored.order)))
        commands = [item.event for item in arrived if isinstance(item.event, CommandEntry)]
        if commands:
            self._answered = yield from repository.load_answered(commands)

    def _load_queues(self, lanes: Sequence[str]) -> Asking[None]:
        orders = yield from repository.load_open(lanes)
        for stored in (yield from repository.load_lanes(lanes)):
            policy = yield from self._policy(stored.policy_version)
            queue = self._queues[stored.lane] = LaneQueue(*identity.parts_of(stored.lane), policy)
            state = stored.state
            queue.idle, queue.idle_lots, queue.supplied = state.idle, state.idle_lots, state.supplied
            queue.inbound = state.inbound
            queue.stirred_by, queue.unsettled_by = state.stirred_by, state.unsettled_by
            queue.timers = dict(state.timers)
            lines = orders.get(stored.lane, [])
            for start in range(0, len(lines), _TURN):
                queue.restore(lines[start : start + _TURN])
                yield Breath()  # a lane may have 100,000 of them
        for lane in lanes:
            if lane not in self._queues:
                policy = self._policies.current
                self._queues[lane] = LaneQueue(*identity.parts_of(lane), policy)
                self._journal.born[lane] = policy.version
                self._ranked.add(lane)

    def _policy(self, version: str) -> Asking[Policy]:
        """The policy that a lane stands by, looked up when this process has not seen it in force."""
        if (known := self._policies.known_as(version)) is not None:
            return known
        return self._policies.remember(version, (yield from repository.load_policy(version)))

    def spread(self, arrived: Arrived[Input], _kept_for: str | None) -> Sequence[Arrived[Input]]:
        """A command that was answered before means nothing; one in the wrong lane goes to the right one."""
        event = arrived.event
        if isinstance(event, TimerRang) and self._rung > _FULL:
            return (Arrived(arrived.lane, PutOff(event.key, event.at)),)
        if not isinstance(event, CommandEntry):
            return (arrived,)
        known = self._answered.judge(event)
        if known is not Known.NEW:
            return () if known is Known.REPEATED else (Arrived(arrived.lane, Contested(event, known.value)),)
        if (lane := self._places.get(event.back_order_id, arrived.lane)) != arrived.lane:
            return (Arrived(arrived.lane, WrongLane(event, lane)),)
        return (arrived,)

    def decide(self, arrived: Arrived[Input], now: datetime) -> Sequence[lf.Fact]:
        """What follows for the queue of one lane."""
        self._now = now
        queue = self._queues[arrived.lane]
        match arrived.event:
            case WrongLane() | PutOff() | Contested():
                return ()
            case PolicyChanged():
                policy = self._policies.current
                if queue.policy.version == policy.version:
                    return ()
                return decide(queue, PolicyTaken(policy, self._policies.cause), now)
            case event:
                return decide(queue, event, now)

    def evolve(self, arrived: Arrived[Input], facts: Sequence[lf.Fact], now: datetime) -> Sequence[Effect]:
        """Write the facts into the queue; tell the public, the ledger, the other lane."""
        if isinstance(arrived.event, WrongLane):
            return (command_message(arrived.event.command, arrived.event.lane),)
        if isinstance(arrived.event, Contested):
            origin = arrived.event.command.origin
            return (DeadLetter(origin, Reason.CONFLICTING_DUPLICATE, arrived.event.detail),)
        if isinstance(arrived.event, PutOff):
            return (SetTimer(arrived.lane, arrived.event.key, arrived.event.due_at),)
        if isinstance(arrived.event, TimerRang | PolicyChanged):
            self._rung += len(facts)
        queue = self._queues[arrived.lane]
        self._write_down(arrived, queue.policy.version, facts)
        teller = Teller(queue, arrived.event if isinstance(arrived.event, CommandEntry) else None, now)
        effects: list[Effect] = []
        for fact in facts:
            evolve(queue, fact)
            self._note(arrived.lane, fact)
            effects.extend(teller.tell(fact))
        effects.extend(teller.snapshots())
        self._decisions.extend((arrived.lane, decision) for decision in teller.decisions)
        self._note_answer(arrived.event, facts)
        return effects

    def _write_down(self, arrived: Arrived[Input], version: str, facts: Sequence[lf.Fact]) -> None:
        """Into the journal, that this was decided about next."""
        match arrived.event:
            case PolicyChanged():
                adopted = [fact.policy.version for fact in facts if isinstance(fact, lf.PolicyAdopted)]
                self._journal.took(arrived.lane, adopted[0] if adopted else version)
            case TimerRang() as timer:
                self._journal.rang(arrived.lane, timer)
            case _ if arrived.origin is not None:
                self._journal.record(arrived.origin, arrived.index)

    def _note_answer(self, event: Input, facts: Sequence[lf.Fact]) -> None:
        """A command is carried out once; one for an unknown back order may be replayed when that is known."""
        if isinstance(event, CommandEntry) and not any(isinstance(fact, lf.UnknownNamed) for fact in facts):
            self._answered.add(event)

    def _note(self, lane: str, fact: lf.Fact) -> None:
        """Remember what is to be saved; that a back order is unknown leaves nothing, as anybody may name any lane."""
        if isinstance(fact, lf.UnknownNamed):
            return
        self._changed_lanes.add(lane)
        match fact:
            case OfBackOrder():
                self._changed_orders[fact.back_order_id] = lane
            case lf.NeedReported():
                self._changed_orders.update((c.back_order_id, lane) for c in fact.changes if c.known)
            case lf.PolicyAdopted():
                self._ranked.add(lane)

    def _keep_up(self, ranked: set[str]) -> Asking[None]:
        """Have lanes ranked anew by the policy in force, where that is another one by now.

        Whoever asks all lanes to be does not see what this batch stores, unless he waits for it.
        """
        yield from repository.hold_policy(self._policies.number)
        version = self._policies.current.version
        if late := sorted(lane for lane in ranked if self._queues[lane].policy.version != version):
            yield from repository.ask_lanes(late)

    def save(self) -> Asking[None]:
        """Store the changed queues and back orders, and why they changed."""
        if self._changed_lanes:
            yield from repository.save_lanes([self._queues[lane] for lane in sorted(self._changed_lanes)])
        if ranked := self._ranked & self._changed_lanes:
            yield from self._keep_up(ranked)
        if self._changed_orders:
            orders = [(lane, self._queues[lane].orders[key]) for key, lane in self._changed_orders.items()]
            yield from repository.save_back_orders(orders)
        if self._decisions:
            yield from repository.add_decisions(self._decisions)
        unborn = self._journal.born.keys() - self._changed_lanes
        if (entry := self._journal.close()) is not None:
            yield from repository.add_journal(self._now, entry)
        if self._answered.new:
            yield from repository.note_answered(self._answered.new)
        self._forget(unborn)

    def _forget(self, unborn: set[str]) -> None:
        """Let go what only this batch needed."""
        for key, lane in (self._changed_orders | self._loaded_closed).items():
            self._queues[lane].forget(key)
        for lane in unborn:  # nothing is stored of it: it begins anew, under the policy that is in force then
            del self._queues[lane]
        for done in (self._changed_lanes, self._changed_orders, self._loaded_closed, self._places, self._ranked):
            done.clear()
        self._rung = 0
        self._decisions.clear()
        self._answered = Answered({})
        self._weigh()

    def _weigh(self) -> None:
        """Keep in memory what has room; what was just needed always: a batch must not begin by loading it again."""
        queues, sizes = self._queues, self._sizes
        touched = [lane for lane in self._touched if lane in queues]
        for lane in touched:
            size = 1 + len(queues[lane].orders) // _ORDERS_OF_A_LANE
            self._size += size - sizes.get(lane, 0)
            sizes[lane] = size
        if self._size > self._cached_lanes:
            self._queues = {lane: queues[lane] for lane in touched}
            self._sizes = {lane: sizes[lane] for lane in touched}
            self._size = sum(self._sizes.values())
