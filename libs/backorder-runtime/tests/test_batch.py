"""What a batch stores, it stores in one transaction; what it holds back, it holds back in order."""

import re
from contextlib import asynccontextmanager

import pytest
from engine_support.paper_database import PaperDatabase
from engine_support.paper_loop import LANES, PaperLoop
from engine_support.tally import TOPIC, Tally
from structlog.testing import capture_logs

from backorder_contracts.refusal import Reason, Refused
from backorder_runtime.handler import Arrived
from backorder_runtime.record import Latest
from backorder_runtime.refusal_limit import TooManyRefused

A = LANES[3]
A2 = "C@W1"  # another lane of its shard


class Both(Tally):
    """`both` is for two lanes; `no` is refused once it is no bug any more."""

    def load(self, arrived):
        yield from super().load([each for item in arrived for each in self.spread(item, None)])

    def spread(self, arrived, kept_for):
        return (arrived, Arrived(A2, "both")) if arrived.event == "both" else (arrived,)

    def decode(self, record):
        if record.value == b"no" and not self.defective:
            raise Refused(Reason.INVALID_FIELD, "no")
        return super().decode(record)


class Buggy(Both):
    def decide(self, arrived, now):
        return super().decide(Arrived(arrived.lane, "bug") if arrived.event == "no" else arrived, now)


class Telling(Both):
    """Tells, too, how many words of a lane there are; of `untellable` nobody can."""

    def evolve(self, arrived, facts, now):
        effects = super().evolve(arrived, facts, now)
        lane, untellable = arrived.lane, arrived.event == "untellable"
        return [*effects, Latest("supply", lane, "tally.total", lambda: b"%d" % (self.counts[lane] / (not untellable)))]

    @staticmethod
    def totals(loop):
        wires = [wire for call in loop.publisher.calls for wire in call]
        return [(wire.key, wire.value) for wire in wires if ("ce_type", b"tally.total") in wire.headers]


@asynccontextmanager
async def one_that_owns_all(monkeypatch, new):
    made = PaperLoop(monkeypatch, PaperDatabase(), new)
    made.assign(*range(4))
    await made.turn()
    yield made
    await made.close()


@pytest.fixture
async def telling(monkeypatch):
    async with one_that_owns_all(monkeypatch, Telling) as made:
        yield made


@pytest.fixture
async def loop(monkeypatch):
    async with one_that_owns_all(monkeypatch, Buggy) as made:
        yield made


@pytest.fixture
async def mended(monkeypatch, loop):
    """The next version, which goes on where the other stopped."""
    made = PaperLoop(monkeypatch, loop.database, lambda: Both(defective=False))
    made.consumer.log = loop.consumer.log
    yield made
    await made.close()


async def says(loop, *words, lane=A):
    """The words, read and decided in one batch."""
    for word in words:
        loop.consumer.append(lane, word)
    await loop.turn()


async def go_on(loop, mended, *words):
    """Lanes are resumed, and the mended version gets these words in the same turn as what was kept."""
    mended.assign(*range(4))
    await mended.turn()
    tables = loop.database.tables
    tables.parked_lane = dict.fromkeys(tables.parked_lane, True)
    await says(mended, *words)


async def test_all_that_a_batch_says_to_the_database_it_says_in_one_transaction(loop):
    await says(loop, "bell")
    tables = loop.database.tables
    await says(loop, "one", "bug", "two")
    assert loop.database.tables.parked_input, "the batch kept something, too"
    assert loop.database.seen(A) == ["bell", "one"]
    names = "".join(f"{name}@{number} " for number, name in loop.database.said)
    inside = re.compile(r"BEGIN@(\d+) advance@\1 (?:\w+@\1 )*?COMMIT@\1 ")
    assert len(inside.findall(names)) == 2
    outside = inside.sub("", names)
    for name in ("advance", "take_parked", "take_timers", "set_timers", "park", "put_outbox", "save_tally"):
        assert f"{name}@" in names
        assert f"{name}@" not in outside
    assert tables.timer


async def test_a_timer_that_rang_in_a_batch_that_failed_rings_again_and_only_once(loop):
    await says(loop, "bell")
    loop.database.breaks["put_outbox"] = OSError("the database is away")
    await loop.turn()
    assert loop.database.seen(A) == ["bell"]
    await loop.turn(4)
    assert loop.database.seen(A) == ["bell", "rang bell"]


async def test_what_a_relay_repeats_has_one_effect(loop):
    for sequence, word in ((1, "one"), (2, "two"), (1, "one"), (2, "two"), (3, "three")):
        loop.consumer.append(A, word, ("ce_sequence", str(sequence).encode()))
    await loop.turn()
    loop.consumer.append(A, "three", ("ce_sequence", b"3"))
    await loop.turn()
    assert loop.database.seen(A) == ["one", "two", "three"]


