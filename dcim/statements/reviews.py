"""What a person must decide before there is money, through a scope."""

import datetime as dt
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import cast, exists, func, select
from sqlalchemy.dialects.postgresql import JSONPATH, distinct_on
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, Customer
from dcim.sla.rules.periods import parse_instant
from dcim.statements.credit_risk import SHOWN_GAPS
from dcim.statements.models import Statement
from dcim.statements.risk_models import CreditRisk

# Issued months with something to decide are looked for so far back.
BACK_MONTHS = 3
OPEN_METRICS = '$.metrics[*] ? (@.result == "needs_review" || @.result == "unpriced")'
# What of a stored review is told as it is.
TOLD = ("id", "title", "item", "name", "clause", "result", "notes", "gaps_in_all")
WHOSE = (
    Customer.id.label("customer_id"),
    Customer.name.label("customer_name"),
    Customer.name_en.label("customer_name_en"),
    Contract.id.label("contract_id"),
    Contract.number.label("contract_number"),
)


@dataclass(frozen=True, slots=True)
class CauseRow:
    """What said nothing: `reason` as polling names it, "undecided" or "unpolled"."""

    device: str
    device_id: int | None
    reason: str


@dataclass(frozen=True, slots=True)
class ReviewGapRow:
    starts_at: dt.datetime
    ends_at: dt.datetime
    reason: dict[str, str]
    causes: list[CauseRow]


@dataclass(frozen=True, slots=True)
class MeaningRow:
    """What the result would be with its unmeasured time decided so; `amount` before caps."""

    treat_unknown: str
    result: str
    amount: Decimal


@dataclass(frozen=True, slots=True)
class ReviewRow:
    """A result a person must decide, or that has no price. `least` and `most` is what it is worth.

    `gaps` are the first of `gaps_in_all` stretches without measurement, `unknown_s` together.
    `statement_id` is set where its month has been issued: then a revision alone changes it.
    `meanings` are there for a result left open in a month that is over.
    """

    customer_id: int
    customer_name: str
    customer_name_en: str
    contract_id: int
    contract_number: str
    period: str
    currency: str
    state: str  # running | closed | issued
    as_of: dt.datetime | None
    statement_id: int | None
    id: str
    title: dict[str, str]
    item: str
    name: dict[str, str]
    clause: str
    result: str
    least: Decimal
    most: Decimal
    notes: list[dict[str, str]]
    gaps: list[ReviewGapRow]
    gaps_in_all: int
    unknown_s: float
    meanings: list[MeaningRow]

    @property
    def is_decidable(self) -> bool:
        """Whether some decision about the unmeasured time settles it; what else is missing, such
        as a fact of the terms, no decision gives."""
        return not self.meanings or any(one.result != "needs_review" for one in self.meanings)


def list_reviews(
    session: Session,
    scope: Scope,
    now: dt.datetime,
    *,
    customer_id: int | None = None,
    contract_id: int | None = None,
) -> list[ReviewRow]:
    """Of months that run or wait for their statement, and of statements issued lately; what is
    worth most first, currency by currency. Two statements of SQL."""
    narrow = [
        column == value
        for column, value in (
            (Customer.id, customer_id),
            (Contract.id, contract_id),
        )
        if value is not None
    ]
    rows = _open_reviews(session, scope, narrow) + _issued_reviews(session, scope, now, narrow)
    return sorted(rows, key=_by_worth)


def _by_worth(row: ReviewRow) -> tuple[Any, ...]:
    return row.currency, -row.most, row.contract_number, row.period, row.id


