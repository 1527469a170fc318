"""What must be true when nothing is on its way any more, reckoned without a line of the product's code."""

import json
from collections import Counter, defaultdict
from collections.abc import Collection
from typing import Any

import msgspec

from e2e_support.business import Business
from e2e_support.system import System
from e2e_support.warehouse import Key, Lane

DLQ = ("dlq-topic", "dlq-partition", "dlq-offset")


def same(found: Collection[Any], wanted: Collection[Any], what: str) -> None:
    """Fail with what is missing and what is too much."""
    if found == wanted:
        return
    ours, theirs = (set(each.items() if isinstance(each, dict) else each) for each in (wanted, found))
    missing, surplus = (sorted(map(repr, each)) for each in (ours - theirs, theirs - ours))
    raise AssertionError(f"{what}: {len(missing)} missing {missing[:5]}, {len(surplus)} too much {surplus[:5]}")


async def ledgers(system: System) -> Counter[str]:
    """The identities of both ledgers, lane by lane; returns what there is, so that a test sees it was not nothing.

    H on hand, C covered, P handed to the queue, N needed by it; U idle in the queue, A allocated or released.
    """
    queues = {
        row["lane"]: msgspec.msgpack.decode(row["state"])
        for row in await system.query("SELECT * FROM priority_router.lane_queue")
    }
    lines: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for row in await system.query("SELECT lane, state FROM priority_router.back_order WHERE closed_at IS NULL"):
        lines[row["lane"]].append(msgspec.msgpack.decode(row["state"]))
    counted = dict(await system.query("SELECT lane, sum(counted)::bigint FROM gap_detector.line GROUP BY lane"))
    covered = dict(await system.query("SELECT lane, sum(covered)::bigint FROM gap_detector.line GROUP BY lane"))
    there: Counter[str] = Counter()
    for row in await system.query("SELECT * FROM gap_detector.lane"):
        lane, h, c, p, n = (row[name] for name in ("lane", "on_hand", "covered", "handed", "needed"))
        orders = lines.get(lane, [])
        idle = queues[lane]["idle"] if lane in queues else 0
        allocated = sum(each["allocated"] for each in orders)
        released = sum(each["released"] for each in orders)
        waiting = sum(_waiting(each) for each in orders if not each["held"])
        numbers = f"{lane}: H={h} C={c} P={p} N={n} U={idle} allocated={allocated} released={released} {waiting=}"
        assert p == idle + allocated + released, f"P = U + A does not hold. {numbers}"
        assert n + p == sum(each["counted"] for each in orders), f"N + P = counted does not hold. {numbers}"
        assert n + p == counted.get(lane, 0), f"the ledger counts something else for its lines. {numbers}"
        assert c == covered.get(lane, 0), f"C is not what the lines have. {numbers}"
        debt = c + allocated + released - h
        assert debt <= max(0, -idle), f"oversold by more than the released units that vanished. {numbers}"
        assert idle >= 0 or allocated == 0, f"units are owed while others could be taken back. {numbers}"
        free = h - c - max(p, 0)
        assert waiting == 0 or (free <= 0 and idle <= 0), f"somebody waits while a unit is free. {numbers}"
        there.update(covered=c, waiting=waiting, allocated=allocated, released=released, free=max(free, 0))
        there["in debt"] += max(debt, 0)
    return there


def _waiting(order: dict[str, Any]) -> int:
    taken = ("shipped", "cancelled", "allocated", "released")
    return int(order["back_ordered"] - sum(order[name] for name in taken))


async def back_orders(system: System) -> dict[Key, dict[str, Any]]:
    """The last state of each line's back order; every event of each is checked against the contract."""
    last: dict[Key, dict[str, Any]] = {}
    for back_order_id, values in (await system.versions()).items():
        events = [json.loads(value) for value in values]
        assert len({event["opened_at"] for event in events}) == 1, back_order_id
        for event in events:
            q = event["quantity"]
            parts = ("waiting", "allocated", "released", "shipped", "cancelled")
            assert q["back_ordered"] == sum(q[part] for part in parts), event
            assert q["covered"] + q["back_ordered"] <= q["ordered"], event
            assert min(q.values()) >= 0, event
        key = events[0]["order_id"], events[0]["line_id"]
        assert key not in last, f"{key} has two back orders"
        last[key] = {**events[-1], "refused_units": sum(event.get("refused", {}).get("units", 0) for event in events)}
    return last


async def every_line(system: System, business: Business, before_the_end: Counter[Key]) -> None:
    """Each order line came in once, as it was placed first, and each of its units was shipped or cancelled, once.

    `before_the_end`: what had been sent of each line before all cancellations had been processed.
    """
    states = await back_orders(system)
    rows = {(row["order_id"], row["line_id"]): row for row in await system.query("SELECT * FROM gap_detector.line")}
    same(rows.keys(), business.lines.keys(), "each line once")
    same(states.keys() - rows.keys(), set(), "back orders of no line")
    for key, ordered in business.lines.items():
        row, sent = rows[key], business.warehouse.sent[key]
        detail = msgspec.msgpack.decode(row["detail"])
        state = states.get(key)
        quantity = state["quantity"] if state else Counter()
        refused = state["refused_units"] if state else 0
        seen = f"{key} {ordered} sent={sent} {dict(row)} {dict(quantity)}"
        assert (row["lane"], detail["quantity"]) == ("@".join(ordered.lane), ordered.quantity), f"not as placed: {seen}"
        assert (row["covered"], row["need"], row["counted"], row["cancelling"]) == (0, 0, 0, 0), seen
        assert row["cover_shipped"] + quantity["shipped"] == sent == row["shipped"], f"not shipped once: {seen}"
        assert (
            row["cover_shipped"] + quantity["back_ordered"] + row["cancelled"] - quantity["cancelled"]
            == ordered.quantity
        ), seen
        assert sent + row["cancelled"] == ordered.quantity, f"units are lost or doubled: {seen}"
        assert quantity["cancelled"] <= row["cancelled"], seen
        assert state is None or state["status"] in {"completed", "cancelled"}, seen
        match ordered.asked:
            case None:
                assert (row["cancelled"], refused) == (0, 0), f"nobody cancelled it: {seen}"
            case "all":
                assert row["cancelled"] or refused or before_the_end[key] == ordered.quantity, f"not cancelled: {seen}"
            case units:
                done = row["cancelled"] + refused
                assert done == units or (done == 0 and before_the_end[key] == ordered.quantity), (
                    f"cancelled twice: {seen}"
                )


