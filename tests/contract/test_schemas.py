"""`schemas/` against the models, the registry, and the golden examples."""

import json
from pathlib import Path

import pytest
import yaml
from jsonschema import Draft202012Validator

from backorder_contracts import generate
from backorder_contracts.envelope import write
from backorder_contracts.events import DEAD_LETTER, EVENTS
from backorder_contracts.fields import parse_time
from backorder_contracts.inputs import INPUTS, parse
from backorder_contracts.topics import TOPICS

SCHEMAS = Path(__file__).parents[2] / "schemas"
EXAMPLES = sorted(SCHEMAS.glob("examples/*/*/*.json"))
# its model belongs to the policy, which is not published yet
WITHOUT_SCHEMA = {"back-order.policy"} - EVENTS.keys()


def schema(event):
    return json.loads((SCHEMAS / f"events/{event}.v1.schema.json").read_text("utf-8"))


def example(path):
    return json.loads(path.read_text("utf-8"))


def event_of(path):
    return path.parts[-3]


def ids(path):
    return f"{event_of(path)}/{path.stem}"


def test_the_committed_schemas_are_those_of_the_models():
    assert generate.stale(SCHEMAS) == [], "run python -m backorder_contracts.generate schemas"


def test_generating_twice_gives_the_same():
    assert generate.documents() == generate.documents()


def test_a_stale_a_missing_and_a_strange_file_are_noticed_and_mended(tmp_path, capsys):
    assert generate.main([str(tmp_path)]) == 0
    assert generate.main(["--check", str(tmp_path)]) == 0
    events = tmp_path / "events"
    (events / "order.placed.v1.schema.json").write_text("{}")
    (events / "order.cancelled.v1.schema.json").unlink()
    (events / "order.lost.v1.schema.json").write_text("{}")
    assert generate.main(["--check", str(tmp_path)]) == 1
    told = capsys.readouterr().err
    assert all(name in told for name in ("order.placed", "order.cancelled", "order.lost"))
    assert generate.main([str(tmp_path)]) == 0
    assert generate.stale(tmp_path) == []


@pytest.mark.parametrize("event", EVENTS)
def test_every_schema_is_a_valid_schema_that_explains_every_field(event):
    found = schema(event)
    Draft202012Validator.check_schema(found)
    assert found["title"] == event
    for part in (found, *found.get("$defs", {}).values()):
        assert part["description"]
        for name, field in part["properties"].items():
            assert field.get("description"), f"{event}: {name}"


@pytest.mark.parametrize("event", EVENTS)
def test_every_event_has_several_golden_examples(event):
    assert len([path for path in EXAMPLES if event_of(path) == event]) >= 2


def test_every_example_belongs_to_an_event():
    assert {event_of(path) for path in EXAMPLES} == EVENTS.keys()


@pytest.mark.parametrize("path", EXAMPLES, ids=ids)
def test_every_golden_example_is_valid_by_schema_and_model(path):
    event, data = event_of(path), example(path)
    Draft202012Validator(schema(event)).validate(data)
    EVENTS[event].model.model_validate(data)


def in_utc(data):
    """The data with every time in one form, to compare what was written with what is written."""
    if isinstance(data, dict):
        return {name: in_utc(value) for name, value in data.items()}
    if isinstance(data, list):
        return [in_utc(value) for value in data]
    is_time = isinstance(data, str) and data[4:5] == "-" and "T" in data and data.endswith("Z")
    return parse_time(data) if is_time else data


@pytest.mark.parametrize(
    "path",
    [path for path in EXAMPLES if not EVENTS[event_of(path)].is_input and event_of(path) != DEAD_LETTER],
    ids=ids,
)
def test_what_we_publish_is_written_as_in_the_examples(path):
    event, data = event_of(path), example(path)
    written = json.loads(EVENTS[event].model.model_validate(data).to_json())
    assert in_utc(written) == in_utc(data)
    Draft202012Validator(schema(event)).validate(written)


@pytest.mark.parametrize("path", [path for path in EXAMPLES if EVENTS[event_of(path)].is_input], ids=ids)
def test_every_input_example_passes_the_intake_in_every_form(path):
    event, value = event_of(path), path.read_bytes()
    topic = EVENTS[event].topic
    headers = write(id="e-1", source="/upstream", type=event, time=parse_time("2026-11-24T07:00:00Z"))
    structured = {"specversion": "1.0", "id": "e-1", "source": "/upstream", "type": event, "data": example(path)}
    as_binary = parse(topic, None, value, headers)
    as_structured = parse(
        topic, None, json.dumps(structured).encode(), [("content-type", b"application/cloudevents+json")]
    )
    assert as_binary[1] == as_structured[1]
    assert as_binary[0].id == as_structured[0].id
    assert parse(topic, None, value, ())[1] == as_binary[1]
    assert isinstance(as_binary[1], INPUTS[topic])


