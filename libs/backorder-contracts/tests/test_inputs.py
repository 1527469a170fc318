import copy
import json

import pytest

from backorder_contracts.inputs import INPUTS, parse
from backorder_contracts.refusal import Reason, Refused

ORDER = {
    "order_id": "SO-1",
    "placed_at": "2026-11-24T07:00:00Z",
    "customer": {"customer_id": "C-1"},
    "lines": [{"line_id": "1", "part_id": "P", "quantity": 4}],
}
CANCELLATION = {"order_id": "SO-1", "cancelled_at": "2026-11-24T07:00:00Z"}
STOCK = {
    "part_id": "P",
    "location_id": "W",
    "on_hand": 1,
    "version": 1,
    "occurred_at": "2026-11-24T07:00:00Z",
    "reason": "received",
}
DELIVERY = {
    "delivery_id": "PO-1/1",
    "supplier_id": "S",
    "part_id": "P",
    "location_id": "W",
    "version": 1,
    "status": "promised",
    "quantity": 1,
    "received_quantity": 0,
    "promised_at": "2026-11-30",
    "occurred_at": "2026-11-24T07:00:00Z",
}
COMMAND = {
    "command_id": "CMD-1",
    "back_order_id": "BO-1",
    "part_id": "P",
    "location_id": "W",
    "action": "hold",
    "requested_by": "U-1",
}
VALID = {
    "order-placed": ORDER,
    "order-cancelled": CANCELLATION,
    "stock-changed": STOCK,
    "supplier-delivery": DELIVERY,
    "back-order-command": COMMAND,
}
GONE = object()


def with_(topic, path, value):
    """The valid event of a topic with one field set, or taken away."""
    data = copy.deepcopy(VALID[topic])
    *steps, last = path
    target = data
    for step in steps:
        target = target[step]
    if value is GONE:
        del target[last]
    else:
        target[last] = value
    return data


def parsed(topic, data):
    return parse(topic, None, json.dumps(data).encode(), ())


def refusal(topic, data):
    with pytest.raises(Refused) as refused:
        parsed(topic, data)
    return refused.value.reason, refused.value.detail


LINE = ("lines", 0)


@pytest.mark.parametrize("topic", INPUTS)
def test_every_input_topic_has_a_valid_event(topic):
    envelope, event = parsed(topic, VALID[topic])
    assert isinstance(event, INPUTS[topic])
    assert envelope.id
    assert envelope.type == INPUTS[topic].ce_type


def test_defaults_are_those_of_the_contract():
    _, order = parsed("order-placed", ORDER)
    line = order.lines[0]
    assert order.customer.tier == "standard"
    assert (line.location_id, line.service_impact, line.ship_policy) == ("MAIN", "none", "available")
    assert line.need_by is None
    assert line.unit_value is None


def test_a_null_is_read_as_if_the_field_were_not_there():
    data = with_("order-placed", (*LINE, "location_id"), None)
    data["lines"][0] |= {"service_impact": None, "ship_policy": None, "need_by": None, "unit_value": None}
    data["customer"]["tier"] = None
    assert parsed("order-placed", data)[1] == parsed("order-placed", ORDER)[1]
    assert parsed("order-cancelled", {**CANCELLATION, "lines": None})[1].lines is None
    assert refusal("order-placed", {**ORDER, "order_id": None})[0] == Reason.MISSING_FIELD


@pytest.mark.parametrize(
    ("topic", "field"),
    [
        (topic, field)
        for topic, data in VALID.items()
        for field in data
        if field != "reason" or topic == "stock-changed"
    ],
)
def test_every_required_field_is_missed_by_name(topic, field):
    reason, detail = refusal(topic, with_(topic, (field,), GONE))
    assert reason == Reason.MISSING_FIELD
    assert detail.startswith(f"{field}: ")


