"""A kind's fields as the schemas of its requests and answers."""

from collections.abc import Callable
from functools import cache
from typing import Any

from marshmallow import EXCLUDE, Schema, fields, validate

from dcim.api.fields import Amount, Flag, Instant, PageQuery, Text, Whole, choice
from dcim.records.fields import (
    ChoiceType,
    DayType,
    DecimalType,
    Field,
    FieldType,
    FlagType,
    HalfUnitsType,
    InstantType,
    IntegerType,
    NetworkType,
    RateType,
    ReferenceType,
    TextType,
)
from dcim.records.kinds import Kind

MOST_AT_ONCE = 1000
# Types whose values have an order to compare by.
ORDERED = (IntegerType, DecimalType, DayType, InstantType, HalfUnitsType, RateType)


def name_schema(kind: Kind) -> str:
    """ "DeviceTypeRecord" of "device_type"."""
    return "".join(part.capitalize() for part in kind.name.split("_")) + "Record"


def _text_field(kind: TextType, options: dict[str, Any]) -> fields.Field[Any]:
    # An optional text may be empty.
    low = 1 if options.get("required") else 0
    if kind.multiline:
        return fields.String(validate=validate.Length(low, kind.longest), **options)
    return Text(low=low, high=kind.longest, **options)


MAKERS: dict[type[FieldType], Callable[[Any, dict[str, Any]], fields.Field[Any]]] = {
    TextType: _text_field,
    ReferenceType: lambda kind, options: Whole(**options),
    IntegerType: lambda kind, options: Whole(kind.low, kind.high, **options),
    HalfUnitsType: lambda kind, options: Whole(kind.low, kind.high, **options),
    RateType: lambda kind, options: Whole(0, kind.high, **options),
    FlagType: lambda kind, options: Flag(**options),
    ChoiceType: lambda kind, options: choice(kind.words, **options),
    DecimalType: lambda kind, options: Amount(**options),
    DayType: lambda kind, options: fields.Date(**options),
    InstantType: lambda kind, options: Instant(**options),
    NetworkType: lambda kind, options: fields.String(**options),
}


def value_field(one: Field, **options: Any) -> fields.Field[Any]:
    """How one field is answered and taken in JSON. What JSON Schema can't say is judged later."""
    # A package's own type is taken in as the one it refines.
    base = next(each for each in type(one.type).__mro__ if each in MAKERS)
    return MAKERS[base](one.type, options)


def _describe(one: Field) -> dict[str, str]:
    unit = "half U" if isinstance(one.type, HalfUnitsType) else one.unit
    if isinstance(one.type, RateType):
        unit = "bit/s"
    words = [one.label, f"({unit})" if unit else "", one.hint]
    return {"description": " ".join(word for word in words if word)}


@cache
def answer_schema(kind: Kind) -> type[Schema]:
    """One record. A customer's answer lacks what is for staff only, so nothing but `id` is sure."""
    members: dict[str, Any] = {"id": fields.Integer(required=True)}
    for one in kind.fields:
        # Answered as it is stored: older than a rule, a value may lie outside it.
        field: fields.Field[Any] = {
            "integer": fields.Integer,
            "half_units": fields.Integer,
            "rate": fields.Integer,
            "reference": fields.Integer,
            "flag": fields.Boolean,
            "decimal": Amount,
            "day": fields.Date,
            "instant": Instant,
        }.get(one.type.name, fields.String)(allow_none=True, metadata=_describe(one))
        members[one.name] = field
    members["titles"] = fields.Dict(
        keys=fields.String(),
        values=fields.String(),
        required=True,
        metadata={"description": "What the records referred to are called."},
    )
    members["expanded"] = fields.Dict(
        keys=fields.String(),
        values=fields.Dict(keys=fields.String()),
        metadata={"description": "The records asked for with `expand`."},
    )
    return type(name_schema(kind), (Schema,), members)


@cache
def page_schema(kind: Kind) -> type[Schema]:
    return type(
        name_schema(kind) + "List",
        (Schema,),
        {
            "items": fields.List(fields.Nested(answer_schema(kind)), required=True),
            "total": fields.Integer(required=True),
            "page": fields.Integer(required=True),
            "size": fields.Integer(required=True),
        },
    )


def list_schema(schema: type[Schema], name: str) -> type[Schema]:
    return type(name, (Schema,), {"items": fields.List(fields.Nested(schema), required=True)})


