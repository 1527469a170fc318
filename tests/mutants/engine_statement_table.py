"""Mistakes in the engine's statements that must not go unnoticed; to notice them takes a real database."""

from engine_table import ENGINE, TESTS
from mutant_harness import Mutant

STORE = f"{TESTS}/test_store.py::test"
CLAIMED = f"{STORE}_a_claim_goes_on_where_the_last_owner_stood_whatever_the_log_begins_with"

MUTANTS = (
    Mutant(
        "the epoch is not compared",
        f"{ENGINE}/queries.sql",
        "    WHERE shard.shard = ours.shard AND shard.epoch = ours.epoch\n",
        "    WHERE shard.shard = ours.shard\n",
        (
            f"{STORE}_whoever_claimed_before_is_fenced_and_those_beside_him_are_not",
            f"{TESTS}/test_engine.py::test_a_zombie_commits_nothing_after_its_shards_moved",
        ),
    ),
    Mutant(
        "a claim leaves the epoch as it is",
        f"{ENGINE}/queries.sql",
        "DO UPDATE SET epoch = shard.epoch + 1,",
        "DO UPDATE SET epoch = shard.epoch,",
        (f"{STORE}_whoever_claimed_before_is_fenced_and_those_beside_him_are_not",),
    ),
    Mutant(
        "offsets are not compared",
        f"{ENGINE}/queries.sql",
        " AND input.next_offset = step.old\n",
        "\n",
        (f"{STORE}_a_batch_that_begins_elsewhere_than_the_last_one_ended_is_fenced",),
    ),
    Mutant(
        "that offsets did not move goes unnoticed",
        f"{ENGINE}/store.py",
        "if moved.get(fence.shard) != len(fence.steps)]",
        "if fence.shard not in moved]",
        (f"{STORE}_a_batch_that_begins_elsewhere_than_the_last_one_ended_is_fenced",),
    ),
    Mutant(
        "a batch may read whole tables for what it asks by key",
        f"{ENGINE}/queries.sql",
        "WHERE set_config('enable_seqscan', 'off', true) = 'off'\n",
        "",
        (f"{STORE}_what_a_batch_asks_for_is_found_by_index_and_what_others_ask_for_as_it_suits_them",),
    ),
    Mutant(
        "a claim begins at the first record that the log has",
        f"{ENGINE}/queries.sql",
        "AS seen (topic, first)\nON CONFLICT DO NOTHING",
        "AS seen (topic, first)\nON CONFLICT (shard, topic) DO UPDATE SET next_offset = excluded.next_offset",
        (CLAIMED,),
    ),
    Mutant(
        "a number of the outbox is given twice",
        f"{ENGINE}/queries.sql",
        " AND shard.next_sequence = fresh.first_sequence\n",
        "\n",
        (f"{STORE}_a_number_is_given_once",),
    ),
    Mutant(
        "that a number was taken goes unnoticed",
        f"{ENGINE}/store.py",
        "if len(numbered) != len(batches):",
        "if not batches:",
        (f"{STORE}_a_number_is_given_once",),
    ),
    Mutant(
        "what was not confirmed leaves the outbox",
        f"{ENGINE}/queries.sql",
        " AND outbox.first_sequence <= fence.sent\n",
        "\n",
        (f"{STORE}_only_what_was_confirmed_leaves_the_outbox_and_only_of_the_shard",),
    ),
    Mutant(
        "the outbox is read newest first",
        f"{ENGINE}/queries.sql",
        "first_sequence > $2 ORDER BY first_sequence\n",
        "first_sequence > $2 ORDER BY first_sequence DESC\n",
        (f"{STORE}_only_what_was_confirmed_leaves_the_outbox_and_only_of_the_shard",),
    ),
    Mutant(
        "a timer that rang rings again",
        f"{ENGINE}/queries.sql",
        "DELETE FROM timer WHERE (shard, lane, key) IN (",
        "UPDATE timer SET due_at = due_at WHERE (shard, lane, key) IN (",
        (f"{STORE}_a_timer_that_is_due_is_taken_once_and_what_is_not_stays",),
    ),
    Mutant(
        "what a stopped lane kept comes back newest first",
        f"{ENGINE}/queries.sql",
        "FROM kept ORDER BY id\n",
        "FROM kept ORDER BY id DESC\n",
        (f"{STORE}_what_a_stopped_lane_kept_comes_back_in_its_order_when_it_is_to_go_on",),
    ),
    Mutant(
        "what a lane refuses twice is two dead letters",
        f"{ENGINE}/store.py",
        "return [x for o, x in first.items() if (o.topic, o.partition, o.offset) in fresh]",
        "return list(first.values())",
        (f"{STORE}_a_record_is_refused_once_however_many_lanes_do_and_however_often",),
    ),
    Mutant(
        "a lane that a timer stopped does not go on when nothing was kept for it",
        f"{ENGINE}/queries.sql",
        "FROM resumed LEFT JOIN LATERAL (",
        "FROM resumed JOIN LATERAL (",
        (f"{STORE}_a_lane_that_a_timer_stopped_comes_back_too_though_nothing_was_kept_for_it",),
    ),
    Mutant(
        "an owner that stands still keeps its shard",
        f"{ENGINE}/queries.sql",
        "SELECT count(*) FILTER (WHERE pg_terminate_backend(holder.pid)) FROM shard",
        "SELECT count(*) FROM shard",
        (f"{STORE}_an_owner_that_stands_still_in_mid_transaction_is_put_out_of_it",),
    ),
    Mutant(
        "our producer puts a lane elsewhere than every other client",
        f"{ENGINE}/publisher.py",
        '"partitioner": "murmur2_random"',
        '"partitioner": "consistent_random"',
        (f"{TESTS}/test_engine.py::test_every_client_puts_a_key_into_the_same_partition",),
    ),
    Mutant(
        "all that a stopped lane kept comes at once",
        f"{ENGINE}/queries.sql",
        "parked_input.lane = resumed.lane ORDER BY id LIMIT $3\n",
        "parked_input.lane = resumed.lane ORDER BY id LIMIT $3 + 1000\n",
        (f"{STORE}_of_a_lane_that_kept_much_the_first_come_back_and_it_stays_parked",),
    ),
    Mutant(
        "a lane that kept much is no longer parked after its first inputs",
        f"{ENGINE}/queries.sql",
        "    WHERE kept.whole AND parked_lane.shard",
        "    WHERE parked_lane.shard",
        (f"{STORE}_of_a_lane_that_kept_much_the_first_come_back_and_it_stays_parked",),
    ),
    Mutant(
        "a lane that fails again goes on by itself",
        f"{ENGINE}/queries.sql",
        "DO UPDATE SET error = excluded.error, resume = false",
        "DO UPDATE SET error = excluded.error",
        (f"{STORE}_a_lane_that_fails_again_while_it_goes_on_waits_to_be_asked_again",),
    ),
    Mutant(
        "a refused record that another transaction holds is waited for before it is forgotten",
        f"{ENGINE}/queries.sql",
        "WHERE at < $1 LIMIT $2 FOR UPDATE SKIP LOCKED",
        "WHERE at < $1 LIMIT $2",
        (f"{TESTS}/test_retention.py::test_refused_records_are_forgotten_without_waiting_for_anybody",),
    ),
)
