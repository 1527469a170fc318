"""Which snapshots may not be the newest of their back order, though they came last.

A process that stood still sends, once it goes on, what its producer held: behind what the next owner of its shards has
published. Readers of events know such a record by its version, but a compacted topic keeps the last record of a key.
"""

from collections.abc import Iterable, Mapping

import msgspec
from msgspec import Struct

from backorder_runtime.record import Record


class Heights:
    """The highest sequence that shards have published in each partition, as far as that is known.

    Made when partitions are assigned. `decided` is the highest sequence of each shard, by `ce_source`, and has to be
    read after that: whoever watched the partitions before has seen nothing higher, so what is higher comes behind
    nothing newer.
    """

    def __init__(self) -> None:
        self.decided: Mapping[str, int] | None = None
        self._seen: dict[tuple[int, str], int] = {}

    def doubtful(self, records: Iterable[Record]) -> dict[str, Record]:
        """By back order, what came last of it in these records, where that may not be its newest state.

        When records are judged again, all that shards published of them is.
        """
        found: dict[str, Record] = {}
        for record in records:
            key = (record.key or b"").decode("utf-8", "replace")
            if self._may_be_late(record):
                found[key] = record
            else:
                found.pop(key, None)
        return found

    def _may_be_late(self, record: Record) -> bool:
        source, sequence = record.header("ce_source") or "", record.header("ce_sequence") or ""
        if not sequence.isdecimal():
            return True  # of no shard: one that was restored, or none of ours
        here, number = (record.partition, source), int(sequence)
        highest = self._seen.get(here, (self.decided or {}).get(source, 0))
        self._seen[here] = max(highest, number)
        return number <= highest


class _Versioned(Struct, frozen=True):
    version: int


_versioned = msgspec.json.Decoder(_Versioned)


def version_of(record: Record) -> int | None:
    """The version of a back order that a snapshot shows: None when it says that there is none, 0 when it is none."""
    if record.value is None:
        return None
    try:
        return _versioned.decode(record.value).version
    except msgspec.DecodeError:
        return 0
