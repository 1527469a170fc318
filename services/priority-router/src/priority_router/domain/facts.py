"""What `decide` says happened to back orders. A fact carries all that `evolve` writes and an event explains.

A fact with a `ce_type` is published about its back order and raises its version by one; the others only
change state. Facts about the lane stand in `lane_facts`.
"""

from datetime import datetime
from typing import ClassVar

from msgspec import Struct

from backorder_contracts.internal import Cause, LineDetail
from priority_router.domain.lots import Lots
from priority_router.domain.rank import Rank


class PassedOver(Struct, frozen=True, gc=False):
    """A better-ranked line that got nothing, and why."""

    back_order_id: str
    reason: str


class OfBackOrder(Struct, frozen=True, kw_only=True, gc=False):
    """Something about one back order, and the public event that led to it."""

    ce_type: ClassVar[str | None] = None
    back_order_id: str
    cause: Cause


class Opened(OfBackOrder, frozen=True, kw_only=True, gc=False):
    """A back order is known here now; `version` 1: the ledger published its opening; 0: nothing is published of it."""

    line: LineDetail
    version: int
    units: int
    covered: int
    at: datetime


class Increased(OfBackOrder, frozen=True, kw_only=True, gc=False):
    """More units of the line lack stock; `reopened` when the back order had ended."""

    ce_type: ClassVar[str | None] = "back-order.increased"
    units: int
    covered: int
    reopened: bool


class Prioritised(OfBackOrder, frozen=True, kw_only=True, gc=False):
    """The line stands in a band, `lines_ahead` lines and `units_ahead` waiting units before it.

    `pinned` when a command chose the band, so that policies do not move it.
    """

    ce_type: ClassVar[str | None] = "back-order.prioritised"
    rank: Rank
    band_name: str
    pinned: bool
    policy_version: str
    reason: str
    lines_ahead: int
    units_ahead: int


class RankKept(OfBackOrder, frozen=True, kw_only=True, gc=False):
    """Another policy has the line in the band of the same name, due at the same time."""

    band: int
    policy_version: str


class Promised(OfBackOrder, frozen=True, kw_only=True, gc=False):
    """A promise was given, or moved by more than the tolerance; `overtaken` when others made it worse.

    `place` is the number of the last unit of it, counted over all that the lane's lines are given.
    """

    ce_type: ClassVar[str | None] = "back-order.promised"
    p50: datetime
    p90: datetime
    delivery_ids: tuple[str, ...]
    place: int
    overtaken: bool


class PromiseKept(OfBackOrder, frozen=True, kw_only=True, gc=False):
    """The promise stands, from another `place`: the line needs more than before."""

    place: int


class PromiseWithdrawn(OfBackOrder, frozen=True, kw_only=True, gc=False):
    """No date can be given any more: `no-supply`, `held`, or `overtaken` by better ranks."""

    ce_type: ClassVar[str | None] = "back-order.promised"
    reason: str
    overtaken: bool = False


class Allocated(OfBackOrder, frozen=True, kw_only=True, gc=False):
    """`units` were set aside for the line.

    `passed_over` names some lines of each reason; `missed` counts those whom the units did not complete.
    `rule`: rank-order (first waiting line), promise-kept (a protected promise rests on them), win (taken from
    `taken_from`, a fill line of a lower band), lent (by `taken_from`, a complete line that cannot be completed),
    left-over (nobody else wants them).
    """

    ce_type: ClassVar[str | None] = "back-order.allocated"
    units: int
    lots: Lots
    rule: str
    rank: Rank
    at: datetime
    passed_over: tuple[PassedOver, ...] = ()
    missed: int = 0
    taken_from: str | None = None


class Revoked(OfBackOrder, frozen=True, kw_only=True, gc=False):
    """`units` set aside were taken back. `rule`: stock-lost, win or lent (then `taken_for` got them), held."""

    ce_type: ClassVar[str | None] = "back-order.revoked"
    units: int
    lots: Lots
    rule: str
    rank: Rank
    taken_for: str | None = None


