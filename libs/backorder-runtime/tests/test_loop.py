"""The loop, turn by turn, on a broker and a database of paper: what it knows is never older than what is stored."""

import asyncio

import pytest
from aiokafka import TopicPartition
from engine_support.paper_database import Tables
from engine_support.paper_loop import LANES, PaperConsumer
from engine_support.tally import TOPIC

from backorder_runtime import store
from backorder_runtime.broker import LogChanged
from backorder_runtime.clock import utc_now
from backorder_runtime.consumer import PauseOnAssignment
from backorder_runtime.publisher import ProducerBroken, PublishingFailed
from backorder_runtime.settings import EngineSettings
from backorder_runtime.telemetry import LAG_RECORDS, LAG_SECONDS

A = LANES[3]


def counted(*words):
    return {A: [(n, word) for n, word in enumerate(words, 1)]}


def test_what_is_assigned_is_paused_before_anybody_is_told():
    consumer, told = PaperConsumer(), []
    listener = PauseOnAssignment(consumer, lambda places: told.append((places, set(consumer.paused))), lambda _: None)
    given = {TopicPartition(TOPIC, 1), TopicPartition(TOPIC, 2)}
    consumer.give(*given)
    listener.on_partitions_assigned(given)
    assert told == [(given, given)]


async def test_a_shard_is_read_from_where_the_database_stands_and_not_from_where_the_group_does(new, paper):
    loop = new()
    paper.tables.shard_input[3, TOPIC] = [3, 0]
    loop.consumer.group[TopicPartition(TOPIC, 3)] = 1
    for n in range(5):
        loop.consumer.append(A, f"w{n}")
    loop.assign(3)
    await loop.turn(3)
    assert paper.seen(A) == ["w3", "w4"]


async def test_what_the_owner_before_committed_and_nobody_confirmed_is_sent_after_the_claim_as_it_was(new, paper):
    first, second = new(), new()
    first.publisher.open.clear()
    first.assign(3)
    for word in ("one", "two"):
        first.consumer.append(A, word)
        await first.turn(2)
    second.consumer.log = first.consumer.log
    second.assign(3)
    await second.turn()
    assert second.publisher.told("supply") == counted("one", "two")
    (sent,) = first.publisher.calls
    assert second.publisher.calls[0][0] == sent[0]


@pytest.mark.parametrize("where", ["save_tally", "put_outbox", "COMMIT"])
async def test_after_a_batch_that_failed_nothing_of_its_memory_counts(new, paper, where):
    loop = new()
    loop.assign(3)
    await loop.turn()
    loop.consumer.append(A, "one")
    paper.breaks[where] = OSError("the database is away")  # at COMMIT only the answer is
    await loop.turn()
    assert not loop.ours.shards
    loop.consumer.append(A, "two")
    await loop.turn(2)
    assert paper.seen(A) == ["one", "two"]
    assert loop.publisher.told("supply") == counted("one", "two")


async def test_a_shard_that_somebody_else_claimed_is_let_go_and_the_others_of_its_group_go_on(new, paper):
    loop, other = new(), new()
    loop.assign(0, 1, 2, 3)
    await loop.turn()
    held = dict(loop.ours.shards)
    other.consumer.log = loop.consumer.log
    other.assign(3)
    await other.turn()
    for lane in LANES:
        loop.consumer.append(lane, "one")
    await loop.turn()
    assert [paper.seen(lane) for lane in LANES] == [["one"], ["one"], ["one"], []]
    assert loop.ours.shards == {n: held[n] for n in (0, 1, 2)}, "the others are not claimed anew"
    assert loop.ours.shards.keys() == loop.ours.relays.keys()


async def test_shards_that_cannot_commit_together_do_so_one_after_the_other(new, paper, monkeypatch):
    advance = Tables.advance

    def alone(tables, shards, *rest):
        if len(shards) > 1:
            raise store.Outdated("two lanes said it at once")
        return advance(tables, shards, *rest)

    monkeypatch.setattr(Tables, "advance", alone)
    loop = new()
    loop.assign(0, 1, 2, 3)
    await loop.turn()
    for lane in LANES:
        loop.consumer.append(lane, "one")
    await loop.turn(3)
    assert [paper.seen(lane) for lane in LANES] == [["one"]] * 4


async def test_what_is_more_than_the_database_takes_at_once_is_done_in_smaller_parts(new, paper, monkeypatch):
    put = Tables.put_outbox

    def small(tables, *columns):
        if len(repr(columns)) > 1_000:
            raise OSError("a value may have so many bytes and no more")
        return put(tables, *columns)

    monkeypatch.setattr(Tables, "put_outbox", small)
    loop = new(engine=EngineSettings(pace=0, poll=0.001, batch_bytes=1_000))
    loop.assign(3)
    words = [f"w{n}" for n in range(20)]
    for word in words:
        loop.consumer.append(A, word)
    await loop.turn(30)
    assert paper.seen(A) == words
    assert loop.publisher.told("supply") == counted(*words)


