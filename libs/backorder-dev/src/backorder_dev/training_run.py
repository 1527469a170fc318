"""`python -m backorder_dev.training_run`: have Java make its AOT cache of Kafka, unless it is there.

A broker runs for a moment, alone and empty, and Java writes down what that took when it ends.
"""

from __future__ import annotations

import asyncio
import tempfile
from pathlib import Path

from backorder_dev.aot_cache import aot_cache
from backorder_dev.jars import Announce, default_cache, exclusive, kafka_classpath, to_stderr
from backorder_dev.java import find_java
from backorder_dev.kafka import EmbeddedKafka


def train(cache: Path | None = None, announce: Announce = to_stderr) -> None:
    """Make the AOT cache of Kafka unless it is there. Blocks, for about a quarter of a minute once.

    Safe to call from several processes at once: one makes it, the others wait.

    Args:
        cache: where Kafka's jars are kept, and the AOT cache with them; default: the user's cache folder.
        announce: is given a line when it takes long.

    Raises:
        StartError: the broker did not start.
        JavaMissingError: there is no Java to run it.
        JarsError: Kafka could not be fetched.
    """
    file = aot_cache(find_java(), cache)
    if file is None or file.exists():
        return
    kafka_classpath(cache, announce)
    folder = cache or default_cache()
    with exclusive(folder / ".training.lock"), tempfile.TemporaryDirectory(dir=folder, prefix=".training-") as scratch:
        if file.exists():
            return
        announce("having Java get to know Apache Kafka, once")
        draft = Path(scratch) / file.name
        asyncio.run(_run_once(Path(scratch) / "broker", cache, draft))
        if draft.exists():
            draft.replace(file)
        else:
            announce("Java made no AOT cache; brokers start without")


async def _run_once(folder: Path, cache: Path | None, draft: Path) -> None:
    async with EmbeddedKafka(folder, cache=cache, trains=draft):
        pass


if __name__ == "__main__":
    train()
