"""Records that break the contract, each with the reason that its dead letter must give.

`bad_records` makes the kinds that concern the envelope for every input topic, and then those of each event.
"""

import json
import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

from backorder_runtime.outbox import Wire
from e2e_support.upstream import cancellation, delivery, line, order, shipped, stock

CASE = "x-case"
SERVICES = {
    "order-placed": "gap-detector",
    "order-cancelled": "gap-detector",
    "stock-changed": "inventory-sync",
    "supplier-delivery": "inventory-sync",
    "back-order-command": "priority-router",
}
TYPES = {
    "order-placed": "order.placed",
    "order-cancelled": "order.cancelled",
    "stock-changed": "stock.changed",
    "supplier-delivery": "supplier.delivery",
    "back-order-command": "back-order.command",
}
STRUCTURED = (("content-type", b"application/cloudevents+json"),)

Headers = tuple[tuple[str, bytes | None], ...]


@dataclass(frozen=True)
class Bad:
    """A record that must be refused; `case` names it in a header of its own."""

    case: str
    topic: str
    value: bytes | None
    reason: str
    headers: Headers = ()

    def wire(self, draw: random.Random) -> Wire:
        """The record under a key and among headers that have nothing to do with it."""
        return Wire(self.topic, any_key(draw), self.value, (*any_headers(draw), *self.headers, (CASE, self.name)))

    @property
    def name(self) -> bytes:
        return f"{self.topic}/{self.case}".encode()


def any_key(draw: random.Random) -> bytes | None:
    return draw.choice([None, b"", b"key", b"\xff\x00\xfe", draw.randbytes(8), b"k" * 300])


def any_headers(draw: random.Random) -> Headers:
    """Headers that are none of ours: binary, without a value, empty, given twice, without a name."""
    choice: list[tuple[str, bytes | None]] = [
        ("x-trace", draw.randbytes(16)),
        ("x-nothing", None),
        ("x-empty", b""),
        ("x-twice", b"1"),
        ("x-twice", b"2"),
        ("", b"no name"),
        ("x-ü", "ü".encode()),
        ("traceparent", b"\xff not a trace"),
        ("dlq-reason", b"from an earlier life"),
    ]
    return tuple(draw.sample(choice, draw.randint(1, len(choice))))


def good(topic: str) -> dict[str, Any]:
    """A correct event of the topic; only ever published after it was broken."""
    match topic:
        case "order-placed":
            return order("BAD-1", line("BAD", 2))
        case "order-cancelled":
            return cancellation("BAD-1", {"line_id": "1", "quantity": 1})
        case "stock-changed":
            return stock("BAD", 5, 1)
        case "supplier-delivery":
            return delivery("PO-BAD", "BAD", 5)
        case _:
            return command("CMD-BAD", "BO-0", "BAD")


def command(command_id: str, back_order_id: str, part: str, action: str = "hold", **more: Any) -> dict[str, Any]:
    told = {"command_id": command_id, "back_order_id": back_order_id, "part_id": part, "location_id": "W1"}
    return {**told, "action": action, "requested_by": "U-1", **more}


def bad_records() -> list[Bad]:
    """All of them."""
    every = [bad for topic in SERVICES for bad in (*_unreadable(topic), *_envelopes(topic), *_times_and_ids(topic))]
    return [*every, *_orders(), *_cancellations(), *_stocks(), *_deliveries(), *_commands()]


def _json(data: Any) -> bytes:
    return json.dumps(data, ensure_ascii=False).encode("utf-8", "surrogatepass")


