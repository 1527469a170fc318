"""The page of measurements says what it compares and what it misses; reports of before are still shown."""

import copy

import pytest
from page_tables import (
    answers,
    growth_answers,
    growth_costs,
    kills,
    last_run,
    ledger_growth,
    memory,
    queued,
    rates,
    runs,
    targets,
    whole_growth,
)
from page_text import PAGE, keep, page, read

XEON, EPYC = "2 cores, Xeon, Python 3.11.7", "2 cores, EPYC, Python 3.11.7"

ONE = {"lines_per_second": 40_000, "p50": 12.0, "p99": 24.0}
PLAIN = {"machine": XEON, "at": "2026-11-27", "pairs": 3, "batch": 5_000, "plain": ONE, "ours": ONE}


def drained(rate, **more):
    parts = {"gap-detector": 16, "broker": 2, "postgres": 10}
    return {"lines_per_second": rate, "cpu_ms_per_1000_lines": parts, "memory_mb": {"broker": 300}, **more}


def answered(rate, p99=40.0, unseen=0):
    times = {"p50": p99 / 2, "p99": p99, "p99.9": p99 * 2, "count": 700, "unseen": unseen}
    used = {"gap-detector": 40, "broker": 30}
    return {"lines_per_second": rate, "seconds": 20, "opened": times, "allocated": times, "cpu_percent": used}


