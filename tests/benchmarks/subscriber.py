"""What a subscriber of `back-order-state` sees, and when; what it means is asked afterwards, when nothing is timed."""

import asyncio
import json
import threading
import time
from collections import Counter, deque
from collections.abc import Mapping, Sequence
from typing import Any

from confluent_kafka import OFFSET_END, Consumer, TopicPartition

KINDS = ("opened", "allocated")
_TYPES = {f"back-order.{kind}".encode(): kind for kind in KINDS}

_PATIENCE = 15.0  # seconds

Due = Mapping[tuple[str, str], Sequence[float]]  # by kind and name, in their order: when each answer counts from


class Subscriber:
    """Collects the events of some kinds; `seen` counts them since the last `start`, and `opened` since the first.

    What is `repeated`, the same event again as after a claim, is none of them: it may not stand for one that is missing.
    """

    def __init__(self) -> None:
        self.opened = 0
        self.repeated = 0
        self.seen: Counter[str] = Counter()
        self._ids: set[bytes] = set()
        self._events: list[tuple[float, str, bytes]] = []
        self.ready = threading.Event()

    async def run(self, kafka: str) -> None:
        """Watch until cancelled."""
        stop = threading.Event()
        try:
            await asyncio.to_thread(self._watch, kafka, stop)
        finally:
            stop.set()

    def start(self) -> None:
        """Count anew."""
        self.seen.clear()
        self._events.clear()

    async def until(self, expected: Counter[str]) -> None:
        """Wait until so many events were seen, or nothing more comes.

        A line that is decided only when its unit is there is covered, and not opened, so that fewer may come.
        """
        last, since = self.seen.total(), time.monotonic()
        while not self.seen >= expected and time.monotonic() - since < _PATIENCE:
            await asyncio.sleep(0.02)
            if self.seen.total() > last:
                last, since = self.seen.total(), time.monotonic()

    def _watch(self, kafka: str, stop: threading.Event) -> None:
        consumer = Consumer({"bootstrap.servers": kafka, "group.id": "benchmark", "enable.auto.commit": False})
        partitions = consumer.list_topics("back-order-state").topics["back-order-state"].partitions
        consumer.assign([TopicPartition("back-order-state", n, OFFSET_END) for n in partitions])
        consumer.poll(1)
        self.ready.set()
        while not stop.is_set():
            if (record := consumer.poll(0.2)) is not None and record.error() is None:
                self._saw(record)
        consumer.close()

    def _saw(self, record: Any) -> None:
        headers = dict(record.headers())
        if (kind := _TYPES.get(headers["ce_type"])) is None:
            return
        if (event_id := headers.get("ce_id")) is not None:  # the plain consumer's events have none
            if event_id in self._ids:
                self.repeated += 1
                return
            self._ids.add(event_id)
        self._events.append((time.time(), kind, record.value()))
        self.seen[kind] += 1
        self.opened += kind == "opened"

    def answers(self, due: Due, since: float) -> dict[str, list[float]]:
        """How many seconds after it was due each answer was seen, of those that were due at a time or later."""
        waiting = {name: deque(times) for name, times in due.items()}
        took: dict[str, list[float]] = {kind: [] for kind in KINDS}
        for at, kind, value in self._events:
            event = json.loads(value)
            # a unit is for whoever waits for its part, so only the part is named
            name = event["part_id"] if kind == "allocated" else f"{event['order_id']} {event['part_id']}"
            if (times := waiting.get((kind, name))) and (asked := times.popleft()) >= since:
                took[kind].append(at - asked)
        return took