class Released(OfBackOrder, frozen=True, kw_only=True, gc=False):
    """The warehouse may ship `units`. `rule`: debounced or command."""

    ce_type: ClassVar[str | None] = "back-order.released"
    units: int
    rule: str
    at: datetime


class Shipped(OfBackOrder, frozen=True, kw_only=True, gc=False):
    """`units` left: `released` and `allocated` ones, the rest had been waiting. `counted` by the ledger."""

    ce_type: ClassVar[str | None] = "back-order.shipped"
    units: int
    released: int
    allocated: int
    counted: int
    lots: Lots


class ShippedBesides(OfBackOrder, frozen=True, kw_only=True, gc=False):
    """Units left although the back order needs none; only the ledger's count of them is written off."""

    counted: int


class Completed(OfBackOrder, frozen=True, kw_only=True, gc=False):
    """Nothing is left to ship or cancel. Times in whole seconds.

    From placing and from opening to now; from opening until the last time that all was set aside; from there
    to the last release, and from that to now. None where the step was skipped.
    """

    ce_type: ClassVar[str | None] = "back-order.completed"
    at: datetime
    since_placed: int
    since_opened: int
    waiting: int | None
    releasing: int | None
    shipping: int | None
    lots: Lots


class Cancelled(OfBackOrder, frozen=True, kw_only=True, gc=False):
    """`units` are wanted no more: `waiting` ones and `allocated` ones, which became idle.

    `reason`: order, command, or rerouted (then `to_location_id` says where). `closes` when nothing is left
    and nothing shipped.
    """

    ce_type: ClassVar[str | None] = "back-order.cancelled"
    units: int
    waiting: int
    allocated: int
    lots: Lots
    reason: str
    closes: bool
    at: datetime
    to_location_id: str | None = None


class Rerouted(OfBackOrder, frozen=True, kw_only=True, gc=False):
    """The back order ended here: its `units` go on as an order line at another location."""

    ce_type: ClassVar[str | None] = "back-order.rerouted"
    units: int
    waiting: int
    allocated: int
    lots: Lots
    to_location_id: str
    at: datetime


class CancelSentOn(OfBackOrder, frozen=True, kw_only=True, gc=False):
    """`units` of a cancellation are wanted no more of the part that was rerouted."""

    units: int


class CancelRefused(OfBackOrder, frozen=True, kw_only=True, gc=False):
    """`units` of a cancellation could not be taken from anywhere."""

    ce_type: ClassVar[str | None] = "back-order.cancel-refused"
    units: int


class Held(OfBackOrder, frozen=True, kw_only=True, gc=False):
    """The line gets nothing until it is resumed."""

    ce_type: ClassVar[str | None] = "back-order.held"


class Resumed(OfBackOrder, frozen=True, kw_only=True, gc=False):
    """The line takes part again, at its old rank."""

    ce_type: ClassVar[str | None] = "back-order.resumed"


class CommandRefused(OfBackOrder, frozen=True, kw_only=True, gc=False):
    """A command changed nothing; `reason` is a code, `detail` a sentence."""

    ce_type: ClassVar[str | None] = "back-order.command-refused"
    action: str
    reason: str
    detail: str


class AtRisk(OfBackOrder, frozen=True, kw_only=True, gc=False):
    """The promise is later than the due date."""

    ce_type: ClassVar[str | None] = "back-order.at-risk"


class Breached(OfBackOrder, frozen=True, kw_only=True, gc=False):
    """The due date passed and units have not left."""

    ce_type: ClassVar[str | None] = "back-order.breached"


class LendingSet(OfBackOrder, frozen=True, kw_only=True, gc=False):
    """Whether a complete line leaves its units to others, because known supply cannot complete it."""

    lending: bool


class ReleasePlanned(OfBackOrder, frozen=True, kw_only=True, gc=False):
    """When the units set aside will be released; None when they may not be."""

    at: datetime | None
