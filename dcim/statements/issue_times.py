"""When a month's statement is due: on the day and hour its contract states, in its zone."""

import datetime as dt
from dataclasses import dataclass
from zoneinfo import ZoneInfo

from sqlalchemy import ColumnElement, func, or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, Customer
from dcim.statements.approval_models import HeldMonth
from dcim.statements.issuing import month_bounds
from dcim.statements.models import Statement


@dataclass(frozen=True, slots=True)
class WaitingRow:
    """A contract whose closed month has no statement yet; `due_at` is when the clock issues it,
    `held_month_id` is there where it waits for approval."""

    contract_id: int
    contract_number: str
    customer_id: int
    customer_code: str
    customer_name: str
    customer_name_en: str
    held_month_id: int | None
    due_at: dt.datetime


def find_moment(period: str, day: int, hour: int, zone: str) -> dt.datetime:
    """When the month's statement is due, UTC: on that day of the month after it.

    An hour that clocks go through twice, or leave out, is the later of the two it may be: so
    PostgreSQL takes it (`is_due`).
    """
    _first, after = month_bounds(period)
    local = dt.datetime(after.year, after.month, day, hour, tzinfo=ZoneInfo(zone))
    return max(local.replace(fold=fold).astimezone(dt.UTC) for fold in (0, 1))


def is_in_force(period: str) -> ColumnElement[bool]:
    """Contracts that are billed for the month."""
    first, after = month_bounds(period)
    return (
        (Contract.state != "draft")
        & (Contract.starts_on < after)
        & or_(Contract.ends_on.is_(None), Contract.ends_on > first)
    )


def is_due(period: str, at: dt.datetime) -> ColumnElement[bool]:
    """Contracts whose moment has come; as `find_moment`, in the database."""
    _first, after = month_bounds(period)
    local = func.make_timestamp(
        after.year, after.month, Contract.statement_day, Contract.statement_hour, 0, 0
    )
    return func.timezone(Contract.timezone, local) <= at


def list_moments(session: Session, period: str) -> list[dt.datetime]:
    """The moments of contracts without a statement of the month, each once, in order."""
    rows = session.execute(
        select(Contract.statement_day, Contract.statement_hour, Contract.timezone)
        .where(is_in_force(period), ~_is_issued(period))
        .distinct()
    )
    return sorted({find_moment(period, *row) for row in rows})


def list_waiting(session: Session, scope: Scope, period: str) -> list[WaitingRow]:
    """In the order they are due; one statement of SQL."""
    rows = session.execute(
        select(
            Contract.id,
            Contract.number,
            Customer.id,
            Customer.code,
            Customer.name,
            Customer.name_en,
            HeldMonth.id,
            Contract.statement_day,
            Contract.statement_hour,
            Contract.timezone,
        )
        .join(Customer, Customer.id == Contract.customer_id)
        .outerjoin(HeldMonth, (HeldMonth.contract_id == Contract.id) & (HeldMonth.period == period))
        .where(is_in_force(period), ~_is_issued(period), scope.filter(Contract.customer_id))
    )
    found = [
        WaitingRow(
            *row[:7],
            find_moment(period, row.statement_day, row.statement_hour, row.timezone),
        )
        for row in rows
    ]
    return sorted(found, key=lambda one: (one.due_at, one.contract_number))


def _is_issued(period: str) -> ColumnElement[bool]:
    return (
        select(Statement.id)
        .where(Statement.contract_id == Contract.id, Statement.period == period)
        .exists()
    )
