"""Mistakes in the queue, and the tests that have to notice them."""

from ledger_table import HONEST, LOSSY, ROGUE
from mutant_harness import Mutant

QUEUE = "services/priority-router/src/priority_router"
OF_QUEUE = "services/priority-router/tests"
SNAPSHOTS = f"{OF_QUEUE}/test_snapshots.py::test"
LAST = f"{SNAPSHOTS}_whatever_happens_the_last_snapshot_is_the_newest_state_in_the_end"
STRAY = f"{OF_QUEUE}/test_wrong_lanes.py::test"
PUBLISHED = f"{OF_QUEUE}/test_published.py::test_the"
POLICY = f"{OF_QUEUE}/test_policy_lanes.py::test_a_lane_that"
BORN = f"{POLICY}_is_born_while_a_policy_is_put_in_force_is_ranked_by_it"
BACK = f"{POLICY}_takes_over_a_policy_while_that_is_taken_back_is_ranked_by_the_old_one"

MUTANTS = (
    # ── the queue ──────────────────────────────────────────────────────────────────────────────────────
    Mutant(
        "a draft shows where a line stood before it changed again",
        f"{QUEUE}/domain/draft.py",
        "        self._places.pop(line.back_order_id, None)\n",
        "",
        (f"{OF_QUEUE}/test_commands.py::test_a_hold_makes_the_ledger_count_only_what_is_released",),
    ),
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
        "for step in (_lose, _hand_out,",
        "for step in (_hand_out,",
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
        (f"{OF_QUEUE}/test_commands.py::test_a_hold_gives_units_back_and_asks_the_ledger_for_nothing_more",),
    ),
    Mutant(
        "the ledger does not hear what a command cancelled",
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
        "a cancellation does not follow a rerouted line",
        f"{QUEUE}/domain/entry.py",
        "units = min(units, line.away)\n",
        "units = min(units, 0)\n",
        (HONEST,),
    ),
    Mutant(
        "a version stands for two states",
        f"{QUEUE}/domain/evolve.py",
        "        if fact.ce_type is not None:\n            line.version += 1\n            line.cause = fact.cause\n",
        "        line.version += 1\n        line.cause = fact.cause\n",
        (HONEST,),
    ),
    Mutant(
        "the versions of a back order that was forgotten begin with a gap",
        f"{QUEUE}/domain/entry.py",
        "if event.first else (0, 0)",
        "if event.first else (0, 1)",
        (f"{PUBLISHED}_versions_of_a_forgotten_back_order_begin_anew_and_only_the_first_has_no_band",),
    ),
    # ── snapshots that come late ───────────────────────────────────────────────────────────────────────
    Mutant(
        "a snapshot that comes late stays the last",
        f"{QUEUE}/snapshots.py",
        "        return number <= highest\n",
        "        return False\n",
        (f"{SNAPSHOTS}_an_old_snapshot_behind_a_newer_one_is_made_good", LAST),
    ),
    Mutant(
        "whoever watches knows only what it has seen itself",
        f"{QUEUE}/snapshots.py",
        "(self.decided or {}).get(source, 0)",
        "0",
        (f"{SNAPSHOTS}_one_from_before_the_restart_of_the_watch_is_known_by_what_the_shard_has_decided", LAST),
    ),
    Mutant(
        "what shards have published since the watch began counts for nothing",
        f"{QUEUE}/snapshots.py",
        "        self._seen[here] = max(highest, number)\n",
        "",
        (f"{SNAPSHOTS}_one_that_comes_late_is_known_by_what_the_watch_has_seen",),
    ),
    Mutant(
        "after one that came late the next one passes",
        f"{QUEUE}/snapshots.py",
        "max(highest, number)",
        "number",
        (f"{SNAPSHOTS}_several_that_come_late_are_made_good",),
    ),
    Mutant(
        "what was restored is right for ever",
        f"{QUEUE}/snapshots.py",
        "            return True  # of no shard",
        "            return False  # of no shard",
        (f"{SNAPSHOTS}_what_a_shard_publishes_while_another_is_restored_is_not_undone",),
    ),
    Mutant(
        "what a shard has decided is known from before partitions were assigned",
        f"{QUEUE}/snapshot_watch.py",
        "        self._heights = Heights()\n        self._unjudged",
        '        self._heights = getattr(self, "_heights", Heights())\n        self._unjudged',
        (f"{SNAPSHOTS}_what_others_watched_meanwhile_is_known",),
    ),
    Mutant(
        "what is not judged for lack of a database is passed over",
        f"{QUEUE}/snapshot_watch.py",
        "            await asyncio.sleep(_WAIT)\n",
        "            self._unjudged = ()\n            await self._consumer.commit()\n",
        (f"{SNAPSHOTS}_while_the_database_is_away_nothing_is_passed_over",),
    ),
    Mutant(
        "what the group could not be told stays untold until something new comes",
        f"{QUEUE}/snapshot_watch.py",
        "                self._unjudged, self._untold = (), True\n",
        "                self._unjudged = ()\n                await self._consumer.commit()\n",
        (f"{SNAPSHOTS}_the_group_is_told_how_far_it_is_also_when_nothing_new_comes",),
    ),
    Mutant(
        "the group is told before what came late is made good",
        f"{QUEUE}/snapshot_watch.py",
        "                await self._judge(self._heights, self._unjudged)\n",
        "                await self._consumer.commit()\n                await self._judge(self._heights, self._unjudged)\n",
        (f"{SNAPSHOTS}_what_a_killed_watch_did_not_restore_the_next_one_does",),
    ),
    Mutant(
        "a back order that is gone comes back as a snapshot",
        f"{QUEUE}/snapshot_watch.py",
        "version_of(record) != _version(newest.get(key))",
        "key in newest and version_of(record) != newest[key].version",
        (f"{SNAPSHOTS}_an_old_snapshot_behind_the_end_of_its_back_order_is_taken_away_again",),
    ),
    Mutant(
        "what was published before a restore of the database may stay the last snapshot",
        f"{QUEUE}/snapshot_watch.py",
        'return f"{GROUP}.{restored:%Y%m%d-%H%M%S}" if restored else GROUP',
        "return GROUP",
        (f"{SNAPSHOTS}_after_a_restore_of_the_database_all_snapshots_are_read_again_by_another_group_once",),
    ),
    Mutant(
        "a snapshot does not say what led to it",
        f"{QUEUE}/domain/evolve.py",
        "            line.cause = fact.cause\n",
        "",
        (f"{PUBLISHED}_snapshot_is_the_newest_state_without_what_its_event_adds",),
    ),
)

