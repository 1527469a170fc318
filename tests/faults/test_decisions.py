"""What was decided under faults is held against the same decisions without any."""

import pytest
from faults_support.decisions import differences

A, B, C = ("back-order.ranked", b"1"), ("back-order.allocated", b"2"), ("back-order.allocated", b"3")


def test_what_is_decided_again_as_it_was_is_no_finding():
    assert list(differences({0: [A, B], 1: [C], 2: []}, {0: [A, B], 1: [C]})) == []


@pytest.mark.parametrize(
    ("was", "again", "said"),
    [
        ([A, B], [A, C], "event 2 of queue 1 is"),
        ([A, B, C], [A, C, B], "event 2 of queue 1 is"),
        ([A], [A, B], "queue 1 has 1 events, and 2 when"),
        ([A, B], [A], "queue 1 has 2 events, and 1 when"),
        ([A], None, "queue 1 has 1 events, and 0 when"),
    ],
    ids=["another got it", "in another order", "was never decided", "decided and not written down", "no such queue"],
)
def test_what_would_be_another_decision_is_found_once_for_its_queue(was, again, said):
    (finding,) = differences({0: [A], 1: was}, {0: [A]} | ({} if again is None else {1: again}))
    assert finding.fault == "wrong"
    assert finding.what.startswith(said)