MISTAKES = [
    ("order.placed", {"order_id": ""}),
    ("order.placed", {"order_id": "x" * 65}),
    ("order.placed", {"order_id": "a\tb"}),
    ("order.placed", {"placed_at": "2026-11-24T07:00:00"}),
    ("order.placed", {"placed_at": "2026-11-24"}),
    ("order.placed", {"lines": []}),
    ("order.placed", {"lines": [{"line_id": "1", "part_id": "P", "quantity": 0}]}),
    ("order.placed", {"lines": [{"line_id": "1", "part_id": "P", "quantity": "4"}]}),
    ("order.placed", {"lines": [{"line_id": "1", "part_id": "P", "quantity": 1, "ship_policy": "never"}]}),
    ("order.placed", {"lines": [{"line_id": "1", "part_id": "P", "quantity": 1, "unit_value": 1.5}]}),
    ("order.placed", {"lines": [{"line_id": "1", "part_id": "P", "quantity": 1, "need_by": "soon"}]}),
    ("order.placed", {"customer": {"customer_id": "C", "tier": "diamond"}}),
    ("stock.changed", {"on_hand": -1}),
    ("stock.changed", {"version": 2**63}),
    ("supplier.delivery", {"status": "lost"}),
    ("back-order.command", {"action": "explode"}),
    ("back-order.opened", {"version": 0}),
    ("back-order.opened", {"opened_at": "2026-11-24T07:00:00+01:00"}),
]


@pytest.mark.parametrize(("event", "changed"), MISTAKES)
def test_the_schema_refuses_what_the_model_refuses(event, changed):
    data = example(next(path for path in EXAMPLES if event_of(path) == event)) | changed
    assert not Draft202012Validator(schema(event)).is_valid(data)
    if event != "back-order.opened" or "version" in changed:
        with pytest.raises(ValueError):
            EVENTS[event].model.model_validate(data)


@pytest.mark.parametrize("name", [name for name, topic in TOPICS.items() if topic.is_public])
def test_every_public_topic_has_schemas_an_owner_and_consumers(name):
    topic = TOPICS[name]
    assert topic.owner
    assert topic.consumers
    assert topic.ce_types or topic.is_dead_letter
    for event in set(topic.ce_types) - WITHOUT_SCHEMA:
        assert EVENTS[event].topic == name
        assert (SCHEMAS / f"events/{event}.v1.schema.json").is_file()


def test_every_event_stands_on_a_topic():
    on_topics = {event for topic in TOPICS.values() for event in topic.ce_types}
    assert on_topics - WITHOUT_SCHEMA == EVENTS.keys() - {DEAD_LETTER}


def references(part):
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for value in part.values():
            yield from references(value)
    if isinstance(part, list):
        for value in part:
            yield from references(value)


def test_every_reference_of_the_asyncapi_document_leads_somewhere():
    document = yaml.safe_load((SCHEMAS / "asyncapi.yaml").read_text("utf-8"))
    assert document["asyncapi"] == "3.0.0"
    for reference in references(document):
        file, _, pointer = reference.partition("#")
        if file:
            assert (SCHEMAS / file).is_file(), reference
        target = document
        for step in pointer.strip("/").split("/") if pointer else ():
            target = target[step]


def test_the_asyncapi_document_has_a_channel_per_public_topic_and_a_message_per_event():
    document = yaml.safe_load((SCHEMAS / "asyncapi.yaml").read_text("utf-8"))
    assert document["channels"].keys() == {name for name, topic in TOPICS.items() if topic.is_public}
    assert document["components"]["messages"].keys() == EVENTS.keys()
    actions = {operation["channel"]["$ref"]: operation["action"] for operation in document["operations"].values()}
    assert actions["#/channels/order-placed"] == "receive"
    assert actions["#/channels/back-order-state"] == "send"


@pytest.mark.parametrize("event", EVENTS)
def test_every_reference_inside_a_schema_leads_to_a_definition_that_is_used(event):
    found = schema(event)
    assert {reference.removeprefix("#/$defs/") for reference in references(found)} == found.get("$defs", {}).keys()
