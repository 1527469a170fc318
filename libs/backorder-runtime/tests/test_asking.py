"""What the handlers of several shards ask of the database is asked once, and each gets its own answer."""

import pytest
from asyncpg import UniqueViolationError
from hypothesis import given
from hypothesis import strategies as st

from backorder_runtime.asking import Breath, Copy, Read, Statement, Write, together
from backorder_runtime.store import Outdated

FIRST, SECOND = Statement("first", 0, {}), Statement("second", 1, {2: "+".join})


class Database:
    """Answers every read with one row for each that was asked; keeps what was said."""

    def __init__(self, answer="INSERT 0 0"):
        self.said = []
        self.answer = answer

    async def fetch(self, text, shards, *columns):
        self.said.append((text, shards, *columns))
        return [(shard, *row) for shard, *row in zip(shards, *columns, strict=True)]

    async def execute(self, text, *parameters):
        self.said.append((text, *parameters))
        return self.answer

    async def copy_records_to_table(self, table, *, records, columns):
        self.said.append((table, records, columns))


async def test_shards_that_wait_for_the_same_statement_ask_it_once_and_each_gets_its_rows():
    found, database = {}, Database()

    def asking(shard, *names):
        found[shard] = yield Read(FIRST, (names,))

    await together(database, {7: asking(7, "a", "b"), 9: asking(9, "c")})
    assert database.said == [("first", [7, 7, 9], ["a", "b", "c"])]
    assert found == {7: [(7, "a"), (7, "b")], 9: [(9, "c")]}


async def test_a_shard_that_needs_fewer_statements_waits_for_the_others_before_it_goes_on():
    database = Database()

    def both():
        yield Read(FIRST, (("a",),))
        yield Write(SECOND, (("b",),))

    def only_the_second():
        yield Write(SECOND, (("c",),))

    await together(database, {1: only_the_second(), 2: both()})
    assert database.said == [("first", [2], ["a"]), ("second", [1, 2], "c+b")]


@given(st.lists(st.lists(st.sampled_from(range(6)), unique=True).map(sorted), min_size=1, max_size=5))
async def test_no_statement_is_asked_twice_when_all_ask_in_the_order_of_the_file(plans):
    statements = [Statement(str(n), n, {}) for n in range(6)]
    answers, database = {}, Database()

    def asking(shard, plan):
        answers[shard] = []
        for n in plan:
            answers[shard] += yield Read(statements[n], ((f"{shard}/{n}",),))

    await together(database, {shard: asking(shard, plan) for shard, plan in enumerate(plans)})
    assert [said[0] for said in database.said] == sorted({str(n) for plan in plans for n in plan})
    assert answers == {shard: [(shard, f"{shard}/{n}") for n in plan] for shard, plan in enumerate(plans)}


async def test_who_takes_a_breath_loses_nothing():
    found = []

    def asking():
        yield Breath()
        found.extend((yield Read(FIRST, (("a",),))))

    await together(Database(), {3: asking()})
    assert found == [(3, "a")]


async def test_rows_that_all_must_be_new_and_are_not_are_outdated():
    def asking():
        yield Write(FIRST, (("a", "b"),), "somebody was faster")

    await together(Database("INSERT 0 2"), {0: asking()})
    with pytest.raises(Outdated, match="somebody was faster"):
        await together(Database("INSERT 0 1"), {0: asking()})


async def test_a_copied_row_that_is_there_already_is_outdated():
    class Full(Database):
        async def copy_records_to_table(self, table, *, records, columns):
            raise UniqueViolationError("there is one")

    def asking():
        yield Copy(0, "line", ("order_id", "line_id"), [("A", "1")], "somebody was faster")

    with pytest.raises(Outdated, match="somebody was faster"):
        await together(Full(), {0: asking()})


async def test_copied_rows_of_all_shards_go_in_in_one_order():
    database = Database()

    def asking(*rows):
        yield Copy(0, "line", ("order_id", "line_id"), rows, "outdated")

    await together(database, {0: asking(("B", "1"), ("C", "1")), 1: asking(("A", "2"), ("B", "0"))})
    assert database.said == [
        ("line", [("A", "2"), ("B", "0"), ("B", "1"), ("C", "1")], ("order_id", "line_id")),
    ]


async def test_numbers_that_no_row_of_a_batch_has_are_not_copied_and_0_where_another_row_has_them():
    database = Database()

    def asking(*rows):
        yield Copy(0, "line", ("order_id", "line_id", "shipped", "away"), rows, "outdated")

    await together(database, {0: asking(("B", "1")), 1: asking(("A", "2"))})
    await together(database, {0: asking(("B", "1")), 1: asking(("A", "2", 7))})
    assert database.said == [
        ("line", [("A", "2"), ("B", "1")], ("order_id", "line_id")),
        ("line", [("A", "2", 7), ("B", "1", 0)], ("order_id", "line_id", "shipped")),
    ]
