"""Mistakes in how the engine owns, reads and decides that must not go unnoticed, and the tests that notice them."""

from mutant_harness import Mutant

ENGINE = "libs/backorder-runtime/src/backorder_runtime"
TESTS = "libs/backorder-runtime/tests"
LOOP, BATCH, SHARD = f"{TESTS}/test_loop.py::test", f"{TESTS}/test_batch.py::test", f"{TESTS}/test_shard.py::test"
TURNS = f"{TESTS}/test_turns.py::test"
FAILED = f"{LOOP}_after_a_batch_that_failed_nothing_of_its_memory_counts"
FENCED = f"{LOOP}_a_shard_that_somebody_else_claimed_is_let_go_and_the_others_of_its_group_go_on"
INPUTS = f"{TESTS}/test_inputs.py::test"
ONE_TRANSACTION = f"{BATCH}_all_that_a_batch_says_to_the_database_it_says_in_one_transaction"

MUTANTS = (
    # ── owning a shard ─────────────────────────────────────────────────────────────────────────────────
    Mutant(
        "what is assigned is not paused",
        f"{ENGINE}/consumer.py",
        "        self._consumer.pause(*assigned)\n",
        "",
        (f"{LOOP}_what_is_assigned_is_paused_before_anybody_is_told",),
    ),
    Mutant(
        "a claimed shard is read from Kafka's offsets, not from the database's",
        f"{ENGINE}/ownership.py",
        "self._consumer.seek(place, self.shards[number].place(place.topic).next_offset)",
        "pass",
        (f"{LOOP}_a_shard_is_read_from_where_the_database_stands_and_not_from_where_the_group_does",),
    ),
    Mutant(
        "while the group gives out its shards, the old ones are read",
        f"{ENGINE}/ownership.py",
        "self._assigned, self._sought = set(), set()",
        "self._assigned = set()",
        (f"{LOOP}_while_the_group_gives_out_its_shards_nothing_is_read",),
    ),
    Mutant(
        "a shard that was given to somebody else is kept",
        f"{ENGINE}/ownership.py",
        "for number in self.shards.keys() - self._assigned:",
        "for number in ():",
        (f"{LOOP}_a_shard_that_was_given_to_somebody_else_is_forgotten_with_what_its_relay_had_to_send",),
    ),
    Mutant(
        "a claim that ends after the loop is kept",
        f"{ENGINE}/ownership.py",
        "        self._assigned = set()\n",
        "",
        (f"{LOOP}_a_claim_that_ends_after_the_loop_has_no_shard",),
    ),
    Mutant(
        "what may have been let go without an answer is not looked at",
        f"{ENGINE}/lanes.py",
        "            self._ours.drop(number, shard)  # it may",
        "            # it may",
        (f"{LOOP}_what_was_let_go_without_an_answer_is_found_out_by_a_claim",),
    ),
    Mutant(
        "a relay goes on after its shard was let go",
        f"{ENGINE}/ownership.py",
        "            cancel(relay)",
        "            pass",
        (f"{LOOP}_a_shard_that_was_given_to_somebody_else_is_forgotten_with_what_its_relay_had_to_send",),
    ),
    Mutant(
        "a claim that came too late for its assignment is kept",
        f"{ENGINE}/ownership.py",
        "        if number not in self._assigned:\n            return\n",
        "",
        (f"{LOOP}_a_shard_that_was_taken_away_while_it_was_claimed_is_not_kept",),
    ),
    Mutant(
        "a claim does not ask whether the log has the next record",
        f"{ENGINE}/claiming.py",
        "kafka.check_log(service, place, claim.places[place.topic].next_offset, first, end)",
        "pass",
        (f"{LOOP}_a_log_that_lacks_the_next_record_is_not_claimed",),
    ),
    Mutant(
        "after an assignment the topics are not looked at",
        f"{ENGINE}/lanes.py",
        "        self._topics_checked = False\n        for number",
        "        for number",
        (f"{LOOP}_no_shard_is_claimed_before_the_topics_were_looked_at_and_so_after_each_assignment",),
    ),
    Mutant(
        "shards are claimed while nobody can say what the topics are",
        f"{ENGINE}/lanes.py",
        "                self._topics_checked = False\n                stop_if_denied(error)",
        "                stop_if_denied(error)",
        (f"{LOOP}_no_shard_is_claimed_before_the_topics_were_looked_at_and_so_after_each_assignment",),
    ),
    # ── a batch that does not commit ───────────────────────────────────────────────────────────────────
    Mutant(
        "the cache is kept after a batch that failed",
        f"{ENGINE}/lanes.py",
        "            self._ours.drop(number, shard)\n\n    def _know_better(",
        "            pass\n\n    def _know_better(",
        (FAILED,),
    ),
    Mutant(
        "a shard that is let go is not forgotten",
        f"{ENGINE}/ownership.py",
        "self.shards.pop(number, None)",
        "self.shards.get(number)",
        (FAILED,),
    ),
    Mutant(
        "a fenced shard is kept",
        f"{ENGINE}/lanes.py",
        '_log.warning("fenced", shards=[*shards])\n        for number, shard in shards.items():\n',
        '_log.warning("fenced", shards=[*shards])\n        for number, shard in ():\n',
        (FENCED,),
    ),
    Mutant(
        "the records of those who shared a transaction with a fenced shard are lost",
        f"{ENGINE}/lanes.py",
        "            await self._run({n: work[n] for n in shards.keys() - fenced.shards}, due)\n",
        "",
        (FENCED,),
    ),
    Mutant(
        "shards that were in each other's way meet again for ever",
        f"{ENGINE}/lanes.py",
        "        self._failures.update(shards.keys())\n",
        "",
        (f"{LOOP}_shards_that_cannot_commit_together_do_so_one_after_the_other",),
    ),
    Mutant(
        "a batch that is more than the database takes at once is tried as it is for ever",
        f"{ENGINE}/lanes.py",
        "self._settings.engine.batch_bytes >> self._failures[number]",
        "self._settings.engine.batch_bytes",
        (f"{LOOP}_what_is_more_than_the_database_takes_at_once_is_done_in_smaller_parts",),
    ),
    Mutant(
        "timers are taken outside the transaction",
        f"{ENGINE}/transaction.py",
        "        await _take_due(conn, [batch for batch in batches if batch.due], now)\n",
        "        async with pool.acquire() as other:\n"
        "            await _take_due(other, [batch for batch in batches if batch.due], now)\n",
        (f"{BATCH}_a_timer_that_rang_in_a_batch_that_failed_rings_again_and_only_once",),
    ),
    Mutant(
        "the outbox is written after the transaction",
        f"{ENGINE}/transaction.py",
        "        published = await keep(conn, outcomes, now)\n",
        "    async with pool.acquire() as conn:\n        published = await keep(conn, outcomes, now)\n",
        (ONE_TRANSACTION,),
    ),
    Mutant(
        "what is over is let go without the fence",
        f"{ENGINE}/shard.py",
        "            await store.advance(conn, [store.Fence(self.number, self.epoch, sent, {})])\n",
        "",
        (f"{LOOP}_whoever_owned_a_shard_before_lets_nothing_of_it_go",),
    ),
    # ── what is read ───────────────────────────────────────────────────────────────────────────────────
    Mutant(
        "what a relay repeats is taken again",
        f"{ENGINE}/batch.py",
        "for record in shard.unseen(records)",
        "for record in records",
        (f"{BATCH}_what_a_relay_repeats_has_one_effect",),
    ),
    Mutant(
        "what a relay repeats within a batch is taken again",
        f"{ENGINE}/shard.py",
        "                seen[record.topic] = sequence\n",
        "",
        (f"{SHARD}_what_a_relay_repeats_is_seen_once_in_a_batch_and_after_those_before",),
    ),
    Mutant(
        "a repeated record sets the sequence back",
        f"{ENGINE}/shard.py",
        "max(mark, self._sequence(record))",
        "self._sequence(record)",
        (f"{SHARD}_a_step_leads_behind_the_last_record_and_never_back_in_sequence",),
    ),
    Mutant(
        "another shard's numbers are taken for our publisher's",
        f"{ENGINE}/shard.py",
        'return int(text) if source is None or source.endswith(f"/{self.number}") else 0',
        "return int(text)",
        (f"{SHARD}_another_shard_of_the_publisher_counts_for_itself",),
    ),
    Mutant(
        "numbers count where many publish",
        f"{ENGINE}/shard.py",
        "        if record.topic not in self._sequenced:\n            return 0\n",
        "",
        (f"{SHARD}_where_many_publish_no_number_is_a_repetition",),
    ),
    Mutant(
        "which partitions are ours is asked before the rest",
        f"{ENGINE}/turns.py",
        "        if not self.plenty:\n            await self._rest()\n        partitions = places()\n",
        "        partitions = places()\n        if not self.plenty:\n            await self._rest()\n",
        (f"{TURNS}_what_was_taken_away_during_the_rest_is_not_read",),
    ),
    Mutant(
        "what was taken away meanwhile is paused, which ends the process",
        f"{ENGINE}/turns.py",
        "self._consumer.pause(*self._consumer.assignment().intersection(partitions))",
        "self._consumer.pause(*partitions)",
        (f"{TURNS}_what_was_taken_away_while_the_broker_was_asked_is_no_longer_paused",),
    ),
    Mutant(
        "work that goes on by itself keeps a shard from reading",
        f"{ENGINE}/turns.py",
        "if not self.plenty and wait > 0:",
        "if not self.plenty:",
        (f"{TURNS}_a_fetch_is_under_way_beside_work_that_goes_on_by_itself_and_waits_for_none",),
    ),
    Mutant(
        "a service that refuses everything does so",
        f"{ENGINE}/transaction.py",
        "            batch.judge()\n",
        "",
        (f"{BATCH}_a_version_that_refuses_everything_stops_before_anything_of_it_is_stored_or_sent",),
    ),
    # ── reading a bundle ───────────────────────────────────────────────────────────────────────────────
    Mutant(
        "of a bundle, the first message is kept for a lane that is stopped, not its own",
        f"{ENGINE}/inputs.py",
        "self.source[self.index] if",
        "self.source[0] if",
        (f"{INPUTS}_read_in_one_pass_a_bundle_says_the_same_as_message_by_message",),
    ),
    Mutant(
        "one message that cannot be read ends the service",
        f"{ENGINE}/inputs.py",
        "    except Exception:  # noqa: BLE001 - which message",
        "    except ZeroDivisionError:  # which message",
        (f"{INPUTS}_a_message_that_fails_has_all_of_its_bundle_looked_at_one_by_one",),
    ),
)
