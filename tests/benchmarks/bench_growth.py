"""How the figures of the whole system change with the number of lanes, and with the number of open back orders.

Run: python tests/benchmarks/bench_growth.py [--lanes 1000 20000 200000] [--open 10000 100000 1000000] [--json FILE]
"""

import argparse
import asyncio
import json
from collections.abc import Iterator, Sequence
from itertools import count, islice
from pathlib import Path
from typing import Any

import trade
from at_rest import until_rest
from bench_system import latency, ledger_step, whole_way
from measured import measured
from meters import memory_mb
from subscriber import Subscriber
from systems import System, stocked_ledger, stocked_system

_RATE = 500  # lines a second, at which the answer is timed
_SECONDS = 20
_DRAIN = 60_000  # lines
_LANES = 20_000
_AT_ONCE = 50_000  # lines that are published before the subscriber has seen them


def short_orders(lanes: int) -> Iterator[trade.Order]:
    """Orders all of whose lines are short, spread evenly over the lanes without stock."""
    parts = [part for part in range(lanes) if trade.is_short(part)]
    for number in count(10_000_000):
        start = number * trade.LINES
        yield trade.Order(number, tuple(parts[(start + n) % len(parts)] for n in range(trade.LINES)))


async def by_lanes(sizes: Sequence[int]) -> list[dict[str, Any]]:
    """The ledger step, which keeps its lanes in memory, and the whole way in a system of its own."""
    found = []
    for lanes in sizes:
        async with stocked_ledger(lanes) as system:
            step = await ledger_step(system, trade.orders(lanes, 1), _DRAIN)
        async with stocked_system(lanes) as (system, subscriber):
            source = trade.orders(lanes, 2)
            await latency(system, subscriber, source, _RATE, _SECONDS)  # warms up
            found.append({"lanes": lanes} | step | {"whole": await _whole(system, subscriber, source)})
        print(json.dumps(found[-1]), flush=True)
    return found


async def by_open_back_orders(sizes: Sequence[int]) -> list[dict[str, Any]]:
    """The whole way beside so many back orders that wait, and then, beside these and its own, the ledger step."""
    found = []
    async with stocked_system(_LANES) as (system, subscriber):
        source, waiting = trade.orders(_LANES, 3), short_orders(_LANES)
        for size in sizes:
            await _open(system, subscriber, waiting, size - subscriber.opened)
            whole = await _whole(system, subscriber, source)
            found.append({"open": size, **whole, "ledger": await _step_beside_others(system, subscriber, source)})
            print(json.dumps(found[-1]), flush=True)
    return found


async def _whole(system: System, subscriber: Subscriber, source: Iterator[trade.Order]) -> dict[str, Any]:
    """What is drained, how long an answer takes, and what is held in the end."""
    drained = await whole_way(system, subscriber, source, _DRAIN)
    answered = await latency(system, subscriber, source, _RATE, _SECONDS)
    return {"memory_mb": memory_mb(system.pids), "drain": drained, "latency": answered}


async def _step_beside_others(system: System, subscriber: Subscriber, source: Iterator[trade.Order]) -> dict[str, Any]:
    """The ledger step of a ledger that the whole way has filled; the other services stand still, and catch up later."""
    orders = list(islice(source, _DRAIN // trade.LINES))
    goal = subscriber.opened + sum(len(order.short) for order in orders)
    await until_rest(system)
    with system.only("gap-detector"):
        step = await ledger_step(system, iter(orders), _DRAIN, ["counts"])
    while subscriber.opened < goal:
        await asyncio.sleep(0.05)
    await until_rest(system)
    return step


async def _open(system: System, subscriber: Subscriber, waiting: Iterator[trade.Order], lines: int) -> None:
    while lines > 0:
        some = min(lines, _AT_ONCE)
        orders = [next(waiting) for _ in range(-(-some // trade.LINES))]
        goal = subscriber.opened + len(orders) * trade.LINES
        await system.publisher.publish([order.wire() for order in orders])
        while subscriber.opened < goal:
            await asyncio.sleep(0.05)
        lines -= some
    await system.until("SELECT count(*) FROM priority_router.back_order WHERE closed_at IS NULL", subscriber.opened)


async def measure(lanes: Sequence[int], waiting: Sequence[int]) -> dict[str, Any]:
    """Both series."""
    return {**measured(), "by_lanes": await by_lanes(lanes), "by_open": await by_open_back_orders(waiting)}


def main() -> None:
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--lanes", type=int, nargs="*", default=[1_000, 20_000, 200_000])
    options.add_argument("--open", type=int, nargs="*", default=[10_000, 100_000, 1_000_000])
    options.add_argument("--json", type=Path)
    chosen = options.parse_args()
    report = asyncio.run(measure(chosen.lanes, chosen.open))
    if chosen.json:
        chosen.json.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
