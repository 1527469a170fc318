"""Both ledgers are read side by side, lane after lane, with the auditor's own role."""

from datetime import timedelta
from types import SimpleNamespace

import asyncpg
import msgspec
import pytest
from audit_books import EVER, NOW

from auditor.domain.identities import Identity
from auditor.domain.report import Report
from auditor.flight import Flight
from auditor.reading import compare

ZOO = ("Ä@W1", "P@W1", "P1@W1", "P%40@W1", "p@W1", "P@w1", "日本@W1")


async def report_of(ledgers, flight=None, ended_since=EVER, *, gently=False):
    report = Report(NOW)
    async with ledgers.reader.transaction(isolation="repeatable_read", readonly=True):
        await compare(ledgers.reader, flight or Flight(), ended_since, report, gently=gently)
    return report


def told(report):
    return {drift.lane: {finding.identity for finding in drift.findings} for drift in report.drifts}


async def test_the_role_may_read_the_ledgers_and_write_nothing(ledgers):
    assert await ledgers.reader.fetch("SELECT * FROM gap_detector.lane") == []
    with pytest.raises(asyncpg.ReadOnlySQLTransactionError):
        await ledgers.reader.execute("DELETE FROM gap_detector.lane")
    await ledgers.reader.execute("SET default_transaction_read_only = off")
    for statement in ("DELETE FROM gap_detector.lane", "CREATE TABLE priority_router.mine ()", "CREATE SCHEMA mine"):
        with pytest.raises(asyncpg.InsufficientPrivilegeError):
            await ledgers.reader.execute(statement)


async def test_lanes_that_agree_are_counted_and_nothing_is_said(ledgers):
    for lane in ZOO:
        await ledgers.waiting(lane)
    report = await report_of(ledgers)
    assert (report.checked, report.lines, report.drifting, report.in_flight) == (len(ZOO), len(ZOO), 0, 0)


async def test_who_reads_gently_reads_the_same_and_rests_for_a_quarter_of_what_each_portion_took(ledgers, monkeypatch):
    rests, now = [], [100.0]
    for lane in ZOO:
        await ledgers.waiting(lane)
    at_once = await report_of(ledgers)

    async def sleep(seconds):
        rests.append(seconds)

    def monotonic():
        now[0] += 1
        return now[0]

    monkeypatch.setattr("auditor.reading._AT_ONCE", 2)
    monkeypatch.setattr("auditor.reading.asyncio", SimpleNamespace(sleep=sleep))
    monkeypatch.setattr("auditor.reading.time", SimpleNamespace(monotonic=monotonic))
    gently = await report_of(ledgers, gently=True)
    assert (gently.checked, gently.lines, gently.drifting) == (at_once.checked, at_once.lines, 0)
    assert len(rests) >= len(ZOO), "two streams, in portions of two"
    assert set(rests) == {0.25}


async def test_the_lines_of_a_lane_are_summed_up_over_all_pages_that_they_lie_in(ledgers, monkeypatch):
    monkeypatch.setattr("auditor.reading._PAGES", 1)
    orders = 90
    await ledgers.lane("A@W1", on_hand=3 * orders, covered=3 * orders)
    await ledgers.lane("B@W1", on_hand=orders, covered=orders)
    for number in range(orders):
        await ledgers.line("A@W1", f"A-{number}", covered=3)
        await ledgers.line("B@W1", f"B-{number}", covered=1)
    assert await ledgers.reader.fetchval("SELECT pg_relation_size('gap_detector.line') / 8192") > 3
    assert told(await report_of(ledgers)) == {}
    await ledgers.admin.execute("UPDATE gap_detector.line SET covered = -1 WHERE order_id IN ('A-0', 'B-89')")
    assert told(await report_of(ledgers)) == {
        "A@W1": {Identity.COVER, Identity.NOT_NEGATIVE},
        "B@W1": {Identity.COVER, Identity.NOT_NEGATIVE},
    }


