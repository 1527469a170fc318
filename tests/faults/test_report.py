"""The report says what was found, and under which fault; what was not survived does not count as survived."""

import json
from collections import Counter

import pytest
from faults_support.oracle import Finding
from faults_support.plan import Injection, Kind
from faults_support.report import DUPLICATES, Backlog, Injected, Result

AGAIN = tuple((b"order-placed", b"0", offset) for offset in (b"7", b"8"))


def injected(number, kind, began, **more):
    return Injected(Injection(number, kind), began, healed=began + 5, opened=0.5, **{"recovered": 1.5, **more})


def result(*findings):
    """A kill at 100, a zombie at 200 that was not recovered from, another kill at 300; each takes 6.5 seconds."""
    late = injected(2, Kind.ZOMBIE, 200, recovered=None, problem="not recovered")
    attacks = [injected(1, Kind.KILL, 100), late, injected(3, Kind.KILL, 300, recovered=2.5)]
    return Result(7, {}, attacks, list(findings), counted=Counter(repeated=10), reckoned=True)


def rows(of):
    """The cells of the table by the name of the row."""
    names = [*(kind.value for kind in Kind), DUPLICATES, "at another time"]
    found = {}
    for line in of.table().splitlines()[1:]:
        name = next(name for name in names if line.startswith(name))
        found[name] = line.removeprefix(name).split()
    return found


def cells(of, name):
    """Of a row: injected, survived, lost, doubled, wrong."""
    row = rows(of)[name]
    return [*row[:2], *row[-3:]] if len(row) > 3 else row


def test_without_findings_all_are_survived_but_those_with_a_problem():
    there = result()
    assert cells(there, Kind.KILL.value) == ["2", "2", "0", "0", "0"]
    assert cells(there, Kind.ZOMBIE.value) == ["1", "0", "0", "0", "0"]
    assert cells(there, DUPLICATES) == ["10", "10", "0", "0", "0"]
    assert "at another time" not in rows(there)
    assert not there.good, "a problem is not good"


def test_each_time_is_shown_in_seconds_with_its_median_and_its_maximum():
    assert rows(result())[Kind.KILL.value][2:10] == ["0.5", "s", "0.5", "s", "2.0", "s", "2.5", "s"]


@pytest.mark.parametrize("at", [100, 104, 106.5])
def test_an_input_that_was_lost_under_a_fault_is_that_faults_and_it_was_not_survived(at):
    there = result(Finding("lost", "CMD-1", at))
    assert cells(there, Kind.KILL.value) == ["2", "1", "1", "0", "0"]
    assert cells(there, Kind.ZOMBIE.value) == ["1", "0", "0", "0", "0"]
    assert "at another time" not in rows(there)


@pytest.mark.parametrize("at", [None, 99.9, 106.6, 150])
def test_an_input_that_was_lost_under_no_fault_stands_apart(at):
    there = result(Finding("lost", "CMD-1", at))
    assert cells(there, Kind.KILL.value) == ["2", "2", "0", "0", "0"]
    assert rows(there)["at another time"][-3:] == ["1", "0", "0"]
    assert cells(there, DUPLICATES) == ["10", "10", "0", "0", "0"]


def test_a_fault_that_was_not_recovered_from_answers_for_a_minute():
    there = result(Finding("doubled", "CMD-1", 264.9), Finding("doubled", "CMD-2", 265.1))
    assert cells(there, Kind.ZOMBIE.value) == ["1", "0", "0", "1", "0"]
    assert rows(there)["at another time"][-3:] == ["0", "1", "0"]


def test_what_is_wrong_has_a_column_of_its_own():
    there = result(Finding("wrong", "a ledger"), Finding("wrong", "BO-1", 301))
    assert cells(there, Kind.KILL.value) == ["2", "1", "0", "0", "1"]
    assert rows(there)["at another time"][-3:] == ["0", "0", "1"]


def test_of_an_input_that_came_again_no_repetition_was_survived():
    line, other = (Finding("doubled", name, 150, AGAIN) for name in ("line 1", "line 2"))
    there = result(line, other, Finding("lost", "CMD-1", 101, AGAIN[:1]))
    assert cells(there, DUPLICATES) == ["10", "8", "1", "2", "0"]
    assert cells(there, Kind.KILL.value) == ["2", "1", "1", "0", "0"]
    assert "at another time" not in rows(there)


def test_what_cannot_be_done_here_is_not_survived():
    there = result()
    there.not_possible[Kind.FULL_DISK] = "no right to mount"
    assert f"{Kind.FULL_DISK.value}" in there.table()
    assert "not here: no right to mount" in there.table()


def test_the_same_is_told_to_machines():
    found = (Finding("lost", "CMD-1", 101, AGAIN[:1]), Finding("wrong", "a ledger"))
    told = json.loads(result(*found).as_json())
    kill = told["kinds"][Kind.KILL.value]
    assert {name: kill[name] for name in ("injected", "survived", "lost", "doubled", "wrong")} == {
        "injected": 2,
        "survived": 1,
        "lost": 1,
        "doubled": 0,
        "wrong": 0,
    }
    assert told["duplicates"] == {"injected": 10, "survived": 9, "lost": 1, "doubled": 0, "wrong": 0}
    assert [each["repeated"] for each in told["findings"]] == [1, 0]
    assert [each["number"] for each in told["injections"]] == [1, 2, 3]


def behind(number, *backlog):
    """A kill behind a burst, and what it met."""
    met = Backlog(*backlog) if backlog else None
    return Injected(Injection(number, Kind.KILL, "notifier", 1, burst=2_000), 100, evidence="killed [7]", backlog=met)


def test_it_is_told_how_many_faults_met_a_backlog_and_how_large_it_was():
    there = result()
    assert there.bursts() == "no fault came behind a burst"
    there.injected += [behind(4, 30, 0), behind(5, 0, 2), behind(6, 0, 0), behind(7)]
    assert there.bursts() == (
        "4 faults came behind a burst, 2 met a backlog: p50 0 records to do, max 30, p50 0 batches to send, max 2"
    )


def test_each_injection_tells_of_its_burst_and_of_what_it_met():
    one = behind(4, 30, 2)
    one.recovered = 3.21
    assert str(one) == (
        "4. kill -9 of a service notifier/1, behind 2000 lines (30 records to do, 2 batches to send): killed [7]; "
        "recovered in 3.2 s"
    )
    told = json.loads(Result(7, {}, [one, injected(5, Kind.KILL, 300)]).as_json())["injections"]
    assert [each["burst"] for each in told] == [2_000, 0]
    assert [each["backlog"] for each in told] == [{"records": 30, "batches": 2}, None]


def test_a_problem_is_told_with_its_injection():
    late = injected(2, Kind.ZOMBIE, 200, recovered=None, problem="not recovered")
    assert str(late) == "2. zombie after its partitions moved: ;  PROBLEM not recovered"


def test_nothing_is_good_before_it_was_reckoned():
    fresh = Result(7, {}, [injected(1, Kind.KILL, 100)])
    assert not fresh.good
    assert json.loads(fresh.as_json())["reckoned"] is False
    fresh.reckoned = True
    assert fresh.good
