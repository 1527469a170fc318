"""Mistakes in inventory-sync that must not go unnoticed: each version once, and nothing that contradicts it in silence."""

from mutant_harness import Mutant

SUPPLY = "services/inventory-sync/src/inventory_sync"
TESTS = "services/inventory-sync/tests"
ONE_BATCH = f"{TESTS}/test_one_batch.py::test"
STORIES, FEEDS = f"{TESTS}/test_supply.py::test", f"{TESTS}/test_intake.py::test"
BEHIND = f"{TESTS}/test_stale_feeds.py::test"
STORED, KEPT = f"{TESTS}/test_database.py::test", f"{TESTS}/test_retention.py::test"
OF_ANY_FIELD = f"{STORIES}_a_version_with_another_content_contradicts_whatever_differs"

MUTANTS = (
    Mutant(
        "a version that was taken counts again",
        f"{SUPPLY}/domain/decide.py",
        "    if seen is not None:\n        return () if seen.content == content else _contested_version(entry, seen, now)\n",
        "    if seen is not None and seen.content != content:\n        return _contested_version(entry, seen, now)\n",
        (f"{STORIES}_a_repeated_version_changes_nothing_even_when_it_was_said_at_another_time",),
    ),
    Mutant(
        "a version below what is forgotten counts again",
        f"{SUPPLY}/domain/decide.py",
        "    if entry.version <= lane.forgotten:\n        return stale\n",
        "",
        (f"{STORIES}_what_is_not_above_the_forgotten_versions_counts_as_taken",),
    ),
    Mutant(
        "a version that contradicts the one that was taken is passed over",
        f"{SUPPLY}/domain/decide.py",
        "() if seen.content == content else _contested_version(entry, seen, now)",
        "()",
        (f"{STORIES}_a_contradicting_version_is_a_dead_letter_and_people_hear_of_it_once", OF_ANY_FIELD),
    ),
    Mutant(
        "another level is all that contradicts a version",
        f"{SUPPLY}/domain/decide.py",
        "said = (entry.on_hand, entry.reason, entry.quantity, entry.delivery_id, shipped)",
        "said = (entry.on_hand,)",
        (OF_ANY_FIELD,),
    ),
    Mutant(
        "shipped lines in another order contradict a version",
        f"{SUPPLY}/domain/decide.py",
        "shipped = sorted((line.order_id, line.line_id, line.units) for line in entry.shipped)",
        "shipped = [(line.order_id, line.line_id, line.units) for line in entry.shipped]",
        (f"{STORIES}_shipped_lines_in_another_order_are_a_repetition",),
    ),
    Mutant(
        "people hear of a contested version as often as it contradicts",
        f"{SUPPLY}/domain/decide.py",
        "    if seen.contested:\n        return (conflict,)\n",
        "",
        (f"{STORIES}_a_contradicting_version_is_a_dead_letter_and_people_hear_of_it_once",),
    ),
    Mutant(
        "a stock feed that counts anew is passed over",
        f"{SUPPLY}/domain/decide.py",
        "    if newest is None or newest.told or entry.version >= lane.version:\n",
        "    if True:\n",
        (
            f"{BEHIND}_versions_that_begin_anew_are_told_once",
            f"{BEHIND}_they_are_told_too_where_all_versions_are_forgotten",
        ),
    ),
    Mutant(
        "a stock feed that counts anew is told with each record",
        f"{SUPPLY}/domain/decide.py",
        "newest is None or newest.told or",
        "newest is None or",
        (f"{BEHIND}_versions_that_begin_anew_are_told_once",),
    ),
    Mutant(
        "a version that comes late makes the feed look stale",
        f"{SUPPLY}/domain/decide.py",
        "    if entry.occurred_at <= (newest.taken_at or now - rules.kept) + rules.grace:\n",
        "    if False:\n",
        (f"{BEHIND}_what_happened_before_the_newest_came_is_only_late",),
    ),
    Mutant(
        "a version of a delivery that contradicts the one that was taken is passed over",
        f"{SUPPLY}/domain/decide.py",
        "if entry.version == known.version and _said(entry) != _known(known):",
        "if False:",
        (f"{STORIES}_a_contradicting_version_of_a_delivery_is_a_dead_letter_and_told_once",),
    ),
    Mutant(
        "another quantity is all that contradicts a version of a delivery",
        f"{SUPPLY}/domain/decide.py",
        "_said(entry) != _known(known)",
        "entry.quantity != known.quantity",
        (f"{STORIES}_a_version_of_a_delivery_with_another_content_contradicts_whatever_differs",),
    ),
    Mutant(
        "a delivery may stand in two lanes",
        f"{SUPPLY}/domain/decide.py",
        "    if elsewhere is not None:\n",
        "    if False:\n",
        (f"{STORIES}_a_delivery_that_another_lane_has_is_a_dead_letter",),
    ),
    Mutant(
        "a stock record that only names a delivery brings units of it",
        f"{SUPPLY}/domain/decide.py",
        'if entry.reason == "received" and entry.delivery_id is not None:',
        "if entry.delivery_id is not None:",
        (f"{STORIES}_only_a_receipt_brings_units_of_a_delivery",),
    ),
    Mutant(
        "a stock record that only names a delivery was caused by it",
        f"{SUPPLY}/intake.py",
        'event.delivery_id if event.reason == "received" else None',
        "event.delivery_id",
        (f"{FEEDS}_a_delivery_that_brought_nothing_is_no_cause",),
    ),
    Mutant(
        "all that is open in a lane is listed for each change of a batch",
        f"{SUPPLY}/publish.py",
        'Latest(SUPPLY, self._lane.name, "inbound.scheduled", partial(self._scheduled, fact))',
        'Message(SUPPLY, self._lane.name, "inbound.scheduled", self._scheduled(fact))',
        (
            f"{ONE_BATCH}_a_batch_that_revises_all_deliveries_of_a_lane_lists_each_of_them_once",
            f"{ONE_BATCH}_deliveries_that_become_overdue_together_are_listed_once",
        ),
    ),
)

