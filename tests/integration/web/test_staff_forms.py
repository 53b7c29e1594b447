"""Install, hold, allocate, move, remove, add: success, refusals in names, nothing typed is lost."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from ipaddress import ip_network

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import func, select
from werkzeug.test import TestResponse

from dcim.accounts.models import AuditEntry, SealedSecret
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.db import SessionFactory, transaction
from dcim.inventory.models import Allocation, Device, Hold, Installation
from dcim.network.models import Port
from dcim.network.order_models import CrossConnect, CrossConnectEnd
from dcim.power.models import Outlet, PowerNode
from dcim.snmp.agents.models import SnmpAgent
from tests.integration.web.conftest import Login, sign_in
from tests.integration.web.staff_house import SCOPE, StaffHouse, build_staff_house

MakeLogin = Callable[..., Login]
SECRET = "correct-horse-of-this-test"


@pytest.fixture
def house(sessions: SessionFactory) -> StaffHouse:
    return build_staff_house(sessions, 2)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    return replace(settings, snmp_allowed=(ip_network("10.0.0.0/8"),))


class Person:
    """A signed-in browser that keeps the CSRF token."""

    def __init__(self, app: Flask, login: Login) -> None:
        self.client: FlaskClient = app.test_client()
        sign_in(self.client, login)
        page = self.client.get("/staff/devices").get_data(as_text=True)
        if 'csrf-token" content="' not in page:
            page = self.client.get("/login").get_data(as_text=True)
        self.token = page.split('csrf-token" content="', 1)[1].split('"', 1)[0]

    def post(self, path: str, **data: object) -> TestResponse:
        return self.client.post(
            path, data={"csrf_token": self.token, **data}, headers={"HX-Request": "true"}
        )


@pytest.fixture
def staff(app: Flask, make_login: MakeLogin) -> Person:
    return Person(app, make_login("staff"))


@pytest.fixture
def administrator(app: Flask, make_login: MakeLogin) -> Person:
    return Person(app, make_login("administrator"))


def install_path(house: StaffHouse) -> str:
    return f"/staff/cabinets/{house.cabinets[0]}/install"


def mount(
    house: StaffHouse, u: object, device: str = "SN-SPARE", **rest: object
) -> dict[str, object]:
    return {
        "device": device,
        "rack_id": house.racks[0],
        "u": u,
        "face": "full",
        "side": "full",
        **rest,
    }


def next_month() -> str:
    return (dt.date.today() + dt.timedelta(days=30)).isoformat()  # noqa: DTZ011


def test_install_by_serial_number(
    house: StaffHouse, staff: Person, sessions: SessionFactory
) -> None:
    answer = staff.post(install_path(house), **mount(house, 5))
    assert answer.headers["HX-Redirect"] == f"/staff/cabinets/{house.cabinets[0]}"
    with transaction(sessions, SCOPE) as session:
        done = session.scalars(
            select(Installation).where(Installation.device_id == house.spare_id)
        ).one()
        assert (done.rack_id, done.u_low) == (house.racks[0], 8)
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert entry is not None
        assert entry.action == "device.install"
        assert entry.actor == "staff-0@example.com"


def test_without_htmx_the_answer_is_a_redirect(house: StaffHouse, staff: Person) -> None:
    data = {"csrf_token": staff.token, **mount(house, 5)}
    answer = staff.client.post(install_path(house), data=data)
    assert answer.status_code == 303
    assert "is installed: U5–6" in staff.client.get(answer.location).get_data(as_text=True)


def test_a_taken_place_is_refused_in_the_holders_name_and_keeps_what_was_typed(
    house: StaffHouse, staff: Person, sessions: SessionFactory
) -> None:
    answer = staff.post(install_path(house), **mount(house, 4))
    page = answer.get_data(as_text=True)
    assert answer.status_code == 409
    assert "is taken by server-01 &lt;script&gt;" in page
    assert "<html" not in page
    assert 'value="SN-SPARE"' in page
    assert 'value="4"' in page
    assert '<option selected value="full">' in page
    with transaction(sessions, SCOPE) as session:
        assert session.scalar(select(func.count()).select_from(Installation)) == 2


def test_anothers_space_is_refused_and_only_some_may_override(
    house: StaffHouse, staff: Person, administrator: Person, sessions: SessionFactory
) -> None:
    path = f"/staff/cabinets/{house.cabinets[1]}/install"
    there = {**mount(house, 7), "rack_id": house.racks[1]}
    refused = staff.post(path, **there)
    assert refused.status_code == 409
    assert "is allocated to 客户2" in refused.get_data(as_text=True)
    sneaked = staff.post(path, **there, override="because")
    assert sneaked.status_code == 403
    assert "because" in sneaked.get_data(as_text=True)
    assert administrator.post(path, **there, override="   ").status_code == 409
    done = administrator.post(path, **there, override="move at night, agreed by phone")
    assert done.headers["HX-Redirect"]
    with transaction(sessions, SCOPE) as session:
        entry = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert entry is not None
        assert entry.detail["override"] == "move at night, agreed by phone"


@pytest.mark.parametrize(
    ("u", "words"),
    [
        ("", "needs a U position"),
        ("20", "does not fit into A-01"),
        ("0", "From 1 to 60."),
        ("-3", "From 1 to 60."),
        ("10.25", "Only whole and half U"),
        ("ten", "Not a valid decimal value"),
        ("1e400", "From 1 to 60."),
        ("NaN", ""),
    ],
)
def test_bad_places_are_told_and_kept(house: StaffHouse, staff: Person, u: str, words: str) -> None:
    answer = staff.post(install_path(house), **mount(house, u))
    page = answer.get_data(as_text=True)
    assert answer.status_code == 422
    assert words in page
    assert 'value="SN-SPARE"' in page


def test_unknown_devices_and_racks_are_told(house: StaffHouse, staff: Person) -> None:
    answer = staff.post(install_path(house), **mount(house, 5, device="<b>nobody"))
    assert answer.status_code == 422
    assert "No device is marked &lt;b&gt;nobody" in answer.get_data(as_text=True)
    foreign = {**mount(house, 5), "rack_id": house.racks[1]}
    assert staff.post(install_path(house), **foreign).status_code == 422


def test_noc_sees_the_cabinet_but_installs_nothing(
    app: Flask, make_login: MakeLogin, house: StaffHouse
) -> None:
    noc = Person(app, make_login("noc"))
    page = noc.client.get(f"/staff/cabinets/{house.cabinets[0]}").get_data(as_text=True)
    assert "/install" not in page
    assert noc.post(install_path(house), **mount(house, 5)).status_code == 403
    assert noc.client.get(install_path(house)).status_code == 403


def test_a_post_without_the_token_changes_nothing(
    house: StaffHouse, staff: Person, sessions: SessionFactory
) -> None:
    answer = staff.client.post(install_path(house), data=mount(house, 5))
    assert answer.status_code == 400
    assert staff.client.post(f"/staff/devices/{house.devices[0]}/remove").status_code == 400
    with transaction(sessions, SCOPE) as session:
        assert session.scalar(select(func.count()).select_from(Installation)) == 2


def test_hold_release_and_hold_into_a_sale(
    house: StaffHouse, staff: Person, sessions: SessionFactory
) -> None:
    path = f"/staff/cabinets/{house.cabinets[0]}/hold"
    wanted = {
        "rack_id": house.racks[0],
        "u": 15,
        "units": 4,
        "prospect": "纸鸢 <i>",
        "until": next_month(),
        "reason": "offer",
    }
    assert staff.post(path, **wanted).headers["HX-Redirect"]
    again = staff.post(path, **{**wanted, "prospect": "Someone else"})
    assert again.status_code == 409
    page = again.get_data(as_text=True)
    assert "is held for 纸鸢 &lt;i&gt; by staff-0@example.com" in page
    assert 'value="Someone else"' in page
    past = staff.post(path, **{**wanted, "u": 19, "units": 1, "until": "2020-01-01"})
    assert past.status_code == 422
    with transaction(sessions, SCOPE) as session:
        hold_id = session.scalars(select(Hold.id)).one()
    sale = {
        "rack_id": house.racks[0],
        "u": 15,
        "units": 4,
        "item": house.items[0],
        "starts_on": "2026-11-01",
        "hold_id": 0,
    }
    sell = f"/staff/cabinets/{house.cabinets[0]}/allocate"
    assert staff.post(sell, **sale).status_code == 409
    assert staff.post(sell, **{**sale, "hold_id": hold_id}).headers["HX-Redirect"]
    with transaction(sessions, SCOPE) as session:
        assert session.scalar(select(func.count()).select_from(Hold)) == 0
        assert session.scalar(select(func.count()).select_from(Allocation)) == 3
    assert staff.post(path, **{**wanted, "u": 19, "units": 2}).headers["HX-Redirect"]
    with transaction(sessions, SCOPE) as session:
        hold_id = session.scalars(select(Hold.id)).one()
    assert staff.post(f"/staff/holds/{hold_id}/release").headers["HX-Redirect"]
    assert staff.post(f"/staff/holds/{hold_id}/release").status_code == 404


def test_a_refused_sale_leaves_the_hold_it_would_have_consumed(
    house: StaffHouse, staff: Person, sessions: SessionFactory
) -> None:
    staff.post(
        f"/staff/cabinets/{house.cabinets[0]}/hold",
        rack_id=house.racks[0], u=15, units=2, prospect="Kite", until=next_month(),
    )  # fmt: skip
    with transaction(sessions, SCOPE) as session:
        hold_id = session.scalars(select(Hold.id)).one()
    answer = staff.post(
        f"/staff/cabinets/{house.cabinets[0]}/allocate",
        rack_id=house.racks[0], u=8, units=8, item=house.items[1], starts_on="2026-11-01",
        hold_id=hold_id,
    )  # fmt: skip
    assert answer.status_code == 409
    assert "is allocated to 客户1" in answer.get_data(as_text=True)
    with transaction(sessions, SCOPE) as session:
        assert session.scalar(select(func.count()).select_from(Hold)) == 1


def test_move_and_remove(house: StaffHouse, staff: Person, sessions: SessionFactory) -> None:
    device = house.devices[0]
    path = f"/staff/devices/{device}/move"
    place = {"rack": "A-02", "u": 3, "face": "full", "side": "full"}
    refused = staff.post(path, **place)
    assert refused.status_code == 409
    assert "is taken by server-02" in refused.get_data(as_text=True)
    with transaction(sessions, SCOPE) as session:
        standing = session.scalars(
            select(Installation).where(Installation.device_id == device)
        ).one()
        assert standing.rack_id == house.racks[0]
    assert staff.post(path, **{**place, "rack": "Z-99"}).status_code == 422
    assert staff.post(path, **{**place, "rack": "A-01", "u": 8}).headers["HX-Redirect"]
    assert staff.post(f"/staff/devices/{device}/remove").headers["HX-Redirect"]
    assert staff.post(f"/staff/devices/{device}/remove").status_code == 409


def test_cords_come_out_with_the_device(
    house: StaffHouse, staff: Person, sessions: SessionFactory
) -> None:
    """Within its rack the cords stay (the control); out of it they go, and it is said."""
    device = house.devices[0]

    def cords() -> int:
        with transaction(sessions, SCOPE) as session:
            count = select(func.count()).where(Outlet.device_id == device)
            return session.scalar(count) or 0

    with transaction(sessions, SCOPE) as session:
        port = session.scalars(select(Port).where(Port.device_id == device)).one()
        order = CrossConnect(
            number="XC-9", customer_id=house.customers[0], media="smf", state="patched",
            requested_by="x", requested_at=utc_now(),
        )  # fmt: skip
        session.add(order)
        session.flush()
        order.ends = [CrossConnectEnd(side="a", port_id=port.id, customer_id=house.customers[0])]
        name = port.name
    before, place = cords(), {"face": "full", "side": "full"}
    assert before > 0
    path = f"/staff/devices/{device}/move"
    assert staff.post(path, rack="A-01", u=8, **place).headers["HX-Redirect"]
    assert cords() == before
    page = staff.post(path, rack="A-02", u=15, **place).headers["HX-Redirect"]
    assert cords() == 0
    told = staff.client.get(page).get_data(as_text=True)
    assert "Unplugged, free now: PDU-A-01-" in told
    assert f" {name} (XC-9)" in told
    with transaction(sessions, SCOPE) as session:
        deed = session.scalars(select(AuditEntry).where(AuditEntry.action == "power.unplug")).one()
        assert len(deed.detail["outlets"]) == before
        outlet = session.scalars(
            select(Outlet)
            .join(PowerNode, PowerNode.id == Outlet.pdu_id)
            .where(PowerNode.rack_id == house.racks[1], Outlet.device_id.is_(None))
        ).first()
        assert outlet is not None
        outlet.device_id = device
    page = staff.post(f"/staff/devices/{device}/remove").headers["HX-Redirect"]
    assert cords() == 0
    assert "Unplugged, free now: PDU-A-02-" in staff.client.get(page).get_data(as_text=True)


def test_enter_a_device(house: StaffHouse, staff: Person, sessions: SessionFactory) -> None:
    with transaction(sessions, SCOPE) as session:
        kind = session.scalars(select(Device.device_type_id)).first()
    wanted = {"name": "new-01", "device_type_id": kind, "role": "app", "serial": "SN1"}
    taken = staff.post("/staff/devices/new", customer_id=0, **wanted)
    assert taken.status_code == 409
    assert "SN1 marks another device." in taken.get_data(as_text=True)
    assert 'value="new-01"' in taken.get_data(as_text=True)
    wanted["serial"] = ""
    assert staff.post("/staff/devices/new", customer_id=0, **wanted).headers["HX-Redirect"]
    assert staff.post("/staff/devices/new", customer_id=0, name="x").status_code == 422


def test_add_an_agent_without_ever_showing_the_secret(
    house: StaffHouse, administrator: Person, sessions: SessionFactory
) -> None:
    wanted = {
        "device": "SN1", "address": "10.1.2.3", "udp_port": 161, "credential_id": 0,
        "new_name": "rack PDUs", "version": "2c", "community": SECRET,
        "auth_protocol": "none", "priv_protocol": "none",
    }  # fmt: skip
    outside = administrator.post("/staff/agents/new", **{**wanted, "address": "8.8.8.8"})
    assert outside.status_code == 403
    assert "outside the management networks" in outside.get_data(as_text=True)
    assert SECRET not in outside.get_data(as_text=True)
    assert 'value="8.8.8.8"' in outside.get_data(as_text=True)
    with transaction(sessions, SCOPE) as session:
        # The credential of a refused agent isn't left behind.
        assert session.scalar(select(func.count()).select_from(SealedSecret)) == 0
    assert administrator.post("/staff/agents/new", **wanted).headers["HX-Redirect"]
    twice = administrator.post("/staff/agents/new", **{**wanted, "new_name": "other"})
    assert twice.status_code == 409
    with transaction(sessions, SCOPE) as session:
        agent = session.scalars(select(SnmpAgent)).one()
        assert agent.address == "10.1.2.3"
        told = str([entry.detail for entry in session.scalars(select(AuditEntry))])
    for path in ("/staff/agents", f"/staff/devices/{house.devices[0]}", "/staff/audit"):
        assert SECRET not in administrator.client.get(path).get_data(as_text=True)
    assert SECRET not in told


def test_who_may_not_manage_credentials_chooses_among_those_there_are(
    house: StaffHouse, staff: Person
) -> None:
    assert "new_name" not in staff.client.get("/staff/agents/new").get_data(as_text=True)
    answer = staff.post(
        "/staff/agents/new", device="SN1", address="10.1.2.3", udp_port=161, credential_id=0,
        new_name="mine", version="2c", community=SECRET, auth_protocol="none",
        priv_protocol="none",
    )  # fmt: skip
    assert answer.status_code == 422
