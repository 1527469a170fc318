"""The order in which waiting lines are served."""

from datetime import datetime

from msgspec import Struct


class Rank(Struct, frozen=True, order=True, gc=False):
    """A place in the queue; the smaller one is served first.

    The tuple is total (no two lines of a lane share order and line) and explains itself. Texts compare by code
    point, which is the order of their UTF-8 bytes.
    """

    band: int
    due_at: datetime
    placed_at: datetime
    order_id: str
    line_id: str
