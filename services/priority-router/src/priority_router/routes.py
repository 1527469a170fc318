"""What the priority-router answers over HTTP: a queue, one back order in it, the policy."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from backorder_runtime.service import Running
from priority_router import questions
from priority_router.decisions import Decision
from priority_router.domain.events import Inbound
from priority_router.domain.model import protected
from priority_router.domain.order import BackOrder
from priority_router.domain.policy import Policy
from priority_router.explain import next_of, sentence
from priority_router.policies import Policies
from priority_router.policy_file import PolicyMistakesError, read_policy
from priority_router.questions import LanePage, Standing

MOST = 500
_encode = msgspec.json.Encoder().encode


def routes(policies: Policies, running: Running) -> Sequence[BaseRoute]:
    """The routes of this process; any process answers for every lane."""

    async def lane(request: Request) -> Response:
        try:
            offset = max(int(request.query_params.get("offset", "0")), 0)
            limit = min(max(int(request.query_params.get("limit", "50")), 1), MOST)
        except ValueError:
            return _problem(400, f"offset and limit are whole numbers, limit at most {MOST}")
        page = await questions.lane_page(running.pool, request.path_params["lane"], offset, limit)
        if page is None:
            return _problem(404, f"nobody ever waited in lane {request.path_params['lane']}")
        return _json(_lane(page, offset, policies.current.version))

    async def explain(request: Request) -> Response:
        found = await questions.standing(running.pool, request.path_params["id"])
        if found is None:
            return _problem(404, f"no back order {request.path_params['id']} is known here")
        return _json(explained(found, running.clock()))

    async def policy(_: Request) -> Response:
        version = policies.current.version
        lanes, left = await questions.lanes_left(running.pool, version)
        known = policies.applied
        return _json(
            {
                "version": version,
                "applied_by": known and known.applied_by,
                "applied_at": known and known.applied_at,
                "lanes": lanes,
                "lanes_left": left,
                "text": policies.text,
            }
        )

    return (
        Route("/lanes/{lane:path}", lane),
        Route("/back-orders/{id:path}/explain", explain),
        Route("/policy", policy),
    )


def _json(found: Any) -> Response:
    return Response(_encode(found), media_type="application/json")


def _problem(status: int, detail: str) -> Response:
    return JSONResponse({"detail": detail}, status_code=status)


def _lane(page: LanePage, offset: int, in_force: str) -> dict[str, Any]:
    end = offset + len(page.page)
    return {
        "lane": page.lane,
        "policy_version": page.policy_version,
        "policy_in_force": in_force,
        "idle": max(page.state.idle, 0),
        "owed": max(-page.state.idle, 0),
        "inbound": _inbound(page.state.inbound),
        "open": page.open,
        "waiting": {"lines": page.lines, "units": page.units},
        "lines": [_line(order, ahead) for order, ahead in page.page],
        "next": end if end < page.open else None,
    }


def _inbound(deliveries: Sequence[Inbound]) -> list[dict[str, Any]]:
    return [{"delivery_id": d.delivery_id, "units": d.units, "p50": d.p50, "p90": d.p90} for d in deliveries]


def _line(order: BackOrder, ahead: int) -> dict[str, Any]:
    return {
        "rank": ahead + 1 if order.waiting and not order.held and not order.lending else None,
        "back_order_id": order.back_order_id,
        "order_id": order.line.order_id,
        "line_id": order.line.line_id,
        "customer_id": order.line.customer_id,
        "status": order.status,
        "band": order.band_name,
        "due_at": order.due_at,
        "placed_at": order.line.placed_at,
        "waiting": order.waiting,
        "allocated": order.allocated,
        "released": order.released,
        "held": order.held,
        "lending": order.lending,
        "promise": order.promise,
        "policy_version": order.policy_version,
    }


def explained(found: Standing, now: datetime) -> dict[str, Any]:
    """All that there is to say of a back order."""
    order = found.order
    waits = order.waiting > 0 and not order.closed
    policy = _policy(found)
    return {
        "back_order": {
            **_line(order, found.lines),
            "lane": found.lane,
            "version": order.version,
            "opened_at": order.opened_at,
            "back_ordered": order.back_ordered,
            "shipped": order.shipped,
            "cancelled": order.cancelled,
            "first_promise": order.first_p50,
            "revisions": order.revisions,
            "worsened": order.worsened,
            "protected": policy is not None and protected(order, policy),
            "at_risk": order.at_risk,
            "breached": order.breached,
            "rerouted_to": order.rerouted_to,
            "rerouted_from": order.line.rerouted_from,
            "closed_at": order.closed_at,
        },
        "place": {
            "lines_ahead": found.lines,
            "units_ahead": found.units,
            "nearest_ahead": [_near(line) for line in found.nearest],
            "owed": max(-found.state.idle, 0),
            "inbound": _inbound(found.state.inbound),
        }
        if waits
        else None,
        "next": next_of(found, policy, now),
        "decisions": [_decision(decision) for decision in found.decisions],
        "others": {line.back_order_id: _near(line) for line in found.others},
    }


def _policy(found: Standing) -> Policy | None:
    if found.policy_text is None:
        return None
    try:
        return read_policy(found.policy_text)
    except PolicyMistakesError:
        return None


def _near(line: BackOrder) -> dict[str, str | int | datetime | None]:
    return {
        "back_order_id": line.back_order_id,
        "order_id": line.line.order_id,
        "line_id": line.line.line_id,
        "customer_id": line.line.customer_id,
        "band": line.band_name,
        "due_at": line.due_at,
        "waiting": line.waiting,
    }


def _decision(decision: Decision) -> dict[str, Any]:
    detail = decision.detail
    return {
        "version": decision.version,
        "at": decision.at,
        "kind": decision.kind,
        "rule": decision.rule,
        "rank": decision.rank,
        "said": sentence(decision),
        "units": detail.units,
        "waiting_after": detail.waiting,
        "band": detail.band,
        "policy_version": detail.policy_version,
        "reason": detail.reason,
        "cause": detail.cause,
        "taken_for": detail.taken_for,
        "taken_from": detail.taken_from,
        "passed_over": [{"back_order_id": n, "rank": r, "reason": why} for n, r, why in detail.passed_over],
        "passed_over_total": detail.passed_over_total,
        "deliveries": [{"delivery_id": name, "units": units} for name, units in detail.deliveries],
        "ahead": [{"back_order_id": n.back_order_id, "waiting": n.waiting} for n in detail.ahead],
        "behind": [{"back_order_id": n.back_order_id, "waiting": n.waiting} for n in detail.behind],
        "command": detail.command,
    }
