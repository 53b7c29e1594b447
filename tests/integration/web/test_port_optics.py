"""Optics on a port's page: each lane, its thresholds, what is weak, and what isn't told."""

import csv
import datetime as dt
import io

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select

from dcim.accounts.scope import Scope
from dcim.db import ScopedSession
from dcim.errors import ForbiddenError
from dcim.metering.families import NO_LIGHT, NO_OPTICS, NO_POWER
from dcim.metering.models import Series
from dcim.sla.port_optics import read_port_optics
from dcim.snmp.agents.models import SnmpAgent, SnmpCredential, Transceiver
from dcim.snmp.polling.optic_recording import OpticsRead, record_optics
from dcim.snmp.reading.optics import Transceiver as Told
from tests.integration.web.boards import HOSTILE, Counter, House
from tests.integration.web.test_port_chart import chart_of

MINUTE = dt.timedelta(minutes=1)
LIMITS = {
    "rx": {"low_alarm": -14400, "low_warning": -12400, "high_warning": 500, "high_alarm": 2500},
    "temperature": {"high_alarm": 70000},
}


class Cage:
    """A switch that is polled, its first port, and what its module says."""

    def __init__(self, session: ScopedSession) -> None:
        self.session, self.house = session, House(session)
        self.port_id = self.house.add_tenant("A").ports[0]
        self.path = f"/noc/ports/{self.port_id}"

    def poll(self) -> None:
        credential = SnmpCredential(name="c", version="2c")
        self.session.add(credential)
        self.session.flush()
        agent = SnmpAgent(
            device_id=self.house.switch.id, credential_id=credential.id, address="127.0.0.1"
        )
        self.session.add(agent)
        self.session.commit()

    def tell(self, *found: Told, ago: dt.timedelta = MINUTE) -> None:
        agent = self.session.scalars(select(SnmpAgent)).one()
        at_ms = round((self.house.now - ago).timestamp() * 1000)
        record_optics(self.session, [OpticsRead(agent.id, agent.device_id, at_ms, found)])
        self.session.commit()

    def module(self, *rx: int, serial: str = "SN-1", port: str = "") -> Told:
        lanes = tuple(
            {**NO_OPTICS, "rx_mdbm": level, "tx_mdbm": -2000, "bias_ua": 6540} for level in rx
        )
        lanes = ({**lanes[0], "mc": 41500, "mv": 3290}, *lanes[1:])
        # As the device calls it, which isn't what the inventory does.
        return Told(port or f"t{self.port_id}", lanes, LIMITS, f"ACME{HOSTILE}", "LR", serial)


@pytest.fixture
def cage(session: ScopedSession) -> Cage:
    return Cage(session)


def panel(page: str) -> str:
    return page.split('<div id="optics">', 1)[1] if '<div id="optics">' in page else ""


def test_from_nobody_asked_to_pulled_out(noc: FlaskClient, cage: Cage) -> None:
    def look() -> str:
        """A minute later than before: so long it is remembered."""
        noc.application.extensions.pop("jifang_minute_memory", None)
        return panel(noc.get(cage.path).get_data(as_text=True))

    assert look() == ""
    cage.poll()
    assert "asked for its optics yet" in look()
    # Asked, and it has none here: nothing to show.
    cage.tell(cage.module(-3000, port="another"), ago=60 * MINUTE)
    assert look() == ""
    cage.tell(cage.module(-12345), ago=30 * MINUTE)
    page = look()
    assert "−12.35" in page or "−12.34" in page
    assert "Close to the low threshold" in page
    assert "It was last read at" in page
    cage.tell(cage.module(-9000), ago=2 * MINUTE)
    page = look()
    assert "Within its thresholds" in page
    assert "3.40 dB above the low threshold" in page
    assert "It was last read" not in page
    assert "−14.40" in page
    assert "41.5" in page
    assert "6.54" in page
    assert "70.0" in page
    assert HOSTILE not in page
    assert "ACME&lt;script&gt;" in page
    cage.tell(ago=MINUTE)
    assert "No longer told" in look()


