"""Dead letters as text for a person and as JSON for a program. What a publisher sent cannot move the cursor."""

import base64
import json
from collections import Counter
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from backorder_contracts.handled import REPLAYING, DeadLetterHandled
from backorder_contracts.refusal import one_line
from backorder_runtime.dlq.letters import REPLAY_OF, StoredLetter
from backorder_runtime.dlq.selection import Found

_SHOWN = 20_000


def as_json(letter: StoredLetter, event: DeadLetterHandled | None) -> dict[str, Any]:
    """What `list --json` says of a letter."""
    return {
        "letter": letter.id,
        "service": letter.service,
        "offset": letter.offset,
        "at": letter.why.model_dump(mode="json")["at"],
        "reason": letter.why.reason,
        "detail": letter.why.detail,
        "origin": {"topic": letter.why.topic, "partition": letter.why.partition, "offset": letter.why.offset},
        "bytes": letter.size,
        "has_copy": letter.has_copy,
        "handled": None if event is None else json.loads(event.to_json()),
    }


def whole_as_json(letter: StoredLetter, event: DeadLetterHandled | None) -> dict[str, Any]:
    """What `show --json` says: the record too, as text where it is text, else in base64."""
    record = {
        **_bytes_as_json("key", letter.key),
        "headers": [{"name": name, **_bytes_as_json("value", value)} for name, value in letter.headers],
        **_bytes_as_json("value", letter.value),
    }
    return {**as_json(letter, event), "record": record}


def _bytes_as_json(name: str, data: bytes | None) -> dict[str, Any]:
    try:
        return {name: None if data is None else data.decode()}
    except UnicodeDecodeError:
        return {f"{name}_base64": base64.b64encode(data or b"").decode()}


def summary(found: Sequence[Found]) -> str:
    """How many of what, most first."""
    kinds = Counter((each.letter.why.reason, each.letter.why.topic, each.letter.service) for each in found)
    parts = [f"{n} {reason} on {topic} ({service})" for (reason, topic, service), n in kinds.most_common(5)]
    more = len(kinds) - len(parts)
    return f"{count(len(found))}: {', '.join(parts)}{f' and {more} more kinds' if more > 0 else ''}"


def count(letters: int) -> str:
    """That many letters, in words."""
    return f"{letters} dead letter{'' if letters == 1 else 's'}"


def table(found: Sequence[Found], events: Sequence[DeadLetterHandled | None], console: Console) -> None:
    """One line per letter; what was done with it if anything was."""
    with_events = any(events)
    columns = ["letter", "refused (UTC)", "reason", "from", "detail", *(["dealt with"] if with_events else [])]
    shown = Table(box=None, pad_edge=False)
    for name in columns:
        shown.add_column(name, no_wrap=name != "detail", overflow="fold" if name == "detail" else "ellipsis")
    for each, event in zip(found, events, strict=True):
        why = each.letter.why
        times = f" (sent {each.times} times)" if each.times > 1 else ""
        row = [each.letter.id, _time(why.at), why.reason, _place(each.letter), why.detail + times]
        shown.add_row(*(Text(one_line(cell)) for cell in (*row, *([_done(event)] if with_events else []))))
    console.print(shown)


def whole(letter: StoredLetter, event: DeadLetterHandled | None, console: Console) -> None:
    """One letter with its record."""
    why = letter.why
    console.print(Text(f"{letter.id}  {one_line(why.reason)}", style="bold"))
    console.print(Text(one_line(why.detail)))
    console.print(Text(f"refused {_time(why.at)} UTC, stood at {_place(letter)}"))
    for name, value in letter.headers:
        if name == REPLAY_OF:
            console.print(Text(f"is itself the replay of {_text(value)}"))
    console.print(Text(_done(event) or "nobody has dealt with it"))
    console.print(Text(f"\nkey      {_text(letter.key)}"))
    for name, value in letter.headers:
        console.print(Text(f"header   {_text(name.encode())}: {_text(value)}"))
    if not letter.has_copy:
        console.print("value    not in the letter: too large for it, or gone before it was copied, as the detail says")
    elif letter.value is None:
        console.print("value    none")
    else:
        console.print(Text(f"value    {len(letter.value)} bytes\n{_value(letter.value)}"))


def _value(value: bytes) -> str:
    try:
        text = json.dumps(json.loads(value), indent=2, ensure_ascii=False)
    except (ValueError, RecursionError):
        text = value.decode("utf-8", "backslashreplace")
    cut = f"\n… {len(text) - _SHOWN} more characters; --json has all" if len(text) > _SHOWN else ""
    return "\n".join(_printable(line) for line in text[:_SHOWN].split("\n")) + cut


def _text(data: bytes | None) -> str:
    return "(none)" if data is None else _printable(data.decode("utf-8", "backslashreplace"))


def _printable(text: str) -> str:
    return text if text.isprintable() else "".join(c if c.isprintable() else ascii(c)[1:-1] for c in text)


def _place(letter: StoredLetter) -> str:
    return f"{letter.why.topic}[{letter.why.partition}] {letter.why.offset}"


def _done(event: DeadLetterHandled | None) -> str:
    if event is None:
        return ""
    what = "in doubt: replay begun, not ended," if event.action == REPLAYING else event.action
    note = f": {event.note}" if event.note else ""
    return f"{what} by {event.by}, {_time(event.at)}{note}"


def _time(at: datetime) -> str:
    return f"{at:%Y-%m-%d %H:%M:%S}"
