"""What must be true at rest, reckoned from the published topics and the inputs without a line of the services' code.

Every input has had one effect or is one dead letter; every back order's events are dense, in order, and the same
whenever they are repeated; nobody gave away more than there was. What `e2e_support.oracle` knows is asked there.
"""

import json
from collections import Counter, defaultdict
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from e2e_support import oracle
from e2e_support.business import REASON, Business
from e2e_support.system import System
from e2e_support.warehouse import Key

from faults_support.came_in import came_in
from faults_support.topics import NEVER, Came, Place, Topics, came, place_of

Fault = Literal["lost", "doubled", "wrong"]
_ANSWERS = {
    "hold": "back-order.held",
    "resume": "back-order.resumed",
    "expedite": "back-order.prioritised",
    "release": "back-order.released",
}
_REFUSED = "back-order.command-refused"
_BY_LANES = {b"conflicting-duplicate", b"unknown-back-order"}


@dataclass(frozen=True)
class Finding:
    """Something that must not be.

    Attributes:
        fault: what became of it.
        what: for people.
        at: when (seconds since 1970) the input came or the event was published.
        again: the records that repeated the input, where it is about one that came more than once.
    """

    fault: Fault
    what: str
    at: float | None = None
    again: tuple[Place, ...] = ()


def _about(which: Came, fault: Fault, what: str) -> Finding:
    return Finding(fault, what, which.at, which.again)


def dead_letters(topics: Topics) -> Iterable[Finding]:
    """Every record that must be refused is a dead letter with its reason, and no other is one."""
    wanted: dict[Place, bytes] = {}
    of: dict[Place, Came] = {}
    for records in topics.inputs.values():
        alike = came(records, lambda record: record.value)
        for record in records:
            reason, place = dict(record.headers).get(REASON), place_of(record)
            of[place] = Came(record.timestamp / 1000, () if reason else alike[record.value].again)
            if reason:
                wanted[place] = reason
    found: dict[Place, set[tuple[bytes, bytes | None]]] = defaultdict(set)
    for records in topics.letters.values():
        for letter in records:
            marks = dict(letter.headers)
            place = marks["dlq-topic"], marks["dlq-partition"], marks["dlq-offset"]
            found[place].add((marks["dlq-reason"], letter.value))
    for place, reason in wanted.items():
        if place not in found:
            yield _about(of[place], "lost", f"{place} is no dead letter ({reason.decode()})")
        elif {given for given, _ in found[place]} != {reason}:
            yield _about(of[place], "wrong", f"{place} was refused for {found[place]}, not for {reason.decode()}")
    for place, letters in found.items():
        which = of.get(place, NEVER)
        if len(letters) > 1:
            yield _about(which, "doubled", f"{place} has {len(letters)} dead letters")
        if place not in wanted:
            yield _about(which, "lost", f"{place} was refused and is good: {letters}")


def commands(topics: Topics, asked: Mapping[str, tuple[str, str]]) -> Iterable[Finding]:
    """Every command is answered once: by the event that says that it was done, or why not."""
    answers: dict[str, set[bytes]] = defaultdict(set)
    for record in topics.outputs["back-order-state"]:
        headers, state = dict(record.headers), json.loads(record.value)
        command_id = state.get("command", {}).get("command_id")
        name, action = asked.get(command_id, (None, ""))
        if name == state["back_order_id"] and headers["ce_type"].decode() in {_ANSWERS[action], _REFUSED}:
            answers[command_id].add(headers["ce_id"])
    of = topics.came("back-order-command", lambda command: command["command_id"])
    for command_id, what in asked.items():
        if len(answers[command_id]) != 1:
            fault: Fault = "doubled" if answers[command_id] else "lost"
            said = f"{command_id} {what} was answered by {answers[command_id]}"
            yield _about(of.get(command_id, NEVER), fault, said)


