"""The last snapshot of a back order is its newest state, whatever comes late, and whoever watched before."""

import asyncio
import json
from datetime import UTC, datetime
from types import SimpleNamespace

import pytest
from hypothesis import given
from hypothesis import strategies as st
from router_snapshot_log import KEYS, SHARD, SnapshotLog

from backorder_contracts.state import BackOrderSnapshot
from priority_router import questions, snapshot_watch
from priority_router.publish import snapshot


@pytest.fixture(autouse=True)
def no_pause(monkeypatch):
    monkeypatch.setattr(snapshot_watch, "_WAIT", 0)


def published(log, *keys):
    """Each of these is decided and sent, one after the other."""
    for key in keys:
        log.decide(key)
        log.send(SHARD[key])


def stalled(log, key):
    """A producer stands still with the newest snapshot of this, and the next owner publishes that."""
    log.decide(key)
    log.move(SHARD[key])
    log.send(SHARD[key])


def overtaken(log):
    """A producer stands still with version 2 of BO-1, while the next owner publishes it and version 3."""
    published(log, "BO-1")
    stalled(log, "BO-1")
    published(log, "BO-1")


def old_behind_newer():
    """That producer goes on after the watch has seen version 3, so that version 2 is what came last."""
    log = SnapshotLog()
    overtaken(log)
    log.watch_all()
    log.wake(0)
    return log


def test_an_old_snapshot_behind_a_newer_one_is_made_good():
    log = old_behind_newer()
    assert log.last("BO-1") == 2
    log.settle()
    assert log.last("BO-1") == 3


def test_one_that_comes_while_nobody_watches_is_made_good_by_the_next():
    log = old_behind_newer()
    log.start_watch()
    log.settle()
    assert log.last("BO-1") == 3


def test_one_from_before_the_restart_of_the_watch_is_known_by_what_the_shard_has_decided():
    log = SnapshotLog()
    overtaken(log)
    log.watch_all()
    log.start_watch()
    log.wake(0)
    log.settle()
    assert log.last("BO-1") == 3


def test_one_that_comes_late_is_known_by_what_the_watch_has_seen():
    log = SnapshotLog()
    published(log, "BO-1")
    log.watch_all()
    overtaken(log)
    log.watch_all()
    log.wake(0)
    log.settle()
    assert log.last("BO-1") == 4


def test_several_that_come_late_are_made_good():
    log = SnapshotLog()
    published(log, "BO-1")
    for _ in range(3):
        log.decide("BO-1")
    log.move(0)
    for _ in range(3):
        log.send(0)
    published(log, "BO-1")
    for _ in range(3):
        log.watch_all()
        log.wake(0)
    log.watch_all()
    assert log.last("BO-1") == 5


def test_what_others_watched_meanwhile_is_known():
    log = SnapshotLog()
    published(log, "BO-1")
    log.watch_all()
    overtaken(log)
    log.committed[0] = len(log.records[0])
    log.rebalance()
    log.wake(0)
    log.settle()
    assert log.last("BO-1") == 4


@pytest.mark.parametrize("killed", ["before", "after"])
def test_what_a_killed_watch_did_not_restore_the_next_one_does(killed):
    log = old_behind_newer()
    log.turn(killed=killed)
    log.settle()
    assert log.last("BO-1") == 3


def test_an_old_snapshot_behind_the_end_of_its_back_order_is_taken_away_again():
    log = SnapshotLog()
    overtaken(log)
    log.decide("BO-1", gone=True)
    log.send(0)
    log.watch_all()
    log.wake(0)
    assert log.last("BO-1") == 2
    log.settle()
    assert log.last("BO-1") is None


def test_what_a_shard_publishes_while_another_is_restored_is_not_undone():
    log = old_behind_newer()
    log.turn(lambda: published(log, "BO-1"))
    assert log.last("BO-1") == 3, "what was restored came behind something newer"
    log.settle()
    assert log.last("BO-1") == 4


def test_what_comes_in_order_is_not_looked_up():
    log = SnapshotLog()
    published(log, *KEYS)
    log.watch_all()
    log.asked.clear()
    published(log, *KEYS * 5)
    log.settle()
    assert not log.asked[questions.SQL["back_orders"]]