def _open_reviews(session: Session, scope: Scope, narrow: Iterable[Any]) -> list[ReviewRow]:
    found = session.execute(
        select(
            *WHOSE, CreditRisk.period, CreditRisk.currency, CreditRisk.is_closed, CreditRisk.as_of,
            CreditRisk.reviews,
        )
        .select_from(CreditRisk)
        .join(Customer, Customer.id == CreditRisk.customer_id)
        .join(Contract, Contract.id == CreditRisk.contract_id)
        .where(
            func.jsonb_array_length(CreditRisk.reviews) > 0,
            # Issued since the last round: its statement tells.
            ~exists().where(
                Statement.contract_id == CreditRisk.contract_id,
                Statement.period == CreditRisk.period,
            ),
            scope.filter(CreditRisk.customer_id),
            *narrow,
        )
    )  # fmt: skip
    return [
        _review_of(row, "closed" if row.is_closed else "running", row.as_of, None, review)
        for row in found
        for review in row.reviews
    ]


def _issued_reviews(
    session: Session, scope: Scope, now: dt.datetime, narrow: Iterable[Any]
) -> list[ReviewRow]:
    """From the newest revision of each month, as its document says."""
    month = now.year * 12 + now.month - 1 - BACK_MONTHS
    newest = (
        select(Statement.id, Statement.verdict)
        .where(
            Statement.period >= f"{month // 12:04d}-{month % 12 + 1:02d}",
            scope.filter(Statement.customer_id),
        )
        .order_by(Statement.contract_id, Statement.period, Statement.revision.desc())
        .ext(distinct_on(Statement.contract_id, Statement.period))
        .subquery()
    )
    metrics = func.jsonb_path_query_array(Statement.document, cast(OPEN_METRICS, JSONPATH))
    found = session.execute(
        select(
            *WHOSE, Statement.period, Statement.currency, Statement.issued_at,
            Statement.id.label("statement_id"), metrics.label("metrics"),
        )
        .select_from(Statement)
        .join(newest, newest.c.id == Statement.id)
        .join(Customer, Customer.id == Statement.customer_id)
        .join(Contract, Contract.id == Statement.contract_id)
        .where(newest.c.verdict != "met", *narrow)
    )  # fmt: skip
    return [
        _review_of(row, "issued", row.issued_at, row.statement_id, _read_metric(metric))
        for row in found
        for metric in row.metrics
    ]


def _review_of(
    row: Any, state: str, as_of: dt.datetime | None, statement_id: int | None, review: Any
) -> ReviewRow:
    gaps = [
        ReviewGapRow(
            dt.datetime.fromtimestamp(gap["start"] / 1000, dt.UTC),
            dt.datetime.fromtimestamp(gap["end"] / 1000, dt.UTC),
            gap["reason"],
            [CauseRow(**cause) for cause in gap.get("causes", [])],
        )
        for gap in review["gaps"]
    ]
    return ReviewRow(
        customer_id=row.customer_id,
        customer_name=row.customer_name,
        customer_name_en=row.customer_name_en,
        contract_id=row.contract_id,
        contract_number=row.contract_number,
        period=row.period,
        currency=row.currency,
        state=state,
        as_of=as_of,
        statement_id=statement_id,
        **{name: review[name] for name in TOLD},
        least=Decimal(review["least"]),
        most=Decimal(review["most"]),
        gaps=gaps,
        unknown_s=review["unknown_ms"] / 1000,
        meanings=[
            MeaningRow(one["treat_unknown"], one["result"], Decimal(one["amount"]))
            for one in review.get("meanings", [])
        ],
    )


def _read_metric(metric: dict[str, Any]) -> dict[str, Any]:
    """A frozen metric as `credit_risk.list_reviews` says one that isn't."""
    unknown = [line for line in metric["trace"] if line["class"] == "unknown"]
    return {
        "id": metric["id"],
        "title": metric["label"],
        "item": metric["item"],
        "name": metric["subject"],
        "clause": metric["clause"],
        "result": metric["result"],
        "least": metric["credit"]["at_least"],
        "most": metric["credit"]["at_most"],
        "notes": metric["notes"],
        "gaps": [
            {
                "start": parse_instant(line["start"]),
                "end": parse_instant(line["end"]),
                "reason": line["reason"],
            }
            for line in unknown[:SHOWN_GAPS]
        ],
        "gaps_in_all": len(unknown),
        "unknown_ms": round(metric["unknown_s"] * 1000),
    }
