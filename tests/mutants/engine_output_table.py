"""Mistakes in what the engine asks and sends that must not go unnoticed, and the tests that notice them."""

from engine_table import ENGINE, LOOP, TESTS
from mutant_harness import Mutant

BATCH, OUTCOME, RELAY, ASKING = (f"{TESTS}/test_{name}.py::test" for name in ("batch", "outcome", "relay", "asking"))
ORIGINS = f"{TESTS}/test_origin_reader.py::test"
ORDERED = f"{RELAY}_each_event_has_its_number_and_goes_out_in_its_order"
PUBLIC_FIRST = f"{RELAY}_what_is_public_is_confirmed_before_the_rest_of_a_group_is_sent"
OUTDATED = f"{ASKING}_rows_that_all_must_be_new_and_are_not_are_outdated"

MUTANTS = (
    # ── the relay ──────────────────────────────────────────────────────────────────────────────────────
    Mutant(
        "the relay numbers each batch anew",
        f"{ENGINE}/relay.py",
        "enumerate(batch.entries, batch.first_sequence)",
        "enumerate(batch.entries, 1)",
        (ORDERED,),
    ),
    Mutant(
        "the relay sends the newest batch first",
        f"{ENGINE}/relay.py",
        "group = self._next_group()",
        "group = tuple(reversed(self._next_group()))",
        (ORDERED,),
    ),
    Mutant(
        "an effect is sent before its cause",
        f"{ENGINE}/relay.py",
        "for records in (public, internal):",
        "for records in (internal, public):",
        (PUBLIC_FIRST,),
    ),
    Mutant(
        "an effect is sent before its cause is confirmed",
        f"{ENGINE}/relay.py",
        "for records in (public, internal):",
        "for records in ([*public, *internal],):",
        (PUBLIC_FIRST,),
    ),
    Mutant(
        "what is under way counts as sent",
        f"{ENGINE}/relay.py",
        "            await self._publish(group)\n",
        "            self.sent_sequence = group[-1].last_sequence\n            await self._publish(group)\n",
        (f"{RELAY}_nothing_is_sent_before_the_broker_has_confirmed_it",),
    ),
    Mutant(
        "a loop runs ahead of its relay without a bound",
        f"{ENGINE}/relay.py",
        "            await self._fewer.wait()\n",
        "            return\n",
        (f"{RELAY}_who_puts_more_than_the_backlog_waits_until_some_are_confirmed",),
    ),
    Mutant(
        "events wait for dead letters",
        f"{ENGINE}/relay.py",
        "        for records in (public, internal):\n",
        "        await self._publish_letters(letters)\n        for records in (public, internal):\n",
        (f"{RELAY}_events_do_not_wait_for_letters_and_nothing_counts_as_sent_before_these_are",),
    ),
    Mutant(
        "of very many dead letters all are begun with again",
        f"{ENGINE}/relay.py",
        "if letters >= _MANY_LETTERS:",
        "if letters < 0:",
        (f"{RELAY}_of_very_many_letters_those_that_were_sent_are_not_begun_with_again",),
    ),
    Mutant(
        "each record that is read again costs an assignment and a fetch",
        f"{ENGINE}/dead_letters.py",
        "self.is_full = self._bytes >= _PORTION",
        "self.is_full = True",
        (f"{ORIGINS}_records_beside_each_other_come_with_one_fetch_and_are_those_that_were_meant",),
    ),
    Mutant(
        "records that are read again fill the memory",
        f"{ENGINE}/dead_letters.py",
        "self.is_full = self._bytes >= _PORTION",
        "self.is_full = self._bytes < 0",
        (f"{ORIGINS}_no_more_is_read_at_a_time_than_a_megabyte_and_the_record_that_makes_it_one",),
    ),
    Mutant(
        "all is read through that stands between two refused records",
        f"{ENGINE}/dead_letters.py",
        "if offsets[0] != position:",
        "if position < 0:",
        (f"{ORIGINS}_what_nobody_wants_is_not_read_through",),
    ),
    Mutant(
        "the next record is copied for one that is gone",
        f"{ENGINE}/dead_letters.py",
        "        while offsets and offsets[0] < record.offset:\n"
        "            portion.put(place, offsets.popleft(), None)\n"
        "        if not offsets or portion.is_full:\n"
        "            return\n"
        "        if offsets[0] == record.offset:\n",
        "        if not offsets or portion.is_full:\n            return\n        if offsets[0] <= record.offset:\n",
        (f"{ORIGINS}_no_other_record_is_taken_for_one_that_is_gone",),
    ),
    Mutant(
        "what was decided counts as sent",
        f"{ENGINE}/batch.py",
        "self._sent = shard.relay.sent_sequence",
        "self._sent = shard.next_sequence - 1",
        (f"{BATCH}_what_is_not_confirmed_stays_in_the_table",),
    ),
    Mutant(
        "what the owner before had not sent is never sent",
        f"{ENGINE}/ownership.py",
        "        relay.put(taken.unsent)\n",
        "",
        (f"{LOOP}_what_the_owner_before_committed_and_nobody_confirmed_is_sent_after_the_claim_as_it_was",),
    ),
    Mutant(
        "a shard whose relay failed is kept",
        f"{ENGINE}/ownership.py",
        "error=repr(error))\n                self.drop(number)\n",
        "error=repr(error))\n",
        (f"{LOOP}_a_shard_whose_relay_failed_is_claimed_anew_and_sends_again_what_was_not_confirmed",),
    ),
    Mutant(
        "a full bundle comes after the one that was begun later",
        f"{ENGINE}/bundle.py",
        "bundles = [*self._full, *(_event(place, bundle) for place, bundle in self._open.items())]",
        "bundles = [*(_event(place, bundle) for place, bundle in self._open.items()), *self._full]",
        (f"{TESTS}/test_bundle.py::test_what_goes_on_after_a_full_bundle_comes_after_it",),
    ),
    # ── how something stands ───────────────────────────────────────────────────────────────────────────
    Mutant(
        "how a lane stands is told for each change of a batch",
        f"{ENGINE}/outcome.py",
        "self.latest[topic, lane, name] =",
        "self.latest[topic, lane, name, len(self.latest)] =",
        (f"{BATCH}_how_a_lane_stands_is_published_once_for_a_batch_as_it_is_at_its_end",),
    ),
    Mutant(
        "what tells how a lane stands changes the order of the others",
        f"{ENGINE}/outcome.py",
        "                    self.latest.pop((topic, lane, name), None)\n",
        "",
        (f"{OUTCOME}_what_is_replaced_is_left_out_and_the_rest_keeps_its_order",),
    ),
    Mutant(
        "how a lane stands is told as it was in the middle of a batch",
        f"{ENGINE}/outcome.py",
        "self.latest[topic, lane, name] = (len(self.entries), effect, trace)",
        "self.latest[topic, lane, name] = (\n"
        "                        len(self.entries), Latest(topic, lane, name, lambda value=effect.write(): value), trace)",
        (f"{OUTCOME}_how_the_lane_stands_is_asked_when_all_of_the_batch_is_decided",),
    ),
    Mutant(
        "that nobody can tell how a lane stands is passed over",
        f"{ENGINE}/batch.py",
        "in self.outcome.complete().items():",
        "in (self.outcome.complete() and {}).items():",
        (f"{BATCH}_a_lane_stops_when_how_it_stands_cannot_be_told_and_no_other",),
    ),
    # ── what shards ask together ───────────────────────────────────────────────────────────────────────
    Mutant(
        "a shard gets the rows of another",
        f"{ENGINE}/asking.py",
        "            answers[row[0]].append(row)\n",
        "            for rows in answers.values():\n                rows.append(row)\n",
        (f"{ASKING}_shards_that_wait_for_the_same_statement_ask_it_once_and_each_gets_its_rows",),
    ),
    Mutant(
        "a shard asks what comes later before the others have asked what comes first",
        f"{ENGINE}/asking.py",
        "first = min(step.rank",
        "first = max(step.rank",
        (f"{ASKING}_a_shard_that_needs_fewer_statements_waits_for_the_others_before_it_goes_on",),
    ),
    Mutant(
        "rows that were to be new and are not go unnoticed",
        f"{ENGINE}/asking.py",
        '        if step.outdated and said != f"INSERT 0 {len(shards)}":\n            raise Outdated(step.outdated)\n',
        "",
        (OUTDATED,),
    ),
    Mutant(
        "copied rows that are there already are taken for an outage",
        f"{ENGINE}/asking.py",
        "            raise Outdated(step.outdated) from error\n",
        "            raise\n",
        (f"{ASKING}_a_copied_row_that_is_there_already_is_outdated",),
    ),
    Mutant(
        "who copies the same rows waits in a circle",
        f"{ENGINE}/asking.py",
        "sorted(row for each in steps.values() for row in each.rows)",
        "[row for each in steps.values() for row in each.rows]",
        (f"{ASKING}_copied_rows_of_all_shards_go_in_in_one_order",),
    ),
)
