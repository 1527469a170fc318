"""What customers are promised, on the running system: who may make it worse, and what happens when a date passes."""

import os
import signal
from datetime import UTC, datetime, timedelta

import pytest
from e2e_support.upstream import delivery, line, order, stock

from backorder_contracts import identity
from backorder_contracts.fields import format_time

pytestmark = pytest.mark.stack


def bo(order_id, part):
    return identity.back_order_id(order_id, "1", part, "W1")


async def events(system, order_id, part, kind):
    """The events of one type about a back order, each as its `ce_id` has it: repetitions count once."""
    found = {}
    for record in await system.read("back-order-state"):
        headers = dict(record.headers)
        if headers.get("ce_subject") == bo(order_id, part).encode() and headers["ce_type"] == kind.encode():
            found[headers["ce_id"]] = record
    return list(found.values())


async def test_others_make_a_promise_worse_once_and_then_the_units_that_it_rests_on_are_kept(system):
    coming = (("PO-K1", 2, "2030-01-10"), ("PO-K2", 2, "2030-02-10"), ("PO-K3", 9, "2030-03-10"))
    await system.publish("order-placed", order("KF", line("KEPT", 2)))
    await system.publish("supplier-delivery", *[delivery(name, "KEPT", n, promised_at=at) for name, n, at in coming])
    await system.until_rest()
    promised = []
    for rival in ("KW1", "KW2", "KW3"):
        promised.append((await system.states())[bo("KF", "KEPT")]["promise"])
        await system.publish("order-placed", order(rival, line("KEPT", 2, service_impact="down")))
        await system.until_rest()
    states = await system.states()
    promised.append(states[bo("KF", "KEPT")]["promise"])
    dates = [promise["p50"][:10] for promise in promised]
    assert dates == ["2030-01-11", "2030-02-11", "2030-02-11", "2030-02-11"]
    assert (promised[-1]["first_p50"][:10], promised[-1]["revisions"]) == ("2030-01-11", 1)
    assert [states[bo(rival, "KEPT")]["promise"]["delivery_ids"] for rival in ("KW1", "KW2", "KW3")] == [
        ["PO-K1"],
        ["PO-K3"],
        ["PO-K3"],
    ]

    await system.publish("stock-changed", stock("KEPT", 2, 1, "received", quantity=2, delivery_id="PO-K1"))
    await system.until_rest()
    await system.publish("stock-changed", stock("KEPT", 4, 2, "received", quantity=2, delivery_id="PO-K2"))
    await system.until_rest()
    states = await system.states()
    assert [states[bo(name, "KEPT")]["quantity"]["released"] for name in ("KF", "KW1", "KW2", "KW3")] == [2, 2, 0, 0]
    (kept,) = [each for each in (await system.histories())[bo("KF", "KEPT")] if each.get("rule") == "promise-kept"]
    assert [(each["back_order_id"], each["reason"]) for each in kept["passed_over"]] == [
        (bo("KW2", "KEPT"), "promise-kept"),
        (bo("KW3", "KEPT"), "promise-kept"),
    ]


async def test_a_date_that_passes_while_the_router_is_down_is_noticed_once(system):
    due = datetime.now(UTC) + timedelta(seconds=20)
    await system.publish("order-placed", order("LATE", line("LATE", 2, need_by=format_time(due))))
    await system.publish("supplier-delivery", delivery("PO-LATE", "LATE", 9, promised_at="2030-01-10"))
    await system.until(lambda: events(system, "LATE", "LATE", "back-order.at-risk"))
    assert not await events(system, "LATE", "LATE", "back-order.breached")

    pid = system.endpoints.services["priority-router"]["pid"]
    os.kill(pid, signal.SIGSTOP)
    try:
        await system.until(lambda: passed(due))
        assert not await events(system, "LATE", "LATE", "back-order.breached")
    finally:
        os.kill(pid, signal.SIGKILL)
    await system.until(lambda: events(system, "LATE", "LATE", "back-order.breached"))
    await system.publish("supplier-delivery", delivery("PO-LATE", "LATE", 9, 2, promised_at="2030-05-10"))
    await system.kill("priority-router")
    await system.until_rest()
    assert len(await events(system, "LATE", "LATE", "back-order.promised")) == 2
    assert len(await events(system, "LATE", "LATE", "back-order.at-risk")) == 1
    assert len(await events(system, "LATE", "LATE", "back-order.breached")) == 1


async def passed(time):
    return datetime.now(UTC) > time
