"""Mistakes in what the queue knows of commands, and the tests that have to notice them."""

from mutant_harness import Mutant
from queue_table import OF_QUEUE, QUEUE

TWICE = f"{OF_QUEUE}/test_repeated_commands.py::test"
AGAIN = f"{TWICE}_a_command_that_comes_twice_is_carried_out_once"
ANSWERED = f"{OF_QUEUE}/test_answered.py::test"
BEFORE = f"{ANSWERED}_what_the_version_before_answered_is_known_by_what_it_was_called"

MUTANTS = (
    Mutant(
        "commands are told apart by what their systems call them",
        f"{QUEUE}/answered.py",
        "        key = command.cause.id\n",
        "        key = command.command_id\n",
        (f"{ANSWERED}_two_commands_that_their_systems_call_the_same_are_both_carried_out_and_remembered",),
    ),
    Mutant(
        "another command under a ce_id that was answered is taken for a repetition",
        f"{QUEUE}/answered.py",
        "return Known.REPEATED if content == digest(command) else Known.CONTRADICTS",
        "return Known.REPEATED",
        (f"{ANSWERED}_another_command_under_a_ce_id_that_was_answered_contradicts",),
    ),
    Mutant(
        "what the version before answered is carried out again under its ce_id",
        f"{QUEUE}/answered.py",
        "else Known.NAMED_ALIKE",
        "else Known.NEW",
        (f"{BEFORE}[called_the_same]",),
    ),
    Mutant(
        "where a command stands tells it from its repetition",
        f"{QUEUE}/answered.py",
        "_encode(replace(command, origin=_ANYWHERE))",
        "_encode(command)",
        (f"{ANSWERED}_a_command_that_was_answered_is_not_carried_out_again_wherever_it_stands",),
    ),
)

ON_A_STACK = (
    Mutant(
        "a command that comes twice is carried out twice",
        f"{QUEUE}/handlers.py",
        "        if known is not Known.NEW:\n",
        "        if known is None:\n",
        (
            f"{AGAIN}[in_the_same_batch]",
            f"{AGAIN}[in_the_next_batch]",
            f"{AGAIN}[after_the_shard_was_claimed_anew]",
        ),
    ),
    Mutant(
        "that a command was answered is not known within its batch",
        f"{QUEUE}/answered.py",
        "        self._contents[command.cause.id] = self.new[command.cause.id] = digest(command)\n",
        "        self.new[command.cause.id] = digest(command)\n",
        (f"{AGAIN}[in_the_same_batch]",),
    ),
    Mutant(
        "that a command was answered is not stored",
        f"{QUEUE}/handlers.py",
        "            yield from repository.note_answered(self._answered.new)\n",
        "            pass\n",
        (f"{AGAIN}[in_the_next_batch]", f"{AGAIN}[after_the_shard_was_claimed_anew]"),
    ),
    Mutant(
        "a command whose ce_id is what an older one was called is not stored",
        f"{QUEUE}/queries.sql",
        "DO UPDATE SET content = excluded.content, answered_at = excluded.answered_at",
        "DO NOTHING",
        (f"{TWICE}_a_ce_id_that_an_older_command_is_called_by_is_remembered",),
    ),
)
