"""Own power over time: peaks and gaps kept, and nobody else's load when a rack changes hands."""

import csv
import datetime as dt
import io
import json
import re
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from typing import Any

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient

from dcim.accounts.models import User
from dcim.customers.models import ItemVersion
from dcim.db import ScopedSession
from dcim.inventory.models import Allocation, Cabinet, Rack
from dcim.metering.batch import Columns
from dcim.metering.families import POWER
from dcim.metering.models import Series
from dcim.metering.store import empty
from dcim.power.models import PowerNode
from dcim.power.tree import Node
from dcim.sla import own_power
from dcim.sla.feeds import Feed, NodeNow, find_derated_w, load_supply
from dcim.sla.own_power import FeedPower
from dcim.web.charts import Window
from dcim.web.portal.power import draw_feeds
from tests.integration.web.boards import Counter, House, Tenant
from tests.integration.web.conftest import Login, sign_in

MakeLogin = Callable[..., Login]
MINUTE = 60_000
DAY = 86_400_000
# No other reading is like it.
STRANGE_MW = 3_333_000


@pytest.fixture
def house(session: ScopedSession) -> House:
    return House(session)


@pytest.fixture
def tenants(house: House) -> tuple[Tenant, Tenant]:
    return house.add_tenant("A"), house.add_tenant("B")


@pytest.fixture
def customer(app: Flask, make_login: MakeLogin, tenants: tuple[Tenant, Tenant]) -> FlaskClient:
    client = app.test_client()
    sign_in(client, make_login("customer_viewer", customer_id=tenants[0].customer_id))
    return client


def series_of(session: ScopedSession, rack_id: int, feed: str) -> int:
    return (
        session.query(Series)
        .join(PowerNode, PowerNode.id == Series.power_node_id)
        .filter(PowerNode.rack_id == rack_id, PowerNode.feed == feed)
        .one()
        .id
    )


def measure(house: House, series_id: int, at_ms: int, mw: int, *, span: int = 0) -> None:
    wh = 5 if span else -1
    house.store.append(
        house.session, "power", [(series_id, at_ms, span, 0, 230_000, 4_000, mw, wh)]
    )
    house.session.commit()


def read_csv(client: FlaskClient, rack_id: int, window: str = "24h") -> list[dict[str, str]]:
    answer = client.get(f"/portal/power/{rack_id}/power.csv?window={window}")
    assert answer.status_code == 200
    assert answer.is_streamed
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))


def read_charts(page: str) -> list[dict[str, Any]]:
    return [json.loads(unescape(one)) for one in re.findall(r'data-series="([^"]*)"', page)]


def now_ms(house: House) -> int:
    return round(house.now.timestamp() * 1000)


def test_each_feed_and_their_sum_with_limits_peaks_and_energy(
    customer: FlaskClient, session: ScopedSession, house: House, tenants: tuple[Tenant, Tenant]
) -> None:
    rack_id = tenants[0].rack_id
    peak_at = now_ms(house) - 2 * 3_600_000
    measure(house, series_of(session, rack_id, "A"), peak_at, STRANGE_MW)
    page = customer.get(f"/portal/power?rack={rack_id}").get_data(as_text=True)
    together, a, b = read_charts(page)
    assert [line["value"] for line in together["lines"]] == [4.0, 2.944]
    assert {row["contracted_w"] for row in read_csv(customer, rack_id)} == {"4000"}
    assert [line["value"] for line in a["lines"]] == [2.944, 3.68]
    assert max(value for value in a["series"][0]["values"] if value is not None) == 3.333
    assert max(value for value in b["series"][0]["values"] if value is not None) == 0.92
    known = [value for value in together["series"][2]["values"] if value is not None]
    # Where one feed isn't known, the sum isn't either.
    assert known
    assert set(known) == {1.84}
    assert any(span["label"] == "Missing" for span in a["spans"])
    rows = read_csv(customer, rack_id)
    assert len(rows) == 288 or len(rows) == 289
    measured = [row for row in rows if row["A_max_w"]]
    assert measured[0]["A_max_w"] == "3333.0"
    assert {row["B_max_w"] for row in measured[1:]} == {"920.0"}
    assert {row["all_mean_w"] for row in measured[1:]} == {"1840.0"}
    for row in measured[1:]:
        assert float(row["all_energy_wh"]) == pytest.approx(
            float(row["A_energy_wh"]) + float(row["B_energy_wh"]), abs=0.002
        )
    utc = dt.datetime.fromisoformat(rows[0]["from_utc"])
    local = dt.datetime.fromisoformat(rows[0]["from_local"])
    assert utc == local
    assert local.utcoffset() == dt.timedelta(hours=8)


