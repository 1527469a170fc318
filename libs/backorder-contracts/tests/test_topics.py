from datetime import timedelta

import pytest
from pydantic import ValidationError

from backorder_contracts.topics import TOPICS, dead_letter, load

SERVICES = ["gap-detector", "inventory-sync", "priority-router", "notifier"]


def test_names_are_kebab_case():
    for name in TOPICS:
        assert name.replace("-", "").replace(".", "").isalpha()
        assert name == name.lower()


def test_lane_keyed_topics_share_one_partition_count():
    assert {topic.name for topic in TOPICS.values() if topic.key == "lane"} == {
        "order-line",
        "supply-entry",
        "back-order-queue",
        "back-order-need",
        "queue-command",
        "back-order-state",
        "supply",
        "notification-outcome",
    }
    for topic in TOPICS.values():
        if topic.key == "lane":
            assert topic.partition_count(7) == 7
    assert TOPICS["order-placed"].partition_count(7) == 12


def test_internal_topics_are_no_promise_to_anybody():
    internal = {topic.name for topic in TOPICS.values() if not topic.is_public}
    assert internal == {"order-line", "supply-entry", "back-order-queue", "back-order-need", "queue-command"}
    assert not any(TOPICS[name].ce_types for name in internal)


@pytest.mark.parametrize("service", SERVICES)
def test_dead_letters_are_kept_under_a_fortnight_and_have_room_for_their_headers(service):
    topic = TOPICS[dead_letter(service)]
    assert topic.is_dead_letter
    assert topic.publishers == (service,)
    assert topic.retention < timedelta(days=14)
    assert int(topic.configuration["max.message.bytes"]) == 10 * 1024 * 1024


def test_configuration_is_in_kafkas_words():
    assert TOPICS["order-placed"].configuration == {"cleanup.policy": "delete", "retention.ms": "1209600000"}
    assert TOPICS["back-order-snapshot"].configuration == {"cleanup.policy": "compact"}
    assert TOPICS["back-order-snapshot"].is_compacted


def test_a_type_stands_on_one_topic():
    types = [name for topic in TOPICS.values() for name in topic.ce_types]
    assert len(types) == len(set(types))


def test_an_entry_with_a_field_that_does_not_exist_is_refused():
    with pytest.raises(ValidationError):
        load("orders: {direction: in, colour: red}")
