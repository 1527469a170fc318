"""What happens to an entry of a lane: decoded, loaded, decided, written down, told."""

from collections.abc import Sequence
from datetime import datetime
from typing import TypeAlias

import msgspec

from backorder_contracts import identity
from backorder_contracts.internal import DeliveryEntry, SupplyEntry
from backorder_contracts.refusal import Reason, Refused
from backorder_runtime.asking import Asking
from backorder_runtime.handler import Arrived
from backorder_runtime.record import Effect, Record, Timer
from inventory_sync import repository
from inventory_sync.domain import events as e
from inventory_sync.domain.decide import decide
from inventory_sync.domain.evolve import evolve
from inventory_sync.domain.model import Lane, Rules
from inventory_sync.publish import Teller
from inventory_sync.wanted import Wanted, wanted_by

Input: TypeAlias = DeliveryEntry | e.Event

_entry = msgspec.json.Decoder(SupplyEntry)


class Positions:
    """The supply of one shard's lanes: levels and open deliveries stay in memory, the rest only for a batch."""

    def __init__(self, rules: Rules, cached_lanes: int) -> None:
        self._rules = rules
        self._cached_lanes = cached_lanes
        self._lanes: dict[str, Lane] = {}
        self._sizes: dict[str, int] = {}
        self._size = 0
        self._places: dict[str, str] = {}
        self._touched: set[str] = set()
        self._changed_lanes: set[str] = set()
        self._changed_versions: set[tuple[str, int]] = set()
        self._changed_deliveries: set[tuple[str, str]] = set()
        self._claims: dict[str, str] = {}
        self._stale: dict[str, int] = {}

    def decode(self, record: Record) -> Arrived[Input]:
        """A stock level or a version of a delivery. Raises `Refused`."""
        try:
            entry = _entry.decode(record.value or b"")
        except msgspec.DecodeError as error:
            raise Refused(Reason.UNREADABLE, str(error)) from error
        return Arrived(identity.lane(entry.part_id, entry.location_id), entry)

    def on_timer(self, timer: Timer) -> Arrived[Input]:
        """A delivery is due, or a doubt about it has lasted."""
        kind, _, delivery_id = timer.key.partition(" ")
        return Arrived(timer.lane, e.TimeCame(kind, delivery_id))

    def load(self, arrived: Sequence[Arrived[Input]]) -> Asking[None]:
        """The lanes with what is to come in them, then deliveries and versions that the inputs name."""
        wanted = wanted_by(arrived)
        self._touched = set(wanted.names)
        yield from self._load_lanes(wanted)
        lanes = self._lanes
        named = [(lane, name) for lane, name in wanted.deliveries if name not in lanes[lane].deliveries]
        for lane, delivery in (yield from repository.load_deliveries(named)) if named else ():
            lanes[lane].deliveries[delivery.delivery_id] = delivery
        # a version above the newest cannot have been seen, so records in order need no look
        older = [(lane, version) for lane, version in wanted.versions if version <= lanes[lane].version]
        for lane, version, seen in (yield from repository.load_versions(older)) if older else ():
            lanes[lane].seen[version] = seen
        # read after the versions, so that one that goes meanwhile is found in either
        late = sorted({lane for lane, version in older if version not in lanes[lane].seen})
        for lane, forgotten, newest in (yield from repository.load_late(late)) if late else ():
            lanes[lane].forgotten, lanes[lane].newest = forgotten, newest
        # a delivery that its lane knows was announced there first
        if strange := [name for lane, name in wanted.announced if not self._is_announced(lane, name)]:
            self._places.update((yield from repository.load_places(strange)))

    def _is_announced(self, lane: str, delivery_id: str) -> bool:
        known = self._lanes[lane].deliveries.get(delivery_id)
        return known is not None and known.announced is not None

    def _load_lanes(self, wanted: Wanted) -> Asking[None]:
        known = self._lanes
        if missing := sorted(name for name in wanted.names if name not in known):
            known.update({lane.name: lane for lane in (yield from repository.load_lanes(missing))})
            for name, delivery in (yield from repository.load_open(missing)):
                known[name].deliveries[delivery.delivery_id] = delivery
        for name, (part_id, location_id) in wanted.lanes.items():
            if name not in known:
                known[name] = Lane(part_id, location_id)

    def spread(self, arrived: Arrived[Input], _kept_for: str | None) -> Sequence[Arrived[Input]]:
        """A delivery learns whether another lane has it already."""
        entry = arrived.event
        if not isinstance(entry, DeliveryEntry):
            return (arrived,)
        place = self._places.get(entry.delivery_id, arrived.lane)
        elsewhere = place if place != arrived.lane else None
        return (Arrived(arrived.lane, e.DeliveryArrived(entry, elsewhere)),)

    def decide(self, arrived: Arrived[Input], now: datetime) -> Sequence[e.Fact]:
        """What follows for one lane."""
        event = arrived.event
        if isinstance(event, DeliveryEntry):
            raise TypeError("a delivery is spread before it is decided")
        return decide(self._lanes[arrived.lane], event, now, self._rules)

    def evolve(self, arrived: Arrived[Input], facts: Sequence[e.Fact], _now: datetime) -> Sequence[Effect]:
        """Write the facts into the lane and tell the public."""
        lane = self._lanes[arrived.lane]
        teller = Teller(lane, self._rules)
        effects: list[Effect] = []
        for fact in facts:
            self._note(arrived.lane, lane, fact)
            evolve(lane, fact)
            effects.extend(teller.tell(fact))
        return effects

    def _note(self, name: str, lane: Lane, fact: e.Fact) -> None:
        """Remember what is to be saved; `lane` is as it was before the fact."""
        match fact:
            case e.VersionSeen(version):
                self._changed_versions.add((name, version))
            case e.LevelSet():
                self._changed_lanes.add(name)
            case e.FeedStale(version):
                self._stale[name] = version
            case e.DeliveryNoted(delivery):
                if delivery.announced and not self._is_announced(name, delivery.delivery_id):
                    self._claims[delivery.delivery_id] = self._places[delivery.delivery_id] = name
                self._changed_deliveries.add((name, delivery.delivery_id))
                if lane.version < 0:
                    self._changed_lanes.add(name)

    def save(self) -> Asking[None]:
        """Store what changed, and let go of what only this batch needed."""
        lanes = self._lanes
        if self._changed_lanes:
            yield from repository.save_lanes([lanes[name] for name in sorted(self._changed_lanes)])
        if self._changed_versions:
            rows = [(name, version, lanes[name].seen[version]) for name, version in sorted(self._changed_versions)]
            yield from repository.save_versions(rows)
        if self._stale:
            yield from repository.save_stale(self._stale)
        if self._changed_deliveries:
            changed = [(name, lanes[name].deliveries[each]) for name, each in sorted(self._changed_deliveries)]
            yield from repository.save_deliveries(changed)
        if self._claims:
            yield from repository.add_places(self._claims)
        self._forget()

    def _forget(self) -> None:
        for name in self._touched & self._lanes.keys():
            lane = self._lanes[name]
            lane.seen.clear()
            lane.newest = None
            lane.deliveries = {each: delivery for each, delivery in lane.deliveries.items() if delivery.is_open}
            size = 1 + len(lane.deliveries)
            self._size += size - self._sizes.get(name, 0)
            self._sizes[name] = size
        for changed in (self._changed_lanes, self._changed_versions, self._changed_deliveries, self._claims):
            changed.clear()
        self._stale.clear()
        self._places.clear()
        if self._size > self._cached_lanes:
            self._lanes.clear()
            self._sizes.clear()
            self._size = 0
