"""The engine on a real broker and a real database: exactly once, in order, cause before effect."""

import asyncio
import random

import pytest
from aiokafka import AIOKafkaProducer
from engine_support.bench import Bench
from engine_support.tally import TOPIC, Tally
from engine_support.words import LANES, by_lane, first_occurrences, words

from backorder_runtime import store
from backorder_runtime.batch import Batch
from backorder_runtime.broker import LogChanged
from backorder_runtime.bundle import partition_of, unpack
from backorder_runtime.clock import utc_now
from backorder_runtime.outbox import Wire
from backorder_runtime.publisher import Publisher
from backorder_runtime.record import Record
from backorder_runtime.transaction import run

pytestmark = pytest.mark.stack


async def test_each_record_has_one_effect_and_lanes_keep_their_order(bench: Bench) -> None:
    sent = words(2_000)
    await bench.send(*sent)
    runner = await bench.start()
    await bench.until(lambda: _is(bench.counted(), len(sent)))
    await bench.stop(runner)
    assert await first_occurrences(bench, "supply") == by_lane(sent)
    assert await first_occurrences(bench, "back-order-queue") == by_lane(sent)
    assert await bench.pool.fetchval("SELECT count(*) FROM outbox") == 0, "a stop in order leaves nothing unsent"


async def test_what_a_turn_leaves_of_a_backlog_is_read_again_by_a_real_client_and_has_one_effect(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    sent = words(2_000, seed=6)
    await bench.send(*sent)
    little = {"turn": 0, "together_bytes": 0, "batch_bytes": 1_000, "batch": 2_000}
    engine = bench.settings.engine.model_copy(update=little)
    bench.settings = bench.settings.model_copy(update={"engine": engine})
    runner = await bench.start()
    left, read_again = list[int](), runner._ours.read_again

    def noted(number: int) -> None:
        left.append(number)
        read_again(number)

    monkeypatch.setattr(runner._ours, "read_again", noted)
    await bench.until(lambda: _is(bench.counted(), len(sent)))
    await bench.stop(runner)
    assert left, "every turn had more than it could do"
    assert await first_occurrences(bench, "supply") == by_lane(sent)


async def test_crashes_between_any_two_steps_lose_and_double_nothing(bench: Bench) -> None:
    sent = words(3_000, seed=2)
    draw = random.Random(3)
    runner = await bench.start(owner="first")
    for start in range(0, len(sent), 300):
        await bench.send(*sent[start : start + 300])
        reached = start + draw.randint(1, 250)
        await bench.until(lambda reached=reached: _at_least(bench.counted(), reached))
        await bench.stop(runner, crash=True)
        runner = await bench.start(owner=f"after {start}")
    await bench.until(lambda: _is(bench.counted(), len(sent)))
    await bench.stop(runner)
    assert await first_occurrences(bench, "supply") == by_lane(sent)
    assert await first_occurrences(bench, "back-order-queue") == by_lane(sent)


async def test_a_zombie_commits_nothing_after_its_shards_moved(bench: Bench) -> None:
    sent = words(500, seed=4)
    await bench.send(*sent)
    zombie = await bench.start(owner="zombie")
    await bench.until(lambda: _is(bench.counted(), len(sent)))
    shard = next(iter(zombie._ours.shards.values()))
    async with bench.pool.acquire() as conn:
        await store.claim(conn, shard.number, "somebody else", {})
    batch = Batch(shard, [_record(shard.number, shard.place(TOPIC).next_offset)], due=False)
    with pytest.raises(store.Fenced):
        await run(bench.pool, [batch], utc_now)
    assert await bench.counted() == len(sent)


async def test_a_batch_that_does_not_start_where_the_last_one_ended_is_refused(bench: Bench) -> None:
    await bench.send(*words(100, seed=5))
    runner = await bench.start()
    await bench.until(lambda: _is(bench.counted(), 100))
    shard = next(iter(runner._ours.shards.values()))
    shard.place(TOPIC).next_offset -= 1
    batch = Batch(shard, [_record(shard.number, shard.place(TOPIC).next_offset)], due=False)
    with pytest.raises(store.Fenced):
        await run(bench.pool, [batch], utc_now)


async def test_the_effect_is_sent_only_after_the_cause_is_confirmed(bench: Bench) -> None:
    causes: set[bytes | None] = set()
    effects: list[bytes | None] = []
    publish = bench.publisher.publish

    async def watched(records: list[Wire]) -> None:
        topics = {record.topic for record in records}
        assert len(topics) == 1, "public and internal events are never in flight together"
        await publish(records)
        causes.update(record.value for record in records if record.topic == "supply")
        for record in records:
            if record.topic == "back-order-queue":
                sent = Record(record.topic, 0, 0, None, record.value, record.headers)
                effects.extend(message.value for message in unpack(sent))
        assert causes.issuperset(effects)

    await bench.send(*words(400, seed=6))
    bench.publisher.publish = watched  # type: ignore[method-assign]
    runner = await bench.start()
    await bench.until(lambda: _is(bench.counted(), 400))
    await bench.stop(runner)
    bench.publisher.publish = publish  # type: ignore[method-assign]
    assert len(effects) == 400


async def test_two_members_share_the_shards_and_a_leaving_one_hands_over(bench: Bench) -> None:
    sent = words(1_500, seed=7)
    first = await bench.start(owner="a")
    await bench.until(lambda: _yes(first.ready and len(first.owned) == 4))
    await bench.send(*sent[:500])
    second = await bench.start(owner="b")
    await bench.until(lambda: _yes(len(first.owned) == 2 and len(second.owned) == 2))
    await bench.send(*sent[500:1000])
    await bench.stop(first)
    await bench.send(*sent[1000:])
    await bench.until(lambda: _is(bench.counted(), len(sent)))
    await bench.stop(second)
    assert await first_occurrences(bench, "supply") == by_lane(sent)


async def test_a_refused_record_is_a_dead_letter_and_the_rest_goes_on(bench: Bench) -> None:
    await bench.send((LANES[0], "good"), (LANES[0], "bad"), (LANES[0], "better"))
    runner = await bench.start()
    await bench.until(lambda: _is(bench.counted(), 2))
    await bench.stop(runner)
    (letter,) = await bench.values("inventory-sync.dead-letter")
    headers = dict(letter.headers)
    assert (letter.key, letter.value) == (LANES[0].encode(), b"bad")
    assert (headers["dlq-reason"], headers["dlq-topic"]) == (b"invalid-field", TOPIC.encode())


async def test_a_defect_parks_its_lane_in_order_and_resuming_loses_nothing(bench: Bench) -> None:
    sick, sound = LANES[0], LANES[1]
    sent = [(sick, "one"), (sick, "bug"), (sick, "two"), (sound, "other"), (sick, "three")]
    await bench.send(*sent)
    runner = await bench.start()
    await bench.until(lambda: _is(bench.pool.fetchval("SELECT count(*) FROM parked_input"), 3))
    await bench.until(lambda: _is(bench.counted(), 2))
    await bench.stop(runner)
    mended = await bench.start(lambda: Tally(defective=False))
    await bench.until(lambda: _yes(mended.ready))
    async with bench.pool.acquire() as conn:
        assert await store.resume_lane(conn, sick)
        assert not await store.resume_lane(conn, "no such lane")
    await bench.until(lambda: _is(bench.counted(), 5))
    seen = await bench.pool.fetchval("SELECT seen FROM tally WHERE lane = $1", sick)
    assert seen == ["one", "bug", "two", "three"]


async def test_a_due_timer_rings_once(bench: Bench) -> None:
    await bench.send((LANES[0], "bell"))
    runner = await bench.start()
    await bench.until(lambda: _is(bench.counted(), 2))
    await bench.stop(runner, crash=True)
    again = await bench.start()
    await bench.send((LANES[0], "last"))
    await bench.until(lambda: _at_least(bench.counted(), 3))
    await bench.stop(again)
    seen = await bench.pool.fetchval("SELECT seen FROM tally WHERE lane = $1", LANES[0])
    assert seen == ["bell", "rang bell", "last"]


async def test_a_timer_of_a_parked_lane_rings_when_the_lane_goes_on(bench: Bench) -> None:
    await bench.send((LANES[0], "bell"), (LANES[0], "bug"))
    runner = await bench.start()
    await bench.until(lambda: _is(bench.pool.fetchval("SELECT count(*) FROM parked_input"), 1))
    await bench.stop(runner)
    assert await bench.pool.fetchval("SELECT key FROM timer") == "bell"
    mended = await bench.start(lambda: Tally(defective=False))
    async with bench.pool.acquire() as conn:
        await store.resume_lane(conn, LANES[0])
    await bench.until(lambda: _is(bench.counted(), 3))
    await bench.stop(mended)
    assert await bench.pool.fetchval("SELECT seen FROM tally") == ["bell", "bug", "rang bell"]


async def test_what_a_relay_repeats_is_dropped_by_its_sequence(bench: Bench) -> None:
    def numbered(sequence: int, word: str) -> Wire:
        return Wire(TOPIC, LANES[0].encode(), word.encode(), (("ce_sequence", str(sequence).encode()),))

    run = [numbered(n, f"w{n}") for n in range(1, 6)]
    await bench.publisher.publish([*run[:3], *run[1:], *run])
    runner = await bench.start()
    await bench.until(lambda: _at_least(bench.counted(), 5))
    await bench.publisher.publish([*run, numbered(6, "w6")])
    await bench.until(lambda: _at_least(bench.counted(), 6))
    await bench.stop(runner)
    assert await bench.pool.fetchval("SELECT seen FROM tally") == [f"w{n}" for n in range(1, 7)]


async def test_what_another_shard_sends_on_is_not_taken_for_a_repetition(bench: Bench) -> None:
    def numbered(sequence: int, shard: int, word: str) -> Wire:
        source = f"/backorder/inventory-sync/{shard}".encode()
        headers = (("ce_sequence", str(sequence).encode()), ("ce_source", source))
        return Wire(TOPIC, LANES[0].encode(), word.encode(), headers)

    await bench.send((LANES[0], "w0"))
    (record,) = await bench.values(TOPIC)
    own, other = record.partition, (record.partition + 1) % bench.settings.kafka.partitions
    await bench.publisher.publish([numbered(8, own, "w1"), numbered(3, other, "w2"), numbered(8, own, "w1")])
    runner = await bench.start()
    await bench.until(lambda: _at_least(bench.counted(), 3))
    await bench.publisher.publish([numbered(2, other, "w3"), numbered(9, own, "w4"), numbered(8, own, "w1")])
    await bench.until(lambda: _at_least(bench.counted(), 5))
    await bench.stop(runner)
    assert await bench.pool.fetchval("SELECT seen FROM tally") == [f"w{n}" for n in range(5)]


async def test_a_log_that_lost_records_stops_the_service_with_one_clear_message(bench: Bench) -> None:
    await bench.send(*words(50, seed=8))
    runner = await bench.start()
    await bench.until(lambda: _is(bench.counted(), 50))
    await bench.stop(runner)
    await bench.pool.execute("UPDATE shard_input SET next_offset = next_offset + 1000")
    with pytest.raises(LogChanged, match="truncated or made anew"):
        await bench.runner().run(asyncio.Event())


async def test_every_client_puts_a_key_into_the_same_partition(bench: Bench) -> None:
    keys = [f"{part}@W{n}".encode() for n, part in enumerate(("BRK-204", "Ü-12", "部品", "a%40b", "x" * 64) * 20)]
    producer = AIOKafkaProducer(bootstrap_servers=bench.settings.kafka.bootstrap_servers)
    await producer.start()
    theirs = {key: (await producer.send_and_wait(TOPIC, b"good", key=key)).partition for key in keys}
    await producer.stop()
    await bench.publisher.publish([Wire("back-order-need", key, b"good", ()) for key in keys])
    ours = {record.key: record.partition for record in await bench.values("back-order-need")}
    assert ours == theirs
    assert theirs == {key: partition_of(key.decode(), bench.settings.kafka.partitions) for key in keys}


async def test_more_than_the_producer_holds_goes_out_in_its_order(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("backorder_runtime.publisher._MOST", 5)
    publisher = Publisher(bench.settings.kafka)
    words = [str(n).encode() for n in range(200)]
    await publisher.publish([Wire("back-order-need", b"A@W1", word, ()) for word in words])
    publisher.close()
    there = [record.value for record in await bench.values("back-order-need") if record.key == b"A@W1"]
    assert there[-len(words) :] == words


def _record(shard: int, offset: int) -> Record:
    return Record(TOPIC, shard, offset, LANES[0].encode(), b"late")


async def _is(found: object, wanted: int) -> bool:
    return await found == wanted  # type: ignore[misc]


async def _at_least(found: object, wanted: int) -> bool:
    return await found >= wanted  # type: ignore[misc]


async def _yes(found: bool) -> bool:
    return found
