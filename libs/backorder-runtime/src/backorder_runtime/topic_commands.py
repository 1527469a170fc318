"""`backorder topics`: the topics of the registry."""

import asyncio

import cyclopts

from backorder_runtime.broker import create_topics
from backorder_runtime.settings import Settings

app = cyclopts.App(help="Make the topics that the system needs.")


@app.command
def create(*, replication: int = 1) -> None:
    """Create every topic of the registry that does not exist yet.

    Args:
        replication: How many brokers keep a copy of each topic.
    """
    made = asyncio.run(create_topics(Settings().kafka, replication=replication))
    print(f"{len(made)} topics created" + (": " + ", ".join(made) if made else ""))  # noqa: T201 - its output
