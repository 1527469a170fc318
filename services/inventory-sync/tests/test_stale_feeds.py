"""A stock feed whose versions begin anew, or that jumped once: its level stands still, and people have to know."""

import pytest
from msgspec.structs import replace
from supply_world import HOUR, START, World, stock

from inventory_sync.domain.model import Newest, Rules
from inventory_sync.settings import InventorySettings, KeepSettings

RULES = Rules(grace=HOUR)


@pytest.fixture
def world():
    """A lane at version 900, three hours after that came."""
    world = World(RULES)
    world.take(stock(900, 8))
    _load(world, Newest(START))
    world.passes(3 * HOUR)
    return world


def _load(world, newest):
    """What a batch with versions below the newest finds stored."""
    world.lane.newest = newest


def at(hours, record):
    return replace(record, occurred_at=START + hours * HOUR)


def kinds(events):
    return [getattr(event, "kind", "position") for event in events]


def test_versions_that_begin_anew_are_told_once(world):
    (event,) = world.take(at(3, stock(1, 5)))
    assert (event.kind, event.expected, event.found, event.since) == ("stock-feed-stale", 8, 5, START + 3 * HOUR)
    assert "version 1, of 2026-11-24 11:00 UTC, is below 900" in event.detail
    assert world.take(at(3, stock(2, 6)), at(4, stock(3, 7))) == []
    assert world.lane.on_hand == 8
    assert world.letters == []


def test_they_are_told_again_after_a_version_above_the_newest_came(world):
    assert kinds(world.take(at(3, stock(1, 5)), at(3, stock(901, 6)))) == ["stock-feed-stale", "position"]
    assert world.take(at(3, stock(2, 5))) == [], "when the newest came, the next batch knows"
    _load(world, Newest(START + 3 * HOUR))
    assert world.take(at(4, stock(3, 5))) == []
    assert kinds(world.take(at(4.1, stock(4, 5)))) == ["stock-feed-stale"]


def test_they_are_told_too_where_all_versions_are_forgotten(world):
    world.lane.forgotten = 900
    _load(world, Newest(None))
    world.passes(RULES.kept)
    assert world.take(stock(1, 5, shipped=[("SO-1", 2)])) == [], "this may be a repetition"
    late = at(5, stock(2, 5, shipped=[("SO-1", 2)]))
    assert kinds(world.take(late)) == ["stock-feed-stale"]


@pytest.mark.parametrize("hours", [-99, 0, 1])
def test_what_happened_before_the_newest_came_is_only_late(world, hours):
    assert world.take(at(hours, stock(899, 9))) == []


def test_the_newest_itself_may_come_again_at_any_time(world):
    assert world.take(at(99, stock(900, 8))) == []
    world.lane.seen.clear()
    world.lane.forgotten = 900
    assert world.take(at(99, stock(900, 8))) == []


def test_the_shipments_of_a_stale_feed_count_as_those_of_any_version(world):
    assert kinds(world.take(at(3, stock(1, 5, shipped=[("SO-1", 2)])))) == ["position", "stock-feed-stale"]


def test_a_version_is_known_as_long_as_it_is_kept():
    assert InventorySettings(keep=KeepSettings(versions_days=2)).rules.kept == 48 * HOUR
