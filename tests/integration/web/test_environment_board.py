"""The environment board and PUE: what the sensors and meters show, and what they don't."""

import csv
import datetime as dt
import io

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, update

from dcim.accounts.scope import Scope
from dcim.db import ScopedSession
from dcim.errors import ForbiddenError
from dcim.inventory.models import Device, Installation
from dcim.metering.families import NOT_REPORTED
from dcim.metering.models import Series
from dcim.power.models import PowerNode
from dcim.sla.climate_board import MOST_READ, read_climate_board, read_extremes
from dcim.sla.pue_meters import find_pue_meters
from dcim.sla.rooms import read_cabinet_climate
from tests.integration.web.boards import Counter, House
from tests.integration.web.test_noc_pages import tag_of

SYSTEM = Scope.system("test")
MINUTE_MS = 60_000


class Climate(House):
    def add_sensor(
        self,
        name: str,
        *readings: tuple[int, int, int],
        rack_id: int | None = None,
        is_air: bool = True,
    ) -> None:
        """`readings`: (minutes ago, thousandths of a degree, of humidity). In a rack, or anywhere
        in the room; what isn't of its air is bound to none."""
        device = self._add(Device(device_type_id=self.kind_id, name=name, role="sensor"))
        if rack_id is not None:
            self._add(
                Installation(
                    device_id=device.id, rack_id=rack_id, u_low=40, height=2, installed_at=self.now
                )
            )
        room_id = self.room_id if is_air else None
        series = self._add(Series(family="climate", device_id=device.id, slot="1", room_id=room_id))
        now_ms = round(self.now.timestamp() * 1000)
        rows = [(series.id, now_ms - ago * MINUTE_MS, 0, 0, mc, rh) for ago, mc, rh in readings]
        if rows:
            self.store.append(self.session, "climate", rows)
        self.session.commit()

    def meter(self, kind: str, code: str, watts: int, parent: PowerNode | None) -> PowerNode:
        """A node read once a minute for the last day."""
        node = self._add(
            PowerNode(
                site_id=self.site.id, kind=kind, code=code, feed="A", rated_a=400, phases=3,
                volts=400, parent_id=parent.id if parent else None,
            )
        )  # fmt: skip
        device = self._add(Device(device_type_id=self.kind_id, name=f"meter {code}", role="meter"))
        series = self._add(
            Series(family="power", device_id=device.id, slot="1", power_node_id=node.id)
        )
        now_ms = round(self.now.timestamp() * 1000)
        rows = [
            (series.id, now_ms - ago * MINUTE_MS, 0, 0, 230_000, -1, watts * 1000, -1)
            for ago in range(24 * 60 + 30)
        ]
        self.store.append(self.session, "power", rows)
        return node


@pytest.fixture
def house(session: ScopedSession) -> Climate:
    return Climate(session)


def row_of(page: str, name: str) -> str:
    """A sensor's row; the notice above the tables may name it too."""
    return page.split("<tbody>", 1)[1].split(name, 1)[1].split("</tr>", 1)[0]


def test_sensors_against_the_ranges_with_their_day(house: Climate, noc: FlaskClient) -> None:
    tenant = house.add_tenant("A")
    house.add_sensor("hot-room", (0, 33_100, 300), (60, 35_600, 280), (25 * 60, 50_000, 300))
    house.add_sensor("in-rack", (0, 22_000, 500), (30, 19_500, 550), rack_id=tenant.rack_id)
    house.add_sensor("dry", (0, 22_000, 200))
    house.add_sensor("mute")
    house.add_sensor("late", (45, 21_000, 500))
    # A switch's chassis is warm inside, whatever the room is.
    house.add_sensor("chassis", (0, 58_000, NOT_REPORTED), rack_id=tenant.rack_id, is_air=False)
    board = read_climate_board(house.session, SYSTEM, house.now)
    (room,) = board.rooms
    cabinets = read_cabinet_climate(house.session, SYSTEM, house.now, house.room_id)
    assert [(one.sensors, one.mc) for one in cabinets.values()] == [(1, 22_000)]
    # The worst first, then what isn't known.
    assert [(one.name, one.grade) for one in room.sensors] == [
        ("hot-room/1", "down"), ("dry/1", "warning"), ("late/1", "unknown"), ("mute/1", "unknown"),
        ("in-rack/1", "ok"),
    ]  # fmt: skip
    assert [one.name for one in room.in_cabinets()["A"]] == ["in-rack/1"]
    day = read_extremes(house.session, room.sensors, house.now)
    hot = day[room.sensors[0].series_id]
    # What is over a day old doesn't count.
    assert (hot.low_mc, hot.high_mc, hot.low_rh, hot.high_rh) == (33_100, 35_600, 280, 300)
    assert hot.hottest_at is not None
    assert round((house.now - hot.hottest_at).total_seconds()) == 3600
    page = noc.get("/noc/environment").get_data(as_text=True)
    notice = page.split('class="notice is-unknown"', 1)[1].split("</div></div>", 1)[0]
    assert "mute/1" in notice
    assert "late/1" in notice
    assert "never measured" in notice
    hot_row = row_of(page, "hot-room")
    assert "Not allowable" in hot_row
    assert "temperature above 32 °C (ASHRAE A1)" in hot_row
    assert "33.1 – 35.6" in hot_row
    # 22 °C at 20 %: by GB 50174 too dry, by ASHRAE not.
    dry_row = row_of(page, ">dry/1")
    assert "dew point below 5.5 °C (GB 50174-2017)" in dry_row
    assert "−2.0" in dry_row
    assert "ASHRAE" not in dry_row
    assert "CANARY-A-cab" in page.split('class="heat-row"', 1)[1].split("</a>", 1)[0]
    for path in (f"room={house.room_id}", f"site={house.site.id}"):
        assert "hot-room" in noc.get(f"/noc/environment?{path}").get_data(as_text=True)
    assert noc.get("/noc/environment?room=999999").status_code == 404
    wall = noc.get("/noc/environment?wall=1").get_data(as_text=True)
    assert 'class="face-noc wall"' in wall


