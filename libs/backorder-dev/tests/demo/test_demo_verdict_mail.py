"""The verdict about messages: who had to be told, and who was."""

from dataclasses import replace

from demo_tamper import alter, find, the

from backorder_dev.demo.records import Letter


def test_a_mail_that_is_not_there_is_noticed(evidence):
    evidence.mails.pop()
    assert the("mails in the mailbox", evidence)


def test_a_mail_twice_is_noticed(evidence):
    evidence.mails.append(replace(evidence.mails[0], name="again.eml"))
    assert the("mails in the mailbox", evidence)


def test_a_push_that_nobody_sent_is_noticed(evidence):
    evidence.pushes.append(Letter("x.json", "<x>", "http://127.0.0.1:1/push/C-1"))
    assert the("push messages", evidence)


def test_a_mail_to_somebody_else_is_noticed(evidence):
    evidence.mails[0] = replace(evidence.mails[0], to="somebody@else.example")
    assert the("address of their recipient", evidence)


def test_an_opening_that_nobody_was_told_of_is_noticed(evidence):
    del evidence.events[find(evidence, "notification-outcome")]
    assert the("told to subscribers", evidence)


def test_a_completion_that_was_only_suppressed_is_noticed(evidence):
    completed = next(
        event
        for event in evidence.events
        if event.type == "back-order.completed" and event.data["customer_id"] in evidence.contacts
    )
    place = find(evidence, "notification-outcome", event_id=completed.id)
    alter(evidence, place, lambda data: data.update(result="suppressed", message_id=None))
    assert the("told to subscribers", evidence)


def test_a_message_to_a_customer_who_did_not_subscribe_is_noticed(evidence):
    stranger = next(iter(sorted(evidence.customers - evidence.contacts.keys())))
    alter(evidence, find(evidence, "notification-outcome"), lambda data: data.update(recipient=stranger))
    assert the("did not subscribe", evidence)
