"""What is over leaves the tables in bounded steps, under the fence, and is told once."""

import asyncio
from collections import Counter
from collections.abc import Collection, Coroutine
from datetime import timedelta
from typing import Any, cast

import asyncpg
import pytest
import structlog
from engine_support.bench import Bench
from engine_support.held_rows import check_that_they_wait_for_nobody

from backorder_runtime import retention, store
from backorder_runtime.clock import utc_now
from backorder_runtime.record import Message
from backorder_runtime.retention import Rhythm, Rule
from backorder_runtime.service import Running
from backorder_runtime.settings import RetentionSettings, Settings

DAY = timedelta(days=1)
SHARD_RULE = Rule(
    "old",
    "DELETE FROM old WHERE name IN (SELECT name FROM old WHERE shard = $1 AND at < $2 LIMIT $3) RETURNING name",
    DAY,
    lambda rows: [Message("supply", "P1@W1", "tally.gone", row["name"].encode()) for row in rows],
)


@pytest.fixture
async def old(bench: Bench) -> Bench:
    """A bench with a table of things that are over, and one that is not."""
    await bench.pool.execute("CREATE TABLE old (name text PRIMARY KEY, shard integer, at timestamptz)")
    await bench.pool.execute(
        "INSERT INTO old SELECT 'n' || n, n % $1, now() - interval '2 days' FROM generate_series(1, 250) AS n",
        bench.settings.kafka.partitions,
    )
    await bench.pool.execute("INSERT INTO old VALUES ('young', 0, now())")
    quick = RetentionSettings(step_rows=20, every_seconds=0.05)
    bench.settings = bench.settings.model_copy(update={"retention": quick})
    return bench


@pytest.mark.stack
async def test_everything_that_is_over_goes_and_is_told_once(old: Bench) -> None:
    runner = await old.start(rules=(SHARD_RULE,))

    async def only_young() -> bool:
        return [row["name"] for row in await old.pool.fetch("SELECT name FROM old")] == ["young"]

    await old.until(only_young)
    await old.stop(runner)
    told = Counter(record.value.decode() for record in await old.values("supply"))
    assert told == Counter(f"n{n}" for n in range(1, 251))
    assert await old.pool.fetchval("SELECT count(*) FROM outbox") == 0


@pytest.mark.stack
async def test_a_step_is_bounded_and_an_owner_of_before_removes_nothing(old: Bench) -> None:
    runner = await old.start()
    await old.until(lambda: _now(runner.ready))
    number, shard = next(iter(runner._ours.shards.items()))
    count = "SELECT count(*) FROM old"
    batch, more = await shard.forget(old.pool, (SHARD_RULE,), utc_now(), 3)
    assert batch is not None
    assert (len(batch.entries), more) == (3, True)
    assert await old.pool.fetchval(count) == 248
    async with old.pool.acquire() as conn:
        await store.claim(conn, number, "another", {})
    with pytest.raises(store.Fenced):
        await shard.forget(old.pool, (SHARD_RULE,), utc_now(), 3)
    assert await old.pool.fetchval(count) == 248
    await old.stop(runner, crash=True)


@pytest.mark.stack
async def test_refused_records_are_forgotten_without_waiting_for_anybody(bench: Bench) -> None:
    await bench.pool.execute(
        'INSERT INTO dead_letter (topic, partition, "offset", reason, detail, at) '
        "SELECT 'order-placed', 0, n, 'unreadable', '', now() FROM generate_series(1, 3) AS n"
    )
    rule = retention.dead_letters(RetentionSettings())
    await check_that_they_wait_for_nobody(str(bench.settings.database.url), [rule], utc_now() + rule.after + DAY)
    assert await bench.pool.fetchval("SELECT count(*) FROM dead_letter") == 0


@pytest.mark.stack
async def test_a_rule_that_the_database_refuses_does_not_stop_the_shard(old: Bench) -> None:
    broken = Rule("old", "DELETE FROM nothing WHERE $1 = 0 AND $2 < now() AND $3 = 0", DAY)
    failures, shards = retention.FAILURES._value.get(), old.settings.kafka.partitions
    runner = await old.start(rules=(broken,))
    await old.until(lambda: _now(retention.FAILURES._value.get() >= failures + shards))
    await old.until(lambda: _now(len(runner.owned) == shards))  # each is let go when it is refused, and claimed again
    await old.send(("P1@W1", "word"))
    await old.until(lambda: _counted(old, 1))
    await old.stop(runner)


