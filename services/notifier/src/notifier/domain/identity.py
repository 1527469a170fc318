"""Identities that a repeated event or a second try derives again."""

from hashlib import blake2b
from typing import Final

# a character that no identifier may contain, so no two names share one text
_BETWEEN: Final = "\x1f"


def notification_id(event_id: str, channel: str, audience: str, recipient_id: str) -> str:
    """The identity of what one recipient hears of one event through one channel."""
    return _digest("notification", event_id, channel, audience, recipient_id)


def order_thread(order_id: str) -> str:
    """The name of the conversation about one order; no message of it carries the id itself."""
    return _digest("order", order_id)


def back_order_thread(back_order_id: str) -> str:
    """The name of the conversation about one back order."""
    return _digest("back-order", back_order_id)


def share(*names: str) -> float:
    """A number in [0, 1) that the names decide: jitter that a repetition repeats."""
    return int(_digest("share", *names)[:12], 16) / 16**12


def _digest(*parts: str) -> str:
    return blake2b(_BETWEEN.join(parts).encode("utf-8", "surrogatepass"), digest_size=16).hexdigest()
