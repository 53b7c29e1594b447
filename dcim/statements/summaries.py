"""Issued months added up: how promises were kept, and what credits came of, through a scope.

Always the newest revision of each statement. Credits by site and cause are before caps; what the
caps took back is told apart, so that both fit. Currencies are never added.
"""

import datetime as dt
import itertools
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass
from decimal import Decimal
from fractions import Fraction
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import InstrumentedAttribute, Session
from sqlalchemy.sql import ColumnElement

from dcim.accounts.scope import Scope
from dcim.customers.models import Customer
from dcim.errors import InvalidError
from dcim.sla.rules.quantities import say_share
from dcim.statements.models import Statement
from dcim.statements.tallies import average
from dcim.statements.tally_models import StatementCause, StatementResult

MISSED = ("breached", "unpriced", "not_eligible")
LONGEST_MONTHS = 36
SHOWN = 20
_MONTH = re.compile(r"[0-9]{4}-(0[1-9]|1[0-2])")


@dataclass(frozen=True, slots=True)
class Span:
    """Months "2026-01" to "2026-12", both included; of one customer where it is named."""

    first: str
    last: str
    customer_id: int | None = None


@dataclass(frozen=True, slots=True)
class MonthLine:
    """Of a month and currency. `credits` after caps, `caps` what these took back; both positive."""

    period: str
    currency: str
    statements: int
    promises: int
    missed: int
    open: int
    credits: Decimal
    caps: Decimal
    total: Decimal


@dataclass(frozen=True, slots=True)
class KindLine:
    """Promises of a kind in a month. `availability` 0..1 of all their time together."""

    kind: str
    period: str
    promises: int
    missed: int
    open: int
    downtime_ms: int
    availability: Fraction | None


@dataclass(frozen=True, slots=True)
class PromiseLine:
    """One promise of one item over all the months: what an annual summary is about."""

    result: str
    title: str
    title_en: str
    name: str
    name_en: str
    months: int
    missed: tuple[str, ...]
    open: tuple[str, ...]
    downtime_ms: int
    availability: Fraction | None
    credit: Decimal
    currency: str


@dataclass(frozen=True, slots=True)
class ShareLine:
    """Credits before caps by a cause, a site or a customer. Without `name` no incident did it;
    with `rest` it stands for so many smaller ones."""

    name: str
    name_en: str
    currency: str
    incidents: int
    credit: Decimal
    rest: int = 0


@dataclass(frozen=True, slots=True)
class Summary:
    span: Span
    months: tuple[MonthLine, ...]
    kinds: tuple[KindLine, ...]
    by_cause: tuple[ShareLine, ...]
    by_site: tuple[ShareLine, ...]
    by_customer: tuple[ShareLine, ...]

    @property
    def periods(self) -> list[str]:
        return sorted({line.period for line in self.months})


def read_span(first: str, last: str, customer_id: int | None = None) -> Span:
    """Raises InvalidError for what is no month, the wrong order, and too many of them."""
    for text in (first, last):
        if not _MONTH.fullmatch(text):
            raise InvalidError("%(period)s is no month; write it like 2026-10.", period=text)
    length = _count(last) - _count(first) + 1
    if length < 1:
        raise InvalidError("The last month lies before the first.", {"last": ["too early"]})
    if length > LONGEST_MONTHS:
        raise InvalidError(
            "At most %(count)s months at once.", {"first": ["too early"]}, count=LONGEST_MONTHS
        )
    return Span(first, last, customer_id)


def last_months(today: dt.date, count: int = 12) -> Span:
    """So many closed months up to today."""
    end = today.year * 12 + today.month - 2
    return Span(_name(end - count + 1), _name(end))


def year_of(year: int, customer_id: int | None = None) -> Span:
    return read_span(f"{year:04}-01", f"{year:04}-12", customer_id)


def _count(month: str) -> int:
    year, number = month.split("-")
    return int(year) * 12 + int(number) - 1


def _name(count: int) -> str:
    return f"{count // 12:04}-{count % 12 + 1:02}"


def summarise(session: Session, scope: Scope, span: Span) -> Summary:
    """Five statements of SQL, however many statements were issued."""
    return Summary(
        span,
        tuple(_months(session, scope, span)),
        tuple(_kinds(session, scope, span)),
        tuple(_causes(session, scope, span)),
        tuple(_sites(session, scope, span)),
        tuple(_customers(session, scope, span)),
    )


