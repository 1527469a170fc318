"""What a mail looks like, and what ids cannot do to it."""

from datetime import UTC, datetime, timedelta
from email import message_from_bytes
from email.header import decode_header, make_header
from itertools import pairwise
from re import fullmatch

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from backorder_contracts.fields import PRINTABLE
from notifier.domain.calendar import Calendar
from notifier.domain.compose import News, Told, compose
from notifier.domain.model import Audience, BackOrder, Promise, Quantity
from notifier.domain.table import TABLE
from notifier.mime import header_text, write_mail
from notifier.settings import SmtpSettings

NOW = datetime(2026, 11, 24, 8, 0, tzinfo=UTC)
SETTINGS = SmtpSettings(sender="back-orders@parts.example", sender_name='Jörg "Parts" & Co')
HEADERS = [
    "Content-Type", "MIME-Version", "Message-ID", "Date", "From", "To", "Subject", "In-Reply-To", "References",
    "Auto-Submitted", "X-Auto-Response-Suppress", "List-Unsubscribe", "X-Backorder-Id",
]  # fmt: skip


def news(happened: str = "opened", **changes) -> News:
    fields = {
        "back_order_id": "BO-1", "version": 1, "order_id": "SO-1001", "line_id": "1", "part_id": "BRK-204",
        "location_id": "W1", "customer_id": "C-17", "status": "open", "opened_at": NOW,
        "quantity": Quantity(4, 1, 3, 0, 0, 0, 0, 3), **changes,
    }  # fmt: skip
    state = BackOrder(**fields)
    return News(f"N-{state.back_order_id}-{state.version}", f"back-order.{happened}", state)


def promise(days: int, first: int | None = None) -> Promise:
    at = NOW + timedelta(days=days)
    return Promise(at, at + timedelta(days=3), NOW + timedelta(days=first or days), 1 if first else 0)


def written(*all_news: News, audience: Audience = Audience.CUSTOMER, told: dict[str, Told] | None = None):
    letter = compose(audience, all_news, told or {}, Calendar())
    raw = write_mail(letter, "0123abcd", "jo@customer.example", NOW, SETTINGS)
    mail = message_from_bytes(raw)
    parts = [part.get_payload(decode=True).decode() for part in mail.get_payload()]
    return raw, mail, *parts


def test_a_customer_reads_what_is_late_when_it_comes_and_what_happens_next():
    _, mail, text, _ = written(news("promised", promise=promise(6, first=3)))
    assert mail["Subject"] == "Order SO-1001: when BRK-204 is expected"
    for words in (
        "Part BRK-204 (order line 1)",
        "What is missing is expected around Mon 30 Nov 2026.",
        "Still missing: 3",
        "Very likely by: Thu 3 Dec 2026",
        "Our first estimate was: Fri 27 Nov 2026",
        "What happens next: we ship as soon as the pieces are here",
    ):
        assert words in text


def test_a_date_that_the_customer_named_is_shown_as_that_day():
    _, _, text, _ = written(news(need_by=datetime(2026, 12, 1, tzinfo=UTC)))
    assert "You asked for it by: Mon 30 Nov 2026" in text


def test_several_lines_are_in_the_order_of_their_numbers():
    lines = [news(back_order_id=f"BO-{n}", line_id=str(n)) for n in (10, 2, 1)]
    _, mail, text, _ = written(*lines)
    assert mail["Subject"] == "Order SO-1001: news about 3 parts"
    places = [text.index(f"(order line {n})") for n in (1, 2, 10)]
    assert places == sorted(places)


def test_the_same_news_in_another_order_is_the_same_mail():
    lines = [news("opened"), news("shipped", version=2), news(back_order_id="BO-2", line_id="2")]
    assert written(*lines)[0] == written(*reversed(lines))[0]


def test_a_line_shows_every_step_and_the_newest_state():
    _, _, text, _ = written(
        news("opened"), news("shipped", version=2, status="shipped", quantity=Quantity(4, 1, 3, 0, 0, 2, 0, 1))
    )
    assert text.index("3 of 4 pieces are not in stock yet.") < text.index("2 of 3 pieces are on the way to you.")
    assert "Still missing: 1" in text


PARTLY = {"version": 2, "status": "released", "quantity": Quantity(4, 1, 3, 0, 2, 0, 1, 0)}


def test_what_is_rerouted_of_a_partly_released_back_order_is_not_called_cancelled():
    _, mail, text, _ = written(news("cancelled", reason="rerouted", **PARTLY))
    assert mail["Subject"] == "Order SO-1001: BRK-204 comes from another location"
    assert "The missing pieces will come from another location. We will write again." in text
    assert "Cancelled, or from another location: 1" in text
    assert "1 piece is cancelled" not in text
    _, mail, text, _ = written(news("cancelled", reason="rerouted", **PARTLY), audience=Audience.TEAM)
    assert mail["Subject"] == "Back order rerouted: BRK-204@W1, order SO-1001"


