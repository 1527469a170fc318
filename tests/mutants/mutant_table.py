"""Mistakes that must not go unnoticed, and the tests that have to notice them."""

from mutant_harness import Mutant

LEDGER = "services/gap-detector/src/gap_detector"
QUEUE = "services/priority-router/src/priority_router"
OF_LEDGER = "services/gap-detector/tests"
OF_QUEUE = "services/priority-router/tests"
HANDOVER = "tests/properties/test_handover.py::test_a_short_story_ends_in_agreement"
HONEST, LOSSY, ROGUE = (f"{HANDOVER}[{kind}]" for kind in ("honest", "lossy", "rogue"))

MUTANTS = (
    # ── the ledger ─────────────────────────────────────────────────────────────────────────────────────
    Mutant(
        "a new line is covered while others wait",
        f"{LEDGER}/domain/decide.py",
        "if self.lane.needed <= 0 else 0",
        "if self.lane.needed <= 0 or self.lane.handed else 0",
        (f"{OF_LEDGER}/test_ledger_oracle.py",),
    ),
    Mutant(
        "free units are not handed to the queue",
        f"{LEDGER}/domain/decide.py",
        "if lane.free > 0 and lane.needed > 0:",
        "if lane.free > 0 and lane.needed > 1:",
        (HONEST,),
    ),
    Mutant(
        "lost stock is taken from the oldest cover first",
        f"{LEDGER}/domain/model.py",
        "key=lambda item: -item[0]",
        "key=lambda item: item[0]",
        (f"{OF_LEDGER}/test_losses.py",),
    ),
    Mutant(
        "lost stock is taken from cover before the queue gives back",
        f"{LEDGER}/domain/decide.py",
        "if back := min(-lane.free, max(lane.handed, 0)):",
        "if back := min(-lane.free - lane.covered, max(lane.handed, 0)):",
        (f"{OF_LEDGER}/test_losses.py",),
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
        (f"{OF_LEDGER}/test_queue_need.py",),
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
        "        if before.detail == event.line:\n            return ()\n",
        "        if before.detail == event.line:\n            return None\n",
        (HONEST,),
    ),
    Mutant(
        "a line may stand in two lanes",
        f"{LEDGER}/domain/spread.py",
        "place.lane if place and place.lane != lane else None",
        "None",
        (f"{OF_LEDGER}/test_duplicates.py",),
    ),
    Mutant(
        "a cancellation that comes before its order is forgotten",
        f"{LEDGER}/domain/spread.py",
        "for kept in order.cancellations.values()",
        "for kept in ()",
        (HONEST,),
    ),
    Mutant(
        "a cancellation that comes twice counts twice",
        f"{LEDGER}/domain/spread.py",
        "if message.cancellation_id in order.cancellations:",
        "if message.cancellation_id in ():",
        (f"{OF_LEDGER}/test_duplicates.py",),
    ),
    Mutant(
        "a shipment that overtakes its order is forgotten",
        f"{LEDGER}/domain/decide.py",
        "gone = min(line.quantity, self.line(ref).shipped)",
        "gone = 0",
        (f"{OF_LEDGER}/test_shipments.py",),
    ),
    Mutant(
        "two cancellations ask for the same units",
        f"{LEDGER}/domain/decide.py",
        "in_queue = max(0, line.need + line.away - line.cancelling)",
        "in_queue = line.need",
        (f"{OF_LEDGER}/test_cancellations.py",),
    ),
    Mutant(
        "what the queue refuses to cancel is not taken from cover",
        f"{LEDGER}/domain/decide.py",
        "        if left > 0:\n            self.cancel_cover(answer",
        "        if left > 0 and answer.done > 0:\n            self.cancel_cover(answer",
        (f"{OF_LEDGER}/test_cancellations.py",),
    ),
    Mutant(
        "a level that comes late counts",
        f"{LEDGER}/domain/decide.py",
        "if event.version > self.lane.version:",
        "if event.version != self.lane.version:",
        (LOSSY,),
    ),
    Mutant(
        "what the queue owes is given away as free stock",
        f"{LEDGER}/domain/model.py",
        "self.covered - max(self.handed, 0)",
        "self.covered - self.handed",
        (f"{OF_LEDGER}/test_ledger_oracle.py",),
    ),
    Mutant(
        "a back order is opened each time that it grows",
        f"{LEDGER}/publish.py",
        "if not fact.first:",
        "if fact.units == 0:",
        (LOSSY,),
    ),
    Mutant(
        "the queue is told of more lost units than it had",
        f"{LEDGER}/publish.py",
        "BackOrderShipped(self._id(ref), ref, units, counted, cause)",
        "BackOrderShipped(self._id(ref), ref, units, units, cause)",
        (ROGUE,),
    ),
    # ── the queue ──────────────────────────────────────────────────────────────────────────────────────
    Mutant(
        "a held line goes on needing units",
        f"{QUEUE}/domain/order.py",
        "return self.allocated + self.released if self.held else self.need",
        "return self.need",
        (HONEST,),
    ),
    Mutant(
        "units that no line can use stay in the queue",
        f"{QUEUE}/domain/report.py",
        "max(draft.idle, 0)",
        "0",
        (HONEST,),
    ),
    Mutant(
        "lost stock is taken from the best rank",
        f"{QUEUE}/domain/settle.py",
        "for key in draft.holders():",
        "for key in reversed(list(draft.holders())):",
        (f"{OF_QUEUE}/test_settle.py::test_lost_stock_is_taken_from_the_last_rank_whatever_its_strategy",),
    ),
    Mutant(
        "lost stock is not taken from anybody",
        f"{QUEUE}/domain/settle.py",
        "    if draft.idle < 0:\n        _lose(draft)\n",
        "",
        (LOSSY,),
    ),
    Mutant(
        "a shipment of units that were not set aside costs nobody anything",
        f"{QUEUE}/domain/evolve.py",
        "move_idle(book, fact.released + fact.allocated - fact.counted)",
        "move_idle(book, 0)",
        (ROGUE,),
    ),
    Mutant(
        "units that left although nobody needed them are still the queue's",
        f"{QUEUE}/domain/evolve.py",
        "    line.counted -= fact.counted\n    move_idle(book, -fact.counted)\n",
        "    line.counted -= fact.counted\n",
        (ROGUE,),
    ),
    Mutant(
        "released units are cancelled",
        f"{QUEUE}/domain/entry.py",
        "done = min(event.units, line.need - line.released)",
        "done = min(event.units, line.need)",
        (HONEST,),
    ),
    Mutant(
        "a cancellation gives back units that only waited (P1)",
        f"{QUEUE}/domain/entry.py",
        "waiting = min(units, line.waiting)",
        "waiting = units - min(units, line.allocated)",
        (f"{OF_QUEUE}/test_entry.py::test_cancelling_waiting_units_frees_nothing",),
    ),
    Mutant(
        "a held line keeps what was set aside for it",
        f"{QUEUE}/domain/commands.py",
        '        take_back(draft, line, line.allocated, "held")\n',
        "        pass\n",
        (HONEST,),
    ),
    Mutant(
        "the ledger hears of a command's cancellation too late",
        f"{QUEUE}/domain/commands.py",
        '    cancel(draft, line, units, "command")\n    draft.answers.append(CancelAnswer(line.ref, 0, units, event.cause))\n',
        '    cancel(draft, line, units, "command")\n',
        (HONEST,),
    ),
    Mutant(
        "a rerouted line goes on with more than is left of it",
        f"{QUEUE}/domain/commands.py",
        "        quantity=units,\n",
        "        quantity=line.back_ordered,\n",
        (HONEST,),
    ),
    Mutant(
        "a version stands for two states",
        f"{QUEUE}/domain/evolve.py",
        "        if fact.ce_type is not None:\n            line.version += 1\n",
        "        line.version += 1\n",
        (HONEST,),
    ),
)