ON_A_STACK = (
    Mutant(
        "explanations that a shard takes with its back orders are waited for",
        f"{QUEUE}/retention.sql",
        " FOR UPDATE OF old SKIP LOCKED",
        "",
        (f"{OF_QUEUE}/test_retention.py::test_explanations_that_a_shard_takes_with_its_back_orders_are_left_to_it",),
    ),
    Mutant(
        "of several lanes that name a back order in a batch the last one is asked whether it has it",
        f"{QUEUE}/handlers.py",
        "            if (stored.lane, key) in unknown:\n",
        "            if stored.lane == dict(map(reversed, unknown))[key]:\n",
        (
            f"{STRAY}_a_cancellation_follows_a_rerouted_line_whatever_another_lane_is_asked_about_it_in_the_batch",
            f"{STRAY}_a_back_order_that_grows_again_goes_on_with_its_versions_whatever_another_lane_is_asked_about_it",
        ),
    ),
    Mutant(
        "a command in its lane is sent on because another one went astray",
        f"{QUEUE}/handlers.py",
        "(lane := self._places.get(event.back_order_id, arrived.lane)) != arrived.lane",
        "lane := self._places.get(event.back_order_id)",
        (f"{STRAY}_a_command_in_its_lane_is_carried_out_though_another_one_went_astray",),
    ),
    Mutant(
        "a batch does not look whether the policy that it ranked a lane by is still in force",
        f"{QUEUE}/handlers.py",
        "            yield from repository.ask_lanes(late)\n",
        "            pass\n",
        (f"{BORN}[loaded]", f"{BORN}[decided]", f"{BACK}[decided]"),
    ),
    Mutant(
        "whoever puts a policy in force does not wait for batches that may not know of it",
        f"{QUEUE}/policies.py",
        "    await _when_there(running, stop, policies.wait_for_batches)\n",
        "",
        (f"{BORN}[saved]", f"{BACK}[saved]"),
    ),
    Mutant(
        "a batch that may not know of a policy is not waited for",
        f"{QUEUE}/handlers.py",
        "        yield from repository.hold_policy(self._policies.number)\n",
        "",
        (f"{BORN}[saved]", f"{BACK}[saved]"),
    ),
    Mutant(
        "a lane of many back orders counts as one",
        f"{QUEUE}/handlers.py",
        " + len(queues[lane].orders) // _ORDERS_OF_A_LANE",
        "",
        (f"{OF_QUEUE}/test_memory.py::test_a_lane_of_many_back_orders_counts_as_several",),
    ),
)