def test_two_pdus_of_a_feed_carry_it_together(
    customer: FlaskClient, session: ScopedSession, house: House, tenants: tuple[Tenant, Tenant]
) -> None:
    rack_id = tenants[0].rack_id
    for feed in ("A", "B"):
        house._add_feed("A2", feed, rack_id)
    session.commit()

    def one_feed() -> float:
        page = customer.get(f"/portal/power?rack={rack_id}").get_data(as_text=True)
        together, *feeds = read_charts(page)
        assert len(feeds) == 4
        return float(together["lines"][-1]["value"])

    def everywhere() -> set[float]:
        """In the charts, on the cabinets' page, and on the operator's boards."""
        page = customer.get("/portal/cabinets").get_data(as_text=True)
        told = re.search(r"One feed alone carries</dt>\s*<dd[^>]*>\s*([\d.]+)", page)
        assert told is not None, page
        supply = load_supply(session, house.now)
        board = find_derated_w(supply.feeds_of(rack_id)) / 1000
        return {round(one_feed(), 2), float(told[1]), round(board, 2)}

    assert one_feed() == 5.888
    assert everywhere() == {5.89}
    # The control: behind one breaker of 16 A they don't.
    breakers = {
        feed: house._add(
            PowerNode(
                site_id=house.site.id, kind="breaker", code=f"Q-{feed}", feed=feed, rated_a=16,
                volts=230, rack_id=rack_id,
            )
        )
        for feed in ("A", "B")
    }  # fmt: skip
    for node in session.query(PowerNode).filter_by(rack_id=rack_id, kind="pdu"):
        node.parent_id = breakers[node.feed].id
    session.commit()
    assert one_feed() == 2.944
    assert everywhere() == {2.94}
    # A breaker of 20 A carries more than one of its two PDUs, and less than both.
    for breaker in breakers.values():
        breaker.rated_a = 20
    session.commit()
    assert everywhere() == {3.68}


def test_an_idle_rack_drew_nothing_which_is_not_unknown(app: Flask) -> None:
    at = np.arange(3, dtype=np.int64) * 60_000 + 60_000
    idle = {**dict.fromkeys(POWER.columns, np.full(3, -1)), "mw": np.zeros(3, dtype=np.int64)}
    columns = Columns(at, np.zeros(3, dtype=np.int64), np.zeros(3, dtype=np.int64), idle)
    feeds = [
        FeedPower(name, Feed(NodeNow(node), None, None), columns)
        for name in ("A", "B")
        for node in [Node(1, None, "pdu", f"P-{name}", name, 1, 230, 16, 1, 80)]
    ]
    assert {(feed.rated_w, feed.derated_w) for feed in feeds} == {(3680, 2944)}
    window = Window("24h", 0, 300_000, 300_000)
    with app.test_request_context():
        shown = draw_feeds(feeds, [], [(0, 300_000)], window, 300_000)
        none = [replace(feed, columns=empty(POWER)) for feed in feeds]
        silent = draw_feeds(none, [], [(0, 300_000)], window, 300_000)
    assert [one.figures.energy_mwh for one in shown] == [0, 0, 0]
    assert [one.figures.energy_mwh for one in silent] == [None, None, None]


def test_a_register_counts_the_energy(
    customer: FlaskClient, session: ScopedSession, house: House, tenants: tuple[Tenant, Tenant]
) -> None:
    series = series_of(session, tenants[0].rack_id, "A")
    base = (now_ms(house) - 3 * 3_600_000) // 300_000 * 300_000
    for k in range(3):
        measure(house, series, base + k * MINUTE, 1_000_000, span=MINUTE)
    row = next(row for row in read_csv(customer, tenants[0].rack_id) if row["A_max_w"])
    assert row["A_energy_wh"] == "15.000"