@pytest.mark.parametrize("reason", [None, "order", "command", "invented-later"])
def test_a_cancellation_that_leaves_something_says_so(reason):
    _, mail, text, _ = written(news("cancelled", reason=reason, **PARTLY))
    assert mail["Subject"] == "Order SO-1001: some pieces of BRK-204 are cancelled"
    assert "1 piece is cancelled." in text
    _, mail, *_ = written(news("cancelled", reason=reason, **PARTLY), audience=Audience.TEAM)
    assert mail["Subject"] == "Back order partly-cancelled: BRK-204@W1, order SO-1001"


def test_a_cancellation_of_all_that_was_left_says_that_the_part_is_cancelled():
    all_of_it = {"version": 2, "status": "cancelled", "quantity": Quantity(4, 1, 3, 0, 0, 0, 3, 0)}
    _, mail, text, _ = written(news("cancelled", reason="order", **all_of_it))
    assert mail["Subject"] == "Order SO-1001: BRK-204 is cancelled"
    assert "3 pieces are cancelled." in text


@pytest.mark.parametrize("happened", [name.removeprefix("back-order.") for name in TABLE])
@pytest.mark.parametrize("audience", list(Audience))
def test_every_kind_of_news_can_be_told(happened, audience):
    for state in ({}, {"promise": promise(3), "due_at": NOW, "need_by": NOW, "band": "machine-down"}):
        raw, *_ = written(news(happened, **state), audience=audience)
        assert b"None" not in raw


def test_the_team_reads_every_figure():
    _, mail, text, _ = written(news("breached", due_at=NOW, service_impact="down"), audience=Audience.TEAM)
    assert mail["Subject"] == "Back order breached: machine down, BRK-204@W1, order SO-1001"
    assert "3 back-ordered: 3 waiting, 0 allocated, 0 released, 0 shipped, 0 cancelled" in text
    assert "Due: Tue 24 Nov 2026 08:00 UTC" in text


def test_a_mail_says_that_a_machine_wrote_it_and_how_to_stop_it():
    _, mail, *_ = written(news())
    assert mail["Auto-Submitted"] == "auto-generated"
    assert mail["List-Unsubscribe"] == "<mailto:back-orders@parts.example?subject=unsubscribe>"
    assert mail["Message-ID"] == "<0123abcd@parts.example>"


def test_mails_about_one_back_order_are_one_conversation():
    first, second = (written(news(version=n))[1] for n in (1, 2))
    other = written(news(back_order_id="BO-2"))[1]
    assert first["In-Reply-To"] == second["In-Reply-To"] != other["In-Reply-To"]
    assert first["References"].split()[0] == other["References"].split()[0]


def test_html_shows_ids_as_text():
    evil = '<script>alert("x")</script>'
    _, _, _, html = written(news(part_id=evil, line_id="<b>", order_id="</title><i>"))
    assert "<script" not in html
    assert "<b>" not in html
    assert "<i>" not in html
    assert "&lt;script&gt;" in html


_ids = st.text(min_size=1, max_size=64)


@given(part=_ids, order=_ids, line=_ids, back_order=_ids, customer=_ids)
@example("a\r\nBcc: x@y.example", "b\n\nbody", "c\rX: y", "d\x85e\u2028f", "g\x0bh\x1ei")
@example(*["=?utf-8?q?x=0D=0ABcc:_x=40y.example?="] * 5)
@example(*["=?utf-8?b?DQpCY2M6IHhAeS5leGFtcGxl?="] * 5)
@example(*["\ud800"] * 5)
@example(*["Ü" * 64] * 5)
@example(*["a " * 32] * 5)
@example(*["."] * 5)
def test_no_id_adds_a_header_or_ends_the_mail(part, order, line, back_order, customer):
    ids = {"part_id": part, "order_id": order, "line_id": line, "back_order_id": back_order, "customer_id": customer}
    for audience in Audience:
        raw, mail, *_ = written(news(**ids), audience=audience)
        assert mail.keys() == HEADERS
        assert raw.isascii()
        assert max(map(len, raw.split(b"\r\n"))) <= 998
        assert b"\n" not in raw.replace(b"\r\n", b"")
        assert b"\r" not in raw.replace(b"\r\n", b"")
        assert not mail.defects
        subject = str(make_header(decode_header(mail["Subject"].replace("\r\n ", " "))))
        assert len(subject.splitlines()) == 1
        for one, other in pairwise(raw.split(b"\r\n\r\n")[0].split(b"\r\n")):
            assert one
            assert other


@given(st.text())
def test_a_header_reads_as_the_text_it_was_made_of(text):
    shown = header_text(text)
    printable = "".join(c if fullmatch(PRINTABLE, c) else "\ufffd" for c in text)
    assert shown.isascii()
    assert "\n" not in shown
    assert str(make_header(decode_header(shown))).split() == printable.split()
