"""From published commands to the lanes of the back orders that they are about."""

from collections.abc import Sequence

import msgspec

from backorder_contracts import identity
from backorder_contracts.commands import BackOrderCommand
from backorder_contracts.inputs import parse
from backorder_contracts.internal import Cause, CommandEntry
from backorder_runtime.record import Message, Record

COMMANDS = "queue-command"
_encode = msgspec.json.Encoder().encode


class CommandIntake:
    """Sends each command to the lane that it names, whatever key it was published under."""

    topics = ("back-order-command",)

    def translate(self, record: Record) -> Sequence[Message]:
        """The command on its way. Raises `Refused`."""
        envelope, event = parse(record.topic, record.key, record.value, record.headers)
        if not isinstance(event, BackOrderCommand):
            raise TypeError(f"no command: {type(event).__name__}")
        entry = CommandEntry(
            command_id=event.command_id,
            back_order_id=event.back_order_id,
            part_id=event.part_id,
            location_id=event.location_id,
            action=event.action,
            requested_by=event.requested_by,
            cause=Cause(envelope.type, envelope.id),
            origin=record.origin,
            reason=event.reason,
            band=event.band,
            quantity=event.quantity,
            to_location_id=event.to_location_id,
        )
        return (command_message(entry, identity.lane(event.part_id, event.location_id)),)


def command_message(entry: CommandEntry, lane: str) -> Message:
    """A command on its way to a lane."""
    return Message(COMMANDS, lane, "queue-command", _encode(entry))