def summarise_year(
    session: Session, scope: Scope, span: Span
) -> tuple[tuple[MonthLine, ...], tuple[PromiseLine, ...]]:
    """The months, and each promise over all of them. Three statements of SQL."""
    return tuple(_months(session, scope, span)), tuple(_promises(session, scope, span))


def tell_summary(found: Summary) -> dict[str, Any]:
    """For programs: money and percentages as strings of decimals, lengths in milliseconds."""

    def share(line: ShareLine) -> dict[str, Any]:
        return {**asdict(line), "credit": str(line.credit)}

    return {
        "first": found.span.first,
        "last": found.span.last,
        "months": [
            {
                **asdict(line),
                **{key: str(getattr(line, key)) for key in ("credits", "caps", "total")},
            }
            for line in found.months
        ],
        "service_levels": [
            {
                **{key: value for key, value in asdict(line).items() if key != "availability"},
                "availability_pct": say_share(line.availability),
            }
            for line in found.kinds
        ],
        "by_cause": [share(line) for line in found.by_cause],
        "by_site": [share(line) for line in found.by_site],
        "by_customer": [share(line) for line in found.by_customer],
    }


def list_years(session: Session, scope: Scope) -> list[int]:
    """Years of which a statement was issued, the last one first."""
    year = func.substr(Statement.period, 1, 4)
    rows = session.scalars(
        select(year).where(scope.filter(Statement.customer_id)).group_by(year).order_by(year.desc())
    )
    return [int(one) for one in rows]


def _newest(scope: Scope, span: Span) -> Any:
    """Ids of the newest revisions in the span."""
    ranked = (
        select(
            Statement.id,
            func.row_number()
            .over(
                partition_by=(Statement.contract_id, Statement.period),
                order_by=Statement.revision.desc(),
            )
            .label("rank"),
        )
        .where(
            scope.filter(Statement.customer_id),
            Statement.period.between(span.first, span.last),
            *([Statement.customer_id == span.customer_id] if span.customer_id is not None else []),
        )
        .subquery()
    )
    return select(ranked.c.id).where(ranked.c.rank == 1).scalar_subquery()


def _is(*verdicts: str) -> ColumnElement[int]:
    return func.count(StatementResult.id).filter(StatementResult.verdict.in_(verdicts))


def _months(session: Session, scope: Scope, span: Span) -> Iterable[MonthLine]:
    newest = _newest(scope, span)
    promises = {
        (row.period, row.currency): row
        for row in session.execute(
            select(
                Statement.period,
                Statement.currency,
                func.count(StatementResult.id).label("promises"),
                _is(*MISSED).label("missed"),
                _is("needs_review").label("open"),
                func.coalesce(func.sum(StatementResult.credit), 0).label("credit"),
            )
            .join(StatementResult, StatementResult.statement_id == Statement.id)
            .where(Statement.id.in_(newest))
            .group_by(Statement.period, Statement.currency)
        )
    }
    rows = session.execute(
        select(
            Statement.period,
            Statement.currency,
            func.count().label("statements"),
            func.sum(Statement.credits).label("credits"),
            func.sum(Statement.total).label("total"),
        )
        .where(Statement.id.in_(newest))
        .group_by(Statement.period, Statement.currency)
        .order_by(Statement.period, Statement.currency)
    )
    for row in rows:
        found = promises.get((row.period, row.currency))
        before = Decimal(0) if found is None else Decimal(found.credit)
        given = -row.credits
        yield MonthLine(
            row.period,
            row.currency,
            row.statements,
            0 if found is None else found.promises,
            0 if found is None else found.missed,
            0 if found is None else found.open,
            given,
            before - given,
            row.total,
        )