async def test_no_shard_is_claimed_before_the_topics_were_looked_at_and_so_after_each_assignment(new, paper):
    answers, asked = [OSError("no broker"), None, OSError("no broker"), None], []

    async def check():
        asked.append(answers.pop(0))
        if asked[-1]:
            raise asked[-1]

    loop = new(check_topics=check)
    loop.assign(3)
    for shards in ({3}, {2, 3}):
        loop.assign(*shards)
        before = set(loop.ours.shards)
        await loop.turn()
        assert set(loop.ours.shards) == before
        await loop.turn()
        assert set(loop.ours.shards) == shards
    assert len(asked) == 4


async def test_a_shard_whose_relay_failed_is_claimed_anew_and_sends_again_what_was_not_confirmed(new, paper):
    loop = new()
    loop.assign(3)
    await loop.turn()
    loop.consumer.append(A, "one")
    loop.publisher.breaks = PublishingFailed("too large")
    await loop.turn()
    held = loop.ours.shards[3]
    await loop.turn(2)
    assert loop.ours.shards[3] is not held
    assert paper.seen(A) == ["one"]
    assert loop.publisher.told("supply") == loop.publisher.told("back-order-queue") == counted("one")


async def test_while_the_group_gives_out_its_shards_nothing_is_read(new, paper):
    loop = new()
    loop.assign(3)
    await loop.turn()
    loop.revoke()
    loop.consumer.append(A, "one")
    await loop.turn()
    assert paper.seen(A) == []
    loop.assign(3)
    await loop.turn(2)
    assert paper.seen(A) == ["one"]


async def test_a_shard_that_was_given_to_somebody_else_is_forgotten_with_what_its_relay_had_to_send(new, paper):
    loop = new()
    loop.assign(2, 3)
    await loop.turn()
    relay = loop.ours.relays[3]
    loop.assign(2)
    assert set(loop.ours.shards) == {2}
    with pytest.raises(asyncio.CancelledError):
        await asyncio.wait_for(relay, 5)


async def claim_while(loop, happens):
    """The loop claims a shard, and in the middle of that something happens."""
    ends = loop.consumer.end_offsets

    async def meanwhile(places):
        await happens()
        return await ends(places)

    loop.assign(3)
    loop.consumer.end_offsets = meanwhile
    await loop.turn()


async def test_a_shard_that_was_taken_away_while_it_was_claimed_is_not_kept(new, paper):
    loop = new()

    async def revoked():
        loop.revoke()

    await claim_while(loop, revoked)
    assert not loop.ours.shards


async def test_whoever_owned_a_shard_before_lets_nothing_of_it_go(new, paper):
    before, now = new(), new()
    for loop in (before, now):
        loop.assign(3)
        await loop.turn()
    with pytest.raises(store.Fenced):
        await before.ours.shards[3].forget(paper, (), utc_now(), 1)


async def test_what_was_let_go_without_an_answer_is_found_out_by_a_claim(new, paper, monkeypatch):
    loop = new()
    loop.assign(3)
    await loop.turn()

    async def unanswered(*_):
        raise OSError("the answer to COMMIT was lost")

    monkeypatch.setattr(loop.ours.shards[3], "forget", unanswered)
    loop.runner._rhythm.due = lambda _: 3
    await loop.runner._forget()
    assert not loop.ours.shards
    await loop.turn()
    assert [*loop.ours.shards] == [3]


async def test_a_process_whose_producer_is_broken_ends(new, paper):
    loop = new()
    loop.assign(3)
    await loop.turn()
    loop.publisher.breaks = ProducerBroken("a gap")
    loop.consumer.append(A, "one")
    await loop.turn()
    with pytest.raises(ProducerBroken):
        await loop.turn()


async def test_a_process_that_was_assigned_nothing_since_the_last_revocation_is_not_ready(new, paper):
    loop = new()
    loop.assign()
    assert loop.runner.ready, "it may be a standby"
    loop.revoke()
    assert not loop.runner.ready


async def test_a_claim_that_ends_after_the_loop_has_no_shard(new, paper):
    loop = new()
    await claim_while(loop, loop.close)
    assert not loop.ours.shards


async def test_how_long_a_shard_has_been_ours_is_shown_until_something_of_it_commits(new, paper):
    loop = new()
    loop.consumer.append(A, "one")
    loop.assign(3)
    await loop.ours.complete_claims()
    loop.runner._export()
    assert LAG_RECORDS.labels(TOPIC, "3")._value.get() == 1
    assert 0 <= LAG_SECONDS.labels(TOPIC, "3")._value.get() < 60
    loop.ours.drop(3)
    assert (TOPIC, "3") not in LAG_SECONDS._metrics, "it is for others to show now"


async def test_a_log_that_lacks_the_next_record_is_not_claimed(new, paper):
    loop = new()
    loop.consumer.append(A, "one")
    paper.tables.shard_input[3, TOPIC] = [7, 0]
    loop.assign(3)
    with pytest.raises(LogChanged, match=r"holds offsets 0 to 1, but the next to process is 7"):
        await loop.turn()
