"""What people see: sentences, numbers, a panel in a terminal, lines elsewhere, the summary."""

import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from demo_desk import START, play
from rich.console import Console

from backorder_dev.demo.board import Board, Latency
from backorder_dev.demo.checks.finding import Finding, all_of, none_of, number
from backorder_dev.demo.letters import subscribers
from backorder_dev.demo.picture import LivePicture, PlainPicture, Progress, draw, picture_for
from backorder_dev.demo.plan import make_plan
from backorder_dev.demo.records import Event
from backorder_dev.demo.summary import print_figures, print_findings, print_further, print_mail
from backorder_dev.demo.verdict import judge
from backorder_dev.demo.words import Context, tell
from backorder_dev.endpoints import Endpoints


@pytest.fixture(scope="module")
def evidence():
    plan = make_plan(seed=1, lines=300, seconds=30)
    return play(plan, contacts=subscribers(plan.customers, seed=1, push_url="http://127.0.0.1:1/push"))


@pytest.fixture
def board(evidence):
    board = Board({sent.record.cause_id: sent.at for sent in evidence.sent})
    for event in evidence.events:
        board.hear(event)
    return board


def sentences(evidence, order_id):
    return [
        told.text
        for event in evidence.events
        if event.topic == "back-order-state" and event.data["order_id"] == order_id
        if (told := tell(event))
    ]


def paper(**options):
    return Console(file=io.StringIO(), width=140, **options)


def test_a_back_order_reads_as_a_story(evidence):
    in_two_days = datetime.fromtimestamp(START, UTC).astimezone() + timedelta(days=2)
    assert sentences(evidence, "SO-9002") == [
        "SO-9002/1 BRK-2041@W1: 3 of 3 not in stock, waits",
        f"SO-9002/1 BRK-2041@W1: expected {in_two_days:%d %b %H:%M}",
        "SO-9002/1 BRK-2041@W1: allocated 3 from PO-8801/1 (machine-down)",
        "SO-9002/1 BRK-2041@W1: released 3 to the warehouse",
        "SO-9002/1 BRK-2041@W1: shipped 3",
        "SO-9002/1 BRK-2041@W1: completed after 3 s",
    ]


def test_who_is_overtaken_and_for_whom_units_are_taken_is_said(evidence):
    events = [event for event in evidence.events if event.topic == "back-order-state"]
    allocated = next(event for event in events if event.type == "back-order.allocated")
    revoked = next(event for event in events if event.type == "back-order.revoked")
    assert tell(allocated, Context(overtaken=2)).text.endswith("overtook 2")
    assert tell(revoked, Context(taken_for="SO-9004/1")).text.endswith("taken back, for SO-9004/1")


def test_a_refused_record_is_said_with_its_reason():
    letter = {"topic": "order-placed", "partition": "3", "offset": "14", "reason": "not-json", "detail": "ends early"}
    event = Event("gap-detector.dead-letter", 0, 0, "", "", "", {}, START, letter)
    assert tell(event).text == "refused: order-placed[3]@14, not-json: ends early"


def test_an_event_type_that_is_not_known_is_left_out(evidence):
    event = next(event for event in evidence.events if event.topic == "back-order-state")
    assert tell(replace(event, type="back-order.something-new")) is None


def test_the_board_knows_who_was_overtaken(board, evidence):
    board = Board({})
    for event in evidence.events:
        board.hear(event)
        if event.type == "back-order.allocated" and event.data["order_id"] == "SO-9002":
            assert board.feed[-1].text.endswith("overtook 1")
            return
    pytest.fail("SO-9002 got nothing")


def test_a_repeated_event_changes_no_number_of_the_board(board, evidence):
    before = (board.totals(), board.types.copy(), len(board.open()))
    for event in evidence.events:
        if event.topic == "back-order-state":
            board.hear(event)
    assert (board.totals(), board.types, len(board.open())) == before


def test_quantiles_of_hardly_anything_are_not_shown():
    latency = Latency()
    assert latency.quantile(50) is None
    for value in range(101):
        latency.add(value / 100)
    assert (latency.quantile(50), latency.quantile(99)) == (0.5, 0.99)


@pytest.mark.parametrize("phase", ["opening", "play", "rest"])
def test_the_panel_can_be_drawn_in_every_phase_and_width(board, phase):
    for width in (40, 80, 160):
        console = Console(file=io.StringIO(), width=width, force_terminal=True)
        console.print(draw(board, Progress(phase=phase, since=3), START + 30))
        assert "what happens" in console.file.getvalue()


def test_a_terminal_gets_the_panel_and_a_file_gets_lines(board):
    assert isinstance(picture_for(Console(file=io.StringIO(), force_terminal=True)), LivePicture)
    console = paper()
    with picture_for(console) as picture:
        assert isinstance(picture, PlainPicture)
        picture.show(board, Progress(phase="play", since=3, lines=12))
    assert "play 3 s: 12 order lines" in console.file.getvalue()


def test_lines_say_each_rare_thing_once(board):
    console = paper()
    picture = PlainPicture(console)
    picture.show(board, Progress())
    first = console.file.getvalue()
    picture.show(board, Progress())
    assert console.file.getvalue() == first


def test_the_panel_opens_and_closes(board):
    console = paper(force_terminal=True)
    with LivePicture(console) as picture:
        picture.show(board, Progress())
    assert "what happens" in console.file.getvalue()


def test_a_finding_is_right_only_when_numbers_agree_and_nothing_is_named():
    assert number("n", 3, 3).ok
    assert not number("n", 3, 2).ok
    assert not number("n", 3, 3, ["x"]).ok
    assert all_of("n", 3, []).ok
    assert not all_of("n", 3, ["x"]).ok
    assert none_of("n", []).ok
    assert none_of("n", map(str, range(9))).detail == "0, 1, 2, 3, 4 and 4 more"


def test_the_summary_names_what_is_wrong():
    console = paper()
    print_findings(console, [Finding("mails", "3", "2", "<a> is not there"), Finding("lines", "7", "7")])
    printed = console.file.getvalue()
    assert "✗ mails: <a> is not there" in printed
    assert "1 of 2 numbers are wrong" in printed


def test_the_summary_of_an_honest_play_is_all_right(board, evidence):
    console = paper()
    print_figures(console, board, evidence)
    print_findings(console, judge(evidence))
    assert "300 order lines" in console.file.getvalue()
    assert "all 34 numbers are right" in console.file.getvalue()


def test_one_mail_is_shown_and_the_way_on(tmp_path, evidence):
    to = "parts@c-2.example"
    mail = next(mail for mail in reversed(evidence.mails) if mail.to == to)
    (tmp_path / mail.name).write_bytes(f"To: {to}\r\nSubject: BRK-2041 is complete\r\n\r\nAll of it.\r\n".encode())
    endpoints = Endpoints(
        kafka="127.0.0.1:9092",
        database="postgresql://x",
        mailbox=str(tmp_path),
        push=str(tmp_path),
        partitions=4,
        broker={},
        postgres={},
        services={"notifier": {"pid": 1, "metrics": "http://127.0.0.1:1/metrics", "health": ""}},
        console="http://127.0.0.1:2",
    )
    console = paper()
    print_mail(console, endpoints, evidence)
    print_further(console, endpoints, tmp_path)
    printed = console.file.getvalue()
    for words in (
        mail.name,
        "Subject: BRK-2041 is complete",
        "All of it.",
        "http://127.0.0.1:2",
        "kcat -b 127.0.0.1:9092",
    ):
        assert words in printed
