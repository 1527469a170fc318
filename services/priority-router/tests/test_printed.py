"""What the commands print for a person, in a terminal of 80 columns."""

import json
from datetime import timedelta
from io import StringIO

import msgspec
import pytest
from rich.console import Console
from router_desk import HOUR, SECOND, START, Desk, policy

from backorder_contracts.internal import LineDetail, Shortage
from priority_router.comparison import Comparing, Line
from priority_router.domain.decide import decide
from priority_router.domain.evolve import evolve
from priority_router.explain_command import show as show_explained
from priority_router.publish import Teller
from priority_router.questions import Standing
from priority_router.repository import LaneState
from priority_router.routes import explained
from priority_router.simulate_command import moment
from priority_router.simulate_command import show as show_simulated


@pytest.fixture
def printed():
    """A console, and all that was printed on it, without the spaces that fill its lines."""
    paper = StringIO()
    console = Console(file=paper, width=80, highlight=False)
    return console, lambda: [line.rstrip() for line in paper.getvalue().splitlines()]


def answer(desk, order, decisions, *others):
    """What the router says of a back order, as a program reads it."""
    q = desk.queue
    state = LaneState(q.idle, q.idle_lots, q.inbound, q.supplied, q.stirred_by, q.timers, q.unsettled_by)
    mine = tuple(each for each in decisions if each.back_order_id == desk.id(order))
    named = tuple(desk.line(name) for name in others)
    lines, units = q.ladder.ahead(desk.line(order).rank)
    found = Standing(q.lane, q.policy.version, None, state, desk.line(order), lines, units, named, mine, named)
    return json.loads(msgspec.json.encode(explained(found, desk.now)))


def test_an_explanation_names_other_lines_by_their_orders(printed):
    desk = Desk()
    desk.short("LOW", 2)
    desk.units(2, ("PO-1", 2))
    line = LineDetail("TOP", "1", "BRK-204", "W1", 2, START, "C-9", service_impact="down")
    event, teller = (
        Shortage(desk.id("TOP"), line, 2, 0, True, desk.now, desk.cause()),
        Teller(desk.queue, None, desk.now),
    )
    for fact in decide(desk.queue, event, desk.now):
        evolve(desk.queue, fact)
        teller.tell(fact)
    console, text = printed
    show_explained(answer(desk, "LOW", teller.decisions, "TOP"), console)
    assert text() == [
        f"order LOW line 1, back order {desk.id('LOW')}",
        "customer C-1, lane BRK-204@W1, band b2, status open",
        "2 back-ordered, 2 waiting",
        "due 2026-11-27 06:00; nothing is promised",
        "",
        "place 1 in the line: 0 lines with 0 units before it",
        "  before it: order TOP line 1 (C-9), band b0, due 2026-11-25 07:00, waits for 0",
        "",
        "Now: It is the first in line; it waits for 2 units. No delivery is announced.",
        "What helps: 2 more units have to be ordered, or a better rank.",
        "",
        "Decisions, times in UTC",
        "v4  2026-11-24 07:00:00  2 units taken back at place 2 for order TOP line 1: its",
        "                         band wins units from fill lines of lower bands, such as",
        "                         this one. Just before it waited: order TOP line 1 (2",
        "                         units).",
        "                         because of test 3",
        "",
        f"order TOP line 1: {desk.id('TOP')}, customer C-9, band b0",
    ]


def test_an_explanation_says_what_became_of_the_promise_and_of_the_due_date(printed):
    desk = Desk()
    desk.short("A", 1, placed=1)
    desk.inbound(("PO-1", 1, 90))
    desk.settle_promises()
    console, text = printed
    show_explained(answer(desk, "A", ()), console)
    assert "due 2026-11-27 06:00 (at risk); promised 2026-11-28 01:00 (cautious: 2026-11-28 " in " ".join(text())
    desk.wait(100 * HOUR)
    desk.cancel("A", 1)
    show_explained(answer(desk, "A", ()), console)
    assert "due 2026-11-27 06:00 (breached); was promised 2026-11-28 01:00" in text()[-3]
    assert text()[-1] == "No decision about its units yet."


def line(name, *, band="standard", customer="C-1", came=None, then=None, due=10 * HOUR):
    """A back order that had its units so many hours after the start; None: never."""
    at = {"filled_at": came, "filled_then": then}
    filled = {key: None if hours is None else START + hours * HOUR for key, hours in at.items()}
    late = {f"late{key}": hours is None or hours * HOUR > due for key, hours in (("", came), ("_then", then))}
    return Line(f"BO-{name}", name, "1", customer, band, band, START + due, **filled, **late)


def test_a_comparison_fits_a_terminal_and_counts_what_it_does_not_show(printed):
    comparing = Comparing(START)
    for n in range(25):
        comparing.take(line(f"SO-{n}", customer=f"C-{n:02}", came=12, then=9))
    comparing.take(line("SO-down", band="machine-down", came=1, then=11))
    console, text = printed
    show_simulated(comparing.result(START + 20 * HOUR), policy("f", version="other"), console)
    said = text()
    assert said[:3] == [
        "Policy other instead of what was in force, 2026-11-24 07:00:00 to 2026-11-25",
        "03:00:00 UTC.",
        "26 back orders: 25 would have had their units earlier, 1 later; breaches",
    ]
    assert "avoided: 25, caused: 1." in said
    assert "standard         25       25      -    25     -       25       -    3d3h     -" in said
    assert "machine-down      1        -      1     -     1        -       1       -   10h" in said
    assert "and 6 more" in said, "20 of 26 customers are shown"
    assert "Would have got their units earlier: 20 of 25" in said
    assert "Would have got their units later" in said
    assert "SO-down line 1  C-1       machine-down  11-24 08:00:00     11-24 18:00:00   +10h" in said


def test_ids_are_printed_as_they_are_whatever_brackets_they_have(printed):
    console, text = printed
    comparing = Comparing(START)
    comparing.take(line("SO[/b]", customer="C-[x]1", band="[/i]", came=12, then=9))
    show_simulated(comparing.result(START + 20 * HOUR), policy("f"), console)
    assert any(said.startswith("SO[/b] line 1  C-[x]1    [/i]") for said in text())
    assert {"C-[x]1", "[/i]"} <= {said.partition(" ")[0] for said in text()}
    desk = Desk()
    desk.short("A", 1, rerouted_from="BO-[/b]")
    desk.command("reroute", "A", to_location_id="W[x]2")
    show_explained(answer(desk, "A", ()), console)
    assert "went on to W[x]2, came from BO-[/b]" in " ".join(text())


def test_a_time_to_begin_with_is_a_span_a_date_a_time_or_the_start():
    assert moment("2h", START) == START - 2 * HOUR
    assert moment("2026-11-24T07:00:00Z", START + SECOND) == START
    assert moment("start", START) is None
    with pytest.raises(ValueError, match="or a span such as 12h or 2d, or start"):
        moment("yesterday", START)
    assert moment("3d", START) == START - timedelta(days=3)
