"""`backorder dlq` on the real broker: looked at, published again, put aside, once each."""

import json

import pytest
from engine_support.bench import Bench
from engine_support.command_line import backorder_here as backorder

from backorder_contracts.internal import Origin
from backorder_runtime.clock import utc_now
from backorder_runtime.dead_letters import copy_of, letter_for, wire
from backorder_runtime.dlq.handled import Handled, Handler
from backorder_runtime.dlq.letters import LetterReader
from backorder_runtime.outbox import Letter, Wire
from backorder_runtime.record import Record

pytestmark = pytest.mark.stack

NOT_THERE = "the letter does not have the record, and its topic no longer does"
HEADERS = (("dlq-reason", b"from an earlier life"), ("x", b"\xff"), ("x", None), ("ce_sequence", b"4"))


async def refused(bench: Bench, topic: str, *values: bytes | None, reason: str = "not-json") -> list[Record]:
    """Records on a topic, and a dead letter of inventory-sync about each."""
    known = len(await bench.values(topic))
    await bench.publisher.publish([Wire(topic, b"\xffkey", value, HEADERS, 2) for value in values])
    records = [Record(topic, r.partition, r.offset, r.key, r.value, r.headers) for r in await bench.values(topic)]
    letters = [(record, letter_for(record, reason, f"no JSON\u202e in {record.offset}")) for record in records[known:]]
    await bench.publisher.publish(
        [wire("inventory-sync", letter, copy_of(record), utc_now()) for record, letter in letters]
    )
    return records[known:]


async def listed(bench: Bench, *words: str) -> list[dict[str, object]]:
    code, said = await backorder(bench.settings, "dlq", "list", "--json", *words)
    assert code == 0, said
    return list(json.loads(said))


async def replayed(bench: Bench, topic: str) -> list[tuple[object, ...]]:
    """What stands on a topic as a replay: partition, key, value, headers."""
    return [
        (r.partition, r.key, r.value, tuple(r.headers))
        for r in await bench.values(topic)
        if r.headers and r.headers[-1][0] == "dlq-replay-of"
    ]


async def test_letters_are_listed_shown_replayed_and_then_gone_from_the_list(bench: Bench) -> None:
    records = await refused(bench, "stock-changed", b'{"a": 1', b"\x1b[31mred", b'{"a": [1, 2]}')
    found = await listed(bench)
    assert [each["reason"] for each in found] == ["not-json"] * 3
    assert found[0]["origin"] == {"topic": "stock-changed", "partition": 2, "offset": records[0].offset}
    names = [str(each["letter"]) for each in found]

    _, table = await backorder(bench.settings, "dlq", "list")
    assert all(name in table for name in names)
    assert "3 dead letters: 3 not-json on stock-changed (inventory-sync)" in table
    assert "\u202e" not in table

    _, shown = await backorder(bench.settings, "dlq", "show", names[1])
    assert "\x1b" not in shown
    assert f"stood at stock-changed[2] {records[1].offset}" in shown
    assert "\\x1b[31mred" in shown
    assert "header   dlq-reason: from an earlier life" in shown
    _, whole = await backorder(bench.settings, "dlq", "show", names[0], "--json")
    record = json.loads(whole)["record"]
    assert (record["value"], record["key_base64"]) == ('{"a": 1', "/2tleQ==")
    assert record["headers"][1:3] == [{"name": "x", "value_base64": "/w=="}, {"name": "x", "value": None}]

    assert (await backorder(bench.settings, "dlq", "replay", *names[:2], "--dry-run"))[1].startswith("would replay 2 ")
    code, said = await backorder(bench.settings, "dlq", "replay", *names[:2])
    assert (code, await replayed(bench, "stock-changed")) == (1, [])
    assert "say --yes to do it" in said
    code, said = await backorder(bench.settings, "dlq", "replay", *names[:2], "--yes", "--by", "ops-7")
    assert (code, said) == (0, "replayed 2 dead letters\n")
    assert await replayed(bench, "stock-changed") == [
        (2, b"\xffkey", records[n].value, (*HEADERS, ("dlq-replay-of", names[n].encode()))) for n in (0, 1)
    ]

    assert [each["letter"] for each in await listed(bench)] == names[2:]
    code, said = await backorder(bench.settings, "dlq", "discard", names[2], "--yes", "--note", "counted again")
    assert code == 0, said
    assert await listed(bench) == []
    done = [each["handled"] for each in await listed(bench, "--all")]
    assert [(x["action"], x.get("note")) for x in done if isinstance(x, dict)] == [
        ("replayed", None),
        ("replayed", None),
        ("discarded", "counted again"),
    ]
    code, said = await backorder(bench.settings, "dlq", "replay", *names, "--yes")
    assert (code, len(await replayed(bench, "stock-changed"))) == (0, 2), said
    assert (await backorder(bench.settings, "dlq", "replay", *names, "--yes", "--again"))[0] == 0
    assert len(await replayed(bench, "stock-changed")) == 5


