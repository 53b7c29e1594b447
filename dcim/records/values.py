"""Judging the values given for a record, all fields at once, before anything is written."""

from collections.abc import Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.errors import InvalidError, JifangError
from dcim.records.fields import Field, FieldValueError, ReferenceType, TextType, mark
from dcim.records.kinds import Kind, Values

Problems = dict[str, list[FieldValueError]]


class InvalidValuesError(InvalidError):
    """What is wrong with which field; each problem is a msgid with its places."""

    def __init__(self, problems: Problems) -> None:
        super().__init__(
            "Some fields can't be accepted.",
            {name: [str(one) for one in found] for name, found in problems.items()},
        )
        self.problems = problems


class RefusedRecordsError(InvalidError):
    """Which records refuse a change meant for many, by path, each with its own error."""

    def __init__(self, refusals: dict[str, JifangError], total: int) -> None:
        super().__init__(
            "Nothing was changed: %(count)s of %(total)s records refuse.",
            {path: _reasons(error) for path, error in refusals.items()},
            count=len(refusals),
            total=total,
        )
        self.refusals = refusals


def _reasons(error: JifangError) -> list[str]:
    if isinstance(error, InvalidError) and error.fields:
        return [text for found in error.fields.values() for text in found]
    return [str(error)]


def judge_values(kind: Kind, given: Mapping[str, Any], *, partial: bool = False) -> Values:
    """Typed values of JSON-like or read ones. `partial`: a change, where nothing is missing.

    None means "nothing", which an optional field takes as its blank. Raises InvalidValuesError.
    """
    problems: Problems = {}
    values: Values = {}
    for name in given:
        if not kind.has(name):
            problems[name] = [FieldValueError(mark("There is no such field."))]
        elif not kind.field(name).writable:
            problems[name] = [FieldValueError(mark("This can't be written."))]
    for one in kind.fields:
        if not one.writable or (partial and one.name not in given):
            continue
        try:
            values[one.name] = _judge(one, given)
        except FieldValueError as error:
            problems[one.name] = [error]
    if problems:
        raise InvalidValuesError(problems)
    return values


def _judge(one: Field, given: Mapping[str, Any]) -> Any:
    value = given.get(one.name)
    if isinstance(value, str) and not value.strip():
        value = None
    if value is None:
        if one.name not in given and one.default is not None:
            return one.default
        if one.required:
            raise FieldValueError(mark("This is needed."))
        return "" if one.blank is None and _keeps_empty_text(one) else one.blank
    return one.type.judge(value)


def _keeps_empty_text(one: Field) -> bool:
    """A text without `blank` of its own is stored as "" where nothing is given."""
    return isinstance(one.type, TextType) and one.default == ""


def check_references(session: Session, scope: Scope, kind: Kind, values: Values) -> None:
    """Every record referred to exists within the scope's reach. Raises InvalidValuesError.

    One statement for each reference given.
    """
    problems: Problems = {}
    for one in kind.references:
        value = values.get(one.name)
        if value is None or not isinstance(one.type, ReferenceType):
            continue
        other = one.type.kind()
        statement = select(other.model.id).where(other.model.id == value)  # type: ignore[attr-defined]
        condition = other.reach(scope)
        if condition is not None:
            statement = statement.where(condition)
        if session.scalar(statement) is None:
            problems[one.name] = [FieldValueError(mark("There is no such record."))]
    if problems:
        raise InvalidValuesError(problems)
