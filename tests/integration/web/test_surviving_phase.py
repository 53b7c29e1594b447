"""The cabinet's page says which phase of the surviving feed would be over."""

from collections.abc import Callable

from flask import Flask
from sqlalchemy import select

from dcim.db import SessionFactory, transaction
from dcim.inventory.models import Device
from dcim.metering.models import Series
from dcim.power.models import PowerNode
from tests.integration.web.conftest import Login
from tests.integration.web.staff_house import SCOPE, build_staff_house, put_power
from tests.integration.web.test_staff_forms import Person


def test_a_feed_that_passes_in_sum_fails_on_its_fullest_phase(
    app: Flask, make_login: Callable[..., Login], sessions: SessionFactory
) -> None:
    house = build_staff_house(sessions, 1)
    with transaction(sessions, SCOPE) as session:
        for node in session.scalars(select(PowerNode)):
            node.phases = 3
        # 12 A and 18 A of all phases in one minute: 10 A a phase, of 12.8.
        for feed, milliamps in (("A", 12_000), ("B", 18_000)):
            series = session.scalars(
                select(Series.id)
                .join(PowerNode, PowerNode.id == Series.power_node_id)
                .where(PowerNode.code == f"PDU-A-01-{feed}")
            ).one()
            put_power(session, series, milliamps, age_s=120)
    staff = Person(app, make_login("staff"))
    path = f"/staff/cabinets/{house.cabinets[0]}?lang=en"
    page = staff.client.get(path).get_data(as_text=True)
    assert "A or B carries all" in page
    assert "would be over" not in page
    with transaction(sessions, SCOPE) as session:
        pdu = session.scalars(select(PowerNode).where(PowerNode.code == "PDU-A-01-B")).one()
        device = session.scalars(select(Device).where(Device.name == "pdu-A-01-B")).one()
        for number, milliamps in ((1, 2000), (2, 9000), (3, 4000)):
            bank = PowerNode(
                site_id=pdu.site_id, kind="bank", code=f"PDU-A-01-B/{number}", feed="B",
                rated_a=16, rack_id=pdu.rack_id, parent=pdu, volts=230, phases=1,
                phase=f"L{number}",
            )  # fmt: skip
            session.add(bank)
            session.flush()
            series_of = Series(
                family="power", device_id=device.id, slot=f"bank/{number}", power_node_id=bank.id
            )
            session.add(series_of)
            session.flush()
            put_power(session, series_of.id, milliamps)
    page = staff.client.get(path).get_data(as_text=True)
    assert "B carries all" in page
    assert "A or B carries all" not in page
    assert "L2 would be over" in page
    assert ">18.0<" in page