def test_statements_do_not_grow_with_sensors_and_are_for_staff(house: Climate) -> None:
    def ask() -> int:
        board = read_climate_board(house.session, SYSTEM, house.now)
        return len(read_extremes(house.session, board.sensors, house.now))

    engine = house.session.get_bind().engine
    house.add_sensor("one", (0, 22_000, 500))
    with Counter(engine) as few:
        assert ask() == 1
    for number in range(9):
        house.add_sensor(f"more-{number}", (0, 22_000, 500))
    with Counter(engine) as many:
        assert ask() == 10
    assert few.count == many.count
    (sensor, *_others) = read_climate_board(house.session, SYSTEM, house.now).sensors
    assert read_extremes(house.session, [sensor] * (MOST_READ + 1), house.now) == {}
    tenant = house.add_tenant("A")
    for call in (
        lambda scope: read_climate_board(house.session, scope, house.now),
        lambda scope: find_pue_meters(house.session, scope, house.site.id),
    ):
        with pytest.raises(ForbiddenError):
            call(Scope.customer("x", tenant.customer_id))


def test_a_day_is_read_once_a_minute_however_often_sensors_are(
    house: Climate, noc: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    times = [(house.now - dt.timedelta(minutes=1)).replace(second=20)]
    monkeypatch.setattr("dcim.web.noc.environment.utc_now", lambda: times[-1])
    read: list[object] = []

    def note(*args: object) -> object:
        read.append(args)
        return read_extremes(*args)  # type: ignore[arg-type]

    monkeypatch.setattr("dcim.http.board_figures.read_extremes", note)
    for number in range(3):
        house.add_sensor(f"sensor-{number}", (5, 22_000, 500))
    series = list(house.session.scalars(select(Series.id).where(Series.family == "climate")))
    page = noc.get("/noc/environment").get_data(as_text=True)
    for series_id, second in zip(series, (25, 30, 35), strict=True):
        at = round(times[0].replace(second=second).timestamp() * 1000)
        house.store.append(house.session, "climate", [(series_id, at, 0, 0, 30_000, 500)])
        house.session.commit()
        times.append(times[0].replace(second=second + 1))
        page = noc.get("/noc/environment").get_data(as_text=True)
    # What is shown now is of now all the same.
    assert page.count('<td class="num strong" data-label="°C">30.0</td>') == 3
    assert page.count("22.0 – 30.0") == 3
    assert len(read) == 1
    # The control: in the next minute it is read again.
    times.append(times[0] + dt.timedelta(minutes=1))
    noc.get("/noc/environment")
    assert len(read) == 2


def test_pue_is_of_the_meters_of_the_chain(
    house: Climate, noc: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    tenant = house.add_tenant("A")
    # Racks that hang on nothing recorded: what they draw isn't in any input.
    page = noc.get("/noc/pue").get_data(as_text=True)
    assert "hangs on no utility" in page
    assert "data-series" not in page
    utility = house.meter("utility", "UT-A", 1500, None)
    ups = house.meter("ups", "UPS-A", 1000, utility)
    for node in house.session.scalars(select(PowerNode).where(PowerNode.rack_id == tenant.rack_id)):
        node.parent_id = ups.id
    house.session.commit()
    page = noc.get("/noc/pue").get_data(as_text=True)
    assert "iPUE1" in page
    assert "1.500" in page
    assert "data-series" in page
    assert "&#34;range&#34;: [1, 1.6]" in page or '"range": [1, 1.6]' in page
    # Nothing changes before the step is over; the file has the same steps.
    monkeypatch.setattr("dcim.web.noc.pue.utc_now", lambda: house.now)
    page = noc.get("/noc/pue").get_data(as_text=True)
    part = {"HX-Request": "true", "If-None-Match": tag_of(page)}
    assert noc.get("/noc/pue", headers=part).status_code == 304
    steps = list(csv.DictReader(io.StringIO(noc.get("/noc/pue.csv").data.decode("utf-8-sig"))))
    assert len(steps) == 96
    assert {one["pue"] for one in steps} == {"1.5"}
    assert (steps[0]["site_w"], steps[0]["it_w"]) == ("1500", "1000")
    wall = noc.get("/noc/pue?wall=1").get_data(as_text=True)
    assert "data-series" in wall
    assert "How it is measured" not in wall
    # Hours later nothing was read since: that is said.
    banner = 'class="stale-banner"'
    assert page.split(banner, 1)[1].split(">", 1)[0].endswith("hidden")
    monkeypatch.setattr("dcim.web.noc.pue.utc_now", lambda: house.now + dt.timedelta(hours=2))
    late = noc.get("/noc/pue").get_data(as_text=True)
    assert not late.split(banner, 1)[1].split(">", 1)[0].endswith("hidden")
    monkeypatch.undo()
    # A day is no year: too few steps, and no value instead of a good one.
    page = noc.get("/noc/pue?window=12m").get_data(as_text=True)
    assert "PUE1" in page
    assert "1.500" not in page
    assert "no value" in page
    assert noc.get("/noc/pue?site=999999").status_code == 404
    house.session.execute(
        update(Series).where(Series.power_node_id == utility.id).values(power_node_id=None)
    )
    house.session.commit()
    page = noc.get("/noc/pue").get_data(as_text=True)
    assert "UT-A has no meter" in page
    assert "data-series" not in page
