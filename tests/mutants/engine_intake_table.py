"""Mistakes of an intake, of who waits for brokers and of who lets go what is over, and the tests that notice them."""

from engine_table import ENGINE, LOOP, TESTS
from mutant_harness import Mutant

INTAKE, RETENTION = f"{TESTS}/test_intake_loop.py::test", f"{TESTS}/test_retention.py::test"
ANSWERS = f"{TESTS}/test_letting_go.py::test"

MUTANTS = (
    # ── the intake ─────────────────────────────────────────────────────────────────────────────────────
    Mutant(
        "an intake commits what was not confirmed",
        f"{ENGINE}/intake.py",
        "        await self._publisher.publish(wires)\n        self._limit.keep(tally)\n        self._stand_behind(read)\n",
        "        self._stand_behind(read)\n        await self._publisher.publish(wires)\n        self._limit.keep(tally)\n",
        (
            f"{INTAKE}_what_was_not_confirmed_is_translated_again",
            f"{INTAKE}_a_mark_is_passed_no_sooner_than_what_stands_before_it_is_confirmed",
        ),
    ),
    Mutant(
        "an intake takes the mark of a transaction for a record that is still to come",
        f"{ENGINE}/intake.py",
        "                at.next_offset = max(at.next_offset, reached)\n",
        "                pass\n",
        (f"{INTAKE}_it_stands_behind_the_marks_of_transactions",),
    ),
    Mutant(
        "whatever a publisher calls a trace goes into every message",
        f"{ENGINE}/intake.py",
        'trace_context(record.header("traceparent") or record.header("ce_traceparent"))',
        'record.header("traceparent") or record.header("ce_traceparent")',
        (f"{INTAKE}_what_is_no_trace_is_carried_into_no_message",),
    ),
    Mutant(
        "an intake publishes what comes next before the last is confirmed",
        f"{ENGINE}/intake.py",
        "        publishing = self._under_way\n",
        "        publishing, self._under_way = None, None\n",
        (f"{INTAKE}_what_was_translated_is_confirmed_while_the_next_is_read_and_before_that_is_published",),
    ),
    Mutant(
        "an intake commits for partitions that others have by now",
        f"{ENGINE}/intake.py",
        "        self._places.clear()  # others",
        "        # others",
        (
            f"{INTAKE}_where_others_have_got_to_is_not_overwritten",
            f"{INTAKE}_where_others_have_got_to_is_not_overwritten_either_when_it_is_ours_again",
        ),
    ),
    Mutant(
        "an intake forgets where it is when it cannot say so",
        f"{ENGINE}/intake.py",
        '            _log.warning("offsets not committed, will try again", error=repr(error))\n',
        "            self._places.clear()\n",
        (f"{INTAKE}_a_commit_that_failed_is_made_up_for",),
    ),
    Mutant(
        "an intake that waits for the broker counts as stuck",
        f"{ENGINE}/intake.py",
        "        self.heartbeat.beat()  # the broker",
        "        # the broker",
        (f"{INTAKE}_while_the_broker_is_away_it_waits_and_is_alive_and_shows_how_far_it_is_behind",),
    ),
    Mutant(
        "an intake that waits for the broker does not stop",
        f"{ENGINE}/lifecycle.py",
        "while not any(each.done() for each in awaited) and not stop.is_set():",
        "while not any(each.done() for each in awaited):",
        (f"{INTAKE}_while_the_broker_is_away_it_can_be_stopped_and_what_it_has_read_is_for_the_next_process",),
    ),
    Mutant(
        "an intake reads from where its client happens to be",
        f"{ENGINE}/intake.py",
        "self._consumer.seek(place, offset)",
        "pass",
        (f"{INTAKE}_it_reads_nothing_before_it_knows_where_its_group_stood",),
    ),
    Mutant(
        "an intake that refuses everything does so",
        f"{ENGINE}/intake.py",
        "if r.origin not in refused), letters)",
        "if r.origin not in refused), ())",
        (f"{INTAKE}_a_version_that_refuses_everything_publishes_nothing_of_it",),
    ),
    Mutant(
        "what an owner shows of its shard stays when the shard is another's",
        f"{ENGINE}/ownership.py",
        "            lag.forget(self._inputs(number))\n",
        "",
        (f"{LOOP}_how_long_a_shard_has_been_ours_is_shown_until_something_of_it_commits",),
    ),
    Mutant(
        "a shard that commits nothing after its claim shows no lag",
        f"{ENGINE}/ownership.py",
        "            place.newest_ms = int(1000 * self._clock().timestamp())\n",
        "            pass\n",
        (f"{LOOP}_how_long_a_shard_has_been_ours_is_shown_until_something_of_it_commits",),
    ),
    # ── brokers that do not answer ─────────────────────────────────────────────────────────────────────
    Mutant(
        "a reader waits for an answer for as long as its client likes",
        f"{ENGINE}/settings.py",
        '        "request_timeout_ms": kafka.patience_ms,\n',
        "",
        (f"{ANSWERS}_a_broker_that_never_answers_is_given_up_when_the_time_for_a_request_is_over",),
    ),
    Mutant(
        "whoever allows a longer silence waits for answers as long as before",
        f"{ENGINE}/settings.py",
        "max(_PATIENCE_MS, 2 * self.session_timeout_ms)",
        "_PATIENCE_MS",
        (f"{ANSWERS}_whoever_allows_a_longer_silence_waits_longer_for_answers_without_saying_so",),
    ),
    Mutant(
        "a consumer that does not get through is left open",
        f"{ENGINE}/consumer.py",
        "    except BaseException:\n        await consumer.stop()\n",
        "    except BaseException:\n",
        (f"{ANSWERS}_a_consumer_that_does_not_get_through_is_let_go_of",),
    ),
    # ── what is over ───────────────────────────────────────────────────────────────────────────────────
    Mutant(
        "a table that the database refuses holds up those that come after it",
        f"{ENGINE}/retention.py",
        "        well &= await _went_well(_empty(",
        "        well = well and await _went_well(_empty(",
        (f"{RETENTION}_a_table_that_the_database_refuses_holds_up_no_other",),
    ),
    Mutant(
        "rows are not counted while something of retention is refused",
        f"{ENGINE}/retention.py",
        "                if count_due.passed():",
        "                if well and count_due.passed():",
        (f"{RETENTION}_rows_are_counted_whatever_is_refused_and_what_was_is_tried_again_later",),
    ),
)
