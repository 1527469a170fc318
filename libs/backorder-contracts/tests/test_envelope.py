import base64
import json
from datetime import UTC, datetime

import pytest

from backorder_contracts.envelope import MAX_VALUE_BYTES, read, write
from backorder_contracts.refusal import Reason, Refused

TOPIC = "order-placed"
DATA = {"order_id": "SO-1", "note": "ä"}
VALUE = json.dumps(DATA).encode()
TRACE = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
SENT = datetime(2026, 11, 24, 7, tzinfo=UTC)


def binary(**changed):
    headers = dict(write(id="e-1", source="/orders", type="order.placed", time=SENT, traceparent=TRACE))
    return [(name, raw) for name, raw in {**headers, **changed}.items() if raw is not ...]


def structured(**changed):
    event = {
        "specversion": "1.0",
        "id": "e-1",
        "source": "/orders",
        "type": "order.placed",
        "time": "2026-11-24T08:00:00+01:00",
        "data": DATA,
    }
    return json.dumps({name: value for name, value in {**event, **changed}.items() if value is not ...}).encode()


STRUCTURED = [("content-type", b"application/cloudevents+json; charset=UTF-8")]


def refusal(value, headers, topic=TOPIC):
    with pytest.raises(Refused) as refused:
        read(topic, None, value, headers)
    assert "\n" not in refused.value.detail
    return refused.value.reason, refused.value.detail


def test_binary_mode_has_its_attributes_in_headers():
    envelope = read(TOPIC, b"any key", VALUE, binary(ce_subject="SO-1 ü".encode()))
    assert (envelope.id, envelope.source, envelope.type) == ("e-1", "/orders", "order.placed")
    assert envelope.time == SENT
    assert envelope.subject == "SO-1 ü"
    assert envelope.traceparent == TRACE
    assert envelope.data == DATA


@pytest.mark.parametrize(
    "content_type",
    [
        b"application/cloudevents+json",
        b"Application/CloudEvents+JSON; charset=utf-8",
        b"application/cloudevents+json ;x=y;z",
    ],
)
def test_structured_mode_has_its_attributes_in_the_value(content_type):
    envelope = read(TOPIC, None, structured(traceparent=TRACE), [("content-type", content_type)])
    assert (envelope.id, envelope.source, envelope.type, envelope.time) == ("e-1", "/orders", "order.placed", SENT)
    assert envelope.traceparent == TRACE
    assert envelope.data == DATA


def test_structured_data_may_be_base64():
    value = structured(data=..., data_base64=base64.b64encode(VALUE).decode())
    assert read(TOPIC, None, value, STRUCTURED).data == DATA


def test_a_bare_object_gets_its_type_from_the_topic_and_no_id():
    envelope = read(TOPIC, None, VALUE, [("traceparent", TRACE.encode()), ("x-other", b"\xff"), ("empty", None)])
    assert (envelope.id, envelope.source, envelope.type) == ("", TOPIC, "order.placed")
    assert envelope.time is None
    assert envelope.traceparent == TRACE


def test_what_is_written_is_read_back():
    headers = write(id="ü/1", source="gap-detector", type="order.placed", time=SENT, subject="BO-1")
    assert ("content-type", b"application/json") in headers
    assert ("ce_time", b"2026-11-24T07:00:00Z") in headers
    envelope = read(TOPIC, None, VALUE, headers)
    assert (envelope.id, envelope.source, envelope.subject, envelope.time) == ("ü/1", "gap-detector", "BO-1", SENT)


def test_a_topic_of_ours_may_carry_types_that_nobody_knows_yet():
    assert read("back-order-state", None, b"{}", binary(ce_type=b"back-order.new")).type == "back-order.new"


@pytest.mark.parametrize("value", [None, b"", b" \n"])
def test_a_record_without_value_is_empty(value):
    assert refusal(value, [])[0] == Reason.EMPTY


def test_a_value_of_256_kib_is_read_and_one_byte_more_is_not():
    padding = MAX_VALUE_BYTES - len(b'{"a":""}')
    assert read(TOPIC, None, b'{"a":"' + b"x" * padding + b'"}', []).data
    assert refusal(b'{"a":"' + b"x" * (padding + 1) + b'"}', [])[0] == Reason.TOO_LARGE


