"""The ledger once more, as naively as possible: every unit on the shelf is an object that has an owner."""

from collections import Counter
from dataclasses import dataclass, field

QUEUE = "the queue"
NOBODY = None


@dataclass
class Unit:
    owner: str | None = NOBODY


@dataclass
class Wish:
    """What is known of an order line."""

    known: bool = False
    opened: bool = False
    cover_left: int = 0
    need: int = 0
    counted: int = 0
    asked: int = 0
    left: int = 0
    cancelled: int = 0
    away: int = 0
    recalled: int = 0

    @property
    def in_queue(self):
        """Units that a queue can be asked to cancel: here, or where they were rerouted to."""
        return max(0, self.need + self.away - self.asked)


@dataclass
class Shelf:
    """`owes` are units that the queue has to make good; `told` counts what followed from the last event."""

    version: int = -1
    units: list[Unit] = field(default_factory=list)
    owes: int = 0
    needed: int = 0
    wishes: dict[str, Wish] = field(default_factory=dict)
    arrived: list[str] = field(default_factory=list)
    told: Counter = field(default_factory=Counter)

    def wish(self, name):
        return self.wishes.setdefault(name, Wish())

    def owned(self, owner):
        return [unit for unit in self.units if unit.owner == owner]

    # ── events ─────────────────────────────────────────────────────────────────────────────────────────

    def placed(self, name, quantity, cancels):
        wish = self.wish(name)
        if wish.known:
            return
        wish.known = True
        self.arrived.append(name)
        wish.cover_left = min(wish.left, quantity)
        wanted = quantity - wish.cover_left
        for units in cancels:
            gone = wanted if units is None else min(units, wanted)
            wish.cancelled += gone
            wanted -= gone
        for _ in range(wanted):
            free = self.owned(NOBODY)
            if free and self.needed <= 0:
                free[0].owner = name
                self.told["covered", name] += 1
            else:
                self.lack(name)
        self.settle()

    def cancelled(self, name, units):
        wish = self.wish(name)
        if units is None:
            units = wish.in_queue + len(self.owned(name))
        for _ in range(units):
            if wish.in_queue:
                wish.asked += 1
                self.told["asked", name] += 1
            else:
                self.give_up_cover(name)
        self.settle()

    def followed(self, name, total):
        wish = self.wish(name)
        if wish.known and total > wish.recalled:
            more = total - wish.recalled
            wish.recalled = total
            self.cancelled(name, more)

    def levelled(self, on_hand, version, shipped):
        level = len(self.units)
        if version > self.version:
            self.version, level = version, on_hand
        for name, units in shipped:
            for _ in range(units):
                self.ship(name)
        while len(self.units) < level:
            self.units.append(Unit())
        while len(self.units) > level:
            self.vanish()
        self.settle()

    def heard(self, changes, returned, answers):
        for name, units in changes:
            self.wish(name).counted += units
            self.needed += units
        for _ in range(returned):
            self.needed += 1
            self.from_queue(NOBODY)
        for name, asked, done, away in answers:
            wish = self.wish(name)
            wish.asked -= asked
            wish.away += away
            wish.cancelled += done
            wish.need -= min(wish.need, done)
            for _ in range(asked - done + min(away, 0)):
                self.give_up_cover(name)
        self.settle()

    # ── what they are made of ──────────────────────────────────────────────────────────────────────────

    def lack(self, name):
        wish = self.wish(name)
        wish.opened = True
        wish.need += 1
        wish.counted += 1
        self.needed += 1
        self.told["lacks", name] += 1

    def give_up_cover(self, name):
        cover = self.owned(name)
        if cover:
            cover[0].owner = NOBODY
            self.wish(name).cancelled += 1
            self.told["gave up", name] += 1
        elif self.wish(name).opened:
            self.told["refused", name] += 1

    def ship(self, name):
        wish = self.wish(name)
        wish.left += 1
        if not wish.known:
            return
        cover = self.owned(name)
        if cover:
            self.units.remove(cover[0])
            wish.cover_left += 1
            self.told["cover left", name] += 1
        elif wish.need:
            wish.need -= 1
            self.told["back order left", name] += 1
            wish.counted -= 1
            self.told["counted", name] += 1
            gone = self.from_queue("gone")
            if gone:
                self.units.remove(gone)

    def from_queue(self, owner):
        """One of the queue's units changes its owner; None when the queue has none, and owes it."""
        units = self.owned(QUEUE)
        if not units:
            self.owes += 1
            return None
        units[0].owner = owner
        return units[0]

    def vanish(self):
        """A unit is not there any more: nobody's, else the queue's, else one of the newest covered line."""
        free, queue = self.owned(NOBODY), self.owned(QUEUE)
        if free:
            self.units.remove(free[0])
        elif queue:
            self.units.remove(queue[0])
            self.needed += 1
            self.told["taken"] += 1
        else:
            name = next(name for name in reversed(self.arrived) if self.owned(name))
            self.units.remove(self.owned(name)[0])
            self.told["lost", name] += 1
            self.lack(name)

    def settle(self):
        while self.needed > 0 and self.owes:
            self.owes -= 1
            self.needed -= 1
            self.told["handed"] += 1
        while self.needed > 0 and (free := self.owned(NOBODY)):
            free[0].owner = QUEUE
            self.needed -= 1
            self.told["handed"] += 1
