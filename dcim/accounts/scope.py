"""Whose data a caller may reach. Every service that touches tenant data takes one of these."""

from dataclasses import dataclass
from typing import Any, TypeVarTuple

from sqlalchemy import ColumnElement, Select, true

Ts = TypeVarTuple("Ts")


@dataclass(frozen=True, slots=True)
class Scope:
    """Staff (every tenant) or exactly one customer. There is no third kind.

    `actor` names who acts, for the audit log: a login, a token, or a job.
    """

    actor: str
    customer_id: int | None
    is_staff: bool

    def __post_init__(self) -> None:
        if self.is_staff == (self.customer_id is not None):
            raise ValueError("a scope is either staff or one customer")

    @classmethod
    def staff(cls, actor: str) -> "Scope":
        return cls(actor=actor, customer_id=None, is_staff=True)

    @classmethod
    def system(cls, job: str) -> "Scope":
        """For workers and commands: staff's reach, and the job's name in the audit log."""
        return cls(actor=f"system:{job}", customer_id=None, is_staff=True)

    @classmethod
    def customer(cls, actor: str, customer_id: int) -> "Scope":
        return cls(actor=actor, customer_id=customer_id, is_staff=False)

    def allows(self, customer_id: int | None) -> bool:
        return self.is_staff or (customer_id is not None and customer_id == self.customer_id)

    def filter(self, column: Any) -> ColumnElement[bool]:
        """The condition that keeps a statement inside this scope, on a customer_id column."""
        if self.is_staff:
            return true()
        condition: ColumnElement[bool] = column == self.customer_id
        return condition

    def apply(self, statement: Select[*Ts], column: Any) -> Select[*Ts]:
        return statement.where(self.filter(column))
