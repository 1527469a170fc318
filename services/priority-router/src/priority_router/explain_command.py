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
        show(found, Console(highlight=False))


def show(found: dict[str, Any], console: Console) -> None:
    """The answer of the router as text."""
    order = found["back_order"]
    console.print(Text(f"{order['back_order_id']}  order {order['order_id']} line {order['line_id']}", style="bold"))
    console.print(
        f"customer {order['customer_id']}, lane {order['lane']}, band {order['band'] or '-'}, status {order['status']}",
        markup=False,
    )
    console.print(_units(order))
    console.print(f"due {_when(order['due_at'])}, promised {_promise(order)}", markup=False)
    if found["place"] is not None:
        _show_place(found["place"], order, console)
    if found["next"] is not None:
        _show_next(found["next"], console)
    _show_decisions(found["decisions"], console)


def _units(order: dict[str, Any]) -> str:
    names = ("back_ordered", "waiting", "allocated", "released", "shipped", "cancelled")
    return ", ".join(f"{order[name]} {name.replace('_', '-')}" for name in names if order[name] or name == "waiting")


def _promise(order: dict[str, Any]) -> str:
    promise = order["promise"]
    if promise is None:
        return "nothing yet"
    revised = (
        f", moved {_times(order['revisions'])} since {_when(order['first_promise'])}" if order["revisions"] else ""
    )
    worse = f", made worse by others {_times(order['worsened'])}" if order["worsened"] else ""
    kept = ", protected from now on" if order["protected"] else ""
    return f"{_when(promise['p50'])} (cautious: {_when(promise['p90'])}){revised}{worse}{kept}"


def _times(count: int) -> str:
    return "once" if count == 1 else f"{count} times"


def _show_place(place: dict[str, Any], order: dict[str, Any], console: Console) -> None:
    rank = f"place {order['rank']}" if order["rank"] else "no place"
    console.print(f"\n{rank} in the line: {place['lines_ahead']} lines with {place['units_ahead']} units before it")
    for line in place["nearest_ahead"]:
        console.print(
            f"  before it: {line['back_order_id']} ({line['customer_id']}), band {line['band']}, "
            f"due {_when(line['due_at'])}, waits for {line['waiting']}",
            markup=False,
        )


def _show_next(following: dict[str, Any], console: Console) -> None:
    console.print(f"\nNow: {following['detail']}", markup=False)
    dates = ""
    if following.get("p50"):
        dates = f" Expected {_when(following['p50'])} (cautious: {_when(following['p90'])})."
    console.print(f"What helps: {following['helps']}{dates}", markup=False)


def _show_decisions(decisions: list[dict[str, Any]], console: Console) -> None:
    table = Table("version", "when (UTC)", "what and why", "because of", title="Decisions", title_justify="left")
    for decision in decisions:
        said = Text(decision["said"])
        for where, side in (("Before it waited", "ahead"), ("Next in line", "behind")):
            neighbours = [f"{n['back_order_id']} ({n['waiting']})" for n in decision[side]]
            if neighbours:
                said.append(f" {where}: {', '.join(neighbours)}.", style="dim")
        cause = decision["cause"]
        table.add_row(str(decision["version"]), _when(decision["at"]), said, Text(f"{cause['type']} {cause['id']}"))
    console.print()
    console.print(table if decisions else "No decision about its units yet.")


def _when(time: str | None) -> str:
    """A time to the minute; the router says all of them in UTC."""
    return "-" if time is None else time[:16].replace("T", " ")


def _fail(text: str) -> NoReturn:
    sys.stderr.write(f"backorder explain: {text}\n")
    raise SystemExit(1)
