"""The tests notice when the core is broken: each of these small changes makes the test beside it fail."""

import importlib.util
import shutil
import sys
from contextlib import contextmanager
from pathlib import Path

import pytest

import priority_router

HERE = Path(__file__).parent
SOURCE = Path(priority_router.__file__).parent

# (file of the core, text, what it becomes, test file, the test that must fail)
MUTANTS = [
    (
        "settle.py",
        "(_lose, _hand_out,",
        "(_hand_out,",
        "test_settle",
        "test_lost_stock_is_taken_from_the_last_rank_whatever_its_strategy",
    ),
    (
        "settle.py",
        "min(-draft.idle, draft.see(key).allocated)",
        "draft.see(key).allocated",
        "test_entry",
        "test_what_a_shipment_wrote_off_too_much_is_taken_from_the_last_rank",
    ),
    (
        "settle.py",
        "min(draft.idle, line.waiting if units is None else units)",
        "draft.idle",
        "test_settle",
        "test_units_go_to_the_first_rank_and_partly_to_the_next",
    ),
    (
        "settle.py",
        'chain(_in_line(draft), (("left-over", key, None) for key in draft.lent()))',
        'chain((("left-over", key, None) for key in draft.lent()), _in_line(draft))',
        "test_lending",
        "test_a_lender_gets_no_more_units_while_others_wait_but_keeps_what_nobody_wants",
    ),
    (
        "settle.py",
        "if rules.strategy is not Strategy.WIN:",
        "if rules.strategy is Strategy.FILL:",
        "test_settle",
        "test_neither_gain_nor_fill_takes_from_anybody",
    ),
    (
        "settle.py",
        "if line.complete and line.waiting > units:",
        "if line.complete and line.waiting > units + 1:",
        "test_settle",
        "test_a_win_that_ships_complete_takes_only_what_completes_it",
    ),
    (
        "settle.py",
        "_lend, _win, _lend)",
        "_win)",
        "test_lending",
        "test_a_complete_line_that_supply_cannot_complete_lends_its_units",
    ),
    (
        "model.py",
        "policy.strategy(line.band) is Strategy.FILL",
        "policy.strategy(line.band) is not Strategy.WIN",
        "test_settle",
        "test_a_win_takes_nothing_that_is_released_nor_anything_from_a_gain",
    ),
    (
        "model.py",
        "line.worsened >= policy.max_worsened",
        "line.worsened > policy.max_worsened",
        "test_promises",
        "test_an_overtaken_promise_is_counted_and_then_protected",
    ),
    (
        "model.py",
        "if waiting > 0 and not line.held:",
        "if waiting > 0:",
        "test_settle",
        "test_an_allocation_names_those_who_were_passed_over",
    ),
    (
        "draft.py",
        "mine.sort(reverse=last_first)",
        "mine.sort(reverse=not last_first)",
        "test_lending",
        "test_of_several_lines_that_cease_to_lend_the_first_rank_is_served_first",
    ),
    (
        "draft.py",
        "if self.see(key).band <= band:",
        "if self.see(key).band < 0:",
        "test_settle",
        "test_a_win_leaves_higher_bands_alone",
    ),
    (
        "entry.py",
        "units = min(event.units, line.need)",
        "units = event.units",
        "test_entry",
        "test_a_shipment_of_units_that_were_cancelled_meanwhile_never_goes_below_zero",
    ),
    (
        "entry.py",
        "released = min(units, line.released)",
        "released = 0",
        "test_entry",
        "test_shipping_takes_released_units_then_allocated_ones_then_waiting_ones",
    ),
    (
        "entry.py",
        "done = min(event.units, line.need - line.released)",
        "done = min(event.units, line.need)",
        "test_entry",
        "test_released_units_are_not_cancelled_and_the_ledger_hears_how_many_were",
    ),
    (
        "entry.py",
        "waiting = min(units, line.waiting)",
        "waiting = units - min(units, line.allocated)",
        "test_entry",
        "test_cancelling_waiting_units_frees_nothing",
    ),
    (
        "entry.py",
        "draft.strays.append(",
        "(",
        "test_entry",
        "test_messages_about_an_unknown_back_order_keep_the_books_right",
    ),
    (
        "evolve.py",
        "move_idle(book, fact.released + fact.allocated - fact.counted)",
        "move_idle(book, 0)",
        "test_entry",
        "test_shipping_takes_released_units_then_allocated_ones_then_waiting_ones",
    ),
    (
        "evolve.py",
        "        line.version += 1\n",
        "        pass\n",
        "test_entry",
        "test_a_shortage_opens_a_back_order_and_ranks_it",
    ),
    (
        "order.py",
        "return self.allocated + self.released if self.held else self.need",
        "return self.need",
        "test_commands",
        "test_a_hold_makes_the_ledger_count_only_what_is_released",
    ),
    (
        "release.py",
        "return not line.complete or not line.waiting",
        "return True",
        "test_release",
        "test_a_complete_line_is_released_only_when_nothing_of_it_waits",
    ),
    (
        "release.py",
        "if at <= draft.now",
        "if at < draft.now",
        "test_release",
        "test_units_are_released_once_the_debounce_is_over_and_only_once",
    ),
    (
        "report.py",
        "else max(draft.idle, 0)",
        "else 0",
        "test_settle",
        "test_units_that_no_line_can_use_go_back_at_once_with_their_deliveries",
    ),
    (
        "report.py",
        "line.want - line.counted)",
        "line.want)",
        "test_entry",
        "test_cancelling_takes_waiting_then_allocated_units_which_go_to_the_next",
    ),
    (
        "report.py",
        "(key == rang and at is not None)",
        "False",
        "test_release",
        "test_a_timer_that_rings_for_nothing_changes_nothing_but_is_set_again",
    ),
    (
        "lending.py",
        "lends = slot.claim > left",
        "lends = slot.waiting > left",
        "test_lending",
        "test_a_delivery_that_is_too_small_does_not_keep_a_complete_line_from_lending",
    ),
    (
        "promise.py",
        "[n - owed for n in accumulate(d.units for d in by_p50)]",
        "[n for n in accumulate(d.units for d in by_p50)]",
        "test_promises",
        "test_owed_units_come_out_of_the_first_supply",
    ),
    (
        "promise.py",
        "first, before = before + 1, before + slot.waiting",
        "first, before = before + 1, before + 1",
        "test_promises",
        "test_a_promise_is_when_supply_passes_the_need_up_to_the_line",
    ),
    (
        "promise.py",
        "abs(dates[0] - old.p50) > tolerance or",
        "dates[0] != old.p50 or",
        "test_promises",
        "test_a_promise_is_published_only_when_it_moves_beyond_the_tolerance",
    ),
    (
        "order.py",
        "Rank(self.band, self.due_at, line.placed_at,",
        "Rank(self.band, line.placed_at, self.due_at,",
        "test_promises",
        "test_oracles_rule_ranks_by_priority_and_breaks_ties_by_the_earlier_date",
    ),
    (
        "commands.py",
        "    if units > free:\n",
        "    if units > line.need:\n",
        "test_commands",
        "test_released_units_are_out_of_a_cancel_commands_reach",
    ),
    (
        "turns.py",
        "elif self.position(before + guard.upto - out) > guard.place - self._given:",
        "elif self.position(before + guard.upto - out) > guard.place:",
        "test_kept_promises",
        "test_the_units_that_a_protected_promise_rests_on_are_kept_for_it_and_those_before_are_not",
    ),
    (
        "turns.py",
        "end = min(end, place - self._given)",
        "end = stand.waiting",
        "test_kept_promises",
        "test_a_better_rank_is_served_first_for_as_long_as_the_promise_can_still_be_kept",
    ),
    (
        "turns.py",
        "unit + self._sums[bisect_left(self._after, unit)]",
        "unit",
        "test_kept_promises",
        "test_a_promise_that_was_made_worse_once_keeps_its_date_whoever_comes",
    ),
    (
        "settle.py",
        "while left and served < turn.after:",
        "while left:",
        "test_kept_promises",
        "test_the_units_that_a_protected_promise_rests_on_are_kept_for_it_and_those_before_are_not",
    ),
    (
        "lending.py",
        "left -= ladder.tally.spoken",
        "left -= 0",
        "test_kept_promises",
        "test_a_complete_line_does_not_wait_for_units_that_a_protected_promise_rests_on",
    ),
    (
        "evolve.py",
        "    line.place = None  # the promise was for less\n    if fact.reopened:",
        "    if fact.reopened:",
        "test_kept_promises",
        "test_what_a_line_needs_more_than_it_was_promised_is_not_protected",
    ),
    (
        "promise.py",
        "self._dates50 = [max(d.p50, now) for d in by_p50]",
        "self._dates50 = [d.p50 for d in by_p50]",
        "test_kept_promises",
        "test_an_overdue_delivery_promises_now_at_the_earliest_and_again_when_it_does_not_come",
    ),
    (
        "promise.py",
        "return then is not None and _later(Promise(*then), dates, self._tolerance)",
        "return True",
        "test_kept_promises",
        "test_a_supplier_who_is_late_moves_a_protected_promise_and_nobody_is_blamed",
    ),
    (
        "report.py",
        "min(max(first, draft.now), LATEST - span) + span",
        "first + span",
        "test_kept_promises",
        "test_an_overdue_delivery_promises_now_at_the_earliest_and_again_when_it_does_not_come",
    ),
]


