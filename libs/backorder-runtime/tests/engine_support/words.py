"""Words for the lanes of the small service, and what a careful reader makes of what is told of them."""

import random

from backorder_runtime.bundle import unpack
from backorder_runtime.consumer import to_record
from engine_support.bench import Bench
from engine_support.tally import told

LANES = [f"P{n}@W1" for n in range(20)]


def words(count: int, seed: int = 1) -> list[tuple[str, str]]:
    draw = random.Random(seed)
    return [(draw.choice(LANES), f"w{n}") for n in range(count)]


def by_lane(sent: list[tuple[str, str]]) -> dict[str, list[tuple[int, str]]]:
    lanes: dict[str, list[tuple[int, str]]] = {}
    for lane, word in sent:
        lanes.setdefault(lane, []).append((len(lanes.get(lane, ())) + 1, word))
    return lanes


async def first_occurrences(bench: Bench, topic: str) -> dict[str, list[tuple[int, str]]]:
    """What a reader sees that drops what it has seen: by publisher and sequence, as every reader here does."""
    seen: dict[bytes, int] = {}
    values = []
    for record in await bench.values(topic):
        headers = dict(record.headers)
        sequence = int(headers["ce_sequence"])
        if sequence > seen.get(headers["ce_source"], 0):
            seen[headers["ce_source"]] = sequence
            values += [message.value for message in unpack(to_record(record))]
    return told(values)
