"""How commands ask a running priority-router."""

import json
import urllib.error
import urllib.request
from typing import Annotated, Any

from cyclopts import Parameter

ROUTER = "priority-router"
RouterUrl = Annotated[str | None, Parameter(env_var="BACKORDER_ROUTER_URL")]


def ask(router: str, path: str) -> tuple[int, dict[str, Any]]:
    """The status and the answer; status 0 when nobody answers. Raises ValueError for what is no http address."""
    if not router.startswith(("http://", "https://")):
        raise ValueError(f"{router} is no http address")
    try:
        with urllib.request.urlopen(f"{router.rstrip('/')}{path}", timeout=10) as answer:  # noqa: S310 - checked above
            return answer.status, json.load(answer)
    except urllib.error.HTTPError as error:
        return error.code, _body(error)
    except (OSError, ValueError):
        return 0, {}


def _body(error: urllib.error.HTTPError) -> dict[str, Any]:
    try:
        found = json.load(error)
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}
