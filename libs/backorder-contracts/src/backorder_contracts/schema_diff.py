"""What changed between two versions of an event's JSON Schema, judged by the contract's rule.

The rule within a version: add optional fields, event types, and values where readers are told to tolerate unknown
ones; never remove, rename, retype or tighten. Records are kept and replayed, so it holds in both directions: old
records must fit the new schema, and readers of the old schema must be able to read new records. Input schemas may
also be loosened, since nobody but us reads by them.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final, NamedTuple, TypeAlias

Schema: TypeAlias = Mapping[str, Any]

_PROSE: Final = frozenset({"$defs", "$id", "$schema", "$comment", "description", "examples", "title", "deprecated"})
_LOWER: Final = frozenset({"minimum", "exclusiveMinimum", "minLength", "minItems", "minProperties"})
_UPPER: Final = frozenset({"maximum", "exclusiveMaximum", "maxLength", "maxItems", "maxProperties"})
_EXACT: Final = frozenset({"pattern", "format", "multipleOf", "uniqueItems", "const"})
_ALTERNATIVES: Final = frozenset({"anyOf", "oneOf"})
# the fields where the contract tells readers to tolerate unknown values
_TOLERANT: Final = frozenset({"status", "reason", "action"})


class Break(NamedTuple):
    """One broken promise, for people: where, what, whom it hurts, and what to do instead."""

    event: str
    field: str
    what: str
    hurts: str
    instead: str

    def __str__(self) -> str:
        return f"{self.event}, {self.field}: {self.what}. {self.hurts}. Instead: {self.instead}."


class _Side(NamedTuple):
    """A schema in its document, so that references can be followed."""

    schema: Schema
    document: Schema

    def resolved(self) -> "_Side":
        """Follows a reference; what stands beside it stays."""
        schema = self.schema
        while "$ref" in schema:
            target = self.document["$defs"][schema["$ref"].rpartition("/")[2]]
            schema = {**target, **{name: part for name, part in schema.items() if name != "$ref"}}
        return _Side(schema, self.document)

    def at(self, part: Any) -> "_Side":
        return _Side(part if isinstance(part, Mapping) else {"const": part}, self.document)


class _Place(NamedTuple):
    """Where in which event we are; `seen` ends recursive types."""

    event: str
    is_input: bool
    path: str = ""
    seen: frozenset[tuple[int, int]] = frozenset()

    def below(self, step: str) -> "_Place":
        return self._replace(path=f"{self.path}.{step}" if self.path and step[0] != "[" else self.path + step)

    @property
    def field(self) -> str:
        return self.path or "the event itself"

    def broken(self, what: str, hurts: str, instead: str) -> Break:
        return Break(self.event, self.field, what, hurts, instead)

    def tightened(self, what: str) -> Break:
        """Something that was allowed is not any more."""
        if self.is_input:
            return self.broken(
                what, "Publishers that send what was allowed so far would be refused", "keep the old limit"
            )
        return self.broken(
            what, "Records written before do not fit any more when they are replayed", "keep the old limit"
        )

    def loosened(self, what: str) -> Iterator[Break]:
        """Something that was not allowed is now: nobody minds on input, readers do on output."""
        if not self.is_input:
            yield self.broken(
                what,
                "Consumers written against the old schema do not expect it",
                "add a new optional field, or a new event type",
            )


def breaks(event: str, old: Schema, new: Schema, *, is_input: bool) -> list[Break]:
    """Every promise that the new schema of an event breaks; empty when the rule is kept."""
    return list(_compare(_Side(old, old), _Side(new, new), _Place(event, is_input)))


def _compare(old: _Side, new: _Side, place: _Place) -> Iterator[Break]:
    pair = (id(old.schema), id(new.schema))
    if pair in place.seen:
        return
    place = place._replace(seen=place.seen | {pair})
    old, new = old.resolved(), new.resolved()
    if old.schema == new.schema and old.document.get("$defs") == new.document.get("$defs"):
        return
    names = {name for name in {*old.schema, *new.schema} - _PROSE if old.schema.get(name) != new.schema.get(name)}
    yield from _properties(old, new, place)
    yield from _type(old.schema, new.schema, place)
    yield from _values(old.schema, new.schema, place)
    for name in sorted(names & (_LOWER | _UPPER)):
        yield from _limit(name, old.schema.get(name), new.schema.get(name), place)
    for name in sorted(names & _EXACT):
        yield from _exact(name, old.schema, new.schema, place)
    yield from _items(old, new, place)
    yield from _alternatives(old, new, place)
    yield from _others(names, old.schema, new.schema, place)


def _properties(old: _Side, new: _Side, place: _Place) -> Iterator[Break]:
    before, after = old.schema.get("properties", {}), new.schema.get("properties", {})
    added = sorted(after.keys() - before.keys())
    required_before, required = set(old.schema.get("required", ())), set(new.schema.get("required", ()))
    for name in sorted(before.keys() - after.keys()):
        heir = next((other for other in added if after[other].get("type") == before[name].get("type")), None)
        hint = f" (renamed to {heir}?)" if heir else ""
        whom = (
            "Publishers that send it are silently misread" if place.is_input else "Consumers that read it find nothing"
        )
        yield place.below(name).broken(
            f"the field was removed{hint}", whom, "keep it, and add a new optional field beside it"
        )
    for name in sorted(required - required_before):
        if place.is_input:
            hurts = "Publishers that do not send it would be refused"
        else:
            hurts = "Records written before do not have it, and are replayed"
        yield place.below(name).broken("the field is required now", hurts, "make it optional")
    for name in sorted((required_before - required) & after.keys()):
        yield from place.below(name).loosened("the field is not always there any more")
    for name in sorted(before.keys() & after.keys()):
        yield from _compare(old.at(before[name]), new.at(after[name]), place.below(name))


def _type(old: Schema, new: Schema, place: _Place) -> Iterator[Break]:
    before, after = _types(old), _types(new)
    if before == after:
        return
    what = f"the type changed from {_listed(before)} to {_listed(after)}"
    if before < after or (before and not after):
        yield from place.loosened(what)
    elif after < before or (after and not before):
        yield place.tightened(what)
    else:
        whom = "Publishers" if place.is_input else "Consumers"
        yield place.broken(what, f"{whom} that use the old type break", "add a new optional field of the new type")


def _types(schema: Schema) -> frozenset[str]:
    given = schema.get("type", ())
    return frozenset((given,) if isinstance(given, str) else given)


def _listed(types: frozenset[str]) -> str:
    return " or ".join(sorted(types)) or "anything"


def _values(old: Schema, new: Schema, place: _Place) -> Iterator[Break]:
    """Lists of values, closed (`enum`) or open (`x-extensible-enum`)."""
    closed, still_closed = "enum" in old, "enum" in new
    if closed and not still_closed:
        yield from place.loosened("any value is allowed now, not only those listed")
    elif still_closed and not closed:
        yield place.tightened("only the values listed are allowed now")
    before, after = (list(schema.get("enum", schema.get("x-extensible-enum", ()))) for schema in (old, new))
    listed = "enum" in new or "x-extensible-enum" in new
    for value in before if listed or not closed else ():
        if value not in after:
            yield place.broken(
                f"the value {value!r} was removed",
                "Publishers that send it would be refused"
                if place.is_input
                else "Consumers that wait for it wait in vain",
                "keep the value, even if it is not used any more",
            )
    tolerant = not still_closed or place.path.rpartition(".")[2] in _TOLERANT
    for value in after if closed and still_closed and not tolerant else ():
        if value not in before:
            yield place.broken(
                f"the value {value!r} was added to a closed list",
                "Consumers were told that no other values exist",
                "add a new optional field that says more",
            )


def _limit(name: str, old: Any, new: Any, place: _Place) -> Iterator[Break]:
    what = f"{name} changed from {_given(old)} to {_given(new)}"
    tighter = old is None or (new is not None and (new > old if name in _LOWER else new < old))
    if tighter:
        yield place.tightened(what)
    else:
        yield from place.loosened(what)


def _exact(name: str, old: Schema, new: Schema, place: _Place) -> Iterator[Break]:
    what = f"{name} changed from {_given(old.get(name))} to {_given(new.get(name))}"
    if name in old and name not in new:
        yield from place.loosened(what)
    else:
        yield place.tightened(what)


def _given(value: Any) -> str:
    return "none" if value is None else repr(value)


def _items(old: _Side, new: _Side, place: _Place) -> Iterator[Break]:
    for name, step in (("items", "[]"), ("additionalProperties", "[any name]")):
        before, after = (_any_if_true(side.schema.get(name)) for side in (old, new))
        if before == after and name not in old.schema:
            continue
        if after is False:
            if before is not False:
                yield place.tightened("fields that the schema does not name are refused now")
        elif before is False:
            yield from place.loosened("fields that the schema does not name are allowed now")
        else:
            yield from _compare(old.at(before), new.at(after), place.below(step))


def _any_if_true(part: Any) -> Any:
    return {} if part is None or part is True else part


def _alternatives(old: _Side, new: _Side, place: _Place) -> Iterator[Break]:
    """`anyOf`: alternatives that are equal fall away; one against one is compared; the rest came or went."""
    before = [old.at(part) for name in _ALTERNATIVES for part in old.schema.get(name, ())]
    after = [new.at(part) for name in _ALTERNATIVES for part in new.schema.get(name, ())]
    if not before and not after:
        return
    if not before or not after:
        what = "one of several forms is expected now" if after else "the choice of forms is gone"
        yield place.broken(what, "Nobody can tell whether old and new records fit", "add a new optional field")
        return
    gone = [one for one in before if not any(_same(one, other, place) for other in after)]
    come = [one for one in after if not any(_same(other, one, place) for other in before)]
    if len(gone) == len(come) == 1:
        yield from _compare(gone[0], come[0], place)
        return
    for one in gone:
        yield place.tightened(f"the form {_form(one)} is not allowed any more")
    for one in come:
        yield from place.loosened(f"the form {_form(one)} is allowed now")


def _same(old: _Side, new: _Side, place: _Place) -> bool:
    """Whether two alternatives keep the rule in both directions, so that they may stand for each other."""
    return _types(old.resolved().schema) == _types(new.resolved().schema) and not any(
        [*_compare(old, new, place), *_compare(new, old, place)]
    )


def _form(side: _Side) -> str:
    schema = side.resolved().schema
    return repr(schema.get("format") or _listed(_types(schema)))


def _others(names: set[str], old: Schema, new: Schema, place: _Place) -> Iterator[Break]:
    handled = _LOWER | _UPPER | _EXACT | _ALTERNATIVES
    handled |= {"properties", "required", "type", "enum", "x-extensible-enum", "items", "additionalProperties", "$ref"}
    if "default" in names and "default" in old:
        yield place.broken(
            f"the default changed from {_given(old['default'])} to {_given(new.get('default'))}",
            "Records that leave the field out change their meaning",
            "keep the default",
        )
    for name in sorted(names - handled - {"default"}):
        yield place.broken(
            f"{name} changed from {_given(old.get(name))} to {_given(new.get(name))}",
            "This kind of change is not known to the comparison, so nobody can say whom it hurts",
            "do without it, or teach schema_diff.py what it means",
        )
