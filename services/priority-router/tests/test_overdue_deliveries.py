"""What is promised while a delivery has not come although it should have."""

from collections import Counter
from datetime import timedelta

from router_desk import HOUR, START, Desk, policy, promises

from priority_router.domain import facts as f
from priority_router.domain.events import TimerRang


def test_an_overdue_delivery_promises_the_next_full_hour_and_another_when_it_does_not_come():
    desk = Desk(policy(tolerance=2 * HOUR))
    desk.short("A", 1)
    desk.inbound(("PO-1", 1, 5))
    desk.settle_promises()
    assert promises(desk) == {"A": 5}
    desk.wait(timedelta(hours=6))
    assert desk.kinds() == []
    desk.wait(timedelta(hours=2))
    (said,) = desk.all(f.Promised)
    assert said.p50 == START + 8 * HOUR
    assert said.cause.type == "timer"
    assert not said.overtaken
    desk.short("B", 1, placed=5)
    desk.inbound(("PO-1", 2, 5))
    desk.settle_promises()
    assert promises(desk) == {"A": 8, "B": 9}


def test_promises_on_an_overdue_delivery_come_to_rest_whatever_the_tolerance():
    desk = Desk(policy("f", tolerance=timedelta(0)), check=False)
    for i in range(300):
        desk.short(f"A{i:03}", 1, placed=i)
    desk.inbound(("PO-1", 300, -1))
    rings, told = 0, Counter()
    while "forecast" in desk.queue.timers and rings < 9:
        desk.now = max(desk.now, desk.queue.timers["forecast"]) + timedelta(milliseconds=60)
        desk.do(TimerRang("forecast", desk.queue.timers["forecast"]))
        rings += 1
        told.update(said.back_order_id for said in desk.all(f.Promised))
    assert rings <= 3
    assert (len(told), set(told.values())) == (300, {1})


def test_nothing_comes_before_what_is_overdue():
    desk = Desk(policy("f", tolerance=timedelta(0)))
    desk.short("A", 1)
    desk.short("B", 1, placed=1)
    desk.inbound(("PO-1", 1, -1), ("PO-2", 1, 0.5, 0.6))
    desk.settle_promises()
    assert promises(desk) == {"A": 1, "B": 1}
    assert desk.line("B").promise.p90 == START + HOUR


def test_when_nothing_is_promised_nobody_waits_for_a_late_delivery():
    desk = Desk()
    desk.inbound(("PO-1", 1, 5))
    assert "overdue" not in desk.queue.timers
    desk.short("A", 1)
    desk.settle_promises()
    assert desk.queue.timers["overdue"] == START + 17 * HOUR
    desk.units(1)
    assert "overdue" not in desk.queue.timers
