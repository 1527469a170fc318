"""Where a shard stands, and which records its publishers repeat."""

import pytest

from backorder_runtime.record import Record
from backorder_runtime.relay import Relay
from backorder_runtime.shard import Shard
from backorder_runtime.store import Claim, Place

ONE, MANY = "supply-entry", "back-order-command"  # a topic with one publisher, and one with any number


@pytest.fixture
def shard():
    places = {ONE: Place(10, 4), MANY: Place(20, 0)}
    return Shard(3, 4, Claim(1, 1, 0, places), (), None, Relay("service", 3, None, None), frozenset({ONE}))


def record(offset, sequence, *, topic=ONE, source="/backorder/gap-detector/3"):
    headers = (("ce_sequence", str(sequence).encode()), ("ce_source", source and source.encode()))
    return Record(topic, 3, offset, b"A@W1", b"{}", headers)


def offsets(records):
    return [each.offset for each in records]


def test_what_a_relay_repeats_is_seen_once_in_a_batch_and_after_those_before(shard):
    records = [record(10 + n, sequence) for n, sequence in enumerate([3, 4, 5, 6, 5, 6, 7])]
    assert offsets(shard.unseen(records)) == [12, 13, 16]


def test_another_shard_of_the_publisher_counts_for_itself(shard):
    records = [record(10, 9), record(11, 2, source="/backorder/gap-detector/13"), record(12, 9)]
    assert offsets(shard.unseen(records)) == [10, 11]
    assert shard.steps([records[1]])[ONE][1] == Place(12, 4)


def test_where_many_publish_no_number_is_a_repetition(shard):
    records = [record(20, 9, topic=MANY), record(21, 2, topic=MANY), record(22, 9, topic=MANY)]
    assert offsets(shard.unseen(records)) == [20, 21, 22]


@pytest.mark.parametrize("sequence", ["", "intake.7", "-1", "²"])
def test_what_has_no_number_is_no_repetition(shard, sequence):
    assert offsets(shard.unseen([record(10, sequence), record(11, sequence)])) == [10, 11]


def test_a_step_leads_behind_the_last_record_and_never_back_in_sequence(shard):
    records = [record(10, 5), record(11, 6), record(12, 5), record(20, 1, topic=MANY)]
    assert shard.steps(records) == {ONE: (Place(10, 4), Place(13, 6)), MANY: (Place(20, 0), Place(21, 0))}


def test_after_a_commit_it_stands_where_the_steps_led(shard):
    records = [record(10, 5), record(11, 6)]
    shard.committed(shard.steps(records), 7, None, rings_again=False)
    assert (shard.place(ONE), shard.place(MANY)) == (Place(12, 6), Place(20, 0))
    assert offsets(shard.unseen([record(12, 6), record(13, 7)])) == [13]
