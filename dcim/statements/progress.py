"""How far the issuing of a month is: waiting, running, done, failed, and with what result."""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, or_, select, text
from sqlalchemy.orm import Session

from dcim.accounts.models import JobRun
from dcim.accounts.scope import Scope
from dcim.customers.models import Contract
from dcim.errors import ForbiddenError
from dcim.statements.held_queries import count_held
from dcim.statements.models import Statement, StatementFile


@dataclass(frozen=True, slots=True)
class Progress:
    """`state` is none, waiting, running, failed or done. `signed` of `contracts` have their PDF,
    `held` wait for approval."""

    period: str
    state: str
    contracts: int
    issued: int
    signed: int
    held: int
    finished_at: dt.datetime | None
    outcome: Mapping[str, object]

    @property
    def under_way(self) -> bool:
        return self.state in {"waiting", "running"}


@dataclass(frozen=True, slots=True)
class MonthTotals:
    period: str
    currency: str
    statements: int
    total: Decimal
    credits: Decimal
    breached: int
    needs_review: int


def find_progress(
    session: Session, scope: Scope, period: str, first: dt.date, after: dt.date
) -> Progress:
    """`first` and `after` bound the month, as `issuing.month_bounds` gives them."""
    if not scope.is_staff:
        raise ForbiddenError("Only staff issue statements.")
    contracts = session.scalar(
        select(func.count())
        .select_from(Contract)
        .where(
            Contract.state != "draft",
            Contract.starts_on < after,
            or_(Contract.ends_on.is_(None), Contract.ends_on > first),
        )
    )
    issued, signed = session.execute(
        select(func.count(Statement.id), func.count(StatementFile.statement_id))
        .outerjoin(StatementFile, StatementFile.statement_id == Statement.id)
        .where(Statement.period == period, Statement.revision == 1)
    ).one()
    job = session.execute(
        text(
            "SELECT status::text FROM procrastinate_jobs WHERE task_name = 'issue_statements'"
            " AND args->>'period' = :period ORDER BY id DESC LIMIT 1"
        ),
        {"period": period},
    ).scalar()
    run = session.get(JobRun, ("issue-statements", period))
    outcome = (run.outcome if run is not None else None) or {}
    state = {"todo": "waiting", "doing": "running", "failed": "failed"}.get(str(job), "")
    if not state:
        state = "done" if "issued" in outcome or (issued and signed == issued) else "none"
    return Progress(
        period,
        state,
        contracts or 0,
        issued,
        signed,
        count_held(session, scope, period),
        run.finished_at if run else None,
        outcome,
    )


def list_months(session: Session, scope: Scope) -> list[MonthTotals]:
    """Every month that has statements, newest first; of each statement its newest revision."""
    newest = (
        select(
            Statement.contract_id,
            Statement.period,
            func.max(Statement.revision).label("revision"),
        )
        .group_by(Statement.contract_id, Statement.period)
        .subquery()
    )
    rows = session.execute(
        select(
            Statement.period,
            Statement.currency,
            func.count().label("statements"),
            func.sum(Statement.total).label("total"),
            func.sum(Statement.credits).label("credits"),
            func.count().filter(Statement.verdict == "breached").label("breached"),
            func.count().filter(Statement.verdict == "needs_review").label("needs_review"),
        )
        .join(
            newest,
            (newest.c.contract_id == Statement.contract_id)
            & (newest.c.period == Statement.period)
            & (newest.c.revision == Statement.revision),
        )
        .where(scope.filter(Statement.customer_id))
        .group_by(Statement.period, Statement.currency)
        .order_by(Statement.period.desc(), Statement.currency)
    )
    return [MonthTotals(**row._mapping) for row in rows]
