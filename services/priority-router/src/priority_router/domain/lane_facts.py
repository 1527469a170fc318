"""What `decide` says happened to the lane, and what it asks of the shell: reports, timers, dead letters."""

from datetime import datetime
from typing import TypeAlias

from msgspec import Struct

from backorder_contracts.internal import CancelAnswer, Cause, CommandEntry, LineDetail, LineRef
from priority_router.domain.events import Inbound
from priority_router.domain.facts import OfBackOrder
from priority_router.domain.lots import Lots
from priority_router.domain.policy import Policy


class IdleChanged(Struct, frozen=True, gc=False):
    """Units came to the queue (or, negative, were taken back) and belong to no line yet."""

    units: int
    lots: Lots


class InboundTaken(Struct, frozen=True, gc=False):
    """What is coming from now on, in order of the median date."""

    deliveries: tuple[Inbound, ...]
    cause: Cause


class Stirred(Struct, frozen=True, gc=False):
    """Promises may have moved because of `cause`; they are reckoned when the forecast timer rings."""

    cause: Cause


class Unsettled(Struct, frozen=True, gc=False):
    """More is to be handed out or ranked anew than one decision does, because of `cause`; None: all is done."""

    cause: Cause | None


class Forecast(Struct, frozen=True, gc=False):
    """All promises stand as the supply gives them."""


class PolicyAdopted(Struct, frozen=True, gc=False):
    """The rules from now on."""

    policy: Policy


class Change(Struct, frozen=True, gc=False):
    """How much more (or less) a line needs than the ledger counts; `known` when it is (still) in the queue."""

    back_order_id: str
    ref: LineRef
    units: int
    known: bool = True


class NeedReported(Struct, frozen=True, gc=False):
    """To be sent to the ledger; `returned` units leave the queue with it."""

    changes: tuple[Change, ...]
    returned: int
    lots: Lots
    answers: tuple[CancelAnswer, ...]
    cause: Cause


class LineRerouted(Struct, frozen=True, gc=False):
    """To be sent to the lane at the other location as a new order line."""

    line: LineDetail
    command: CommandEntry


class LineFollowed(Struct, frozen=True, gc=False):
    """To be sent after a rerouted line: `total` units of it in all are wanted no more at `location_id`."""

    ref: LineRef
    location_id: str
    total: int
    cause: Cause


class TimerSet(Struct, frozen=True, gc=False):
    """The queue wants to be told at `at`; None: no more."""

    key: str
    at: datetime | None


class UnknownNamed(Struct, frozen=True, gc=False):
    """An input names a back order that nobody knows. A command for it is a dead letter."""

    back_order_id: str
    command: CommandEntry | None = None


Fact: TypeAlias = (
    OfBackOrder
    | IdleChanged
    | InboundTaken
    | Stirred
    | Unsettled
    | Forecast
    | PolicyAdopted
    | NeedReported
    | LineRerouted
    | LineFollowed
    | TimerSet
    | UnknownNamed
)
