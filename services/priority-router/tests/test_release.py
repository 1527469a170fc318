"""When units are released, when dates pass, and what another policy changes."""

from router_desk import HOUR, SECOND, START, Desk, policy, quantities

from priority_router.domain import facts as f
from priority_router.domain.draft import Draft
from priority_router.domain.events import TimerRang
from priority_router.domain.lane_facts import TimerSet


def test_units_are_released_once_the_debounce_is_over_and_only_once():
    desk = Desk()
    desk.short("A", 2)
    desk.units(2)
    assert desk.queue.timers["release"] == START + 2 * SECOND
    desk.wait(1 * SECOND)
    assert desk.line("A").released == 0
    desk.wait(1 * SECOND)
    assert desk.kinds() == ["Released"]
    assert quantities(desk.line("A")) == (0, 0, 2, 0, 0)
    assert "release" not in desk.queue.timers
    desk.wait(60 * SECOND)
    assert desk.kinds() == []


def test_a_release_names_what_brought_the_units_as_its_cause():
    desk = Desk()
    desk.short("A", 1)
    desk.units(1)
    cause = desk.one(f.Allocated).cause
    desk.wait(2 * SECOND)
    assert desk.one(f.Released).cause == cause


def test_without_a_debounce_units_are_released_at_once():
    desk = Desk(policy(release_debounce=0 * SECOND))
    desk.short("A", 1)
    desk.units(1)
    assert desk.kinds() == ["Allocated", "Released"]


def test_more_units_do_not_put_the_release_off():
    desk = Desk()
    desk.short("A", 2)
    desk.units(1)
    desk.wait(1 * SECOND)
    desk.units(1)
    desk.wait(1 * SECOND)
    assert desk.line("A").released == 2


def test_a_manual_band_waits_for_a_command():
    desk = Desk(policy(manual=("b2",)))
    desk.short("A", 1)
    desk.units(1)
    desk.wait(99 * SECOND)
    assert desk.line("A").status == "allocated"
    desk.command("release", "A")
    assert desk.kinds() == ["Released"]
    assert desk.one(f.Released).rule == "command"


def test_a_complete_line_is_released_only_when_nothing_of_it_waits():
    desk = Desk()
    desk.short("A", 3, ship_policy="complete")
    desk.units(2)
    desk.wait(99 * SECOND)
    assert quantities(desk.line("A"))[:3] == (1, 2, 0)
    desk.units(1)
    desk.wait(2 * SECOND)
    assert desk.line("A").released == 3


def test_the_due_date_passes_once_for_what_has_not_left():
    desk = Desk()
    desk.short("A", 2)
    desk.wait(72 * HOUR)
    assert desk.kinds() == ["Breached"]
    assert desk.line("A").breached
    desk.wait(72 * HOUR)
    assert desk.kinds() == []


def test_a_line_that_is_late_when_it_opens_is_breached_at_once():
    desk = Desk()
    desk.short("A", 1, need_by=START - HOUR)
    assert TimerSet("due", START - HOUR) in desk.facts
    desk.wait(0 * SECOND)
    assert desk.kinds() == ["Breached"]


def test_a_timer_that_rings_for_nothing_changes_nothing_but_is_set_again():
    desk = Desk()
    desk.short("A", 1)
    due = desk.queue.timers["due"]
    desk.do(TimerRang("due", due))
    assert desk.facts == (TimerSet("due", due),)


def test_another_policy_ranks_every_line_anew_and_hands_out_by_its_rules():
    desk = Desk(policy("fff"))
    desk.short("w", 2, service_impact="down")
    desk.short("f", 2)
    desk.short("f2", 1, service_impact="degraded")
    desk.command("expedite", "f2", band="b2")
    desk.units(2)
    desk.units(2)
    desk.short("w", 2, first=False, quantity=9)
    desk.policy(policy("wf", version="2"))
    desk.wait(0 * SECOND)
    assert {p.rank.order_id for p in desk.all(f.Prioritised)} == {"f", "f2"}  # b2 is gone
    assert desk.line("f").allocated == 0
    assert desk.line("w").allocated == 4
    assert desk.line("f").policy_version == "2"


def test_a_policy_that_makes_a_band_manual_stops_planned_releases_and_back():
    desk = Desk()
    desk.short("A", 1)
    desk.units(1)
    desk.policy(policy(version="2", manual=("b2",)))
    desk.wait(9 * SECOND)
    assert desk.line("A").released == 0
    desk.policy(policy(version="3"))
    desk.wait(0 * SECOND)
    desk.wait(2 * SECOND)
    assert desk.line("A").released == 1


def test_a_release_timer_that_rings_twice_releases_once():  # P13
    desk = Desk()
    desk.short("A", 2)
    desk.units(1)
    at = desk.queue.timers["release"]
    desk.now = at
    desk.do(TimerRang("release", at))
    desk.units(1)
    desk.do(TimerRang("release", at))
    assert desk.kinds() == []
    assert desk.line("A").released == 1


def test_a_held_line_is_not_released_when_its_time_comes():
    desk = Desk()
    desk.short("A", 1)
    desk.units(1)
    desk.command("hold", "A")
    assert "release" not in desk.queue.timers
    assert desk.line("A").release_at is None


def test_a_band_that_only_moved_in_the_list_is_not_said_anew():
    desk = Desk(policy("fff"))
    desk.short("A", 1)
    before = desk.line("A").version
    rules = policy("wff", version="2")
    desk.policy(rules)
    desk.wait(0 * SECOND)
    assert (desk.line("A").version, desk.line("A").policy_version) == (before, "2")


def test_what_a_timer_goes_on_with_keeps_its_cause(monkeypatch):
    monkeypatch.setattr(Draft, "at_once", 2)
    desk = Desk(policy("fff"))
    for i in range(5):
        desk.short(f"A{i}", 1, placed=i)
    desk.units(5)
    cause = desk.one_of("A0", f.Allocated).cause
    desk.wait(0 * SECOND)
    assert [fact.cause for fact in desk.all(f.Allocated)] == [cause] * 3
    desk.policy(policy("ff", version="2"))
    cause = desk.queue.unsettled_by
    desk.wait(0 * SECOND)
    assert {fact.cause for fact in desk.all(f.Prioritised)} == {cause}
    assert desk.queue.unsettled_by is None


def test_while_lines_are_ranked_anew_units_wait_and_nothing_is_given_back(monkeypatch):
    monkeypatch.setattr(Draft, "at_once", 2)
    desk = Desk(policy("fff"))
    for i in range(5):
        desk.short(f"A{i}", 1, placed=i)
    desk.policy(policy("ff", version="2"))
    desk.units(7)
    assert (desk.queue.idle, desk.kinds(), desk.reports) == (7, [], [])
    desk.wait(0 * SECOND)
    assert desk.queue.idle == 0
    assert desk.reports[-1].returned == 2
    assert all(line.allocated == 1 for line in desk.queue.orders.values())
