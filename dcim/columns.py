"""Column types with one meaning each, used by every model."""

import datetime as dt
from collections.abc import Collection
from decimal import Decimal
from typing import Annotated, Any

from sqlalchemy import (
    BigInteger,
    ColumnElement,
    Date,
    DateTime,
    Dialect,
    Identity,
    Numeric,
    SmallInteger,
    String,
    any_,
    literal,
)
from sqlalchemy.dialects.postgresql import ARRAY, CIDR, JSONB
from sqlalchemy.orm import mapped_column
from sqlalchemy.types import TypeDecorator


class UtcDateTime(TypeDecorator[dt.datetime]):
    """A timestamp with time zone that refuses naive values and always answers in UTC."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: dt.datetime | None, dialect: Dialect) -> dt.datetime | None:
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError(f"naive datetime {value!r}: give it a time zone")
        return value.astimezone(dt.UTC)

    def process_result_value(
        self, value: dt.datetime | None, dialect: Dialect
    ) -> dt.datetime | None:
        return None if value is None else value.astimezone(dt.UTC)


class NetworkText(TypeDecorator[str]):
    """An IPv4 or IPv6 network as its canonical text: "192.0.2.0/24", one address "192.0.2.7/32"."""

    impl = CIDR
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)

    def process_result_value(self, value: object | None, dialect: Dialect) -> str | None:
        return None if value is None else str(value)


def utc_now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


Id = Annotated[int, mapped_column(BigInteger, Identity(always=False), primary_key=True)]
Instant = Annotated[dt.datetime, mapped_column(UtcDateTime)]
Created = Annotated[dt.datetime, mapped_column(UtcDateTime, default=utc_now)]
Day = Annotated[dt.date, mapped_column(Date)]
# 12 digits before the point are enough for any currency IDCs bill in.
Money = Annotated[Decimal, mapped_column(Numeric(14, 2))]
Code = Annotated[str, mapped_column(String(64))]
Name = Annotated[str, mapped_column(String(255))]
Text = Annotated[str, mapped_column(String(4000))]
BitsPerSecond = Annotated[int, mapped_column(BigInteger)]
Network = Annotated[str, mapped_column(NetworkText)]
Watts = Annotated[int, mapped_column(BigInteger)]
# Half rack units counted from the bottom: 0 is the lower half of U1.
HalfUnit = Annotated[int, mapped_column(SmallInteger)]
Document = Annotated[dict[str, Any], mapped_column(JSONB)]
Digest = Annotated[str, mapped_column(String(64))]


def is_among(column: Any, ids: Collection[int]) -> ColumnElement[bool]:
    """`column` is one of `ids`, as one parameter: the statement is the same for any number of
    them, and so is made and prepared once."""
    found: ColumnElement[bool] = column == any_(literal(list(ids), ARRAY(BigInteger)))
    return found
