"""Mistakes with a turn that has more to do than it has time for."""

from engine_table import ENGINE, TESTS
from mutant_harness import Mutant

LONG = f"{TESTS}/test_long_turns.py::test"
LEFT = f"{LONG}_a_turn_that_is_over_leaves_the_rest_of_each_shard_to_the_next_ones_and_none_of_it_is_lost"

MUTANTS = (
    Mutant(
        "what a turn leaves of a backlog is passed over",
        f"{ENGINE}/lanes.py",
        "            self._ours.read_again(number)\n",
        "            pass\n",
        (LEFT,),
    ),
    Mutant(
        "a turn takes as long as its backlog",
        f"{ENGINE}/lanes.py",
        " or time.monotonic() >= ends",
        "",
        (LEFT,),
    ),
    Mutant(
        "a turn begins one transaction, however early it is",
        f"{ENGINE}/lanes.py",
        "if n and (self._stop.is_set() or time.monotonic() >= ends):",
        "if n:",
        (f"{LONG}_a_turn_that_is_not_over_goes_on_with_all_that_it_has_read",),
    ),
    Mutant(
        "a stop waits for a whole backlog",
        f"{ENGINE}/lanes.py",
        "self._stop.is_set() or time.monotonic() >= ends",
        "time.monotonic() >= ends",
        (f"{LONG}_a_stop_waits_for_the_transaction_at_hand_and_not_for_the_turn",),
    ),
    Mutant(
        "a loop that decides for long passes for one that stands still",
        f"{ENGINE}/batch.py",
        "                beat()\n",
        "",
        (f"{LONG}_a_loop_lives_for_as_long_as_its_inputs_are_decided_however_long_a_transaction_takes",),
    ),
    Mutant(
        "a loop that works on a backlog passes for one that stands still",
        f"{ENGINE}/lanes.py",
        "        self.heartbeat.beat()  # a turn may have many transactions: it stands still when none of them begins\n",
        "",
        (f"{LONG}_a_loop_lives_for_as_long_as_its_transactions_begin_however_many_one_turn_has",),
    ),
)
