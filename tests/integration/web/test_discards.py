"""Packets that ports drop: on the board, on a port's page and in its CSV; not known is no zero."""

import datetime as dt

import pytest
from flask.testing import FlaskClient

from dcim.accounts.scope import Scope
from dcim.columns import utc_now
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.metering.batch import Batch
from dcim.sla.port_board import current_ports
from dcim.sla.ports import read_ports
from tests.integration.web.boards import House
from tests.integration.web.test_port_board import ports_now
from tests.integration.web.test_port_chart import chart_of

SYSTEM = Scope.system("test")
MINUTE = 60_000


@pytest.fixture
def house(session: ScopedSession) -> House:
    return House(session)


def cells(page: str, label: str) -> list[str]:
    """What stands in a column of the board, row by row."""
    parts = page.split(f'data-label="{label}">')[1:]
    return [part.split("</td>", 1)[0] for part in parts]


def test_the_board_tells_sorts_and_finds_them(
    noc: FlaskClient, house: House, sessions: SessionFactory
) -> None:
    few, none, _uncounted, old, much = (house.add_tenant(tag) for tag in "ABCDE")
    house.drop_packets(few.ports[0], (700, 0), (3, 40))
    house.drop_packets(none.ports[0], (0, 0))
    house.drop_packets(old.ports[0], (9, 9), old_s=600)
    series = house.drop_packets(much.ports[0], (0, 0), (0, 1_234_567))
    found = {port.name: port.discards for port in ports_now(sessions, house)}
    assert found == {"A/0": 43, "B/0": 0, "C/0": None, "D/0": None, "E/0": 1_234_567}
    page = noc.get("/noc/?sort=-discards").get_data(as_text=True)
    assert cells(page, "Discards") == [
        '1,234,567<span class="sub">1,234,567</span>',
        '43<span class="sub">743</span>',
        "0",
        "?",
        '?<span class="sub">18</span>',
    ]
    rows = [page.index(f"{tag}/0</a>") for tag in "EAB"]
    assert rows == sorted(rows)
    page = noc.get("/noc/?state=losing").get_data(as_text=True)
    assert [f"{tag}/0</a>" in page for tag in "ABCDE"] == [True, False, False, False, True]
    # What is remembered follows what is measured, as at once: also that it isn't told any more.
    for later, counts in ((1, (0, 5)), (2, (-1, -1))):
        ms = round(house.now.timestamp() * 1000) + later
        house.store.append(house.session, "discards", [(series.id, ms, MINUTE, 0, *counts)])
        house.session.commit()
        now = house.now + dt.timedelta(seconds=1)
        with transaction(sessions, SYSTEM) as session:
            ports = current_ports(session, SYSTEM, now).ports
        assert ports == read_ports(house.session, SYSTEM, now)
        assert {port.name: port.discards for port in ports}["E/0"] == (5 if later == 1 else None)


def test_a_port_tells_its_own_and_says_what_it_does_not_know(
    noc: FlaskClient, house: House
) -> None:
    some, none, uncounted, outwards = (house.add_tenant(tag) for tag in "ABCD")
    house.drop_packets(some.ports[0], (0, 0), (0, 600), (6, 0))
    house.drop_packets(none.ports[0], (0, 0), (0, 0))

    def page_of(port_id: int) -> str:
        return noc.get(f"/noc/ports/{port_id}?window=1h").get_data(as_text=True)

    def row_of(page: str) -> str:
        return page.split('<th scope="row">Discards</th>', 1)[1].split("</tr>", 1)[0]

    page = page_of(some.ports[0])
    assert row_of(page) == '<td class="num">600</td><td class="num">6</td>'
    chart = chart_of(page.split("Dropped packets", 1)[1])
    assert chart["unit"] == "packets/s"
    assert {one["label"]: max(v for v in one["values"] if v is not None) for one in
            chart["series"]} == {"Out, largest": 10, "In, largest": 0.1}  # fmt: skip
    # Before it was counted nothing is known.
    assert chart["series"][0]["values"][0] is None
    page = page_of(none.ports[0])
    assert row_of(page) == '<td class="num">0</td><td class="num">0</td>'
    assert "Dropped packets" not in page
    house.drop_packets(outwards.ports[0], (-1, 7))
    page = page_of(outwards.ports[0])
    assert row_of(page) == '<td class="num">7</td><td class="num">?</td>'
    page = page_of(uncounted.ports[0])
    assert row_of(page) == '<td class="num">?</td><td class="num">?</td>'


def test_closed_days_tell_the_same(noc: FlaskClient, house: House) -> None:
    """From a block with quiet hours: the page's sums, and each line of the CSV."""
    tenant = house.add_tenant("A")
    series = house.drop_packets(tenant.ports[0])
    day = utc_now().date() - dt.timedelta(days=5)
    start = round(dt.datetime.combine(day, dt.time(3, 30), dt.UTC).timestamp() * 1000)
    ts = [start + n * MINUTE for n in range(1, 121)]
    [traffic_id] = [port.traffic_id or 0 for port in read_ports(house.session, SYSTEM, house.now)]
    traffic = [(traffic_id, at, MINUTE, 0, 750, 750, 0, 0) for at in ts]
    dropped = [(series.id, at, MINUTE, 0, 0, 70 if n == 40 else 0) for n, at in enumerate(ts)]
    now_ms = round(house.now.timestamp() * 1000)
    for family, rows in (("traffic", traffic), ("discards", dropped[:100])):
        house.store.load_days(house.session, Batch.from_rows(family, rows), now_ms)
    house.session.commit()
    [(_, kept)] = house.store.read(house.session, "discards", [series.id], start, now_ms)
    assert len(kept) == 5
    stretch = f"?from={day}T11:40&to={day}T12:50"  # Asia/Shanghai
    path = f"/noc/ports/{tenant.ports[0]}"
    page = noc.get(f"{path}{stretch}").get_data(as_text=True)
    assert '<th scope="row">Discards</th><td class="num">70</td><td class="num">0</td>' in page
    lines = noc.get(f"{path}/samples.csv{stretch}").get_data(as_text=True).splitlines()
    assert lines[0].endswith(",flags,in_discards,out_discards")
    told = [tuple(line.split(",")[-2:]) for line in lines[1:]]
    assert len(told) == 70
    assert told.count(("0", "70")) == 1
    assert told.count(("0", "0")) == 69
    late = noc.get(f"{path}/samples.csv?from={day}T12:50&to={day}T14:00").get_data(as_text=True)
    told = [tuple(line.split(",")[-2:]) for line in late.splitlines()[1:]]
    assert told == [("0", "0")] * 21 + [("", "")] * 20
