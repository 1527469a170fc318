"""Every published event is as the contract says."""

from __future__ import annotations

from collections.abc import Iterator

from pydantic import ValidationError

from backorder_contracts.events import EVENTS
from backorder_dev.demo.checks.finding import Finding, all_of
from backorder_dev.demo.records import Evidence

_NAME_OF_LETTERS = ".dead-letter"


def check(evidence: Evidence) -> Iterator[Finding]:
    """Types, fields, and the extras that a type must have. Dead letters are looked at elsewhere."""
    events = [
        event
        for event in evidence.events
        if not event.topic.endswith(_NAME_OF_LETTERS) and event.data is not None  # None is a tombstone
    ]
    wrong = [
        f"{event.topic}[{event.partition}]@{event.offset} {mistake}"
        for event in events
        if (mistake := _mistake(event.topic, event.type, event.data or {}))
    ]
    yield all_of("published events that are as the contract says", len(events), wrong)


def _mistake(topic: str, ce_type: str, data: dict[str, object]) -> str | None:
    known = EVENTS.get(ce_type)
    if known is None or known.topic != topic:
        return f"{ce_type!r} is no type of this topic"
    try:
        known.model.model_validate(data)
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        return f"{'.'.join(map(str, first['loc']))}: {first['msg']}"
    missing = [name for name in (known.extras.has if known.extras else ()) if name not in data]
    return f"{ce_type} lacks {', '.join(missing)}" if missing else None
