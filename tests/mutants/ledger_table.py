"""Mistakes in the ledger, and the tests that have to notice them."""

from mutant_harness import Mutant

LEDGER = "services/gap-detector/src/gap_detector"
OF_LEDGER = "services/gap-detector/tests"
REROUTED = f"{OF_LEDGER}/test_rerouted_lines.py::test"
HANDOVER = "tests/properties/test_handover.py::test_a_long_story_ends_in_agreement"
HONEST, LOSSY, ROGUE = (f"{HANDOVER}[{kind}]" for kind in ("honest", "lossy", "rogue"))

MUTANTS = (
    Mutant(
        "a new line is covered with what the queue has",
        f"{LEDGER}/domain/decide.py",
        "free = lane.free\n",
        "free = lane.on_hand - lane.covered\n",
        (HONEST,),
    ),
    Mutant(
        "a unit stays free for new lines although somebody waits",
        f"{LEDGER}/domain/decide.py",
        "if lane.free > 0 and lane.needed > 0:",
        "if lane.free > 1 and lane.needed > 0:",
        (HONEST,),
    ),
    Mutant(
        "lost stock is taken from the oldest cover first",
        f"{LEDGER}/domain/model.py",
        "key=lambda item: -item[0]",
        "key=lambda item: item[0]",
        (f"{OF_LEDGER}/test_losses.py::test_what_the_queue_cannot_give_back_is_taken_from_the_newest_cover",),
    ),
    Mutant(
        "lost stock is taken from cover before the queue gives back",
        f"{LEDGER}/domain/decide.py",
        "if back := min(-lane.free, max(lane.handed, 0)):",
        "if back := min(-lane.free - lane.covered, max(lane.handed, 0)):",
        (f"{OF_LEDGER}/test_losses.py::test_cover_is_safe_as_long_as_the_queue_has_enough_to_give_back",),
    ),
    Mutant(
        "a cancellation of waiting units frees units that never were (P1)",
        f"{LEDGER}/domain/evolve.py",
        "    line.cancelled += fact.done\n",
        "    line.cancelled += fact.done\n    lane.handed -= fact.done\n",
        (f"{OF_LEDGER}/test_cancellations.py::test_cancelling_what_waits_frees_nothing",),
    ),
    Mutant(
        "a shipment counts twice, for cover and back order",
        f"{LEDGER}/domain/decide.py",
        "if units := min(shipped.units - cover, line.need):",
        "if units := min(shipped.units, line.need):",
        (LOSSY,),
    ),
    Mutant(
        "shipped units of a back order are counted on",
        f"{LEDGER}/domain/evolve.py",
        "    line.counted -= fact.counted\n",
        "",
        (HONEST,),
    ),
    Mutant(
        "the sign of a changed need is lost",
        f"{LEDGER}/domain/evolve.py",
        "    lane.touch(fact.ref).counted += fact.units\n    lane.needed += fact.units\n",
        "    lane.touch(fact.ref).counted += fact.units\n    lane.needed -= fact.units\n",
        (f"{OF_LEDGER}/test_queue_need.py::test_a_report_changes_what_is_counted_not_what_is_needed",),
    ),
    Mutant(
        "units that the queue returned are still the queue's",
        f"{LEDGER}/domain/evolve.py",
        "    lane.handed -= fact.units\n    lane.needed += fact.units\n",
        "    lane.needed += fact.units\n",
        (HONEST,),
    ),
    Mutant(
        "a line that comes twice is placed twice",
        f"{LEDGER}/domain/decide.py",
        "if before is not None and before.detail is not None:",
        "if before is not None and before.opened:",
        (HONEST,),
    ),
    Mutant(
        "a line may stand in two lanes",
        f"{LEDGER}/domain/spread.py",
        "place.lane if place and place.lane != lane else None",
        "None",
        (f"{OF_LEDGER}/test_duplicates.py::test_a_line_that_was_placed_in_another_lane_is_refused",),
    ),
    Mutant(
        "a line is not remembered for the cancellation that comes with it",
        f"{LEDGER}/wanted.py",
        "cancelled | repeated",
        "repeated",
        (f"{OF_LEDGER}/test_one_batch.py::test_a_cancellation_finds_the_lines_that_came_with_it",),
    ),
    Mutant(
        "a line is not remembered for its own repetition in another lane",
        f"{LEDGER}/wanted.py",
        "cancelled | repeated",
        "cancelled",
        (f"{OF_LEDGER}/test_one_batch.py::test_a_line_that_comes_twice_and_in_two_lanes_stays_in_the_first",),
    ),
    Mutant(
        "a line that a shipment of the batch names is not looked for among what is kept",
        f"{LEDGER}/wanted.py",
        "list(arriving)",
        "[ref for ref in arriving if ref not in refs]",
        (
            f"{OF_LEDGER}/test_one_batch.py::test_a_line_that_was_cancelled_before_it_came_is_so_also_beside_its_shipment",
            f"{OF_LEDGER}/test_one_batch.py::test_a_line_that_closed_long_ago_is_known_again_also_beside_its_shipment",
        ),
    ),
    Mutant(
        "a shipment that overtakes its order is not stored",
        f"{LEDGER}/handlers.py",
        "                self._foretold[name] = (lane, fact.ref, line)\n",
        "                pass\n",
        (f"{OF_LEDGER}/test_one_batch.py::test_what_is_shipped_before_it_is_known_has_a_row_of_its_own",),
    ),
    Mutant(
        "a line whose shipment came just before it is stored twice",
        f"{LEDGER}/handlers.py",
        "for each in self._foretold.values() if each[2].detail is None",
        "for each in self._foretold.values()",
        (f"{OF_LEDGER}/test_one_batch.py::test_a_line_whose_shipment_came_just_before_it_has_one_row",),
    ),
    Mutant(
        "a cancellation that comes before its order is forgotten",
        f"{LEDGER}/domain/spread.py",
        "for each in order.cancellations.values()",
        "for each in ()",
        (f"{OF_LEDGER}/test_cancellations.py::test_an_order_that_was_cancelled_before_it_came_wants_nothing",),
    ),
    Mutant(
        "a line that is placed after its order was cancelled is cancelled too",
        f"{LEDGER}/domain/spread.py",
        "kept.lines is not None or line.placed_at <= kept.cancelled_at",
        "True",
        (f"{OF_LEDGER}/test_cancellations.py::test_a_line_that_was_placed_after_its_order_was_cancelled_is_wanted",),
    ),
    Mutant(
        "a line that was placed at the moment of the cancellation is not cancelled",
        f"{LEDGER}/domain/spread.py",
        "line.placed_at <= kept.cancelled_at",
        "line.placed_at < kept.cancelled_at",
        (f"{OF_LEDGER}/test_cancellations.py::test_an_order_that_was_cancelled_before_it_came_wants_nothing",),
    ),
    Mutant(
        "a cancellation that comes twice counts twice",
        f"{LEDGER}/domain/spread.py",
        "known = order.cancellations.get(message.cancellation_id)",
        "known = None",
        (f"{OF_LEDGER}/test_duplicates.py::test_a_duplicate_cancellation_changes_nothing",),
    ),
    Mutant(
        "a cancellation that a stopped lane kept is taken for a repetition",
        f"{LEDGER}/domain/spread.py",
        "if kept_for in {None, lane}:",
        "if known:",
        (f"{OF_LEDGER}/test_stopped_lanes.py::test_what_was_kept_for_a_lane_is_no_repetition_there",),
    ),
    Mutant(
        "a cancellation that a stopped lane kept counts again for a line that has taken it when it entered",
        f"{LEDGER}/domain/spread.py",
        "order.places if known.found is None else known.found",
        "order.places",
        (
            f"{OF_LEDGER}/test_stopped_lanes.py::test_what_was_kept_for_a_lane_means_the_lines_that_were_there_when_it_came",
        ),
    ),
    Mutant(
        "another cancellation under a known id is taken for a repetition",
        f"{LEDGER}/domain/spread.py",
        "return () if _asks(known) == _asks(message) else",
        "return () if known else",
        (
            f"{OF_LEDGER}/test_duplicates.py::test_another_cancellation_under_a_known_id_is_refused_and_the_first_stands",
        ),
    ),
    Mutant(
        "a shipment that overtakes its order is forgotten",
        f"{LEDGER}/domain/decide.py",
        "gone = min(line.quantity, before.shipped) if before is not None else 0",
        "gone = 0",
        (f"{OF_LEDGER}/test_shipments.py::test_a_shipment_that_overtakes_its_order_is_remembered",),
    ),
    Mutant(
        "two cancellations ask for the same units",
        f"{LEDGER}/domain/decide.py",
        "in_queue = max(0, line.need + line.away - line.cancelling)",
        "in_queue = line.need + line.away",
        (f"{OF_LEDGER}/test_cancellations.py::test_two_cancellations_in_flight_never_ask_for_more_than_there_is",),
    ),
    Mutant(
        "what the queue refuses to cancel is not taken from cover",
        f"{LEDGER}/domain/decide.py",
        "        if left > 0:\n            self.cancel_cover(answer",
        "        if left > 0 and answer.done > 0:\n            self.cancel_cover(answer",
        (f"{OF_LEDGER}/test_cancellations.py::test_what_neither_has_is_said_about_the_back_order",),
    ),
    Mutant(
        "a cancellation that follows a rerouted line counts as often as it is heard",
        f"{LEDGER}/domain/decide.py",
        "fresh = event.total - self.line(event.ref).recalled",
        "fresh = event.total",
        (f"{REROUTED}_the_same_total_again_means_nothing_and_a_greater_one_only_the_difference",),
    ),
    Mutant(
        "a level that comes late counts",
        f"{LEDGER}/domain/decide.py",
        "if event.version > self.lane.version:",
        "if event.version != self.lane.version:",
        (f"{OF_LEDGER}/test_losses.py::test_a_late_level_moves_nothing",),
    ),
    Mutant(
        "what the queue owes is given away as free stock",
        f"{LEDGER}/domain/model.py",
        "self.covered - max(self.handed, 0)",
        "self.covered - self.handed",
        (f"{OF_LEDGER}/test_ledger_oracle.py::test_the_ledger_is_what_a_shelf_of_owned_units_is",),
    ),
    Mutant(
        "a back order is opened each time that it grows",
        f"{LEDGER}/publish.py",
        "if not fact.first:",
        "if fact.units == 0:",
        (LOSSY,),
    ),
    Mutant(
        "the queue is not told that its units left",
        f"{LEDGER}/publish.py",
        "fact.ref, fact.units, fact.counted, fact.cause)",
        "fact.ref, fact.units, 0, fact.cause)",
        (HONEST,),
    ),
    Mutant(
        "a shipment is written off only as far as the ledger has heard that its units are needed",
        f"{LEDGER}/domain/decide.py",
        "self.say(e.BackOrderLeft(ref, units, units, cause))",
        "self.say(e.BackOrderLeft(ref, units, min(units, max(line.counted, 0)), cause))",
        (f"{OF_LEDGER}/test_shipments.py::test_a_shipment_may_overtake_the_report_that_its_units_are_needed_again",),
    ),
)

ON_A_STACK = (
    Mutant(
        "a cancellation that another transaction holds is waited for before it is forgotten",
        f"{LEDGER}/retention.sql",
        " FOR UPDATE OF old SKIP LOCKED",
        "",
        (f"{OF_LEDGER}/test_retention.py::test_a_rule_of_tables_waits_for_nobody",),
    ),
)
