"""A turn with a large backlog to do: the loop lives, its turn ends, and what is left is not lost. All of it on paper."""

from types import SimpleNamespace

import pytest
from engine_support.paper_loop import LANES
from engine_support.tally import Tally

from backorder_runtime.settings import EngineSettings

A, B = LANES[3], LANES[2]
SHORT = EngineSettings(pace=0, poll=0.001, tick=0.000_001, together_bytes=1_000, batch_bytes=1_000, turn=0)
LONG = SHORT.model_copy(update={"turn": 60})
WORDS = [f"{n}".rjust(500, "-") for n in range(6)]  # two fill a batch


@pytest.fixture
def behind(new):
    """Makes a process that has two shards, with something to do in each."""

    async def make(engine, tally=Tally):
        loop = new(engine=engine, new=tally)
        loop.assign(2, 3)
        await loop.turn()
        for word in WORDS:
            loop.consumer.append(A, word)
            loop.consumer.append(B, word)
        return loop

    return make


class Told(Tally):
    """Tells what it hears of to somebody first."""

    hears = staticmethod(lambda: None)

    def decide(self, arrived, now):
        self.hears()
        return super().decide(arrived, now)


def slow(loop, monkeypatch, seconds):
    """Have each input take so many seconds: what time it is, and whether the loop was alive at each of them."""
    now, alive = [0.0], []
    monkeypatch.setattr("backorder_runtime.lifecycle.time", SimpleNamespace(monotonic=lambda: now[0]))

    def later():
        now[0] += seconds
        alive.append(loop.runner.heartbeat.alive)

    monkeypatch.setattr(Told, "hears", staticmethod(later))
    loop.runner.heartbeat.beat()
    return now, alive


async def test_a_turn_that_is_over_leaves_the_rest_of_each_shard_to_the_next_ones_and_none_of_it_is_lost(behind, paper):
    loop = await behind(SHORT)
    held = dict(loop.ours.shards)
    for done in (2, 4, 6):
        await loop.turn()
        assert paper.seen(A) == paper.seen(B) == WORDS[:done]
    assert loop.ours.shards == held, "nothing is claimed anew for it"
    assert loop.publisher.told("supply") == {lane: [(n, word) for n, word in enumerate(WORDS, 1)] for lane in (A, B)}


async def test_a_turn_that_is_not_over_goes_on_with_all_that_it_has_read(behind, paper):
    loop = await behind(LONG)
    await loop.turn()
    assert paper.seen(A) == paper.seen(B) == WORDS


async def test_a_loop_lives_for_as_long_as_its_transactions_begin_however_many_one_turn_has(behind, paper, monkeypatch):
    loop = await behind(LONG.model_copy(update={"stall": 60}), Told)
    now, alive = slow(loop, monkeypatch, 10)  # two transactions at a time take 40 seconds, all of the turn 120
    await loop.turn()
    assert now[0] == 10 * len(alive) == 120
    assert all(alive)
    now[0] += 60
    assert not loop.runner.heartbeat.alive, "nothing begins any more"


async def test_a_loop_lives_for_as_long_as_its_inputs_are_decided_however_long_a_transaction_takes(behind, monkeypatch):
    monkeypatch.setattr("backorder_runtime.batch._GLANCE", 1)
    monkeypatch.setattr("backorder_runtime.batch._TURN", 0)
    loop = await behind(LONG.model_copy(update={"stall": 60, "batch_bytes": 1_000_000}), Told)
    now, alive = slow(loop, monkeypatch, 20)
    await loop.turn()
    assert now[0] == 20 * len(alive) == 240, "two transactions side by side, of six inputs each"
    assert all(alive)


async def test_a_stop_waits_for_the_transaction_at_hand_and_not_for_the_turn(behind, paper, monkeypatch):
    loop = await behind(LONG, Told)
    monkeypatch.setattr(Told, "hears", staticmethod(loop.runner._stop.set))
    loop.runner._stop.clear()
    await loop.runner._turn()
    assert paper.seen(A) == paper.seen(B) == WORDS[:2]
