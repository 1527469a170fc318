"""The other side of the hand-over, as small as possible: who owns each unit of a lane's stock.

It speaks the real messages, and is written from the design, not from the gap detector's code.
"""

from router_desk import HOUR, START

from backorder_contracts.identity import back_order_id
from backorder_contracts.internal import (
    BackOrderShipped,
    CancelAsked,
    CancelRefused,
    Cause,
    LineDetail,
    LineRef,
    Shortage,
    UnitsHanded,
)

CAUSE = Cause("ledger", "0")


class Ledger:
    def __init__(self):
        self.on_hand = self.covered = self.handed = self.needed = 0
        self.lines = {}
        self.out = []

    @property
    def free(self):
        return self.on_hand - self.covered - self.handed

    def say(self, kind, order, *args):
        self.out.append(kind(back_order_id(order, "1", "BRK-204", "W1"), LineRef(order, "1"), *args, CAUSE))

    def lack(self, order, units):
        line = self.lines[order]
        if units > 0:
            first = not line["opened"]
            line["opened"] = True
            line["need"] += units
            line["counted"] += units
            self.needed += units
            detail = LineDetail(order, "1", "BRK-204", "W1", 99, START - HOUR, "C-1", **line["detail"])
            key = back_order_id(order, "1", "BRK-204", "W1")
            self.out.append(Shortage(key, detail, units, line["covered"], first, START, CAUSE))

    def placed(self, order, units, detail):
        self.lines[order] = {
            "covered": 0,
            "need": 0,
            "counted": 0,
            "opened": False,
            "detail": detail,
            "age": len(self.lines),
        }
        take = min(units, max(self.free, 0)) if self.needed <= 0 else 0
        self.covered += take
        self.lines[order]["covered"] = take
        self.lack(order, units - take)

    def cancelled(self, order, units):
        line = self.lines[order]
        asked = min(units, line["need"])
        if asked:
            self.say(CancelAsked, order, asked)
        self.uncover(line, min(units - asked, line["covered"]))
        self.settle()

    def uncover(self, line, units):
        line["covered"] -= units
        self.covered -= units

    def stock(self, change, shipped=None):
        self.on_hand += change
        if shipped is not None:
            order, units = shipped
            line = self.lines[order]
            from_cover = min(units, line["covered"])
            self.uncover(line, from_cover)
            rest = min(units - from_cover, line["need"])
            line["need"] -= rest
            counted = min(rest, max(line["counted"], 0))
            line["counted"] -= counted
            self.handed -= counted
            if rest:
                self.say(BackOrderShipped, order, rest, counted)
        self.settle()

    def heard(self, report):
        for change in report.changes:
            self.lines[change.ref.order_id]["counted"] += change.units
            self.needed += change.units
        self.handed -= report.returned
        self.needed += report.returned
        for answer in report.answers:
            order = answer.ref.order_id
            line = self.lines[order]
            line["need"] = max(0, line["need"] - answer.done)
            rest = answer.asked - answer.done
            from_cover = min(rest, line["covered"])
            self.uncover(line, from_cover)
            if rest > from_cover:
                self.say(CancelRefused, order, rest - from_cover)
        self.settle()

    def hand(self, units):
        self.handed += units
        self.needed -= units
        self.out.append(UnitsHanded("BRK-204", "W1", units, CAUSE))

    def settle(self):
        if self.handed < 0 < self.needed:
            self.hand(min(-self.handed, self.needed))
        if self.free > 0 and self.needed > 0:
            self.hand(min(self.free, self.needed))
        elif self.free < 0:
            back = min(-self.free, max(self.handed, 0))
            if back:
                self.hand(-back)
            for order, line in sorted(self.lines.items(), key=lambda item: -item[1]["age"]):
                units = min(-self.free, line["covered"])
                if units > 0:
                    self.uncover(line, units)
                    self.lack(order, units)
