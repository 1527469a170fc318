"""`backorder explain`: why a back order stands where it stands, printed for a person."""

import json
import sys
from typing import Annotated, Any, NoReturn
from urllib.parse import quote

from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from rich.text import Text

from backorder_runtime.local_settings import NoSystem, service_url
from priority_router.asking import ROUTER, RouterUrl, ask
from priority_router.explain import count_of

_NOT_FOUND = 404
_OK = 200


def explain(
    back_order_id: str,
    *,
    router: RouterUrl = None,
    as_json: Annotated[bool, Parameter(name="--json", negative=())] = False,
) -> None:
    """Print where a back order stands in its queue, what would help, and every decision about its units.

    Args:
        back_order_id: The back order, as events and mails name it.
        router: Where a priority-router answers, such as http://host:8080.
        as_json: Print what the router answers, for programs.
    """
    try:
        where = router or service_url(ROUTER)
        if where is None:
            _fail("no router: set BACKORDER_ROUTER_URL, or start a local run here")
        status, found = ask(where, f"/back-orders/{quote(back_order_id, safe='')}/explain")
    except (NoSystem, ValueError) as problem:
        _fail(str(problem))
    if status == _NOT_FOUND:
        _fail(f"no back order {back_order_id} is known")
    if status != _OK:
        _fail(f"{where} does not answer" if not status else f"{where} answers with status {status}")
    if as_json:
        sys.stdout.write(json.dumps(found, indent=2, ensure_ascii=False) + "\n")
    else:
        show(found, Console(highlight=False, emoji=False))


def show(found: dict[str, Any], console: Console) -> None:
    """The answer of the router as text; other back orders are named by order and line."""
    order = found["back_order"]
    console.print(Text(f"{_name(order)}, back order {order['back_order_id']}", style="bold"))
    console.print(
        f"customer {order['customer_id']}, lane {order['lane']}, band {order['band'] or '-'}, status {order['status']}",
        markup=False,
    )
    console.print(_units(order), markup=False)
    console.print(f"due {_when(order['due_at'])}{_late(order)}; {_promise(order)}", markup=False)
    if found["place"] is not None:
        _show_place(found["place"], order, console)
    if found["next"] is not None:
        _show_next(found["next"], console)
    names = {key: _name(other) for key, other in found["others"].items()}
    _show_decisions(found["decisions"], names, console)
    for key, other in found["others"].items():
        console.print(
            f"{names[key]}: {key}, customer {other['customer_id']}, band {other['band'] or '-'}", markup=False
        )


def _name(line: dict[str, Any]) -> str:
    return f"order {line['order_id']} line {line['line_id']}"


def _units(order: dict[str, Any]) -> str:
    names = ("back_ordered", "waiting", "allocated", "released", "shipped", "cancelled")
    said = [f"{order[name]} {name.replace('_', '-')}" for name in names if order[name] or name == "waiting"]
    if order["rerouted_to"]:
        said.append(f"went on to {order['rerouted_to']}")
    if order["rerouted_from"]:
        said.append(f"came from {order['rerouted_from']}")
    return ", ".join(said)


def _late(order: dict[str, Any]) -> str:
    return " (breached)" if order["breached"] else " (at risk)" if order["at_risk"] else ""


def _promise(order: dict[str, Any]) -> str:
    promise = order["promise"]
    if promise is None:
        return "nothing is promised" if order["first_promise"] is None else "the promise was withdrawn"
    revised = (
        f", first {_when(order['first_promise'])}, moved {_times(order['revisions'])}" if order["revisions"] else ""
    )
    worse = f", made worse by others {_times(order['worsened'])}" if order["worsened"] else ""
    if order["closed_at"] is not None:
        return f"was promised {_when(promise['p50'])}{revised}{worse}"
    kept = ", protected from now on" if order["protected"] else ""
    return f"promised {_when(promise['p50'])} (cautious: {_when(promise['p90'])}){revised}{worse}{kept}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _show_place(place: dict[str, Any], order: dict[str, Any], console: Console) -> None:
    rank = f"place {order['rank']}" if order["rank"] else "no place"
    lines = "1 line" if place["lines_ahead"] == 1 else f"{place['lines_ahead']} lines"
    console.print(f"\n{rank} in the line: {lines} with {count_of(place['units_ahead'])} before it")
    for line in place["nearest_ahead"]:
        console.print(
            f"  before it: {_name(line)} ({line['customer_id']}), band {line['band']}, "
            f"due {_when(line['due_at'])}, waits for {line['waiting']}",
            markup=False,
        )


def _show_next(following: dict[str, Any], console: Console) -> None:
    console.print(f"\nNow: {following['detail']}", markup=False)
    dates = ""
    if following.get("p50"):
        dates = f" Expected {_when(following['p50'])} (cautious: {_when(following['p90'])})."
    console.print(f"What helps: {following['helps']}{dates}", markup=False)


def _show_decisions(decisions: list[dict[str, Any]], names: dict[str, str], console: Console) -> None:
    console.print("\nDecisions, times in UTC" if decisions else "\nNo decision about its units yet.")
    table = Table(box=None, show_header=False, pad_edge=False, padding=(0, 2, 0, 0))
    for column in ("version", "when"):
        table.add_column(column, no_wrap=True, justify="right" if column == "version" else "left")
    table.add_column("what and why", overflow="fold")
    for decision in decisions:
        said = Text(_renamed(decision["said"], names))
        for where, side in (("Just before it waited", "ahead"), ("Just behind it", "behind")):
            if decision[side]:
                around = [
                    f"{names.get(n['back_order_id'], n['back_order_id'])} ({count_of(n['waiting'])})"
                    for n in decision[side]
                ]
                said.append(f" {where}: {', '.join(around)}.", style="dim")
        said.append(f"\nbecause of {decision['cause']['type']} {decision['cause']['id']}", style="dim")
        table.add_row(f"v{decision['version']}", _when(decision["at"], seconds=True), said)
    if decisions:
        console.print(table)
        console.print()


def _renamed(said: str, names: dict[str, str]) -> str:
    for key, name in names.items():
        said = said.replace(key, name)
    return said


def _when(time: str | None, *, seconds: bool = False) -> str:
    """A time to the minute (or second); the router says all of them in UTC."""
    return "-" if time is None else time[: 19 if seconds else 16].replace("T", " ")


def _fail(text: str) -> NoReturn:
    sys.stderr.write(f"backorder explain: {text}\n")
    raise SystemExit(1)
