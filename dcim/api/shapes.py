"""Answer schemas made from the rows that queries return: one description, no second to drift."""

import dataclasses
import datetime as dt
import types
from decimal import Decimal
from functools import cache
from typing import Any, Union, get_args, get_origin, get_type_hints

from marshmallow import Schema, fields

from dcim.api.fields import Amount, Instant

PLAIN: dict[Any, type[fields.Field[Any]]] = {
    int: fields.Integer,
    float: fields.Float,
    bool: fields.Boolean,
    str: fields.String,
    Decimal: Amount,
    dt.datetime: Instant,
    dt.date: fields.Date,
}


@cache
def answer_of(row_type: Any) -> type[Schema]:
    """The schema of one row, every field of it always present."""
    hints = get_type_hints(row_type)
    members: dict[str, Any] = {
        field.name: _field(hints[field.name]) for field in dataclasses.fields(row_type)
    }
    return type(row_type.__name__.removesuffix("Row"), (Schema,), members)


@cache
def page_of(row_type: Any) -> type[Schema]:
    """The schema of a page: `items`, and `total` of all pages."""
    name = row_type.__name__.removesuffix("Row") + "Page"
    return type(
        name,
        (Schema,),
        {
            "items": fields.List(fields.Nested(answer_of(row_type)), required=True),
            "total": fields.Integer(required=True),
            "page": fields.Integer(required=True),
            "size": fields.Integer(required=True),
        },
    )


def _field(hint: Any, **options: Any) -> fields.Field[Any]:
    options = {"required": True, **options}
    if get_origin(hint) in (types.UnionType, Union):
        (inner,) = (part for part in get_args(hint) if part is not type(None))
        return _field(inner, allow_none=True)
    if get_origin(hint) is list:
        return fields.List(_field(get_args(hint)[0]), **options)
    if get_origin(hint) is dict:
        inner = get_args(hint)[1]
        return fields.Dict(
            keys=fields.String(), values=None if inner is object else _field(inner), **options
        )
    if dataclasses.is_dataclass(hint):
        row_type: Any = hint
        return fields.Nested(answer_of(row_type), **options)
    return PLAIN[hint](**options)