@pytest.mark.parametrize(
    "identifier",
    ["SO/2026/001", "Ü-12", "東京 1", "a b", " ", "x" * 64, "🚚" * 64, "क्‍ष", "می‌خواهم", "e\u0301", "@", "$ref", "0"],
)
def test_identifiers_of_any_script_are_kept_byte_by_byte(identifier):
    assert parsed("order-placed", {**ORDER, "order_id": identifier})[1].order_id == identifier


@pytest.mark.parametrize(
    "identifier",
    [
        "",
        "x" * 65,
        "a\tb",
        "a\nb",
        "a\n",
        "\0",
        "\x7f",
        "\x85",
        "\u2028",
        "\u200b",
        "\ufeff",
        "\u202e",
        "\xad",
        "\uffff",
    ],
)
def test_what_cannot_be_printed_is_no_identifier(identifier):
    assert refusal("order-placed", {**ORDER, "order_id": identifier})[0] == Reason.BAD_IDENTIFIER


@pytest.mark.parametrize("identifier", [7, 7.0, True, [], {}, ["a"], "a\0b"])
def test_an_identifier_is_text_and_the_detail_names_its_place(identifier):
    reason, detail = refusal("order-placed", with_("order-placed", (*LINE, "part_id"), identifier))
    assert reason == Reason.BAD_IDENTIFIER
    assert detail.startswith("lines[0].part_id: ")
    assert detail.isprintable()


@pytest.mark.parametrize("quantity", [0, -1, 1_000_000_001, 4.0, "4", True, 10**400, 1.5, [], {}])
def test_a_quantity_is_a_json_integer_in_range(quantity):
    reason, detail = refusal("order-placed", with_("order-placed", (*LINE, "quantity"), quantity))
    assert reason == Reason.BAD_QUANTITY
    assert detail.startswith("lines[0].quantity: ")


@pytest.mark.parametrize("quantity", [1, 1_000_000_000])
def test_the_limits_of_a_quantity_are_quantities(quantity):
    assert parsed("order-placed", with_("order-placed", (*LINE, "quantity"), quantity))[1].lines[0].quantity == quantity


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [("on_hand", (0, 10**12), (-1, 10**12 + 1, 0.0)), ("version", (0, 2**63 - 1), (-1, 2**63, "1", None))],
)
def test_levels_and_versions_have_their_own_limits(field, good, bad):
    for value in good:
        assert getattr(parsed("stock-changed", {**STOCK, field: value})[1], field) == value
    for value in bad:
        assert refusal("stock-changed", {**STOCK, field: value})[0] in {Reason.BAD_QUANTITY, Reason.MISSING_FIELD}