def report(ledger=60_000, drain=25_000, slow=40.0, half=200.0, machine=XEON, **more):
    asked = [answered(2_000, slow), answered(drain // 4), answered(drain // 2, half), answered(drain * 3 // 4)]
    steps = {"ledger": drained(ledger), "drain": drained(drain)}
    return {"machine": machine, "at": "2026-11-27 13:37", **steps, "latency": asked, **more}


def sizes(rate=40_000, *, whole=True, machine=XEON, p99=40.0):
    way = {"memory_mb": {"gap-detector": 199}, "drain": drained(rate // 2), "latency": answered(500, p99)}
    lanes = {"lanes": 1_000, **drained(rate), "memory_mb": {"gap-detector": 9, "broker": 8, "postgres": 7}}
    by_lanes = lanes | ({"whole": way} if whole else {})
    by_open = {"open": 10_000, **way} | ({"ledger": {**lanes, "lines_per_second": rate - 1}} if whole else {})
    return {"machine": machine, "at": "2026-11-26", "by_lanes": [by_lanes], "by_open": [by_open]}


def cells(of):
    """The rows of a table by their first cell, each with the names of its columns."""
    head, _, *rows = [[cell.strip() for cell in line.strip("|").split("|")] for line in of.split("\n") if "|" in line]
    return {row[0]: list(zip(head[1:], row[1:], strict=True)) for row in rows}


def shown(of, row, column):
    """What a table shows, the first of columns with one name."""
    return dict(reversed(cells(of)[row]))[column]


def met(of):
    return [(dict(row)["on the page"], dict(row)["met"]) for row in cells(targets(of)).values()]


def test_a_target_that_is_just_reached_is_met():
    there = report(ledger=60_000, drain=25_000, slow=49.9, half=249.9)
    assert met(there) == [("60,000", "yes"), ("25,000", "yes"), ("49.9", "yes"), *[("249.9", "yes")] * 2]


def test_a_target_that_is_just_missed_is_not_met():
    there = report(ledger=59_999, drain=24_999, slow=50.0, half=250.0)
    assert met(there) == [("59,999", "no"), ("24,999", "no"), ("50.0", "no"), *[("250.0", "no")] * 2]


def test_of_a_rate_that_was_not_asked_nobody_says_that_its_target_is_met():
    there = report()
    there["latency"] = [answered(13_000), answered(2_500)]
    assert met(there)[2:] == [("-", "not measured")] * 3


def test_on_the_same_machine_there_are_ratios_and_the_last_run_has_a_date():
    now, last = report(ledger=60_000, half=200.0), report(ledger=50_000, half=100.0, at="2026-11-24 10:00")
    assert shown(rates(now, last), "ledger step, one process", "÷ last run") == "1.20"
    assert shown(memory(now, last), "broker", "÷ last run") == "1.00"
    assert shown(answers(now, last), "order-placed → opened at 12,500 lines/s", "p99 ÷ last run") == "2.00"
    assert last_run(now, last).endswith(f"{XEON}, 2026-11-24 10:00.")


def test_between_machines_there_is_no_ratio_and_the_page_says_why():
    now, last = report(machine=EPYC), report(ledger=50_000)
    assert shown(rates(now, last), "ledger step, one process", "÷ last run") == "-"
    assert shown(memory(now, last), "broker", "÷ last run") == "-"
    assert shown(answers(now, last), "order-placed → opened at 12,500 lines/s", "p99 ÷ last run") == "-"
    assert last_run(now, last) == (
        f"The last run was on another machine ({XEON}, 2026-11-27 13:37), so that no ratio is shown."
    )


def test_the_first_run_is_compared_with_none():
    assert last_run(report(), {}) == "There is no run before this one to compare with."
    assert shown(rates(report(), {}), "ledger step, one process", "÷ last run") == "-"


def test_that_a_ratio_is_one_of_different_rates_is_said_where_there_is_one():
    last = report(drain=20_000)
    assert answers(report(), last).endswith("those of the last run were 5,000, 10,000, 15,000 lines/s.")
    assert "different rates" not in answers(report(machine=EPYC), last)


def test_which_rates_were_asked_is_said_as_far_as_they_were():
    there = report(drain=30_000)
    assert "three quarters of what the same run drained." in answers(there, {})
    there["latency"].append(answered(12_500, 180.0))
    assert "and 12,500: half of what is to be drained at least." in " ".join(answers(there, {}).split())
    assert met(there)[4] == ("180.0", "yes")


def test_a_rate_of_several_runs_stands_with_the_least_and_the_most():
    spread = {"runs": 3, "lines_per_second_range": [51_000, 61_000]}
    there = report(ledger=60_000)
    there["ledger"] |= spread
    assert shown(rates(there, {}), "ledger step, one process", "least to most") == "51,000 to 61,000"
    assert runs(there).startswith("Each step ran 3 times")


def test_when_the_queue_was_done_is_told_where_it_is_known():
    assert "in the queue, too, at 21,000 lines/s." in queued({"drain": drained(25_000, queued_lines_per_second=21_000)})
    assert not queued(report())


def test_a_report_of_one_run_says_so():
    assert shown(rates(report(), {}), "ledger step, one process", "least to most") == "-"
    assert runs(report()) == "Each step ran once."


def test_answers_that_did_not_come_are_counted():
    there = report()
    assert "\nAll answers that were due came." in answers(there, {})
    there["latency"][1] = answered(6_250, unseen=3)
    assert "\n6 answers that were due did not come." in answers(there, {})


def killed(**more):
    whole = {"lost": 0, "doubled": 0}
    figures = {"backlogs": 2, "lines": 150_000, "kills": 4, "in_the_middle": 4, "lines_per_second": 9_000}
    figures |= {
        "lines_per_second_undisturbed": 26_000,
        "seconds_lost_per_kill": 2.2,
        "events": 99_000,
        "repeated": 1_234,
    }
    places = {"ledger": whole, "opened": whole, "queue": whole, "lanes_off": 0, "changed": 0}
    return figures | places | {"back_after": {"notifier": [8.0, 9.5], "gap-detector": [7.0, 8.5]}} | more


def test_what_became_of_the_lines_when_services_were_killed_is_on_the_page():
    there = kills(report(kills=killed()))
    assert "Lines lost: 0; doubled: 0; lanes with other numbers than they must have: 0." in there
    assert shown(there, "notifier", "most s") == "9.5"
    assert "Lines lost: 3;" in kills(report(kills=killed(queue={"lost": 3, "doubled": 0})))
    assert there in page(report(lanes=20_000, kills=killed()), sizes(), PLAIN, {}, {})


def test_a_report_without_kills_has_no_such_section():
    assert kills(report()) == ""
    assert "Killed" not in page(report(lanes=20_000), sizes(), PLAIN, {}, {})


def test_growth_is_compared_size_by_size():
    now, last = sizes(40_000, p99=40.0), sizes(50_000, p99=20.0)
    last["by_lanes"].insert(0, {**last["by_lanes"][0], "lanes": 10, "lines_per_second": 1})
    for size in ("1,000 lanes", "10,000 open"):
        assert shown(ledger_growth(now, last), size, "÷ last run") == "0.80"
    for size in ("1,000 lanes", "10,000 open"):
        assert shown(whole_growth(now, last), size, "÷ last run") == "0.80"
        assert shown(whole_growth(now, last), size, "p99 ÷ last run") == "2.00"


def test_where_the_ledger_step_was_not_measured_by_open_back_orders_there_is_a_dash():
    before, now = sizes(whole=False), sizes()
    assert {cell for _, cell in cells(ledger_growth(before, {}))["10,000 open"]} == {"-"}
    assert shown(ledger_growth(now, before), "10,000 open", "÷ last run") == "-"
    assert shown(ledger_growth(now, {}), "10,000 open", "lines/s") == "39,999"


def test_growth_on_another_machine_is_not_compared():
    now, last = sizes(machine=EPYC), sizes()
    assert shown(ledger_growth(now, last), "1,000 lanes", "÷ last run") == "-"
    assert shown(whole_growth(now, last), "10,000 open", "p99 ÷ last run") == "-"


def test_growth_shows_all_that_was_measured_of_the_whole_way():
    there = whole_growth(sizes(), {})
    assert shown(there, "10,000 open", "lines/s") == "20,000"
    assert shown(there, "10,000 open", "allocated p50 / p99 / p99.9 ms") == "20.0 / 40.0 / 80.0"
    assert shown(there, "10,000 open", "CPU %") == "70"
    assert shown(growth_costs(sizes()), "gap-detector", "1,000 lanes") == "16 / 40 / 199"
    assert "500 lines/s for 20 seconds" in growth_answers(sizes())


def test_where_the_whole_way_was_not_measured_by_lanes_there_is_a_dash():
    before, now = sizes(whole=False), sizes()
    assert {cell for _, cell in cells(whole_growth(before, {}))["1,000 lanes"]} == {"-"}
    assert [name for name, _ in cells(growth_costs(before))["gap-detector"]] == ["10,000 open"]
    assert shown(whole_growth(now, before), "1,000 lanes", "÷ last run") == "-"
    assert shown(whole_growth(before, now), "10,000 open", "÷ last run") == "1.00"


def test_whether_answers_came_that_nobody_wrote_down_is_not_claimed():
    there = sizes()
    del there["by_open"][0]["latency"]["opened"]["unseen"]
    assert growth_answers(there).endswith("Whether all came was not written down.")


def test_the_report_that_was_shown_before_is_the_last_run_until_another_one_is_shown(tmp_path):
    first, second, third = report(at="1"), report(at="2"), report(at="3")
    assert keep("system.json", first, tmp_path) == {}
    assert keep("system.json", second, tmp_path) == first
    assert keep("system.json", copy.deepcopy(second), tmp_path) == first, "the same page is written again"
    assert keep("system.json", third, tmp_path) == second


def test_the_page_is_the_one_that_its_reports_make():
    shown_now = [read(PAGE / name) for name in ("system.json", "growth.json", "plain.json")]
    before = [read(PAGE / "last" / name) for name in ("system.json", "growth.json")]
    assert (PAGE / "README.md").read_text("utf-8") == page(*shown_now, *before), "performance_page.py writes it"


@pytest.mark.parametrize("name", ["system.json", "growth.json", "plain.json"])
def test_the_page_names_the_machine_and_time_of_each_of_its_reports(name):
    there = read(PAGE / name)
    assert f"{there['machine']}, {there['at']}" in (PAGE / "README.md").read_text("utf-8")
