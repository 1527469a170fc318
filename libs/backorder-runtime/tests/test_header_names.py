"""A header name that is no text stops nobody."""

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchBuilderPy as Batch

from backorder_runtime import header_names


class Odd(str):
    __slots__ = ()

    def encode(self, *_: str) -> bytes:  # type: ignore[override]
        return b"x-\xff\xfe"


def batch(first: int, *headers: list[tuple[str, bytes | None]], codec: int = 0) -> bytes:
    made = Batch(2, codec, 0, -1, -1, -1, 1_000_000)
    for n, each in enumerate(headers):
        made.append(n, 1, f"k{n}".encode(), None if n % 2 else b"value", each)
    raw = made.build()
    raw[0:8] = first.to_bytes(8, "big")
    return bytes(raw)


def read(
    data: bytes, start: int = 0
) -> list[tuple[int, bytes | None, bytes | None, tuple[tuple[str, bytes | None], ...]]]:
    records = header_names._Records(data)
    assert records.has_next()
    assert records.size_in_bytes() == len(data)
    found = fetcher.PartitionRecords(TopicPartition("t", 0), records, [], start, None, None, True, 0)
    return [(each.offset, each.key, each.value, each.headers) for each in found]


@pytest.mark.parametrize("codec", [0, 1, 2, 3, 4])
def test_every_record_of_a_batch_with_an_odd_header_name_is_read_once(codec):
    data = batch(7, [], [("fine", b"1"), (Odd("x"), b"v"), ("ü", None)], [("after", b"")], codec=codec)
    assert read(data + batch(10, [("next", b"n")]), 7) == [
        (7, b"k0", b"value", ()),
        (8, b"k1", None, (("fine", b"1"), (r"x-\xff\xfe", b"v"), ("ü", None))),
        (9, b"k2", b"value", (("after", b""),)),
        (10, b"k0", b"value", (("next", b"n"),)),
    ]


def test_a_consumer_that_stands_behind_the_odd_record_goes_on_from_there():
    data = batch(0, [], [(Odd("x"), b"v")], [("after", b"")])
    assert [offset for offset, *_ in read(data, 2)] == [2]


def test_every_consumer_of_the_process_reads_that_way():
    import backorder_runtime.consumer  # noqa: F401, PLC0415 - importing it is what installs

    assert fetcher.MemoryRecords is header_names._Records
