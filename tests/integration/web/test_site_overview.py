"""All sites at a glance: what is wrong, since when, who is hit, what it may cost; at what cost."""

import datetime as dt
from decimal import Decimal

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from dcim.alarms.defaults import ensure_rules
from dcim.alarms.models import Alarm, AlarmRule
from dcim.customers.models import Contract
from dcim.db import ScopedSession
from dcim.inventory.models import Cabinet, Device, Installation, Rack, Room, Row, Site
from dcim.metering.models import Series
from dcim.network.models import ServiceMembership
from dcim.operations.models import Maintenance, MaintenanceTarget
from dcim.sla.models import Incident
from dcim.snmp.agents.models import SnmpAgent, SnmpCredential
from dcim.statements.risk_models import CreditRisk
from tests.integration.web.boards import HOSTILE, Counter, House
from tests.integration.web.test_noc_pages import tag_of

PATH = "/noc/overview"


@pytest.fixture
def house(session: ScopedSession) -> House:
    """S1 with a switch that stands in it, and a second site where nothing is."""
    made = House(session)
    session.add(Site(code="S2", name="二站", name_en=f"Second {HOSTILE}"))
    stand(made, made.switch, "OPERATOR-NET")
    ensure_rules(session)
    session.commit()
    return made


def stand(house: House, device: Device, code: str) -> None:
    cabinet = Cabinet(row_id=house.row_id, code=code, position=90 + device.id)
    house.session.add(cabinet)
    house.session.flush()
    rack = Rack(cabinet_id=cabinet.id, code="1", u_count=42)
    house.session.add(rack)
    house.session.flush()
    house.session.add(
        Installation(
            device_id=device.id, rack_id=rack.id, u_low=0, height=2, installed_at=house.now
        )
    )
    house.session.commit()


def poll(house: House, device: Device, answered: dt.datetime | None, *, silent: int = 0) -> None:
    credential = house.session.scalars(select(SnmpCredential)).first()
    if credential is None:
        credential = SnmpCredential(name="c", version="2c")
        house.session.add(credential)
        house.session.flush()
    house.session.add(
        SnmpAgent(
            device_id=device.id, credential_id=credential.id, address=f"10.0.0.{device.id}",
            last_poll_at=house.now, last_answer_at=answered, silent_polls=silent,
        )
    )  # fmt: skip
    house.session.commit()


def raise_alarm(house: House, port_id: int, **fields: object) -> Alarm:
    rule = house.session.scalars(select(AlarmRule).where(AlarmRule.code == "port-down")).one()
    began = house.now - dt.timedelta(minutes=17)
    values: dict[str, object] = {
        "subject_kind": "port", "subject_id": port_id, "label": f"SW x {HOSTILE}",
        "site_id": house.site.id, "severity": "critical", "began_at": began, "raised_at": began,
        "seen_at": began, "value": 2, "limit": 2,
    }  # fmt: skip
    made = Alarm(rule_id=rule.id, **(values | fields))
    house.session.add(made)
    house.session.commit()
    return made


def part_of(page: str, title: str) -> str:
    """The section of one site."""
    (found,) = [one for one in page.split('<section class="glance-site')[1:] if title in one]
    return found.split("</section>", 1)[0]


def test_a_calm_house_says_so_and_what_is_unpolled_or_silent_is_not_called_well(
    noc: FlaskClient, house: House, session: ScopedSession
) -> None:
    assert noc.get("/").location == PATH
    page = noc.get(PATH).text
    assert page.count("no open alarm, no open incident") == 2
    assert page.count("Nothing is polled here") == 2
    assert "Nothing is wrong" not in page
    poll(house, house.switch, house.now)
    assert "Nothing is wrong" in part_of(noc.get(PATH).text, ">S1<")
    # Silent as a whole it is unknown, and stands first.
    agent = session.scalars(select(SnmpAgent)).one()
    agent.last_answer_at, agent.silent_polls = house.now - dt.timedelta(hours=1), 9
    session.commit()
    page = noc.get(PATH).text
    first = page.split('<section class="glance-site', 2)[1]
    assert first.startswith(" is-unknown")
    assert "agents that don't answer: 1 of 1" in html_text(first)
    banner = page.split('class="stale-banner"', 1)[1].split(">", 1)[0]
    assert "hidden" not in banner
    agent.last_answer_at, agent.silent_polls = house.now, 0
    session.commit()
    page = noc.get(PATH).text
    assert "all 1 agents answer" in page
    assert "hidden" in page.split('class="stale-banner"', 1)[1].split(">", 1)[0]
    assert part_of(page, ">S1<").startswith(" is-ok")
    # What stands nowhere that is recorded shows as well once it falls silent.
    assert "At no recorded place" not in page
    lost = Device(device_type_id=house.kind_id, name="LOST", role="access")
    session.add(lost)
    session.flush()
    poll(house, lost, house.now - dt.timedelta(hours=1), silent=9)
    assert part_of(noc.get(PATH).text, "At no recorded place").startswith(" is-unknown")


