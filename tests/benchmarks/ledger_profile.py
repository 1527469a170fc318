"""Where the processor time of the ledger step goes: samples of the process that does it, by the kind of work.

The kernel interrupts the process each time that it has used some more of a processor, and Python says where it is. What
a library does that Python cannot look into counts for whoever called it.
"""

import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

_EVERY = 0.0025  # seconds of processor time; a kernel that counts in longer ticks looks once in each of these

READING = "reading: bundles, records, decoding"
DECIDING = "deciding: `decide`, `evolve`, spreading"
STORING = "storing: rows, columns, statements"
DRIVER = "the database driver"
TELLING = "telling: events and bundles"
ENGINE = "the engine's own steps"
PARTS = (READING, DECIDING, STORING, DRIVER, TELLING, ENGINE)

# What is done in a file, or in some functions of it; the first that fits counts. Where nothing fits, as in what services
# share and in Python's own library, whoever called it says what it was for.
_WORK = (
    (READING, "gap_detector/handlers.py", ("_of_order", "_of_queue", "GapLedger.decode")),
    (READING, "gap_detector/domain/spread.py", ("addressed",)),
    (READING, "backorder_runtime/batch.py", ("Batch._one_by_one", "Batch._understood")),
    (READING, "backorder_runtime/bundle.py", ("unpack",)),
    (READING, "backorder_runtime/inputs.py", ()),
    (READING, "backorder_runtime/record.py", ()),
    (STORING, "gap_detector/handlers.py", ("GapLedger.load", "GapLedger._load_lanes", "GapLedger._take")),
    (STORING, "gap_detector/handlers.py", ("GapLedger._losses", "GapLedger.save", "GapLedger._old_lines")),
    (STORING, "gap_detector/handlers.py", ("GapLedger._forget_lines",)),
    (DECIDING, "gap_detector/handlers.py", ()),
    (DECIDING, "gap_detector/domain/", ()),
    (STORING, "gap_detector/", ("wanted_by",)),
    (STORING, "gap_detector/repository.py", ()),
    (TELLING, "gap_detector/publish.py", ()),
    (TELLING, "backorder_runtime/bundle.py", ()),
    (TELLING, "backorder_runtime/outcome.py", ()),
    (TELLING, "backorder_runtime/outbox.py", ()),
    (STORING, "backorder_runtime/asking.py", ()),
    (STORING, "backorder_runtime/store.py", ()),
    (ENGINE, "backorder_runtime/", ()),
    (DRIVER, "/asyncpg/", ()),
    (DRIVER, "/asyncio/runners.py", ()),  # the loop by itself, which gives the driver what the database has said
)


def part_of(frame: FrameType | None) -> str:
    """What is being done, seen from within; what none of our files asked for is the engine's."""
    while frame is not None:
        # what is written within a function belongs to it
        name = frame.f_code.co_qualname.partition(".<locals>")[0]
        for part, file, functions in _WORK:
            if file in frame.f_code.co_filename and (not functions or name in functions):
                return part
        frame = frame.f_back
    return ENGINE


@contextmanager
def sampled() -> Iterator[Counter[str]]:
    """How often each kind of work was met while the block ran; for the main thread of a process."""
    met: Counter[str] = Counter()

    def look(_: int, frame: FrameType | None) -> None:
        met[part_of(frame)] += 1

    before = signal.signal(signal.SIGPROF, look)
    signal.setitimer(signal.ITIMER_PROF, _EVERY, _EVERY)
    try:
        yield met
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def table(met: Counter[str], micros: float) -> str:
    """The share of each kind of work, and what it is of so many microseconds a line."""
    rows = ["| part | share | µs |", "|---|---:|---:|"]
    for part in PARTS:
        share = met[part] / max(1, met.total())
        rows.append(f"| {part} | {share:.0%} | {share * micros:.1f} |")
    return "\n".join([*rows, f"| all, in {met.total():,} samples | | {micros:.1f} |"])
