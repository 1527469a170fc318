"""`<service>.dead-letter`: the headers that a dead letter adds to the untouched record."""

from typing import Annotated, Final, Self

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from backorder_contracts.fields import Time, format_time, open_values
from backorder_contracts.refusal import Reason, one_line

_DIGITS: Final = WithJsonSchema({"type": "string", "pattern": "^[0-9]+$"})


class DeadLetterHeaders(BaseModel):
    """Why a record is here and where it stood. All are text; the record's key, value and headers are untouched."""

    model_config = ConfigDict(frozen=True, validate_by_name=True, use_attribute_docstrings=True)

    topic: Annotated[str, Field(alias="dlq-topic", min_length=1, max_length=249)]
    """The topic that the record stood on."""
    partition: Annotated[int, Field(alias="dlq-partition", ge=0), _DIGITS]
    """Its partition there."""
    offset: Annotated[int, Field(alias="dlq-offset", ge=0), _DIGITS]
    """Its offset there."""
    reason: Annotated[str, Field(alias="dlq-reason"), open_values(*Reason)]
    """The reason code. Tolerate others."""
    detail: Annotated[str, Field(alias="dlq-detail")]
    """One line: which field, what was given, what is expected."""
    at: Annotated[Time, Field(alias="dlq-at")]
    """When the record was refused."""

    def headers(self) -> list[tuple[str, bytes]]:
        """As Kafka headers: everything text, numbers in decimal."""
        return [
            ("dlq-topic", self.topic.encode()),
            ("dlq-partition", str(self.partition).encode()),
            ("dlq-offset", str(self.offset).encode()),
            ("dlq-reason", self.reason.encode()),
            ("dlq-detail", one_line(self.detail).encode()),
            ("dlq-at", format_time(self.at).encode()),
        ]

    @classmethod
    def read(cls, headers: list[tuple[str, bytes]]) -> Self:
        """Reads the headers of a dead letter; of a header that stands there twice, the last counts.

        Raises:
            pydantic.ValidationError: the record is no dead letter.
        """
        texts = {name: raw.decode("utf-8", "replace") for name, raw in headers if name.startswith("dlq-")}
        return cls.model_validate(texts)