def test_what_since_when_who_and_the_cost(
    noc: FlaskClient, house: House, session: ScopedSession
) -> None:
    tenant = house.add_tenant("A")
    for one in session.scalars(select(Incident)):
        session.delete(one)
    raise_alarm(house, tenant.ports[0])
    contract = session.scalars(select(Contract)).one()
    session.add(
        CreditRisk(
            customer_id=tenant.customer_id, contract_id=contract.id, period="2026-11",
            currency="CNY", tried_at=house.now, as_of=house.now, owed=Decimal(100),
            owed_least=Decimal(80), owed_most=Decimal(300), at_rate=Decimal(150),
            at_rate_least=Decimal(90), at_rate_most=Decimal(400), at_risk=Decimal(150),
            lines=[], reviews=[],
        )
    )  # fmt: skip
    session.commit()
    page = noc.get(PATH).text
    first = page.split('<section class="glance-site', 2)[1]
    assert first.startswith(" is-down")
    assert ">S1<" in first
    assert "Something is down" in first
    began = house.now - dt.timedelta(minutes=17)
    assert began.isoformat() in first
    assert "CANARY-A-name" in first
    assert "Down" in first.split("CANARY-A-name", 1)[1][:200]
    # What is likely, what is owed already, and the range: worst of all three futures.
    for amount in ("150.00", "100.00", "80.00", "400.00"):
        assert amount in first, amount
    other = part_of(page, ">S2<")
    assert "no contract here is worked out" in other
    assert "150.00" not in other
    # The same on a wall; names that are markup stay text.
    wall = noc.get(f"{PATH}?wall=1").text
    assert 'class="face-noc wall"' in wall
    for text in (page, wall):
        assert "SW x" in text
        assert HOSTILE not in text
    # Of what can't be worked out the number is said, no amount.
    risk = session.scalars(select(CreditRisk)).one()
    risk.as_of, risk.problem, risk.owed, risk.at_risk = None, "no terms", Decimal(0), Decimal(0)
    # Without its user the port hits nobody.
    for user in session.scalars(select(ServiceMembership)):
        session.delete(user)
    session.commit()
    here = part_of(noc.get(PATH).text, ">S1<")
    assert "contracts not worked out, in none of it: 1" in here
    assert "nobody" in here


def test_from_what_is_told_the_noc_gets_to_the_incident_and_to_the_contracts(
    noc: FlaskClient, house: House, session: ScopedSession
) -> None:
    tenant = house.add_tenant("A")
    contract = session.scalars(select(Contract)).one()
    session.add(
        CreditRisk(
            customer_id=tenant.customer_id, contract_id=contract.id, period="2026-11",
            currency="CNY", tried_at=house.now, as_of=house.now, at_risk=Decimal(7),
            lines=[], reviews=[],
        )
    )  # fmt: skip
    session.commit()
    (incident,) = session.scalars(select(Incident))
    here = part_of(noc.get(PATH).text, ">S1<")
    for path in (
        f"/staff/incidents/{incident.id}",
        f"/noc/credits?site={house.site.id}&amp;currency=CNY",
    ):
        assert f'href="{path}"' in here
        assert noc.get(path.replace("&amp;", "&")).status_code == 200


