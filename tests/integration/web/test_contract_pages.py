"""Contracts and orders by their pages: drafted to signed, amended with a look before, refused."""

import datetime as dt
import io
import re
import zipfile
from collections.abc import Callable
from decimal import Decimal

import pytest
from flask import Flask
from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import Range

from dcim.accounts.models import AuditEntry
from dcim.customers.calendar import add_months, open_month
from dcim.customers.models import (
    Contact,
    Contract,
    ContractAmendment,
    ContractItem,
    ContractTerms,
    Customer,
    ItemVersion,
)
from dcim.db import SessionFactory, transaction
from dcim.network.address_models import AddressAssignment
from dcim.operations.models import OrderStep, ServiceOrder
from tests.integration.web.conftest import Login, sign_in
from tests.integration.web.staff_house import HOSTILE, SCOPE, StaffHouse, build_staff_house
from tests.integration.web.test_staff_forms import Person
from tests.integration.web.test_staff_pages import counted

MakeLogin = Callable[..., Login]


def next_month() -> dt.date:
    """Its first day, as seen when a test runs."""
    return add_months(open_month("Asia/Shanghai"), 1)


@pytest.fixture
def house(sessions: SessionFactory) -> StaffHouse:
    return build_staff_house(sessions, 2)


@pytest.fixture
def administrator(app: Flask, make_login: MakeLogin) -> Person:
    return Person(app, make_login("administrator"))


def contract_of(sessions: SessionFactory, number: str = "HT-1") -> tuple[int, int]:
    """The contract's id and its first item's."""
    with transaction(sessions, SCOPE) as session:
        found = session.scalars(select(Contract).where(Contract.number == number)).one()
        return found.id, found.items[0].id


def read(person: Person, path: str) -> str:
    answer = person.client.get(path)
    assert answer.status_code == 200, path
    page = answer.get_data(as_text=True)
    assert HOSTILE not in page
    return page


def test_a_draft_gets_terms_and_is_signed(
    sessions: SessionFactory, house: StaffHouse, administrator: Person
) -> None:
    with transaction(sessions, SCOPE) as session:
        contract = Contract(
            customer_id=house.customers[0], number="HT-9", starts_on=dt.date(2026, 1, 1),
            state="draft",
        )  # fmt: skip
        session.add(contract)
        session.flush()
        session.add(
            ContractItem(
                contract_id=contract.id, customer_id=contract.customer_id, code="HT-9-01",
                kind="cabinet", label="柜", label_en="Cabinet", monthly_fee=Decimal(100),
                starts_on=contract.starts_on,
            )
        )  # fmt: skip
        path = f"/staff/contracts/{contract.id}"
    assert "Draft" in read(administrator, path)
    refused = administrator.post(f"{path}/sign", signed_on="2026-01-02")
    assert refused.status_code == 409
    assert "has no terms from its first day on" in refused.get_data(as_text=True)
    page = read(administrator, f"{path}/terms?from=standard")
    assert "terms: standard" in page
    unfinished = {"effective_from": "2026-01-01", "document": "terms: [unfinished"}
    wrong = administrator.post(f"{path}/terms", **unfinished)
    assert wrong.status_code == 422
    assert "not readable as YAML" in wrong.get_data(as_text=True)
    # A part of the page leaves the text where it is; a whole one gives it back.
    whole = administrator.client.post(
        f"{path}/terms", data={"csrf_token": administrator.token, **unfinished}
    )
    assert whole.status_code == 422
    assert "terms: [unfinished" in whole.get_data(as_text=True)
    with transaction(sessions, SCOPE) as session:
        document = session.scalars(select(ContractTerms.document)).first()
    given = administrator.post(f"{path}/terms", effective_from="2026-01-01", document=document)
    assert given.headers["HX-Redirect"] == path
    assert administrator.post(f"{path}/sign", signed_on="2026-01-02").headers["HX-Redirect"] == path
    assert "In force" in read(administrator, path)


