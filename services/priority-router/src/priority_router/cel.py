"""Conditions of a policy, in the Common Expression Language.

The one place that knows the CEL library: it is young, so it stays replaceable.
"""

from collections.abc import Mapping, Sequence

import cel

from priority_router.domain.policy import Classify, Field, line_facts
from backorder_contracts.internal import LineDetail

FIELDS = (
    "tier",
    "service_impact",
    "ship_policy",
    "quantity",
    "unit_value",
    "value",
    "customer_id",
    "part_id",
    "location_id",
)
