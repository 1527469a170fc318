"""A defect of ours stops the lane that it is in, wherever it shows; a stopped lane goes on step by step."""

from datetime import UTC, datetime, timedelta

import pytest
from engine_support.paper_database import PaperDatabase
from engine_support.paper_loop import LANES, QUICK, PaperLoop
from engine_support.tally import Tally

from backorder_contracts.refusal import Reason, Refused
from backorder_runtime import store
from backorder_runtime.handler import Arrived
from backorder_runtime.lifecycle import Every
from backorder_runtime.record import SetTimer
from backorder_runtime.refusal_limit import TooManyRefused

A, B = LANES[3], LANES[2]
A2 = "C@W1"  # another lane of A's shard


class Sound(Tally):
    def __init__(self):
        super().__init__(defective=False)


class Weak(Sound):
    """Fails wherever the word says."""

    def decode(self, record):
        if record.value == b"unreadable":
            raise KeyError("read")
        return super().decode(record)

    def on_timer(self, timer):
        raise LookupError(f"nobody set {timer.key}")

    def spread(self, arrived, kept_for):
        if arrived.event == "unspreadable":
            raise KeyError("spread")
        return super().spread(arrived, kept_for)

    def decide(self, arrived, now):
        if arrived.event == "undecidable":
            raise KeyError("decide")
        return super().decide(arrived, now)

    def evolve(self, arrived, facts, now):
        effects = super().evolve(arrived, facts, now)
        if arrived.event == "unwritable":
            raise KeyError("evolve")
        return effects


@pytest.fixture
async def start(monkeypatch):
    """Start a version of the service on what the one before has left."""
    loops = []

    async def made(version, before=None, engine=QUICK):
        loop = PaperLoop(monkeypatch, before.database if before else PaperDatabase(), version, engine=engine)
        if before:
            loop.consumer.log = before.consumer.log
        loops.append(loop)
        loop.assign(*range(4))
        await loop.turn()
        return loop

    yield made
    for loop in loops:
        await loop.close()


async def says(loop, *words, lane=A, turns=1):
    for word in words:
        loop.consumer.append(lane, word)
    await loop.turn(turns)


def resume(loop):
    tables = loop.database.tables
    tables.parked_lane = dict.fromkeys(tables.parked_lane, True)


async def go_on(start, before, version=Sound, *, turns=2):
    """The next version takes up what the one before has parked."""
    loop = await start(version, before)
    resume(loop)
    await loop.turn(turns)
    return loop


def letters(loop):
    wires = [wire for call in loop.publisher.calls for wire in call]
    return [wire.value for wire in wires if wire.topic == "inventory-sync.dead-letter"]


async def test_what_cannot_be_written_down_stops_its_lane_and_no_other(start):
    loop = await start(Weak)
    loop.consumer.append(B, "there")
    loop.consumer.append(A2, "other")
    await says(loop, "one", "unwritable", "two", turns=6)
    assert {lane: loop.database.seen(lane) for lane in (A, A2, B)} == {A: [], A2: ["other"], B: ["there"]}
    assert list(loop.database.tables.parked_lane) == [(3, A)]
    assert loop.database.tables.parked_errors == ["KeyError: 'evolve', at supply-entry[3] 2"]
    mended = await start(Sound, loop)
    resume(mended)
    await says(mended, "three", turns=2)
    assert mended.database.seen(A) == ["one", "unwritable", "two", "three"]
    told = mended.publisher.told("supply")
    assert [count for count, _ in told[A]] == [1, 2, 3, 4]


async def test_a_lane_that_could_not_be_written_down_is_not_stopped_again_when_it_went_on(start):
    loop = await start(Weak)
    await says(loop, "unwritable", turns=6)
    loop.database.tables.parked_lane.clear()
    loop.database.tables.parked_input.clear()
    loop.assign(3)
    loop.ours.drop(3)
    await loop.turn()
    await says(loop, "one", turns=2)
    assert loop.database.seen(A) == ["one"]


async def test_a_process_forgets_its_doubts_about_lanes_that_it_gives_away(start):
    loop = await start(Weak)
    loop.consumer.append(A, "unwritable")
    await loop.turn()
    assert not loop.database.tables.parked_lane, "it is in doubt, and not parked yet"
    loop.assign(0)
    await loop.turn()
    loop.consumer.log.clear()
    loop.database.tables.shard_input.clear()
    loop.assign(3)
    await says(loop, "one", turns=3)
    assert loop.database.seen(A) == ["one"]


async def test_all_lanes_of_a_batch_that_cannot_be_written_down_are_found_at_once(start):
    loop = await start(Weak)
    for lane in (A, A2):
        loop.consumer.append(lane, "unwritable")
    await says(loop, "behind", turns=2)
    assert sorted(loop.database.tables.parked_lane) == [(3, A), (3, A2)]
    assert loop.database.tables.shard[3][0] == 2, "claimed at the start, and once more"


