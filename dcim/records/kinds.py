"""A kind of record: its model, its fields, who reaches it, and which functions write it."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import ColumnElement, false
from sqlalchemy.orm import Session

from dcim.accounts.roles import Right
from dcim.accounts.scope import Scope
from dcim.db import Base
from dcim.records.fields import Field, ReferenceType

Values = dict[str, Any]


def staff_only(scope: Scope) -> ColumnElement[bool] | None:
    """The reach of what no customer sees: everything for staff, nothing for anyone else."""
    return None if scope.is_staff else false()


def own_rows(column: Any) -> Callable[[Scope], ColumnElement[bool] | None]:
    """A reach: everything for staff, for a customer the rows whose `column` names it."""
    return lambda scope: None if scope.is_staff else scope.filter(column)


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """Everything the faces need to list, show, write, import and search records of one kind.

    `name` is singular ("device_type"); `plural` stands in addresses ("device-types").
    `key`: the fields that tell one record from another in a sheet; a reference among them is the
    parent, and a record's path is its parent's path, a slash, its code. The last of `key` is the
    record's own code.
    `title`: the field a person knows the record by (default: the last of `key`).
    `reach(scope)`: the SQL condition for what the scope reaches; None is everything.
    `owner`: the field that says whose record it is (for the audit log), if any.
    `own`: the right with which a customer's people see theirs; `own_change` that with which they
    enter and change them, by the same services, which then judge whose they are.
    `check(session, scope, before, after)`: cross-field rules; raises InvalidError, ConflictError.
    `create`, `update`, `delete`: services that do it where a plain insert won't; they get judged
    values, flush, and leave the audit entry to `dcim.records.writing` unless `audits` is set.
    `create_many`: the same as `create` for many at once, in a number of statements that doesn't
    grow with them; an import of a kind that has `create` alone goes record by record.
    `settle(session, rows)`: completes values read from text that depend on each other, in place.
    `constraints`: what a violated constraint means, as msgid, by constraint name.
    """

    name: str
    plural: str
    label: str
    label_plural: str
    model: type[Base]
    fields: tuple[Field, ...]
    key: tuple[str, ...]
    see: Right
    change: Right
    title: str = ""
    own: Right | None = None
    own_change: Right | None = None
    reach: Callable[[Scope], ColumnElement[bool] | None] = staff_only
    owner: str | None = None
    default_sort: str = ""
    check: Callable[[Session, Scope, Values | None, Values], None] | None = None
    settle: Callable[[Session, Sequence[Values]], None] | None = None
    create: Callable[[Session, Scope, Values], Base] | None = None
    create_many: Callable[[Session, Scope, list[Values]], list[Any]] | None = None
    update: Callable[[Session, Scope, Any, Values], None] | None = None
    delete: Callable[[Session, Scope, Any], None] | None = None
    audits: bool = False
    deletable: bool = True
    creatable: bool = True
    importable: bool = True
    # The staff page of one record where it has a page of its own, as (endpoint, argument).
    page: tuple[str, str] | None = None
    # The staff page where one is entered, by endpoint, when that takes more than its fields.
    new_page: str = ""
    constraints: Mapping[str, str] = field(default_factory=dict)
    # The navigation section its pages belong to: space, devices, power, network, customers.
    section: str = "space"

    def __post_init__(self) -> None:
        names = [one.name for one in self.fields]
        if len(set(names)) != len(names):
            raise ValueError(f"{self.name}: a field stands twice")
        for wanted in (*self.key, *((self.title,) if self.title else ())):
            if wanted not in names:
                raise ValueError(f"{self.name}: {wanted} is no field")
        if self.own_change and any(one.internal and one.writable for one in self.fields):
            raise ValueError(f"{self.name}: a customer would write what it may not see")

    def field(self, name: str) -> Field:
        """Raises KeyError for a name that is no field of this kind."""
        for one in self.fields:
            if one.name == name:
                return one
        raise KeyError(name)

    def shown(self, one: Field) -> Field:
        """The field whose value people read where this one stands."""
        return self.field(one.shown_by) if one.shown_by else one

    def has(self, name: str) -> bool:
        return any(one.name == name for one in self.fields)

    @property
    def title_field(self) -> Field:
        return self.field(self.title or self.key[-1])

    @property
    def parent(self) -> Field | None:
        """The reference among the key's fields, if there is one."""
        for name in self.key[:-1]:
            one = self.field(name)
            if isinstance(one.type, ReferenceType):
                return one
        return None

    @property
    def references(self) -> tuple[Field, ...]:
        return tuple(one for one in self.fields if isinstance(one.type, ReferenceType))

    @property
    def searched(self) -> tuple[Field, ...]:
        return tuple(one for one in self.fields if one.searched)

    def subject(self, record_id: int) -> str:
        """How the audit log names one record: "device-type/12"."""
        return f"{self.name.replace('_', '-')}/{record_id}"
