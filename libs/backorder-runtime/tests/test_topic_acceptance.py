"""Topics are accepted as a whole, or not at all."""

from contextlib import asynccontextmanager

import pytest
from aiokafka.errors import CommitFailedError

from backorder_runtime import topic_acceptance
from backorder_runtime.command_line import CannotDo
from backorder_runtime.settings import KafkaSettings
from backorder_runtime.topic_acceptance import Acceptance, Move, accept

MADE_ANEW = Acceptance(
    "cluster",
    {"stock-changed": ("new", 4), "supply-entry": ("new", 4)},
    [Move("stock-changed", 0, 7, 0), Move("supply-entry", 2, 9, 0)],
)


class Did(list):
    """What the broker and the database were told, in order; stands for both."""

    intake_runs = False

    async def fetch(self, _statement):
        return [{"topic": "supply-entry"}]

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