async def test_what_would_be_discarded_is_said_and_not_done(bench: Bench) -> None:
    await refused(bench, "stock-changed", b"1", b"2")
    await refused(bench, "supplier-delivery", b"3", reason="bad-time")
    before = await listed(bench)
    code, said = await backorder(bench.settings, "dlq", "discard", "--reason", "not-json", "--yes", "--dry-run")
    assert (code, said) == (0, "would discard 2 dead letters: 2 not-json on stock-changed (inventory-sync)\n")
    assert await listed(bench) == before
    assert await bench.values("dead-letter-handled") == []
    code, said = await backorder(bench.settings, "dlq", "discard", "--reason", "not-json", "--yes")
    assert (code, said.startswith("discarded 2 dead letters;")) == (0, True)
    assert await listed(bench) == before[2:]
    code, said = await backorder(bench.settings, "dlq", "discard", "--reason", "not-json", "--dry-run")
    assert (code, said.splitlines()[-1]) == (0, "would discard nothing")


async def test_letters_are_chosen_by_reason_topic_age_and_offset(bench: Bench) -> None:
    await refused(bench, "stock-changed", b"1", b"2")
    await refused(bench, "supplier-delivery", b"3", reason="bad-time")
    names = [each["letter"] for each in await listed(bench)]
    first = int(str(names[0]).split("/")[1])
    for words, expected in (
        (["--reason", "not-json"], names[:2]),
        (["--reason", "not-json", "--reason", "bad-time"], names),
        (["--topic", "supplier-delivery"], names[2:]),
        (["--service", "inventory-sync", "--offsets", f"{first + 1}-"], names[1:]),
        (["--service", "notifier"], []),
        (["--since", "1h"], names),
        (["--until", "1h"], []),
    ):
        assert [each["letter"] for each in await listed(bench, *words)] == expected, words
    code, said = await backorder(bench.settings, "dlq", "replay", "--yes")
    assert (code, said.startswith("backorder dlq: which letters?")) == (1, True)
    code, said = await backorder(bench.settings, "dlq", "replay", "--reason", "bad-time", "--yes")
    assert (code, said) == (0, "replayed 1 dead letter\n")
    assert [each["letter"] for each in await listed(bench)] == names[:2]


async def test_a_letter_that_was_sent_twice_is_one_letter(bench: Bench) -> None:
    (record,) = await refused(bench, "stock-changed", b"1")
    again = wire("inventory-sync", letter_for(record, "not-json", "again"), copy_of(record), utc_now())
    await bench.publisher.publish([again])
    (found,) = await listed(bench)
    _, table = await backorder(bench.settings, "dlq", "list")
    assert "(sent 2 times)" in table
    assert (await backorder(bench.settings, "dlq", "replay", str(found["letter"]), "--yes"))[0] == 0
    assert len(await replayed(bench, "stock-changed")) == 1
    assert await listed(bench) == []


