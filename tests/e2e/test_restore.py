"""The database is restored to an earlier moment, and the log is not: services stop, and go on together when told to."""

import json
from collections import Counter

import msgspec
import pytest
from e2e_support import oracle
from e2e_support.by_hand import servers
from e2e_support.system import GROUPS
from e2e_support.upstream import line, order, stock

from backorder_contracts.identity import lane
from backorder_dev.services import ROLES
from priority_router.snapshot_watch import GROUP

pytestmark = pytest.mark.stack

PARTS = [f"RESTORED-{n}" for n in range(12)]  # lanes of all partitions
STEP = 5  # units of each line


class Trade:
    """Orders of a line for each part, and what is on hand; it is the same whatever becomes of the database."""

    def __init__(self, system):
        self.system, self.orders, self.version, self.on_hand = system, 0, 0, 0

    async def order(self, count):
        for _ in range(count):
            self.orders += 1
            await self.system.publish("order-placed", order(f"R-{self.orders}", *(line(part, STEP) for part in PARTS)))

    async def stock(self, units):
        self.version, self.on_hand = self.version + 1, self.on_hand + units
        events = [stock(part, self.on_hand, self.version, "received") for part in PARTS]
        await self.system.publish("stock-changed", *events)

    async def check(self):
        """At rest each line is there once; what is on hand is given to lines, once, and what they lack waits."""
        await self.system.until_rest()
        there = await oracle.ledgers(self.system)
        for part in PARTS:
            rows = await self.system.query("SELECT order_id FROM gap_detector.line WHERE lane = $1", lane(part, "W1"))
            assert Counter(row[0] for row in rows) == Counter({f"R-{n + 1}": 1 for n in range(self.orders)})
        given = there["covered"] + there["allocated"] + there["released"]
        assert given == len(PARTS) * min(self.on_hand, self.orders * STEP)
        assert there["waiting"] == len(PARTS) * self.orders * STEP - given
        await self.system.until(self._snapshots, 60, every=0.5)
        return there

    async def _snapshots(self):
        """Whether the last snapshot of each back order is its state."""
        rows = await self.system.query("SELECT back_order_id, state FROM priority_router.back_order")
        known = {row[0]: msgspec.msgpack.decode(row[1])["version"] for row in rows}
        last = {record.key.decode(): record.value for record in await self.system.read("back-order-snapshot")}
        return known == {key: json.loads(value)["version"] for key, value in last.items() if value is not None}


async def test_what_was_published_after_the_restored_moment_is_void_and_each_line_has_one_effect(tmp_path, monkeypatch):
    async with servers(tmp_path) as there:
        trade = Trade(there.system)
        async with there.services():
            await trade.stock(12)
            await trade.order(3)
            await trade.check()
            await trade.order(20)  # some of these are decided before the saved moment, and some are not
        await there.save("saved")
        async with there.services():
            await trade.order(5)
            await trade.stock(31)
            await trade.order(3)
            await trade.stock(44)
            await trade.check()
        await there.restore("saved")
        for module in ROLES:
            code, said = await there.ending(module)
            assert code == 2, said
            (problem,) = [each["problem"] for each in said if "problem" in each]
            assert "is older than what" in problem
            assert "`backorder database restored`" in problem
        for flag, end in (("--dry-run", "nothing was done"), ("--yes", "done; start the services")):
            code, words = await there.command("database", "restored", flag)
            assert (code, words.splitlines()[-1]) == (0, end), words
            assert "gap_detector: void are 1000000000000 numbers of each shard, which stood: 0 at " in words
        await follow_the_new_group(there.system, monkeypatch)
        async with there.services():
            before = await trade.check()
            await trade.order(2)
            after = await trade.check()
            assert after["waiting"] - before["waiting"] == 2 * STEP * len(PARTS), "later shortages open"
            await trade.stock(1_000)
            assert (await trade.check())["waiting"] == 0


async def follow_the_new_group(system, monkeypatch):
    """Snapshots are read again from the first, by another group than before."""
    ((restored,),) = await system.query("SELECT max(since) FROM priority_router.void_number")
    monkeypatch.delitem(GROUPS, GROUP)
    monkeypatch.setitem(GROUPS, f"{GROUP}.{restored:%Y%m%d-%H%M%S}", ("back-order-snapshot",))
