"""What must be true of a lane while no message is under way between its two ledgers.

H on hand, C covered, P handed to the queue, N needed by the queue are the gap-detector's; U are the units that the
priority-router has received and set aside for nobody, A those allocated and released. Below zero, U is a debt:
stock was lost that had been released already. A debt is no drift.
"""

from dataclasses import dataclass, field
from enum import Enum

from auditor.domain.books import BackOrder, Ledger, LedgerLine, Pair

SHOWN = 20
"""How many findings about single lines a lane has at most; the rest is counted."""
NAMED = 5
"""How many back orders a finding about the whole lane names."""


class Identity(Enum):
    """The identities, by what they say."""

    UNITS = "P = U + A"
    COUNT_IN_QUEUE = "N + P = Σ counted of the back orders"
    COUNT_IN_LEDGER = "N + P = Σ counted of the lines"
    COVER = "C = Σ covered of the lines"
    ON_HAND = "C + A ≤ H, but for what is owed"
    FREE_WHILE_NEEDED = "nothing is free while the queue needs units"
    IDLE_WHILE_WAITING = "nobody waits for a unit that is there"
    IDLE_KEPT = "what no back order can use is handed back"
    NOT_NEGATIVE = "no quantity is below zero"
    LINE_NEED = "a line needs the same in both ledgers"
    LINE_COUNT = "the ledger counts what the back order wants"
    PARTS = "back-ordered = waiting + allocated + released + shipped + cancelled"
    ENDED = "a back order that ended needs nothing"
    UNANSWERED = "every cancellation was answered"


@dataclass(frozen=True, slots=True)
class Finding:
    """An identity that does not hold, with the numbers, and the back orders (or lines) that have to do with it."""

    identity: Identity
    expected: str
    found: str
    involved: tuple[str, ...] = ()


@dataclass(slots=True)
class _Some:
    """The first few names of many."""

    names: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        if len(self.names) < NAMED:
            self.names.append(name)


_NO_LINE = LedgerLine()


class LaneAudit:
    """Takes the lines of one lane one by one, keeps sums only, and then judges the lane.

    `more` counts the findings about lines beyond those that are shown.
    """

    def __init__(self) -> None:
        self.lines = 0
        self.more = 0
        self._findings: list[Finding] = []
        self._held_units = 0
        self._counted = 0
        self._holders, self._counting, self._waiting = _Some(), _Some(), _Some()

    def add(self, pair: Pair) -> None:
        """One line, as both sides have it."""
        self.lines += 1
        line, order = pair.line or _NO_LINE, pair.back_order or BackOrder(pair.name)
        self._sum(pair, order)
        if line.need != order.need:
            self._find(pair, Identity.LINE_NEED, f"ledger {order.need}", f"ledger {line.need}")
        if not line.counted == order.counted == order.want:
            found = f"ledger {line.counted}, queue {order.counted}"
            self._find(pair, Identity.LINE_COUNT, f"both {order.want}", found)
        if line.cancelling:
            self._find(pair, Identity.UNANSWERED, "0 asked for", f"{line.cancelling} asked for")
        if order.noted_waiting != order.waiting:
            self._find(pair, Identity.PARTS, f"waiting {order.waiting}", f"waiting {order.noted_waiting}")
        if order.closed and order.need:
            self._find(pair, Identity.ENDED, "need 0", f"need {order.need}")
        self._signs(pair, order)

    def _sum(self, pair: Pair, order: BackOrder) -> None:
        self._held_units += order.holds
        self._counted += order.counted
        if order.holds:
            self._holders.add(pair.name)
        if order.counted:
            self._counting.add(pair.name)
        if order.eligible:
            self._waiting.add(pair.name)

    def _signs(self, pair: Pair, order: BackOrder) -> None:
        if min(order.waiting, order.allocated, order.released, order.shipped, order.cancelled) >= 0:
            return
        parts = ("waiting", "allocated", "released", "shipped", "cancelled")
        below = ", ".join(f"{part} {units}" for part in parts if (units := getattr(order, part)) < 0)
        self._find(pair, Identity.NOT_NEGATIVE, "0 or more", below)

    def _find(self, pair: Pair, identity: Identity, expected: str, found: str) -> None:
        if len(self._findings) < SHOWN:
            self._findings.append(Finding(identity, expected, found, (pair.name,)))
        else:
            self.more += 1

    def findings(self, ledger: Ledger, idle: int) -> tuple[Finding, ...]:
        """Everything that is not as it should be, the lane's numbers first; `idle` is U."""
        return (
            *self._of_units(ledger, idle),
            *self._of_counts(ledger),
            *self._of_waiting(ledger, idle),
            *self._findings,
        )

    def _of_units(self, ledger: Ledger, idle: int) -> list[Finding]:
        """Every unit has one owner."""
        held, found = self._held_units, []
        holders = tuple(self._holders.names)
        if ledger.handed != idle + held:
            expected = f"P = {idle + held} (U {idle}, A {held})"
            found.append(Finding(Identity.UNITS, expected, f"P = {ledger.handed}", holders))
        taken = ledger.covered + held + min(idle, 0)
        if taken > ledger.on_hand:
            expected = f"at most H = {ledger.on_hand}"
            owed = f", {-idle} owed" if idle < 0 else ""
            found.append(Finding(Identity.ON_HAND, expected, f"{taken} (C {ledger.covered}, A {held}{owed})", holders))
        return found

    def _of_counts(self, ledger: Ledger) -> list[Finding]:
        """The sums are those of the parts."""
        found: list[Finding] = []
        due = ledger.needed + ledger.handed
        expected = f"{due} (N {ledger.needed}, P {ledger.handed})"
        counting = tuple(self._counting.names)
        for identity, counted in (
            (Identity.COUNT_IN_QUEUE, self._counted),
            (Identity.COUNT_IN_LEDGER, ledger.lines_counted),
        ):
            if counted != due:
                found.append(Finding(identity, expected, f"Σ counted = {counted}", counting))
        if ledger.covered != ledger.lines_covered:
            expected = f"C = {ledger.lines_covered}"
            found.append(Finding(Identity.COVER, expected, f"C = {ledger.covered}"))
        if ledger.lowest < 0:
            found.append(Finding(Identity.NOT_NEGATIVE, "0 or more", f"{ledger.lowest} of a line"))
        return found

    def _of_waiting(self, ledger: Ledger, idle: int) -> list[Finding]:
        """Nobody waits for what is there."""
        found = []
        waiting = tuple(self._waiting.names)
        free = ledger.free
        if free > 0 and ledger.needed > 0:
            told = f"{free} free, N = {ledger.needed}"
            found.append(Finding(Identity.FREE_WHILE_NEEDED, "free = 0 or N = 0", told, waiting))
        if waiting and (idle > 0 or free > 0):
            told = f"U = {idle}, {free} free"
            found.append(Finding(Identity.IDLE_WHILE_WAITING, "U = 0 and nothing free", told, waiting))
        if idle > 0:
            found.append(Finding(Identity.IDLE_KEPT, "U = 0", f"U = {idle}"))
        return found