def _kinds(session: Session, scope: Scope, span: Span) -> Iterable[KindLine]:
    known = StatementResult.denominator_ms > 0
    rows = session.execute(
        select(
            StatementResult.kind,
            Statement.period,
            func.count().label("promises"),
            _is(*MISSED).label("missed"),
            _is("needs_review").label("open"),
            func.coalesce(func.sum(StatementResult.downtime_ms), 0).label("all_down"),
            func.coalesce(
                func.sum(func.least(StatementResult.downtime_ms, StatementResult.denominator_ms))
                .filter(known), 0,
            ).label("down"),
            func.coalesce(func.sum(StatementResult.denominator_ms), 0).label("of"),
        )
        .join(Statement, Statement.id == StatementResult.statement_id)
        .where(StatementResult.statement_id.in_(_newest(scope, span)))
        .group_by(StatementResult.kind, Statement.period)
        .order_by(StatementResult.kind, Statement.period)
    )  # fmt: skip
    for row in rows:
        yield KindLine(
            row.kind, row.period, row.promises, row.missed, row.open, int(row.all_down),
            average([(int(row.down), int(row.of))]),
        )  # fmt: skip


def _promises(session: Session, scope: Scope, span: Span) -> Iterable[PromiseLine]:
    rows = session.execute(
        select(StatementResult, Statement.period, Statement.currency)
        .join(Statement, Statement.id == StatementResult.statement_id)
        .where(StatementResult.statement_id.in_(_newest(scope, span)))
        .order_by(Statement.contract_id, StatementResult.result, Statement.period)
    ).all()
    groups: dict[tuple[str, str], list[tuple[StatementResult, str]]] = {}
    for row, period, currency in rows:
        # What several versions of the terms said of one promise in a month is one here.
        metric, _, item = row.result.partition(".")
        groups.setdefault((f"{metric.partition('@')[0]}.{item}", currency), []).append(
            (row, period)
        )
    for (name, currency), group in groups.items():
        found = sorted(group, key=lambda one: one[1])
        last = found[-1][0]
        yield PromiseLine(
            name,
            last.title,
            last.title_en,
            last.name,
            last.name_en,
            len({period for _, period in found}),
            _periods(found, MISSED),
            _periods(found, ("needs_review",)),
            sum(row.downtime_ms for row, _ in found),
            average((row.downtime_ms, row.denominator_ms) for row, _ in found),
            sum((row.credit for row, _ in found), Decimal(0)),
            currency,
        )


def _periods(
    found: Sequence[tuple[StatementResult, str]], verdicts: tuple[str, ...]
) -> tuple[str, ...]:
    return tuple(dict.fromkeys(period for row, period in found if row.verdict in verdicts))


def _causes(session: Session, scope: Scope, span: Span) -> Iterable[ShareLine]:
    return _share(session, scope, span, StatementCause.cause, StatementCause.cause_en)


def _sites(session: Session, scope: Scope, span: Span) -> Iterable[ShareLine]:
    return _share(session, scope, span, StatementCause.site, StatementCause.site)


def _customers(session: Session, scope: Scope, span: Span) -> Iterable[ShareLine]:
    return _share(session, scope, span, Customer.name, Customer.name_en, Customer.id)


def _share(
    session: Session,
    scope: Scope,
    span: Span,
    name: InstrumentedAttribute[str],
    name_en: InstrumentedAttribute[str],
    *apart: InstrumentedAttribute[int],
) -> Iterable[ShareLine]:
    """The greatest of each currency first; beyond so many the rest as one line."""
    incidents = func.count(func.distinct(StatementCause.incident))
    credit = func.sum(StatementCause.credit)
    rows = session.execute(
        select(
            name.label("name"),
            name_en.label("name_en"),
            Statement.currency,
            incidents.filter(StatementCause.incident != "").label("incidents"),
            credit.label("credit"),
        )
        .join(Statement, Statement.id == StatementCause.statement_id)
        .join(Customer, Customer.id == StatementCause.customer_id)
        .where(StatementCause.statement_id.in_(_newest(scope, span)))
        .group_by(name, name_en, *apart, Statement.currency)
        .order_by(Statement.currency, credit.desc(), name)
    )
    for currency, found in itertools.groupby(rows, key=lambda row: row.currency):
        lines = list(found)
        for row in lines[:SHOWN]:
            yield ShareLine(row.name, row.name_en, currency, row.incidents, row.credit)
        if rest := lines[SHOWN:]:
            yield ShareLine(
                "", "", currency, sum(row.incidents for row in rest),
                sum((row.credit for row in rest), Decimal(0)), len(rest),
            )  # fmt: skip