async def test_a_record_that_its_letter_has_no_room_for_is_read_from_its_origin_while_it_stands_there(
    bench: Bench,
) -> None:
    (record,) = await refused(bench, "stock-changed", b"x" * 10_500_000, reason="too-large")
    gone = Letter(Origin("stock-changed", 2, record.offset + 1_000), "too-large", "left at its origin", None)
    await bench.publisher.publish([wire("inventory-sync", gone, (b"k", None, ()), utc_now())])
    there, nowhere = [str(each["letter"]) for each in await listed(bench)]
    code, said = await backorder(bench.settings, "dlq", "replay", there, nowhere, "--yes")
    assert code == 1
    assert "replayed 1 dead letter" in said
    assert f"{nowhere}: {NOT_THERE}" in said
    assert [value for _, _, value, _ in await replayed(bench, "stock-changed")] == [record.value]


async def test_no_other_record_is_replayed_for_one_that_was_gone_before_it_was_copied(bench: Bench) -> None:
    await bench.publisher.publish([Wire("stock-changed", None, b"another", (), 2)])
    (another,) = await bench.values("stock-changed")
    gone = Letter(Origin("stock-changed", 2, another.offset), "conflicting-duplicate", "the first stands", None)
    await bench.publisher.publish([wire("inventory-sync", gone, None, utc_now())])
    (name,) = [str(each["letter"]) for each in await listed(bench)]
    code, said = await backorder(bench.settings, "dlq", "replay", name, "--yes")
    assert (code, await replayed(bench, "stock-changed")) == (1, [])
    assert f"{name}: {NOT_THERE}" in said
    assert (
        "the first stands; its topic no longer has the record"
        in (await backorder(bench.settings, "dlq", "show", name))[1]
    )


async def test_a_message_between_services_is_not_replayed_a_second_time_when_the_first_was_cut_off(
    bench: Bench,
) -> None:
    (record,) = await refused(bench, "supply-entry", b"a message", reason="unreadable")
    (name,) = [str(each["letter"]) for each in await listed(bench)]
    async with LetterReader(bench.settings.kafka) as reader, Handled(bench.settings.kafka) as handled:
        (letter,) = [letter async for letter in reader.read("inventory-sync")]
        await handled.claim(bench.publisher, [letter], Handler("killed", "ops-1", utc_now()))
    _, table = await backorder(bench.settings, "dlq", "list")
    assert "in doubt" in table
    code, said = await backorder(bench.settings, "dlq", "replay", name, "--yes")
    assert (code, await replayed(bench, "supply-entry")) == (1, [])
    assert "--again or discard it" in said
    assert (await backorder(bench.settings, "dlq", "replay", name, "--yes", "--again"))[0] == 0
    ((partition, key, value, headers),) = await replayed(bench, "supply-entry")
    assert (partition, key, value) == (2, b"\xffkey", record.value)
    assert "ce_sequence" not in dict(headers), "or the lanes would take it for a repetition"


async def test_an_input_whose_replay_was_cut_off_is_replayed_again(bench: Bench) -> None:
    await refused(bench, "stock-changed", b"1")
    async with LetterReader(bench.settings.kafka) as reader, Handled(bench.settings.kafka) as handled:
        (letter,) = [letter async for letter in reader.read("inventory-sync")]
        await handled.claim(bench.publisher, [letter], Handler("killed", "ops-1", utc_now()))
    code, said = await backorder(bench.settings, "dlq", "replay", letter.id, "--yes")
    assert (code, len(await replayed(bench, "stock-changed"))) == (0, 1), said
    assert "may have been replayed before" in said


async def test_of_two_people_one_replays_a_letter(bench: Bench) -> None:
    await refused(bench, "stock-changed", *[str(n).encode() for n in range(300)])
    kafka = bench.settings.kafka
    async with LetterReader(kafka) as reader, Handled(kafka) as one, Handled(kafka) as other:
        letters = [letter async for letter in reader.read("inventory-sync")]
        assert len(await one.claim(bench.publisher, letters, Handler("one", "ops-1", utc_now()))) == 300
        assert await other.claim(bench.publisher, letters, Handler("other", "ops-2", utc_now())) == []
    code, said = await backorder(bench.settings, "dlq", "replay", "--reason", "not-json", "--yes")
    assert (code, len(await replayed(bench, "stock-changed"))) == (0, 300), said
