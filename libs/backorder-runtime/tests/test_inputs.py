"""A bundle that is read in one pass says what its messages say one by one; who fails in it is found one by one."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backorder_runtime.bundle import TYPE, Bundler, unpack
from backorder_runtime.handler import Arrived
from backorder_runtime.inputs import Reader, at_once
from backorder_runtime.record import Message, Record

NUMBERS = "order-line"
traces = st.one_of(st.none(), st.text("0123456789abcdef-", min_size=1, max_size=5))
messages = st.lists(st.tuples(st.sampled_from(["A@W1", "Ü@W2"]), st.integers(-(2**60), 2**60), traces), max_size=20)


def understand(number: int) -> Arrived[int]:
    if number == 13:
        raise ZeroDivisionError("a defect")
    return Arrived(f"lane of {number}", number)


READERS = {NUMBERS: Reader(int, understand)}


def bundle(*said: tuple[str, object, str | None], topic: str = NUMBERS) -> Record:
    bundler = Bundler(1)
    for lane, what, trace in said:
        bundler.add(Message(topic, lane, "x", json.dumps(what).encode()), trace)
    value = bundler.take()[0].value if said else b"[]"
    return Record(topic, 0, 7, None, value, (("ce_type", TYPE.encode()),), 5)


@given(messages)
def test_read_in_one_pass_a_bundle_says_the_same_as_message_by_message(said: list[tuple[str, int, str | None]]) -> None:
    record = bundle(*((lane, 14 if number == 13 else number, trace) for lane, number, trace in said))
    inputs = at_once(READERS, record)
    assert inputs is not None
    one_by_one = list(unpack(record))
    assert [item.arrived for item in inputs] == [understand(json.loads(each.value or b"")) for each in one_by_one]
    assert [item.arrived for item in inputs] == [READERS[NUMBERS].one(each.value or b"") for each in one_by_one]
    assert [item.trace for item in inputs] == [each.header("traceparent") for each in one_by_one]
    assert [item.record for item in inputs] == one_by_one


@pytest.mark.parametrize("wrong", ["a text", 1.5, None, 13, {}])
def test_a_message_that_fails_has_all_of_its_bundle_looked_at_one_by_one(wrong: object) -> None:
    assert at_once(READERS, bundle(("A@W1", 1, None), ("A@W1", wrong, None), ("A@W1", 2, None))) is None


def test_what_is_no_bundle_or_has_no_type_of_its_own_is_looked_at_one_by_one() -> None:
    assert at_once(READERS, bundle(("A@W1", 1, None), topic="supply")) is None
    assert at_once(READERS, Record(NUMBERS, 0, 7, b"A@W1", b"[1]", (("ce_type", b"x"),))) is None
    assert at_once(READERS, Record(NUMBERS, 0, 7, None, b"no json", (("ce_type", TYPE.encode()),))) is None
