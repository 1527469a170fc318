"""The oracle of a campaign finds each mistake in a small log, and nothing in one that is right."""

import random

import pytest
from e2e_support.business import Business, Ordered
from faults_support import oracle
from faults_support.paper_log import LANE, event, found, letter, put, refused, snapshot, state, topics

ORDERS, COMMANDS, LETTERS = "order-placed", "back-order-command", "gap-detector"
HOLD = {"CMD-0": ("BO-1", "hold")}
K_00 = ("K-00", "W1")


def business(*lines):
    made = Business(random.Random(1), [K_00])
    made.lines = dict.fromkeys(lines, Ordered(K_00, 1))
    return made


def order(order_id="SO-1", **more):
    return put(ORDERS, {"order_id": order_id}, **more)


# ── dead letters ───────────────────────────────────────────────────────────────────────────────────────
BAD = refused(ORDERS, b"[]", "not-an-object", at=7.0)


def test_a_refused_record_is_one_dead_letter_however_often_that_is_published():
    said = letter(LETTERS, ORDERS, "not-an-object", offset=1)
    assert not found(oracle.dead_letters(topics(order(), BAD, said, said)))


@pytest.mark.parametrize(
    ("letters", "faults"),
    [
        ([], {"lost": 1}),
        ([letter(LETTERS, ORDERS, "not-json", offset=1)], {"wrong": 1}),
        ([letter(LETTERS, ORDERS, "not-an-object", offset=1, value=each) for each in (b"a", b"b")], {"doubled": 1}),
        ([letter(LETTERS, ORDERS, "not-an-object", offset=each) for each in (0, 1)], {"lost": 1}),
    ],
    ids=["missing", "for another reason", "two different ones", "a good record"],
)
def test_dead_letters_are_those_that_must_be(letters, faults):
    assert found(oracle.dead_letters(topics(order(), BAD, *letters))) == faults


def test_a_missing_dead_letter_says_when_its_record_came_and_bad_records_that_look_alike_repeat_nothing():
    (finding, _) = oracle.dead_letters(topics(BAD, refused(ORDERS, b"[]", "not-an-object", at=9.0)))
    assert (finding.at, finding.again) == (7.0, ())


# ── commands ───────────────────────────────────────────────────────────────────────────────────────────
def held(version, **more):
    return state(version, command="CMD-0", **{"ce_type": "back-order.held", **more})


@pytest.mark.parametrize(
    "answers",
    [[held(2)], [held(2), held(2)], [held(2, ce_type="back-order.command-refused")], [held(2), state(3)]],
    ids=["done", "published again", "refused", "and life goes on"],
)
def test_a_command_is_answered_once(answers):
    assert not found(oracle.commands(topics(state(1), *answers), HOLD))


@pytest.mark.parametrize(
    ("answers", "faults"),
    [
        ([], {"lost": 1}),
        ([held(2, back_order="BO-2")], {"lost": 1}),
        ([held(2, ce_type="back-order.released")], {"lost": 1}),
        ([held(2), held(3)], {"doubled": 1}),
    ],
    ids=["not at all", "of another back order", "by something else", "twice"],
)
def test_a_command_that_is_not_answered_once_is_found(answers, faults):
    assert found(oracle.commands(topics(state(1), *answers), HOLD)) == faults


def test_a_lost_command_says_when_it_came_first_and_where_it_came_again():
    again, first = (put(COMMANDS, {"command_id": "CMD-0"}, at=5 - 2 * n, partition=n) for n in (0, 1))
    (finding,) = oracle.commands(topics(again, first), HOLD)
    assert (finding.at, finding.again) == (3.0, ((b"back-order-command", b"0", b"0"),))


# ── lines ──────────────────────────────────────────────────────────────────────────────────────────────
def test_each_line_is_in_the_ledger_and_has_one_back_order_at_most():
    log, lines = topics(order(), state(1), state(2)), [("SO-1", "1"), ("SO-1", "2")]
    assert not found(oracle.lines(log, business(*lines), lines))


@pytest.mark.parametrize(
    ("kept", "states", "faults"),
    [
        ([("SO-1", "1")], [], {"lost": 1}),
        ([("SO-1", "1"), ("SO-1", "2"), ("SO-9", "1")], [], {"wrong": 1}),
        ([("SO-1", "1"), ("SO-1", "2")], [state(1), state(1, 2, back_order="BO-2")], {"doubled": 1}),
    ],
    ids=["a missing one", "one too many", "two back orders"],
)
def test_lines_that_are_not_those_that_were_ordered_are_found(kept, states, faults):
    ordered = business(("SO-1", "1"), ("SO-1", "2"))
    assert found(oracle.lines(topics(order(), *states), ordered, kept)) == faults


def test_a_lost_line_says_when_its_order_came_and_that_it_came_again_whoever_contradicts_it():
    conflict = refused(ORDERS, {"order_id": "SO-1"}, "conflicting-duplicate", at=1.0)
    (finding,) = oracle.lines(topics(conflict, order(at=2.0), order(at=3.0)), business(("SO-1", "1")), [])
    assert (finding.at, finding.again) == (2.0, ((b"order-placed", b"0", b"2"),))


# ── versions ───────────────────────────────────────────────────────────────────────────────────────────
def test_versions_are_dense_and_in_order_and_may_be_repeated():
    log = topics(state(1), state(2), state(1, back_order="BO-2"), state(1), state(2), state(3))
    assert not found(oracle.versions(log))


