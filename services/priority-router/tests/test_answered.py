"""What tells commands apart is the `ce_id`. Without a database: what it would answer is given."""

from datetime import UTC, datetime

import pytest
from msgspec.structs import replace
from router_shard import at, command, short

from backorder_contracts.internal import Cause, Origin
from backorder_runtime.record import DeadLetter
from priority_router.answered import digest
from priority_router.handlers import Router
from priority_router.policies import Policies

ONE_LESS = command("c-1", "A", "cancel", quantity=1)


def other(ce_id):
    """A command that its system calls the same."""
    return replace(ONE_LESS, cause=Cause("back-order.command", ce_id))


class Shard:
    """A router, and a database that has only answered commands: each id with a content, or none."""

    def __init__(self, **answered):
        self.answered = answered
        self.router = Router(Policies(), cached_lanes=10)
        self.noted = {}
        self.lanes = []

    def take(self, *events):
        """The batch; what is told the public, and what is refused."""
        arrived, now, said = [at("P@W1", event) for event in events], datetime.now(UTC), []
        self._ask(self.router.load(arrived))
        for item in arrived:
            for each in self.router.spread(item, None):
                said += self.router.evolve(each, self.router.decide(each, now), now)
        self._ask(self.router.save())
        return [
            each.reason if isinstance(each, DeadLetter) else each.type
            for each in said
            if isinstance(each, DeadLetter) or getattr(each, "topic", None) == "back-order-state"
        ]

    def _ask(self, asking):
        rows = None
        while True:
            try:
                step = asking.send(rows)
            except StopIteration:
                return
            text, rows = step.statement.text, ()
            if "JOIN command" in text:
                rows = [(0, key, self.answered[key]) for key in step.columns[0] if key in self.answered]
            if "INTO command" in text:
                self.noted |= dict(zip(*step.columns, strict=True))
            if "INTO lane_queue" in text:
                self.lanes += step.columns[0]


def answers(shard, *commands):
    """What follows the opening of a back order of five units, which is ranked."""
    opened, *said = shard.take(short("A", 5), *commands)
    assert opened == "back-order.prioritised"
    return said


def test_two_commands_that_their_systems_call_the_same_are_both_carried_out_and_remembered():
    shard = Shard()
    assert answers(shard, other("e-1"), other("e-2"), other("e-1")) == ["back-order.cancelled"] * 2
    assert shard.noted == {"e-1": digest(other("e-1")), "e-2": digest(other("e-2"))}


def test_a_command_that_was_answered_is_not_carried_out_again_wherever_it_stands():
    again = replace(ONE_LESS, origin=Origin("back-order-command", 3, 99))
    assert answers(Shard(**{"c-1": digest(ONE_LESS)}), again) == []


def test_another_command_under_a_ce_id_that_was_answered_contradicts():
    shard = Shard(**{"c-1": digest(ONE_LESS)})
    assert answers(shard, replace(ONE_LESS, quantity=2)) == ["conflicting-duplicate"]
    assert shard.noted == {}


@pytest.mark.parametrize(
    ("asked", "said"),
    [
        (ONE_LESS, []),
        (other("e-1"), ["conflicting-duplicate"]),  # it or another one: nobody knows
        (replace(ONE_LESS, command_id="c-2"), ["back-order.cancelled"]),
    ],
    ids=["with_one_id", "called_the_same", "whose_ce_id_is_called_the_same"],
)
def test_what_the_version_before_answered_is_known_by_what_it_was_called(asked, said):
    assert answers(Shard(**{"c-1": None}), asked) == said


def test_a_command_for_a_back_order_that_nobody_knows_leaves_nothing():
    shard = Shard()
    assert shard.take(ONE_LESS) == ["unknown-back-order"]
    assert (shard.noted, shard.lanes) == ({}, [])
    assert answers(shard, ONE_LESS) == ["back-order.cancelled"]
    assert shard.lanes == ["P@W1"]