ON_A_STACK = (
    Mutant(
        "the newest version is not looked up when it comes again",
        f"{SUPPLY}/handlers.py",
        "if version <= lanes[lane].version]",
        "if version < lanes[lane].version]",
        (f"{STORED}_the_newest_version_is_known_again_in_the_next_batch",),
    ),
    Mutant(
        "that a version is contested is not stored",
        f"{SUPPLY}/queries.sql",
        "ON CONFLICT (lane, version) DO UPDATE SET contested = excluded.contested",
        "ON CONFLICT (lane, version) DO NOTHING",
        (f"{STORED}_that_a_version_is_contested_is_known_in_the_next_batch",),
    ),
    Mutant(
        "that people know of a stale feed is stored for the first time only",
        f"{SUPPLY}/queries.sql",
        "ON CONFLICT (lane) DO UPDATE SET version = excluded.version",
        "ON CONFLICT (lane) DO NOTHING",
        (f"{STORED}_a_stale_feed_is_told_once_whoever_owns_the_lane",),
    ),
    Mutant(
        "that another shard was faster with a delivery goes unnoticed",
        f"{SUPPLY}/repository.py",
        "(list(places), list(places.values())), outdated)",
        "(list(places), list(places.values())))",
        (f"{STORED}_two_shards_cannot_both_have_a_delivery",),
    ),
    Mutant(
        "versions are forgotten without a trace",
        f"{SUPPLY}/retention.sql",
        "SELECT lane, max(version) FROM gone GROUP BY lane",
        "SELECT lane, -1 FROM gone GROUP BY lane",
        (f"{KEPT}_old_versions_go_and_count_once_all_the_same",),
    ),
    Mutant(
        "an old version that is forgotten late takes the place of a newer one",
        f"{SUPPLY}/retention.sql",
        "SET version = greatest(forgotten_version.version, excluded.version)",
        "SET version = excluded.version",
        (f"{KEPT}_an_old_version_that_came_late_and_goes_late_brings_none_back",),
    ),
    Mutant(
        "a version that another transaction holds is waited for before it is forgotten",
        f"{SUPPLY}/retention.sql",
        "ORDER BY taken_at LIMIT $2 FOR UPDATE SKIP LOCKED",
        "ORDER BY taken_at LIMIT $2",
        (f"{KEPT}_a_rule_of_tables_waits_for_nobody",),
    ),
)