def hand_over(
    session: ScopedSession, house: House, tenants: tuple[Tenant, Tenant], days: int
) -> int:
    """B's rack becomes A's `days` ago; what B drew the day before stays in the store."""
    theirs = session.query(Allocation).filter_by(customer_id=tenants[1].customer_id).one()
    own = session.query(Allocation).filter_by(customer_id=tenants[0].customer_id).one()
    begin = house.now.date() - dt.timedelta(days=days)
    theirs.ends_on = begin
    session.add(
        Allocation(
            customer_id=tenants[0].customer_id,
            contract_item_id=own.contract_item_id,
            rack_id=theirs.rack_id,
            u_low=0,
            height=84,
            starts_on=begin,
        )
    )
    session.flush()
    # Midnight in the contract's zone, eight hours before UTC's.
    edge = round(
        dt.datetime.combine(begin, dt.time(), dt.timezone(dt.timedelta(hours=8))).timestamp() * 1000
    )
    series = series_of(session, theirs.rack_id, "A")
    measure(house, series, edge - 5 * MINUTE, STRANGE_MW)
    # A register read after midnight counts what was drawn before it too.
    measure(house, series, edge + MINUTE // 2, STRANGE_MW + 1000, span=MINUTE)
    measure(house, series, edge + 5 * MINUTE, 777_000, span=MINUTE)
    return theirs.rack_id


def test_a_rack_that_changed_hands_shows_nothing_of_before(
    customer: FlaskClient,
    session: ScopedSession,
    house: House,
    tenants: tuple[Tenant, Tenant],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    rack_id = hand_over(session, house, tenants, 3)

    def seen() -> str:
        page = customer.get(f"/portal/power?rack={rack_id}&window=7d").get_data(as_text=True)
        charts = read_charts(page)
        assert any(span["label"] == "Not yours then" for span in charts[1]["spans"])
        return json.dumps(charts) + json.dumps(read_csv(customer, rack_id, "7d"))

    found = seen()
    assert "777.0" in found
    assert "3.33" not in found
    # With the decimal: an instant may hold the digits.
    assert "3333.0" not in found
    assert "3334.0" not in found
    # The control: without the guard they are there.
    monkeypatch.setattr(own_power, "keep_own", lambda columns, spans: slice(None))
    found = seen()
    assert "3.334" in found
    assert "3333.0" in found or "3334.0" in found


def test_who_had_it_before_still_has_those_days(
    app: Flask,
    make_login: MakeLogin,
    session: ScopedSession,
    house: House,
    tenants: tuple[Tenant, Tenant],
) -> None:
    rack_id = hand_over(session, house, tenants, 3)
    client = app.test_client()
    sign_in(client, make_login("customer_viewer", customer_id=tenants[1].customer_id))
    page = client.get(f"/portal/power?rack={rack_id}&window=7d").get_data(as_text=True)
    assert "Not yours today" in page
    rows = read_csv(client, rack_id, "7d")
    assert {row["A_max_w"] for row in rows} == {"", "3333.0"}
    assert "0.92" not in json.dumps(read_charts(page))


def test_a_rack_that_begins_tomorrow_is_not_yet_there(
    customer: FlaskClient, session: ScopedSession, house: House, tenants: tuple[Tenant, Tenant]
) -> None:
    rack_id = hand_over(session, house, tenants, -2)
    assert customer.get(f"/portal/power?rack={rack_id}").status_code == 404
    assert "CANARY-B-cab" not in customer.get("/portal/power").get_data(as_text=True)


def test_limits_are_those_of_the_plate_and_the_power_factor(
    customer: FlaskClient, session: ScopedSession, tenants: tuple[Tenant, Tenant]
) -> None:
    a, b = session.query(PowerNode).filter_by(rack_id=tenants[0].rack_id).order_by(PowerNode.feed)
    a.capacity_w, b.power_factor_pct = 2500, 90
    session.commit()
    page = customer.get("/portal/power").get_data(as_text=True)
    together, first, second = read_charts(page)
    assert [line["value"] for line in first["lines"]] == [2.0, 2.5]
    assert [line["value"] for line in second["lines"]] == [2.65, 3.312]
    assert together["lines"][1]["value"] == 2.0
    # The table says what the charts draw.
    assert re.findall(r'data-label="Derated kW">([^<]*)<', page) == ["2.00", "2.65"]


def test_what_was_contracted_is_told_by_its_days(
    customer: FlaskClient, session: ScopedSession, house: House, tenants: tuple[Tenant, Tenant]
) -> None:
    """4 kW until four days ago, 6 since; the item has a second rack, half of it, since two."""
    own = session.query(Allocation).filter_by(customer_id=tenants[0].customer_id).one()
    today = house.now.astimezone(dt.timezone(dt.timedelta(hours=8))).date()
    for effective_from, watts in ((own.starts_on, 4000), (today - dt.timedelta(days=4), 6000)):
        session.add(
            ItemVersion(
                item_id=own.contract_item_id,
                customer_id=own.customer_id,
                effective_from=effective_from,
                quantity=1,
                monthly_fee=100,
                contracted_w=watts,
            )
        )
    cabinet = Cabinet(row_id=house.row_id, code="CANARY-A-more", position=90)
    session.add(cabinet)
    session.flush()
    rack = Rack(cabinet_id=cabinet.id, code="1", u_count=42)
    session.add(rack)
    session.flush()
    session.add(
        Allocation(
            customer_id=own.customer_id,
            contract_item_id=own.contract_item_id,
            rack_id=rack.id,
            u_low=0,
            height=42,
            starts_on=today - dt.timedelta(days=2),
        )
    )
    session.commit()
    page = customer.get(f"/portal/power?rack={own.rack_id}&window=7d").get_data(as_text=True)
    together = read_charts(page)[0]
    lines = [line for line in together["lines"] if line["role"] == "commit"]
    assert [line["value"] for line in lines] == [4.0, 6.0, 4.0]
    assert [line["to"] is None for line in lines] == [False, False, True]
    edges = [dt.datetime.fromtimestamp(line["to"], dt.UTC) for line in lines[:2]]
    assert [(today - edge.astimezone(dt.timezone(dt.timedelta(hours=8))).date()).days
            for edge in edges] == [4, 2]  # fmt: skip
    found = [row["contracted_w"] for row in read_csv(customer, own.rack_id, "7d")]
    assert list(dict.fromkeys(found)) == ["4000", "6000"]
    assert found[-1] == "4000"


def test_a_shared_rack_has_no_readings(
    customer: FlaskClient, session: ScopedSession, tenants: tuple[Tenant, Tenant]
) -> None:
    own = session.query(Allocation).filter_by(customer_id=tenants[0].customer_id).one()
    own.height = 40
    session.commit()
    page = customer.get("/portal/power").get_data(as_text=True)
    assert "You share CANARY-A-cab" in page
    assert not read_charts(page)
    assert customer.get(f"/portal/power/{own.rack_id}/power.csv").status_code == 404


def test_a_foreign_rack_is_an_absent_one(
    customer: FlaskClient, tenants: tuple[Tenant, Tenant]
) -> None:
    for path in ("/portal/power/{}/power.csv", "/portal/power?rack={}"):
        for rack_id in (tenants[1].rack_id, 999_999):
            assert customer.get(path.format(rack_id)).status_code == 404
    assert customer.get("/portal/power?rack=nonsense").status_code == 200


@pytest.mark.parametrize("path", ["/portal/power", "/portal/power/{}/power.csv?window=30d"])
def test_statements_do_not_grow(
    customer: FlaskClient,
    session: ScopedSession,
    house: House,
    tenants: tuple[Tenant, Tenant],
    path: str,
) -> None:
    engine = house.session.get_bind().engine
    path = path.format(tenants[0].rack_id)
    customer.get(path)
    with Counter(engine) as few:
        assert customer.get(path).status_code == 200
    own = session.query(Allocation).filter_by(customer_id=tenants[0].customer_id).one()
    for tag in ("C", "D", "E"):
        other = house.add_tenant(tag)
        theirs = session.query(Allocation).filter_by(customer_id=other.customer_id).one()
        theirs.customer_id, theirs.contract_item_id = own.customer_id, own.contract_item_id
        session.commit()
    with Counter(engine) as many:
        assert customer.get(path).status_code == 200
    assert few.count > 5
    assert many.count == few.count


def test_a_customer_with_nothing(app: Flask, make_login: MakeLogin, session: ScopedSession) -> None:
    from dcim.customers.models import Customer

    nobody = Customer(code="C-0", name="空", name_en="Empty")
    session.add(nobody)
    session.commit()
    client = app.test_client()
    sign_in(client, make_login("customer_viewer", customer_id=nobody.id))
    assert "No cabinets" in client.get("/portal/power").get_data(as_text=True)


def test_local_times_of_the_csv_and_the_chart_are_the_readers(
    session: ScopedSession, house: House, tenants: tuple[Tenant, Tenant], customer: FlaskClient
) -> None:
    rack_id = tenants[0].rack_id
    assert {row["from_local"][-6:] for row in read_csv(customer, rack_id)} == {"+08:00"}
    user = session.query(User).filter_by(customer_id=tenants[0].customer_id).one()
    user.timezone = "Asia/Kolkata"
    session.commit()
    rows = read_csv(customer, rack_id)
    assert {row["from_local"][-6:] for row in rows} == {"+05:30"}
    for row in rows[:3]:
        utc = dt.datetime.fromisoformat(row["from_utc"].replace("Z", "+00:00"))
        assert dt.datetime.fromisoformat(row["from_local"]) == utc
    page = unescape(customer.get(f"/portal/power?rack={rack_id}").get_data(as_text=True))
    assert '"zone": "Asia/Kolkata"' in page
