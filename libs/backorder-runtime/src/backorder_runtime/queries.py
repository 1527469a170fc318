"""Named SQL: a file of statements, each under a line `-- name: what_it_does`."""

import re
from collections.abc import Iterable, Mapping, Sequence
from importlib import resources

import msgspec

_NAME = re.compile(r"^-- name: (\w+)\s*$", re.MULTILINE)


def load(package: str, file: str = "queries.sql") -> Mapping[str, str]:
    """The statements of a package's SQL file by name. Raises ValueError when a name stands twice."""
    parts = _NAME.split(resources.files(package).joinpath(file).read_text("utf-8"))
    statements: dict[str, str] = {}
    for name, text in zip(parts[1::2], parts[2::2], strict=True):
        if name in statements:
            raise ValueError(f"{package}/{file}: two statements are named {name}")
        statements[name] = text.strip().rstrip(";")
    return statements


def texts(values: Iterable[str]) -> str:
    r"""Identifiers as one parameter, which the statement takes apart by `string_to_array($n, E'\x1f')`.

    asyncpg asks of every element of an array whether it is an array too, which costs more than the element. No
    identifier contains the separator.
    """
    return "\x1f".join(values)


def numbers(values: Sequence[int]) -> str:
    """Whole numbers as one parameter, which the statement takes apart by `string_to_array($n, ',')::bigint[]`."""
    return msgspec.json.encode(values)[1:-1].decode()
