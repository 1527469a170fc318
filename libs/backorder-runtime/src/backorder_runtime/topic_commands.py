"""`backorder topics`: the topics of the registry."""

from typing import Annotated

import asyncpg
from cyclopts import App, Parameter

from backorder_runtime import command_line
from backorder_runtime.broker import BrokerNotReady, create_topics
from backorder_runtime.command_line import CannotDo, agreed, say
from backorder_runtime.database import WrongDatabase, check_owner
from backorder_runtime.local_settings import database_url, kafka_settings
from backorder_runtime.topic_acceptance import Acceptance, accept, find_out

app = App(help="Make the topics that the system needs; go on after one was lost.")


@app.command
def create(*, replication: int = 1) -> None:
    """Create every topic of the registry that does not exist yet.

    Args:
        replication: How many brokers keep a copy of each topic.
    """

    async def work() -> None:
        try:
            made = await create_topics(kafka_settings(), replication=replication)
        except BrokerNotReady as problem:
            raise CannotDo(str(problem)) from problem
        say(f"{len(made)} topics created" + (": " + ", ".join(made) if made else ""))

    command_line.run("topics create", work())


@app.command(name="accept")
def accept_topics(
    *topics: str,
    service: str,
    dry_run: Annotated[bool, Parameter(negative=())] = False,
    yes: Annotated[bool, Parameter(negative=())] = False,
) -> None:
    """Have a service go on with topics that were made anew or have lost records, where it refuses to start.

    What stood there and was not read is gone: its publishers have to send it again. Stop the service first.

    Args:
        topics: Which; else all that the service reads.
        service: The service that stopped.
        dry_run: Say what would be done, and do nothing.
        yes: Do not ask.
    """

    async def work() -> None:
        kafka, module = kafka_settings(), service.replace("-", "_")
        conn = await asyncpg.connect(database_url(module), timeout=10, command_timeout=60)
        try:
            ((role, schema),) = await conn.fetch("SELECT current_user, current_schema()")
            check_owner(module, role, schema)
            acceptance = await find_out(conn, kafka, service, topics)
            _say_moves(acceptance)
            if not dry_run and agreed(f"have {service} go on with {', '.join(acceptance.pins)}", yes=yes):
                if lost := await accept(conn, kafka, service, acceptance):
                    say(f"{lost} records that were refused are gone: their dead letters come without them, and say so")
                say(f"done; start {service}")
        except WrongDatabase as problem:
            raise CannotDo(str(problem)) from problem
        finally:
            await conn.close()

    command_line.run("topics accept", work())


def _say_moves(acceptance: Acceptance) -> None:
    for move in acceptance.moves:
        say(f"{move.topic}[{move.partition}]: was to go on at {move.before}, will go on at {move.after}")
    if not acceptance.moves:
        say("no reader stands where its log has nothing")