async def test_of_a_shard_that_was_lost_meanwhile_no_lane_is_in_doubt(start):
    loop = await start(Weak)
    loop.consumer.append(A, "unwritable")
    loop.database.during["load_tally"] = lambda: loop.ours.drop(3)
    await loop.turn()
    loop.consumer.log.clear()
    loop.database.tables.shard_input.clear()
    await says(loop, "one", turns=3)
    assert loop.database.seen(A) == ["one"]


@pytest.mark.parametrize("word", ["unreadable", "unspreadable"])
async def test_a_version_that_understands_nothing_stops(start, word):
    loop = await start(Weak)
    with pytest.raises(TooManyRefused, match="nearly everything"):
        await says(loop, *[word] * 60)
    assert not letters(loop)


@pytest.mark.parametrize("word", ["unreadable", "unspreadable"])
async def test_what_was_kept_and_is_not_understood_keeps_its_lane_where_it_is(start, word):
    class Undecided(Sound):
        def decide(self, arrived, now):
            raise KeyError("decide")

    loop = await start(Undecided)
    await says(loop, "one", word, "two")
    weak = await go_on(start, loop, Weak)
    assert (weak.database.seen(A), letters(weak)) == (["one"] if word == "unspreadable" else [], [])
    mended = await go_on(start, weak)
    assert mended.database.seen(A) == ["one", word, "two"]


@pytest.mark.parametrize("word", ["unreadable", "unspreadable"])
async def test_what_fails_before_anybody_knows_its_lanes_is_a_dead_letter(start, word):
    loop = await start(Weak)
    await says(loop, "one", word, "two", turns=2)
    assert loop.database.seen(A) == ["one", "two"]
    assert letters(loop) == [word.encode()]


async def test_a_timer_that_nobody_understands_stops_its_lane_and_rings_when_it_goes_on(start):
    loop = await start(Weak)
    await says(loop, "bell", turns=3)
    assert list(loop.database.tables.parked_lane) == [(3, A)]
    await says(loop, "two")
    mended = await go_on(start, loop, turns=3)
    assert sorted(mended.database.seen(A)) == ["bell", "rang bell", "two"]


class Twice(Sound):
    """`twice` is two inputs of its lane; the second of them, `failing`, cannot be decided while there is a defect."""

    failing = None

    def spread(self, arrived, kept_for):
        if arrived.event == "twice":
            return (Arrived(arrived.lane, "first"), Arrived(arrived.lane, "second"))
        return super().spread(arrived, kept_for)

    def decide(self, arrived, now):
        if arrived.event == self.failing:
            raise KeyError("decide")
        return super().decide(arrived, now)


async def test_what_a_message_says_twice_to_a_stopped_lane_is_kept_once_and_has_both_effects_once(start):
    class Failing(Twice):
        failing = "undecidable"

    loop = await start(Failing)
    await says(loop, "undecidable", "twice")
    mended = await go_on(start, loop, Twice)
    assert mended.database.seen(A) == ["undecidable", "first", "second"]


async def test_of_a_message_that_fails_in_its_second_part_the_first_has_no_effect_yet(start):
    class Failing(Twice):
        failing = "second"

    loop = await start(Failing)
    await says(loop, "twice", turns=3)
    assert (loop.database.seen(A), list(loop.database.tables.parked_lane)) == ([], [(3, A)])
    again = await go_on(start, loop, Failing, turns=4)
    assert (again.database.seen(A), again.database.tables.parked_lane) == ([], {(3, A): False})
    mended = await go_on(start, again, Twice)
    assert mended.database.seen(A) == ["first", "second"]


async def test_the_last_word_about_a_timer_counts_though_it_rang_while_its_lane_stopped(start):
    later = datetime.now(UTC) + timedelta(days=1)

    class Moved(Weak):
        on_timer = Tally.on_timer

        def evolve(self, arrived, facts, now):
            effects = super().evolve(arrived, facts, now)
            return [*effects, SetTimer(arrived.lane, "bell", later)] if arrived.event == "move" else effects

    loop = await start(Moved)
    await says(loop, "bell")
    await says(loop, "move", "undecidable")
    assert loop.database.tables.timer[3, A, "bell"] == later


async def test_what_the_mended_version_refuses_of_what_was_kept_does_not_stop_it(start):
    class Stricter(Sound):
        def decode(self, record):
            raise Refused(Reason.INVALID_FIELD, "no")

    loop = await start(Weak)
    await says(loop, "undecidable", *["word"] * 60)
    stricter = await go_on(start, loop, Stricter)
    assert len(letters(stricter)) == 61


async def test_a_timer_that_cannot_be_spread_stops_its_lane(start):
    class Deaf(Sound):
        def spread(self, arrived, kept_for):
            if arrived.event == "rang bell":
                raise KeyError("spread")
            return super().spread(arrived, kept_for)

    loop = await start(Deaf)
    await says(loop, "bell", turns=3)
    assert list(loop.database.tables.parked_lane) == [(3, A)]
    mended = await go_on(start, loop, turns=3)
    assert mended.database.seen(A) == ["bell", "rang bell"]