async def test_exactly_the_lane_that_was_tampered_with_is_named(ledgers):
    for lane in ZOO:
        await ledgers.waiting(lane)
    await ledgers.admin.execute("UPDATE gap_detector.lane SET covered = 2, on_hand = 4 WHERE lane = 'P@W1'")
    await ledgers.admin.execute("UPDATE gap_detector.line SET need = 4 WHERE lane = '日本@W1' AND need > 0")
    await ledgers.admin.execute("UPDATE priority_router.back_order SET waiting = 9 WHERE lane = 'p@W1'")
    report = await report_of(ledgers)
    assert told(report) == {
        "P@W1": {Identity.COVER},
        "日本@W1": {Identity.LINE_NEED},
        "p@W1": {Identity.PARTS},
    }
    by_lane = {drift.lane: drift.findings[0] for drift in report.drifts}
    assert by_lane["P@W1"].involved == ("order P@W1-covered line 1",)
    assert by_lane["日本@W1"].involved == ("BO-日本@W1-short",)


async def test_what_only_one_side_has_is_compared_with_nothing(ledgers):
    await ledgers.line("NOLANE@W1", "O-1", covered=1)
    await ledgers.back_order("NOLEDGER@W1", "O-2", back_ordered=1, counted=1)
    await ledgers.waiting("BOTH@W1")
    await ledgers.admin.execute("DELETE FROM priority_router.lane_queue WHERE lane = 'BOTH@W1'")
    report = await report_of(ledgers)
    assert told(report) == {
        "NOLANE@W1": {Identity.COVER},
        "NOLEDGER@W1": {Identity.LINE_NEED, Identity.LINE_COUNT, Identity.COUNT_IN_QUEUE},
    }
    assert report.checked == 3


async def test_lanes_with_messages_under_way_or_unsettled_queues_are_left_out(ledgers):
    for number, lane in enumerate(ZOO):
        await ledgers.waiting(lane, shard=number)
    await ledgers.lane("HALF@W1", on_hand=9, handed=9, idle=9, unsettled=ledgers.cause())
    await ledgers.admin.execute("UPDATE gap_detector.lane SET needed = 7")
    report = await report_of(ledgers, Flight({"P@W1", "elsewhere@W1"}, {0}))
    assert told(report).keys() == set(ZOO) - {"P@W1", ZOO[0]}
    assert report.in_flight == 3


async def test_back_orders_that_ended_are_looked_at_as_far_back_as_asked(ledgers):
    await ledgers.lane("ENDED@W1")
    done = {"back_ordered": 2, "shipped": 2}
    await ledgers.back_order("ENDED@W1", "O-1", closed_at=NOW - timedelta(days=2), **done, counted=1)
    await ledgers.back_order("ENDED@W1", "O-2", closed_at=NOW, **done)
    assert told(await report_of(ledgers)) == {"ENDED@W1": {Identity.LINE_COUNT, Identity.COUNT_IN_QUEUE}}
    report = await report_of(ledgers, ended_since=NOW - timedelta(days=1))
    assert (told(report), report.lines) == ({}, 1)


async def test_units_that_are_owed_are_reported_as_debt(ledgers):
    await ledgers.lane("DEBT@W1", on_hand=1, handed=1, needed=2, idle=-2)
    await ledgers.line("DEBT@W1", "O-1", need=3, counted=3)
    await ledgers.back_order("DEBT@W1", "O-1", back_ordered=3, released=3, counted=3)
    report = await report_of(ledgers)
    assert (report.drifting, report.owing, report.debts[0].units) == (0, 1, 2)


async def test_a_state_that_is_not_what_we_know_stops_the_audit(ledgers):
    await ledgers.waiting("P@W1")
    await ledgers.admin.execute("UPDATE priority_router.back_order SET state = $1", msgspec.msgpack.encode({"x": 1}))
    with pytest.raises(msgspec.DecodeError, match="back_ordered"):
        await report_of(ledgers)
