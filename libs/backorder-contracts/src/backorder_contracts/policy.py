"""`back-order-policy`: the rules of the queue that are in force."""

from typing import Annotated, ClassVar

from pydantic import Field

from backorder_contracts.fields import Identifier, Published, Time


class PolicyApplied(Published):
    """A policy was put into force: bands, strategies, promises, releases. The newest one holds."""

    ce_type: ClassVar[str] = "back-order.policy"

    version: Annotated[str, Field(min_length=1, max_length=64)]
    """The name of this version of the rules; state events name it as `policy_version`. One version has one text."""
    text: Annotated[str, Field(min_length=1, max_length=100_000)]
    """The policy as it was written, in YAML, comments included."""
    applied_by: Identifier
    """Who put it into force: an id, not an address."""
    applied_at: Time
    """When."""
