"""What follows from an event, for one lane: pure and total.

A version of a lane, and a version of a delivery, is taken once; the first content of it stands. The newest
version gives the level; shipments and receipts count once per version, also when it comes late, but not so late that
versions above it are forgotten. A feed whose versions stay below the newest would freeze the level: people hear of it.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime
from hashlib import blake2b

from backorder_contracts.internal import DeliveryEntry, StockEntry
from inventory_sync.domain import events as e
from inventory_sync.domain.deliveries import came_in, follow, look_again, supplier_says
from inventory_sync.domain.doubts import FEED_STALE, VERSION_CONFLICT
from inventory_sync.domain.model import Announced, Delivery, Lane, Rules, Seen


def decide(lane: Lane, event: e.Event, now: datetime, rules: Rules) -> Sequence[e.Fact]:
    """The facts that an event makes true in its lane, in order. Changes nothing."""
    match event:
        case StockEntry():
            return _stock(lane, event, now, rules)
        case e.DeliveryArrived(entry, elsewhere):
            return _delivery(lane, entry, elsewhere, now, rules)
        case e.TimeCame(kind, delivery_id):
            delivery = lane.deliveries.get(delivery_id)
            return look_again(delivery, kind, now, rules) if delivery else ()


def _stock(lane: Lane, entry: StockEntry, now: datetime, rules: Rules) -> Sequence[e.Fact]:
    content = content_of(entry)
    seen = lane.seen.get(entry.version)
    if seen is not None:
        return () if seen.content == content else _contested_version(entry, seen, now)
    stale = _stale_feed(lane, entry, now, rules)
    if entry.version <= lane.forgotten:
        return stale
    moved = entry.version > lane.version
    facts: list[e.Fact] = [e.VersionSeen(entry.version, Seen(entry.on_hand, content))]
    if moved:
        facts.append(e.LevelSet(entry.on_hand, entry.version))
    if moved or entry.shipped:
        facts.append(e.Positioned(entry, entry.on_hand if moved else lane.on_hand, moved))
    if entry.reason == "received" and entry.delivery_id is not None:
        before = lane.deliveries.get(entry.delivery_id) or Delivery(entry.delivery_id)
        after = came_in(before, _units_received(lane, entry))
        facts += follow(before, after, entry.cause, now, rules)
    return [*facts, *stale]


def content_of(entry: StockEntry) -> bytes:
    """A digest of what a stock record says, without when it was said: a repetition has the same."""
    shipped = sorted((line.order_id, line.line_id, line.units) for line in entry.shipped)
    said = (entry.on_hand, entry.reason, entry.quantity, entry.delivery_id, shipped)
    return blake2b(repr(said).encode(), digest_size=12).digest()


def _units_received(lane: Lane, entry: StockEntry) -> int:
    """As the warehouse says; else the rise of the level, which a late version does not show."""
    if entry.quantity is not None:
        return entry.quantity
    return max(0, entry.on_hand - lane.on_hand) if entry.version > lane.version else 0


def _stale_feed(lane: Lane, entry: StockEntry, now: datetime, rules: Rules) -> Sequence[e.Fact]:
    """What comes late happened before the newest version came. What happened after it shows that versions are mixed up.

    They began anew, or one jumped. That is told once, until a version above the newest comes.
    """
    newest = lane.newest
    if newest is None or newest.told or entry.version >= lane.version:
        return ()
    if entry.occurred_at <= (newest.taken_at or now - rules.kept) + rules.grace:
        return ()
    happened = f"version {entry.version}, of {entry.occurred_at:%Y-%m-%d %H:%M} UTC, is below {lane.version}"
    detail = f"{happened}, which came before that; no level counts until a version above it comes"
    return (e.FeedStale(lane.version), e.Discrepancy(FEED_STALE, detail, lane.on_hand, entry.on_hand, now))


def _contested_version(entry: StockEntry, seen: Seen, now: datetime) -> Sequence[e.Fact]:
    """The record goes to the dead letters, as evidence; people hear of the version once."""
    how = "another level" if seen.on_hand != entry.on_hand else "another content"
    detail = f"version {entry.version} was published before with {how}; the first stands"
    conflict = e.Conflict(entry.origin, detail)
    if seen.contested:
        return (conflict,)
    told = e.Discrepancy(VERSION_CONFLICT, detail, seen.on_hand, entry.on_hand, now)
    return (conflict, e.VersionSeen(entry.version, replace(seen, contested=True)), told)


def _delivery(lane: Lane, entry: DeliveryEntry, elsewhere: str | None, now: datetime, rules: Rules) -> Sequence[e.Fact]:
    if elsewhere is not None:
        detail = f"delivery {entry.delivery_id} was announced before for lane {elsewhere}; the first stands"
        return (e.Conflict(entry.origin, detail),)
    before = lane.deliveries.get(entry.delivery_id) or Delivery(entry.delivery_id)
    known = before.announced
    if known is None or entry.version > known.version:
        return follow(before, supplier_says(before, entry), entry.cause, now, rules)
    if entry.version == known.version and _said(entry) != _known(known):
        return _contested_delivery(before, known, entry, now)
    return ()


def _said(entry: DeliveryEntry) -> tuple[object, ...]:
    return (entry.supplier_id, entry.status, entry.quantity, entry.received_quantity, entry.promised_at)


def _known(known: Announced) -> tuple[object, ...]:
    return (known.supplier_id, known.status, known.quantity, known.received, known.promised_at)


def _contested_delivery(before: Delivery, known: Announced, entry: DeliveryEntry, now: datetime) -> Sequence[e.Fact]:
    detail = (
        f"version {entry.version} of delivery {entry.delivery_id} was published before with another content; "
        "the first stands"
    )
    conflict = e.Conflict(entry.origin, detail)
    if known.contested:
        return (conflict,)
    told = e.Discrepancy(VERSION_CONFLICT, detail, known.quantity, entry.quantity, now, entry.delivery_id)
    return (conflict, e.DeliveryNoted(replace(before, announced=replace(known, contested=True))), told)
