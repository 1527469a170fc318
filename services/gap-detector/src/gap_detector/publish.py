"""What the ledger tells: the queue of the lane, and the public when a back order opens."""

from collections.abc import Sequence
from datetime import datetime

import msgspec
from backorder_contracts import identity
from backorder_contracts.fast_state import Quantities, State, line_fields
from backorder_contracts.internal import (
    BackOrderShipped,
    CancelAsked,
    CancelRefused,
    LineDetail,
    LineRef,
    Shortage,
    UnitsHanded,
)
from backorder_contracts.refusal import Reason
from backorder_runtime.record import DeadLetter, Effect, Message
from msgspec import Struct

from gap_detector.domain import events as e
from gap_detector.domain.model import Lane

_encode = msgspec.json.Encoder().encode


class Teller:
    """Renders the facts of one decision; call `tell` after each fact was written into the lane."""

    def __init__(self, lane: Lane, now: datetime) -> None:
        self._lane = lane
        self._now = now

    def tell(self, fact: e.Fact) -> Sequence[Effect]:
        """The messages that a fact is worth."""
        match fact:
            case e.Shorted():
                return self._shorted(fact)
            case e.Conflict(origin, detail):
                return (DeadLetter(origin, Reason.CONFLICTING_DUPLICATE, detail),)
            case _:
                return self._for_queue(fact)

    def _for_queue(self, fact: e.Fact) -> Sequence[Effect]:
        match fact:
            case e.Handed(units, lots, cause):
                lane = self._lane
                return self._queue("units", UnitsHanded(lane.part_id, lane.location_id, units, cause, lots))
            case e.BackOrderLeft(ref, units, counted, cause):
                return self._queue("shipped", BackOrderShipped(self._id(ref), ref, units, counted, cause))
            case e.CancelSent(ref, units, cause):
                return self._queue("cancel", CancelAsked(self._id(ref), ref, units, cause))
            case e.CancelLeft(ref, units, cause):
                return self._queue("cancel-refused", CancelRefused(self._id(ref), ref, units, cause))
            case _:
                return ()

    def _shorted(self, fact: e.Shorted) -> Sequence[Effect]:
        line = self._lane.lines[fact.ref]
        detail = self._detail(fact.ref)
        shortage = Shortage(
            self._id(fact.ref), detail, fact.units, line.cover, first=fact.first, at=self._now, cause=fact.cause
        )
        queued = self._queue("shortage", shortage)
        if not fact.first:
            return queued
        opened = _opened(shortage)
        return (
            Message("back-order-state", self._lane.name, "back-order.opened", opened, shortage.back_order_id),
            *queued,
        )

    def _queue(self, name: str, entry: Struct) -> Sequence[Effect]:
        return (Message("back-order-queue", self._lane.name, f"back-order-queue.{name}", _encode(entry)),)

    def _detail(self, ref: LineRef) -> LineDetail:
        detail = self._lane.lines[ref].detail
        if detail is None:
            raise LookupError("a line without its order cannot lack units")
        return detail

    def _id(self, ref: LineRef) -> str:
        return identity.back_order_id(ref.order_id, ref.line_id, self._lane.part_id, self._lane.location_id)


def _opened(shortage: Shortage) -> bytes:
    """The first state of a back order; the queue gives it a band and a date in the next version."""
    units = shortage.units
    state = State(
        **line_fields(shortage.line),
        back_order_id=shortage.back_order_id,
        version=1,
        status="open",
        quantity=Quantities(
            ordered=shortage.line.quantity,
            covered=shortage.covered,
            back_ordered=units,
            allocated=0,
            released=0,
            shipped=0,
            cancelled=0,
            waiting=units,
        ),
        band=None,
        opened_at=shortage.at,
        due_at=None,
        promise=None,
        policy_version=None,
        supplied_by=(),
        cause=shortage.cause,
        changed={"back_ordered": units},
    )
    return _encode(state)