@pytest.mark.parametrize(
    ("topic", "path", "value", "reason"),
    [
        ("order-placed", ("placed_at",), "2026-11-24T07:00:00", Reason.BAD_TIME),
        ("order-placed", ("placed_at",), "2026-11-24", Reason.BAD_TIME),
        ("order-placed", ("placed_at",), 1_795_503_600, Reason.BAD_TIME),
        ("order-placed", (*LINE, "need_by"), "soon", Reason.BAD_TIME),
        ("order-placed", (*LINE, "need_by"), 20261130, Reason.BAD_TIME),
        ("order-placed", (*LINE, "unit_value"), 129.9, Reason.INVALID_FIELD),
        ("order-placed", (*LINE, "unit_value"), "-1", Reason.INVALID_FIELD),
        ("order-placed", (*LINE, "unit_value"), "1e3", Reason.INVALID_FIELD),
        ("order-placed", (*LINE, "unit_value"), "1.", Reason.INVALID_FIELD),
        ("order-placed", (*LINE, "unit_value"), "1\n", Reason.INVALID_FIELD),
        ("order-placed", (*LINE, "service_impact"), "DOWN", Reason.UNKNOWN_VALUE),
        ("order-placed", (*LINE, "ship_policy"), "never", Reason.UNKNOWN_VALUE),
        ("order-placed", ("customer", "tier"), "diamond", Reason.UNKNOWN_VALUE),
        ("order-placed", ("customer",), "C-1", Reason.INVALID_FIELD),
        ("order-placed", ("lines",), [], Reason.INVALID_FIELD),
        ("order-placed", ("lines",), {}, Reason.INVALID_FIELD),
        ("order-placed", ("lines", 0), "1", Reason.INVALID_FIELD),
        ("order-placed", ("lines", 0), None, Reason.INVALID_FIELD),
        ("order-cancelled", ("lines",), [], Reason.INVALID_FIELD),
        ("order-cancelled", ("lines",), [{"line_id": "1"}, {"line_id": "1"}], Reason.DUPLICATE_LINE),
        ("order-cancelled", ("lines",), [{"line_id": "1", "quantity": 0}], Reason.BAD_QUANTITY),
        ("order-cancelled", ("reason",), "x" * 501, Reason.INVALID_FIELD),
        ("order-cancelled", ("reason",), "a\0b", Reason.INVALID_FIELD),
        ("order-cancelled", ("cancelled_at",), None, Reason.MISSING_FIELD),
        ("stock-changed", ("reason",), 7, Reason.INVALID_FIELD),
        ("stock-changed", ("reason",), "", Reason.INVALID_FIELD),
        ("stock-changed", ("shipped",), [{"order_id": "SO-1", "line_id": "1", "quantity": 1}], Reason.INVALID_FIELD),
        ("stock-changed", ("delivery_id",), "", Reason.BAD_IDENTIFIER),
        ("supplier-delivery", ("status",), "lost", Reason.UNKNOWN_VALUE),
        ("supplier-delivery", ("quantity",), 0, Reason.BAD_QUANTITY),
        ("supplier-delivery", ("received_quantity",), -1, Reason.BAD_QUANTITY),
        ("supplier-delivery", ("promised_at",), "2026-02-30", Reason.BAD_TIME),
        ("supplier-delivery", ("occurred_at",), "2026-11-24", Reason.BAD_TIME),
        ("back-order-command", ("action",), "explode", Reason.UNKNOWN_ACTION),
        ("back-order-command", ("action",), 7, Reason.UNKNOWN_ACTION),
        ("back-order-command", ("action",), "expedite", Reason.MISSING_FIELD),
        ("back-order-command", ("action",), "reroute", Reason.MISSING_FIELD),
        ("back-order-command", ("band",), "gold", Reason.INVALID_FIELD),
        ("back-order-command", ("quantity",), 1, Reason.INVALID_FIELD),
        ("back-order-command", ("to_location_id",), "W2", Reason.INVALID_FIELD),
        ("back-order-command", ("requested_by",), "", Reason.INVALID_FIELD),
    ],
)
def test_each_sort_of_mistake_has_its_code(topic, path, value, reason):
    found, detail = refusal(topic, with_(topic, path, value))
    assert found == reason, detail
    assert ": " in detail


@pytest.mark.parametrize(
    ("topic", "path", "value", "told"),
    [
        (
            "order-placed",
            (*LINE, "quantity"),
            "4",
            'lines[0].quantity: "4"; expected a whole number from 1 to 1000000000',
        ),
        ("order-placed", ("order_id",), "a\nb", 'order_id: "a\\nb"; expected 1 to 64 printable characters'),
        ("order-placed", ("lines",), {}, "lines: an object; expected a list of 1 to 1000 lines"),
        ("order-placed", ("customer",), "C-1", 'customer: "C-1"; expected an object'),
        ("order-placed", (*LINE, "need_by"), "soon", "lines[0].need_by: expected a time with an offset, or a date"),
        ("order-cancelled", ("reason",), "a\0b", 'reason: "a\\x00b"; expected text of at most 500 characters'),
        ("stock-changed", ("reason",), "", 'reason: ""; expected 1 to 64 printable characters'),
        ("back-order-command", ("action",), "explode", "action: \"explode\"; expected 'hold', 'resume'"),
        ("back-order-command", ("action",), "expedite", "band: is missing; action expedite needs it"),
    ],
)
def test_a_detail_names_the_field_what_was_given_and_what_is_expected(topic, path, value, told):
    assert refusal(topic, with_(topic, path, value))[1].startswith(told)


