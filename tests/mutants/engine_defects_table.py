"""Mistakes in how lanes stop for a defect, and go on, that must not go unnoticed, and the tests that notice them."""

from engine_table import BATCH, ENGINE, TESTS
from mutant_harness import Mutant

DEFECTS = f"{TESTS}/test_defects.py::test"
STEP_BY_STEP = f"{DEFECTS}_a_lane_goes_on_step_by_step_and_what_comes_meanwhile_waits_behind_what_was_kept"
AGAIN = f"{DEFECTS}_a_lane_that_fails_again_in_the_middle_stays_where_it_failed"

MUTANTS = (
    # ── stopping ───────────────────────────────────────────────────────────────────────────────────────
    Mutant(
        "behind a defect its lane goes on",
        f"{ENGINE}/batch.py",
        "        self.shard.parked.add(lane)\n        self.outcome.errors[lane] = error\n",
        "        self.outcome.errors[lane] = error\n",
        (f"{BATCH}_behind_a_defect_nothing_of_its_lane_is_decided_and_the_other_lanes_go_on",),
    ),
    Mutant(
        "what cannot be written down is written down in part",
        f"{ENGINE}/batch.py",
        "        except Exception as defect:  # noqa: BLE001 - raised at the end, see `process`\n"
        "            self._doom(arrived.lane, item, defect)\n",
        "        except Exception as defect:\n"
        "            self._stop(arrived.lane, defect)\n            self._hold_back(arrived.lane, item)\n",
        (f"{DEFECTS}_what_cannot_be_written_down_stops_its_lane_and_no_other",),
    ),
    Mutant(
        "what cannot be written down is tried for ever",
        f"{ENGINE}/lanes.py",
        "                self._suspects[defect.shard].update(defect.lanes)\n",
        "                pass\n",
        (f"{DEFECTS}_what_cannot_be_written_down_stops_its_lane_and_no_other",),
    ),
    Mutant(
        "after what could not be written down the memory is kept",
        f"{ENGINE}/lanes.py",
        "                self._suspects[defect.shard].update(defect.lanes)\n            self._claim_again(shards)\n",
        "                self._suspects[defect.shard].update(defect.lanes)\n",
        (f"{DEFECTS}_what_cannot_be_written_down_stops_its_lane_and_no_other",),
    ),
    Mutant(
        "a lane that could not be written down is stopped again and again",
        f"{ENGINE}/lanes.py",
        "                suspects.pop(lane, None)\n",
        "                pass\n",
        (f"{DEFECTS}_a_lane_that_could_not_be_written_down_is_not_stopped_again_when_it_went_on",),
    ),
    Mutant(
        "whoever had a lane before stops it when he has it again",
        f"{ENGINE}/lanes.py",
        "            del self._suspects[number]",
        "            pass",
        (f"{DEFECTS}_a_process_forgets_its_doubts_about_lanes_that_it_gives_away",),
    ),
    Mutant(
        "a lane is in doubt that somebody else has by now",
        f"{ENGINE}/lanes.py",
        "            if self._ours.shards.get(defect.shard) is shards[defect.shard]:",
        "            if True:",
        (f"{DEFECTS}_of_a_shard_that_was_lost_meanwhile_no_lane_is_in_doubt",),
    ),
    Mutant(
        "lanes that cannot be written down are found one by one",
        f"{ENGINE}/batch.py",
        "                self._process(item, now)\n",
        "                self._process(item, now)\n                if self._doomed:\n                    break\n",
        (f"{DEFECTS}_all_lanes_of_a_batch_that_cannot_be_written_down_are_found_at_once",),
    ),
    Mutant(
        "what cannot be spread counts as read",
        f"{ENGINE}/batch.py",
        "            self._read[item.record.topic] -= 1\n",
        "",
        (f"{DEFECTS}_a_version_that_understands_nothing_stops",),
    ),
    Mutant(
        "a timer that cannot be spread ends the service",
        f"{ENGINE}/batch.py",
        "            self._stop_at(item.timer, defect)\n",
        "            raise defect\n",
        (f"{DEFECTS}_a_timer_that_cannot_be_spread_stops_its_lane",),
    ),
    Mutant(
        "what a message says twice to a stopped lane is kept twice",
        f"{ENGINE}/batch.py",
        "                held.append(lane)  # it",
        "                pass  # it",
        (f"{DEFECTS}_what_a_message_says_twice_to_a_stopped_lane_is_kept_once_and_has_both_effects_once",),
    ),
    Mutant(
        "of a message that fails in its second part the first has its effect",
        f"{ENGINE}/batch.py",
        "            if not alone:",
        "            if False:",
        (f"{DEFECTS}_of_a_message_that_fails_in_its_second_part_the_first_has_no_effect_yet",),
    ),
    Mutant(
        "a timer that rang while its lane stopped takes back where it was moved to",
        f"{ENGINE}/batch.py",
        "self.outcome.timers.insert(0, SetTimer(",
        "self.outcome.timers.append(SetTimer(",
        (f"{DEFECTS}_the_last_word_about_a_timer_counts_though_it_rang_while_its_lane_stopped",),
    ),
    Mutant(
        "what the mended version refuses of what was kept stops it",
        f"{ENGINE}/batch.py",
        "            self.outcome.entries.append(letter_for(kept.record, refused.reason, refused.detail))\n",
        "            self._refuse(kept.record, refused.reason, refused.detail)\n",
        (f"{DEFECTS}_what_the_mended_version_refuses_of_what_was_kept_does_not_stop_it",),
    ),
    Mutant(
        "a message that we fail to understand is passed over",
        f"{ENGINE}/batch.py",
        "        self._refuse(message, Reason.UNREADABLE, _named(defect))\n",
        "",
        (f"{DEFECTS}_what_fails_before_anybody_knows_its_lanes_is_a_dead_letter",),
    ),
    Mutant(
        "a timer that nobody understands is lost",
        f"{ENGINE}/batch.py",
        "        self._stop(timer.lane, defect, _at(None, timer))\n        self._put_back(timer)\n",
        "        self._stop(timer.lane, defect, _at(None, timer))\n",
        (f"{DEFECTS}_a_timer_that_nobody_understands_stops_its_lane_and_rings_when_it_goes_on",),
    ),
    Mutant(
        "a timer of a stopped lane is lost",
        f"{ENGINE}/batch.py",
        "        if item.timer is not None:\n            self._put_back(item.timer)\n        elif item.record",
        "        if item.record",
        (f"{BATCH}_a_timer_of_a_lane_that_stops_in_the_same_batch_rings_when_it_goes_on",),
    ),
    # ── going on ───────────────────────────────────────────────────────────────────────────────────────
    Mutant(
        "what has just come overtakes what a stopped lane kept",
        f"{ENGINE}/batch.py",
        "self.inputs[:0] = inputs",
        "self.inputs.extend(inputs)",
        (f"{BATCH}_behind_a_defect_nothing_of_its_lane_is_decided_and_the_other_lanes_go_on",),
    ),
    Mutant(
        "what has just come overtakes what is still kept",
        f"{ENGINE}/batch.py",
        "            if lane.whole:\n                self.shard.parked.discard(lane.lane)\n",
        "            self.shard.parked.discard(lane.lane)\n",
        (STEP_BY_STEP,),
    ),
    Mutant(
        "a lane that is still parked takes nothing of what it kept",
        f"{ENGINE}/batch.py",
        "lane in (self.shard.parked if item.kept is None else self.outcome.errors)",
        "lane in self.shard.parked",
        (STEP_BY_STEP,),
    ),
    Mutant(
        "what was kept and is decided is kept on",
        f"{ENGINE}/batch.py",
        "            self.outcome.let_go.append(item.kept.id)\n",
        "            pass\n",
        (STEP_BY_STEP,),
    ),
    Mutant(
        "what was kept and is refused is kept on",
        f"{ENGINE}/batch.py",
        "        self.outcome.let_go.append(kept.id)\n",
        "",
        (f"{DEFECTS}_what_the_next_version_refuses_of_what_was_kept_is_kept_no_longer",),
    ),
    Mutant(
        "what was kept and cannot be read leaves its lane",
        f"{ENGINE}/batch.py",
        "            self._stop(kept.lane, defect, _at(kept.record))\n            return None\n",
        "            self._give_up(kept.record, defect)\n",
        (f"{DEFECTS}_what_was_kept_and_is_not_understood_keeps_its_lane_where_it_is",),
    ),
    Mutant(
        "what was kept and cannot be spread leaves its lane",
        f"{ENGINE}/batch.py",
        "        if item.kept is not None:\n            self._stop(item.kept.lane, defect, _at(item.record))\n        elif item.timer",
        "        if item.timer",
        (f"{DEFECTS}_what_was_kept_and_is_not_understood_keeps_its_lane_where_it_is",),
    ),
    Mutant(
        "whoever spreads what was kept is not told for which lane",
        f"{ENGINE}/batch.py",
        "self.shard.handler.spread(item.arrived, kept_for)",
        "self.shard.handler.spread(item.arrived, None)",
        (f"{DEFECTS}_a_part_that_was_kept_for_one_lane_is_asked_for_as_such",),
    ),
    Mutant(
        "a shard that reads much forgets that more is kept",
        f"{ENGINE}/batch.py",
        "self.outcome.rings_by(now) or (self.shard.rings_again and not self.due)",
        "self.outcome.rings_by(now)",
        (f"{DEFECTS}_a_shard_that_reads_much_goes_on_with_what_it_kept_at_once",),
    ),
    Mutant(
        "a lane that fails again loses what it failed at",
        f"{ENGINE}/batch.py",
        "        if item.kept is not None and kept_for not in self.outcome.errors:\n",
        "        if item.kept is not None:\n",
        (AGAIN,),
    ),
    Mutant(
        "a lane that fails again keeps what it failed at twice",
        f"{ENGINE}/batch.py",
        "        elif item.record is not None and item.kept is None:\n",
        "        elif item.record is not None:\n",
        (AGAIN,),
    ),
    Mutant(
        "what a stopped lane kept is decided again for the lanes beside it",
        f"{ENGINE}/batch.py",
        "            if lane in held or (kept_for is not None and kept_for != lane):\n",
        "            if lane in held:\n",
        (f"{BATCH}_what_two_lanes_share_is_kept_for_the_one_that_is_stopped_alone",),
    ),
)
