"""Who wanted to be told was told, once, at the right address; and nobody else."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from backorder_dev.demo.checks.finding import Finding, all_of, none_of, number
from backorder_dev.demo.found import Found
from backorder_dev.demo.records import Evidence, Letter

_ALWAYS_TOLD = ("back-order.opened", "back-order.completed")
"""Customers hear of these by every channel that they gave. Of a completion certainly; an opening may be overtaken by
better news before it is sent."""

Telling = tuple[str, str, str]
"""Event, recipient, channel."""


def check(evidence: Evidence, found: Found) -> Iterator[Finding]:
    """Mails, pushes, and what had to be told."""
    yield _files("mails in the mailbox", "email", evidence.mails, found)
    yield _files("push messages", "push", evidence.pushes, found)
    yield _addresses(evidence, found)
    yield _told(evidence.contacts, found)
    yield none_of(
        "messages to customers who did not subscribe",
        [
            f"{each['recipient']} by {each['channel']}"
            for each in found.outcomes.values()
            if each["result"] == "sent"
            and each["recipient"] in evidence.customers
            and each["channel"] not in evidence.contacts.get(each["recipient"], {})
        ],
    )


def missing(contacts: Mapping[str, Mapping[str, str]], found: Found) -> list[Telling]:
    """What must be told and has no outcome yet."""
    known = {(each["event_id"], each["recipient"], each["channel"]) for each in found.outcomes.values()}
    return [telling for telling in due(contacts, found) if telling not in known]


def due(contacts: Mapping[str, Mapping[str, str]], found: Found) -> dict[Telling, str]:
    """What must be told, with the event's type."""
    return {
        (event.id, state["customer_id"], channel): event.type
        for each in found.back_orders.values()
        for event, state in zip(each.events, each.states, strict=True)
        if event.type in _ALWAYS_TOLD
        for channel in contacts.get(state["customer_id"], ())
    }


def _files(what: str, channel: str, files: list[Letter], found: Found) -> Finding:
    ids = {
        each["message_id"]
        for each in found.outcomes.values()
        if each["channel"] == channel and each["result"] == "sent"
    }
    there = Counter(file.id for file in files)
    wrong = [f"{name} is not there" for name in ids if name not in there]
    wrong += [f"{name} is there, but was not sent" for name in there if name not in ids]
    wrong += [f"{name} is there {times} times" for name, times in there.items() if times > 1]
    return number(f"{what}, as many as notification-outcome says were sent", len(ids), len(files), sorted(wrong))


def _addresses(evidence: Evidence, found: Found) -> Finding:
    recipients = {each["message_id"]: each["recipient"] for each in found.outcomes.values() if each["message_id"]}
    wrong = []
    for channel, files in (("email", evidence.mails), ("push", evidence.pushes)):
        for file in files:
            recipient = recipients.get(file.id, "")
            if recipient and recipient not in evidence.customers:
                continue  # the parts team: its address is the installation's business
            if evidence.contacts.get(recipient, {}).get(channel) != file.to:
                wrong.append(f"{file.name} to {file.to}")
    return all_of("messages at the address of their recipient", len(evidence.mails) + len(evidence.pushes), wrong)


def _told(contacts: Mapping[str, Mapping[str, str]], found: Found) -> Finding:
    outcomes: dict[Telling, list[str]] = {}
    for each in found.outcomes.values():
        outcomes.setdefault((each["event_id"], each["recipient"], each["channel"]), []).append(each["result"])
    wrong = []
    expected = due(contacts, found)
    for telling, event_type in expected.items():
        results = outcomes.get(telling, [])
        fits = results == ["sent"] or (event_type != "back-order.completed" and results == ["suppressed"])
        if not fits:
            wrong.append(f"{' '.join(telling)}: {', '.join(results) or 'nothing'}")
    return all_of("openings and completions told to subscribers, once each", len(expected), wrong)
