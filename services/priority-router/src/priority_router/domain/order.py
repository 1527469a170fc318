"""One back order: the part of an order line that stock did not cover."""

from datetime import datetime

from msgspec import Struct

from backorder_contracts.internal import Cause, LineDetail, LineRef
from priority_router.domain.lots import Lots, merge
from priority_router.domain.rank import Rank


class Promise(Struct, frozen=True, gc=False):
    """When the customer may expect all that waits: the median date, a cautious one, and what it rests on."""

    p50: datetime
    p90: datetime
    delivery_ids: tuple[str, ...] = ()


class BackOrder(Struct, gc=False):
    """The state of a back order. Only `evolve` writes it.

    Units: back_ordered = waiting + allocated + released + shipped + cancelled. `counted` is what the ledger
    reckons that the line needs. `lots` stands for allocated and released units, `shipped_lots` for those that
    left. `rerouted_to` is where a part of it went: a line is rerouted once from a lane at most, so that no two
    parts of it meet again in one lane; of that part `away` units were not cancelled since, as far as is known
    here, and `recalled` ones were. `place` is the number of the last unit that it was promised, counted over all
    units that lines of the lane are given; None when that was for another need, or no promise stands. `band` means
    nothing while `due_at` is None (the line was opened, but not yet prioritised). `cause` is what led to the newest
    version; None in one that an older release stored and nothing has changed since.
    """

    back_order_id: str
    line: LineDetail
    opened_at: datetime
    covered: int = 0
    back_ordered: int = 0
    allocated: int = 0
    released: int = 0
    shipped: int = 0
    cancelled: int = 0
    counted: int = 0
    version: int = 0
    held: bool = False
    lending: bool = False
    band: int = 0
    band_name: str | None = None
    pinned: bool = False
    due_at: datetime | None = None
    policy_version: str | None = None
    promise: Promise | None = None
    place: int | None = None
    first_p50: datetime | None = None
    revisions: int = 0
    worsened: int = 0
    lots: Lots = ()
    shipped_lots: Lots = ()
    release_at: datetime | None = None
    supplied_cause: Cause | None = None
    at_risk: bool = False
    breached: bool = False
    whole_at: datetime | None = None
    released_at: datetime | None = None
    rerouted_to: str | None = None
    away: int = 0
    recalled: int = 0
    closed_at: datetime | None = None
    closed_as: str | None = None
    cause: Cause | None = None

    @property
    def ref(self) -> LineRef:
        """The line's name inside its lane."""
        return self.line.ref

    @property
    def need(self) -> int:
        """Units that the back order still waits for or holds."""
        return self.back_ordered - self.shipped - self.cancelled

    @property
    def waiting(self) -> int:
        """Units that nothing is set aside for."""
        return self.back_ordered - self.shipped - self.cancelled - self.allocated - self.released

    @property
    def want(self) -> int:
        """What the ledger should count: a held line asks for nothing more than it has."""
        return self.allocated + self.released if self.held else self.need

    @property
    def complete(self) -> bool:
        """Whether the customer wants all units at once or none."""
        return self.line.ship_policy == "complete"

    @property
    def closed(self) -> bool:
        """Whether the back order ended."""
        return self.closed_at is not None

    @property
    def revivable(self) -> bool:
        """Whether more may come for it after its end: cover that is lost, a cancellation of what went elsewhere."""
        return self.covered > 0 or self.away > 0

    @property
    def rank(self) -> Rank:
        """The line's place; only for a line that was prioritised."""
        if self.due_at is None:
            raise ValueError(f"{self.back_order_id} has no rank before it is prioritised")
        line = self.line
        return Rank(self.band, self.due_at, line.placed_at, line.order_id, line.line_id)

    @property
    def supplied_by(self) -> Lots:
        """The deliveries that supplied the line: what has shipped and what it holds."""
        return merge(self.shipped_lots, self.lots)

    @property
    def status(self) -> str:
        """The one word for the state; where several are true, the first of these.

        Ended: rerouted, completed (something shipped), cancelled (nothing did). Open: held; allocated (units
        are set aside and nothing waits); partially-allocated (units are set aside, others wait); released;
        shipped (partly); open.
        """
        if self.closed_as is not None:
            return self.closed_as
        if self.held:
            return "held"
        if self.allocated:
            return "partially-allocated" if self.waiting else "allocated"
        if self.released:
            return "released"
        return "shipped" if self.shipped else "open"
