"""State events become notifications, and every notification ends in one outcome: over the real database."""

from datetime import timedelta

import pytest
from msgspec.json import encode

from backorder_contracts.notification import NotificationOutcome
from backorder_contracts.refusal import Reason, Refused
from backorder_runtime.record import Record

_WAITING = "SELECT version FROM notification WHERE status = 'pending' ORDER BY version, channel"


async def test_an_event_waits_for_its_window_and_then_to_be_sent(shard, subscribe, make_record, pool, clock):
    await subscribe()
    assert await shard.feed(make_record()) == []
    row = await pool.fetchrow("SELECT * FROM notification")
    assert (row["status"], row["channel"], row["recipient_id"]) == ("pending", "email", "C-17")
    assert row["due_at"] == clock.now + timedelta(seconds=2)


async def test_both_channels_are_used_when_there_are_both(shard, subscribe, make_record, pool):
    await subscribe(push="https://push.example/t")
    await shard.feed(make_record())
    assert {row[0] for row in await pool.fetch("SELECT channel FROM notification")} == {"email", "push"}


async def test_a_repeated_event_changes_nothing(shard, subscribe, make_record, pool):
    await subscribe()
    await shard.feed(make_record(), make_record())
    await shard.feed(make_record())
    assert await pool.fetchval("SELECT count(*) FROM notification") == 1
    assert shard.published == []


async def test_a_customer_without_contact_is_accounted_for_at_once(shard, make_record, pool):
    [outcome] = await shard.feed(make_record())
    assert (outcome["result"], outcome["reason"], outcome["channel"]) == ("suppressed", "no-contact", "none")
    assert await pool.fetchval("SELECT count(*) FROM notification") == 0


async def test_an_outcome_is_what_the_contract_says(shard, make_record):
    [outcome] = await shard.feed(make_record())
    NotificationOutcome.model_validate_json(encode(outcome))
    assert set(outcome) == set(NotificationOutcome.model_fields)


async def test_the_team_hears_of_a_machine_that_stands_still(shard, make_record, pool):
    await shard.feed(make_record(service_impact="down"))
    assert [tuple(r) for r in await pool.fetch("SELECT audience, recipient_id FROM notification")] == [
        ("team", "parts-desk")
    ]


async def test_a_customer_named_like_the_team_is_not_the_team(shard, make_record):
    [outcome] = await shard.feed(make_record(customer_id="parts-desk"))
    assert outcome["reason"] == "no-contact"


async def test_news_that_nobody_hears_of_leaves_no_trace_but_its_version(shard, subscribe, make_record, pool):
    await subscribe()
    assert await shard.feed(make_record("prioritised", version=2), make_record("something-new", version=3)) == []
    assert await pool.fetchval("SELECT count(*) FROM notification") == 0
    assert await pool.fetchval("SELECT version FROM back_order") == 3


async def test_newer_news_of_a_kind_replaces_what_still_waits(shard, subscribe, make_record, pool):
    await subscribe()
    await shard.feed(make_record("opened"))
    await shard.feed(make_record("promised", version=2, promise=5))
    assert [row[0] for row in await pool.fetch(_WAITING)] == [2]
    [outcome] = await shard.feed()
    assert (outcome["version"], outcome["result"], outcome["reason"]) == (1, "suppressed", "superseded")
    assert await shard.feed() == []


async def test_it_does_so_within_one_batch_too(shard, subscribe, make_record, pool):
    await subscribe()
    await shard.feed(make_record("opened"), make_record("promised", version=2, promise=5))
    assert [row[0] for row in await pool.fetch(_WAITING)] == [2]


async def test_other_lines_other_kinds_and_answers_are_left_alone(shard, subscribe, make_record, pool):
    await subscribe()
    await shard.feed(
        make_record("opened", line="1"),
        make_record("promised", line="2", version=2, promise=5),
        make_record("shipped", line="2", version=3),
        make_record("cancel-refused", line="2", version=4, refused={"units": 1, "reason": "released"}),
    )
    assert [row[0] for row in await pool.fetch(_WAITING)] == [1, 2, 3, 4]


async def test_the_end_replaces_what_waits_but_not_an_answer(shard, subscribe, make_record, pool):
    await subscribe()
    await shard.feed(
        make_record("opened"),
        make_record("cancel-refused", version=2),
        make_record("shipped", version=3),
        make_record("completed", version=4, status="completed"),
    )
    assert [row[0] for row in await pool.fetch(_WAITING)] == [2, 4]
    assert {o["version"] for o in await shard.feed()} == {1, 3}


