"""Which band a line stands in, and where that puts it."""

from priority_router.domain.draft import Draft
from priority_router.domain.facts import Prioritised, RankKept
from priority_router.domain.order import BackOrder
from priority_router.domain.policy import line_facts
from priority_router.domain.rank import Rank


def prioritise(draft: Draft, back_order_id: str, reason: str, *, pin: int | None = None) -> None:
    """Put the line where the policy, or (`pin`) a command, says; always said, even if nothing moves."""
    line = draft.see(back_order_id)
    _say(draft, line, reason, *_band(draft, line, pin))


def prioritise_anew(draft: Draft, line: BackOrder) -> None:
    """After a change of the policy: only said to the public of a line that stands elsewhere now."""
    band, pinned = _band(draft, line, None)
    same = (line.band_name, line.due_at, line.pinned) == (
        draft.policy.bands[band].name,
        draft.policy.due_at(line.line, band),
        pinned,
    )
    if not same:
        _say(draft, line, "policy", band, pinned=pinned)
        return
    key, version = line.back_order_id, draft.policy.version
    draft.emit(RankKept(back_order_id=key, cause=draft.cause, band=band, policy_version=version))


def _band(draft: Draft, line: BackOrder, pin: int | None) -> tuple[int, bool]:
    if pin is not None:
        return pin, True
    if line.pinned and line.band_name is not None:
        # a band that a command chose stays, for as long as the policy has one of that name
        kept = draft.policy.band_named(line.band_name)
        if kept is not None:
            return kept, True
    return draft.policy.classify(line_facts(line.line)), False


def _say(draft: Draft, line: BackOrder, reason: str, band: int, pinned: bool) -> None:
    detail = line.line
    due_at = draft.policy.due_at(detail, band)
    rank = Rank(band, due_at, detail.placed_at, detail.order_id, detail.line_id)
    lines, units = draft.queue.ladder.ahead(rank)
    draft.emit(
        Prioritised(
            back_order_id=line.back_order_id,
            cause=draft.cause,
            rank=rank,
            band_name=draft.policy.bands[band].name,
            pinned=pinned,
            policy_version=draft.policy.version,
            reason=reason,
            lines_ahead=lines,
            units_ahead=units,
        )
    )
