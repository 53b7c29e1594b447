"""Whose term runs out, and until when notice can be given; the rule is pure."""

import datetime as dt
from dataclasses import dataclass
from decimal import Decimal

from sqlalchemy import func, or_, select
from sqlalchemy.orm import Session

from dcim.accounts.scope import Scope
from dcim.customers.calendar import add_months, today_in
from dcim.customers.models import Contract, ContractItem, Customer


@dataclass(frozen=True, slots=True)
class Term:
    """The term that runs now ends on `end` (the first day no longer covered).

    `notice_by` is the last day on which notice is in time. `renews`: it goes on by itself.
    """

    end: dt.date
    notice_by: dt.date
    renews: bool


@dataclass(frozen=True, slots=True)
class RenewalRow:
    contract_id: int
    customer_id: int
    customer_code: str
    customer_name: str
    customer_name_en: str
    account_manager: str
    number: str
    currency: str
    monthly_fees: Decimal
    ends_on: dt.date | None
    renewal_months: int
    term: Term
    # Days until `term.notice_by`; negative when that is over.
    days_left: int


def find_term(
    starts_on: dt.date,
    ends_on: dt.date | None,
    term_months: int | None,
    notice_days: int,
    auto_renew: bool,
    renewal_months: int,
    today: dt.date,
) -> Term | None:
    """None for a contract without term and end. An agreed end is final: it never renews itself.

    Renewed terms are counted from the first term's end, so that a 31st stays a 31st.
    """
    if ends_on is not None:
        end, renews = ends_on, False
    elif term_months is not None:
        end, renews, months = add_months(starts_on, term_months), auto_renew, term_months
        while auto_renew and end <= today:
            months += renewal_months
            end = add_months(starts_on, months)
    else:
        return None
    return Term(end, end - dt.timedelta(days=notice_days), renews)


def list_renewals(
    session: Session, scope: Scope, within_days: int = 90, now: dt.datetime | None = None
) -> list[RenewalRow]:
    """Contracts in force whose day of notice comes within so many days or is over, soonest first.

    One statement, however many contracts there are.
    """
    fees = (
        select(func.coalesce(func.sum(ContractItem.monthly_fee), 0))
        .where(ContractItem.contract_id == Contract.id)
        .where(
            or_(
                ContractItem.ends_on.is_(None),
                ContractItem.ends_on > func.timezone(Contract.timezone, now or func.now()),
            )
        )
        .correlate(Contract)
        .scalar_subquery()
    )
    rows = session.execute(
        scope.apply(
            select(Contract, Customer, fees)
            .join(Customer, Customer.id == Contract.customer_id)
            .where(
                Contract.state == "signed",
                or_(Contract.ends_on.is_not(None), Contract.term_months.is_not(None)),
            ),
            Contract.customer_id,
        )
    )
    found = []
    for contract, customer, monthly in rows:
        today = today_in(contract.timezone, now)
        term = term_of(contract, today)
        if term is None or (days := (term.notice_by - today).days) > within_days:
            continue
        found.append(
            RenewalRow(
                contract.id, customer.id, customer.code, customer.name, customer.name_en,
                customer.account_manager, contract.number, contract.currency, Decimal(monthly),
                contract.ends_on, contract.renewal_months, term, days,
            )
        )  # fmt: skip
    return sorted(found, key=lambda row: (row.term.notice_by, row.number))


def term_of(contract: Contract, today: dt.date) -> Term | None:
    return find_term(
        contract.starts_on, contract.ends_on, contract.term_months, contract.notice_days,
        contract.auto_renew, contract.renewal_months, today,
    )  # fmt: skip
