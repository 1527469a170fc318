"""The JSON Schema of an event, for people and programs in other languages."""

from collections.abc import Mapping
from typing import Any, Final

from backorder_contracts.events import EventType
from backorder_contracts.fields import LEFT_OUT
from backorder_contracts.state_events import STATE_EVENTS, StateEvent

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"

_EXTRAS: Final = frozenset(name for event in STATE_EVENTS.values() for name in (*event.has, *event.may_have))


def schema_of(event: EventType) -> dict[str, Any]:
    """The schema of an event's data, draft 2020-12.

    Objects are open: consumers ignore fields that they do not know. What upstream publishes is described as it
    is accepted, what we publish as it is written, so a field that is always there is required.
    """
    schema = event.model.model_json_schema(mode="validation" if event.is_input else "serialization")
    if event.extras is not None:
        _only_extras_of(schema, event.extras)
    if not event.is_input:
        _always_there(schema)
    definitions = {name: _tidy(part) for name, part in _used_definitions(schema).items()}
    tidied: dict[str, Any] = _tidy({name: part for name, part in schema.items() if name != "$defs"})
    tidied |= {
        "$schema": DRAFT,
        "$id": f"urn:backorder:event:{event.name}:1",
        "title": event.name,
        "description": event.meaning,
    }
    return tidied | {"$defs": definitions} if definitions else tidied


def _only_extras_of(schema: dict[str, Any], extras: StateEvent) -> None:
    """Drops the extras of other event types, and requires those that this one always has."""
    foreign = _EXTRAS - {*extras.has, *extras.may_have}
    schema["properties"] = {name: part for name, part in schema["properties"].items() if name not in foreign}
    schema["required"] = [*schema["required"], *extras.has]


def _always_there(schema: dict[str, Any]) -> None:
    """Requires what we always write: every field but those that are left out when they have no value."""
    for part in (schema, *schema.get("$defs", {}).values()):
        written = [name for name, field in part.get("properties", {}).items() if LEFT_OUT not in field]
        part["required"] = list(dict.fromkeys([*part.get("required", []), *written]))
        for field in part.get("properties", {}).values():
            field.pop("default", None)


def _used_definitions(schema: Mapping[str, Any]) -> dict[str, Any]:
    """The definitions that the schema refers to, directly or through others."""
    definitions = schema.get("$defs", {})
    used: dict[str, Any] = {}
    open_ends = [part for name, part in schema.items() if name != "$defs"]
    while open_ends:
        for name in _references(open_ends.pop()) - used.keys():
            used[name] = definitions[name]
            open_ends.append(definitions[name])
    return used


def _references(part: Any) -> set[str]:
    if isinstance(part, dict):
        own = {part["$ref"].rpartition("/")[2]} if isinstance(part.get("$ref"), str) else set()
        return own.union(*map(_references, part.values()))
    if isinstance(part, list):
        return set[str]().union(*map(_references, part))
    return set()


def _tidy(part: Any) -> Any:
    """Drops the generated titles, joins broken lines, and states fields that are left out as never null."""
    if isinstance(part, list):
        return [_tidy(item) for item in part]
    if not isinstance(part, dict):
        return part
    if LEFT_OUT in part:
        part = _never_null(part)
    tidied: dict[str, Any] = {}
    for name, value in part.items():
        if name == "properties":
            tidied[name] = {field: _tidy(schema) for field, schema in value.items()}
        elif name == "description":
            tidied[name] = " ".join(value.split())
        elif name == "required":
            tidied[name] = sorted(value)
        elif name != "title":
            tidied[name] = _tidy(value)
    return tidied


def _never_null(field: dict[str, Any]) -> dict[str, Any]:
    rest = {name: value for name, value in field.items() if name not in {"anyOf", LEFT_OUT}}
    alternatives = [part for part in field["anyOf"] if part != {"type": "null"}]
    return rest | alternatives[0] if len(alternatives) == 1 else rest | {"anyOf": alternatives}