def test_incidents_are_at_the_site_of_what_measured_them_or_of_whom_they_concern(
    noc: FlaskClient, house: House, session: ScopedSession
) -> None:
    house.add_tenant("A")
    assert "CANARY-A-what" in part_of(noc.get(PATH).text, ">S1<")
    (incident,) = session.scalars(select(Incident))
    # The port is there until the day it is given back, also where that day is known by now.
    (impact,) = incident.impacts
    (used,) = session.scalars(select(ServiceMembership))
    impact.contract_item_id = used.service.contract_item_id
    used.ends_at = house.now + dt.timedelta(days=9)
    session.commit()
    assert "CANARY-A-what" in part_of(noc.get(PATH).text, ">S1<")
    second = session.scalars(select(Site).where(Site.code == "S2")).one()
    room = Room(site_id=second.id, code="R9", name="房", name_en="Room")
    session.add(room)
    session.flush()
    row = Row(room_id=room.id, code="A", position=1)
    session.add(row)
    session.flush()
    house.row_id = row.id
    far = Device(device_type_id=house.kind_id, name="FAR", role="access")
    session.add(far)
    session.flush()
    stand(house, far, "C9")
    series = Series(family="power", device_id=far.id, slot="x")
    session.add(series)
    session.flush()
    incident.evidence = [{"series": series.id, "name": "x"}]
    session.commit()
    page = noc.get(PATH).text
    assert "CANARY-A-what" in part_of(page, ">S2<")
    assert "CANARY-A-what" not in part_of(page, ">S1<")


def test_silenced_alarms_do_not_cry_and_todays_work_stands_at_its_site(
    noc: FlaskClient, house: House, session: ScopedSession
) -> None:
    tenant = house.add_tenant("A")
    for one in session.scalars(select(Incident)):
        session.delete(one)
    alarm = raise_alarm(house, tenant.ports[0], snoozed_until=house.now + dt.timedelta(hours=1))
    here = part_of(noc.get(PATH).text, ">S1<")
    assert "silenced: 1" in here
    assert here.startswith(" is-unknown")
    alarm.snoozed_until = house.now - dt.timedelta(hours=1)
    session.commit()
    assert part_of(noc.get(PATH).text, ">S1<").startswith(" is-down")

    def plan(code: str, starts_at: dt.datetime) -> None:
        made = Maintenance(
            code=code, title=f"维护{code}", title_en=f"Work {code}", kind="maintenance", risk="low",
            reason="r", starts_at=starts_at, ends_at=starts_at + dt.timedelta(hours=2),
            state="approved",
        )  # fmt: skip
        session.add(made)
        session.flush()
        session.add(MaintenanceTarget(maintenance_id=made.id, room_id=house.room_id))
        session.commit()

    plan("M-NOW", house.now - dt.timedelta(minutes=5))
    plan("M-LATE", house.now + dt.timedelta(days=2))
    page = noc.get(PATH).text
    assert "Work M-NOW" in part_of(page, ">S1<")
    assert "Work M-NOW" not in part_of(page, ">S2<")
    assert "Work M-LATE" not in page


def test_unchanged_is_304_and_statements_stay_the_same(
    noc: FlaskClient, house: House, session: ScopedSession
) -> None:
    tenant = house.add_tenant("A")

    def ask(tag: str) -> tuple[int, str]:
        answer = noc.get(PATH, headers={"HX-Request": "true", "If-None-Match": tag})
        return answer.status_code, answer.text

    tag = tag_of(noc.get(PATH).text)
    status, text = ask(tag)
    if status == 200:  # the minute went over
        status, text = ask(tag_of(text))
    assert (status, text) == (304, "")
    raise_alarm(house, tenant.ports[0])
    status, text = ask(tag)
    assert status == 200
    assert "<html" not in text
    assert "Something is down" in text
    # With more of everything it costs the same.
    engine = session.get_bind().engine
    noc.get(PATH)
    with Counter(engine) as few:
        noc.get(PATH)
    for tag in ("B", "C", "D"):
        for port_id in house.add_tenant(tag, 3).ports:
            raise_alarm(house, port_id)
    session.add(Site(code="S3", name="三", name_en="Third"))
    session.commit()
    with Counter(engine) as many:
        page = noc.get(PATH).text
    assert '<span class="glance-big">4</span>' in part_of(page, ">S1<")
    assert few.count == many.count
    assert few.count < 60


def html_text(text: str) -> str:
    return text.replace("&#39;", "'")
