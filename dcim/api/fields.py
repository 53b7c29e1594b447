"""Fields of requests and answers: strict where a lenient one would guess."""

import datetime as dt
import re
from collections.abc import Mapping
from typing import Any

from marshmallow import Schema, ValidationError, fields
from marshmallow.validate import Length, OneOf, Range

from dcim.paging import MAX_SIZE, Paging
from dcim.records.fields import ChoiceType, FieldValueError

MAX_ID = 2**63 - 1
# C0, C1 and surrogates: nothing a person writes into a name, and nothing PostgreSQL could keep.
UNWRITABLE = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff]")
DIGITS = re.compile(r"[0-9]{1,19}\Z")
EARLIEST = dt.datetime(2000, 1, 1, tzinfo=dt.UTC)
LATEST = dt.datetime(2100, 1, 1, tzinfo=dt.UTC)


class Text(fields.String):
    """One line of text, 1 to 255 characters unless told otherwise."""

    def __init__(self, *, low: int = 1, high: int = 255, **options: Any) -> None:
        super().__init__(validate=Length(low, high), **options)

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        text = str(super()._deserialize(value, attr, data, **kwargs)).strip()
        if UNWRITABLE.search(text):
            raise ValidationError("Control characters can't be accepted.")
        return text


class Paragraphs(Text):
    """Text of several lines."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> str:
        if not isinstance(value, str):
            return super()._deserialize(value, attr, data, **kwargs)
        lines = []
        for line in value.replace("\r\n", "\n").replace("\t", " ").split("\n"):
            lines.append(super()._deserialize(line, attr, data, **kwargs))  # noqa: PERF401
        return "\n".join(lines).strip()


class Whole(fields.Integer):
    """An integer, as a JSON number only; in a query string, as plain digits only."""

    def __init__(
        self, low: int = 1, high: int = MAX_ID, *, in_query: bool = False, **options: Any
    ) -> None:
        super().__init__(validate=Range(low, high), **options)
        self.in_query = in_query

    def _validated(self, value: Any) -> int:
        if self.in_query and isinstance(value, str) and DIGITS.match(value):
            return int(value)
        if isinstance(value, bool) or not isinstance(value, int):
            raise self.make_error("invalid", input=value)
        return value


class Flag(fields.Boolean):
    """`true` or `false`, in JSON as such and in a query string spelled out."""

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> bool:
        if value is True or value == "true":
            return True
        if value is False or value == "false":
            return False
        raise self.make_error("invalid", input=value)


class Instant(fields.AwareDateTime):
    """ISO 8601 with an offset; answered in UTC with `Z`. Between the years 2000 and 2100."""

    def __init__(self, **options: Any) -> None:
        super().__init__(format="iso", **options)

    def _serialize(self, value: Any, attr: str | None, obj: Any, **kwargs: Any) -> str | None:
        if value is None:
            return None
        utc: dt.datetime = value.astimezone(dt.UTC)
        return utc.isoformat().replace("+00:00", "Z")

    def _deserialize(self, value: Any, attr: str | None, data: Any, **kwargs: Any) -> Any:
        # A "+" that was not encoded arrives as a space.
        text = value.replace(" ", "+") if isinstance(value, str) and "T" in value else value
        try:
            instant = super()._deserialize(text, attr, data, **kwargs)
            if not EARLIEST <= instant < LATEST:
                raise ValidationError("Choose a time between 2000 and 2100.")
        except (OverflowError, TypeError) as error:
            raise self.make_error("invalid", input=value, obj_type="datetime") from error
        return instant


class Amount(fields.Decimal):
    """Money: a decimal as a string, so that no reader makes a float of it."""

    def __init__(self, **options: Any) -> None:
        super().__init__(as_string=True, **options)


class PageQuery(Schema):
    """Which page of a list."""

    page = Whole(1, 1_000_000, in_query=True, load_default=1, metadata={"description": "From 1."})
    size = Whole(1, MAX_SIZE, in_query=True, load_default=50)


def take_paging(query: dict[str, Any]) -> Paging:
    """Remove `page` and `size` from what was asked; what is left are the filters."""
    return Paging(query.pop("page"), query.pop("size"))


def query_id(description: str = "") -> Whole:
    return Whole(in_query=True, metadata={"description": description} if description else {})


class KnownWord(OneOf):
    """One of the stored values; a refusal tells their English words, and which one was near."""

    def __init__(self, words: Mapping[str, str]) -> None:
        super().__init__(list(words))
        self.words = ChoiceType(words)

    def __call__(self, value: Any) -> str:
        try:
            return self.words.judge(value)
        except FieldValueError as error:
            told = str(error).replace("Not one of the choices:", "Must be one of:", 1)
            raise ValidationError(told) from error


def choice(words: Mapping[str, Any] | tuple[str, ...], **options: Any) -> fields.String:
    """Of a mapping, the values are English words, told when something else is sent."""
    if isinstance(words, Mapping) and all(type(word) is str for word in words.values()):
        return fields.String(validate=KnownWord(words), **options)
    return fields.String(validate=OneOf(list(words)), **options)