@pytest.mark.stack
async def test_tables_are_swept_where_shard_0_is_and_counted(old: Bench) -> None:
    await old.pool.execute(
        "INSERT INTO dead_letter SELECT 't', 0, n, 'r', 'd', now() - interval '31 days' FROM generate_series(1, 70) AS n"
    )
    await old.pool.execute("INSERT INTO dead_letter VALUES ('t', 1, 1, 'r', 'd', now())")
    owned: list[tuple[int, ...]] = [(1, 2)]
    answers: list[tuple[int, ...]] = []

    def ours() -> tuple[int, ...]:
        answers.append(owned[0])
        return answers[-1]

    running = Running(old.settings, old.pool, utc_now, ours, cast("Any", None))
    stop, letters = asyncio.Event(), "SELECT count(*) FROM dead_letter"
    task = asyncio.create_task(retention.keep_tables([retention.dead_letters(old.settings.retention)])(running, stop))
    await old.until(lambda: _now(len(answers) > 1))  # so that the first turn is over, whatever it did
    assert await old.pool.fetchval(letters) == 71, "shard 0 is elsewhere"
    owned[0] = (0,)

    async def one_left() -> bool:
        return bool(await old.pool.fetchval(letters) == 1)

    await old.until(one_left)
    await old.until(lambda: _now(("dead_letter",) in retention.RETAINED._metrics))
    stop.set()
    await task


def test_a_shard_comes_again_at_once_while_there_is_more_and_later_when_there_is_not() -> None:
    pace = Rhythm(RetentionSettings(every_seconds=3_600))
    assert pace.due([1, 2]) is None, "nobody begins at once"
    pace.done(2, more=True)
    assert pace.due([1, 2]) == 2
    pace.done(2, more=False)
    assert pace.due([1, 2]) is None
    assert pace.due([]) is None


class PaperPool:
    """Answers statements with as many rows as it `holds` of each, and refuses some."""

    def __init__(self, holds: dict[str, int], refuses: Collection[str] = ()) -> None:
        self.holds, self.refuses = holds, refuses
        self.asked: list[str] = []

    async def fetch(self, statement: str, *given: Any) -> list[Any]:
        self.asked.append(statement)
        if statement in self.refuses:
            raise asyncpg.QueryCanceledError("canceling statement due to statement timeout")
        if not given:
            return [("letters", 7)]
        gone = min(given[1], self.holds[statement])
        self.holds[statement] -= gone
        return [(1,)] * gone


def swept(pool: PaperPool) -> Running:
    quick = RetentionSettings(step_rows=2, every_seconds=3_600)
    return Running(Settings(retention=quick), cast("Any", pool), utc_now, lambda: (0,), cast("Any", None))


ORDERS, STUCK, LETTERS = (Rule(name, name, DAY) for name in ("orders", "stuck", "letters"))


async def test_a_table_that_the_database_refuses_holds_up_no_other() -> None:
    failures = retention.FAILURES._value.get()
    pool = PaperPool({"orders": 3, "stuck": 3, "letters": 3}, refuses=["stuck"])
    with structlog.testing.capture_logs() as logs:
        assert not await retention.forget(swept(pool), (ORDERS, STUCK, LETTERS), asyncio.Event())
    assert pool.asked == ["orders", "orders", "stuck", "letters", "letters"]
    assert pool.holds == {"orders": 0, "stuck": 3, "letters": 0}
    assert [log["table"] for log in logs] == ["stuck"]
    assert retention.FAILURES._value.get() == failures + 1
    assert await retention.forget(swept(pool), (ORDERS, LETTERS), asyncio.Event())


@pytest.mark.parametrize("refused", ["stuck", retention._SQL["count_rows"], "nothing"])
async def test_rows_are_counted_whatever_is_refused_and_what_was_is_tried_again_later(
    refused: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    pool, stop, rests = PaperPool({"stuck": 1}, refuses=[refused]), asyncio.Event(), []

    async def rest(waiting: Coroutine[Any, Any, Any], *, timeout: float) -> None:
        waiting.close()
        rests.append(timeout)
        stop.set()

    monkeypatch.setattr(retention, "first_of", rest)
    await retention.keep_tables([STUCK])(swept(pool), stop)
    assert pool.asked == ["stuck", retention._SQL["count_rows"]]
    assert rests == [3_600 if refused == "nothing" else retention._PATIENCE]


def test_the_dead_letters_outlast_every_topic_by_default() -> None:
    assert retention.dead_letters(Settings().retention).after >= retention.longest_topic(retention.TOPICS)


async def _now(value: bool) -> bool:
    return value


async def _counted(bench: Bench, count: int) -> bool:
    return await bench.counted() == count
