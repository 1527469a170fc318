"""A back order's whole life, as somebody outside sees it."""

import json
from email import message_from_bytes
from pathlib import Path

import pytest
from e2e_support.upstream import PLACED_BEFORE, cancellation, delivery, line, order, shipped, stock

from backorder_contracts import identity
from backorder_runtime.outbox import Wire

pytestmark = pytest.mark.stack


def of(states, order_id, part, location="W1", line_id="1"):
    return states.get(identity.back_order_id(order_id, line_id, part, location))


def types(records):
    return [dict(record.headers)["ce_type"].decode() for record in records]


async def test_a_shortage_opens_waits_is_filled_released_shipped_and_closed(system):
    await system.publish("stock-changed", stock("LIFE", 1, 1))
    await system.until_rest()
    await system.publish("order-placed", order("L-1", line("LIFE", 4), tier="platinum"))
    await system.publish("supplier-delivery", delivery("PO-LIFE", "LIFE", 10))
    await system.until_rest()
    opened = of(await system.states(), "L-1", "LIFE")
    assert opened["quantity"] == {
        "ordered": 4,
        "covered": 1,
        "back_ordered": 3,
        "waiting": 3,
        "allocated": 0,
        "released": 0,
        "shipped": 0,
        "cancelled": 0,
    }
    assert (opened["band"], opened["status"]) == ("key-account", "open")
    assert opened["promise"]["delivery_ids"] == ["PO-LIFE"]

    await system.publish("stock-changed", stock("LIFE", 11, 2, "received", quantity=10, delivery_id="PO-LIFE"))
    await system.until_rest()
    assert of(await system.states(), "L-1", "LIFE")["quantity"]["released"] == 3

    await system.publish("stock-changed", stock("LIFE", 7, 3, "shipped", shipped=[shipped("L-1", "1", 4)]))
    await system.until_rest()
    (history,) = [h for h in (await system.histories()).values() if h[0]["order_id"] == "L-1"]
    closed = history[-1]
    assert closed["status"] == "completed"
    assert closed["supplied_by"] == [{"delivery_id": "PO-LIFE", "quantity": 3}]
    assert closed["deliveries"] == [{"delivery_id": "PO-LIFE", "quantity": 3}]
    assert closed["durations"]["total"] >= 0
    seen = types([r for r in await system.read("back-order-state") if json.loads(r.value)["order_id"] == "L-1"])
    steps = ["opened", "prioritised", "promised", "allocated", "released", "shipped", "completed"]
    assert [step for step in seen if step.split(".")[1] in steps] == [f"back-order.{step}" for step in steps]
    (snapshot,) = [r for r in await system.read("back-order-snapshot") if r.key.decode() == closed["back_order_id"]][
        -1:
    ]
    assert json.loads(snapshot.value)["version"] == closed["version"]


async def test_the_same_input_twice_changes_nothing(system):
    inputs = {
        "order-placed": order("D-1", line("DUP", 5)),
        "stock-changed": stock("DUP", 3, 1),
        "supplier-delivery": delivery("PO-DUP", "DUP", 9),
    }
    for topic, event in inputs.items():
        await system.publish(topic, event)
    await system.until_rest()
    before = await system.histories()
    for topic, event in inputs.items():
        await system.publish(topic, event, event, key=b"another key")
    await system.until_rest()
    assert await system.histories() == before
    assert not [r for r in await system.read("gap-detector.dead-letter") if b"D-1" in (r.value or b"")]


async def test_the_keys_of_publishers_do_not_matter(system):
    wires = []
    for n in range(30):
        event = order(f"K-{n}", line(f"KEY-{n % 5}", 2))
        wires.append(Wire("order-placed", [None, b"", b"x", str(n).encode()][n % 4], json.dumps(event).encode(), ()))
    for n in range(5):
        event = stock(f"KEY-{n}", 100, 1)
        wires.append(Wire("stock-changed", None if n % 2 else b"k", json.dumps(event).encode(), ()))
    await system.publish_wires(wires)
    await system.until_rest()
    rows = await system.query(
        "SELECT lane, covered, handed, needed FROM gap_detector.lane WHERE part_id LIKE 'KEY-%' ORDER BY lane"
    )
    assert [(r["lane"], r["covered"] + r["handed"], r["needed"]) for r in rows] == [
        (f"KEY-{n}@W1", 12, 0) for n in range(5)
    ]


async def test_the_three_forms_of_an_event_are_one(system):
    data = order("F-1", line("FORM", 1))
    ce = {"specversion": "1.0", "id": "e-1", "source": "/erp", "type": "order.placed"}
    binary = tuple((f"ce_{name}", value.encode()) for name, value in ce.items())
    structured = (("content-type", b"application/cloudevents+json; charset=utf-8"),)
    await system.publish_wires(
        [
            Wire("order-placed", None, json.dumps(data).encode(), (*binary, ("content-type", b"application/json"))),
            Wire("order-placed", None, json.dumps({**ce, "data": data}).encode(), structured),
            Wire("order-placed", None, json.dumps(data).encode(), ()),
        ]
    )
    await system.until_rest()
    (history,) = [h for h in (await system.histories()).values() if h[0]["order_id"] == "F-1"]
    assert len(history) == 2, "opened and prioritised, once"