@cache
def new_schema(kind: Kind) -> type[Schema]:
    members: dict[str, Any] = {
        one.name: value_field(
            one,
            required=one.required and one.default is None,
            metadata=_describe(one),
            **({} if one.required and one.default is None else {"allow_none": not one.required}),
        )
        for one in kind.fields
        if one.writable
    }
    return type("New" + name_schema(kind), (Schema,), members)


@cache
def changes_schema(kind: Kind) -> type[Schema]:
    members: dict[str, Any] = {
        one.name: value_field(one, allow_none=not one.required, metadata=_describe(one))
        for one in kind.fields
        if one.writable
    }
    return type(name_schema(kind) + "Changes", (Schema,), members)


def many_changes_schema(kind: Kind) -> type[Schema]:
    members: dict[str, Any] = {
        "ids": fields.List(Whole(), required=True, validate=validate.Length(1, MOST_AT_ONCE)),
        "changes": fields.Nested(changes_schema(kind), required=True),
    }
    return type(name_schema(kind) + "ManyChanges", (Schema,), members)


def many_new_schema(kind: Kind) -> type[Schema]:
    members: dict[str, Any] = {
        "items": fields.List(
            fields.Nested(new_schema(kind)),
            required=True,
            validate=validate.Length(1, MOST_AT_ONCE),
        )
    }
    return type("Many" + name_schema(kind), (Schema,), members)


def query_schema(kind: Kind) -> type[Schema]:
    """Filters as they stand in the URL, besides page, size, sort, q and expand."""
    members: dict[str, Any] = {
        "q": Text(high=100, metadata={"description": _name_searched(kind)}),
        "sort": fields.String(
            metadata={
                "description": "Up to three fields with commas, `-` before one for descending: "
                + ", ".join(one.name for one in kind.fields if one.sorted)
            }
        ),
    }
    if kind.references:
        members["expand"] = fields.String(
            metadata={
                "description": "References to answer in full, comma-separated: "
                + ", ".join(one.name for one in kind.references)
            }
        )
    for one in kind.fields:
        if one.filtered:
            members |= _filters(one)
    return type(name_schema(kind) + "Query", (PageQuery,), members)


def _name_searched(kind: Kind) -> str:
    names = [one.name for one in kind.searched or (kind.title_field,)]
    return f"Looked for in {', '.join(names)}."


def _filters(one: Field) -> dict[str, Any]:
    def words(text: str) -> dict[str, str]:
        return {"description": text}

    if isinstance(one.type, ReferenceType):
        return {
            one.name: Whole(in_query=True),
            f"{one.name}__empty": Flag(),
        }
    found: dict[str, Any] = {f"{one.name}__empty": Flag()}
    if isinstance(one.type, FlagType):
        return {one.name: Flag()}
    if isinstance(one.type, ChoiceType):
        return found | {one.name: choice(one.type.words)}
    if isinstance(one.type, ORDERED):
        for operator, meaning in (("", "equal"), ("__from", "at least"), ("__to", "at most")):
            found[one.name + operator] = fields.String(metadata=words(meaning))
        return found
    found[one.name] = Text(high=255, metadata=words("equal"))
    if isinstance(one.type, TextType | NetworkType):
        found[f"{one.name}__contains"] = Text(high=100)
    return found


class KeptSchema(Schema):
    """What a deletion left behind, to bring it back by."""

    class Meta:
        title = "Deletion"
        unknown = EXCLUDE

    deletion_id = fields.Integer(required=True)


class ChangeSchema(Schema):
    class Meta:
        title = "FieldChange"

    field = fields.String(required=True)
    before = fields.Raw(required=True, allow_none=True)
    after = fields.Raw(required=True, allow_none=True)


class DeedSchema(Schema):
    class Meta:
        title = "Deed"

    at = Instant(required=True)
    actor = fields.String(required=True)
    action = fields.String(required=True)
    changes = fields.List(fields.Nested(ChangeSchema), required=True)


class DeedPageSchema(Schema):
    class Meta:
        title = "DeedList"

    items = fields.List(fields.Nested(DeedSchema), required=True)
    total = fields.Integer(required=True)
    page = fields.Integer(required=True)
    size = fields.Integer(required=True)


class NoteSchema(Schema):
    class Meta:
        title = "Note"

    id = fields.Integer(required=True)
    at = Instant(required=True)
    actor = fields.String(required=True)
    text = fields.String(required=True)


class NewNoteSchema(Schema):
    class Meta:
        title = "NewNote"

    text = fields.String(required=True, validate=validate.Length(1, 4000))
