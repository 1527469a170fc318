"""A profile of the ledger step says what the time was spent on, not in which library."""

import sys
from collections import Counter

from ledger_profile import DECIDING, ENGINE, PARTS, READING, STORING, part_of, sampled, table

ROOT = "/somewhere/src/"


def frame_of(*calls):
    """The innermost frame of functions that call each other, each given by its file and its name."""
    scope = {"here": lambda: sys._getframe(1)}
    inner = "here()"
    for file, name in reversed(calls):
        code = f"def {name}():\n    return {inner}\n"
        exec(compile(code, ROOT + file, "exec"), scope)  # noqa: S102 - a function that says it stands in that file
        inner = f"{name}()"
    return eval(inner, scope)  # noqa: S307 - as above


def test_the_innermost_of_our_files_says_what_is_done():
    assert part_of(
        frame_of(("backorder_runtime/batch.py", "_decide"), ("gap_detector/domain/decide.py", "decide"))
    ) == (DECIDING)
    assert part_of(frame_of(("backorder_runtime/batch.py", "process"))) == ENGINE


def test_what_is_shared_counts_for_whoever_called_it():
    shared = ("backorder_contracts/identity.py", "lane")
    assert part_of(frame_of(("gap_detector/handlers.py", "_of_order"), shared)) == READING
    assert part_of(frame_of(("gap_detector/repository.py", "add_lines"), shared)) == STORING


def test_of_a_file_that_does_several_things_the_function_says_which():
    assert part_of(frame_of(("gap_detector/domain/spread.py", "addressed"))) == READING
    assert part_of(frame_of(("gap_detector/domain/spread.py", "beside_its_order"))) == DECIDING


def test_what_is_written_within_a_function_belongs_to_it():
    scope = {"frame": sys._getframe}
    code = "class GapLedger:\n    def load(self):\n        return [frame() for _ in range(1)][0]\n"
    exec(compile(code, f"{ROOT}gap_detector/handlers.py", "exec"), scope)  # noqa: S102 - as above
    assert part_of(scope["GapLedger"]().load()) == STORING


def test_a_process_that_works_is_met_at_it():
    with sampled() as met:
        value = 0
        while met.total() < 3:
            value += 1
    assert set(met) <= set(PARTS)
    before = met.total()
    sum(range(3_000_000))
    assert met.total() == before, "afterwards nobody looks any more"


def test_shares_are_of_all_samples():
    there = table(Counter({READING: 1, DECIDING: 3}), 20.0)
    assert f"| {DECIDING} | 75% | 15.0 |" in there
    assert "| all, in 4 samples | | 20.0 |" in there
    assert "| 0% | 0.0 |" in table(Counter(), 20.0)
