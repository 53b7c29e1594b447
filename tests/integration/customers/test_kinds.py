"""Customers and contracts through the one service that pages, API and import use for every kind."""

import datetime as dt
from decimal import Decimal

import pytest
from sqlalchemy import select

from dcim.accounts.models import AuditEntry
from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.customers.amendments import Change, amend_contract
from dcim.customers.calendar import add_months, open_month
from dcim.customers.contracts import find_contract_row, sign_contract
from dcim.customers.kinds import (
    CATALOGUE_ITEM,
    CONTACT,
    CONTRACT,
    CONTRACT_AMENDMENT,
    CONTRACT_ITEM,
    CUSTOMER,
)
from dcim.customers.models import Customer
from dcim.db import ScopedSession
from dcim.errors import ConflictError, ForbiddenError, InvalidError, NotFoundError
from dcim.kinds import KINDS
from dcim.operations.kinds import SERVICE_ORDER
from dcim.records.deletions import restore_record
from dcim.records.listing import find_record
from dcim.records.values import InvalidValuesError
from dcim.records.writing import change_record, create_record, delete_record
from tests.integration.customers.office import CLERK, attach

BEGAN = "2026-01-01"


def sell(session: ScopedSession, code: str = "C1") -> tuple[int, int, int]:
    customer = create_record(
        session, CLERK, CUSTOMER, {"code": code, "name": "云帆", "name_en": "Yunfan"}
    )
    contract = create_record(
        session, CLERK, CONTRACT,
        {"customer_id": customer.id, "number": f"HT-{code}", "starts_on": BEGAN},
    )  # fmt: skip
    item = create_record(
        session, CLERK, CONTRACT_ITEM,
        {"contract_id": contract.id, "code": f"HT-{code}-01", "kind": "cabinet", "label": "柜",
         "starts_on": BEGAN, "quantity": "2", "unit_price": "3400.00"},
    )  # fmt: skip
    return customer.id, contract.id, item.id


def sign(session: ScopedSession, contract_id: int) -> None:
    contract = find_contract_row(session, CLERK, contract_id)
    attach(session, contract)
    sign_contract(session, CLERK, contract)


def test_a_sale_from_customer_to_price(session: ScopedSession) -> None:
    customer, contract, item = sell(session)
    found = find_record(session, CLERK, CONTRACT_ITEM, item)
    assert found["monthly_fee"] == Decimal("6800.00")
    assert found["customer_id"] == customer
    assert find_record(session, CLERK, CONTRACT, contract)["state"] == "draft"
    assert find_record(session, CLERK, CUSTOMER, customer)["state"] == "prospect"
    change_record(session, CLERK, CONTRACT_ITEM, item, {"unit_price": "3500.00"})
    assert find_record(session, CLERK, CONTRACT_ITEM, item)["monthly_fee"] == Decimal("7000.00")
    sign(session, contract)
    assert session.get_one(Customer, customer).state == "active"
    with pytest.raises(InvalidError, match="amendment"):
        change_record(session, CLERK, CONTRACT_ITEM, item, {"unit_price": "3600.00"})
    with pytest.raises(ConflictError, match="end the item"):
        delete_record(session, CLERK, CONTRACT_ITEM, item, kinds=KINDS)
    day = add_months(open_month("Asia/Shanghai"), 1)
    amendment = amend_contract(
        session, CLERK, find_contract_row(session, CLERK, contract), day,
        [Change(item, Decimal(2), Decimal("3600.00"))], now=utc_now(),
    )  # fmt: skip
    shown = find_record(session, CLERK, CONTRACT_AMENDMENT, amendment.id)
    assert (shown["number"], shown["effective_from"]) == ("HT-C1-A1", day)


