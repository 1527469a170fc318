"""Mistakes in how orders are read, and the tests that have to notice them."""

from mutant_harness import Mutant

QUICK, USUAL = (
    "libs/backorder-contracts/src/backorder_contracts/usual_order.py",
    "services/gap-detector/tests/test_usual_orders.py::test",
)
ONE_FIELD = f"{USUAL}_whatever_one_field_is_the_order_is_taken_or_refused_as_by_the_contract"
LEFT = f"{USUAL}_what_is_not_to_be_seen_at_once_is_left_to_the_contract"
INTAKE = "services/gap-detector/src/gap_detector/intake.py"

MUTANTS = (
    Mutant(
        "text that is not ASCII is read without the contract",
        QUICK,
        "not raw.isascii() or ",
        "",
        (LEFT,),
    ),
    Mutant(
        "escapes are read without the contract",
        QUICK,
        ' or b"\\\\" in raw',
        "",
        (LEFT,),
    ),
    Mutant(
        "a control character is taken into an identifier",
        QUICK,
        ' or b"\\x7f" in raw',
        "",
        (LEFT,),
    ),
    Mutant(
        "an order that is too long is read all the same",
        QUICK,
        "len(raw) > MAX_VALUE_BYTES or ",
        "",
        (LEFT,),
    ),
    Mutant(
        "of a name that stands twice the last counts",
        QUICK,
        """raw.count(b'"') != _encode(order).count(b'"')""",
        "False",
        (LEFT,),
    ),
    Mutant(
        "an order has a line twice",
        QUICK,
        "        each_line_once(order.lines)\n",
        "",
        (LEFT,),
    ),
    Mutant(
        "an order of no units is taken",
        QUICK,
        "Meta(ge=1, le=MAX_QUANTITY)",
        "Meta(ge=0, le=MAX_QUANTITY)",
        (ONE_FIELD,),
    ),
    Mutant(
        "an identifier may be of any length",
        QUICK,
        "Annotated[str, Meta(min_length=1, max_length=64)]",
        "str",
        (ONE_FIELD,),
    ),
    Mutant(
        "an order in an envelope is read as if it had none",
        INTAKE,
        " or is_structured(record.headers)",
        "",
        (f"{USUAL}_whatever_stands_beside_it",),
    ),
    Mutant(
        "an envelope is read from its headers and not looked at",
        INTAKE,
        "beside(record.topic, record.headers, {})",
        'Envelope(id="", source="", type="order.placed", data={})',
        (f"{USUAL}_whatever_stands_beside_it",),
    ),
)

ON_A_STACK = ()
