"""What the queue cannot read is refused when it is read: it must not end the process, at each start anew."""

import msgspec
import pytest
from router_shard import command, short

from backorder_contracts.refusal import Reason, Refused
from backorder_runtime.record import Record
from priority_router.handlers import Router
from priority_router.policies import Policies

LANE = b"P@W1"
NO_LANES = (None, b"", b"P", b"P@W1@x", b"50%@W1", b"P\x00@W1", b"P@W\x1f1", b"P\xff@W1")
SAYS = {"back-order-queue": short("A"), "queue-command": command("c-1", "A")}


def record(topic, key, value, **headers):
    return Record(topic, 0, 7, key, value, tuple((name, text.encode()) for name, text in headers.items()))


def decoded(what):
    return Router(Policies(), cached_lanes=1).decode(what)


@pytest.mark.parametrize("key", NO_LANES)
@pytest.mark.parametrize("topic", SAYS)
def test_a_record_whose_key_is_no_lane_is_refused(topic, key):
    with pytest.raises(Refused) as refused:
        decoded(record(topic, key, msgspec.json.encode(SAYS[topic])))
    assert refused.value.reason is Reason.UNREADABLE


@pytest.mark.parametrize("topic", SAYS)
@pytest.mark.parametrize("key", [LANE, b"50%25@W1", "Ü-12@W 1".encode(), b"a%40b@W1"])
def test_what_is_for_a_lane_is_taken(topic, key):
    arrived = decoded(record(topic, key, msgspec.json.encode(SAYS[topic])))
    assert (arrived.lane, arrived.event) == (key.decode(), SAYS[topic])


def scheduled(part_id):
    data = {
        "part_id": part_id,
        "location_id": "W1",
        "deliveries": [],
        "cause": {"type": "supplier.delivery", "id": "1"},
    }
    return record("supply", b"whatever", msgspec.json.encode(data), ce_type="inbound.scheduled")


def test_what_is_coming_to_no_lane_is_refused():
    assert decoded(scheduled("50%")).lane == "50%25@W1"
    with pytest.raises(Refused):
        decoded(scheduled("P\x00"))


def test_a_value_that_is_no_message_of_ours_is_refused():
    for topic in SAYS:
        with pytest.raises(Refused):
            decoded(record(topic, LANE, b"{}"))