async def test_an_end_that_is_told_by_mail_replaces_what_waits_to_be_pushed(shard, subscribe, make_record, pool):
    await subscribe(push="https://push.example/t")
    await shard.feed(make_record("opened"), make_record("cancelled", version=2, status="cancelled"))
    rows = await pool.fetch("SELECT channel, version FROM notification WHERE status = 'pending'")
    assert [tuple(row) for row in rows] == [("email", 2)]


async def test_what_a_sender_holds_is_not_replaced(shard, subscribe, make_record, pool):
    await subscribe()
    await shard.feed(make_record("opened"))
    await pool.execute("UPDATE notification SET status = 'leased', message_id = notification_id")
    await shard.feed(make_record("promised", version=2, promise=5))
    assert await pool.fetchval("SELECT status FROM notification WHERE version = 1") == "leased"
    assert await shard.feed() == []


async def test_news_that_is_too_old_is_not_sent(shard, subscribe, make_record, clock, pool):
    await subscribe()
    [outcome] = await shard.feed(make_record(at=clock.now - timedelta(hours=49)))
    assert (outcome["result"], outcome["reason"]) == ("expired", "too-old")
    assert await pool.fetchval("SELECT count(*) FROM notification") == 0


async def test_a_suspended_address_is_no_channel(shard, subscribe, make_record, pool):
    await subscribe()
    await pool.execute("UPDATE contact SET suspended_at = now()")
    [outcome] = await shard.feed(make_record())
    assert (outcome["result"], outcome["reason"]) == ("suppressed", "no-channel")


async def test_push_stands_in_for_mail_that_there_is_not(shard, subscribe, make_record, pool):
    await subscribe(email=None, push="https://push.example/t")
    await shard.feed(make_record("cancelled", version=2))
    assert await pool.fetchval("SELECT channel FROM notification") == "push"


async def test_the_team_moves_with_the_settings(shard, settings, make_record, pool, clock):
    await shard.feed(make_record())
    moved = settings.team.model_copy(update={"email": "night@example.com"})
    other = type(shard)(pool, settings.model_copy(update={"team": moved}), clock)
    await other.feed(make_record(version=2))
    assert await pool.fetchval("SELECT email FROM contact WHERE audience = 'team'") == "night@example.com"


async def test_a_start_lifts_the_suspension_of_the_team(shard, settings, make_record, pool, clock):
    await shard.feed(make_record())
    await pool.execute("UPDATE contact SET hard_bounces = 3, suspended_at = now() WHERE audience = 'team'")
    started_again = type(shard)(pool, settings, clock)
    await started_again.feed(make_record(version=2, service_impact="down"))
    row = await pool.fetchrow("SELECT hard_bounces, suspended_at FROM contact WHERE audience = 'team'")
    assert tuple(row) == (0, None)
    assert await pool.fetchval("SELECT count(*) FROM notification WHERE audience = 'team'") == 1


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"value": None}, Reason.EMPTY),
        ({"value": b"{}"}, Reason.UNREADABLE),
        ({"value": b'{"back_order_id": 1}'}, Reason.UNREADABLE),
        ({"value": b"\xff"}, Reason.UNREADABLE),
        ({"value": b"[" * 100_000}, Reason.UNREADABLE),
        ({"headers": ()}, Reason.BAD_ENVELOPE),
        ({"part_id": "a\x00b"}, Reason.BAD_IDENTIFIER),
        ({"order_id": ""}, Reason.BAD_IDENTIFIER),
        ({"customer_id": "a\nb"}, Reason.BAD_IDENTIFIER),
    ],
)
def test_what_cannot_be_read_is_refused(shard, make_record, change, reason):
    good = make_record(**{name: text for name, text in change.items() if name.endswith("_id")})
    fields = {"value": good.value, "headers": good.headers, **change}
    with pytest.raises(Refused) as refused:
        shard.handler.decode(Record("back-order-state", 0, 0, None, fields["value"], fields["headers"]))
    assert refused.value.reason == reason


def test_a_time_that_is_none_is_refused(shard, make_record):
    good = make_record()
    headers = tuple((name, b"soon" if name == "ce_time" else value) for name, value in good.headers)
    with pytest.raises(Refused):
        shard.handler.decode(Record("back-order-state", 0, 0, None, good.value, headers))
