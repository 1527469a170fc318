"""Mistakes in how a service ends that only people can mend, and the tests that notice them."""

from engine_table import ENGINE, TESTS
from mutant_harness import Mutant

WATCH = f"{TESTS}/test_topic_watch.py::test"
SERVICE, PERMISSIONS = f"{TESTS}/test_service.py::test", f"{TESTS}/test_permissions.py::test"
FOR_PEOPLE = f"{SERVICE}_what_only_people_can_mend_ends_it_in_order_with_code_2_and_one_line_that_says_what_to_do"

MUTANTS = (
    Mutant(
        "a log that changed ends a service like a defect of ours",
        f"{ENGINE}/service.py",
        "FOR_PEOPLE = (LogChanged, ",
        "FOR_PEOPLE = (",
        (FOR_PEOPLE,),
    ),
    Mutant(
        "a clock that changed ends a service like a defect of ours",
        f"{ENGINE}/service.py",
        "TooManyRefused, ClockChanged, ",
        "TooManyRefused, ",
        (FOR_PEOPLE,),
    ),
    Mutant(
        "what only people can mend ends a service with the code of a defect",
        f"{ENGINE}/service.py",
        "_STOPPED = 2",
        "_STOPPED = 1",
        (FOR_PEOPLE,),
    ),
    Mutant(
        "a service that people have to mend does not say so",
        f"{ENGINE}/service.py",
        '        _log.error("stopped", problem=problem)\n',
        "",
        (FOR_PEOPLE,),
    ),
    Mutant(
        "a defect of ours ends a service like what people can mend",
        f"{ENGINE}/service.py",
        "str(error) if isinstance(error, FOR_PEOPLE) else denied(error)",
        "str(error)",
        (f"{SERVICE}_anything_else_ends_it_in_order_as_the_failure_that_it_is",),
    ),
    Mutant(
        "a service that fails leaves its producer as it is",
        f"{ENGINE}/service.py",
        "            await asyncio.to_thread(publisher.close)\n",
        "            pass\n",
        (FOR_PEOPLE, f"{SERVICE}_anything_else_ends_it_in_order_as_the_failure_that_it_is"),
    ),
    Mutant(
        "a right that the database refuses is waited for",
        f"{ENGINE}/permissions.py",
        "        if _refused_by_database(cause):\n",
        "        if False:\n",
        (
            f"{PERMISSIONS}_what_the_database_does_not_permit_stops_with_what_was_refused_and_what_to_do",
            f"{SERVICE}_a_refusal_of_the_database_that_no_loop_put_into_words_ends_it_with_code_2_too",
        ),
    ),
    Mutant(
        "a right that the broker refuses is waited for",
        f"{ENGINE}/permissions.py",
        "        if (what := _refused(cause)) is not None:\n",
        "        if what := None:\n",
        (f"{PERMISSIONS}_what_is_not_permitted_stops_with_what_to_do",),
    ),
    Mutant(
        "whoever looks at the topics waits for a permission",
        f"{ENGINE}/topic_watch.py",
        "                stop_if_denied(error)\n",
        "",
        (f"{WATCH}_what_is_away_is_waited_for_and_what_is_not_permitted_stops",),
    ),
    Mutant(
        "a claim that may not end an administrator's session ends the service",
        f"{ENGINE}/permissions.py",
        ' and error.server_source_function != "pg_terminate_backend"',
        "",
        (f"{PERMISSIONS}_what_passes_stops_nothing",),
    ),
)
