"""Tampering with evidence, to see whether the verdict notices."""

import copy
from dataclasses import replace

from backorder_dev.demo.verdict import judge


def wrong(evidence):
    return [finding.what for finding in judge(evidence) if not finding.ok]


def find(evidence, topic, ce_type="", **having):
    """The place of the first event of a type whose data have these values."""
    return next(
        place
        for place, event in enumerate(evidence.events)
        if event.topic == topic
        and event.type.endswith(ce_type)
        and all((event.data or {}).get(name) == value for name, value in having.items())
    )


def alter(evidence, place, change):
    """Change the data of an event."""
    data = copy.deepcopy(evidence.events[place].data)
    change(data)
    evidence.events[place] = replace(evidence.events[place], data=data)


def the(finding, evidence):
    """Whether a certain number is wrong now."""
    return any(finding in what for what in wrong(evidence))
