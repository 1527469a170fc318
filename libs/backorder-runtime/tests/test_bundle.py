"""Messages travel in bundles: none is lost, doubled, or moved before one of the same lane."""

import json
from collections import defaultdict

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from backorder_runtime.bundle import TYPE, Bundler, lanes_of, partition_of, unpack
from backorder_runtime.consumer import portions
from backorder_runtime.outbox import Event
from backorder_runtime.record import Message, Record

PARTITIONS = 4
lanes = st.sampled_from(["A@W1", "B@W1", "Ü@W2", "a%40b@W1"])
messages = st.lists(st.tuples(lanes, st.booleans(), st.integers()), max_size=1_200)


def sent(bundle: Event) -> Record:
    assert bundle.partition is not None
    return Record(bundle.topic, bundle.partition, 7, None, bundle.value, (("ce_type", TYPE.encode()),), 5)


@given(messages)
def test_every_partition_gets_its_messages_once_and_in_order(given_messages: list[tuple[str, bool, int]]) -> None:
    bundler = Bundler(PARTITIONS)
    expected = defaultdict(list)
    for lane, everywhere, number in given_messages:
        value = json.dumps(number).encode()
        bundler.add(Message("order-line", lane, "x", value, everywhere=everywhere), f"trace {number}")
        for place in range(PARTITIONS) if everywhere else (partition_of(lane, PARTITIONS),):
            expected[place].append((lane.encode(), value, f"trace {number}"))
    found = defaultdict(list)
    for bundle in bundler.take():
        assert set(lanes_of(bundle.value)) <= {lane for lane, _, _ in given_messages}
        found[bundle.partition] += [(m.key, m.value, m.header("traceparent")) for m in unpack(sent(bundle))]
    assert found == expected
    assert bundler.take() == []


def test_a_bundle_is_closed_before_it_is_too_large_for_a_record() -> None:
    bundler = Bundler(PARTITIONS)
    for _ in range(20):
        bundler.add(Message("order-line", "A@W1", "x", json.dumps("y" * 100_000).encode()), None)
    sizes = [len(bundle.value) for bundle in bundler.take()]
    assert len(sizes) > 1
    assert max(sizes) < 1_000_000


def test_what_goes_on_after_a_full_bundle_comes_after_it() -> None:
    bundler = Bundler(PARTITIONS)
    for number in range(1_100):
        bundler.add(Message("order-line", "A@W1", "x", json.dumps(number).encode()), None)
    bundles = bundler.take()
    assert [json.loads(m.value or b"") for bundle in bundles for m in unpack(sent(bundle))] == list(range(1_100))
    assert len(bundles) == 3


def test_a_message_stands_where_its_bundle_stands() -> None:
    bundler = Bundler(PARTITIONS)
    bundler.add(Message("order-line", "A@W1", "order-line.placed", b"{}"), None)
    (message,) = unpack(sent(bundler.take()[0]))
    assert (message.origin.offset, message.timestamp_ms, message.header("ce_type")) == (7, 5, "order-line.placed")
    assert message.header("traceparent") is None


def test_a_record_that_is_no_bundle_is_taken_as_it_is() -> None:
    record = Record("supply", 0, 1, b"A@W1", b"{}", (("ce_type", b"stock.positioned"),))
    assert list(unpack(record)) == [record]


@pytest.mark.parametrize("value", [b"", b"{}", b"[1]", b'[["k", "t", null]]', None])
def test_what_is_no_bundle_but_says_so_cannot_be_read(value: bytes | None) -> None:
    with pytest.raises(msgspec.DecodeError):
        list(unpack(Record("order-line", 0, 1, None, value, (("ce_type", TYPE.encode()),))))


@given(st.lists(st.integers(0, 40), max_size=50), st.integers(1, 60))
def test_portions_keep_every_record_in_order_and_end_at_the_limit(sizes: list[int], most: int) -> None:
    records = [Record("t", 0, n, None, b"x" * size) for n, size in enumerate(sizes)]
    parts = list(portions(records, most))
    assert [record for part in parts for record in part] == records
    assert all(parts)
    assert all(sum(len(r.value or b"") for r in part[:-1]) < most for part in parts)