def test_an_amendment_is_looked_at_before_it_is_saved(
    sessions: SessionFactory, house: StaffHouse, administrator: Person
) -> None:
    contract, item = contract_of(sessions)
    path = f"/staff/contracts/{contract}/amend"
    assert 'value="100.00"' in read(administrator, path)
    given = {
        "effective_from": next_month().isoformat(), "number": "HT-1-A1", "summary": "调价",
        f"quantity-{item}": "1", f"unit_price-{item}": "", f"monthly_fee-{item}": "130.00",
        f"contracted_w-{item}": "2000",
    }  # fmt: skip
    shown = administrator.post(path, **given)
    text = shown.get_data(as_text=True)
    assert shown.status_code == 200
    assert "30.00" in text
    assert "2000 W" in text

    def count() -> int:
        with transaction(sessions, SCOPE) as session:
            return session.scalar(select(func.count()).select_from(ItemVersion)) or 0

    assert count() == 0
    assert administrator.post(path, **given, save="yes").headers["HX-Redirect"]
    # What ran until then, and what comes.
    assert count() == 2
    page = read(administrator, f"/staff/contracts/{contract}")
    assert f"from {next_month()}" in page
    assert "HT-1-A1" in page
    with transaction(sessions, SCOPE) as session:
        assert session.get_one(ContractItem, item).monthly_fee == 100
        assert session.scalars(select(ContractAmendment.number)).all() == ["HT-1-A1"]
    same = administrator.post(path, **{**given, f"monthly_fee-{item}": "140"}, save="yes")
    assert same.status_code == 409
    assert "very day" in same.get_data(as_text=True)
    for wrong in ("1e5000", "NaN", "-1", "1.234", "x" * 100, "１２"):
        answer = administrator.post(path, **{**given, f"monthly_fee-{item}": wrong})
        assert answer.status_code in (409, 422), wrong
    other_day = administrator.post(path, **{**given, "effective_from": "2026-12-02"})
    assert other_day.status_code == 422


def test_only_who_may_change_contracts_does(
    app: Flask, sessions: SessionFactory, house: StaffHouse, make_login: MakeLogin
) -> None:
    contract, _ = contract_of(sessions)
    clerk = Person(app, make_login("staff"))
    assert f"/staff/contracts/{contract}/amend" not in read(clerk, f"/staff/contracts/{contract}")
    assert clerk.client.get(f"/staff/contracts/{contract}/amend").status_code == 403
    assert clerk.post(f"/staff/contracts/{contract}/end", ends_on="2027-01-01").status_code == 403
    assert clerk.client.get("/staff/exports/regulator").status_code == 403


def test_space_that_is_theirs_keeps_a_contract_from_ending(
    sessions: SessionFactory, house: StaffHouse, administrator: Person
) -> None:
    contract, item = contract_of(sessions)
    for path in (f"/staff/contracts/{contract}/end", f"/staff/contract-items/{item}/end"):
        answer = administrator.post(path, ends_on=next_month().isoformat())
        assert answer.status_code == 409
        assert "A-01 U1–10 is allocated by item HT-1-01" in answer.get_data(as_text=True)


def test_renewals_are_told_and_a_term_is_renewed(
    sessions: SessionFactory, house: StaffHouse, administrator: Person
) -> None:
    contract, _ = contract_of(sessions)
    with transaction(sessions, SCOPE) as session:
        found = session.get_one(Contract, contract)
        found.ends_on, found.notice_days = next_month(), 0
    page = read(administrator, "/staff/contracts/renewals?within=40")
    assert "HT-1" in page
    assert "HT-2" not in page
    assert administrator.post(f"/staff/contracts/{contract}/renew", months="12").headers[
        "HX-Redirect"
    ]
    assert "Nothing is due" in read(administrator, "/staff/contracts/renewals?within=40")


def test_a_suspension_from_asking_to_done(
    app: Flask, sessions: SessionFactory, house: StaffHouse, administrator: Person,
    make_login: MakeLogin,
) -> None:  # fmt: skip
    customer = house.customers[0]
    new = f"/staff/customers/{customer}/orders/new"
    today = dt.datetime.now(dt.UTC).astimezone(dt.timezone(dt.timedelta(hours=8))).date()
    asked = administrator.post(
        new, kind="suspend", contract_id="0", effective_on=today.isoformat(), reason="欠费"
    )
    path = asked.headers["HX-Redirect"]
    assert "Switch off the outlets" in read(administrator, path)
    # Whoever works in the room ticks; who isn't allowed to decide doesn't approve.
    clerk = Person(app, make_login("staff"))
    assert clerk.post(f"{path}/approve").status_code == 403
    with transaction(sessions, SCOPE) as session:
        steps = session.scalars(select(OrderStep.id).order_by(OrderStep.position)).all()
    early = clerk.post(f"{path}/steps/{steps[0]}", do="done")
    assert early.status_code == 409
    assert "under way" in early.get_data(as_text=True)
    assert administrator.post(f"{path}/approve").headers["HX-Redirect"] == path
    open_still = administrator.post(f"{path}/finish")
    assert open_still.status_code == 409
    assert "steps are open" in open_still.get_data(as_text=True)
    assert clerk.post(f"{path}/steps/{steps[0]}", do="skip").status_code == 422
    for step in steps:
        done = clerk.post(f"{path}/steps/{step}", do="done", note=f"ok {HOSTILE}")
        assert done.headers["HX-Redirect"].startswith(path)
    read(administrator, path)
    assert administrator.post(f"{path}/finish").headers["HX-Redirect"] == path
    with transaction(sessions, SCOPE) as session:
        assert session.get_one(Customer, customer).state == "suspended"
        assert session.scalars(select(ServiceOrder.state)).all() == ["done"]
    assert "Suspended" in read(administrator, f"/staff/customers/{customer}")
    assert clerk.client.get(f"{path}9999").status_code == 404


