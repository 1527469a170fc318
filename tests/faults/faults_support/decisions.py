"""Whether faults changed what was decided: each shard of the priority-router decides its inputs again, undisturbed."""

from collections.abc import Iterator

from e2e_support.replaying import Events, decided_again, published
from e2e_support.system import System

from faults_support.oracle import Finding
from faults_support.topics import Topics


async def look_at_decisions(system: System, topics: Topics) -> tuple[list[Finding], str]:
    """Event for event, what was published is what its inputs give in the order in which they were taken."""
    events = published(topics.outputs["back-order-state"], system.endpoints.partitions)
    found = list(differences(events, await decided_again(system)))
    return found, f"{sum(map(len, events.values()))} events of the queue, decided again"


def differences(events: Events, again: Events) -> Iterator[Finding]:
    """The first event of each shard that is another one when it is decided again."""
    for shard in sorted(events.keys() | again.keys()):
        was, would_be = events.get(shard, []), again.get(shard, [])
        for number, (one, other) in enumerate(zip(was, would_be, strict=False), 1):
            if one != other:
                yield Finding("wrong", f"event {number} of queue {shard} is {one}, and decided again {other}")
                break
        else:
            if len(was) != len(would_be):
                counts = f"{len(was)} events, and {len(would_be)} when they are decided again"
                yield Finding("wrong", f"queue {shard} has {counts}")
