"""Mistakes in the notifier that must not go unnoticed: each notification ends once, and is sent once where that can be."""

from mutant_harness import Mutant

NOTIFIER = "services/notifier/src/notifier"
TESTS = "services/notifier/tests"
DECIDED, LANES = f"{TESTS}/test_decide.py::test", f"{TESTS}/test_lanes.py::test"
TALK, SENT = f"{TESTS}/delivery/test_conversations.py::test", f"{TESTS}/delivery/test_sending.py::test"
REFUSED = f"{TESTS}/delivery/test_refusals.py::test"
READ = f"{TESTS}/test_wire.py::test"
SLOW = f"{TESTS}/delivery/test_slow_recipients.py::test"
LOST = f"{TALK}_who_lost_the_lease_neither_sends_nor_records"
ACCOUNTED = f"{DECIDED}_every_rule_that_holds_is_accounted_for"

MUTANTS = (
    # ── what is to be told ─────────────────────────────────────────────────────────────────────────────
    Mutant(
        "a version that was seen is told again",
        f"{NOTIFIER}/domain/decide.py",
        "    if state.version <= seen:\n        return ()\n",
        "",
        (
            f"{DECIDED}_a_version_seen_before_changes_nothing",
            f"{DECIDED}_repeated_and_late_events_lead_to_what_each_led_to_once",
        ),
    ),
    Mutant(
        "an event that comes twice in a batch has two outcomes",
        f"{NOTIFIER}/handlers.py",
        "                    self._seen[back_order_id] = version\n",
        "",
        (f"{DECIDED}_an_event_that_comes_twice_in_a_batch_has_one_outcome",),
    ),
    Mutant(
        "the id of a notification is drawn anew",
        f"{NOTIFIER}/domain/identity.py",
        'return _digest("notification", event_id,',
        'return _digest(__import__("uuid").uuid4().hex, event_id,',
        (f"{DECIDED}_whoever_decides_an_event_again_derives_the_same_ids",),
    ),
    Mutant(
        "two channels share the id of a notification",
        f"{NOTIFIER}/domain/identity.py",
        'return _digest("notification", event_id, channel, audience, recipient_id)',
        'return _digest("notification", event_id, audience, recipient_id)',
        (f"{DECIDED}_ids_differ_by_event_channel_audience_and_recipient",),
    ),
    Mutant(
        "whoever cannot be reached is passed over without an outcome",
        f"{NOTIFIER}/domain/decide.py",
        '        yield _settled(event, recipient, now, Result.SUPPRESSED, "no-contact")\n        return\n',
        "        return\n",
        (ACCOUNTED,),
    ),
    Mutant(
        "news that is too old is told",
        f"{NOTIFIER}/domain/decide.py",
        "        if expires_at <= now:\n",
        "        if False:\n",
        (ACCOUNTED,),
    ),
    Mutant(
        "customers hear of what comes and goes",
        f"{NOTIFIER}/domain/table.py",
        '"back-order.allocated": Entry(Kind.PROGRESS, ())',
        '"back-order.allocated": Entry(Kind.PROGRESS, (_customer(_PUSH),))',
        (f"{DECIDED}_customers_hear_what_matters_to_them",),
    ),
    Mutant(
        "the end of a back order replaces an answer",
        f"{NOTIFIER}/domain/table.py",
        "for old in (Kind.DELAY, Kind.PROGRESS))",
        "for old in Kind)",
        (f"{DECIDED}_no_news_makes_an_answer_needless",),
    ),
    Mutant(
        "a state that the database does not take is read, and its batch fails for ever",
        f"{NOTIFIER}/wire.py",
        "    _check(state)\n",
        "",
        (f"{READ}_a_state_that_cannot_be_kept_is_refused_and_the_next_one_is_taken",),
    ),
    Mutant(
        "a header that the database does not take is read, and its batch fails for ever",
        f"{NOTIFIER}/wire.py",
        "    check_attribute(name, text)\n",
        "",
        (f"{READ}_a_header_that_cannot_be_kept_is_refused_and_the_next_record_is_taken",),
    ),
    # ── how it is sent ─────────────────────────────────────────────────────────────────────────────────
    Mutant(
        "a lease may be shorter than a send",
        f"{NOTIFIER}/settings.py",
        "if self.notify.lease <= longest:",
        "if False:",
        (f"{TESTS}/test_settings.py::test_a_mistake_is_named",),
    ),
    Mutant(
        "the time between two tries has no limit",
        f"{NOTIFIER}/domain/schedule.py",
        "wait = min(patience.first * (1 << doublings), patience.longest)",
        "wait = patience.first * (1 << doublings)",
        (f"{DECIDED}_waits_grow_up_to_a_limit_and_are_the_same_again",),
    ),
    Mutant(
        "a push goes where one of several addresses is public",
        f"{NOTIFIER}/guard.py",
        "not all(map(is_public, addresses))",
        "not any(map(is_public, addresses))",
        (f"{TESTS}/test_addresses.py::test_a_name_with_one_private_address_is_blocked",),
    ),
    Mutant(
        "a refusal that means us counts against the address",
        f"{NOTIFIER}/smtp.py",
        "    return refusal.code not in _LOG_IN and not _means_us(refusal.message)\n",
        "    return True\n",
        (f"{REFUSED}_a_refusal_that_means_us_does_not_count_against_the_address",),
    ),
)

