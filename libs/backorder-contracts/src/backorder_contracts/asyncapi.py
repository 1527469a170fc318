"""The AsyncAPI 3 document: topics and events from the registry, payloads by reference to the schemas."""

from typing import Any, Final

from backorder_contracts.events import DEAD_LETTER, EVENTS
from backorder_contracts.topics import TOPICS, Topic

_INTRODUCTION: Final = """\
Back-order management for parts businesses: what upstream systems publish, and what integrators may read.

Every record is a CloudEvent 1.0 in binary mode: attributes in `ce_*` headers, the value is the data alone.
Published events come at least once; a duplicate has the same `ce_id`. Consumers ignore fields and event types
that they do not know. Read with `isolation.level=read_committed`.
"""

_HEADERS: Final[dict[str, Any]] = {
    "type": "object",
    "description": "What we publish always has them. Upstream may also send structured mode, or bare JSON without any.",
    "required": ["ce_specversion", "ce_id", "ce_source", "ce_type", "ce_time", "content-type"],
    "properties": {
        "ce_specversion": {"type": "string", "const": "1.0"},
        "ce_id": {
            "type": "string",
            "minLength": 1,
            "maxLength": 512,
            "description": "Identical whenever the event is sent again.",
        },
        "ce_source": {"type": "string", "minLength": 1, "maxLength": 512, "description": "Who published it."},
        "ce_type": {
            "type": "string",
            "minLength": 1,
            "description": "The event type. Ignore events of a type that you do not know.",
        },
        "ce_time": {
            "type": "string",
            "format": "date-time",
            "description": "When the event came about.",
        },
        "ce_subject": {"type": "string", "minLength": 1, "description": "What it is about."},
        "traceparent": {"type": "string", "description": "The W3C trace context."},
        "content-type": {"type": "string", "const": "application/json"},
    },
}


def document() -> dict[str, Any]:
    """The whole document, as plain data."""
    public = {name: topic for name, topic in TOPICS.items() if topic.is_public}
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Back orders",
            "version": "1",
            "description": _INTRODUCTION,
            "license": {"name": "Apache-2.0"},
        },
        "defaultContentType": "application/json",
        "channels": {name: _channel(topic) for name, topic in public.items()},
        "operations": {_operation_name(topic): _operation(topic) for topic in public.values()},
        "components": {
            "messages": _messages(),
            "schemas": {"CloudEventHeaders": _HEADERS},
        },
    }


def _message_names(topic: Topic) -> tuple[str, ...]:
    if topic.is_dead_letter:
        return (DEAD_LETTER,)
    return tuple(name for name in topic.ce_types if name in EVENTS)


def _channel(topic: Topic) -> dict[str, Any]:
    kafka: dict[str, Any] = {"topic": topic.name, "bindingVersion": "0.5.0"}
    if topic.partitions != "lane":
        kafka["partitions"] = topic.partitions
    settings: dict[str, Any] = {"cleanup.policy": ["compact" if topic.is_compacted else "delete"]}
    if not topic.is_compacted:
        settings["retention.ms"] = int(topic.configuration["retention.ms"])
    if topic.max_message_bytes is not None:
        settings["max.message.bytes"] = topic.max_message_bytes
    kafka["topicConfiguration"] = settings
    return {
        "address": topic.name,
        "description": f"{topic.description} Key: {topic.key}. Owner: {topic.owner}.",
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in _message_names(topic)},
        "bindings": {"kafka": kafka},
    }


def _operation_name(topic: Topic) -> str:
    return f"{'receive' if topic.direction == 'in' else 'send'}-{topic.name}"


def _operation(topic: Topic) -> dict[str, Any]:
    channel = f"#/channels/{topic.name}"
    return {
        "action": "receive" if topic.direction == "in" else "send",
        "channel": {"$ref": channel},
        "summary": topic.description,
        "messages": [{"$ref": f"{channel}/messages/{name}"} for name in _message_names(topic)],
    }


def _messages() -> dict[str, Any]:
    messages: dict[str, Any] = {}
    for event in EVENTS.values():
        schema = {"$ref": f"./events/{event.name}.v1.schema.json"}
        if event.name == DEAD_LETTER:
            parts: dict[str, Any] = {
                "headers": schema,
                "payload": {"description": "The value of the record, untouched."},
            }
        else:
            parts = {"headers": {"$ref": "#/components/schemas/CloudEventHeaders"}, "payload": schema}
        messages[event.name] = {"name": event.name, "title": event.name, "summary": event.meaning, **parts}
    return messages
