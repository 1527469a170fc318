"""The text of docs/performance/README.md, and the reports that it compares; see performance_page.py."""

import json
from pathlib import Path

import page_tables as tables
from measured import told
from page_tables import Report

PAGE = Path(__file__).parents[2] / "docs" / "performance"


def read(file: Path) -> Report:
    """A report; an empty one if there is none."""
    return json.loads(file.read_text("utf-8")) if file.exists() else {}


def write(file: Path, report: Report) -> None:
    """A report, as the benchmarks write it."""
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(report, indent=1) + "\n", "utf-8")


def keep(name: str, report: Report, folder: Path = PAGE) -> Report:
    """Keep a report for the next page, and return the one before it, also when the same report is kept again."""
    kept, before = folder / name, folder / "last" / name
    if (shown := read(kept)) and shown != report:
        write(before, shown)
    write(kept, report)
    return read(before)


def page(system: Report, sizes: Report, plain: Report, last: Report, last_sizes: Report) -> str:
    """The page as it is written."""
    return f"""\
<!-- written by tests/benchmarks/performance_page.py from `make bench`; what the figures mean stands in ceiling.md -->
# Measured

{told(system)}; broker, database and services share the cores, and the database syncs to disk
(`max_wal_size` 8 GB, as in the production overlay). {system["lanes"]:,} lanes, of which a few are asked for much more
often than most (Zipf, exponent 0.8); an order has 3 lines, one line in ten is short.
{tables.last_run(system, last)}
A dash stands where nothing was measured, or where there is nothing to compare with.
[What the figures mean, and what limits them](ceiling.md); [an hour at a steady load](soak.md).

## Targets

What a machine with 2 cores, which hold everything, is to reach, and whether the run of this page did:

{tables.targets(system)}

[What others were reported to do](ceiling.md#what-others-were-reported-to-do) stands in the notes: it was not measured here.

## Rate

A backlog stands in its topic before the clock starts. {tables.runs(system)}
Milliseconds of processor time per 1,000 lines stand behind the rate; `generator` is the measurement itself, which reads
what subscribers see.

{tables.rates(system, last)}{tables.queued(system)}

![Processor time](costs.png)

What a process and its children hold when the last line of a backlog is through: memory of their own, and their part of
what they share.

{tables.memory(system, last)}

{tables.kills(system)}## Answers

Every event is published at its scheduled time by a process of its own, whatever the system does, and the answer counts
from that time until a subscriber has it. What was due in the first quarter of a rate's time is not counted. A second after
an order, one unit comes for each of its short lines, but for no more than 200 lines a second. Beyond what the machine
takes, the wait grows for as long as the measurement lasts.

{tables.answers(system, last)}

![Answers](answers.png)

## Beside a plain consumer

The ledger step, and the same step as one would write it without an engine
([plain_ledger.py](../../tests/benchmarks/plain_ledger.py)): aiokafka in batches of {plain["batch"]:,} lines and asyncpg, one
transaction for each, its events published before the offsets. That loses no line, but publishes twice what it was killed
over, has one process do everything, and knows orders and stock only: no cancellation, shipment, dead letter or trace.
Measured on {told(plain)}: medians of {plain["pairs"]} runs of each, in turns. The answer is that from an order
line to its back order at 2,000 lines a second, one record for each, when nothing else runs.

{tables.beside(plain)}

## Growth

Measured on {told(sizes)}, in a run of its own.
{tables.last_run(sizes, last_sizes)}

The ledger step by the number of lanes, and by that of open back orders beside 20,000 lanes: there in the system of the whole
way and after it, while the other services stand still. Behind the rate, of each part, ms of processor time per 1,000 lines
and MB of memory:

{tables.ledger_growth(sizes, last_sizes)}

The whole way, by the number of lanes, and by that of open back orders beside 20,000 lanes: a backlog, then answers. Each
number of lanes has a system of its own, asked for as long before; those of open back orders follow each other in one.
{tables.growth_answers(sizes)}

{tables.whole_growth(sizes, last_sizes)}

What each part of it takes: ms per 1,000 lines from a backlog, % of a core while answers are timed, MB of memory at the end:

{tables.growth_costs(sizes)}

![Growth](growth.png)
"""
