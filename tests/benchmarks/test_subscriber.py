"""A subscriber counts events and not records, so that one that comes again hides none that is missing."""

import json
from collections import Counter
from dataclasses import dataclass

from subscriber import Subscriber


@dataclass
class Said:
    """A record of the topic."""

    event_id: str | None
    kind: str = "back-order.opened"
    order: str = "SO-1"

    def headers(self):
        named = [] if self.event_id is None else [("ce_id", self.event_id.encode())]
        return [("ce_specversion", b"1.0"), *named, ("ce_type", self.kind.encode())]

    def value(self):
        return json.dumps({"order_id": self.order, "part_id": "P-5"}).encode()


def seen(*records):
    subscriber = Subscriber()
    for record in records:
        subscriber._saw(record)
    return subscriber


def test_an_event_that_comes_again_does_not_stand_for_another():
    there = seen(Said("gap-detector.0.1"), Said("gap-detector.0.1"), Said("gap-detector.0.2", order="SO-2"))
    assert (there.opened, there.repeated) == (2, 1)
    assert there.seen == Counter(opened=2)


def test_what_comes_again_after_a_new_count_is_not_counted_either():
    there = seen(Said("gap-detector.0.1"))
    there.start()
    there._saw(Said("gap-detector.0.1"))
    assert not there.seen
    assert there.opened == 1


def test_events_without_an_id_cannot_be_told_from_each_other_and_count():
    assert seen(Said(None), Said(None, order="SO-2")).opened == 2


def test_other_kinds_are_not_collected():
    assert seen(Said("priority-router.0.1", "back-order.prioritised")).opened == 0


def test_the_answer_to_an_order_is_the_first_that_came():
    there = seen(Said("gap-detector.0.1"), Said("gap-detector.0.1"))
    took = there.answers({("opened", "SO-1 P-5"): [1.0, 2.0]}, since=0.0)
    assert len(took["opened"]) == 1
