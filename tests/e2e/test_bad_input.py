"""Whatever is published on an input topic: it has its effect, or it is a dead letter, and the rest goes on."""

import json
import random
from collections import Counter, defaultdict

import pytest
from e2e_support.bad_records import CASE, SERVICES, Bad, any_headers, any_key, bad_records, command
from e2e_support.odd_names import publish_with_odd_name
from e2e_support.upstream import cancellation, delivery, line, order, stock

from backorder_contracts import identity
from backorder_runtime.outbox import Wire

pytestmark = pytest.mark.stack

DLQ = {"dlq-topic", "dlq-partition", "dlq-offset", "dlq-reason", "dlq-detail", "dlq-at"}
COUNT = 40


def bo(order_id, part, line_id="1", location="W1"):
    return identity.back_order_id(order_id, line_id, part, location)


def pids(system):
    return {name: service["pid"] for name, service in system.endpoints.services.items()}


def sound(draw):
    """Good records of every topic, `COUNT` of each; their effects are asked for by `effects`."""
    extreme = {"need_by": "9998-12-31", "unit_value": "999999999999999.999999", "ship_policy": "complete"}
    events = [("order-placed", order(f"FINE-{n}", line(f"FINE-{n}", n + 1))) for n in range(COUNT)]
    events += [
        (
            "order-placed",
            order("\U0001f600" * 64, line("ü" * 64, 10**9, "部" * 64, **extreme), at="1900-01-01T00:00:00Z"),
        ),
        ("order-placed", order("FINE-MANY", *[line(f"MANY-{n % 7}", 1, unknown="field") for n in range(1000)])),
        ("stock-changed", stock("LEVEL-MOST", 10**12, 2**63 - 1)),
    ]
    for n in range(COUNT):
        events.append(("stock-changed", stock(f"LEVEL-{n}", 100 + n, n)))
        events.append(("supplier-delivery", delivery(f"PO-FINE-{n}", f"LEVEL-{n}", n + 1)))
        events.append(("order-cancelled", cancellation(f"CTX-{n}", {"line_id": "1", "quantity": 1})))
        events.append(("back-order-command", command(f"CMD-{n}", bo(f"CTX-{n}", f"CTX-{n}"), f"CTX-{n}")))
    # commands that name another lane: the lanes, in all shards, send them on to the one shard of the back order
    events += [("back-order-command", command(f"AWAY-{n}", bo("CTX-0", "CTX-0"), f"AWAY-{n}")) for n in range(COUNT)]
    return [Wire(topic, any_key(draw), json.dumps(event).encode(), any_headers(draw)) for topic, event in events]


def conflicts():
    """Records that only the lanes can refuse: they contradict what was taken before."""
    again = {**order("CTX-1", line("CTX-1", 99)), "unknown": "field"}
    moved = order("CTX-2", line("ELSEWHERE", 9), line("CTX-2B", 9))
    return [
        Bad("conflicting-line", "order-placed", json.dumps(again).encode(), "conflicting-duplicate"),
        Bad("conflicting-lane", "order-placed", json.dumps(moved).encode(), "conflicting-duplicate"),
        Bad("conflicting-level", "stock-changed", json.dumps(stock("CTX", 8, 1)).encode(), "conflicting-duplicate"),
        Bad(
            "conflicting-delivery",
            "supplier-delivery",
            json.dumps(delivery("PO-CTX", "CTX", 6)).encode(),
            "conflicting-duplicate",
        ),
        Bad(
            "delivery-elsewhere",
            "supplier-delivery",
            json.dumps(delivery("PO-CTX", "ELSEWHERE", 5, 2)).encode(),
            "conflicting-duplicate",
        ),
    ]


async def letters_of(system):
    found = defaultdict(list)
    for service in ("gap-detector", "inventory-sync", "priority-router", "notifier"):
        for record in await system.read(f"{service}.dead-letter"):
            marks = dict(record.headers[-len(DLQ) :])
            place = marks["dlq-topic"].decode(), int(marks["dlq-partition"]), int(marks["dlq-offset"])
            found[place].append((service, record))
    return found


async def originals(system):
    """Every record on the input topics that names its case, by where it stands."""
    return {
        (record.topic, record.partition, record.offset): record
        for topic in SERVICES
        for record in await system.read(topic)
        if CASE in dict(record.headers)
    }


@pytest.fixture(scope="module")
def draw():
    return random.Random(2026)