@pytest.mark.parametrize(
    ("states", "faults"),
    [
        ([state(1), state(3)], {"wrong": 1, "lost": 1}),
        ([state(2), state(1)], {"wrong": 2}),
        ([state(1), state(2), state(2, units=1)], {"doubled": 1}),
        ([state(1), state(2), state(2, 3)], {"doubled": 1}),
    ],
    ids=["a gap", "another order", "other content", "another event"],
)
def test_versions_that_do_not_follow_each_other_are_found(states, faults):
    assert found(oracle.versions(topics(*states))) == faults


# ── sequences ──────────────────────────────────────────────────────────────────────────────────────────
def said(number, value="this", topic="order-line", **more):
    return event(topic, number, value, service="gap-detector", **more)


@pytest.mark.parametrize(
    "records",
    [
        [said(1), said(2), said(3)],
        [said(1), said(2), said(1), said(2), said(3)],
        [said(1), said(3), said(2, shard=1), said(2, topic="supply"), said(1, shard=1, topic="supply")],
        [said(2), said(1, topic="supply")],
        [said(3), said(1, partition=1), said(2, partition=1)],
        [said("order-placed/0/7"), said("order-placed/0/7", "that")],
        [said(1), said(3), letter(LETTERS, ORDERS, "conflicting-duplicate")],
    ],
    ids=["one by one", "repeated", "two shards", "topics", "partitions", "of an intake", "one is a dead letter"],
)
def test_numbers_of_a_shard_ascend_and_each_is_one_event(records):
    assert not found(oracle.sequences(topics(*records)))


@pytest.mark.parametrize(
    ("records", "faults"),
    [
        ([said(1), said(3)], {"lost": 1}),
        ([said(1), said(3), letter(LETTERS, ORDERS, "not-json")], {"lost": 1}),
        ([said(1), said(3), letter("notifier", ORDERS, "conflicting-duplicate")], {"lost": 1}),
        ([said(2), said(1)], {"wrong": 1}),
        ([said(1), said(1, "that")], {"doubled": 1}),
        ([said(1), said(1, topic="supply")], {"doubled": 1}),
        ([said(1), said(2, name="gap-detector.0.1")], {"doubled": 1}),
        ([said(1), said(1, name="gap-detector.0.2")], {"doubled": 1}),
    ],
    ids=[
        "a gap",
        "a dead letter of the intake",
        "a dead letter of another",
        "another order",
        "other content",
        "another topic",
        "a name for two numbers",
        "a number for two names",
    ],
)
def test_numbers_that_are_missing_or_stand_for_two_events_are_found(records, faults):
    assert found(oracle.sequences(topics(*records))) == faults


# ── snapshots ──────────────────────────────────────────────────────────────────────────────────────────
NEWEST = snapshot("BO-1", 2, order_id="SO-1")


def test_the_last_snapshot_is_the_newest_state():
    first, gone = snapshot("BO-1", 1), put("back-order-snapshot", None, key="BO-1")
    assert not found(oracle.snapshots(topics(state(1), state(2), state(1), first, NEWEST, gone)))


@pytest.mark.parametrize(
    "kept",
    [[], [snapshot("BO-1", 1)], [NEWEST, snapshot("BO-1", 1)], [snapshot("BO-1", 2, order_id="SO-2")]],
    ids=["none", "an old one", "an old one is the last", "another content"],
)
def test_a_snapshot_that_is_not_the_newest_state_is_found(kept):
    assert found(oracle.snapshots(topics(state(1), state(2), *kept))) == {"wrong": 1}


# ── positions ──────────────────────────────────────────────────────────────────────────────────────────
def positioned(version, number, ce_type="stock.positioned"):
    return event("supply", number, {"version": version}, service="inventory-sync", ce_type=ce_type)


def test_a_stock_version_is_positioned_once_however_often_that_is_published():
    log = topics(positioned(1, 1), positioned(1, 1), positioned(2, 2), positioned(2, 3, "stock.promised"))
    assert not found(oracle.positions(log))


def test_a_stock_version_that_is_positioned_twice_is_found_and_so_is_that_it_came_again():
    stock = {"part_id": "K-00", "location_id": "W1", "version": 1}
    came = put("stock-changed", stock, at=1), put("stock-changed", stock, at=2)
    (finding,) = oracle.positions(topics(*came, positioned(1, 1), positioned(1, 2)))
    assert (finding.fault, finding.again) == ("doubled", ((b"stock-changed", b"0", b"1"),))
    assert LANE in finding.what


# ── all of them ────────────────────────────────────────────────────────────────────────────────────────
def test_a_check_that_cannot_go_on_has_found_something():
    log = topics(state(1), state(3), put("back-order-state", b"not JSON"))
    before, last = oracle.tried(oracle.versions(log))
    assert "version 3 came after 1 others" in before.what
    assert (last.fault, "versions could not go on" in last.what) == ("wrong", True)


class Silent:
    """A system in which nothing was published and nothing is stored."""

    def __init__(self, log):
        self.log = {**log.inputs, **log.outputs, **{f"{name}.dead-letter": each for name, each in log.letters.items()}}

    async def read(self, topic):
        return self.log[topic]

    async def query(self, *_):
        return []

    async def versions(self):
        return {}


async def test_everything_is_checked_and_one_mistake_hides_no_other():
    log = topics(BAD, state(1), state(2, 4, units=5), state(2, 3), positioned(1, 1), positioned(1, 2))
    ordered = business(("SO-1", "1"))
    findings, mails, _ = await oracle.examine(Silent(log), ordered, HOLD, ordered.warehouse.sent, set())
    told = "\n".join(finding.what for finding in findings)
    assert not mails
    for part in (
        "is no dead letter",
        "CMD-0",
        "is not in the ledger",
        "two events of version 2",
        "came after a later one",
        "snapshot of BO-1",
        "gave 5 units away",
        "positioned twice",
        "each line once",
    ):
        assert part in told
