"""Topics are accepted as a whole, or not at all."""

from contextlib import asynccontextmanager
from datetime import timedelta

import asyncpg
import pytest
from aiokafka.errors import CommitFailedError
from engine_support.tally import TABLES

from backorder_contracts.internal import Origin
from backorder_dev.stack import Database
from backorder_runtime import store, topic_acceptance
from backorder_runtime.bundle import Bundler
from backorder_runtime.clock import utc_now
from backorder_runtime.command_line import CannotDo
from backorder_runtime.dead_letters import NOTHING
from backorder_runtime.outbox import Event, Letter, OutboxBatch
from backorder_runtime.outcome import Outcome, keep
from backorder_runtime.record import DeadLetter
from backorder_runtime.settings import KafkaSettings
from backorder_runtime.tables import TOPIC_PIN
from backorder_runtime.topic_acceptance import Acceptance, Move, accept

ANEW, STAYS = "stock-changed", "supplier-delivery"
MADE_ANEW = Acceptance(
    "cluster",
    {"stock-changed": ("new", 4), "supply-entry": ("new", 4)},
    [Move("stock-changed", 0, 7, 0), Move("supply-entry", 2, 9, 0)],
)


class Did(list):
    """What the broker and the database were told, in order; stands for both."""

    intake_runs = False

    async def fetch(self, _statement):
        return [{"topic": "supply-entry"}]  # that lanes read it

    @asynccontextmanager
    async def transaction(self):
        self.append("begin")
        yield
        self.append("commit")

    async def execute(self, statement, *_):
        self.append(statement)

    async def start(self):
        pass

    async def stop(self):
        pass

    def assign(self, places):
        pass

    async def commit(self, offsets):
        if self.intake_runs:
            raise CommitFailedError
        self.append({place.topic: offset for place, offset in offsets.items()})


@pytest.fixture
def did(monkeypatch):
    did = Did()
    monkeypatch.setattr(topic_acceptance, "_consumer", lambda *_: did)
    return did


async def test_topics_count_as_known_only_after_the_intake_stands_where_it_goes_on(did):
    await accept(did, KafkaSettings(), "inventory-sync", MADE_ANEW)
    assert did[:2] == [{"stock-changed": 0}, "begin"]
    assert did[-1] == "commit"


async def test_while_the_intake_runs_nothing_is_done_and_a_person_is_told_to_stop_it(did):
    did.intake_runs = True
    with pytest.raises(CannotDo, match="inventory-sync still runs: stop it"):
        await accept(did, KafkaSettings(), "inventory-sync", MADE_ANEW)
    assert did == []


@pytest.fixture
async def conn(database: Database):
    made = await asyncpg.connect(database.urls["inventory_sync"])
    for statement in (*TABLES, TOPIC_PIN):
        await made.execute(statement)
    yield made
    await made.close()


async def accepted(conn, anew):
    """`stock-changed` is accepted, which was made anew or has lost records."""
    acceptance = Acceptance(
        "cluster", {"stock-changed": ("another" if anew else "id", 4)}, [], frozenset({"stock-changed"} if anew else ())
    )
    return await accept(conn, KafkaSettings(), "inventory-sync", acceptance)


@pytest.mark.parametrize("anew", [True, False])
async def test_what_was_refused_in_a_topic_that_was_made_anew_is_refused_for_the_first_time(conn, anew):
    letters = [DeadLetter(Origin(topic, 1, 7), "conflicting-duplicate", "no") for topic in (ANEW, STAYS)]
    await store.refuse(conn, letters, utc_now())
    await accepted(conn, anew)
    assert await store.refuse(conn, letters, utc_now()) == (letters[:1] if anew else [])


@pytest.mark.parametrize("anew", [True, False])
async def test_a_letter_that_was_to_be_sent_comes_without_a_record_of_the_topic_that_was_made_anew(conn, anew):
    event = Event("supply", "A@W1", "x", b"{}", None, None)
    here, away = letter(ANEW, None), letter(STAYS, None)
    copied = letter(ANEW, (b"k", b"v", ()))
    await store.claim(conn, 2, "one", {"supply-entry": 0})
    first = OutboxBatch(1, utc_now(), [event, here, copied])
    await store.put_outbox(conn, {2: first})
    second = OutboxBatch(4, utc_now(), [away, event])
    await store.put_outbox(conn, {2: second})
    lost = await accepted(conn, anew)
    gone = Letter(here.origin, here.reason, "no; its topic was made anew before the record was copied", NOTHING)
    told = [batch.entries for batch in await store.unsent(conn, 2, 0)]
    assert told == [[event, gone if anew else here, copied], [away, event]]
    assert lost == (1 if anew else 0)


async def test_what_lanes_had_still_to_read_of_it_and_refuse_later_comes_without_a_record_and_hides_none(conn):
    await pin(conn, ANEW, STAYS)
    before, now = utc_now() - timedelta(minutes=5), utc_now()
    await accepted(conn, anew=True)
    assert details(await refused(conn, before, now)) == {ANEW: "no; its topic was made anew", STAYS: "no"}
    assert details(await refused(conn, now, now)) == {ANEW: "no"}, "the record at that offset of the new topic"


async def test_a_topic_that_lost_records_is_known_for_as_long_as_before(conn):
    await pin(conn, ANEW)
    before, now = utc_now() - timedelta(minutes=5), utc_now()
    await accepted(conn, anew=False)
    assert details(await refused(conn, before, now)) == {ANEW: "no", STAYS: "no"}


async def pin(conn, *topics):
    """Topics that are read for the first time."""
    ids = ["id" for _ in topics]
    await conn.execute(topic_acceptance._SQL["pin"], "cluster", topics, ids, [4 for _ in topics])


async def refused(conn, written, now):
    """The letters that are stored when a lane refuses a message about each topic, which was written then."""
    claim = await store.claim(conn, 2, "one", {"supply-entry": 0})
    outcome, written_ms = Outcome(Bundler(4)), int(1000 * written.timestamp())
    for topic in (ANEW, STAYS):
        outcome.take([DeadLetter(Origin(topic, 1, 7), "conflicting-duplicate", "no")], None, written_ms)
    return (await keep(conn, {2: (claim.next_sequence, outcome)}, now))[2].entries


def details(letters):
    return {letter.origin.topic: letter.detail for letter in letters}


def letter(topic, copy):
    return Letter(Origin(topic, 1, 7), "conflicting-duplicate", "no", copy)