async def test_a_part_that_was_kept_for_one_lane_is_asked_for_as_such(start):
    asked = []

    class Shared(Sound):
        def spread(self, arrived, kept_for):
            asked.append(kept_for)
            return super().spread(arrived, kept_for)

    loop = await start(Weak)
    await says(loop, "undecidable")
    mended = await start(Shared, loop)
    resume(mended)
    await says(mended, "new")
    assert asked == [A, None]


async def test_a_shard_that_reads_much_goes_on_with_what_it_kept_at_once(start, monkeypatch):
    monkeypatch.setattr(store, "_KEPT_AT_ONCE", 1)
    loop = await start(Weak)
    await says(loop, "undecidable", "1", "2")
    mended = await start(Sound, loop, QUICK.model_copy(update={"batch_bytes": 1_000}))
    resume(mended)
    await says(mended, *["a word that is long " * 20] * 10, lane=A2)
    assert mended.database.seen(A) == ["undecidable"]
    mended.runner._tick_due = Every(1_000_000)
    mended.runner._tick_due.passed()
    await mended.turn(3)
    assert mended.database.seen(A) == ["undecidable", "1", "2"]


async def test_a_lane_goes_on_step_by_step_and_what_comes_meanwhile_waits_behind_what_was_kept(start, monkeypatch):
    monkeypatch.setattr(store, "_KEPT_AT_ONCE", 3)
    loop = await start(Weak)
    await says(loop, "undecidable", *map(str, range(7)))
    assert len(loop.database.tables.parked_input) == 8
    mended = await start(Sound, loop)
    resume(mended)
    for word in ("eight", "nine", "ten"):
        before = len(mended.database.seen(A))
        await says(mended, word)
        assert len(mended.database.seen(A)) <= before + 4
    await mended.turn(3)
    assert mended.database.seen(A) == ["undecidable", *map(str, range(7)), "eight", "nine", "ten"]
    assert not mended.database.tables.parked_lane


async def test_a_lane_that_fails_again_in_the_middle_stays_where_it_failed(start, monkeypatch):
    monkeypatch.setattr(store, "_KEPT_AT_ONCE", 3)
    loop = await start(Weak)
    await says(loop, "undecidable", "1", "worse", "3", "4", "5")

    class Half(Sound):
        def decide(self, arrived, now):
            return super().decide(Arrived(arrived.lane, "bug") if arrived.event == failing else arrived, now)

        defective = property(lambda _: True, lambda _, __: None)

    for failing, step in (("worse", ["undecidable", "1"]), ("5", ["undecidable", "1", "worse", "3", "4"])):
        loop = await start(Half, loop)
        resume(loop)
        await says(loop, turns=4)
        assert (loop.database.seen(A), loop.database.tables.parked_lane) == (step, {(3, A): False})
        await says(loop, f"behind {failing}")
    mended = await go_on(start, loop, turns=4)
    assert mended.database.seen(A) == [*step, "5", "behind worse", "behind 5"]


async def test_a_lane_that_cannot_be_written_down_while_it_goes_on_is_stopped_with_all_that_was_kept(start):
    loop = await start(Weak)
    await says(loop, "undecidable", "1")

    class Worse(Sound):
        def evolve(self, arrived, facts, now):
            raise KeyError("evolve")

    worse = await start(Worse, loop)
    resume(worse)
    await says(worse, "2", turns=4)
    assert (worse.database.seen(A), worse.database.tables.parked_lane) == ([], {(3, A): False})
    mended = await go_on(start, worse)
    assert mended.database.seen(A) == ["undecidable", "1", "2"]


async def test_what_the_next_version_refuses_of_what_was_kept_is_kept_no_longer(start):
    class Stricter(Sound):
        def decode(self, record):
            if record.value == b"undecidable":
                raise Refused(Reason.INVALID_FIELD, "no")
            return super().decode(record)

    loop = await start(Weak)
    await says(loop, "undecidable", "two")
    stricter = await go_on(start, loop, Stricter)
    assert (stricter.database.seen(A), letters(stricter)) == (["two"], [b"undecidable"])
    assert not stricter.database.tables.parked_input


async def test_no_more_lanes_go_on_at_once_than_a_turn_can_do(start, monkeypatch):
    monkeypatch.setattr(store, "_LANES_AT_ONCE", 1)
    loop = await start(Weak)
    for lane in (A, A2):
        await says(loop, "undecidable", lane=lane)
    mended = await go_on(start, loop, turns=1)
    assert sorted([mended.database.seen(A), mended.database.seen(A2)]) == [[], ["undecidable"]]
    await mended.turn(2)
    assert [mended.database.seen(A), mended.database.seen(A2)] == [["undecidable"], ["undecidable"]]
