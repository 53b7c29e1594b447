"""Which records refer to one: how many of each kind, by which field; one statement."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, cast

from sqlalchemy import Table, func, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.records.deletions import goes_along
from dcim.records.fields import Field, ReferenceType
from dcim.records.kinds import Kind


@dataclass(frozen=True, slots=True)
class Related:
    """`count` records of `kind` refer by `field`. `obstacle`: they forbid deleting."""

    kind: Kind
    field: Field
    count: int
    obstacle: bool


def references_to(kinds: Sequence[Kind], kind: Kind) -> list[tuple[Kind, Field]]:
    """The stored fields of all kinds that refer to this one; computed ones are slow."""
    return [
        (other, one)
        for other in kinds
        for one in other.references
        if isinstance(one.type, ReferenceType)
        and one.type.kind().name == kind.name
        and one.expression is None
    ]


def count_related(
    session: Session, scope: Scope, kinds: Sequence[Kind], kind: Kind, record_id: int
) -> list[Related]:
    """What refers to the record, within the scope's reach, also where it is none."""
    found = references_to(kinds, kind)
    if not found:
        return []
    counts = []
    for other, one in found:
        model: Any = other.model
        statement = select(func.count(model.id)).where(getattr(model, one.name) == record_id)
        condition = other.reach(scope)
        if condition is not None:
            statement = statement.where(condition)
        counts.append(statement.scalar_subquery())
    numbers = session.execute(select(*counts)).one()
    table = cast(Table, kind.model.__table__)
    return [
        Related(
            other, one, number, not goes_along(cast(Table, other.model.__table__), one.name, table)
        )
        for (other, one), number in zip(found, numbers, strict=True)
    ]