@pytest.mark.parametrize(
    "value",
    [
        b"not json",
        b'{"a":1',
        b"\xef\xbb\xbf{}",
        '{"a":1}'.encode("utf-16"),
        b'{"a":"\xff"}',
        b'{"a":"\\ud800"}',
        b'{"a":NaN}',
        b'{"a":-Infinity}',
        b'{"a":1e400}',
        b'{"a":' + b"9" * 5000 + b"}",
        b'{"a":' * 5000 + b"1" + b"}" * 5000,
        b"[" * 100_000,
        b'{"a":1,"a":2}',
        b'{"a":"\\"","a":2}',
        b'{"b":{"a":"x","a":"x"}}',
        b"{} {}",
        b"{'a':1}",
    ],
)
def test_what_is_not_one_clear_json_text_is_refused(value):
    assert refusal(value, [])[0] == Reason.NOT_JSON


@pytest.mark.parametrize("value", [b"[]", b"1", b'"text"', b"null", b"true"])
def test_data_must_be_an_object(value):
    assert refusal(value, [])[0] == Reason.NOT_AN_OBJECT
    assert refusal(value, binary())[0] == Reason.NOT_AN_OBJECT


@pytest.mark.parametrize("header", ["ce_specversion", "ce_id", "ce_source", "ce_type"])
def test_binary_mode_needs_all_required_attributes(header):
    reason, detail = refusal(VALUE, binary(**{header: ...}))
    assert reason == Reason.BAD_ENVELOPE
    assert header in detail


@pytest.mark.parametrize("name", ["specversion", "id", "source", "type"])
def test_structured_mode_needs_all_required_attributes(name):
    assert refusal(structured(**{name: ...}), STRUCTURED)[0] == Reason.BAD_ENVELOPE


@pytest.mark.parametrize(
    "changed",
    [
        {"ce_id": b"\xff"},
        {"ce_subject": b"\xff"},
        {"ce_id": b""},
        {"ce_id": b"a\x00b"},
        {"ce_id": b"x" * 513},
        {"ce_specversion": b"0.3"},
        {"ce_id": None},
        {"content-type": b"application/cloudevents-batch+json"},
        {"content-type": b"application/cloudevents+avro"},
    ],
)
def test_a_broken_envelope_is_refused(changed):
    assert refusal(VALUE, binary(**changed))[0] == Reason.BAD_ENVELOPE


def test_an_attribute_that_stands_there_twice_is_refused():
    assert refusal(VALUE, [*binary(), ("ce_id", b"e-2")])[0] == Reason.BAD_ENVELOPE
    assert read(TOPIC, None, VALUE, [*binary(), ("x", b"1"), ("x", b"2")]).id == "e-1"


@pytest.mark.parametrize(("name", "value"), [("id", 7), ("source", {}), ("type", True), ("subject", ""), ("id", None)])
def test_structured_attributes_are_text(name, value):
    assert refusal(structured(**{name: value}), STRUCTURED)[0] == Reason.BAD_ENVELOPE


@pytest.mark.parametrize("data", [..., None, [1], "text"])
def test_structured_data_must_be_an_object(data):
    assert refusal(structured(data=data), STRUCTURED)[0] == Reason.NOT_AN_OBJECT


@pytest.mark.parametrize("text", ["not base64!", 7, "ü"])
def test_base64_that_is_none_is_refused(text):
    assert refusal(structured(data_base64=text), STRUCTURED)[0] == Reason.NOT_JSON


def test_the_type_must_be_one_of_the_topics():
    reason, detail = refusal(VALUE, binary(ce_type=b"order.cancelled"))
    assert reason == Reason.WRONG_TYPE
    assert "order.placed" in detail


def test_a_bare_object_on_a_topic_of_several_types_is_refused():
    assert refusal(b"{}", [], topic="supply")[0] == Reason.BAD_ENVELOPE


NO_TRACE = [
    b"\xff",
    b"00-0-0-0",
    b"ff" + TRACE[2:].encode(),
    TRACE.encode() + b"-more",
    b"00-" + 32 * b"0" + TRACE[35:].encode(),
    TRACE[:36].encode() + 16 * b"0" + b"-01",
    b"",
    None,
]


@pytest.mark.parametrize("more", ["", "-and what it says", "-" + 30_000 * "x"])
def test_of_a_later_version_of_trace_contexts_what_is_known_is_taken(more):
    assert read(TOPIC, None, VALUE, binary(traceparent=f"01{TRACE[2:]}{more}".encode())).traceparent == TRACE


@pytest.mark.parametrize("trace", NO_TRACE)
def test_an_unusable_trace_context_is_dropped(trace):
    assert read(TOPIC, None, VALUE, binary(traceparent=trace)).traceparent is None


@pytest.mark.parametrize("sent", [b"yesterday", b"2026-11-24T07:00:00", b""])
def test_an_unusable_time_in_the_envelope_is_no_time(sent):
    assert read(TOPIC, None, VALUE, binary(ce_time=sent)).time is None
    assert read(TOPIC, None, structured(time=7), STRUCTURED).time is None