async def test_every_bad_record_is_one_dead_letter_and_every_good_one_between_them_has_its_effect(system, draw):
    before = pids(system)
    await system.publish("order-placed", *[order(f"CTX-{n}", line(f"CTX-{n}", n + 3)) for n in range(COUNT)])
    await system.publish("stock-changed", stock("CTX", 7, 1))
    await system.publish("supplier-delivery", delivery("PO-CTX", "CTX", 5))
    await system.until_rest()

    bad = [*bad_records(), *conflicts()]
    assert len({each.case for each in bad}) >= 25
    assert all(count == 1 for count in Counter(each.name for each in bad).values())
    wires = [*(each.wire(draw) for each in bad), *sound(draw)]
    draw.shuffle(wires)
    await system.publish_wires(wires)
    await system.until_rest()

    expected = {each.name: each for each in bad}
    origins, letters = await originals(system), await letters_of(system)
    assert {dict(record.headers)[CASE] for record in origins.values()} == expected.keys()
    assert {place: len(found) for place, found in letters.items()} == dict.fromkeys(origins, 1), "each once, no others"
    wrong = []
    for place, ((service, letter),) in letters.items():
        origin = origins[place]
        case = expected[dict(origin.headers)[CASE]]
        marks = dict(letter.headers[-len(DLQ) :])
        if (service, marks["dlq-reason"].decode()) != (SERVICES[case.topic], case.reason):
            wrong.append((case.name, case.reason, service, marks["dlq-reason"], marks["dlq-detail"]))
        assert (letter.key, letter.value) == (origin.key, origin.value), case.name
        assert letter.headers == (*origin.headers, *letter.headers[-len(DLQ) :]), case.name
        assert marks.keys() == DLQ, case.name
        assert marks["dlq-detail"].decode().isprintable(), case.name
        assert marks["dlq-detail"], case.name
        assert marks["dlq-at"].endswith(b"Z"), case.name
    assert not wrong
    assert pids(system) == before, "no service was started again"
    await effects(system)


async def effects(system):
    """What the good records among the bad ones led to."""
    states = await system.states()
    for n in range(COUNT):
        assert states[bo(f"FINE-{n}", f"FINE-{n}")]["quantity"]["waiting"] == n + 1
        held = states[bo(f"CTX-{n}", f"CTX-{n}")]
        assert (held["status"], held["quantity"]["cancelled"], held["quantity"]["waiting"]) == ("held", 1, n + 2)
    assert states[bo("\U0001f600" * 64, "ü" * 64, location="部" * 64)]["quantity"]["waiting"] == 10**9
    assert sum(state["order_id"] == "FINE-MANY" for state in states.values()) == 1000
    assert not [state for state in states.values() if state["part_id"].startswith(("BAD", "GOOD", "ELSEWHERE"))]
    levels = {r["part_id"]: r["on_hand"] for r in await system.query("SELECT part_id, on_hand FROM gap_detector.lane")}
    assert all(levels[f"LEVEL-{n}"] == 100 + n for n in range(COUNT))
    assert (levels["LEVEL-MOST"], levels["CTX"]) == (10**12, 7)
    rows = await system.query("SELECT delivery_id, quantity FROM inventory_sync.delivery WHERE delivery_id LIKE 'PO-%'")
    assert {tuple(row) for row in rows} == {("PO-CTX", 5), *((f"PO-FINE-{n}", n + 1) for n in range(COUNT))}
    events = [event for history in (await system.histories()).values() for event in history]
    answered = Counter(event["cause"]["id"] for event in events if event["cause"]["type"] == "back-order.command")
    assert answered == {f"{name}-{n}": 1 for name in ("CMD", "AWAY") for n in range(COUNT)}


async def test_a_record_that_no_dead_letter_can_hold_is_named_by_one_and_stops_nothing(system):
    before, known = pids(system), await letters_of(system)
    await system.publish("order-placed", b'{"x": "' + b"x" * 10_600_000 + b'"}', key=b"compressed it fits")
    await system.publish("order-placed", order("AFTER-1", line("AFTER", 1)))
    await system.until_rest()
    (found,) = [letter for place, letter in (await letters_of(system)).items() if place not in known]
    ((service, letter),) = found
    marks = dict(letter.headers)
    assert (service, marks["dlq-reason"], letter.key, letter.value) == (
        "gap-detector",
        b"too-large",
        b"compressed it fits",
        None,
    )
    assert b"stands at its origin" in marks["dlq-detail"]
    assert bo("AFTER-1", "AFTER") in await system.states()
    assert pids(system) == before


async def test_a_header_name_that_is_no_text_stops_nothing(system):
    before, known = pids(system), await letters_of(system)
    good = json.dumps(order("ODD-1", line("ODD", 1))).encode()
    after = json.dumps(order("ODD-2", line("ODD", 1))).encode()
    await publish_with_odd_name(system.endpoints.kafka, "order-placed", [good[:-1], good], last=after)
    await system.until_rest()
    (((_, letter),),) = [letter for place, letter in (await letters_of(system)).items() if place not in known]
    assert (letter.key, letter.value) == (b"k", good[:-1])
    assert letter.headers[:2] == (("x-\\xff\\xfe", b"v"), ("after", b"it"))
    states = await system.states()
    assert bo("ODD-1", "ODD") in states
    assert bo("ODD-2", "ODD") in states
    assert pids(system) == before
