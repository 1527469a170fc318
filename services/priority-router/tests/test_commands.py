"""Every command is answered: it is done whole, or refused with a reason."""

import pytest
from router_desk import HOUR, SECOND, START, Desk, policy

from backorder_contracts.internal import CancelAnswer, LineRef
from priority_router.domain import facts as f
from priority_router.domain.lane_facts import Change, LineRerouted, NeedReported, UnknownNamed


def refused(desk):
    assert desk.kinds() == ["CommandRefused"]
    return desk.one(f.CommandRefused).reason


@pytest.fixture
def desk():
    """One back order A of five units, two of them set aside."""
    desk = Desk()
    desk.short("A", 5)
    desk.units(2)
    return desk


def test_a_command_for_an_unknown_back_order_is_handed_to_the_shell(desk):
    desk.command("hold", "X")
    assert desk.one(UnknownNamed).command.action == "hold"
    assert desk.kinds() == []


def test_a_refusal_is_an_event_of_the_back_order_and_changes_nothing_else(desk):
    before = desk.line("A").version
    desk.command("resume", "A")
    assert refused(desk) == "not-held"
    assert desk.one(f.CommandRefused).cause.id == str(desk.inputs)
    assert desk.line("A").version == before + 1
    assert len(desk.facts) == 1


def test_a_hold_gives_units_back_and_asks_the_ledger_for_nothing_more(desk):
    desk.short("B", 1, placed=9)
    desk.command("hold", "A")
    assert desk.kinds() == ["Held", "Revoked", "Allocated"]
    line = desk.line("A")
    assert (line.status, line.waiting, line.allocated, line.counted) == ("held", 5, 0, 0)
    report = desk.one(NeedReported)
    assert report.changes == (Change(line.back_order_id, line.ref, -5),)
    assert report.returned == 1
    assert "release" in desk.queue.timers  # of B


def test_a_held_line_gets_nothing(desk):
    desk.command("hold", "A")
    desk.units(3)
    assert desk.kinds() == []
    assert desk.one(NeedReported).returned == 3


def test_a_hold_leaves_released_units_alone(desk):
    desk.wait(2 * SECOND)
    desk.command("hold", "A")
    assert desk.kinds() == ["Held"]
    assert (desk.line("A").released, desk.line("A").counted) == (2, 2)


def test_a_resumed_line_asks_again_and_keeps_its_rank(desk):
    rank = desk.line("A").rank
    desk.command("hold", "A")
    desk.command("resume", "A")
    assert desk.kinds() == ["Resumed"]
    assert desk.one(NeedReported).changes[0].units == 5
    assert desk.line("A").rank == rank


def test_holding_twice_is_refused(desk):
    desk.command("hold", "A")
    desk.command("hold", "A")
    assert refused(desk) == "already-held"


def test_expedite_pins_the_band_against_policies(desk):
    desk.command("expedite", "A", band="b0")
    said = desk.one(f.Prioritised)
    assert (said.band_name, said.pinned, said.reason) == ("b0", True, "expedited")
    assert desk.line("A").due_at == desk.line("A").line.placed_at + 24 * HOUR
    desk.policy(policy("fwf", version="2"))
    assert (desk.line("A").band_name, desk.line("A").pinned) == ("b0", True)


def test_an_expedited_line_takes_what_its_new_band_may_take():
    desk = Desk()
    desk.short("A", 2, placed=1)
    desk.short("B", 2, placed=2)
    desk.units(2)
    desk.command("expedite", "B", band="b0")
    assert desk.kinds() == ["Prioritised", "Revoked", "Allocated"]
    assert (desk.line("A").allocated, desk.line("B").allocated) == (0, 2)


@pytest.mark.parametrize(("fields", "reason"), [({}, "missing-band"), ({"band": "zz"}, "unknown-band")])
def test_expedite_needs_a_band_that_there_is(desk, fields, reason):
    desk.command("expedite", "A", **fields)
    assert refused(desk) == reason


def test_a_cancel_command_takes_waiting_units_first_and_tells_the_ledger(desk):
    desk.command("cancel", "A", quantity=4)
    assert (desk.one(f.Cancelled).waiting, desk.one(f.Cancelled).allocated) == (3, 1)
    report = desk.one(NeedReported)
    assert report.answers == (CancelAnswer(LineRef("A", "1"), 0, 4, report.cause),)
    assert (report.changes[0].units, report.returned) == (-4, 1)


def test_a_cancel_command_without_a_quantity_takes_all_that_is_not_released(desk):
    desk.wait(2 * SECOND)
    desk.command("cancel", "A")
    assert desk.one(f.Cancelled).units == 3
    assert desk.line("A").status == "released"


def test_a_cancel_command_for_more_than_there_is_is_refused_whole(desk):
    desk.command("cancel", "A", quantity=6)
    assert refused(desk) == "not-enough"
    desk.command("cancel", "A", quantity=0)
    assert refused(desk) == "bad-quantity"


