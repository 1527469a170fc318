"""The systems upstream, in a process of their own that does nothing but publish what was prepared, at its time.

Run by `play`: python tests/benchmarks/upstream.py KAFKA FILE
"""

import asyncio
import pickle
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from confluent_kafka import Producer

ANY = -1  # partition
Planned = tuple[float, str, bytes, int]  # when, to which topic, what, and to which partition


async def play(kafka: str, plan: Sequence[Planned]) -> None:
    """Publish a plan, sorted by time, by a process of its own; returns when the broker has everything."""
    with tempfile.NamedTemporaryFile() as file:
        pickle.dump(plan, file)
        file.flush()
        process = await asyncio.create_subprocess_exec(sys.executable, __file__, kafka, file.name)
        if await process.wait():
            raise RuntimeError(f"the upstream ended with {process.returncode}")


def main() -> None:
    kafka, file = sys.argv[1:]
    plan: list[Planned] = pickle.loads(Path(file).read_bytes())  # noqa: S301 - our parent wrote it
    # as producers do that nobody has tuned: all replicas, and a few milliseconds to share a request
    producer = Producer({"bootstrap.servers": kafka, "enable.idempotence": True, "acks": "all", "linger.ms": 5})
    producer.list_topics()
    if late := max(0.0, time.time() - plan[0][0]):
        raise RuntimeError(f"{late:.1f} s late before the first event")
    step = 0
    while step < len(plan):
        time.sleep(max(0.001, plan[step][0] - time.time()))
        now = time.time()
        while step < len(plan) and plan[step][0] <= now:
            _, topic, value, partition = plan[step]
            producer.produce(topic, value, partition=partition)
            step += 1
        producer.poll(0)
    producer.flush()


if __name__ == "__main__":
    main()
