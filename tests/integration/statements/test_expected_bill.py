"""The bill of a running month before it is written: rent by the statement's rule, usage by its
estimate, credits so far; what has no estimate is named."""

import datetime as dt
from decimal import Decimal

import pytest
from sqlalchemy import select

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, ContractItem
from dcim.customers.overview import list_views
from dcim.db import ScopedSession
from dcim.statements.expected_bill import ExpectedBill, Range, expect_bills, sum_up
from dcim.statements.risk_models import CreditRisk
from tests.integration.web.boards import House
from tests.integration.web.test_month_estimate import ALONE, POOL, agree, measure, mid_month

SYSTEM = Scope.system("test")
ENERGY = """
  power:
    title: {zh: 电费, en: Electricity}
    clause: "6.2"
    applies_to: cabinet
    method: energy
    price: 0.85
"""
WITH_ENERGY = ALONE.replace("\ncaps:", ENERGY + "\ncaps:", 1)


@pytest.fixture
def house(session: ScopedSession) -> House:
    return House(session)


def expect(session: ScopedSession, now: dt.datetime, scope: Scope = SYSTEM) -> list[ExpectedBill]:
    return list(expect_bills(session, scope, list_views(session, scope, now), now).values())


def test_rent_usage_and_credits_add_up(house: House, session: ScopedSession) -> None:
    tenant, now = house.add_tenant("A"), mid_month(house)
    agree(session, tenant, ALONE)
    measure(house, tenant, now, [300])
    contract = session.scalars(select(Contract)).one()
    for item in contract.items:
        item.monthly_fee = Decimal("100.00")
    period = f"{now:%Y-%m}"
    session.add(
        CreditRisk(
            customer_id=tenant.customer_id, contract_id=contract.id, period=period, currency="CNY",
            as_of=now, tried_at=now, problem="", owed=Decimal(30), owed_least=Decimal(20),
            owed_most=Decimal(50), at_risk=Decimal(50), window_s=0, dark=0, is_closed=False,
            lines=[], reviews=[],
        )
    )  # fmt: skip
    session.flush()
    [bill] = expect(session, now)
    rent = Decimal("100.00") * len(contract.items)
    assert (bill.period, bill.rent) == (period, rent)
    [usage] = bill.usage
    # 300 Mbit/s less the commit of 100, at 72; at most the port of 1 Gbit/s.
    assert usage.amount == Range(Decimal("0.00"), Decimal("14400.00"), Decimal("64800.00"))
    assert (usage.bps, usage.commit_bps) == (300_000_000, 100_000_000)
    assert bill.total == Range(rent - 50, rent + 14400 - 30, rent + 64800 - 20)
    # The control: credits of another month aren't this one's.
    session.scalars(select(CreditRisk)).one().period = "2020-01"
    session.flush()
    [without] = expect(session, now)
    assert without.credits is None
    assert without.total.likely == rent + 14400


def test_a_pool_is_told_once(house: House, session: ScopedSession) -> None:
    tenant, now = house.add_tenant("A", ports=2), mid_month(house)
    agree(session, tenant, POOL)
    measure(house, tenant, now, [300, 300])
    [bill] = expect(session, now)
    assert [len(one.pool) for one in bill.usage] == [2]


def test_what_has_no_estimate_is_named(house: House, session: ScopedSession) -> None:
    tenant, now = house.add_tenant("A"), mid_month(house)
    agree(session, tenant, WITH_ENERGY)
    measure(house, tenant, now, [300])
    [bill] = expect(session, now)
    assert [one["en"] for one in bill.left_out] == ["Electricity"]
    # The control: where no cabinet runs there is no electricity to be told.
    for item in session.scalars(select(ContractItem).where(ContractItem.kind == "cabinet")):
        item.ends_on = dt.date(2020, 1, 2)
    session.flush()
    [bill] = expect(session, now)
    assert bill.left_out == ()


def test_terms_that_cannot_be_read_expect_nothing(house: House, session: ScopedSession) -> None:
    house.add_tenant("A")
    assert expect(session, mid_month(house)) == []


def test_a_customer_expects_its_own_alone(house: House, session: ScopedSession) -> None:
    tenants, now = [house.add_tenant(name) for name in "AB"], mid_month(house)
    for tenant in tenants:
        agree(session, tenant, ALONE)
    own = Scope.customer("own", tenants[0].customer_id)
    [bill] = expect(session, now, own)
    assert bill.number == "CANARY-A-contract"
    assert len(expect(session, now)) == 2
    # What is asked for beyond the scope brings no usage of it.
    views = list_views(session, SYSTEM, now)
    found = expect_bills(session, own, views, now)
    mine = session.scalars(
        select(Contract.id).where(Contract.customer_id == tenants[0].customer_id)
    ).one()
    assert [bill.usage for key, bill in found.items() if key != mine] in ([], [()])


def test_no_bound_stays_none() -> None:
    one, none = Range(Decimal(1), Decimal(2), Decimal(3)), Range(None, None, None)
    assert sum_up(Decimal(5), [one, none], one) == none
    assert sum_up(Decimal(5), [one], one) == Range(Decimal(3), Decimal(5), Decimal(7))
    open_end = Range(Decimal(1), Decimal(2), None)
    assert sum_up(Decimal(5), [one, open_end], None) == Range(Decimal(7), Decimal(9), None)
