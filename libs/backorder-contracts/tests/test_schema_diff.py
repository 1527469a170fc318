"""The compatibility rule, case by case, for what we read and for what we publish."""

import copy

import pytest

from backorder_contracts.schema_diff import breaks

OLD = {
    "$defs": {
        "Line": {
            "type": "object",
            "description": "A line.",
            "properties": {
                "line_id": {"type": "string", "maxLength": 64},
                "quantity": {"type": "integer", "minimum": 1, "maximum": 10},
            },
            "required": ["line_id", "quantity"],
        },
        "Tree": {"type": "object", "properties": {"below": {"$ref": "#/$defs/Tree"}, "n": {"type": "integer"}}},
    },
    "type": "object",
    "title": "order.placed",
    "properties": {
        "order_id": {"type": "string", "pattern": "^a+$"},
        "note": {"anyOf": [{"type": "string", "maxLength": 9}, {"type": "null"}], "default": None},
        "tier": {"enum": ["gold", "silver"], "type": "string", "default": "silver"},
        "status": {"enum": ["open", "closed"], "type": "string"},
        "kind": {"x-extensible-enum": ["a", "b"], "type": "string"},
        "at": {"type": "string", "format": "date-time"},
        "lines": {"type": "array", "minItems": 1, "items": {"$ref": "#/$defs/Line"}},
        "numbers": {"type": "object", "additionalProperties": {"type": "integer"}},
        "tree": {"$ref": "#/$defs/Tree"},
    },
    "required": ["order_id", "lines"],
}
P = "properties"
LINE = ("$defs", "Line")


def changed(*steps):
    """The old schema with values set at paths; `...` removes."""
    new = copy.deepcopy(OLD)
    for path, value in steps:
        target = new
        for step in path[:-1]:
            target = target[step]
        if value is ...:
            del target[path[-1]]
        else:
            target[path[-1]] = value
    return new


def found(new, *, is_input):
    return breaks("order.placed", OLD, new, is_input=is_input)


HARMLESS = {
    "nothing": changed(),
    "other words": changed((("description",), "Other"), ((*LINE, "description"), "Other"), (("title",), "x")),
    "an optional field": changed(((P, "extra"), {"type": "string"})),
    "an optional field in a definition": changed(((*LINE, P, "extra"), {"type": "string"})),
    "a value in an open list": changed(((P, "kind", "x-extensible-enum"), ["a", "b", "c"])),
    "a status, which consumers tolerate": changed(((P, "status", "enum"), ["open", "closed", "held"])),
    "alternatives in another order": changed(((P, "note", "anyOf"), list(reversed(OLD[P]["note"]["anyOf"])))),
    "a definition under another name": changed(
        (("$defs", "OrderLine"), OLD["$defs"]["Line"]),
        (LINE, ...),
        ((P, "lines", "items"), {"$ref": "#/$defs/OrderLine"}),
    ),
    "a definition written in place": changed(((P, "lines", "items"), OLD["$defs"]["Line"])),
}

LOOSENED = {
    "a higher maximum": changed(((*LINE, P, "quantity", "maximum"), 100)),
    "no minimum": changed(((*LINE, P, "quantity", "minimum"), ...)),
    "a longer text": changed(((*LINE, P, "line_id", "maxLength"), 128)),
    "a required field that became optional": changed((("required",), ["lines"])),
    "a null where none was": changed(((P, "order_id", "type"), ["string", "null"])),
    "a pattern that is gone": changed(((P, "order_id", "pattern"), ...)),
    "a format that is gone": changed(((P, "at", "format"), ...)),
    "an empty list": changed(((P, "lines", "minItems"), 0)),
    "a third form": changed(((P, "note", "anyOf"), [*OLD[P]["note"]["anyOf"], {"type": "integer"}])),
    "a longer text in one of the forms": changed(((P, "note", "anyOf", 0, "maxLength"), 99)),
    "a closed list that opened": changed(
        ((P, "tier", "enum"), ...), ((P, "tier", "x-extensible-enum"), ["gold", "silver"])
    ),
}

