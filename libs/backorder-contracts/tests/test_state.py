import json
from datetime import UTC, datetime

import pytest
from pydantic import ValidationError

from backorder_contracts import fast_state
from backorder_contracts.dead_letter import DeadLetterHeaders
from backorder_contracts.state import BackOrderState, Cause, Promise, Quantity, Supplied
from backorder_contracts.state_events import STATE_EVENTS
from backorder_contracts.state_extras import Command, PassedOver

AT = datetime(2026, 11, 24, 7, tzinfo=UTC)
NOTHING = {"allocated": 0, "released": 0, "shipped": 0, "cancelled": 0, "waiting": 0}


def quantity(**units):
    return Quantity(**{"ordered": 4, "covered": 1, "back_ordered": 3, **NOTHING, **units})


def state(**changed):
    fields = {
        "back_order_id": "BO-1",
        "version": 1,
        "order_id": "SO-1",
        "line_id": "1",
        "part_id": "P",
        "location_id": "W",
        "customer_id": "C-1",
        "tier": "standard",
        "service_impact": "none",
        "ship_policy": "available",
        "unit_value": None,
        "status": "open",
        "quantity": quantity(waiting=3),
        "band": None,
        "placed_at": AT,
        "opened_at": AT,
        "due_at": None,
        "need_by": None,
        "promise": None,
        "policy_version": None,
        "cause": Cause(type="order.placed", id="SO-1"),
    }
    return BackOrderState(**{**fields, **changed})


def test_units_of_a_back_order_add_up():
    with pytest.raises(ValidationError, match="is not waiting"):
        quantity(waiting=2)
    with pytest.raises(ValidationError, match="more than ordered"):
        quantity(waiting=4, back_ordered=4)


def test_fields_without_value_are_null_and_extras_without_value_are_left_out():
    written = json.loads(state(changed={"back_ordered": 3}).to_json())
    assert written["promise"] is None
    assert written["supplied_by"] == []
    assert written["changed"] == {"back_ordered": 3}
    assert written["cause"] == {"type": "order.placed", "id": "SO-1"}
    assert not written.keys() & {"reason", "rule", "rank", "durations", "command"}


def test_an_event_is_read_back_as_it_was_written():
    event = state(
        version=5,
        supplied_by=(Supplied(delivery_id="PO-1/1", quantity=3),),
        promise=Promise(p50=AT, p90=AT, first_p50=AT, revisions=0, delivery_ids=("PO-1/1",)),
        passed_over=(PassedOver(back_order_id="BO-2", rank=1, reason="held"),),
        command=Command(command_id="CMD-1", action="hold", requested_by="U-1"),
    )
    assert BackOrderState.model_validate_json(event.to_json()) == event
    assert event.lane == "P@W"


def test_a_status_that_nobody_knows_yet_is_read():
    assert state(status="substituted").status == "substituted"


def test_the_types_of_the_topic_are_those_with_a_meaning():
    assert set(BackOrderState.ce_types) == set(STATE_EVENTS)
    extras = {name for event in STATE_EVENTS.values() for name in (*event.has, *event.may_have)}
    assert extras < BackOrderState.model_fields.keys()


@pytest.mark.parametrize(
    ("fast", "model"),
    [
        (fast_state.State, BackOrderState),
        (fast_state.Quantities, Quantity),
        (fast_state.Promised, Promise),
        (fast_state.SuppliedUnits, Supplied),
        (fast_state.PassedOverLine, PassedOver),
    ],
)
def test_what_the_services_write_has_the_fields_of_the_contract(fast, model):
    assert set(fast.__struct_fields__) == model.model_fields.keys()


def test_dead_letter_headers_are_text_and_read_back():
    headers = DeadLetterHeaders(
        topic="order-placed", partition=3, offset=7, reason="not-json", detail="line\none", at=AT
    )
    written = headers.headers()
    assert ("dlq-offset", b"7") in written
    assert ("dlq-at", b"2026-11-24T07:00:00Z") in written
    assert ("dlq-detail", b"line\\none") in written
    read = DeadLetterHeaders.read([("ce_id", b"\xff"), *written])
    assert (read.partition, read.offset, read.at) == (3, 7, AT)
    with pytest.raises(ValidationError):
        DeadLetterHeaders.read([("dlq-topic", b"order-placed")])