async def test_an_order_line_that_comes_again_with_other_content_is_a_dead_letter_once_per_record(system):
    await system.publish("order-placed", order("CF-1", line("CONF", 2), line("CONF-B", 2)))
    await system.until_rest()
    await system.publish("order-placed", order("CF-1", line("CONF-C", 2), line("CONF-D", 7)), key=b"k")
    await system.until_rest()
    (letter,) = [r for r in await system.read("gap-detector.dead-letter") if b'"CF-1"' in (r.value or b"")]
    assert letter.key == b"k"
    assert dict(letter.headers)["dlq-reason"] == b"conflicting-duplicate"
    states = await system.states()
    assert of(states, "CF-1", "CONF")
    assert of(states, "CF-1", "CONF-B", line_id="2")
    assert not of(states, "CF-1", "CONF-C")
    assert not of(states, "CF-1", "CONF-D", line_id="2")


async def test_a_machine_that_is_down_overtakes(system):
    await system.publish("order-placed", order("O-1", line("OVER", 2), at=PLACED_BEFORE))
    await system.until_rest()
    await system.publish("order-placed", order("O-2", line("OVER", 2, service_impact="down")))
    await system.until_rest()
    await system.publish("stock-changed", stock("OVER", 3, 1))
    await system.until_rest()
    states = await system.states()
    assert of(states, "O-2", "OVER")["quantity"]["released"] == 2
    assert of(states, "O-1", "OVER")["quantity"]["released"] == 1


async def test_a_cancellation_takes_waiting_units_then_allocated_then_cover_and_never_released_ones(system):
    await system.publish("stock-changed", stock("CAN", 2, 1))
    await system.until_rest()
    await system.publish("order-placed", order("C-1", line("CAN", 5)))
    await system.until_rest()
    await system.publish("stock-changed", stock("CAN", 3, 2))
    await system.until_rest()  # 2 covered, 1 released, 2 waiting
    await system.publish("order-cancelled", cancellation("C-1", {"line_id": "1", "quantity": 1}))
    await system.until_rest()
    state = of(await system.states(), "C-1", "CAN")
    assert (state["quantity"]["waiting"], state["quantity"]["cancelled"]) == (1, 1)
    await system.publish("order-cancelled", cancellation("C-1", reason="all of it"))
    await system.until_rest()
    history = (await system.histories())[state["back_order_id"]]
    quantity = history[-1]["quantity"]
    assert (quantity["waiting"], quantity["cancelled"], quantity["released"]) == (0, 2, 1)
    assert history[-1]["refused"] == {"units": 1, "reason": "released"}
    (lane,) = await system.query("SELECT * FROM gap_detector.lane WHERE part_id = 'CAN'")
    assert (lane["covered"], lane["handed"], lane["on_hand"]) == (0, 1, 3), "the cover is free again"


async def test_a_cancellation_that_comes_before_its_order_waits_for_it(system):
    await system.publish("order-cancelled", cancellation("EARLY-1"), cancellation("EARLY-2", {"line_id": "2"}))
    await system.until_rest()
    for name in ("EARLY-1", "EARLY-2"):
        await system.publish("order-placed", order(name, line("EARLY", 1), line("EARLY-B", 1)))
    await system.until_rest()
    states = await system.states()
    assert not of(states, "EARLY-1", "EARLY")
    assert not of(states, "EARLY-1", "EARLY-B", line_id="2")
    assert of(states, "EARLY-2", "EARLY")
    assert not of(states, "EARLY-2", "EARLY-B", line_id="2")


async def test_a_damaged_pallet_takes_back_lowest_rank_first_and_then_cover_newest_first(system):
    await system.publish("stock-changed", stock("LOSS", 4, 1))
    await system.until_rest()
    await system.publish("order-placed", order("P-1", line("LOSS", 2)))
    await system.until_rest()
    await system.publish("order-placed", order("P-2", line("LOSS", 2)))
    await system.until_rest()
    await system.publish("stock-changed", stock("LOSS", 1, 2, "scrapped"))
    await system.until_rest()
    states = await system.states()
    assert of(states, "P-2", "LOSS")["quantity"]["back_ordered"] == 2
    assert of(states, "P-1", "LOSS")["quantity"]["back_ordered"] == 1
    assert of(states, "P-1", "LOSS")["cause"]["type"] == "stock.changed"


async def test_a_shipment_counts_once_per_version_even_when_it_is_late(system):
    await system.publish("order-placed", order("V-1", line("LATE", 3)))
    await system.until_rest()
    await system.publish("stock-changed", stock("LATE", 0, 5))
    late = stock("LATE", 1, 3, "shipped", shipped=[shipped("V-1", "1", 2)])
    await system.publish("stock-changed", late, late)
    await system.until_rest()
    state = of(await system.states(), "V-1", "LATE")
    assert (state["quantity"]["shipped"], state["quantity"]["waiting"]) == (2, 1)
    (lane,) = await system.query("SELECT on_hand, version FROM gap_detector.lane WHERE part_id = 'LATE'")
    assert tuple(lane) == (0, 5)


async def test_everybody_concerned_is_told_once_by_mail(system):
    outcomes = [json.loads(record.value) for record in await system.read("notification-outcome")]
    sent = {
        outcome["message_id"] for outcome in outcomes if outcome["result"] == "sent" and outcome["channel"] == "email"
    }
    assert sent, "the parts desk hears of an emergency"
    folder = Path(system.endpoints.mailbox)
    mails = [message_from_bytes(file.read_bytes())["Message-ID"].strip("<>") for file in folder.glob("*.eml")]  # noqa: ASYNC240 - a test may wait for a disk
    assert sorted(mails) == sorted(message.strip("<>") for message in sent)
