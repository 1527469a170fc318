"""All mistakes that are made in the engine and in the services: those a test notices alone, and those on a stack."""

import engine_defects_table
import engine_intake_table
import engine_output_table
import engine_people_table
import engine_statement_table
import engine_stops_table
import engine_table
import engine_turns_table
import engine_watch_table
import ledger_table
import notifier_table
import orders_table
import queue_commands_table
import queue_table
import supply_table

ENGINE = (
    *engine_table.MUTANTS,
    *engine_output_table.MUTANTS,
    *engine_intake_table.MUTANTS,
    *engine_stops_table.MUTANTS,
    *engine_turns_table.MUTANTS,
    *engine_people_table.MUTANTS,
    *engine_defects_table.MUTANTS,
)
ENGINE_ON_A_STACK = (*engine_statement_table.MUTANTS, *engine_watch_table.MUTANTS)

_SERVICES = (orders_table, ledger_table, queue_table, queue_commands_table, supply_table, notifier_table)
SERVICES = tuple(mutant for table in _SERVICES for mutant in table.MUTANTS)
SERVICES_ON_A_STACK = tuple(mutant for table in _SERVICES for mutant in table.ON_A_STACK)