@contextmanager
def core_at(folder):
    """Import the core from another folder, and afterwards from where it was."""
    ours = ("priority_router", "router_")
    saved = {name: module for name, module in sys.modules.items() if name.startswith(ours)}
    for name in saved:
        del sys.modules[name]
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
        for name in [name for name in sys.modules if name.startswith(ours)]:
            del sys.modules[name]
        sys.modules.update(saved)


def run(test_file, test):
    spec = importlib.util.spec_from_file_location(f"router_mutant_{test_file}", HERE / f"{test_file}.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    getattr(module, test)()


@pytest.fixture
def copied(tmp_path):
    shutil.copytree(SOURCE, tmp_path / "priority_router", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


@pytest.mark.parametrize("mutant", MUTANTS, ids=[f"{m[0]}-{m[4]}" for m in MUTANTS])
def test_the_mutant_is_caught(mutant, copied):
    file, text, other, test_file, test = mutant
    path = copied / "priority_router" / "domain" / file
    source = path.read_text(encoding="utf-8")
    assert source.count(text) == 1, f"{file} has no longer exactly one {text!r}"
    path.write_text(source.replace(text, other), encoding="utf-8")
    with core_at(copied), pytest.raises(Exception):  # noqa: B017 - a wrong core may fail in any way
        run(test_file, test)


@pytest.mark.parametrize("case", sorted({(m[3], m[4]) for m in MUTANTS}))
def test_without_a_mutant_the_test_passes_there(case, copied):
    with core_at(copied):
        run(*case)
