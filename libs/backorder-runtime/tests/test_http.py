"""What probes and Prometheus are told of a process, and that they are told at all while the database does not answer."""

import asyncio

import httpx

from backorder_runtime import database, http


async def asked(path, **problems):
    """The answer of a process of which the checks find these problems."""

    def check(problem):
        async def say():
            return problem

        return say

    app = http.application(lambda: True, {name: check(problem) for name, problem in problems.items()})
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://process") as client:
        return await client.get(path)


async def test_it_is_ready_when_no_check_finds_a_problem():
    answer = await asked("/readyz", database=None, broker=None)
    assert (answer.status_code, answer.json()["ready"]) == (200, True)


async def test_what_keeps_it_from_working_is_named():
    answer = await asked("/readyz", database=None, broker="joining the consumer group, claiming shards")
    assert (answer.status_code, answer.json()["ready"]) == (503, False)
    assert answer.json()["checks"]["broker"] == {
        "ok": False,
        "critical": True,
        "detail": "joining the consumer group, claiming shards",
    }
    assert answer.json()["checks"]["database"]["ok"]


async def test_prometheus_is_told_the_same():
    for problem, value in (("the database is away", "0.0"), (None, "1.0")):
        answer = await asked("/metrics", database=problem, broker=None)
        assert f"backorder_ready {value}" in answer.text.splitlines()


async def test_a_database_that_does_not_even_let_us_in_is_a_problem_soon(monkeypatch):
    class Away:
        async def fetchval(self, *_):
            await asyncio.Event().wait()

    monkeypatch.setattr(database, "_PROBE", 0.01)
    assert "TimeoutError" in await database.check(Away())