def test_a_release_command_does_not_wait_for_the_rest_of_a_complete_line():
    desk = Desk()
    desk.short("A", 5, ship_policy="complete")
    desk.units(2)
    desk.command("release", "A")
    assert (desk.line("A").released, desk.line("A").waiting) == (2, 3)


def test_a_release_command_needs_units_and_no_hold(desk):
    desk.command("release", "A")
    desk.command("release", "A")
    assert refused(desk) == "nothing-allocated"
    desk.command("hold", "A")
    desk.command("release", "A")
    assert refused(desk) == "held"


@pytest.mark.parametrize("action", ["hold", "expedite", "cancel", "release", "reroute"])
def test_what_is_released_whole_is_out_of_reach(action):
    desk = Desk()
    desk.short("A", 2)
    desk.units(2)
    desk.wait(2 * SECOND)
    desk.command(action, "A", band="b0", to_location_id="W2")
    assert refused(desk) == "already-released"


@pytest.mark.parametrize("action", ["hold", "resume", "expedite", "cancel", "release", "reroute"])
def test_what_has_ended_is_out_of_reach(desk, action):
    desk.cancel("A", 5)
    desk.command(action, "A", band="b0", to_location_id="W2")
    assert refused(desk) == "closed"


def test_an_action_that_nobody_knows_is_refused(desk):
    desk.command("gift-wrap", "A")
    assert refused(desk) == "unknown-action"


def test_a_command_that_names_another_lane_is_refused(desk):
    desk.command("hold", "A", location_id="W2")
    assert refused(desk) == "wrong-lane"


def test_a_reroute_ends_the_back_order_and_places_the_line_elsewhere(desk):
    desk.short("B", 1, placed=9)
    desk.command("reroute", "A", to_location_id="W2")
    assert desk.kinds() == ["Rerouted", "Allocated"]
    assert (desk.line("A").status, desk.line("A").cancelled, desk.line("A").need) == ("rerouted", 5, 0)
    line = desk.one(LineRerouted).line
    assert (line.location_id, line.quantity, line.rerouted_from, line.been) == (
        "W2",
        5,
        desk.id("A"),
        ("BRK-204@W1",),
    )
    report = desk.one(NeedReported)
    assert report.answers == (CancelAnswer(LineRef("A", "1"), 0, 5, report.cause, away=5),)
    assert (report.changes[0].units, report.returned) == (-5, 1)


def test_a_reroute_leaves_what_is_released_and_the_back_order_goes_on(desk):
    desk.wait(2 * SECOND)
    desk.command("reroute", "A", to_location_id="W2")
    said = desk.one(f.Cancelled)
    assert (said.units, said.reason, said.to_location_id) == (3, "rerouted", "W2")
    assert desk.one(LineRerouted).line.quantity == 3
    desk.shipped("A", 2, 2)
    assert desk.line("A").status == "completed"


def test_a_reroute_goes_where_the_line_never_was():
    desk = Desk()
    desk.short("A", 1, been=("BRK-204@W9",))
    for place, reason in ((None, "missing-location"), ("W1", "same-location"), ("W9", "already-there")):
        desk.command("reroute", "A", to_location_id=place)
        assert refused(desk) == reason
    desk.command("reroute", "A", to_location_id="W2")
    assert desk.one(LineRerouted).line.been == ("BRK-204@W9", "BRK-204@W1")


def test_a_line_is_rerouted_from_a_lane_only_once(desk):
    desk.command("reroute", "A", to_location_id="W2")
    desk.short("A", 2, first=False, quantity=9)
    assert desk.line("A").status == "open"
    desk.command("reroute", "A", to_location_id="W3")
    assert refused(desk) == "rerouted-before"


def test_a_hold_withdraws_the_promise():
    desk = Desk()
    desk.short("A", 1)
    desk.inbound(("PO-1", 1, 48))
    desk.settle_promises()
    desk.command("hold", "A")
    assert desk.kinds() == ["Held", "PromiseWithdrawn"]
    assert desk.line("A").promise is None
    desk.command("resume", "A")
    desk.settle_promises()
    assert desk.line("A").promise.p50 == START + 48 * HOUR
    assert desk.line("A").revisions == 1


def test_a_hold_makes_the_ledger_count_only_what_is_released():
    desk = Desk()
    desk.short("A", 5)
    desk.units(2)
    desk.wait(2 * SECOND)
    desk.command("hold", "A")
    assert desk.line("A").counted == 2


def test_released_units_are_out_of_a_cancel_commands_reach():
    desk = Desk()
    desk.short("A", 5)
    desk.units(2)
    desk.wait(2 * SECOND)
    desk.command("cancel", "A", quantity=4)
    assert refused(desk) == "not-enough"
