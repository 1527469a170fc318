"""What is kept of a decision, so that it can be explained later."""

from datetime import datetime
from typing import Any

from msgspec import Struct

from backorder_contracts.internal import Cause
from priority_router.domain import facts as f
from priority_router.domain.ladder import Ladder
from priority_router.domain.model import LaneQueue
from priority_router.domain.rank import Rank

NEAR = 2  # lines shown on each side
_KEPT = (
    f.Prioritised,
    f.Allocated,
    f.Revoked,
    f.Released,
    f.Shipped,
    f.Held,
    f.Resumed,
    f.Cancelled,
    f.CancelRefused,
    f.Rerouted,
    f.CommandRefused,
)


class Neighbour(Struct, frozen=True, array_like=True):
    """A waiting line that stood just before or behind, and the units that it waited for then."""

    back_order_id: str
    waiting: int


class Detail(Struct, frozen=True, omit_defaults=True):
    """What a decision has besides its place. `units` are those it was about; `deliveries` brought them."""

    cause: Cause
    policy_version: str | None = None
    band: str | None = None
    units: int = 0
    waiting: int = 0
    reason: str | None = None
    taken_for: str | None = None
    taken_from: str | None = None
    passed_over: tuple[tuple[str, int, str], ...] = ()
    passed_over_total: int = 0
    deliveries: tuple[tuple[str, int], ...] = ()
    ahead: tuple[Neighbour, ...] = ()
    behind: tuple[Neighbour, ...] = ()
    command: dict[str, Any] | None = None
    to_location_id: str | None = None


class Decision(Struct, frozen=True):
    """One decision about a back order. `rank` is its place in the line then, 1 is first."""

    back_order_id: str
    version: int
    at: datetime
    kind: str
    rule: str | None
    rank: int | None
    detail: Detail


def decision_of(fact: f.OfBackOrder, queue: LaneQueue, extras: dict[str, Any], at: datetime) -> Decision | None:
    """What to keep of a fact that was just written into the queue; None for one that nobody asks about."""
    if not isinstance(fact, _KEPT):
        return None
    order = queue.orders[fact.back_order_id]
    ahead, behind = around(queue.ladder, fact.rank) if isinstance(fact, f.Allocated | f.Revoked) else ((), ())
    detail = Detail(
        cause=fact.cause,
        policy_version=order.policy_version,
        band=order.band_name,
        units=getattr(fact, "units", 0),
        waiting=order.waiting,
        reason=getattr(fact, "reason", None),
        taken_for=getattr(fact, "taken_for", None),
        taken_from=getattr(fact, "taken_from", None),
        passed_over=tuple((line.back_order_id, line.rank, line.reason) for line in extras.get("passed_over", ())),
        passed_over_total=extras.get("passed_over_total", 0),
        deliveries=tuple((lot.delivery_id, lot.quantity) for lot in extras.get("deliveries", ())),
        ahead=ahead,
        behind=behind,
        command=extras.get("command"),
        to_location_id=getattr(fact, "to_location_id", None),
    )
    kind = (fact.ce_type or "").removeprefix("back-order.")
    return Decision(
        order.back_order_id, order.version, at, kind, getattr(fact, "rule", None), extras.get("rank"), detail
    )


def around(ladder: Ladder, rank: Rank) -> tuple[tuple[Neighbour, ...], tuple[Neighbour, ...]]:
    """The waiting lines just before a rank (nearest last) and just behind it."""
    before, behind = ladder.around(rank, NEAR)
    return tuple(map(_neighbour, before)), tuple(map(_neighbour, behind))


def _neighbour(line: Any) -> Neighbour:
    return Neighbour(line.back_order_id, line.waiting)
