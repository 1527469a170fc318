"""`dead-letter-handled`: who dealt with which dead letter, and how."""

from typing import Annotated, ClassVar

from pydantic import Field

from backorder_contracts.fields import Identifier, Name, Published, Text, Time, left_out, open_values

REPLAYING = "replaying"
REPLAYED = "replayed"
DISCARDED = "discarded"


class DeadLetterHandled(Published):
    """Somebody dealt with a dead letter, or is about to replay it.

    A letter is known by its service, by where the refused record stood, and by its digest. Of two events about one
    letter that follow the same `after`, the first on the topic counts: so no letter is replayed by two people at once.
    """

    ce_type: ClassVar[str] = "dead-letter.handled"

    service: Name
    """The service that refused the record."""
    topic: Annotated[str, Field(min_length=1, max_length=249)]
    """The topic that the record stood on."""
    partition: Annotated[int, Field(ge=0)]
    """Its partition there."""
    offset: Annotated[int, Field(ge=0)]
    """Its offset there."""
    digest: Annotated[str, Field(pattern="^[0-9a-f]{16}$")]
    """Of what was refused, key and value: our own services send many messages as one record."""
    refused_at: Time
    """When it was refused; a letter about the same place that is newer than this is not dealt with."""
    action: Annotated[str, open_values(REPLAYING, REPLAYED, DISCARDED)]
    """`replaying`: about to be published again; `replayed`: it was; `discarded`: it needs nothing any more."""
    run: Identifier
    """Of the command that did it."""
    after: Identifier | None = left_out()
    """The `run` that had dealt with the letter before; left out if none had."""
    by: Identifier
    """Who did it: an id, not an address."""
    at: Time
    """When."""
    note: Text | None = left_out()
    """Why, in the words of who did it."""
