"""Which commands were answered. Each is carried out once; what tells them apart is the `ce_id`, as the contract says.

Whoever asks chooses the `command_id`, and two systems may choose the same one. The version before knew commands by it:
what it stored says nothing about the `ce_id`, so a command that is named like one of those may be it or another one.
"""

from enum import Enum
from hashlib import blake2b

import msgspec
from msgspec.structs import replace

from backorder_contracts.internal import CommandEntry, Origin

_encode = msgspec.json.Encoder().encode
_ANYWHERE = Origin("", 0, 0)


class Known(Enum):
    """What is known of a command that comes."""

    NEW = "new"
    REPEATED = "repeated"
    CONTRADICTS = "ce_id: another command with this one was answered; the first stands"
    NAMED_ALIKE = "command_id: it was answered before commands were known by their ce_id; ask with another one"


class Answered:
    """The answered commands among those of a batch: digests of them by `ce_id`, None by what older ones are called."""

    def __init__(self, stored: dict[str, bytes | None]) -> None:
        self._contents = stored
        self.new: dict[str, bytes] = {}

    def judge(self, command: CommandEntry) -> Known:
        """Whether it was answered before."""
        key = command.cause.id
        if (content := self._contents.get(key)) is not None:
            return Known.REPEATED if content == digest(command) else Known.CONTRADICTS
        if self._contents.get(command.command_id, b"") is not None:
            return Known.NEW
        return Known.REPEATED if command.command_id == key else Known.NAMED_ALIKE

    def add(self, command: CommandEntry) -> None:
        """It is answered now."""
        self._contents[command.cause.id] = self.new[command.cause.id] = digest(command)


def digest(command: CommandEntry) -> bytes:
    """What a command asks, wherever it stands: a repetition has the same."""
    return blake2b(_encode(replace(command, origin=_ANYWHERE)), digest_size=12).digest()
