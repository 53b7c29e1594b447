"""A customer with a contract, made through the services that staff's pages call."""

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

from sqlalchemy.orm import Session

import dcim.demo
from dcim.accounts.scope import Scope
from dcim.customers.contracts import create_contract, sign_contract
from dcim.customers.items import create_item
from dcim.customers.models import Contract, ContractItem, Customer
from dcim.customers.registration import create_customer
from dcim.sla.agreeing import attach_terms

TERMS = Path(dcim.demo.__file__).parent / "terms" / "standard.yaml"
CLERK = Scope.staff("clerk@example.com")
# 2026-11-25, midday in Shanghai.
NOW = dt.datetime(2026, 11, 25, 4, tzinfo=dt.UTC)
TODAY = dt.date(2026, 11, 25)
BEGAN = dt.date(2026, 1, 1)
NEXT = dt.date(2026, 12, 1)


def make_customer(session: Session, code: str = "C1", **given: Any) -> Customer:
    return create_customer(
        session,
        CLERK,
        {"code": code, "name": f"客户{code}", "name_en": f"Customer {code}", **given},
    )


def make_contract(
    session: Session, customer: Customer, number: str = "HT-1", **given: Any
) -> Contract:
    return create_contract(
        session, CLERK,
        {"customer_id": customer.id, "number": number, "starts_on": BEGAN, **given},
    )  # fmt: skip


def make_item(session: Session, contract: Contract, code: str = "", **given: Any) -> ContractItem:
    values = {
        "contract_id": contract.id,
        "code": code or f"{contract.number}-01",
        "kind": "cabinet",
        "label": "整柜",
        "starts_on": contract.starts_on,
        **given,
    }
    if "unit_price" not in values and "catalogue_item_id" not in values:
        values.setdefault("monthly_fee", Decimal("6800.00"))
    return create_item(session, CLERK, values, NOW)


def attach(session: Session, contract: Contract) -> None:
    attach_terms(session, CLERK, contract, TERMS.read_text("utf-8"))


def make_signed(session: Session, code: str = "C1", **given: Any) -> tuple[Contract, ContractItem]:
    contract = make_contract(session, make_customer(session, code), f"HT-{code}", **given)
    item = make_item(session, contract)
    attach(session, contract)
    sign_contract(session, CLERK, contract, now=NOW)
    return contract, item
