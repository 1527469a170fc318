"""A queue that is slow and obviously right: it sorts everything and moves units one by one.

It shares no code with the core. It is told the same inputs and keeps plain dictionaries.
"""

from datetime import timedelta

from router_oracle_line import in_line, last_of, new_line

HALF_DAY = timedelta(hours=12)


class Oracle:
    def __init__(self, strategies, max_worsened=1, tolerance=HALF_DAY, debounce=timedelta(seconds=2)):
        self.strategies = strategies
        self.max_worsened = max_worsened
        self.tolerance = tolerance
        self.debounce = debounce
        self.lines = {}
        self.idle = 0
        self.inbound = []
        self.supplied = 0
        self.looked_at = None  # when promises were reckoned last
        self.report = ({}, 0, [])
        self.answers = []

    # ── questions ──

    def waiting(self, x):
        return x["need"] - x["alloc"] - x["rel"]

    def rank(self, x):
        return (x["band"], x["due"], x["placed"], x["order"])

    def ordered(self, lines):
        return sorted(lines, key=self.rank)

    def open_lines(self):
        return self.ordered(x for x in self.lines.values() if not x["closed"])

    def takers(self, *, lending):
        return [x for x in self.open_lines() if not x["held"] and self.waiting(x) > 0 and x["lending"] == lending]

    def protected(self, x):
        return x["promise"] is not None and x["worsened"] >= self.max_worsened

    @property
    def given(self):
        return self.supplied - self.idle

    def prey(self, band):
        return [
            x
            for x in self.open_lines()
            if x["alloc"] > 0 and x["band"] > band and self.strategies[x["band"]] == "f" and not self.protected(x)
        ]

    # ── the rules ──

    def settle(self):
        while self.idle < 0 and any(x["alloc"] for x in self.open_lines()):
            last = [x for x in self.open_lines() if x["alloc"]][-1]
            last["alloc"] -= 1
            last["place"] = None  # it needs more than it was promised
            self.idle += 1
        while self.idle > 0 and (self.takers(lending=False) or self.takers(lending=True)):
            first = (in_line(self) or self.takers(lending=True))[0]
            first["alloc"] += 1
            self.idle -= 1
        self.lend()
        for band, strategy in enumerate(self.strategies):
            if strategy == "w":
                for x in self.open_lines():
                    if x["band"] == band and not x["held"] and self.waiting(x) > 0:
                        self.win(x)
        self.lend()

    def lend(self):
        while True:
            holding = [x for x in self.takers(lending=True) if x["alloc"]]
            wanting = self.takers(lending=False)
            if not holding or not wanting:
                return
            holding[-1]["alloc"] -= 1
            wanting[0]["alloc"] += 1

    def win(self, x):
        if x["complete"] and self.waiting(x) > sum(p["alloc"] for p in self.prey(x["band"])):
            return
        while self.waiting(x) > 0 and self.prey(x["band"]):
            self.prey(x["band"])[-1]["alloc"] -= 1
            x["alloc"] += 1

    def may_release(self, x):
        return x["alloc"] > 0 and not x["held"] and not x["closed"] and (not x["complete"] or self.waiting(x) == 0)

    def finish(self, now):
        """What every input ends with."""
        self.settle()
        for x in self.lines.values():
            if not self.may_release(x):
                x["release_at"] = None
            elif x["release_at"] is None:
                x["release_at"] = now + self.debounce
        changes = {}
        for key, x in self.lines.items():
            want = x["alloc"] + x["rel"] if x["held"] else x["need"]
            if want != x["counted"]:
                changes[key] = want - x["counted"]
                x["counted"] = want
        back = max(self.idle, 0)
        self.idle -= back
        self.supplied -= back
        self.report = (changes, back, self.answers)
        self.answers = []

    # ── the inputs ──

    def short(self, order, units, *, band, due, placed, complete):
        x = self.lines.get(order)
        if x is None:
            x = self.lines[order] = new_line(order, band, due, placed, complete=complete)
        elif x["closed"] and not x["pinned"]:
            x["band"], x["due"] = band, due
        x["closed"] = None
        x["place"] = None
        x["need"] += units
        x["counted"] += units

    def units(self, n):
        self.idle += n
        self.supplied += n

    def ship(self, order, n, counted):
        x = self.lines[order]
        self.answers += [(0, 0)] * bool(self.recall(x, n - x["need"]))
        for _ in range(n):
            if x["need"] == 0:
                break
            x["need"] -= 1
            x["shipped"] += 1
            if x["rel"]:
                x["rel"] -= 1
                self.units(1)
            elif x["alloc"]:
                x["alloc"] -= 1
                self.units(1)
        self.units(-counted)
        x["counted"] -= counted
        if x["need"] == 0 and not x["closed"]:
            x["closed"] = "completed"

    def drop(self, x, n):
        for _ in range(n):
            if self.waiting(x) == 0:
                x["alloc"] -= 1
                self.idle += 1
            x["need"] -= 1
            x["cancelled"] += 1
        if x["need"] == 0 and n:
            x["closed"] = "completed" if x["shipped"] else "cancelled"

    def cancel(self, order, n):
        x = self.lines[order]
        done = min(n, x["need"] - x["rel"])
        self.drop(x, done)
        self.recall(x, n - done)
        self.answers.append((n, done))

    def recall(self, x, n):
        """Units that are wanted no more where they were rerouted to."""
        units = max(0, min(n, x["away"]))
        x["away"] -= units
        return units

    def command(self, action, order, *, band=None, due=None, quantity=None):
        x = self.lines[order]
        free = x["need"] - x["rel"]
        if x["closed"] or (action != "resume" and free == 0):
            return
        if action == "hold" and not x["held"]:
            x["held"] = True
            self.idle += x["alloc"]
            x["alloc"] = 0
            x["promise"] = x["place"] = None
        elif action == "resume":
            x["held"] = False
        elif action == "expedite" and band is not None:
            x["band"], x["due"], x["pinned"] = band, due, True
        elif action == "cancel" and (quantity is None or quantity <= free):
            done = quantity or free
            self.drop(x, done)
            self.answers.append((0, done))
        elif action == "release" and not x["held"] and x["alloc"]:
            x["rel"] += x["alloc"]
            x["alloc"] = 0
        elif action == "reroute" and not x["sent"]:
            ends = x["rel"] == 0
            self.drop(x, free)
            x["sent"], x["away"] = True, free
            if ends:
                x["closed"] = "rerouted"
            self.answers.append((0, free))

    # ── the timers ──

    def release_ring(self, now):
        for x in self.lines.values():
            if x["release_at"] is not None and x["release_at"] <= now and self.may_release(x):
                x["rel"] += x["alloc"]
                x["alloc"] = 0

    def due_ring(self, now):
        for x in self.open_lines():
            if x["due"] <= now:
                x["breached"] = True

    def lenders(self):
        """Who should lend: going down the ranks, each line claims what it needs of all that is known."""
        left = self.idle + sum(units for _, units, _, _ in self.inbound)
        wanting = [x for x in self.open_lines() if not x["held"] and self.waiting(x) > 0]
        left += sum(x["alloc"] for x in wanting if x["complete"])

        def claim(x):
            return self.waiting(x) + (x["alloc"] if x["complete"] else 0)

        first = [x for x in wanting if self.protected(x) and x["place"] is not None]
        if sum(map(claim, first)) > left:
            first = []  # they cannot all be kept
        left -= sum(map(claim, first))
        lenders = []
        for x in wanting:
            if x in first:
                continue
            if x["complete"] and claim(x) > left:
                lenders.append(x["order"])
            else:
                left -= claim(x)
        return wanting, lenders

    def date(self, supply, unit, which, owed):
        come = -owed
        for delivery in sorted(supply, key=lambda d: (d[which], d[0])):
            come += delivery[1]
            if come >= unit:
                return delivery[which]
        return None

    def dates(self, unit, now):
        owed = max(-self.idle, 0)
        p50, p90 = self.date(self.inbound, unit, 2, owed), self.date(self.inbound, unit, 3, owed)
        if any(delivery[2] < now for delivery in self.inbound) and now.minute + now.second + now.microsecond:
            now = now.replace(minute=0, second=0, microsecond=0) + timedelta(hours=1)
        return None if p50 is None else (max(p50, now), max(p90, now))

    def later(self, old, new):
        return new is None or any(b - a > self.tolerance for a, b in zip(old, new, strict=True))

    def moved(self, old, new):
        if old is None or new is None:
            return (old is None) != (new is None)
        return any(abs(a - b) > self.tolerance for a, b in zip(old, new, strict=True))

    def forecast_ring(self, now):
        self.looked_at = now
        wanting, lenders = self.lenders()
        turned = False
        for x in wanting:
            lends = x["order"] in lenders
            if lends != x["lending"]:
                turned = True
                x["lending"] = lends
                if lends:
                    x["promise"] = x["place"] = None
        if turned:
            return
        line = in_line(self)
        for x in self.takers(lending=False):
            last = last_of(x, line)
            new, old = self.dates(last, now), x["promise"]
            if self.moved(old, new):
                x["worsened"] += self.overtaken(x, new, last, now)
                x["promise"] = new
                x["place"] = None if new is None else last + self.given
            elif old is not None and x["place"] is None:
                x["place"] = last + self.given

    def overtaken(self, x, new, last, now):
        if x["promise"] is None or x["place"] is None or not self.later(x["promise"], new):
            return False
        place = x["place"] - self.given
        if last <= place:
            return False
        then = self.dates(place, now)
        return place <= 0 or (then is not None and self.later(then, new))