async def test_what_is_not_confirmed_stays_in_the_table(loop):
    loop.publisher.open.clear()
    await says(loop, "one")
    await says(loop, "two")
    assert sorted(loop.database.tables.outbox) == [(3, 1), (3, 3)]
    loop.publisher.open.set()
    await loop.turn()
    await says(loop, "three")
    assert sorted(loop.database.tables.outbox) == [(3, 5)]


async def test_behind_a_defect_nothing_of_its_lane_is_decided_and_the_other_lanes_go_on(loop, mended):
    await says(loop, "one", "bug", "two")
    await says(loop, "three")
    await says(loop, "other", lane=A2)
    assert (loop.database.seen(A), loop.database.seen(A2)) == (["one"], ["other"])
    await go_on(loop, mended, "four")
    assert mended.database.seen(A) == ["one", "bug", "two", "three", "four"]


async def test_what_two_lanes_share_is_kept_for_the_one_that_is_stopped_alone(loop, mended):
    await says(loop, "bug", "both")
    assert loop.database.seen(A2) == ["both"]
    await go_on(loop, mended)
    assert (mended.database.seen(A), mended.database.seen(A2)) == (["bug", "both"], ["both"])


async def test_what_the_mended_version_refuses_of_what_was_kept_is_a_letter_and_the_rest_goes_on(loop, mended):
    await says(loop, "no", "two")
    await go_on(loop, mended)
    assert mended.database.seen(A) == ["two"]
    topics = [wire.topic for call in mended.publisher.calls for wire in call]
    assert topics.count("inventory-sync.dead-letter") == 1


async def test_a_timer_of_a_lane_that_stops_in_the_same_batch_rings_when_it_goes_on(loop, mended):
    await says(loop, "bell")
    await says(loop, "bug")
    assert loop.database.seen(A) == ["bell"]
    await go_on(loop, mended)
    await mended.turn(2)
    assert mended.database.seen(A) == ["bell", "bug", "rang bell"]


async def test_a_lane_that_a_timer_stopped_goes_on_though_nothing_was_kept_for_it(monkeypatch):
    class Late(Both):
        def decide(self, arrived, now):
            return super().decide(Arrived(arrived.lane, "bug") if arrived.event == "rang bell" else arrived, now)

    loop = PaperLoop(monkeypatch, PaperDatabase(), Late)
    loop.assign(3)
    await loop.turn()
    await says(loop, "bell")
    await loop.turn()
    tables = loop.database.tables
    assert (len(tables.parked_lane), tables.parked_input) == (1, [])
    await loop.close()
    mended = PaperLoop(monkeypatch, loop.database, lambda: Both(defective=False))
    mended.consumer.log = loop.consumer.log
    await go_on(loop, mended, "two")
    await mended.turn()
    assert sorted(mended.database.seen(A)) == ["bell", "rang bell", "two"]
    assert not mended.ours.shards[3].parked
    await mended.close()


async def test_how_a_lane_stands_is_published_once_for_a_batch_as_it_is_at_its_end(telling):
    telling.consumer.append(A2, "zero")
    await says(telling, "one", "two", "three")
    await says(telling, "four")
    assert Telling.totals(telling) == [(A2.encode(), b"1"), (A.encode(), b"3"), (A.encode(), b"4")]


async def test_a_lane_stops_when_how_it_stands_cannot_be_told_and_no_other(telling):
    telling.consumer.append(A2, "one")
    await says(telling, "one", "untellable")
    assert telling.database.seen(A2) == [], "nothing of the batch is stored"
    await telling.turn(2)
    assert (telling.database.seen(A), telling.database.seen(A2)) == ([], ["one"])
    [(_, lane)] = telling.database.tables.parked_lane
    assert lane == A
    assert Telling.totals(telling) == [(A2.encode(), b"1")]


async def test_a_version_that_refuses_everything_stops_before_anything_of_it_is_stored_or_sent(loop):
    with pytest.raises(TooManyRefused, match="nearly everything"):
        await says(loop, *["bad"] * 60)
    assert not loop.publisher.calls
    assert {place[0] for place in loop.database.tables.shard_input.values()} == {0}


async def test_a_transaction_is_one_line_of_the_log_which_says_where_each_shard_stands_and_whose_trace_it_goes_on(loop):
    trace = ("traceparent", b"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")
    loop.consumer.append(A, "one", trace)
    loop.consumer.append(LANES[1], "two", trace)
    loop.consumer.append(LANES[1], "three", trace)
    with capture_logs() as lines:
        await loop.turn()
    (line,) = [line for line in lines if line["event"] == "batch"]
    assert (line["records"], line["inputs"], line["trace_id"]) == (3, 3, "0af7651916cd43dd8448eb211c80319c")
    assert {each["shard"]: each["offsets"] for each in line["shards"]} == {3: {TOPIC: 1}, 1: {TOPIC: 2}}