def _unreadable(topic: str) -> Iterator[Bad]:
    text = _json(good(topic))
    yield Bad("broken-json", topic, text[:-3], "not-json")
    yield Bad("no-json", topic, b"<order/>", "not-json")
    yield Bad("empty", topic, b"", "empty")
    yield Bad("blank", topic, b" \n", "empty")
    yield Bad("tombstone", topic, None, "empty")
    yield Bad("list", topic, b"[" + text + b"]", "not-an-object")
    yield Bad("null", topic, b"null", "not-an-object")
    yield Bad("number", topic, b"17", "not-an-object")
    yield Bad("too-large", topic, text[:-1] + b', "x": "' + b"x" * (256 * 1024) + b'"}', "too-large")
    yield Bad("a-megabyte", topic, text + b" " * 1_000_000, "too-large")
    yield Bad("not-utf-8", topic, text.replace(b"W1", b"W\xff") if b"W1" in text else b'{"x": "\xff"}', "not-json")
    yield Bad("byte-order-mark", topic, b"\xef\xbb\xbf" + text, "not-json")
    yield Bad("surrogate", topic, text[:-1] + b', "x": "\\ud800"}', "not-json")
    yield Bad("nan", topic, text[:-1] + b', "x": NaN}', "not-json")
    yield Bad("infinity", topic, text[:-1] + b', "x": -Infinity}', "not-json")
    yield Bad("deep", topic, text[:-1] + b', "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}", "not-json")
    yield Bad("name-twice", topic, text[:-1] + b', "part_id": "A", "part_id": "B"}', "not-json")


def _envelopes(topic: str) -> Iterator[Bad]:
    data = good(topic)
    text, ce = _json(data), {"specversion": "1.0", "id": "bad-1", "source": "/erp", "type": TYPES[topic]}

    def binary(**changes: bytes | None) -> Headers:
        known: dict[str, bytes | None] = {name: value.encode() for name, value in ce.items()}
        return tuple((f"ce_{name}", value) for name, value in (known | changes).items())

    other = "order.cancelled" if topic == "order-placed" else "order.placed"
    yield Bad("wrong-type", topic, text, "wrong-type", binary(type=other.encode()))
    yield Bad("unknown-type", topic, text, "wrong-type", binary(type=b"weather.changed"))
    yield Bad("specversion", topic, text, "bad-envelope", binary(specversion=b"0.3"))
    yield Bad("no-id", topic, text, "bad-envelope", binary()[:1] + binary()[2:])
    yield Bad("null-source", topic, text, "bad-envelope", binary(source=None))
    yield Bad("id-not-utf-8", topic, text, "bad-envelope", binary(id=b"\xff\xfe"))
    yield Bad("id-with-a-bell", topic, text, "bad-envelope", binary(id=b"a\x07b"))
    yield Bad("id-twice", topic, text, "bad-envelope", (*binary(), ("ce_id", b"another")))
    yield Bad("avro", topic, text, "bad-envelope", (("content-type", b"application/cloudevents+avro"),))
    yield Bad("structured-without-data", topic, _json(ce), "not-an-object", STRUCTURED)
    yield Bad("structured-broken", topic, _json({**ce, "data": data})[:-2], "not-json", STRUCTURED)
    yield Bad("structured-text", topic, _json({**ce, "data": "{}"}), "not-an-object", STRUCTURED)
    yield Bad("structured-base64", topic, _json({**ce, "data_base64": "e30"}), "not-json", STRUCTURED)
    yield Bad("structured-wrong-type", topic, _json({**ce, "type": "x", "data": data}), "wrong-type", STRUCTURED)
    yield Bad("structured-bad-data", topic, _json({**ce, "data": {}}), "missing-field", STRUCTURED)


def _times_and_ids(topic: str) -> Iterator[Bad]:
    data = good(topic)
    times = [name for name in ("placed_at", "cancelled_at", "occurred_at") if name in data]
    ids = [name for name in ("order_id", "delivery_id", "part_id", "command_id") if name in data][:1]
    for name in (*times, *ids):
        yield Bad(f"no-{name}", topic, _json({key: x for key, x in data.items() if key != name}), "missing-field")
        yield Bad(f"null-{name}", topic, _json({**data, name: None}), "missing-field")
    for name in times:
        for what, value in (("naive", "2026-11-24T07:00:00"), ("no-such-day", "2026-02-30T07:00:00Z"), ("number", 1)):
            yield Bad(f"{what}-{name}", topic, _json({**data, name: value}), "bad-time")
    for name in ids:
        for what, value in (
            ("control", "a\u0000b"),
            ("long", "x" * 65),
            ("empty", ""),
            ("number", 7),
            ("bidi", "\u202ea"),
        ):
            yield Bad(f"{what}-{name}", topic, _json({**data, name: value}), "bad-identifier")


def _changed(topic: str, reason: str, **cases: dict[str, Any]) -> Iterator[Bad]:
    for case, changes in cases.items():
        yield Bad(case.replace("_", "-"), topic, _json({**good(topic), **changes}), reason)


def _numbers(make: Callable[[Any], Any], topic: str, name: str, most: int, least: int) -> Iterator[Bad]:
    """Everything that is no whole number in its range."""
    wrong = {
        "too-small": least - 1,
        "too-large": most + 1,
        "float": 1.5,
        "whole-float": 2.0,
        "bool": True,
        "string": "2",
    }
    for what, value in {**wrong, "huge": 10**400, "exponent": 1e9, "list": [1]}.items():
        yield Bad(f"{name}-{what}", topic, _json(make(value)), "bad-quantity")


def _orders() -> Iterator[Bad]:
    topic, sound = "order-placed", line("BAD", 1)

    def of(*lines: Any, **more: Any) -> dict[str, Any]:
        return {**order("BAD-1", *lines), **more}

    yield from _numbers(lambda value: of(sound, line("BAD", value), sound), topic, "quantity", 10**9, 1)
    yield Bad("no-lines", topic, _json(of()), "invalid-field")
    yield Bad("lines-missing", topic, _json({k: x for k, x in of().items() if k != "lines"}), "missing-field")
    yield Bad("too-many-lines", topic, _json(of(*[line("B", 1)] * 1001)), "invalid-field")
    yield Bad("line-twice", topic, _json(of(sound, {**sound, "line_id": "1"})), "duplicate-line")
    yield Bad("line-is-text", topic, _json(of(lines=["1"])), "invalid-field")
    one_bad = [line(f"GOOD-{n}", 1) for n in range(5)]
    yield Bad("one-bad-line", topic, _json(of(*one_bad, line("BAD\u0007", 1), sound)), "bad-identifier")
    yield Bad("part-missing", topic, _json(of(sound, {"quantity": 1})), "missing-field")
    for name, value in {"service_impact": "on fire", "ship_policy": "some", "service-impact-case": "DOWN"}.items():
        field = "service_impact" if "case" in name else name
        yield Bad(f"unknown-{name}", topic, _json(of(line("BAD", 1, **{field: value}))), "unknown-value")
    yield Bad("unknown-tier", topic, _json(of(sound, customer={"customer_id": "C", "tier": "wood"})), "unknown-value")
    yield Bad(
        "customer-missing", topic, _json({k: x for k, x in of(sound).items() if k != "customer"}), "missing-field"
    )
    yield Bad("need-by", topic, _json(of(line("BAD", 1, need_by="soon"))), "bad-time")
    yield Bad("unit-value", topic, _json(of(line("BAD", 1, unit_value=129.9))), "invalid-field")


def _cancellations() -> Iterator[Bad]:
    topic = "order-cancelled"
    make: Callable[[Any], Any] = lambda value: cancellation("BAD-1", {"line_id": "1", "quantity": value})  # noqa: E731
    yield from _numbers(make, topic, "quantity", 10**9, 1)
    twice = [{"line_id": "1"}, {"line_id": "1", "quantity": 1}]
    yield from _changed(topic, "duplicate-line", line_twice={"lines": twice})
    yield from _changed(topic, "invalid-field", no_lines={"lines": []}, control_in_text={"reason": "x\u0000"})


def _stocks() -> Iterator[Bad]:
    topic = "stock-changed"
    yield from _numbers(lambda value: stock("BAD", value, 1), topic, "on-hand", 10**12, 0)
    yield from _numbers(lambda value: stock("BAD", 1, value), topic, "version", 2**63 - 1, 0)
    gone = lambda value: stock("BAD", 1, 1, "shipped", shipped=[shipped("O", "1", value)])  # noqa: E731
    yield from _numbers(gone, topic, "shipped", 10**9, 1)
    yield from _changed(topic, "missing-field", no_reason={"reason": None}, no_level={"on_hand": None})
    yield from _changed(
        topic,
        "invalid-field",
        shipped_but_counted={"shipped": [shipped("O", "1", 1)]},
        shipped_is_text={"reason": "shipped", "shipped": "all"},
    )


def _deliveries() -> Iterator[Bad]:
    topic = "supplier-delivery"
    yield from _numbers(lambda value: delivery("PO-BAD", "BAD", value), topic, "quantity", 10**9, 1)
    yield from _changed(topic, "unknown-value", status={"status": "lost at sea"}, status_case={"status": "Promised"})
    yield from _changed(
        topic, "bad-time", promised={"promised_at": "next week"}, promised_day={"promised_at": "2026-13-01"}
    )
    yield from _changed(topic, "missing-field", no_location={"location_id": None}, no_status={"status": None})


def _commands() -> Iterator[Bad]:
    topic = "back-order-command"
    yield from _changed(topic, "unknown-action", action={"action": "explode"})
    yield from _changed(topic, "missing-field", expedite={"action": "expedite"}, reroute={"action": "reroute"})
    yield from _changed(topic, "invalid-field", band={"band": "key-account"})
    cancel = lambda value: command("CMD-BAD", "BO-0", "BAD", "cancel", quantity=value)  # noqa: E731
    yield from _numbers(cancel, topic, "quantity", 10**9, 1)
    yield Bad("unknown", topic, _json(command("CMD-NOBODY", "BO-nobody", "NOBODY")), "unknown-back-order")
