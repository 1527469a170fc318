"""The auditor of the running system: it names what was tampered with, and raises no false alarm."""

import json
import os
import re
import signal
import urllib.request

import pytest
from e2e_support.command_line import backorder
from e2e_support.upstream import line, order, stock

from backorder_contracts import identity

pytestmark = pytest.mark.stack


def bo(order_id, part, line_id="1"):
    return identity.back_order_id(order_id, line_id, part, "W1")


async def test_the_auditor_runs_and_says_when_it_looked_last(system):
    await system.publish("order-placed", order("A-1", line("AUDIT", 5)))
    await system.publish("stock-changed", stock("AUDIT", 2, 1))
    await system.until_rest()
    url = system.endpoints.services["auditor"]["metrics"]
    with urllib.request.urlopen(url, timeout=20) as answer:  # noqa: S310, ASYNC210
        found = dict(re.findall(r"^(backorder_audit_\w+) (\S+)$", answer.read().decode(), re.MULTILINE))
    assert float(found["backorder_audit_last_success_timestamp_seconds"]) > 0
    assert float(found["backorder_audit_drifting_lanes"]) == 0


async def test_rows_that_were_tampered_with_are_reported_and_no_other_lane_is(system):
    await system.publish("order-placed", *(order(f"T-{n}", line(f"TAMPER{n}", 4)) for n in range(5)))
    await system.until_rest()  # so that the stock is handed to the back orders, not covering the lines
    await system.publish("stock-changed", *(stock(f"TAMPER{n}", 3, 1) for n in range(5)))
    await system.until_rest()
    assert (await system.audit()).checked >= 5
    code, said = await backorder(system, "audit")
    assert (code, said.splitlines()[-1]) == (0, "no drift"), said
    assert "left out because messages were under way" in said

    await system.query(
        "UPDATE gap_detector.lane SET handed = handed - 1, needed = needed + 1 WHERE lane = 'TAMPER2@W1'"
    )
    code, said = await backorder(system, "audit", "--json")
    assert code == 1, said
    [drift] = json.loads(said)["drifts"]
    assert drift["lane"] == "TAMPER2@W1"
    assert {each["identity"] for each in drift["findings"]} >= {"P = U + A"}
    assert [bo("T-2", "TAMPER2")] in [each["involved"] for each in drift["findings"]]
    await system.query("UPDATE gap_detector.line SET need = need + 1 WHERE lane = 'TAMPER4@W1'")
    code, said = await backorder(system, "audit", "--watch", "0.1")
    assert code == 1
    assert "2 lanes drift" in said
    assert "a line needs the same in both ledgers" in said
    assert bo("T-4", "TAMPER4") in said

    await system.query(
        "UPDATE gap_detector.lane SET handed = handed + 1, needed = needed - 1 WHERE lane = 'TAMPER2@W1'"
    )
    await system.query("UPDATE gap_detector.line SET need = need - 1 WHERE lane = 'TAMPER4@W1'")
    await system.audit()


async def test_messages_under_way_raise_no_alarm(system):
    """The router stands still: what the ledger hands to the queue stays under way."""
    await system.publish("order-placed", *(order(f"F-{n}", line(f"FLIGHT{n}", 4)) for n in range(6)))
    await system.until_rest()
    before = await system.audit()
    router = system.endpoints.services["priority-router"]["pid"]
    os.kill(router, signal.SIGSTOP)
    try:
        await system.publish("stock-changed", *(stock(f"FLIGHT{n}", 3, 1) for n in range(6)))
        await system.publish("order-placed", order("F-NEW", line("FLIGHTNEW", 2)))

        async def all_under_way():
            report = await system.audit()
            return report.in_flight == 7

        await system.until(all_under_way, every=0.02)
        assert (await system.audit()).checked == before.checked - 6
        handed = await system.query("SELECT count(*) FROM gap_detector.lane WHERE lane LIKE 'FLIGHT%' AND handed = 3")
        assert handed[0][0] == 6, "the ledgers do differ"
    finally:
        os.kill(router, signal.SIGCONT)
    await system.until_rest()
    after = await system.audit()
    assert (after.checked, after.in_flight) == (before.checked + 1, 0)


async def test_a_lane_is_judged_all_the_time_while_the_system_works(system):
    for n in range(60):
        await system.publish("order-placed", order(f"W-{n}", line(f"WORK{n % 7}", 3)))
        await system.publish("stock-changed", stock(f"WORK{n % 7}", n, n + 1))
        await system.audit()
    await system.until_rest()
