"""JSON, read strictly: one meaning or none."""

import base64
import binascii
import json
from typing import Any, Final

import msgspec

from backorder_contracts.refusal import Reason, Refused, shown

_decode: Final = msgspec.json.Decoder().decode
_encode: Final = msgspec.json.Encoder().encode


def parse_json(raw: bytes) -> Any:
    """Parses UTF-8 without a byte order mark, NaN, unpaired surrogates, or a name twice in one object.

    Raises:
        Refused: `not-json`, with what is wrong; no other exception, whatever the bytes.
    """
    try:
        data = _decode(raw)
        if b"\\" in raw:
            # escapes hide quotation marks, so ask the slow parser
            json.loads(raw, object_pairs_hook=_names_once)
        elif raw.count(b'"') != _encode(data).count(b'"'):
            # every name and string has two marks; some got lost, so a name was given twice: it says which
            json.loads(raw, object_pairs_hook=_names_once)
    except RecursionError:
        raise Refused(Reason.NOT_JSON, "the value is nested too deeply") from None
    except (ValueError, OverflowError) as error:
        raise Refused(Reason.NOT_JSON, f"the value cannot be read as JSON: {error}") from None
    return data


def parse_base64(text: Any) -> Any:
    """Parses JSON that a CloudEvent carries as `data_base64`.

    Raises:
        Refused: `not-json`.
    """
    try:
        raw = base64.b64decode(text, validate=True)
    except (TypeError, ValueError, binascii.Error):
        raise Refused(Reason.NOT_JSON, "data_base64: is not base64 text") from None
    return parse_json(raw)


def canonical(data: Any) -> bytes:
    """The same bytes for the same data, however it was spaced and ordered.

    Raises:
        Refused: `not-json`: nested too deeply, or a number too large to write.
    """
    try:
        return json.dumps(data, sort_keys=True, separators=(",", ":")).encode()
    except (RecursionError, ValueError):
        raise Refused(Reason.NOT_JSON, "the value is nested too deeply, or has a number too large") from None


def _names_once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise Refused(Reason.NOT_JSON, f"{shown(name)} stands twice in one object, so its meaning is not clear")
        found[name] = value
    return found
