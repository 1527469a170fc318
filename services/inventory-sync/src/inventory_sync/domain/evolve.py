"""Writes what a fact says into a lane. No rule stands here."""

from inventory_sync.domain import events as e
from inventory_sync.domain.model import Lane


def evolve(lane: Lane, fact: e.Fact) -> None:
    """Change the lane to what the fact says."""
    match fact:
        case e.VersionSeen(version, seen):
            lane.seen[version] = seen
        case e.LevelSet(on_hand, version):
            lane.on_hand = on_hand
            lane.version = version
        case e.DeliveryNoted(delivery):
            lane.deliveries[delivery.delivery_id] = delivery
        case e.Positioned() | e.InboundChanged() | e.ReminderSet() | e.Discrepancy() | e.Conflict():
            pass  # these are only told
