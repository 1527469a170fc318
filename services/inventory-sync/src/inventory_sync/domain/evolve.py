"""Writes what a fact says into a lane. No rule stands here."""

from dataclasses import replace

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
            lane.newest = None
        case e.FeedStale() if lane.newest is not None:
            lane.newest = replace(lane.newest, told=True)
        case e.DeliveryNoted(delivery):
            lane.deliveries[delivery.delivery_id] = delivery
        case e.FeedStale() | e.Positioned() | e.InboundChanged() | e.ReminderSet() | e.Discrepancy() | e.Conflict():
            pass  # these are only told