def test_what_a_customer_reaches(session: ScopedSession) -> None:
    customer, contract, item = sell(session)
    other, _, _ = sell(session, "C2")
    own, foreign = Scope.customer("x", customer), Scope.customer("x", other)
    for kind, record_id in (
        (CUSTOMER, customer), (CONTRACT, contract), (CONTRACT_ITEM, item),
    ):  # fmt: skip
        assert find_record(session, own, kind, record_id).id == record_id
        with pytest.raises(NotFoundError):
            find_record(session, foreign, kind, record_id)
    with pytest.raises(ForbiddenError):
        change_record(session, own, CUSTOMER, customer, {"name": "x"})


def test_everything_wrong_with_a_customer_is_told(session: ScopedSession) -> None:
    with pytest.raises(InvalidValuesError) as told:
        create_record(session, CLERK, CUSTOMER, {"code": "a/b", "tier": "gold", "active": True})
    assert set(told.value.fields) == {"code", "name", "name_en", "tier", "active"}
    sell(session)
    with pytest.raises(ConflictError, match="C1 has the same Code"):
        create_record(session, CLERK, CUSTOMER, {"code": "C1", "name": "x", "name_en": "x"})
    with pytest.raises(InvalidError, match="check character"):
        create_record(
            session, CLERK, CUSTOMER,
            {"code": "C2", "name": "x", "name_en": "x", "credit_code": "1" * 18},
        )  # fmt: skip


def test_a_draft_s_item_goes_and_comes_back_with_its_version(session: ScopedSession) -> None:
    _, contract, item = sell(session)
    with pytest.raises(ConflictError, match="Contract items"):
        delete_record(session, CLERK, CONTRACT, contract, kinds=KINDS)
    kept = delete_record(session, CLERK, CONTRACT_ITEM, item, kinds=KINDS)
    restore_record(session, CLERK, KINDS, kept)
    assert find_record(session, CLERK, CONTRACT_ITEM, item)["monthly_fee"] == 6800
    delete_record(session, CLERK, CONTRACT_ITEM, item, kinds=KINDS)
    delete_record(session, CLERK, CONTRACT, contract, kinds=KINDS)


def test_a_contact_and_the_catalogue(session: ScopedSession) -> None:
    customer, contract, _ = sell(session)
    contact = create_record(
        session, CLERK, CONTACT,
        {"customer_id": customer, "name": "沈知夏", "email": "a@a.example", "may_enter": True,
         "valid_until": "2027-01-01", "document_kind": "id_card", "document_hint": "002X"},
    )  # fmt: skip
    assert contact["valid_until"] == dt.date(2027, 1, 1)
    change_record(session, CLERK, CONTACT, contact.id, {"document_kind": None, "document_hint": ""})
    offer = create_record(
        session, CLERK, CATALOGUE_ITEM,
        {"code": "CAB", "kind": "cabinet", "name": "整柜", "unit": "cabinet",
         "list_price": "6800.00"},
    )  # fmt: skip
    item = create_record(
        session, CLERK, CONTRACT_ITEM,
        {"contract_id": contract, "code": "X", "catalogue_item_id": offer.id, "starts_on": BEGAN},
    )  # fmt: skip
    assert (item["label"], item["kind"], item["unit"], item["monthly_fee"]) == (
        "整柜", "cabinet", "cabinet", Decimal("6800.00"),
    )  # fmt: skip


def test_orders_and_amendments_are_made_by_their_services_alone(session: ScopedSession) -> None:
    for kind in (SERVICE_ORDER, CONTRACT_AMENDMENT):
        with pytest.raises(ForbiddenError):
            create_record(session, CLERK, kind, {})


def test_each_deed_is_audited_once(session: ScopedSession) -> None:
    _, contract, item = sell(session)
    change_record(session, CLERK, CONTRACT_ITEM, item, {"note": "x"})
    sign(session, contract)
    actions = session.scalars(select(AuditEntry.action).order_by(AuditEntry.id)).all()
    assert actions == [
        "customer.create", "contract.create", "contract_item.create", "contract_item.change",
        "contract.terms", "contract.sign",
    ]  # fmt: skip