ON_A_STACK = (
    Mutant(
        "a mail counts as sent before the server has taken it",
        f"{NOTIFIER}/smtp.py",
        "            return Unsure(type(error).__name__)\n",
        "            return Sent()\n",
        (f"{TALK}_silence_after_the_final_dot_sends_the_same_mail_again",),
    ),
    Mutant(
        "that a send begins is not written down",
        f"{NOTIFIER}/queries.sql",
        "UPDATE message SET status = 'sending', lease_until = $3",
        "UPDATE message SET status = 'leased', lease_until = $3",
        (f"{TALK}_the_database_knows_of_a_send_before_it_begins",),
    ),
    Mutant(
        "what may have got through is told in other words after a refusal",
        f"{NOTIFIER}/sender.py",
        "keep = message.unsure or isinstance(delivery, Unsure)",
        "keep = isinstance(delivery, Unsure)",
        (f"{TALK}_a_refusal_after_silence_keeps_the_mail_as_it_is",),
    ),
    Mutant(
        "whoever lost his lease sends",
        f"{NOTIFIER}/queries.sql",
        "SET status = 'sending', lease_until = $3 WHERE message_id = $1 AND epoch = $2 RETURNING 1",
        "SET status = 'sending', lease_until = $3 WHERE message_id = $1 AND epoch >= $2 RETURNING 1",
        (LOST,),
    ),
    Mutant(
        "whoever lost his lease ends the message",
        f"{NOTIFIER}/queries.sql",
        "DELETE FROM message WHERE message_id = $1 AND epoch = $2 RETURNING 1",
        "DELETE FROM message WHERE message_id = $1 AND epoch >= $2 RETURNING 1",
        (LOST,),
    ),
    Mutant(
        "a sender takes what another one holds",
        f"{NOTIFIER}/queries.sql",
        "status IN ('leased', 'sending') AND lease_until < $2",
        "status IN ('leased', 'sending') AND (lease_until < $2 OR lease_until < $3)",
        (f"{TALK}_a_message_is_under_way_once_per_recipient_and_order",),
    ),
    Mutant(
        "newer news leaves before older",
        f"{NOTIFIER}/queries.sql",
        "AND older.seq < n.seq AND older.due_at <= $2)",
        "AND older.seq < n.seq AND older.due_at < '-infinity')",
        (f"{TALK}_newer_news_does_not_leave_before_older_that_another_sender_looks_at",),
    ),
    Mutant(
        "news that a sender holds is replaced",
        f"{NOTIFIER}/queries.sql",
        "WHERE old.status = 'pending' AND old.audience = new.audience",
        "WHERE old.status IN ('pending', 'leased') AND old.audience = new.audience",
        (f"{LANES}_what_a_sender_holds_is_not_replaced",),
    ),
    Mutant(
        "what has ended ends again with the message that it was in",
        f"{NOTIFIER}/queries.sql",
        "WHERE message_id = $1 AND status = 'leased' AND ($6::text[] IS NULL",
        "WHERE message_id = $1 AND ($6::text[] IS NULL",
        (f"{TALK}_a_repeated_date_beside_other_news_is_left_out",),
    ),
    Mutant(
        "what was sent is not written down when the database is away",
        f"{NOTIFIER}/sender.py",
        "on=PASSING, attempts=None,",
        "on=PASSING, attempts=1,",
        (f"{TALK}_what_was_sent_is_written_down_however_long_the_database_takes",),
    ),
    Mutant(
        "a recipient at whom the server breaks holds up all others",
        f"{NOTIFIER}/smtp.py",
        "        if self._suspect is not None:\n",
        "        if True:\n",
        (f"{SLOW}_a_recipient_at_whom_the_server_breaks_holds_up_nobody_else",),
    ),
    Mutant(
        "a server that breaks at every recipient costs each message a try",
        f"{NOTIFIER}/smtp.py",
        "        if self._suspect is not None:\n",
        "        if False:\n",
        (f"{SLOW}_a_server_that_breaks_at_every_recipient_costs_one_message_a_try_and_then_rests",),
    ),
    Mutant(
        "two messages for one recipient make the server look broken",
        f"{NOTIFIER}/smtp.py",
        "        if address == self._suspect:\n",
        "        if False:\n",
        (f"{SLOW}_a_recipient_of_many_messages_is_asked_for_once_and_is_no_sign_that_the_server_is_broken",),
    ),
    Mutant(
        "whoever was slow once is never asked for again",
        f"{NOTIFIER}/smtp.py",
        "        self._suspect = None\n        if self._smtp is not None:",
        "        if self._smtp is not None:",
        (f"{SLOW}_it_is_tried_again_later_and_later_and_goes_out_when_the_server_answers",),
    ),
    Mutant(
        "a message is put off until it is too old",
        f"{NOTIFIER}/sender.py",
        "    if at >= message.expires_at:\n",
        "    if False:\n",
        (f"{SENT}_a_server_that_never_takes_it_is_given_up_after_two_days",),
    ),
    Mutant(
        "a message that became too old is sent",
        f"{NOTIFIER}/sender.py",
        "        if message.expires_at <= now:\n",
        "        if False:\n",
        (f"{SENT}_what_became_too_old_while_nobody_sent_is_not_sent",),
    ),
    Mutant(
        "an address that is suspended is written to",
        f"{NOTIFIER}/queries.sql",
        "CASE WHEN c.suspended_at IS NULL THEN c.email END",
        "c.email",
        (f"{TALK}_a_contact_that_is_suspended_by_then_is_not_written_to",),
    ),
    Mutant(
        "the team stays suspended for good",
        f"{NOTIFIER}/queries.sql",
        "\n   OR contact.suspended_at IS NOT NULL",
        "",
        (f"{LANES}_a_start_lifts_the_suspension_of_the_team",),
    ),
    Mutant(
        "an end that nobody has published is forgotten",
        f"{NOTIFIER}/retention.sql",
        "t.key = 'outcome:' || n.notification_id)",
        "t.key = n.notification_id)",
        (f"{TESTS}/test_housekeeping.py::test_old_notifications_are_forgotten_once_they_are_told",),
    ),
    Mutant(
        "a notification that another transaction holds is waited for before it is forgotten",
        f"{NOTIFIER}/retention.sql",
        " FOR UPDATE OF n SKIP LOCKED",
        "",
        (f"{TESTS}/test_housekeeping.py::test_a_rule_of_tables_waits_for_nobody",),
    ),
)