def test_an_order_has_at_most_a_thousand_lines():
    lines = [{"line_id": str(n), "part_id": "P", "quantity": 1} for n in range(1_001)]
    assert len(parsed("order-placed", {**ORDER, "lines": lines[:1_000]})[1].lines) == 1_000
    assert refusal("order-placed", {**ORDER, "lines": lines})[0] == Reason.INVALID_FIELD


def test_a_line_twice_in_one_order_is_refused_by_name():
    lines = [{"line_id": "7", "part_id": part, "quantity": 1} for part in "PQ"]
    reason, detail = refusal("order-placed", {**ORDER, "lines": lines})
    assert reason == Reason.DUPLICATE_LINE
    assert '"7"' in detail


def test_one_bad_line_refuses_the_whole_order():
    lines = [*ORDER["lines"], {"line_id": "2", "part_id": "P", "quantity": 0}]
    reason, detail = refusal("order-placed", {**ORDER, "lines": lines})
    assert reason == Reason.BAD_QUANTITY
    assert detail.startswith("lines[1].quantity")


def test_a_reason_of_their_own_is_a_plain_change_of_the_level():
    assert parsed("stock-changed", {**STOCK, "reason": "quality-hold"})[1].reason == "quality-hold"


def test_shipped_lines_count_with_reason_shipped_only():
    shipped = [{"order_id": "SO-1", "line_id": "1", "quantity": 2}]
    _, event = parsed("stock-changed", {**STOCK, "reason": "shipped", "shipped": shipped})
    assert [(line.order_id, line.line_id, line.quantity) for line in event.shipped] == [("SO-1", "1", 2)]
    assert parsed("stock-changed", {**STOCK, "shipped": []})[1].shipped == ()
    bad = [{"order_id": "SO-1", "line_id": "1", "quantity": 0}]
    assert refusal("stock-changed", {**STOCK, "reason": "shipped", "shipped": bad})[0] == Reason.BAD_QUANTITY


@pytest.mark.parametrize(
    "extra",
    [
        {"action": "expedite", "band": "machine-down"},
        {"action": "cancel", "quantity": 2},
        {"action": "cancel"},
        {"action": "release"},
        {"action": "resume"},
        {"action": "reroute", "to_location_id": "W2"},
    ],
)
def test_each_action_takes_its_own_fields(extra):
    _, command = parsed("back-order-command", {**COMMAND, **extra})
    assert command.action == extra["action"]


@pytest.mark.parametrize(
    ("topic", "identity"),
    [
        ("order-placed", "SO-1"),
        ("stock-changed", "P@W/1"),
        ("supplier-delivery", "PO-1/1/1"),
        ("back-order-command", "CMD-1"),
    ],
)
def test_a_bare_record_has_its_natural_identity(topic, identity):
    assert parsed(topic, VALID[topic])[0].id == identity


def test_a_bare_cancellation_is_known_by_its_data_however_it_is_written():
    one = parse("order-cancelled", None, b'{"order_id":"SO-1","cancelled_at":"2026-11-24T07:00:00Z"}', ())[0]
    spaced = b' {"cancelled_at": "2026-11-24T07:00:00Z",\n "order_id": "SO-1"} '
    assert parse("order-cancelled", None, spaced, ())[0].id == one.id
    assert parsed("order-cancelled", {**CANCELLATION, "reason": "other"})[0].id != one.id


def test_an_unknown_topic_is_a_mistake_of_ours():
    with pytest.raises(KeyError):
        parse("back-order-state", None, b"{}", ())