def test_the_regulators_sheets_open_in_a_spreadsheet_and_run_nothing(
    sessions: SessionFactory, house: StaffHouse, administrator: Person
) -> None:
    with transaction(sessions, SCOPE) as session:
        first = session.get_one(Customer, house.customers[0])
        first.legal_name, first.business = "=HYPERLINK(1)", "+86"
        first.credit_code = "91310000000000000U"
        session.get_one(Customer, house.customers[1]).state = "prospect"
        for network, since, until in (
            ("192.0.2.16/29", dt.datetime(2026, 3, 1, 17, tzinfo=dt.UTC), None),
            ("192.0.2.7/32", dt.datetime(2026, 1, 1, tzinfo=dt.UTC),
             dt.datetime(2026, 2, 1, tzinfo=dt.UTC)),
        ):  # fmt: skip
            session.add(
                AddressAssignment(
                    network=network, customer_id=first.id, hostname="=gw",
                    period=Range(since, until),
                )
            )  # fmt: skip
    read(administrator, "/staff/exports/regulator")
    answer = administrator.post("/staff/exports/regulator")
    archive = zipfile.ZipFile(io.BytesIO(answer.data))
    assert sorted(archive.namelist()) == [
        "IP地址.csv", "带宽.csv", "机房.csv", "机柜.csv", "用户.csv",
    ]  # fmt: skip
    raw = archive.read("用户.csv")
    assert raw.startswith(b"\xef\xbb\xbf")
    head, *rows = raw.decode("utf-8-sig").split("\r\n")
    assert head.startswith("用户编号,单位名称,用户属性")
    (row,) = [line for line in rows if line]
    assert row.startswith("C1,'=HYPERLINK(1),企业,统一社会信用代码,91310000000000000U,")
    assert ",'+86," in row
    cabinets = archive.read("机柜.csv").decode("utf-8-sig")
    assert "M1,A-01,A-01,20,出租,占用,C1,'=HYPERLINK(1),U1–10," in cabinets
    # Whose time is over has it no more; the day is the house's.
    addresses = archive.read("IP地址.csv").decode("utf-8-sig").split("\r\n")
    assert addresses[1:] == ["192.0.2.16/29,C1,'=HYPERLINK(1),'=gw,2026-03-02,", ""]
    with transaction(sessions, SCOPE) as session:
        entry = session.scalars(
            select(AuditEntry).where(AuditEntry.action == "regulator.export")
        ).one()
        assert entry.detail["rows"] == {
            "机房": 1, "机柜": 2, "用户": 1, "带宽": 0, "IP地址": 1,
        }  # fmt: skip


def test_a_customer_reads_its_own_contracts(
    app: Flask, sessions: SessionFactory, house: StaffHouse, make_login: MakeLogin
) -> None:
    with transaction(sessions, SCOPE) as session:
        session.add(
            Contract(
                customer_id=house.customers[0],
                number="HT-DRAFT",
                starts_on=next_month(),
                state="draft",
            )
        )
        session.add(Contact(customer_id=house.customers[1], name="Somebody Else", email=""))
        session.add(
            Contact(customer_id=house.customers[0], name="Own Person", email="", may_enter=True)
        )
    client = app.test_client()
    sign_in(client, make_login("customer_viewer", customer_id=house.customers[0]))
    page = client.get("/portal/contracts").get_data(as_text=True)
    assert "HT-1" in page
    assert "100.00" in page
    assert "Own Person" in page
    for hidden in ("HT-2", "HT-DRAFT", "Somebody Else"):
        assert hidden not in page
    contract, _ = contract_of(sessions)
    assert client.get(f"/staff/contracts/{contract}").status_code == 404


def test_a_contract_page_costs_the_same_for_any_number_of_items(
    sessions: SessionFactory, house: StaffHouse, administrator: Person
) -> None:
    contract, _ = contract_of(sessions)
    path = f"/staff/contracts/{contract}"
    read(administrator, path)
    with counted(sessions) as few:
        read(administrator, path)
    with transaction(sessions, SCOPE) as session:
        session.add_all(
            ContractItem(
                contract_id=contract, customer_id=house.customers[0], code=f"X-{n}",
                kind="service", label="x", label_en="x", monthly_fee=Decimal(1),
                starts_on=dt.date(2026, 1, 1),
            )
            for n in range(30)
        )  # fmt: skip
    with counted(sessions) as many:
        page = read(administrator, path)
    assert len(re.findall(r"X-\d+", page)) == 30
    assert len(many) == len(few)
