"""What the ledger tells: the queue of the lane, and the public when a back order opens."""

from collections.abc import Callable, Sequence
from datetime import datetime
from typing import Any

import msgspec
from msgspec import Struct

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
        tell = _TELL.get(type(fact))
        return tell(self, fact) if tell else ()

    def _handed(self, fact: e.Handed) -> Sequence[Effect]:
        lane = self._lane
        return self._queue("units", UnitsHanded(lane.part_id, lane.location_id, fact.units, fact.cause, fact.lots))

    def _left(self, fact: e.BackOrderLeft) -> Sequence[Effect]:
        shipped = BackOrderShipped(self._id(fact.ref), fact.ref, fact.units, fact.counted, fact.cause)
        return self._queue("shipped", shipped)

    def _cancel_sent(self, fact: e.CancelSent) -> Sequence[Effect]:
        return self._queue("cancel", CancelAsked(self._id(fact.ref), fact.ref, fact.units, fact.cause))

    def _cancel_left(self, fact: e.CancelLeft) -> Sequence[Effect]:
        return self._queue("cancel-refused", CancelRefused(self._id(fact.ref), fact.ref, fact.units, fact.cause))

    def _conflict(self, fact: e.Conflict) -> Sequence[Effect]:
        return (DeadLetter(fact.origin, Reason.CONFLICTING_DUPLICATE, fact.detail),)

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


_TELL: dict[type, Callable[[Teller, Any], Sequence[Effect]]] = {
    e.Shorted: Teller._shorted,  # noqa: SLF001 - its own methods
    e.Handed: Teller._handed,  # noqa: SLF001
    e.BackOrderLeft: Teller._left,  # noqa: SLF001
    e.CancelSent: Teller._cancel_sent,  # noqa: SLF001
    e.CancelLeft: Teller._cancel_left,  # noqa: SLF001
    e.Conflict: Teller._conflict,  # noqa: SLF001
}


TOLD = frozenset(_TELL)
"""The facts that somebody is told of."""


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
