"""The quick way to read an order, held against the contract: what it reads it reads the same, or not at all."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backorder_contracts.orders import Customer, OrderLine, OrderPlaced
from backorder_contracts.refusal import Refused
from backorder_contracts.usual_order import usual_lines
from backorder_runtime.record import Record
from gap_detector.intake import OrderIntake, by_contract

LINE = {"line_id": "1", "part_id": "P-1", "quantity": 2}
USUAL = {
    "order_id": "SO-1",
    "placed_at": "2026-11-24T07:00:00Z",
    "customer": {"customer_id": "C-1"},
    "lines": [LINE],
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
WHOLE_CUSTOMER = {"customer_id": "C-1", "tier": "gold"}
WHOLE = USUAL | {"customer": WHOLE_CUSTOMER, "lines": [WHOLE_LINE]}

TEXTS = ["", "A", "x" * 64, "x" * 65, "MAIN", "a b", "ä", "\x7f", "\u00a0", "\ufffd", "\u200b", "\n", '"', "\\"]
WORDS = ["platinum", "standard", "degraded", "none", "available", "Gold", "12.5", "1e3", "007", "1" * 16, "1.1234567"]
TIMES = [
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
]
NUMBERS = [0, 1, -1, 4, 4.0, 1e9, 1.5, 10**9, 10**9 + 1, 2**63, 2**64, True]
VALUES = [*TEXTS, *WORDS, *TIMES, *NUMBERS, None, [], {}, ["A"]]
NAMES = (*USUAL, *WHOLE_CUSTOMER, *WHOLE_LINE, "note", "other")

BINARY = (("ce_specversion", b"1.0"), ("ce_id", b"e-1"), ("ce_source", b"/shop"), ("ce_type", b"order.placed"))
HEADERS = [
    *BINARY,
    ("ce_type", b"order.cancelled"),
    ("ce_id", b""),
    ("ce_id", b"e-2"),
    ("content-type", b"application/json"),
    ("content-type", b"application/cloudevents+json"),
    ("content-type", b"application/cloudevents+avro"),
    ("traceparent", b"x"),
]


def bytes_of(order: Any) -> bytes:
    return json.dumps(order).encode()


def said(translate: Any, value: bytes, headers: Any = ()) -> Any:
    """What a record is translated to, or why it is refused."""
    try:
        return translate(Record("order-placed", 2, 7, None, value, headers))
    except Refused as refused:
        return refused.reason, refused.detail


def same(value: bytes, headers: Any = ()) -> None:
    assert said(OrderIntake().translate, value, headers) == said(by_contract, value, headers)


def each_with_one_change() -> Iterator[dict[str, Any]]:
    """A good order, with one of its fields as it may be, or may not be."""
    for value in VALUES:
        yield from (WHOLE | {name: value} for name in WHOLE)
        yield from (WHOLE | {"customer": WHOLE_CUSTOMER | {name: value}} for name in WHOLE_CUSTOMER)
        yield from (WHOLE | {"lines": [WHOLE_LINE | {name: value}]} for name in WHOLE_LINE)


def test_whatever_one_field_is_the_order_is_taken_or_refused_as_by_the_contract():
    quick = 0
    for order in each_with_one_change():
        raw = bytes_of(order)
        quick += usual_lines(raw) is not None
        same(raw)
    assert quick > 100  # else only the contract was held against itself


values = st.one_of(st.sampled_from(VALUES), st.text(max_size=5))
changes = st.dictionaries(st.sampled_from(NAMES), values, max_size=2)


@st.composite
def orders(draw: st.DrawFn) -> dict[str, Any]:
    """An order of some lines, here and there with what does not belong there."""
    lines = [
        draw(st.sampled_from([LINE, WHOLE_LINE])) | {"line_id": draw(st.sampled_from("1234"))}
        for _ in range(draw(st.integers(1, 3)))
    ]
    lines[-1] |= draw(st.one_of(st.just({}), changes))
    customer = draw(st.sampled_from([USUAL["customer"], WHOLE_CUSTOMER])) | draw(st.one_of(st.just({}), changes))
    return USUAL | {"customer": customer, "lines": lines} | draw(st.one_of(st.just({}), changes))


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
    for mistaken in (
        inside,
        behind,
        text[:at] + text[at + 1 :],
        text[:at] + data.draw(st.sampled_from(TEXTS)) + text[at:],
    ):
        same(mistaken.encode("utf-8", "replace"))


@given(
    st.lists(st.sampled_from(HEADERS), max_size=6),
    st.sampled_from([bytes_of(USUAL), bytes_of(USUAL) + b" " * 256 * 1024, b"", b" \n", b"{", b"[1]", b"{}"]),
)
@example(list(BINARY), bytes_of(USUAL))
@example([("content-type", b"application/cloudevents+json")], bytes_of(USUAL))
@example([("content-type", b"application/cloudevents+avro")], b" ")
def test_whatever_stands_beside_it(headers, value):
    same(value, tuple(headers))


@pytest.mark.parametrize(
    "order",
    [
        USUAL,
        WHOLE,
        USUAL | {"lines": [LINE, WHOLE_LINE]},
        USUAL | {"customer": {"customer_id": "C-1", "tier": "standard"}},
        USUAL | {"lines": [LINE | {"location_id": "MAIN", "need_by": None, "unit_value": None}]},
    ],
)
def test_the_usual_order_is_read_the_quick_way(order):
    assert usual_lines(bytes_of(order)) is not None
    same(bytes_of(order))


def test_the_quick_way_knows_all_that_the_contract_does():
    for whole, model in ((WHOLE, OrderPlaced), (WHOLE_CUSTOMER, Customer), (WHOLE_LINE, OrderLine)):
        assert set(whole) == set(model.model_fields)
    assert usual_lines(bytes_of(WHOLE)) is not None


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
        _with('"P-1"', '"P-1", "note": ' + "[" * 100_000),
        _with("}]", '}, {"line_id": "1", "part_id": "P-2", "quantity": 1}]'),
        bytes_of(USUAL | {"lines": []}),
        bytes_of(USUAL | {"lines": [LINE | {"line_id": str(n)} for n in range(1_001)]}),
        bytes_of(USUAL) + b" " * 256 * 1024,
    ],
)
def test_what_is_not_to_be_seen_at_once_is_left_to_the_contract(raw):
    assert usual_lines(raw) is None
    same(raw)


def test_an_order_that_holds_its_envelope_is_read_by_the_contract():
    event = {"specversion": "1.0", "id": "e-1", "source": "/shop", "type": "order.placed", "data": USUAL}
    structured = (("content-type", b"application/cloudevents+json"),)
    (line,) = said(OrderIntake().translate, bytes_of(event), structured)
    assert line.key == "P-1@MAIN"
    same(bytes_of(event), structured)