async def all_supply(system: System, business: Business) -> None:
    """Every version of stock and of a delivery was taken once, and the level is the true one."""
    warehouse = business.warehouse
    true = {"@".join(lane): (warehouse.on_hand[lane], version) for lane, version in warehouse.version.items()}
    for schema in ("inventory_sync", "gap_detector"):
        rows = await system.query(f"SELECT lane, on_hand, version FROM {schema}.lane WHERE version >= 0")  # noqa: S608
        same({lane: (on_hand, version) for lane, on_hand, version in rows}, true, f"levels in {schema}")
    seen = dict(await system.query("SELECT lane, count(*) FROM inventory_sync.stock_version GROUP BY lane"))
    same(seen, {lane: version for lane, (_, version) in true.items()}, "each version once")
    contested = await system.query("SELECT lane, version FROM inventory_sync.stock_version WHERE contested")
    same([tuple(row) for row in contested], [], "versions with two contents")
    rows = await system.query("SELECT delivery_id, version, status FROM inventory_sync.delivery")
    same({name: (version, status) for name, version, status in rows}, business.deliveries, "deliveries")
    gone: Counter[Lane] = Counter()
    for key, ordered in business.lines.items():
        gone[ordered.lane] += warehouse.sent[key]
    for lane, units in warehouse.received.items():
        assert units == gone[lane] + warehouse.lost[lane] + warehouse.on_hand[lane], f"the test lost count of {lane}"


async def dead_letters(system: System, reason_header: str) -> tuple[int, int]:
    """Every record that must be refused is a dead letter, nothing else is; returns how many, and how many repeated."""
    expected = {}
    for topic in ("order-placed", "order-cancelled", "stock-changed", "supplier-delivery"):
        for record in await system.read(topic):
            if reason := dict(record.headers).get(reason_header):
                expected[topic.encode(), str(record.partition).encode(), str(record.offset).encode()] = reason
    found: dict[tuple[bytes, ...], set[tuple[bytes, bytes | None]]] = defaultdict(set)
    total = 0
    for service in ("inventory-sync", "gap-detector", "priority-router", "notifier"):
        for record in await system.read(f"{service}.dead-letter"):
            marks = dict(record.headers)
            found[tuple(marks[name] for name in DLQ)].add((marks["dlq-reason"], record.value))
            total += 1
    reasons = {place: b" ".join(sorted({reason for reason, _ in letters})) for place, letters in found.items()}
    same(reasons, expected, "dead letters")
    assert all(len(letters) == 1 for letters in found.values()), "a repeated dead letter has the same content"
    return len(expected), total - len(expected)


async def notifications(system: System, with_mail: set[str]) -> tuple[int, int, set[str]]:
    """Each event that customers hear of has one outcome for its customer.

    Returns how many notifications there were, how many outcomes were published again, and the mails sent.
    """
    outcomes: dict[str, set[tuple[bytes, bytes]]] = defaultdict(set)
    told: Counter[tuple[str, str, str]] = Counter()
    mails: set[str] = set()
    records = await system.read("notification-outcome")
    for record in records:
        outcome = json.loads(record.value)
        event = (dict(record.headers)["ce_id"], record.value)
        if event not in outcomes[outcome["notification_id"]]:
            told[outcome["event_id"], outcome["recipient"], outcome["channel"]] += 1
        outcomes[outcome["notification_id"]].add(event)
        if (outcome["channel"], outcome["result"]) == ("email", "sent"):
            mails.add(outcome["message_id"])
    assert all(len(events) == 1 for events in outcomes.values()), "a notification has two outcomes"
    assert set(told.values()) <= {1}, "somebody was told of one event twice"
    for record in await system.read("back-order-state"):
        headers, state = dict(record.headers), json.loads(record.value)
        if headers["ce_type"].decode() in {
            f"back-order.{name}" for name in ("opened", "shipped", "completed", "cancelled")
        }:
            channel = "email" if state["customer_id"] in with_mail else "none"
            assert told[headers["ce_id"].decode(), state["customer_id"], channel] == 1, (headers, state["customer_id"])
    open_rows = await system.query("SELECT 1 FROM notifier.notification WHERE finished_at IS NULL")
    ended = {row[0] for row in await system.query("SELECT notification_id FROM notifier.notification")}
    assert not open_rows, "a notification waits"
    assert ended <= outcomes.keys(), "an outcome was not published"
    return len(outcomes), len(records) - len(outcomes), mails
