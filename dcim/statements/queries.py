"""Reading issued statements, their files and the ledger, through a scope."""

import datetime as dt
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from sqlalchemy import ScalarSelect, select
from sqlalchemy.dialects.postgresql import distinct_on
from sqlalchemy.orm import InstrumentedAttribute, Session, aliased

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, Customer
from dcim.errors import NotFoundError
from dcim.paging import FIRST_PAGE, Page, Paging, Query, fetch_page, narrow
from dcim.statements.models import LedgerEntry, Statement, StatementFile


@dataclass(frozen=True, slots=True)
class StatementRow:
    """`verdict` is met, breached or needs_review; the file's columns are none until it exists,
    those of the samples where it has none. `newest_id` and `newest_revision` are of what replaces
    it, or its own."""

    id: int
    customer_id: int
    customer_code: str
    customer_name: str
    customer_name_en: str
    contract_id: int
    contract_number: str
    number: str
    period: str
    revision: int
    reason: str
    currency: str
    total: Decimal
    credits: Decimal
    verdict: str
    document_sha256: str
    issued_at: dt.datetime
    pdf_sha256: str | None
    pdf_bytes: int | None
    pdf_pages: int | None
    signer: str | None
    samples_sha256: str | None
    samples_bytes: int | None
    newest_id: int
    newest_revision: int

    @property
    def is_replaced(self) -> bool:
        return self.newest_id != self.id


@dataclass(frozen=True, slots=True)
class LedgerRow:
    """Credits are negative amounts."""

    id: int
    key: str
    customer_id: int
    contract_id: int
    contract_item_id: int | None
    statement_id: int
    kind: str
    text: str
    text_en: str
    amount: Decimal
    currency: str
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class StatementFilter:
    """`period` is a month as "2026-10"."""

    statement_id: int | None = None
    customer_id: int | None = None
    contract_id: int | None = None
    period: str | None = None
    verdict: str | None = None


def list_statements(
    session: Session,
    scope: Scope,
    wanted: StatementFilter = StatementFilter(),
    paging: Paging = FIRST_PAGE,
) -> Page[StatementRow]:
    """Newest period first, every revision, of a month the newest first; a customer's own alone. Two
    statements of SQL."""
    statement = _select_statements(scope).order_by(
        Statement.period.desc(), Contract.number, Statement.revision.desc()
    )
    statement = narrow(
        statement,
        (Statement.id, wanted.statement_id),
        (Statement.customer_id, wanted.customer_id),
        (Statement.contract_id, wanted.contract_id),
        (Statement.period, wanted.period),
        (Statement.verdict, wanted.verdict),
    )
    return fetch_page(session, StatementRow, statement, paging)


def find_statement(session: Session, scope: Scope, statement_id: int) -> StatementRow:
    """Raises NotFoundError for an absent statement and for another's alike."""
    found = list_statements(session, scope, StatementFilter(statement_id=statement_id)).items
    if not found:
        raise NotFoundError("No such statement.")
    return found[0]


def read_document(session: Session, scope: Scope, statement_id: int) -> dict[str, Any]:
    """The frozen statement JSON, exactly as issued."""
    document = session.scalar(
        select(Statement.document).where(
            Statement.id == statement_id, scope.filter(Statement.customer_id)
        )
    )
    if document is None:
        raise NotFoundError("No such statement.")
    return document


def read_documents(
    session: Session, scope: Scope, period: str, customer: str | None = None
) -> Iterator[dict[str, Any]]:
    """The month's frozen documents, of each contract the newest revision, by customer and contract;
    a few at a time. `customer` is a code. Raises NotFoundError where no such customer is in reach.
    """
    statement = (
        select(Statement.document)
        .join(Customer, Customer.id == Statement.customer_id)
        .join(Contract, Contract.id == Statement.contract_id)
        .where(scope.filter(Statement.customer_id), Statement.period == period)
        .order_by(Customer.code, Contract.number, Statement.revision.desc())
        .ext(distinct_on(Customer.code, Contract.number))
        .execution_options(yield_per=20)
    )
    if customer is not None:
        known = session.scalar(
            select(Customer.id).where(Customer.code == customer, scope.filter(Customer.id))
        )
        if known is None:
            raise NotFoundError("No customer has the code %(code)s.", code=customer)
        statement = statement.where(Customer.id == known)
    yield from session.scalars(statement)


def list_ledger(
    session: Session,
    scope: Scope,
    paging: Paging = FIRST_PAGE,
    *,
    customer_id: int | None = None,
    contract_id: int | None = None,
    statement_id: int | None = None,
    kind: str | None = None,
) -> Page[LedgerRow]:
    statement = (
        select(
            LedgerEntry.id,
            LedgerEntry.key,
            LedgerEntry.customer_id,
            LedgerEntry.contract_id,
            LedgerEntry.contract_item_id,
            LedgerEntry.statement_id,
            LedgerEntry.kind,
            LedgerEntry.text,
            LedgerEntry.text_en,
            LedgerEntry.amount,
            LedgerEntry.currency,
            LedgerEntry.created_at,
        )
        .where(scope.filter(LedgerEntry.customer_id))
        .order_by(LedgerEntry.id.desc())
    )
    statement = narrow(
        statement,
        (LedgerEntry.customer_id, customer_id),
        (LedgerEntry.contract_id, contract_id),
        (LedgerEntry.statement_id, statement_id),
        (LedgerEntry.kind, kind),
    )
    return fetch_page(session, LedgerRow, statement, paging)


def _select_statements(scope: Scope) -> Query:
    newest = aliased(Statement)

    def of_newest(column: InstrumentedAttribute[int]) -> ScalarSelect[int]:
        # In the list of columns, not a join: it is looked up for the rows of one page alone.
        return (
            select(column)
            .where(newest.contract_id == Statement.contract_id, newest.period == Statement.period)
            .order_by(newest.revision.desc())
            .limit(1)
            .scalar_subquery()
        )

    return (
        select(
            Statement.id,
            Statement.customer_id,
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
            Customer.name_en.label("customer_name_en"),
            Statement.contract_id,
            Contract.number.label("contract_number"),
            Statement.number,
            Statement.period,
            Statement.revision,
            Statement.reason,
            Statement.currency,
            Statement.total,
            Statement.credits,
            Statement.verdict,
            Statement.document_sha256,
            Statement.issued_at,
            StatementFile.sha256.label("pdf_sha256"),
            StatementFile.size.label("pdf_bytes"),
            StatementFile.pages.label("pdf_pages"),
            StatementFile.signer,
            Statement.samples_sha256,
            Statement.samples_size.label("samples_bytes"),
            of_newest(newest.id).label("newest_id"),
            of_newest(newest.revision).label("newest_revision"),
        )
        .join(Customer, Customer.id == Statement.customer_id)
        .join(Contract, Contract.id == Statement.contract_id)
        .outerjoin(StatementFile, StatementFile.statement_id == Statement.id)
        .where(scope.filter(Statement.customer_id))
    )
