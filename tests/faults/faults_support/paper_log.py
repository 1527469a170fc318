"""Records as they would be read from the topics, made by hand: what the oracle is tried out on."""

import json
from types import SimpleNamespace

from e2e_support.business import REASON

from faults_support.topics import INPUTS, OUTPUTS, SERVICES, Topics

LANE = "K-00@W1"


def topics(*records):
    """The topics with these records; each partition has them in the order in which they are given."""
    found = Topics(*({name: [] for name in names} for names in (INPUTS, OUTPUTS, SERVICES)))
    for record in records:
        service = record.topic.removesuffix(".dead-letter")
        by_name = next(part for part in (found.inputs, found.outputs, found.letters) if service in part)
        record.offset = sum(other.partition == record.partition for other in by_name[service])
        by_name[service].append(record)
    return found


def put(topic, value, *, key=LANE, at=0.0, partition=0, **headers):
    """A record; `at` in seconds."""
    return SimpleNamespace(
        topic=topic,
        partition=partition,
        offset=None,
        key=key.encode(),
        value=value if isinstance(value, bytes | None) else json.dumps(value).encode(),
        timestamp=at * 1000,
        headers=tuple((name.replace("__", "-"), str(told).encode()) for name, told in headers.items()),
    )


def refused(topic, value, reason, **more):
    """An input that must become a dead letter."""
    record = put(topic, value, **more)
    record.headers = ((REASON, reason.encode()),)
    return record


def letter(service, of, reason, *, value=b"", partition=0, offset=0):
    """A dead letter about a record of the topic `of`."""
    where = {"dlq__topic": of, "dlq__partition": partition, "dlq__offset": offset, "dlq__reason": reason}
    return put(f"{service}.dead-letter", value, **where)


def event(topic, number, value, *, service="priority-router", shard=0, name=None, **more):
    """The event that a shard of a service published under a number."""
    called = f"{service}.{shard}.{number}" if name is None else name
    stamp = {"ce_id": called, "ce_source": f"/backorder/{service}/{shard}", "ce_sequence": number}
    return put(topic, value, **{"ce_type": "any", **stamp, **more})


def state(version, number=None, *, back_order="BO-1", line=("SO-1", "1"), units=0, command=None, **more):
    """A state of a back order, published as the event of this number; the number is the version by default."""
    told = {"back_order_id": back_order, "version": version, "order_id": line[0], "line_id": line[1]}
    quantity = {"quantity": {"allocated": units, "released": 0, "shipped": 0}}
    answer = {} if command is None else {"command": {"command_id": command}}
    return event("back-order-state", number or version, {**told, **quantity, **answer}, **more)


def snapshot(back_order, version, **more):
    """What the compacted topic keeps of a back order."""
    return put("back-order-snapshot", {"back_order_id": back_order, "version": version, **more}, key=back_order)


def stock(version, reason="counted", units=0, *, key=LANE, **more):
    """A version of a lane's stock, published as an input. `units`: how many came, or left of each line in `shipped`."""
    part, _, location = key.partition("@")
    told = {"part_id": part, "location_id": location, "version": version, "reason": reason}
    if reason == "shipped":
        lines = more.pop("shipped")
        told["shipped"] = [{"order_id": order, "line_id": line, "quantity": units} for order, line in lines]
    elif units:
        told["quantity"] = units
    return put("stock-changed", told, **more)


def found(check):
    """How many findings of each fault."""
    faults = [finding.fault for finding in check]
    return {fault: faults.count(fault) for fault in faults}
