"""The numbers of one lane as the two ledgers have them. All are units unless they say otherwise.

They are msgspec structs because an audit makes three for every line in the queue.
"""

from msgspec import Struct


class Ledger(Struct, frozen=True, gc=False):
    """What the gap-detector has of a lane: its four numbers, and sums over the lane's lines.

    `lowest` is the smallest quantity that any line has, 0 at most. A lane without a row is all zeros.
    """

    on_hand: int = 0
    covered: int = 0
    handed: int = 0
    needed: int = 0
    lines_covered: int = 0
    lines_counted: int = 0
    lowest: int = 0

    @property
    def free(self) -> int:
        """Units that belong to nobody. Units that the queue owes (`handed` below zero) are not here."""
        return self.on_hand - self.covered - max(self.handed, 0)


class LedgerLine(Struct, frozen=True, gc=False):
    """An order line of which the gap-detector counts something in the queue."""

    need: int = 0
    counted: int = 0
    cancelling: int = 0


class BackOrder(Struct, frozen=True, gc=False):
    """What the priority-router has of a back order; `noted_waiting` is the number that its table shows."""

    back_order_id: str
    noted_waiting: int = 0
    back_ordered: int = 0
    allocated: int = 0
    released: int = 0
    shipped: int = 0
    cancelled: int = 0
    counted: int = 0
    held: bool = False
    ranked: bool = True
    closed: bool = False

    @property
    def need(self) -> int:
        """What it waits for or holds."""
        return self.back_ordered - self.shipped - self.cancelled

    @property
    def holds(self) -> int:
        """What is set aside for it or released."""
        return self.allocated + self.released

    @property
    def waiting(self) -> int:
        """What nothing is set aside for."""
        return self.need - self.holds

    @property
    def want(self) -> int:
        """What the ledger should count: a held one asks for nothing more than it has."""
        return self.holds if self.held else self.need

    @property
    def eligible(self) -> bool:
        """Whether it waits, and would be given a unit that is idle."""
        return self.waiting > 0 and self.ranked and not self.held and not self.closed


class Pair(Struct, frozen=True, gc=False):
    """One order line on both sides; None where a side has nothing of it."""

    order_id: str
    line_id: str
    line: LedgerLine | None
    back_order: BackOrder | None

    @property
    def name(self) -> str:
        """What people look it up by."""
        if self.back_order is not None:
            return self.back_order.back_order_id
        return f"order {self.order_id} line {self.line_id}"