def lines(topics: Topics, business: Business, kept: Iterable[Key]) -> Iterable[Finding]:
    """Every order line came in; none has two back orders. `kept`: the lines that the ledger has."""
    of = topics.came("order-placed", lambda order: order["order_id"])
    there = set(kept)
    for key in business.lines.keys() - there:
        yield _about(of.get(key[0], NEVER), "lost", f"line {key} is not in the ledger")
    for key in there - business.lines.keys():
        yield _about(of.get(key[0], NEVER), "wrong", f"line {key} was never ordered")
    of_line: dict[Key, set[str]] = defaultdict(set)
    for record in topics.outputs["back-order-state"]:
        state = json.loads(record.value)
        of_line[state["order_id"], state["line_id"]].add(state["back_order_id"])
    for key, names in of_line.items():
        if len(names) > 1:
            yield _about(of.get(key[0], NEVER), "doubled", f"line {key} has the back orders {names}")


def versions(topics: Topics) -> Iterable[Finding]:
    """Per back order: versions 1, 2, 3 … in the order of the log; one that is repeated is the same, `ce_id` included."""
    seen: dict[str, dict[int, tuple[bytes, bytes, float]]] = defaultdict(dict)
    for record in topics.outputs["back-order-state"]:
        state, at = json.loads(record.value), record.timestamp / 1000
        name, version = state["back_order_id"], state["version"]
        event = dict(record.headers)["ce_id"], record.value
        known = seen[name].get(version)
        if known is not None:
            if known[:2] != event:
                yield Finding("doubled", f"{name} has two events of version {version}", at)
            continue
        if version != len(seen[name]) + 1:
            yield Finding("wrong", f"{name}: version {version} came after {len(seen[name])} others", at)
        seen[name][version] = (*event, at)
    for name, events in seen.items():
        for version in set(range(1, max(events) + 1)) - events.keys():
            yield Finding("lost", f"{name} has no version {version}", events[max(events)][2])


def sequences(topics: Topics) -> Iterable[Finding]:
    """Per shard of a service: first occurrences in ascending order on each partition; a number means one event."""
    content: dict[Any, Any] = {}  # by its name, and by its number
    numbers: dict[str, set[int]] = defaultdict(set)
    for topic, records in topics.outputs.items():
        seen: dict[tuple[str, int], set[int]] = defaultdict(set)
        highest: Counter[tuple[str, int]] = Counter()
        for record in records:
            headers, at = dict(record.headers), record.timestamp / 1000
            name, source = headers["ce_id"], headers["ce_source"].decode()
            if not headers["ce_sequence"].isdigit():
                continue  # of an intake, which has no state: what it repeats is known by the place of its record
            number, here = int(headers["ce_sequence"]), (source, record.partition)
            said = name, source, number, topic, record.key, record.value
            known = content.setdefault(name, said), content.setdefault((source, number), said)
            if known != (said, said):
                yield Finding("doubled", f"{name.decode()} is two events: {known} and {said}", at)
            if number < highest[here] and number not in seen[here]:
                yield Finding("wrong", f"{name.decode()} came after a later one", at)
            seen[here].add(number)
            numbers[source].add(number)
            highest[here] = max(number, highest[here])
    missing: Counter[str] = Counter()
    for source, there in numbers.items():
        missing[source.split("/")[2]] += max(there) - len(there)
    for service, records in topics.letters.items():
        # the dead letters of lanes take numbers too, and do not show them
        marks = [dict(letter.headers) for letter in records]
        refused = {tuple(each[name] for name in oracle.DLQ) for each in marks if each["dlq-reason"] in _BY_LANES}
        if missing[service] > len(refused):
            yield Finding("lost", f"{missing[service] - len(refused)} events of {service} were not published")


