"""What is given up, counted and forgotten from time to time."""

from datetime import timedelta

from engine_support.held_rows import check_that_they_wait_for_nobody

from notifier import metrics, retention
from notifier.domain.model import Channel
from notifier.housekeeping import tidy
from notifier.settings import NotifySettings
from notifier.store import MessageStore


async def test_what_waited_too_long_expires_and_is_accounted_for(shard, subscribe, make_record, pool, clock):
    await subscribe()
    await shard.feed(make_record())
    await tidy(pool, clock.forward(hours=47))
    assert await shard.feed() == []
    await tidy(pool, clock.forward(hours=1))
    [outcome] = await shard.feed()
    assert (outcome["result"], outcome["reason"], outcome["attempts"]) == ("expired", "too-old", 0)


async def test_the_backlog_is_counted(shard, subscribe, make_record, pool, clock):
    await subscribe()
    await shard.feed(make_record(line="1"), make_record(line="2"))
    await tidy(pool, clock.forward(seconds=60))
    assert metrics.PENDING.labels("email")._value.get() == 2
    assert metrics.OLDEST.labels("email")._value.get() == 60
    assert metrics.PENDING.labels("push")._value.get() == 0


async def test_old_notifications_are_forgotten_once_they_are_told(shard, subscribe, make_record, pool, clock, forget):
    await subscribe()
    await shard.feed(make_record("opened"), make_record("promised", version=2, promise=3))
    await tidy(pool, clock.forward(days=100))
    await forget(pool, clock.forward(days=100))
    assert await pool.fetchval("SELECT count(*) FROM notification") == 2
    assert len(await shard.feed()) == 2
    await forget(pool, clock.forward(days=91))
    assert await pool.fetchval("SELECT count(*) FROM notification") == 0


async def test_closed_back_orders_are_forgotten_and_open_ones_kept(shard, make_record, pool, clock, forget):
    await shard.feed(make_record("completed", line="1", status="completed"), make_record("opened", line="2", version=1))
    await pool.execute("INSERT INTO told VALUES ('customer', 'C-17', 'email', 'BO-1', 1, NULL, NULL, now())")
    await forget(pool, clock.forward(days=91))
    assert [row[0] for row in await pool.fetch("SELECT back_order_id FROM back_order")] == ["BO-2"]
    assert await pool.fetchval("SELECT count(*) FROM told") == 0


async def test_a_wait_without_news_is_forgotten(shard, subscribe, make_record, pool, clock, forget):
    await subscribe()
    await shard.feed(make_record())
    store = MessageStore(pool, Channel.EMAIL)
    [message] = await store.lease(clock.forward(seconds=2), timedelta(seconds=60), 1, 1)
    await store.wait(message, clock.forward(seconds=30))
    await forget(pool, clock.forward(seconds=1))
    assert await pool.fetchval("SELECT count(*) FROM message") == 1
    await pool.execute("UPDATE notification SET status = 'suppressed', finished_at = now()")
    await forget(pool, clock.forward(seconds=1))
    assert await pool.fetchval("SELECT count(*) FROM message") == 0


async def test_a_rule_of_tables_waits_for_nobody(shard, subscribe, make_record, pool, schema, clock):
    await subscribe()
    await shard.feed(make_record(line="1"), make_record("completed", line="2", status="completed"))
    store = MessageStore(pool, Channel.EMAIL)
    [message] = await store.lease(clock.forward(seconds=2), timedelta(seconds=60), 1, 1)
    await store.wait(message, clock.forward(seconds=1))
    await pool.execute("UPDATE notification SET status = 'suppressed', finished_at = $1", clock())
    await pool.execute("DELETE FROM timer")
    await check_that_they_wait_for_nobody(schema, retention.table_rules(NotifySettings()), clock.forward(days=91))


async def test_a_step_of_a_rule_takes_no_more_rows_than_it_may(shard, subscribe, make_record, pool, clock):
    await subscribe()
    await shard.feed(*(make_record(line=line, order_id=f"SO-{line}") for line in "123"))
    store = MessageStore(pool, Channel.EMAIL)
    for message in await store.lease(clock.forward(seconds=2), timedelta(seconds=60), 3, 1):
        await store.wait(message, clock.forward(seconds=1))
    await pool.execute("UPDATE notification SET status = 'suppressed', finished_at = $1", clock())
    await pool.execute("UPDATE back_order SET closed_at = $1", clock())
    await pool.execute("DELETE FROM timer")
    rules, later = retention.table_rules(NotifySettings()), clock.forward(days=91)
    gone = {rule.table: [len(await pool.fetch(rule.statement, later, 2)) for _ in range(3)] for rule in rules}
    assert gone == {key: [2, 1, 0] for key in ("notification", "message", "back_order")}
