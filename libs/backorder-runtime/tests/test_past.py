"""A database that is older than what was published: noticed before anything is read, and what it lost is void."""

import pytest
from engine_support.paper_database import PaperDatabase
from engine_support.paper_loop import LANES, PaperLoop
from hypothesis import given
from hypothesis import strategies as st

from backorder_runtime import past, store
from backorder_runtime.past import PastLost, check_known
from backorder_runtime.record import Record
from backorder_runtime.relay import Relay
from backorder_runtime.settings import KafkaSettings
from backorder_runtime.shard import Shard
from backorder_runtime.store import Claim, Place

ONE, MANY = "back-order-queue", "order-line"  # a topic with one publisher, and one with several
OURS = "/backorder/gap-detector/3"
JUMP = 1_000


def shard_of(void, mark=0):
    places = {ONE: Place(0, mark), MANY: Place(0, 0)}
    return Shard(3, 4, Claim(1, 1, 0, places, void), (), None, Relay("r", 3, None, None), frozenset({ONE}))


def record(number, *, topic=ONE, source=OURS, says="", offset=0):
    headers = (("ce_source", source.encode()), ("ce_sequence", str(number).encode()))
    return Record(topic, 3, offset, b"A@W1", says.encode(), headers)


def taken(shard, records):
    return [each.header("ce_sequence") for each in shard.unseen(records)]


def test_what_is_void_is_not_taken_and_what_was_decided_before_and_after_it_is():
    shard = shard_of({OURS: [range(101, 201)]})
    assert taken(shard, map(record, (100, 101, 150, 200, 100, 201))) == ["100", "201"]


def test_what_is_void_does_not_say_how_far_the_publisher_has_got():
    shard = shard_of({OURS: [range(101, 201)]})
    assert shard.steps([record(100), record(200, offset=7)])[ONE][1] == Place(8, 100)


def test_where_many_publish_and_from_another_shard_what_is_void_is_not_taken_either():
    other = "/backorder/priority-router/0"
    shard = shard_of({other: [range(5, 9)]})
    records = [record(n, topic=MANY, source=source) for n in (4, 5, 9) for source in (OURS, other)]
    assert taken(shard, records) == ["4", "4", "5", "9", "9"]


def test_what_was_restored_twice_has_two_ranges_that_are_void():
    shard = shard_of({OURS: [range(5, 9), range(12, 15)]})
    assert taken(shard, map(record, (4, 6, 10, 13, 15))) == ["4", "10", "15"]


@pytest.mark.parametrize("number", ["", "intake.7", "-1", "²"])
def test_what_has_no_number_is_not_void(number):
    assert taken(shard_of({OURS: [range(1, 9)]}), [record(number)]) == [number]


@st.composite
def restores(draw):
    """What a shard sent before the restored moment, in the time that is lost, and after it; and what was read."""
    sent, decided = sorted(draw(st.tuples(st.integers(0, 12), st.integers(0, 12))))
    lost = draw(st.integers(0, 12))
    read = draw(st.integers(0, sent))

    def relayed(first, last, says):
        """Sent in order; some of the last ones again, by the next owner."""
        again = draw(st.integers(first, last + 1))
        return [record(n, says=says) for n in (*range(first, last + 1), *range(again, last + 1))]

    log = [record(n, says="before") for n in range(1, sent + 1)]
    log += relayed(sent + 1, decided, "before") + relayed(decided + 1, decided + lost, "lost")
    log += relayed(sent + 1, decided, "before")
    begin = decided + 1 + JUMP
    log += relayed(begin, begin + draw(st.integers(0, 12)), "after")
    return log, read, range(decided + 1, begin)


@given(restores(), st.lists(st.integers(1, 8)))
def test_whatever_was_sent_and_read_when_it_was_restored_each_valid_record_is_taken_once_in_order(story, portions):
    log, read, void = story
    shard = shard_of({OURS: [void]}, mark=read)
    seen, left = [], log[read:]
    while left:
        size = portions.pop() if portions else len(left)
        batch, left = left[:size], left[size:]
        seen += [(int(each.header("ce_sequence")), each.value) for each in shard.unseen(batch)]
        shard.committed(shard.steps(batch), 0, None, rings_again=False)
    valid = {(int(each.header("ce_sequence")), each.value) for each in log if each.value != b"lost"}
    assert seen == sorted(each for each in valid if each[0] > read)


async def test_a_claim_tells_which_numbers_are_void():
    paper = PaperDatabase()
    paper.tables.void_number = {(OURS, 5): 8, (OURS, 12): 14, ("another", 1): 9}
    async with paper.acquire() as conn:
        claim = await store.claim(conn, 3, "a process", {})
    assert claim.void == {OURS: [range(5, 9), range(12, 15)], "another": [range(1, 10)]}


def test_a_number_that_its_shard_has_not_given_stops_it_with_what_to_do():
    with pytest.raises(
        PastLost,
        match=r"older than what gap-detector has published: it knows of shard 3 up to number 100, but "
        r"back-order-queue\[3\] has 101 at offset 0\. .*Stop all services .*`backorder database restored`",
    ):
        check_known("gap-detector", [record(100), record(101)], {3: 100})


def test_a_database_that_knows_of_no_shard_is_older_than_all_that_was_published():
    with pytest.raises(PastLost, match="up to number 0, but"):
        check_known("gap-detector", [record(1)], {})


@pytest.mark.parametrize(
    "said",
    [
        record(100),
        record(101, source="/backorder/gap-detector/13"),
        record(101, source="/backorder/priority-router/3"),
        record(101, source="/backorder/gap-detector/intake"),
        record("intake.101"),
        Record(ONE, 3, 0, None, b"of a stranger"),
    ],
)
def test_what_the_database_knows_and_what_others_have_published_stops_nothing(said):
    check_known("gap-detector", [said], {3: 100, 13: 200})


async def test_the_log_is_read_first_so_that_what_others_publish_meanwhile_is_known(monkeypatch):
    asked = []

    async def ends(_kafka, places):
        asked.append(sorted({place.topic for place in places}))
        return []

    async def last_sequences(_conn):
        asked.append("the database")
        return {}

    monkeypatch.setattr(past, "_ends", ends)
    monkeypatch.setattr(store, "last_sequences", last_sequences)
    outputs = ("supply", "supply-entry", "inventory-sync.dead-letter")
    await past.check("inventory-sync", outputs, KafkaSettings(), PaperDatabase())
    assert asked == [["supply", "supply-entry"], "the database"]


async def test_a_database_that_forgets_what_it_had_stored_while_the_service_runs_stops_it(monkeypatch):
    paper = PaperDatabase()
    loop = PaperLoop(monkeypatch, paper)
    try:
        loop.assign(3)
        loop.consumer.append(LANES[3], "one")
        await loop.turn(2)
        before = [*paper.tables.shard[3]]
        loop.consumer.append(LANES[3], "two")
        await loop.turn(2)
        paper.tables.shard[3] = before  # a standby that lacked the last commits took over
        paper.tables.shard_input[3, "supply-entry"][0] = 1
        loop.consumer.append(LANES[3], "three")
        with pytest.raises(PastLost, match=r"older than it was: shard 3 was to go on with number 5, and now with 3\."):
            await loop.turn(3)
    finally:
        await loop.close()