def snapshots(topics: Topics) -> Iterable[Finding]:
    """The newest snapshot of each back order is its newest state."""
    newest: dict[str, Any] = {}
    for record in topics.outputs["back-order-state"]:
        state = json.loads(record.value)
        if state["version"] > newest.get(state["back_order_id"], {"version": 0})["version"]:
            newest[state["back_order_id"]] = state
    kept = [record for record in topics.outputs["back-order-snapshot"] if record.value]
    last = {record.key.decode(): json.loads(record.value) for record in kept}
    for name, state in newest.items():
        snapshot = last.get(name)
        if snapshot is None or any(state.get(field) != value for field, value in snapshot.items()):
            yield Finding("wrong", f"the snapshot of {name} is not its newest state")


def never_oversold(topics: Topics) -> Iterable[Finding]:
    """At no place of the log do the back orders of a lane have more units than had come in there by then."""
    there = came_in(topics)
    has: dict[str, Counter[str]] = defaultdict(Counter)
    total: Counter[str] = Counter()
    newest: Counter[str] = Counter()
    for record in topics.outputs["back-order-state"]:
        state, lane = json.loads(record.value), record.key.decode()
        if state["version"] <= newest[state["back_order_id"]]:
            continue  # repeated: it says what was, while another may have these units by now
        newest[state["back_order_id"]] = state["version"]
        quantity = state["quantity"]
        units = sum(quantity[part] for part in ("allocated", "released", "shipped"))
        total[lane] += units - has[lane][state["back_order_id"]]
        has[lane][state["back_order_id"]] = units
        if total[lane] > (most := there[lane].by(record.timestamp)):
            yield Finding("wrong", f"{lane} gave {total[lane]} units away of {most}", record.timestamp / 1000)


def positions(topics: Topics) -> Iterable[Finding]:
    """A version of a lane's stock is positioned once."""
    of = topics.came("stock-changed", lambda stock: (f"{stock['part_id']}@{stock['location_id']}", stock["version"]))
    seen: dict[tuple[str, int], bytes] = {}
    for record in topics.outputs["supply"]:
        headers = dict(record.headers)
        if headers["ce_type"] != b"stock.positioned":
            continue
        key = record.key.decode(), json.loads(record.value)["version"]
        if seen.setdefault(key, headers["ce_id"]) != headers["ce_id"]:
            at, again = record.timestamp / 1000, of.get(key, NEVER).again
            yield Finding("doubled", f"stock version {key} was positioned twice", at, again)


def tried(check: Iterable[Finding]) -> Iterator[Finding]:
    """What a check finds; one that cannot go on has found something, too, and the others are not lost to it."""
    try:
        yield from check
    except Exception as error:  # noqa: BLE001 - what is wrong with the records is not known before
        yield Finding("wrong", f"{getattr(check, '__name__', check)} could not go on: {error!r}")


async def examine(
    system: System,
    business: Business,
    asked: Mapping[str, tuple[str, str]],
    before_the_end: Counter[Key],
    with_mail: set[str],
) -> tuple[list[Finding], set[str], Topics]:
    """Everything; returns what was found, the mails that were sent, and what was read."""
    topics = await Topics.read(system)
    kept = [(row[0], row[1]) for row in await system.query("SELECT order_id, line_id FROM gap_detector.line")]
    checks = (
        dead_letters(topics),
        commands(topics, asked),
        lines(topics, business, kept),
        versions(topics),
        sequences(topics),
        snapshots(topics),
        never_oversold(topics),
        positions(topics),
    )
    found = [finding for check in checks for finding in tried(check)]
    mails: set[str] = set()

    async def told() -> None:
        mails.update((await oracle.notifications(system, with_mail))[2])

    whole: Sequence[Callable[[], Awaitable[Any]]] = (
        lambda: oracle.ledgers(system),
        lambda: oracle.every_line(system, business, before_the_end),
        lambda: oracle.all_supply(system, business),
        told,
    )
    for check in whole:
        try:
            await check()
        except Exception as wrong:  # noqa: BLE001 - as in `tried`
            found.append(Finding("wrong", str(wrong) if isinstance(wrong, AssertionError) else repr(wrong)))
    return found, mails, topics
