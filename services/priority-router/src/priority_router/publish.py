"""What the queue tells: every change of a back order to the public, needs to the ledger, reroutes to their lane."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec

from backorder_contracts import identity
from backorder_contracts.fast_state import Promised, Quantities, State, SuppliedUnits, line_fields
from backorder_contracts.internal import Cause, CommandEntry, LinePlaced, LineRecalled, NeedChange, QueueNeed
from backorder_contracts.refusal import Reason
from backorder_runtime.record import DeadLetter, Effect, Message, SetTimer
from priority_router.decisions import Decision, decision_of
from priority_router.domain import facts as f
from priority_router.domain import lane_facts as lf
from priority_router.domain.lots import Lots
from priority_router.domain.model import LaneQueue
from priority_router.domain.order import BackOrder
from priority_router.extras import extras_of

SNAPSHOTS = "back-order-snapshot"
_FORGOTTEN = Cause("unknown", "unknown")  # what an older release did not store
_encode = msgspec.json.Encoder().encode


class Teller:
    """Renders the facts of one decision; call `tell` after each fact was written into the queue.

    `decisions` collects what is to be kept of them, when it is said when they were made.
    """

    def __init__(self, queue: LaneQueue, command: CommandEntry | None, at: datetime | None = None) -> None:
        self._queue = queue
        self._command = command
        self._at = at
        self.decisions: list[Decision] = []
        self._newest: dict[str, None] = {}  # as a set that knows who came first

    def tell(self, fact: lf.Fact) -> Sequence[Effect]:
        """The messages that a fact is worth."""
        if isinstance(fact, f.OfBackOrder):
            return () if fact.ce_type is None else (self._state(fact, fact.ce_type),)
        match fact:
            case lf.NeedReported():
                return (self._need(fact),)
            case lf.TimerSet(key, at):
                return (SetTimer(self._queue.lane, key, at),)
            case lf.LineRerouted() | lf.LineFollowed():
                return (self._elsewhere(fact),)
            case lf.UnknownNamed(back_order_id, command) if command is not None:
                detail = f"back_order_id: nobody knows {back_order_id}"
                return (DeadLetter(command.origin, Reason.UNKNOWN_BACK_ORDER, detail),)
            case _:
                return ()

    def _elsewhere(self, fact: lf.LineRerouted | lf.LineFollowed) -> Message:
        """What goes to the ledger of another lane; always by this shard, so it arrives in this order."""
        part_id = self._queue.part_id
        if isinstance(fact, lf.LineRerouted):
            lane = identity.lane(part_id, fact.line.location_id)
            placed = LinePlaced(fact.line, fact.command.cause, fact.command.origin)
            return Message("order-line", lane, "order-line.placed", _encode(placed))
        recalled = LineRecalled(fact.ref, part_id, fact.location_id, fact.total, fact.cause)
        lane = identity.lane(part_id, fact.location_id)
        return Message("order-line", lane, "order-line.recalled", _encode(recalled))

    def snapshots(self) -> Sequence[Effect]:
        """The newest state of each back order that the decision changed."""
        return [snapshot(key, self._queue.orders[key]) for key in self._newest]

    def _state(self, fact: f.OfBackOrder, ce_type: str) -> Message:
        order = self._queue.orders[fact.back_order_id]
        extras = extras_of(fact, self._queue, self._command)
        if self._at is not None and (decision := decision_of(fact, self._queue, extras, self._at)) is not None:
            self.decisions.append(decision)
        self._newest[order.back_order_id] = None
        value = _encode(state_of(order, fact.cause, extras))
        return Message("back-order-state", self._queue.lane, ce_type, value, subject=order.back_order_id)

    def _need(self, fact: lf.NeedReported) -> Message:
        need = QueueNeed(
            part_id=self._queue.part_id,
            location_id=self._queue.location_id,
            cause=fact.cause,
            changes=tuple(NeedChange(change.ref, change.units) for change in fact.changes),
            returned=fact.returned,
            lots=fact.lots,
            answers=fact.answers,
        )
        return Message("back-order-need", self._queue.lane, "back-order-need", _encode(need))


def snapshot(back_order_id: str, order: BackOrder | None) -> Message:
    """The newest state of a back order for whoever starts from now; that it is gone without one."""
    value = None if order is None else _encode(state_of(order, order.cause or _FORGOTTEN, {}))
    return Message(SNAPSHOTS, back_order_id, "back-order.snapshot", value, subject=back_order_id)


def state_of(order: BackOrder, cause: Cause, extras: dict[str, Any]) -> State:
    """The whole state of a back order, as the contract has it."""
    promise = order.promise
    return State(
        **line_fields(order.line),
        back_order_id=order.back_order_id,
        version=order.version,
        status=order.status,
        quantity=Quantities(
            ordered=order.line.quantity,
            covered=order.covered,
            back_ordered=order.back_ordered,
            allocated=order.allocated,
            released=order.released,
            shipped=order.shipped,
            cancelled=order.cancelled,
            waiting=order.waiting,
        ),
        band=order.band_name,
        opened_at=order.opened_at,
        due_at=order.due_at,
        promise=None
        if promise is None
        else Promised(promise.p50, promise.p90, order.first_p50 or promise.p50, order.revisions, promise.delivery_ids),
        policy_version=order.policy_version,
        supplied_by=supplied(order.supplied_by),
        cause=cause,
        **extras,
    )


def supplied(lots: Lots) -> tuple[SuppliedUnits, ...]:
    """Lots as they are published."""
    return tuple(SuppliedUnits(lot.delivery_id, lot.units) for lot in lots)
