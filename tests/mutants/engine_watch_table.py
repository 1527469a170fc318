"""Mistakes in what a service asks of a real broker and a real database, to stop before it does harm."""

from engine_table import ENGINE, TESTS
from mutant_harness import Mutant

STOPS, SCHEMA = f"{TESTS}/test_stops.py::test", f"{TESTS}/test_schema.py::test"
ACCEPTANCE = f"{TESTS}/test_topic_acceptance.py::test"
CLOCK = f"{TESTS}/test_clock_of_a_service.py::test"
RESTORED = f"{TESTS}/test_restored.py::test"
TRUNCATED = f"{STOPS}_a_log_that_is_truncated_beyond_where_it_stands_stops_it_while_it_runs"
NOT_MIGRATED = f"{SCHEMA}_a_schema_that_is_not_migrated_stops_it_before_it_reads"

MUTANTS = (
    Mutant(
        "what a lane topic lost while it was read is passed over",
        f"{ENGINE}/lanes.py",
        'offset_reset="none"',
        'offset_reset="latest"',
        (f"{TRUNCATED}[supply-entry]",),
    ),
    Mutant(
        "what an input lost while it was read is passed over",
        f"{ENGINE}/intake.py",
        'offset_reset="none"',
        'offset_reset="earliest"',
        (f"{TRUNCATED}[stock-changed]",),
    ),
    Mutant(
        "a log that lacks what is to be read next ends a service like a defect of ours",
        f"{ENGINE}/consumer.py",
        "        raise _lost(service, error) from error\n",
        "        raise\n",
        (TRUNCATED,),
    ),
    Mutant(
        "a service does not ask whether its database is older than what it has published",
        f"{ENGINE}/service.py",
        "        await past.check(service.name, reads.outputs, settings.kafka, pool)\n",
        "",
        (f"{RESTORED}_it_stops_before_it_reads_and_goes_on_when_it_is_told_what_is_void",),
    ),
    Mutant(
        "of what was published the end is not read",
        f"{ENGINE}/past.py",
        "max(logs[place][0], end - _TAIL)",
        "end",
        (f"{RESTORED}_it_stops_before_it_reads_and_goes_on_when_it_is_told_what_is_void",),
    ),
    Mutant(
        "a running service does not look at the database's clock",
        f"{ENGINE}/service.py",
        "            clock.compare(await database.clock(pool))\n",
        "            pass\n",
        (f"{CLOCK}_a_clock_that_goes_ahead_of_the_database_stops_it_while_it_runs",),
    ),
    Mutant(
        "the loops of a service go by the clock as it is",
        f"{ENGINE}/service.py",
        "        publisher,\n        clock,\n",
        "        publisher,\n        clock._clock,\n",
        (f"{CLOCK}_a_jump_ahead_is_gone_by_only_when_the_database_s_clock_shows_it_too",),
    ),
    Mutant(
        "a schema of which nobody knows a migration passes for migrated",
        f"{ENGINE}/database.py",
        "        found = set()\n",
        "        found = {revision}\n",
        (f"{NOT_MIGRATED}[none]",),
    ),
    Mutant(
        "an older schema passes for the one that is needed",
        f"{ENGINE}/database.py",
        "if found != {revision} and min(found) < revision:",
        'if min(found) == "":',
        (f"{NOT_MIGRATED}[older]",),
    ),
    Mutant(
        "who reads a schema that newer code migrated stops",
        f"{ENGINE}/database.py",
        "if found != {revision} and min(found) < revision:",
        "if found != {revision}:",
        (f"{SCHEMA}_a_schema_that_newer_code_migrated_is_good_for_the_code_before_it",),
    ),
    Mutant(
        "code that is put back cannot migrate what later code has migrated",
        f"{ENGINE}/migrate.py",
        "found > ours:",
        "False:",
        (f"{SCHEMA}_code_that_is_put_back_finds_nothing_to_migrate_in_a_schema_that_later_code_migrated",),
    ),
    Mutant(
        "a migration that waits for a table holds up who only reads it",
        f"{ENGINE}/migrate.py",
        "SET LOCAL lock_timeout = '200ms'",
        "SELECT 1",
        (f"{SCHEMA}_a_migration_that_has_to_wait_for_a_table_holds_up_nobody_who_reads_it",),
    ),
    Mutant(
        "what was refused in a topic that was made anew hides what is refused in the new one",
        f"{ENGINE}/topic_pin.sql",
        "DELETE FROM dead_letter WHERE topic = ANY ($1::text[])",
        "DELETE FROM dead_letter WHERE topic = ANY ($1::text[]) AND false",
        (f"{ACCEPTANCE}_what_was_refused_in_a_topic_that_was_made_anew_is_refused_for_the_first_time[True]",),
    ),
    Mutant(
        "what was refused in a topic that only lost records is refused once more",
        f"{ENGINE}/topic_acceptance.py",
        'await conn.execute(_SQL["forget_refused"], list(acceptance.anew))',
        'await conn.execute(_SQL["forget_refused"], list(acceptance.pins))',
        (f"{ACCEPTANCE}_what_was_refused_in_a_topic_that_was_made_anew_is_refused_for_the_first_time[False]",),
    ),
    Mutant(
        "a dead letter of a topic that was made anew copies a record of the new one",
        f"{ENGINE}/topic_acceptance.py",
        "            return without_record(entry, _GONE)\n",
        "            return entry\n",
        (f"{ACCEPTANCE}_a_letter_that_was_to_be_sent_comes_without_a_record_of_the_topic_that_was_made_anew[True]",),
    ),
    Mutant(
        "another record is replayed for one that was gone before it was copied",
        f"{ENGINE}/dlq/replay.py",
        "        fits_a_letter(letter.service, copy)\n        or (letter.key",
        "        (letter.key",
        (f"{TESTS}/test_dlq.py::test_no_other_record_is_replayed_for_one_that_was_gone_before_it_was_copied",),
    ),
    Mutant(
        "what lanes had still to read of a topic that was made anew hides what is refused in the new one",
        f"{ENGINE}/outcome.py",
        "[x for x, _ in refusals if x.origin not in of_log_before]",
        "[x for x, _ in refusals]",
        (f"{ACCEPTANCE}_what_lanes_had_still_to_read_of_it_and_refuse_later_comes_without_a_record_and_hides_none",),
    ),
    Mutant(
        "what was sent on before a topic lost records is gone with them",
        f"{ENGINE}/topic_pin.sql",
        "pinned_at = CASE WHEN topic_pin.topic_id = $2 THEN topic_pin.pinned_at ELSE now() END",
        "pinned_at = now()",
        (f"{ACCEPTANCE}_a_topic_that_lost_records_is_known_for_as_long_as_before",),
    ),
    Mutant(
        "what was sent on before the database was begun is gone",
        f"{ENGINE}/topic_pin.sql",
        "SELECT topic, topic_id, partitions, $1, '-infinity'",
        "SELECT topic, topic_id, partitions, $1, now()",
        (f"{ACCEPTANCE}_a_topic_that_lost_records_is_known_for_as_long_as_before",),
    ),
)
