"""When units set aside are handed to the warehouse: from then on they cannot be taken back."""

from itertools import islice

from priority_router.domain.draft import Draft
from priority_router.domain.facts import Released, ReleasePlanned
from priority_router.domain.order import BackOrder


def may_release(draft: Draft, line: BackOrder) -> bool:
    """Whether the rules release the line by themselves.

    Not while it is held, nor in a manual band, nor a complete line of which something still waits.
    """
    if not line.allocated or line.held or draft.policy.bands[line.band].manual:
        return False
    return not line.complete or not line.waiting


def plan_releases(draft: Draft) -> None:
    """Give the lines that changed a time of release, or take it away.

    The debounce counts from the first units: more units do not put the release off.
    """
    for line in list(draft.touched.values()):
        plan_release(draft, line)


def plan_release(draft: Draft, line: BackOrder) -> None:
    """The same for one line."""
    if not line.closed and line.policy_version != draft.policy.version:
        return  # its band is that of another policy
    may = not line.closed and may_release(draft, line)
    if may and not draft.policy.release_debounce:
        release(draft, line, "debounced")
    elif may != (line.release_at is not None):
        at = draft.now + draft.policy.release_debounce if may else None
        draft.emit(ReleasePlanned(back_order_id=line.back_order_id, cause=draft.cause, at=at))


def release_due(draft: Draft) -> None:
    """Release every line whose time has come."""
    due = islice(draft.queue.releases, draft.at_once)
    for key in [key for at, key in due if at <= draft.now]:
        line = draft.see(key)
        if may_release(draft, line):
            release(draft, line, "debounced")
        else:  # the policy changed its mind meanwhile
            draft.emit(ReleasePlanned(back_order_id=key, cause=draft.cause, at=None))


def release(draft: Draft, line: BackOrder, rule: str) -> None:
    """Hand all units set aside for the line to the warehouse."""
    # what brought the units is the cause of their release; a timer is nobody's event
    cause = draft.cause if rule == "command" or line.supplied_cause is None else line.supplied_cause
    draft.emit(Released(back_order_id=line.back_order_id, cause=cause, units=line.allocated, rule=rule, at=draft.now))