def test_what_has_newer_behind_it_is_not_looked_up():
    log = SnapshotLog()
    overtaken(log)
    log.watch_all()
    log.asked.clear()
    log.wake(0)
    published(log, "BO-1")
    log.settle()
    assert not log.asked[questions.SQL["back_orders"]]


def test_while_the_database_is_away_nothing_is_passed_over():
    log = old_behind_newer()
    log.away = 3
    log.settle()
    assert log.last("BO-1") == 3


def test_the_group_is_told_how_far_it_is_also_when_nothing_new_comes():
    log = SnapshotLog()
    published(log, "BO-1")
    log.deaf = 2
    log.watch_all()
    assert log.committed[0] == 1


@pytest.mark.parametrize("key", ["BO-9", "BO\0", ""])
@pytest.mark.parametrize("value", [b"{", b'{"version": "1"}', b'{"version": 1}'])
def test_what_is_no_snapshot_of_ours_does_not_stop_the_watch_and_is_taken_away(key, value):
    log = SnapshotLog()
    log.put(0, key.encode(), value, (("ce_source", None),))
    log.put(0, None, value, ())
    published(log, "BO-1")
    log.settle()
    assert log.last(key) is None
    assert log.last("BO-1") == 1


EVENTS = st.one_of(
    st.tuples(st.sampled_from(["decide", "publish", "publish", "stall", "stall", "gone"]), st.sampled_from(KEYS)),
    st.tuples(st.sampled_from(["send", "move", "wake"]), st.integers(0, 1)),
)
MEANWHILE = st.lists(EVENTS, max_size=3)
WATCH = st.one_of(
    st.tuples(st.just("turn"), MEANWHILE, st.sampled_from([None, None, None, "before", "after"])),
    st.tuples(st.sampled_from(["restart", "rebalance", "away", "deaf"])),
)


def happen(log, kind, *given):
    match kind:
        case "decide":
            log.decide(*given)
        case "gone":
            log.decide(*given, gone=True)
        case "publish":
            published(log, *given)
        case "stall":
            stalled(log, *given)
        case "send" | "move" | "wake":
            getattr(log, kind)(*given)
        case "turn":
            meanwhile, killed = given
            log.turn(*(lambda event=event: happen(log, *event) for event in meanwhile), killed=killed)
        case "restart":
            log.start_watch()
        case "rebalance":
            log.rebalance()
        case "away":
            log.away += 1
        case "deaf":
            log.deaf += 1


@given(st.lists(EVENTS | WATCH, min_size=20, max_size=60))
def test_whatever_happens_the_last_snapshot_is_the_newest_state_in_the_end(story):
    log = SnapshotLog()
    for event in story:
        happen(log, *event)
    log.settle()
    assert {key: log.last(key) for key in KEYS} == {key: log.truth.get(key) for key in KEYS}


async def test_after_a_restore_of_the_database_all_snapshots_are_read_again_by_another_group_once():
    at = datetime(2026, 11, 24, 8, 30, 1, tzinfo=UTC)
    answers = [None, OSError("the database is away"), at, at]

    async def fetchval(_statement):
        answer = answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    running = SimpleNamespace(pool=SimpleNamespace(fetchval=fetchval))
    groups = [await snapshot_watch._group(running, asyncio.Event()) for _ in range(3)]
    assert groups == [snapshot_watch.GROUP, *[f"{snapshot_watch.GROUP}.20261124-083001"] * 2]


def test_what_is_restored_is_a_snapshot_as_the_contract_has_it():
    log = old_behind_newer()
    log.settle()
    record = log.records[0][-1]
    headers = {name: value.decode() for name, value in record.headers}
    assert BackOrderSnapshot.model_validate_json(record.value).version == 3
    assert headers["ce_id"] == "priority-router.snapshots.0.4.3", "by what was in its place"
    assert headers["ce_type"] == "back-order.snapshot"
    assert headers["ce_subject"] == "BO-1"


def test_what_led_to_a_state_that_an_older_release_stored_is_not_made_up():
    log = SnapshotLog()
    order = log.stored("BO-1", 4)
    order.cause = None
    assert json.loads(snapshot("BO-1", order).value)["cause"] == {"type": "unknown", "id": "unknown"}