def test_each_lane_and_no_light(noc: FlaskClient, cage: Cage) -> None:
    cage.poll()
    cage.tell(cage.module(-3000, NO_LIGHT, NO_POWER, -15000))
    page = panel(noc.get(cage.path).get_data(as_text=True))
    table = page.split("<tbody>", 1)[1].split("</tbody>", 1)[0]
    rows = table.split("<tr>")[1:]
    assert len(rows) == 4
    assert "no light" in rows[1]
    assert "No light" in rows[1]
    assert "is-down" not in rows[1]
    assert "gives no reading" in rows[2]
    assert "Not told" in rows[2]
    assert "Below the low alarm" in rows[3]
    assert "is-down" in rows[3]
    assert "as lane 1" in rows[1]
    chart = chart_of(page)
    assert chart["unit"] == "dBm"
    assert [line["value"] for line in chart["lines"]] == [-12.4, -14.4]
    # The weakest lane is the line; darkness is marked and leaves the axis to levels.
    assert min(v for v in chart["series"][2]["values"] if v is not None) == -15
    assert min(v for v in chart["series"][1]["values"] if v is not None) == -15
    assert max(v for v in chart["series"][0]["values"] if v is not None) == -3
    assert chart["range"] == [-16, -1]
    [span] = chart["spans"]
    assert (span["role"], span["label"], span["to"] - span["from"]) == ("down", "No light", 900)


def test_a_month_in_chart_and_file(noc: FlaskClient, cage: Cage) -> None:
    cage.poll()
    for day in range(29, -1, -1):
        cage.tell(cage.module(-5000 - 100 * (29 - day)), ago=dt.timedelta(days=day) + MINUTE)
    page = panel(noc.get(f"{cage.path}?optics=30d&way=mirror").get_data(as_text=True))
    values = [v for v in chart_of(page)["series"][2]["values"] if v is not None]
    assert (values[0], values[-1], len(values)) == (-5.0, -7.9, 30)
    assert "way=mirror" in page.split("segments", 1)[1]
    short = chart_of(panel(noc.get(cage.path).get_data(as_text=True)))
    assert len([v for v in short["series"][2]["values"] if v is not None]) == 1
    answer = noc.get(f"{cage.path}/optics.csv?optics=30d")
    assert answer.mimetype == "text/csv"
    rows = list(csv.reader(io.StringIO(answer.get_data(as_text=True))))
    assert rows[0][2] == "rx_dbm"
    assert len(rows) == 31
    assert rows[1][1:] == ["1", "-5.0", "-2.0", "6.54", "41.5", "3.29"]
    assert len(list(noc.get(f"{cage.path}/optics.csv?optics=%00").get_data().splitlines())) == 2


def test_another_module_begins_its_own_time(cage: Cage) -> None:
    cage.poll()
    cage.tell(cage.module(-3000), ago=50 * MINUTE)
    cage.tell(cage.module(-3000), ago=40 * MINUTE)
    one = cage.session.scalars(select(Transceiver)).one()
    began = one.since
    assert began < one.read_at
    cage.tell(cage.module(-3000, serial="SN-2"), ago=30 * MINUTE)
    cage.session.refresh(one)
    assert (one.serial, one.since == one.read_at > began) == ("SN-2", True)


def test_a_port_without_optics_has_an_empty_file_and_customers_see_none(
    noc: FlaskClient, cage: Cage
) -> None:
    assert len(noc.get(f"{cage.path}/optics.csv").get_data().splitlines()) == 1
    assert noc.get("/noc/ports/999999999/optics.csv").status_code == 404
    scope = Scope.customer("somebody", 1)
    with pytest.raises(ForbiddenError):
        read_port_optics(cage.session, scope, cage.port_id, cage.house.now)


def test_as_many_statements_for_eight_lanes_as_for_one(noc: FlaskClient, cage: Cage) -> None:
    engine = cage.session.get_bind().engine
    cage.poll()
    counts = []
    for lanes in (1, 8):
        cage.tell(cage.module(*(-3000 - n for n in range(lanes))), ago=(9 - lanes) * MINUTE)
        noc.get(cage.path)
        with Counter(engine) as counter:
            noc.get(cage.path)
        counts.append(counter.count)
    assert counts[0] == counts[1]


def test_optics_take_no_series_from_a_port(cage: Cage) -> None:
    cage.poll()
    cage.tell(cage.module(-3000))
    bound = cage.session.scalars(
        select(Series.family).where(Series.port_id == cage.port_id).order_by(Series.family)
    )
    assert list(bound) == ["state", "traffic"]
