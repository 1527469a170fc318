"""The quick way to read an order, held against the contract: what it reads it reads the same, or not at all."""

import json
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backorder_contracts.refusal import Refused
from backorder_contracts.usual_order import usual_lines
from backorder_runtime.record import Record
from gap_detector.intake import OrderIntake, by_contract

USUAL = {
    "order_id": "SO-1",
    "placed_at": "2026-11-24T07:00:00Z",
    "customer": {"customer_id": "C-1"},
    "lines": [{"line_id": "1", "part_id": "P-1", "quantity": 2}],
}
WHOLE_LINE = {
    "line_id": "2",
    "part_id": "P-2",
    "location_id": "W1",
    "quantity": 1_000_000_000,
    "need_by": "2026-11-30",
    "service_impact": "down",
    "ship_policy": "complete",
    "unit_value": "129.90",
}
BINARY = (("ce_specversion", b"1.0"), ("ce_id", b"e-1"), ("ce_source", b"/shop"), ("ce_type", b"order.placed"))

texts = st.one_of(
    st.sampled_from(
        ["", "A", "x" * 64, "x" * 65, "MAIN", "a b", "ä", "\x7f", "\u00a0", "\ufffd", "\u200b", "\n", '"', "\\"]
    ),
    st.text(max_size=5),
)
times = st.sampled_from(
    [
        "2026-11-24T07:00:00Z",
        "2026-11-24t07:00:00.1234567z",
        "2026-11-24T07:00:00+01:00",
        "2026-12-31T23:59:60Z",
        "1899-12-31T23:59:59Z",
        "9998-12-31T23:59:59-12:00",
        "2026-11-24T07:00:00",
        "2026-02-30T07:00:00Z",
        "2026-11-24",
        "9998-12-31",
        "",
    ]
)
numbers = st.sampled_from([0, 1, -1, 4, 4.0, 1e9, 1.5, 10**9, 10**9 + 1, 2**63, 2**64, True])
anything = st.one_of(
    texts,
    times,
    numbers,
    st.none(),
    st.sampled_from(["gold", "standard", "down", "none", "complete", "12.5", "1e3", "007"]),
)
NAMES = ("order_id", "placed_at", "customer", "lines", "customer_id", "tier", *WHOLE_LINE, "note", "other")
fields = st.dictionaries(st.sampled_from(NAMES), anything, max_size=3)


@st.composite
def orders(draw: st.DrawFn) -> dict[str, Any]:
    """An order of one to three lines, here and there with what does not belong there."""
    lines = [
        WHOLE_LINE | {"line_id": draw(st.sampled_from("123"))} | draw(fields)
        if draw(st.booleans())
        else USUAL["lines"][0] | {"line_id": draw(st.sampled_from("123"))} | draw(fields)
        for _ in range(draw(st.integers(0, 3)))
    ]
    customer = {"customer_id": draw(texts)} | draw(fields) if draw(st.booleans()) else USUAL["customer"]
    return USUAL | {"customer": customer, "lines": lines} | (draw(fields) if draw(st.booleans()) else {})


def said(translate: Any, value: bytes, headers: Any = ()) -> Any:
    """What a record is translated to, or why it is refused."""
    try:
        return translate(Record("order-placed", 2, 7, None, value, headers))
    except Refused as refused:
        return refused.reason, refused.detail


def same(value: bytes, headers: Any = ()) -> None:
    assert said(OrderIntake().translate, value, headers) == said(by_contract, value, headers)


@given(orders(), st.booleans())
def test_an_order_says_the_same_both_ways_and_is_refused_for_the_same(order, ascii_only):
    same(json.dumps(order, ensure_ascii=ascii_only).encode())


@given(orders(), st.data())
def test_so_does_one_with_a_name_twice_or_a_piece_missing(order, data):
    text = json.dumps(order)
    at = data.draw(st.integers(0, len(text)))
    name, value = data.draw(st.sampled_from(NAMES)), data.draw(st.sampled_from(['"A"', "1", "null", '"2026-11-24"']))
    inside = text.replace("{", f'{{"{name}": {value}, ', 1)
    behind = text[: text.rindex("}")] + f', "{name}": {value}}}'
    for mistaken in (inside, behind, text[:at] + text[at + 1 :], text[:at] + data.draw(texts) + text[at:]):
        same(mistaken.encode("utf-8", "replace"))


@given(
    st.lists(
        st.sampled_from(
            [
                *BINARY,
                ("ce_type", b"order.cancelled"),
                ("ce_id", b""),
                ("ce_id", b"e-2"),
                ("content-type", b"application/json"),
                ("content-type", b"application/cloudevents+json"),
                ("content-type", b"application/cloudevents+avro"),
                ("traceparent", b"x"),
            ]
        ),
        max_size=7,
    )
)
@example(BINARY)
@example([("content-type", b"application/cloudevents+json")])
@example((*BINARY, ("content-type", b"application/json")))
def test_whatever_stands_around_it(headers):
    same(json.dumps(USUAL).encode(), tuple(headers))


@pytest.mark.parametrize(
    "order",
    [
        USUAL,
        USUAL | {"lines": [*USUAL["lines"], WHOLE_LINE]},
        USUAL | {"customer": {"customer_id": "C-1", "tier": "gold"}},
        USUAL | {"customer": {"customer_id": "C-1", "tier": "standard"}},
        USUAL | {"lines": [USUAL["lines"][0] | {"location_id": "MAIN", "need_by": None, "unit_value": None}]},
    ],
)
def test_the_usual_order_is_read_the_quick_way(order):
    assert usual_lines(json.dumps(order).encode()) is not None
    same(json.dumps(order).encode())


def test_an_order_that_is_too_long_is_refused():
    padded = json.dumps(USUAL).encode() + b" " * 256 * 1024
    assert said(OrderIntake().translate, padded)[0] == "too-large"
    same(padded)


def test_an_order_in_an_envelope_of_its_own_is_read():
    event = {"specversion": "1.0", "id": "e-1", "source": "/shop", "type": "order.placed", "data": USUAL}
    structured = (("content-type", b"application/cloudevents+json"),)
    same(json.dumps(event).encode(), structured)
    same(json.dumps(USUAL | event).encode(), structured)


def _with(old: str, new: str) -> bytes:
    text = json.dumps(USUAL)
    assert old in text
    return text.replace(old, new).encode()


@pytest.mark.parametrize(
    "raw",
    [
        _with('"P-1"', '"P\x7f1"'),
        _with('"P-1"', '"P\u00a01"'),
        _with('"P-1"', '"P\ufffd1"'),
        _with('"P-1"', '"P\\u200b1"'),
        _with('"SO-1"', '"SO-1", "order_id": "SO-2"'),
        _with('"P-1"', '"P-1", "part_id": "P-2"'),
        _with('"P-1"', '"P-1", "note": "of a version to come", "note": "twice"'),
        _with('"P-1", ', '"P-1", "\\u0070art_id": "P-2", '),
        _with("}]", '}, {"line_id": "1", "part_id": "P-2", "quantity": 1}]'),
        _with('"2026-11-24T07:00:00Z"', '"2026-11-24T07:00:00"'),
        _with("2}", '2, "need_by": ""}'),
        _with("2}", '2, "unit_value": "1e3"}'),
        _with("2}", '2, "location_id": ""}'),
    ],
)
def test_what_is_not_to_be_seen_at_once_is_left_to_the_contract(raw):
    assert usual_lines(raw) is None
    same(raw)
