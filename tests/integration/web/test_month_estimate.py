"""What the running month will cost, on the pages of portal and NOC: a range, pools as pools."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from flask import Flask
from sqlalchemy import select

from dcim.accounts.scope import Scope
from dcim.customers.models import Contract, ContractTerms
from dcim.db import ScopedSession
from dcim.metering.models import Series
from dcim.network.models import Port
from dcim.sla.usage_to_date import bill_to_date
from tests.integration.web.boards import Counter, House, Tenant
from tests.integration.web.conftest import Login, sign_in

MakeLogin = Callable[..., Login]
SYSTEM = Scope.system("test")
TERMS = Path(__file__).parents[3] / "dcim" / "demo" / "terms" / "standard.yaml"
ALONE = TERMS.read_text("utf-8")
POOL = ALONE.replace("    commit: item ", "    pool: contract\n    commit: item ")
GROUP = ALONE.replace("    commit: item ", "    pool: metro-a\n    commit: item ")


@pytest.fixture
def house(session: ScopedSession) -> House:
    return House(session)


def mid_month(house: House) -> dt.datetime:
    """Noon of a day in the middle of the month before: a month that is far from its edges."""
    first = house.now.replace(day=1) - dt.timedelta(days=10)
    return first.replace(day=15, hour=4, minute=0, second=0, microsecond=0)


def agree(session: ScopedSession, tenant: Tenant, document: str) -> None:
    contract = session.scalars(
        select(Contract).where(Contract.customer_id == tenant.customer_id)
    ).one()
    session.add(
        ContractTerms(
            contract_id=contract.id,
            customer_id=tenant.customer_id,
            version=1,
            effective_from=dt.date(2020, 1, 1),
            document=document,
            sha256="0" * 64,
        )
    )
    session.commit()


def measure(house: House, tenant: Tenant, now: dt.datetime, mbps: list[int]) -> None:
    """Each port at a steady rate for the three hours before `now`, a sample a minute."""
    newest = round(now.timestamp() * 1000)
    for port, rate in zip(tenant.ports, mbps, strict=True):
        series = house.session.scalars(
            select(Series.id).where(Series.port_id == port, Series.family == "traffic")
        ).one()
        octets = rate * 10**6 // 8 * 60
        house.store.append(
            house.session,
            "traffic",
            [(series, newest - 60_000 * k, 60_000, 0, octets, 0, 0, 0) for k in range(180)],
        )
    house.session.commit()


def test_the_estimate_is_a_range_around_the_forecast(house: House, session: ScopedSession) -> None:
    tenant, now = house.add_tenant("A"), mid_month(house)
    agree(session, tenant, ALONE)
    measure(house, tenant, now, [300])
    [usage] = bill_to_date(session, SYSTEM, tenant.service_ids, now).values()
    found = usage.estimate
    assert found is not None
    assert found.most is not None
    assert found.forecast is not None
    # The same again: 300 Mbit/s less the commit of 100, at 72. All still to come may be nothing,
    # or the port of 1 Gbit/s to the end: (1000 - 100) x 72.
    assert found.forecast.amount == Decimal("14400.00")
    assert found.least_amount == Decimal("0.00")
    assert found.most_amount == Decimal("64800.00")


def test_a_port_whose_speed_is_unknown_has_no_upper_end(
    house: House, session: ScopedSession
) -> None:
    tenant, now = house.add_tenant("A"), mid_month(house)
    agree(session, tenant, ALONE)
    session.get_one(Port, tenant.ports[0]).speed_bps = 0
    measure(house, tenant, now, [300])
    [usage] = bill_to_date(session, SYSTEM, tenant.service_ids, now).values()
    assert usage.estimate is not None
    assert usage.estimate.most is None


def test_a_pool_is_billed_as_one_also_where_one_service_is_asked_for(
    house: House, session: ScopedSession
) -> None:
    tenant, now = house.add_tenant("A", 2), mid_month(house)
    agree(session, tenant, POOL)
    measure(house, tenant, now, [300, 50])
    one, two = (
        bill_to_date(session, SYSTEM, [each], now)[each] for each in sorted(tenant.service_ids)
    )
    assert one.pool == two.pool == ("CANARY-A-svc0", "CANARY-A-svc1")
    assert one.bill is not None
    assert two.bill is not None
    # 300 + 50 less twice the commit of 100; alone the first would be 200 over.
    assert one.bill.over_bps == two.bill.over_bps == 150 * 10**6
    assert one.estimate is not None
    assert one.estimate.forecast is not None
    assert one.estimate.forecast.amount == Decimal("10800.00")


def test_without_a_pool_each_is_billed_alone(house: House, session: ScopedSession) -> None:
    """The control of the pool."""
    tenant, now = house.add_tenant("A", 2), mid_month(house)
    agree(session, tenant, ALONE)
    measure(house, tenant, now, [300, 50])
    found = bill_to_date(session, SYSTEM, tenant.service_ids, now)
    over = [one.bill.over_bps for one in found.values() if one.bill is not None]
    assert sorted(over, key=lambda bps: bps or 0) == [0, 200 * 10**6]
    assert {one.pool for one in found.values()} == {()}


def test_what_cannot_be_estimated_says_so(house: House, session: ScopedSession) -> None:
    tenant, now = house.add_tenant("A"), mid_month(house)
    agree(session, tenant, GROUP)
    [usage] = bill_to_date(session, SYSTEM, tenant.service_ids, now).values()
    assert usage.bill is None
    assert usage.estimate is None
    assert "metro-a" in usage.problem


def test_a_stranger_sees_neither_service_nor_pool(house: House, session: ScopedSession) -> None:
    tenant, other = house.add_tenant("A"), house.add_tenant("B")
    scope = Scope.customer("them", other.customer_id)
    assert bill_to_date(session, scope, tenant.service_ids, mid_month(house)) == {}


def test_queries_do_not_grow_with_the_services(house: House, session: ScopedSession) -> None:
    now, counts = mid_month(house), []
    for tag, ports in (("A", 1), ("B", 5)):
        tenant = house.add_tenant(tag, ports)
        agree(session, tenant, POOL)
        session.expire_all()
        with Counter(session.get_bind().engine) as counter:
            found = bill_to_date(session, SYSTEM, tenant.service_ids, now)
        assert len(found) == ports
        counts.append(counter.count)
    assert counts[0] == counts[1]


def test_the_pages_show_the_range_and_how_it_was_found(
    app: Flask, make_login: MakeLogin, house: House, session: ScopedSession
) -> None:
    tenant = house.add_tenant("A", 2)
    agree(session, tenant, POOL)
    client = app.test_client()
    sign_in(client, make_login("customer_viewer", customer_id=tenant.customer_id))
    page = client.get("/portal/bandwidth?lang=en").get_data(as_text=True)
    assert page.count("What this month will cost") == 1
    assert page.count("Billed as one: CANARY-A-svc0, CANARY-A-svc1") == 1
    staff = app.test_client()
    sign_in(staff, make_login("noc"))
    board = staff.get(f"/noc/ports/{tenant.ports[0]}").get_data(as_text=True)
    for text in (page, board):
        assert "the last seven days come again" in text or "No estimate" in text
