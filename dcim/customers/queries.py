"""Reading customers, contracts and what is paid for, through a scope."""

import datetime as dt
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from sqlalchemy import or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.calendar import today_in
from dcim.customers.models import Contact, Contract, ContractItem, ContractTerms, Customer
from dcim.errors import NotFoundError
from dcim.paging import FIRST_PAGE, Page, Paging, contains, fetch_page


@dataclass(frozen=True, slots=True)
class CustomerRow:
    id: int
    code: str
    name: str
    name_en: str
    language: str
    timezone: str
    active: bool
    created_at: dt.datetime


@dataclass(frozen=True, slots=True)
class ContactRow:
    id: int
    customer_id: int
    name: str
    email: str
    phone: str
    may_order: bool
    may_enter: bool
    gets_statements: bool
    title: str
    mobile: str
    may_ticket: bool
    may_see_bills: bool
    valid_until: dt.date | None
    document_kind: str
    document_hint: str

    @property
    def over(self) -> bool:
        """The rights have run out, by the day it is everywhere already."""
        return self.valid_until is not None and self.valid_until < today_in("UTC")


@dataclass(frozen=True, slots=True)
class ItemRow:
    """`ends_on` is the first day no longer paid for; `contracted_w` in watts on all feeds."""

    id: int
    contract_id: int
    customer_id: int
    code: str
    kind: str
    label: str
    label_en: str
    monthly_fee: Decimal
    contracted_w: int | None
    starts_on: dt.date
    ends_on: dt.date | None


@dataclass(frozen=True, slots=True)
class TermsRow:
    """Which version of the terms holds from when; `sha256` is of their canonical JSON."""

    id: int
    contract_id: int
    version: int
    effective_from: dt.date
    sha256: str


@dataclass(frozen=True, slots=True)
class ContractRow:
    id: int
    customer_id: int
    customer_code: str
    customer_name: str
    number: str
    currency: str
    timezone: str
    starts_on: dt.date
    ends_on: dt.date | None
    signed_at: dt.datetime | None
    state: str
    items: list[ItemRow]
    terms: list[TermsRow]


def list_customers(
    session: Session,
    scope: Scope,
    paging: Paging = FIRST_PAGE,
    *,
    text: str = "",
    customer_id: int | None = None,
    active: bool | None = None,
) -> Page[CustomerRow]:
    """All for staff; a customer sees itself. `text` is looked for in code and names."""
    statement = (
        select(
            Customer.id,
            Customer.code,
            Customer.name,
            Customer.name_en,
            Customer.language,
            Customer.timezone,
            Customer.active,
            Customer.created_at,
        )
        .where(scope.filter(Customer.id))
        .order_by(Customer.code)
    )
    if text:
        columns = (Customer.code, Customer.name, Customer.name_en)
        statement = statement.where(or_(*(c.ilike(contains(text)) for c in columns)))
    if customer_id is not None:
        statement = statement.where(Customer.id == customer_id)
    if active is not None:
        statement = statement.where(Customer.active == active)
    return fetch_page(session, CustomerRow, statement, paging)


def find_customer(session: Session, scope: Scope, customer_id: int) -> CustomerRow:
    """Raises NotFoundError for an absent customer and for another alike."""
    found = list_customers(session, scope, customer_id=customer_id).items
    if not found:
        raise NotFoundError("No such customer.")
    return found[0]


def list_contacts(session: Session, scope: Scope, customer_id: int) -> list[ContactRow]:
    statement = (
        select(
            Contact.id,
            Contact.customer_id,
            Contact.name,
            Contact.email,
            Contact.phone,
            Contact.may_order,
            Contact.may_enter,
            Contact.gets_statements,
            Contact.title,
            Contact.mobile,
            Contact.may_ticket,
            Contact.may_see_bills,
            Contact.valid_until,
            Contact.document_kind,
            Contact.document_hint,
        )
        .where(scope.filter(Contact.customer_id), Contact.customer_id == customer_id)
        .order_by(Contact.name, Contact.id)
    )
    return [ContactRow(**row._mapping) for row in session.execute(statement)]


def list_contracts(
    session: Session,
    scope: Scope,
    paging: Paging = FIRST_PAGE,
    *,
    customer_id: int | None = None,
    contract_id: int | None = None,
) -> Page[ContractRow]:
    """Contracts with items and versions of terms; four statements however many there are."""
    statement = (
        select(
            Contract.id,
            Contract.customer_id,
            Customer.code.label("customer_code"),
            Customer.name.label("customer_name"),
            Contract.number,
            Contract.currency,
            Contract.timezone,
            Contract.starts_on,
            Contract.ends_on,
            Contract.signed_at,
            Contract.state,
        )
        .join(Customer, Customer.id == Contract.customer_id)
        .where(scope.filter(Contract.customer_id))
        .order_by(Contract.number)
    )
    if customer_id is not None:
        statement = statement.where(Contract.customer_id == customer_id)
    if contract_id is not None:
        statement = statement.where(Contract.id == contract_id)
    found = fetch_page(session, _bare_contract, statement, paging)
    ids = [contract.id for contract in found.items]
    items: dict[int, list[ItemRow]] = {}
    for item in _load_items(session, scope, ids):
        items.setdefault(item.contract_id, []).append(item)
    terms: dict[int, list[TermsRow]] = {}
    for version in _load_terms(session, scope, ids):
        terms.setdefault(version.contract_id, []).append(version)
    return found.replace(
        [
            replace(one, items=items.get(one.id, []), terms=terms.get(one.id, []))
            for one in found.items
        ]
    )


def find_contract(session: Session, scope: Scope, contract_id: int) -> ContractRow:
    """Raises NotFoundError for an absent contract and for another's alike."""
    found = list_contracts(session, scope, contract_id=contract_id).items
    if not found:
        raise NotFoundError("No such contract.")
    return found[0]


def _bare_contract(**fields: Any) -> ContractRow:
    return ContractRow(items=[], terms=[], **fields)


def _select_items(scope: Scope) -> Any:
    return (
        select(
            ContractItem.id,
            ContractItem.contract_id,
            ContractItem.customer_id,
            ContractItem.code,
            ContractItem.kind,
            ContractItem.label,
            ContractItem.label_en,
            ContractItem.monthly_fee,
            ContractItem.contracted_w,
            ContractItem.starts_on,
            ContractItem.ends_on,
        )
        .where(scope.filter(ContractItem.customer_id))
        .order_by(ContractItem.code)
    )


def _load_items(session: Session, scope: Scope, contract_ids: list[int]) -> list[ItemRow]:
    statement = _select_items(scope).where(ContractItem.contract_id.in_(contract_ids))
    return [ItemRow(**row._mapping) for row in session.execute(statement)]


def _load_terms(session: Session, scope: Scope, contract_ids: list[int]) -> list[TermsRow]:
    statement = (
        select(
            ContractTerms.id,
            ContractTerms.contract_id,
            ContractTerms.version,
            ContractTerms.effective_from,
            ContractTerms.sha256,
        )
        .where(scope.filter(ContractTerms.customer_id), ContractTerms.contract_id.in_(contract_ids))
        .order_by(ContractTerms.contract_id, ContractTerms.version)
    )
    return [TermsRow(**row._mapping) for row in session.execute(statement)]
