"""Mistakes in what stops a service, and in what its producer promises, and the tests that notice them."""

from engine_table import ENGINE, TESTS
from mutant_harness import Mutant

CLOCK, WATCH = f"{TESTS}/test_clock.py::test", f"{TESTS}/test_topic_watch.py::test"
PAST = f"{TESTS}/test_past.py::test"
LOOP, TURNS = f"{TESTS}/test_loop.py::test", f"{TESTS}/test_turns.py::test"
DRAIN = f"{TESTS}/test_drain.py::test"
LIMIT, PUBLISHER = f"{TESTS}/test_refusal_limit.py::test", f"{TESTS}/test_publisher.py::test"
SENT = f"{DRAIN}_what_is_decided_and_not_confirmed_when_it_is_stopped_is_sent_and_stored_as_sent_before_it_ends"
OPTIONS = (f"{PUBLISHER}_the_producer_is_idempotent_waits_for_all_replicas_and_never_gives_up",)

MUTANTS = (
    # ── topics that are not what they were ─────────────────────────────────────────────────────────────
    Mutant(
        "a topic that was made anew is read on",
        f"{ENGINE}/topic_watch.py",
        "if pin.topic_id != found.topic_id:",
        "if not found.topic_id:",
        (f"{WATCH}_an_input_that_was_made_anew_is_not_the_one_that_was_read_each_time_it_is_looked_at",),
    ),
    Mutant(
        "topics of another cluster are read on",
        f"{ENGINE}/topic_watch.py",
        "        check_cluster(self._reads.service, cluster, pinned.values())\n",
        "",
        (f"{WATCH}_another_cluster_with_the_same_topics_is_not_ours",),
    ),
    Mutant(
        "lanes move when their topic gets more partitions",
        f"{ENGINE}/topic_watch.py",
        "if pin.topic in reads.lanes and pin.partitions != found.partitions:",
        "if pin.partitions > found.partitions:",
        (f"{WATCH}_lanes_that_are_spread_over_more_partitions_have_moved",),
    ),
    Mutant(
        "a topic of lanes has another number of partitions than is configured",
        f"{ENGINE}/topic_watch.py",
        "        self._check_partitions(found)\n",
        "",
        (f"{WATCH}_a_topic_of_lanes_has_the_number_that_is_configured_from_the_first_look_on",),
    ),
    Mutant(
        "a topic that was deleted is created, and what it lost is forgotten",
        f"{ENGINE}/topic_watch.py",
        "if gone := [name for name in pinned if name not in found]:",
        "if gone := [name for name in pinned if name in found and not found[name].topic_id]:",
        (f"{WATCH}_an_input_that_is_gone_was_deleted_and_is_not_just_missing",),
    ),
    Mutant(
        "whoever pins last is right",
        f"{ENGINE}/topic_watch.py",
        "                check_pin(self._reads, pin, states[pin.topic])\n",
        "                pass\n",
        (f"{WATCH}_whoever_pins_first_is_right_also_when_another_process_does_so_at_the_same_time",),
    ),
    # ── a database that is older than what was published ───────────────────────────────────────────────
    Mutant(
        "what a restored database no longer knows of is taken",
        f"{ENGINE}/shard.py",
        "            if self._void and self._is_void(record):\n                continue\n",
        "",
        (
            f"{PAST}_what_is_void_is_not_taken_and_what_was_decided_before_and_after_it_is",
            f"{PAST}_where_many_publish_and_from_another_shard_what_is_void_is_not_taken_either",
        ),
    ),
    Mutant(
        "what is void says how far its publisher has got",
        f"{ENGINE}/shard.py",
        "        if self._void and self._is_void(record):\n            return 0\n",
        "",
        (f"{PAST}_what_is_void_does_not_say_how_far_the_publisher_has_got",),
    ),
    Mutant(
        "the last of the void numbers is none",
        f"{ENGINE}/store.py",
        "range(first, last + 1)",
        "range(first, last)",
        (f"{PAST}_a_claim_tells_which_numbers_are_void",),
    ),
    Mutant(
        "a number that its database has not given is published and passes",
        f"{ENGINE}/past.py",
        "if int(number) > (last := known.get(int(shard), 0)):",
        "if int(number) > (last := known.get(int(shard), int(number))):",
        (f"{PAST}_a_database_that_knows_of_no_shard_is_older_than_all_that_was_published",),
    ),
    Mutant(
        "what another shard has given stops a service",
        f"{ENGINE}/past.py",
        "known.get(int(shard), 0)",
        "min(known.values(), default=0)",
        (f"{PAST}_what_the_database_knows_and_what_others_have_published_stops_nothing",),
    ),
    Mutant(
        "a database that loses commits while the service runs goes unnoticed",
        f"{ENGINE}/ownership.py",
        "        past.check_claim(self._service.name, number, claim.next_sequence, self._numbered.get(number, 0))\n",
        "",
        (f"{PAST}_a_database_that_forgets_what_it_had_stored_while_the_service_runs_stops_it",),
    ),
    # ── clocks ─────────────────────────────────────────────────────────────────────────────────────────
    Mutant(
        "a clock that was set back goes unnoticed",
        f"{ENGINE}/clock.py",
        "if self._tolerance and ahead < -self._tolerance:",
        "if self._tolerance and ahead < -self._tolerance * 1_000:",
        (f"{CLOCK}_a_clock_that_was_set_back_stops_with_what_to_do",),
    ),
    Mutant(
        "small corrections of the clock add up to a stop",
        f"{ENGINE}/clock.py",
        "        self._last, self._doubted = (now, passed), False\n",
        "        self._doubted = False\n",
        (f"{CLOCK}_small_corrections_are_nothing_and_add_up_to_nothing",),
    ),
    Mutant(
        "a jump ahead is gone by before the database was asked",
        f"{ENGINE}/clock.py",
        "            return believed\n",
        "            return now\n",
        (
            f"{CLOCK}_a_jump_ahead_is_followed_when_the_database_shows_it_too_and_until_then_time_goes_on",
            f"{CLOCK}_a_jump_that_the_database_does_not_show_stops_without_having_been_followed",
        ),
    ),
    Mutant(
        "a jump ahead that the database shows too is not followed",
        f"{ENGINE}/clock.py",
        "        self._last, self._doubted = (ours, passed), False\n",
        "",
        (f"{CLOCK}_a_jump_ahead_is_followed_when_the_database_shows_it_too_and_until_then_time_goes_on",),
    ),
    Mutant(
        "a clock that was set back is right when the database's was too",
        f"{ENGINE}/clock.py",
        "        self()\n        ours, passed",
        "        ours, passed",
        (f"{CLOCK}_a_clock_that_was_set_back_is_no_less_so_because_the_database_s_was_too",),
    ),
    Mutant(
        "a clock behind the database's goes unnoticed",
        f"{ENGINE}/clock.py",
        "if tolerance and abs(apart) > tolerance:",
        "if tolerance and apart > tolerance:",
        (f"{CLOCK}_clocks_that_differ_stop_with_both_times",),
    ),
    # ── a version that refuses everything ──────────────────────────────────────────────────────────────
    Mutant(
        "a version that refuses record after record is not stopped",
        f"{ENGINE}/refusal_limit.py",
        "            self._refused[letter.origin.topic][letter.reason] += 1\n",
        "            pass\n",
        (f"{LIMIT}_it_stops_too_when_records_come_one_by_one",),
    ),
    Mutant(
        "what a publisher does later stops us",
        f"{ENGINE}/refusal_limit.py",
        "self._accepted[topic] >= _PROVEN * self._least}",
        "self._accepted[topic] < 0}",
        (f"{LIMIT}_a_publisher_that_goes_wrong_after_good_records_stops_nothing_however_many_come",),
    ),
    # ── what the producer promises ─────────────────────────────────────────────────────────────────────
    Mutant(
        "a library that is full of what the broker has not confirmed is a failure",
        f"{ENGINE}/publisher.py",
        "        except BufferError:\n            return False\n",
        "        except ZeroDivisionError:\n            return False\n",
        (f"{PUBLISHER}_a_library_that_is_full_takes_the_rest_in_its_order_when_it_has_room",),
    ),
    Mutant(
        "what the producer sends again may stand there twice, or behind what came later",
        f"{ENGINE}/publisher.py",
        '"enable.idempotence": True',
        '"enable.idempotence": False',
        OPTIONS,
    ),
    Mutant(
        "what one replica has counts as sent",
        f"{ENGINE}/publisher.py",
        '"acks": "all"',
        '"acks": 1',
        OPTIONS,
    ),
    Mutant(
        "what could not be sent for some minutes is given up",
        f"{ENGINE}/publisher.py",
        '"message.timeout.ms": 0',
        '"message.timeout.ms": 300_000',
        OPTIONS,
    ),
    Mutant(
        "the first confirmation counts for all",
        f"{ENGINE}/publisher.py",
        "if self._left == 0 and not self._loop.is_closed():",
        "if not self._loop.is_closed():",
        (f"{PUBLISHER}_it_returns_when_each_record_is_confirmed_and_not_before",),
    ),
    Mutant(
        "a record that the broker refuses counts as sent",
        f"{ENGINE}/publisher.py",
        "            self._error = self._error or error\n",
        "",
        (f"{PUBLISHER}_one_record_that_is_refused_fails_all_of_them",),
    ),
    Mutant(
        "a topic that may not be written is not named",
        f"{ENGINE}/publisher.py",
        'f"{message.topic()}: {error.str()}"',
        "error.str()",
        (f"{PUBLISHER}_what_the_broker_refused_first_is_the_cause_of_all_that_fails_after_it",),
    ),
    Mutant(
        "what follows a record that was refused is delivered without it",
        f"{ENGINE}/publisher.py",
        '"enable.gapless.guarantee": True',
        '"enable.gapless.guarantee": False',
        OPTIONS,
    ),
    Mutant(
        "a producer that is broken is tried for ever",
        f"{ENGINE}/publisher.py",
        "            if self._broken is None:\n",
        "            if error is not None:\n",
        (f"{PUBLISHER}_a_producer_that_could_not_keep_its_promises_is_broken_and_not_tried_again",),
    ),
    Mutant(
        "what nobody hears the broker confirm is awaited for ever",
        f"{ENGINE}/publisher.py",
        "                self._loop.call_soon_threadsafe(self._fail, self._broken)\n",
        "                pass\n",
        (f"{PUBLISHER}_what_is_under_way_fails_when_nobody_hears_the_broker_any_more",),
    ),
    Mutant(
        "what nobody will hear the broker confirm is published",
        f"{ENGINE}/publisher.py",
        "            if isinstance(self._broken, _Deaf):\n                raise self._broken\n",
        "",
        (f"{PUBLISHER}_nothing_is_published_when_nobody_hears_the_broker_any_more",),
    ),
    Mutant(
        "a process whose producer is broken goes on",
        f"{ENGINE}/ownership.py",
        "                if isinstance(error, ProducerBroken):\n                    raise error\n",
        "",
        (f"{LOOP}_a_process_whose_producer_is_broken_ends",),
    ),
    # ── a group that nobody listens to ─────────────────────────────────────────────────────────────────
    Mutant(
        "a process that could not read for minutes leaves its group for good",
        f"{ENGINE}/consumer.py",
        "max_poll_interval_ms=2**31 - 1",
        "max_poll_interval_ms=300_000",
        (f"{TURNS}_whoever_does_not_read_for_long_stays_in_the_group",),
    ),
    Mutant(
        "what the group refuses goes unheard while nothing is ours",
        f"{ENGINE}/turns.py",
        "        await asyncio.gather(nothing, asyncio.sleep(self._engine.poll))\n",
        "        nothing.close()\n",
        (f"{TURNS}_what_the_group_has_to_say_is_heard_also_while_nothing_is_ours",),
    ),
    Mutant(
        "a client that fetches no more goes unnoticed",
        f"{ENGINE}/consumer.py",
        "    _check_fetching(consumer)\n",
        "",
        (f"{TURNS}_a_client_that_fetches_no_more_ends_the_loop",),
    ),
    Mutant(
        "a process that has left its group calls itself ready",
        f"{ENGINE}/ownership.py",
        "        self.joined = False\n        self._assigned, self._sought",
        "        self._assigned, self._sought",
        (f"{LOOP}_a_process_that_was_assigned_nothing_since_the_last_revocation_is_not_ready",),
    ),
    # ── an orderly end ─────────────────────────────────────────────────────────────────────────────────
    Mutant(
        "a service that stops leaves to others what it has not sent",
        f"{ENGINE}/lanes.py",
        "            await self._drain()\n",
        "",
        (SENT,),
    ),
    Mutant(
        "a service that stops does not write down what it has sent at last",
        f"{ENGINE}/lanes.py",
        "            if shard.has_news_of_relay:\n",
        "            if False:\n",
        (SENT,),
    ),
    Mutant(
        "a broker that is away holds up a stop for ever",
        f"{ENGINE}/lanes.py",
        "asyncio.gather(*relays), timeout=self._settings.engine.grace",
        "asyncio.gather(*relays)",
        (f"{DRAIN}_a_broker_that_is_away_holds_up_its_end_for_the_grace_time_and_the_next_one_sends",),
    ),
    Mutant(
        "a stop waits for a relay that has ended",
        f"{ENGINE}/lanes.py",
        "first_of(shard.relay.room(0), asyncio.wait({self._ours.relays[number]}))",
        "shard.relay.room(0)",
        (
            f"{DRAIN}_a_shard_that_it_loses_while_it_waits_for_the_broker_does_not_hold_up_its_end",
            f"{DRAIN}_a_relay_that_fails_while_it_waits_for_the_broker_does_not_hold_up_its_end",
        ),
    ),
)
