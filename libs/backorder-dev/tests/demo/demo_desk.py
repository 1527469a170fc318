"""A small stand-in for the whole system, in virtual time: what `backorder demo` may expect to hear.

It knows one way through each rule and nothing of brokers; it is only as clever as the demo's scenes need.
"""

from __future__ import annotations

from collections import Counter
from datetime import datetime

from demo_desk_books import Lane, Line, take_lots
from demo_desk_press import DAY, Press

from backorder_contracts.identity import lane
from backorder_dev.demo.acts import Plan
from backorder_dev.demo.business import Business
from backorder_dev.demo.records import Evidence, Publication, Sent

START = datetime.fromisoformat("2026-11-24T07:00:00+00:00").timestamp()
DEBOUNCE = 2.0


class Desk(Press):
    """Takes publications one by one and answers at once; `tick` lets time pass."""

    def __init__(self, contacts: dict | None = None):
        super().__init__(contacts)
        self._lanes: dict[str, Lane] = {}
        self._orders: dict[str, list[Line]] = {}
        self._number = 0

    # ── what stands on topics ──

    def take(self, record: Publication, now: float) -> None:
        self._now = now
        offset = self._next(record.topic)
        self.evidence.sent.append(Sent(record, 0, offset, now))
        if record.refused is not None:
            self._publish(
                f"{record.service}.dead-letter",
                "",
                record.key,
                record.data,
                letter={"topic": record.topic, "partition": "0", "offset": str(offset), "reason": record.refused},
            )
            return
        data = record.data
        self._cause = {"type": record.topic.replace("-", ".", 1), "id": record.cause_id}
        match record.topic:
            case "order-placed":
                self._place(data)
            case "order-cancelled":
                self._cancel(data)
            case "stock-changed":
                self._stock(data)
            case "supplier-delivery":
                self._deliver(data)

    # ── orders ──

    def _place(self, order):
        if order["order_id"] in self._orders:
            return
        lines = self._orders[order["order_id"]] = []
        for detail in order["lines"]:
            self._number += 1
            where = lane(detail["part_id"], detail["location_id"])
            tier = order["customer"]["tier"]
            band = 0 if detail["service_impact"] == "down" else 1 if tier in {"platinum", "gold"} else 2
            line = Line({**detail, **order["customer"], "order_id": order["order_id"]}, where, self._number, band)
            lines.append(line)
            at = self._lanes.setdefault(where, Lane())
            cover = 0 if at.waiting() else min(detail["quantity"], max(0, at.free))
            line.covered = line.cover_left = cover
            at.lines.append(line)
            self._short(line, detail["quantity"] - cover)
            self._settle(where)

    def _short(self, line, units):
        if units <= 0:
            return
        line.back_ordered += units
        line.waiting += units
        if line.version == 0:
            line.opened_at = self._now
            self._state(line, "opened", back_ordered=units)
            self._state(line, "prioritised")
        else:
            line.closed = None
            self._state(line, "increased", back_ordered=units)
        self._promise(line)

    def _cancel(self, data):
        named = {each["line_id"]: each.get("quantity") for each in data.get("lines", ())}
        for line in self._orders[data["order_id"]]:
            if named and line.detail["line_id"] not in named:
                continue
            units = named.get(line.detail["line_id"])
            left = line.waiting + line.allocated + line.cover_left if units is None else units
            waiting = min(left, line.waiting)
            allocated = min(left - waiting, line.allocated)
            line.waiting -= waiting
            self._give_back(line, allocated)
            line.cancelled += waiting + allocated
            line.cover_left -= min(left - waiting - allocated, line.cover_left)
            if waiting + allocated:
                if not self._need(line) and not line.shipped:
                    line.closed = "cancelled"
                self._state(line, "cancelled", cancelled=waiting + allocated)
                self._end(line)
            self._settle(line.where)

    # ── stock ──

    def _stock(self, data):
        where = lane(data["part_id"], data["location_id"])
        at = self._lanes.setdefault(where, Lane())
        if data["version"] <= at.version:
            return
        at.on_hand, at.version = data["on_hand"], data["version"]
        source = {"topic": "stock-changed", "partition": 0, "offset": self._offsets["stock-changed"] - 1}
        more = {"moved": True, "source": source, "cause": self._cause}
        self._publish("supply", "stock.positioned", where, {**data, **more})
        if data["reason"] == "received":
            at.lots[data["delivery_id"]] += data["quantity"]
        for shipped in data.get("shipped") or ():
            line = next(x for x in self._orders[shipped["order_id"]] if x.detail["line_id"] == shipped["line_id"])
            self._ship(line, shipped["quantity"])
        self._settle(where)

    def _ship(self, line, units):
        cover = min(units, line.cover_left)
        line.cover_left -= cover
        units -= cover
        if not units:
            return
        assert units <= line.released, "the warehouse ships what it was not told to"
        line.released -= units
        line.shipped += units
        line.shipped_lots += take_lots(line.lots, units)
        self._state(line, "shipped", shipped=units)
        self._end(line)

    def _end(self, line):
        if not self._need(line) and line.shipped:
            line.closed = "completed"
            self._state(line, "completed")

    def _settle(self, where):
        at = self._lanes[where]
        for line in sorted(at.lines, key=lambda line: line.rank, reverse=True):
            if at.free < 0 and line.allocated:
                units = min(-at.free, line.allocated)
                self._give_back(line, units)
                line.waiting += units
                self._state(line, "revoked", allocated=-units)
        for line in sorted(at.lines, key=lambda line: line.number, reverse=True):
            if at.free < 0 and line.cover_left:
                units = min(-at.free, line.cover_left)
                line.cover_left -= units
                line.covered -= units
                self._short(line, units)
        for line in at.waiting():
            self._set_aside(line, min(at.free, line.waiting))
        for winner in at.waiting():
            for loser in sorted(at.lines, key=lambda line: line.rank, reverse=True):
                units = min(loser.allocated, winner.waiting)
                if winner.band == 0 and loser.band == 2 and units:
                    self._give_back(loser, units)
                    loser.waiting += units
                    self._state(loser, "revoked", allocated=-units)
                    self._set_aside(winner, units)
        while at.lots.total() > max(0, at.free):
            take_lots(at.lots, 1)

    def _set_aside(self, line, units):
        if units <= 0:
            return
        line.waiting -= units
        line.allocated += units
        line.since = self._now
        line.lots += take_lots(self._lanes[line.where].lots, units)
        self._state(line, "allocated", allocated=units)

    def _give_back(self, line, units):
        line.allocated -= units
        spare = Counter(line.lots)
        take_lots(spare, max(0, line.lots.total() - units))
        line.lots -= spare
        self._lanes[line.where].lots += spare

    # ── supply ──

    def _deliver(self, data):
        where = lane(data["part_id"], data["location_id"])
        at = self._lanes.setdefault(where, Lane())
        at.inbound[data["delivery_id"]] = data
        deliveries = [
            {
                **each,
                "open_quantity": each["quantity"] - each["received_quantity"],
                **dict.fromkeys(("first_promised_at", "p50", "p90"), each["promised_at"]),
            }
            for each in at.inbound.values()
            if each["status"] not in {"received", "cancelled"}
        ]
        self._publish(
            "supply",
            "inbound.scheduled",
            where,
            {
                "part_id": data["part_id"],
                "location_id": data["location_id"],
                "deliveries": deliveries,
                "cause": self._cause,
            },
        )
        for line in at.waiting():
            self._promise(line)

    def _promise(self, line):
        dates = [
            each["promised_at"] for each in self._lanes[line.where].inbound.values() if each["status"] != "received"
        ]
        if not dates:
            return
        p50 = max(dates)
        old = line.promise
        if old is None or seconds(p50) - seconds(old["p50"]) > DAY / 2:
            first = old["first_p50"] if old else p50
            line.promise = {"p50": p50, "p90": p50, "first_p50": first, "revisions": 0, "delivery_ids": []}
            self._state(line, "promised")

    # ── time ──

    def tick(self, now):
        """Release what is due."""
        self._now = now
        for at in self._lanes.values():
            for line in at.lines:
                if line.allocated and not (line.complete and line.waiting) and line.since + DEBOUNCE <= now:
                    units, line.allocated = line.allocated, 0
                    line.released += units
                    self._state(line, "released", allocated=-units, released=units)


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


def play(
    plan: Plan, *, seed: int = 1, contacts: dict | None = None, delay: float = 1.0, step: float = 0.25
) -> Evidence:
    """Play a plan against the desk in virtual time; the business sees the tide `delay` seconds late."""
    desk, business, now = Desk(contacts), Business(plan, seed=seed), START
    desk.evidence.customers = set(plan.customers)
    for record in business.opening(now):
        desk.take(record, now)
    now += 2 * delay
    business.begin(now)
    tide = now - delay
    while not business.at_rest(tide):
        assert now < START + 20 * plan.seconds + 600, "the play does not end"
        for record in business.due(now, tide):
            desk.take(record, now)
        desk.tick(now)
        heard, desk.heard = desk.heard, []
        for event in heard:
            business.hear(event)
        now += step
        tide = now - delay
    desk.evidence.short_picks = business.warehouse.short_picks
    desk.evidence.lags = {"backorder.gap-detector.lanes ← order-line": 0}
    return desk.evidence
