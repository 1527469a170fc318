"""Whatever stands in a record, `parse` returns an event or raises `Refused`."""

import json
import string
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from backorder_contracts.inputs import INPUTS, parse
from backorder_contracts.refusal import Refused

QUICK = settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])

GOLDEN = Path(__file__).parents[3] / "schemas" / "examples"
EXAMPLES = {
    topic: [json.loads(path.read_text("utf-8")) for path in sorted(GOLDEN.glob(f"{model.ce_type}/1/*.json"))]
    for topic, model in INPUTS.items()
}

topics = st.sampled_from(sorted(INPUTS))
header_names = st.sampled_from(
    ["ce_id", "ce_type", "ce_source", "ce_specversion", "ce_time", "ce_subject", "content-type", "traceparent", "x"]
)
header_values = (
    st.none()
    | st.binary(max_size=20)
    | st.sampled_from(
        [b"1.0", b"order.placed", b"stock.changed", b"application/json", b"application/cloudevents+json", b"/s"]
    )
)
headers = st.lists(st.tuples(header_names, header_values), max_size=9)
numbers = st.integers() | st.floats(allow_nan=True) | st.sampled_from([2**63, 10**400, -0.0, 1e308])
texts = st.text(max_size=70) | st.text(alphabet=string.printable, max_size=70) | st.just("\ud800")
scalars = st.none() | st.booleans() | numbers | texts | st.dates().map(str) | st.datetimes().map(str)
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts, inner, max_size=3), max_leaves=6
)


def try_to_parse(topic, value, headers=()):
    try:
        envelope, _ = parse(topic, None, value, headers)
    except Refused as error:
        refused = error
    else:
        assert envelope.id.encode()
        return
    assert refused.detail.encode()
    assert refused.detail.isprintable()
    assert len(refused.detail) <= 500


def written(data):
    return json.dumps(data).encode()


@QUICK
@given(topics, st.none() | st.binary(max_size=200), headers)
def test_for_arbitrary_bytes(topic, value, headers):
    try_to_parse(topic, value, headers)


@QUICK
@given(topics, trees, headers)
def test_for_arbitrary_json(topic, tree, headers):
    try_to_parse(topic, written(tree), headers)


@QUICK
@given(topics, trees)
def test_for_arbitrary_structured_events(topic, tree):
    event = {"specversion": "1.0", "id": "1", "source": "/", "type": INPUTS[topic].ce_type, "data": tree}
    try_to_parse(topic, written(event), [("content-type", b"application/cloudevents+json")])


def places(data, path=()):
    """Every path into a JSON value."""
    yield path
    if isinstance(data, dict):
        for name, value in data.items():
            yield from places(value, (*path, name))
    if isinstance(data, list):
        for index, value in enumerate(data):
            yield from places(value, (*path, index))


def replaced(data, path, value):
    if not path:
        return value
    copy = dict(data) if isinstance(data, dict) else list(data)
    copy[path[0]] = replaced(copy[path[0]], path[1:], value)
    return copy


@st.composite
def mutated(draw):
    topic = draw(topics)
    data = draw(st.sampled_from(EXAMPLES[topic]))
    for _ in range(draw(st.integers(1, 3))):
        path = draw(st.sampled_from(list(places(data))))
        data = replaced(data, path, draw(trees))
        if not isinstance(data, dict):
            break
    return topic, data


@settings(QUICK, max_examples=1_000)
@given(mutated())
def test_for_valid_events_with_some_values_replaced(case):
    topic, data = case
    try_to_parse(topic, written(data))


@QUICK
@given(topics, st.data())
def test_for_valid_events_with_some_bytes_changed(topic, data):
    value = bytearray(written(data.draw(st.sampled_from(EXAMPLES[topic]))))
    for _ in range(data.draw(st.integers(1, 4))):
        value[data.draw(st.integers(0, len(value) - 1))] = data.draw(st.integers(0, 255))
    try_to_parse(topic, bytes(value[: data.draw(st.integers(0, len(value)))]))


@pytest.mark.parametrize("topic", INPUTS)
@pytest.mark.parametrize("depth", [100, 800, 990, 2_000, 60_000])
def test_for_valid_events_with_an_unknown_field_of_any_depth(topic, depth):
    value = written(EXAMPLES[topic][0])[:-1] + b',"x":' + b'{"x":' * depth + b"1" + b"}" * depth + b"}"
    try_to_parse(topic, value)


@pytest.mark.parametrize("number", [b"1e400", b"-1e400", b"1" * 5_000, b"1" * 400, b"0.1e-400", b"-0"])
@pytest.mark.parametrize("topic", INPUTS)
def test_for_numbers_that_no_machine_holds(topic, number):
    try_to_parse(topic, written(EXAMPLES[topic][0])[:-1] + b',"x":' + number + b"}")
    for field in ("version", "quantity", "order_id", "placed_at"):
        try_to_parse(topic, written({**EXAMPLES[topic][0], field: 0}).replace(b": 0", b": " + number))