BROKEN = {
    "a field that was removed": (changed(((P, "at"), ...)), "at", "removed"),
    "a field that was renamed": (
        changed(((P, "at"), ...), ((P, "when"), {"type": "string", "format": "date-time"})),
        "at",
        "renamed to when",
    ),
    "a field of a definition that was removed": (
        changed(((*LINE, P, "quantity"), ...), ((*LINE, "required"), ["line_id"])),
        "lines[].quantity",
        "removed",
    ),
    "a new required field": (
        changed(((P, "extra"), {"type": "string"}), (("required",), ["order_id", "lines", "extra"])),
        "extra",
        "required now",
    ),
    "an optional field that became required": (
        changed((("required",), ["order_id", "lines", "at"])),
        "at",
        "required now",
    ),
    "another type": (changed(((*LINE, P, "quantity", "type"), "string")), "lines[].quantity", "type changed"),
    "a null that is gone": (changed(((P, "note"), {"type": "string", "maxLength": 9})), "note", "forms is gone"),
    "a form that is gone": (changed(((P, "note", "anyOf"), [{"type": "null"}])), "note", "not allowed any more"),
    "a lower maximum": (changed(((*LINE, P, "quantity", "maximum"), 5)), "lines[].quantity", "maximum changed"),
    "a new maximum": (changed(((P, "order_id", "maxLength"), 5)), "order_id", "maxLength changed from none"),
    "a higher minimum": (changed(((*LINE, P, "quantity", "minimum"), 2)), "lines[].quantity", "minimum changed"),
    "another pattern": (changed(((P, "order_id", "pattern"), "^b+$")), "order_id", "pattern changed"),
    "another format": (changed(((P, "at", "format"), "date")), "at", "format changed"),
    "a value that was removed": (changed(((P, "tier", "enum"), ["silver"])), "tier", "'gold' was removed"),
    "a value of an open list that was removed": (
        changed(((P, "kind", "x-extensible-enum"), ["a"])),
        "kind",
        "'b' was removed",
    ),
    "a value in a closed list": (
        changed(((P, "tier", "enum"), ["gold", "silver", "iron"])),
        "tier",
        "'iron' was added",
    ),
    "an open list that closed": (
        changed(((P, "kind", "x-extensible-enum"), ...), ((P, "kind", "enum"), ["a", "b"])),
        "kind",
        "only the values listed",
    ),
    "another default": (changed(((P, "tier", "default"), "gold")), "tier", "default changed"),
    "a default that is gone": (changed(((P, "tier", "default"), ...)), "tier", "default changed"),
    "a closed object": (changed((("additionalProperties",), False)), "the event itself", "are refused now"),
    "other values in a map": (
        changed(((P, "numbers", "additionalProperties", "type"), "string")),
        "numbers[any name]",
        "type changed",
    ),
    "a change in a recursive type": (
        changed((("$defs", "Tree", P, "n", "type"), "string")),
        "tree.n",
        "type changed",
    ),
    "a list whose items changed": (changed(((P, "lines", "items"), {"type": "string"})), "lines[]", "type changed"),
    "a keyword that nobody taught the comparison": (
        changed(((P, "lines", "contains"), {"type": "object"})),
        "lines",
        "contains changed",
    ),
}


@pytest.mark.parametrize("is_input", [True, False], ids=["input", "output"])
@pytest.mark.parametrize("name", HARMLESS)
def test_these_changes_break_nothing(name, is_input):
    assert found(HARMLESS[name], is_input=is_input) == []


@pytest.mark.parametrize("name", LOOSENED)
def test_what_is_loosened_hurts_consumers_and_no_publisher(name):
    assert found(LOOSENED[name], is_input=True) == []
    (one,) = found(LOOSENED[name], is_input=False)
    assert "Consumers" in one.hurts


@pytest.mark.parametrize("is_input", [True, False], ids=["input", "output"])
@pytest.mark.parametrize("name", BROKEN)
def test_these_changes_break_a_promise(name, is_input):
    new, field, what = BROKEN[name]
    all_found = found(new, is_input=is_input)
    assert any(one.field == field and what in one.what for one in all_found), all_found
    for one in all_found:
        assert one.event == "order.placed"
        assert one.hurts
        assert one.instead


def test_a_break_says_in_prose_where_what_whom_and_what_instead():
    (one,) = found(BROKEN["a lower maximum"][0], is_input=True)
    assert str(one) == (
        "order.placed, lines[].quantity: maximum changed from 10 to 5. "
        "Publishers that send what was allowed so far would be refused. Instead: keep the old limit."
    )


def test_an_unknown_keyword_says_that_it_is_unknown():
    (one,) = found(BROKEN["a keyword that nobody taught the comparison"][0], is_input=False)
    assert "not known to the comparison" in one.hurts
