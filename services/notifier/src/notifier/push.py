"""Push: one HTTP POST to the address that a contact gave."""

import asyncio
import logging
from datetime import UTC, datetime, timedelta
from email.utils import parsedate_to_datetime
from typing import Any, Final

import httpx

from notifier.delivery import Delivery, Enter, LeaseLost, Rejected, Sent, TryAgain, Unsure
from notifier.domain.compose import Letter
from notifier.domain.model import Channel
from notifier.guard import Blocked, Resolve, aim, resolve
from notifier.settings import PushSettings
from notifier.store import Leased

_MAX_BODY: Final = 400
_LONGEST_WAIT: Final = timedelta(days=1)
_GONE: Final = frozenset({404, 410})
_BUSY: Final = frozenset({408, 425, 429, 503})
_NOT_SENT: Final = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, httpx.UnsupportedProtocol)

# their lines hold URLs and headers, and a push URL is as good as an address
for _name in ("httpx", "httpcore"):
    logging.getLogger(_name).setLevel(logging.WARNING)


class PushTransport:
    """Delivers letters by HTTP. Follows no redirects, uses no proxy, keeps no connection."""

    channel = Channel.PUSH

    def __init__(self, settings: PushSettings, resolver: Resolve = resolve) -> None:
        self._settings = settings
        self._resolver = resolver
        # a kept connection belongs to an address, and so to whichever name was called first
        self._client = httpx.AsyncClient(
            trust_env=False,
            follow_redirects=False,
            timeout=settings.timeout,
            limits=httpx.Limits(max_keepalive_connections=0),
        )

    async def deliver(self, message: Leased, address: str, letter: Letter, enter: Enter) -> Delivery:
        """Post once, to the address that the host has now and that was checked."""
        try:
            async with asyncio.timeout(self._settings.timeout):
                target = await aim(address, allow_private=self._settings.allow_private, resolver=self._resolver)
        except Blocked:
            return Rejected("push-blocked")
        except (OSError, TimeoutError):
            return TryAgain("push-unresolved")
        if not await enter():
            return LeaseLost()
        try:
            async with asyncio.timeout(self._settings.timeout):
                request = self._client.stream(
                    "POST",
                    target.url,
                    json=body_of(letter),
                    headers={"Host": target.authority, "Idempotency-Key": message.message_id},
                    extensions={"sni_hostname": target.host},
                )
                # what it says besides the status is of no use, and of any length
                async with request as response:
                    return _judge(response.status_code, response.headers.get("retry-after"))
        except _NOT_SENT:
            return TryAgain("push-unreachable")
        except (httpx.HTTPError, OSError, TimeoutError):
            return Unsure("push-no-answer")

    async def rest(self) -> None:
        """Nothing is kept."""

    async def close(self) -> None:
        """Give the client back."""
        await self._client.aclose()


def body_of(letter: Letter) -> dict[str, Any]:
    """The JSON of a push: short text for people, ids for programs."""
    first, several = letter.items[0], len(letter.items) > 1
    text = letter.opening if several else " ".join(first.notes)
    expected = dict(first.facts).get("Expected around")
    if not several and expected and expected not in text:
        text += f" Expected around {expected}."
    return {
        "title": letter.subject,
        "body": text if len(text) <= _MAX_BODY else text[: _MAX_BODY - 1] + "…",
        "order_id": letter.order_id,
        "back_order_id": None if several else first.back_order_id,
        "version": None if several else first.version,
        "event_type": None if several else first.event_type,
        "collapse_key": letter.order_id if several else first.back_order_id,
        "events": [
            {"back_order_id": item.back_order_id, "version": item.version, "event_type": item.event_type}
            for item in letter.items
        ],
    }


def _judge(status: int, retry_after: str | None) -> Delivery:
    if httpx.codes.is_success(status):
        return Sent()
    if status in _GONE:
        return Rejected(f"push-{status}", gone=True)
    if status in _BUSY:
        return TryAgain(f"push-{status}", after=_wait(retry_after))
    if httpx.codes.is_server_error(status):
        # it may have done its work before it failed; the same key goes with the next try
        return Unsure(f"push-{status}")
    return Rejected(f"push-{status}")


def _wait(retry_after: str | None) -> timedelta | None:
    """What `Retry-After` asks for: seconds, or a date. None when it is not there, or makes no sense."""
    if retry_after is None:
        return None
    try:
        if retry_after.strip().isdecimal():
            wait = timedelta(seconds=min(int(retry_after), int(_LONGEST_WAIT.total_seconds())))
        else:
            at = parsedate_to_datetime(retry_after)
            wait = (at if at.tzinfo else at.replace(tzinfo=UTC)) - datetime.now(UTC)
    except (ValueError, OverflowError):
        return None
    return min(max(wait, timedelta(0)), _LONGEST_WAIT)
