"""For tests of what a batch costs: it must not grow with what is in memory."""

from typing import Any, NoReturn


class Unwalked(dict[str, Any]):
    """Answers for single keys only. Whoever goes through all of it gets an AssertionError."""

    def __iter__(self) -> NoReturn:
        raise AssertionError("that is work that grows with what is in memory")

    keys = values = items = __iter__
