"""What the boards show over the API: the same rows as pages and files, for staff alone."""

import pytest
from sqlalchemy import select

from dcim.api.v1 import boards
from dcim.db import ScopedSession, SessionFactory
from dcim.network.models import BandwidthService
from dcim.power.models import PowerNode
from dcim.sla.power_rounds import measure_power
from dcim.sla.traffic_rounds import measure_traffic
from tests.integration.api.conftest import MakeClient
from tests.integration.web.boards import Counter
from tests.integration.web.test_aggregates import NOW, Uplinks
from tests.integration.web.test_environment_board import Climate
from tests.integration.web.test_power_board import PoweredHouse

SUMS, POWER, AIR = "/api/v1/aggregates", "/api/v1/power-board", "/api/v1/environment"


def test_sums_by_grouping(
    api: MakeClient, session: ScopedSession, sessions: SessionFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:  # fmt: skip
    monkeypatch.setattr(boards, "utc_now", lambda: NOW)
    uplinks = Uplinks(session)
    uplinks.add_line("L1")
    for tag in ("A", "B"):
        uplinks.house.add_tenant(tag)
    for service in session.scalars(select(BandwidthService)):
        service.carrier_id = uplinks.carrier.id
    session.commit()
    measure_traffic(sessions, NOW)
    noc = api("noc")
    page = noc.get(SUMS).get_json()
    (carrier,) = page["items"]
    assert (page["total"], carrier["grouping"], carrier["code"]) == (1, "carrier", "CT")
    assert (carrier["bought_bps"], carrier["sold_bps"]) == (2 * 10**9, 2 * 10**8)
    assert carrier["contention"] == 0.1
    assert carrier["at_100_percent"] == {
        "state": "too_little", "days": 0, "earliest": None, "likely": None, "latest": None,
    }  # fmt: skip
    assert (carrier["lag"], carrier["space"], carrier["power"]) == (None, None, None)
    customers = noc.get(f"{SUMS}?by=customer&sort=name&descending=true&size=1").get_json()
    assert (customers["total"], [one["code"] for one in customers["items"]]) == (2, ["C-B"])
    assert noc.get(f"{SUMS}?by=customer&q=canary-a").get_json()["total"] == 1
    (site,) = noc.get(f"{SUMS}?by=site").get_json()["items"]
    assert site["space"]["capacity_u"] == 126
    for wrong in ("by=planet", "sort=colour", "size=9999", "nonsense=1"):
        assert noc.get(f"{SUMS}?{wrong}").status_code == 422, wrong


def test_power_by_place_and_what_a_lost_feed_would_do(
    api: MakeClient, session: ScopedSession, sessions: SessionFactory
) -> None:
    house = PoweredHouse(session)
    house.hang("A", "L1")
    house.hang("B", "L1")
    measure_power(sessions)
    noc = api("noc")
    places = noc.get(f"{POWER}/places").get_json()
    assert [one["level"] for one in places["items"]] == ["site", "room", "row"]
    assert {one["measured_w"] for one in places["items"]} == {3680}
    cabinets = noc.get(f"{POWER}/cabinets?row_id={house.row_id}&of=contracted").get_json()
    assert (cabinets["total"], cabinets["items"][0]["share"]) == (2, 0.46)
    assert noc.get(f"{POWER}/cabinets").get_json()["items"][0]["share"] == 0.625
    (feed,) = noc.get(f"{POWER}/feeds?sort=name&descending=true&size=1").get_json()["items"]
    assert (feed["code"], feed["l1_a"], feed["state"]) == ("RPP-B", 8, "unknown")
    risk = noc.get(f"{POWER}/risks").get_json()["items"][0]
    assert (risk["grade"], risk["by_draw_a"], risk["customers"]) == (
        "over_by_draw", 16, ["C-A", "C-B"],
    )  # fmt: skip
    days = noc.get(f"{POWER}/days?site_id={house.site.id}").get_json()
    assert [(one["room_id"], one["feeds"]) for one in days["items"]] == [
        (None, 4), (house.room_id, 4),
    ]  # fmt: skip
    for what in ("places", "cabinets", "feeds", "risks", "days"):
        assert noc.get(f"{POWER}/{what}?site_id=987654").status_code == 404
        assert noc.get(f"{POWER}/{what}?site_id=-1").status_code == 422


def test_sensors(api: MakeClient, session: ScopedSession) -> None:
    house = Climate(session)
    house.add_sensor("hot", (0, 33_100, 300), (60, 35_600, 280))
    house.add_sensor("fine", (0, 22_000, 500))
    noc = api("noc")
    page = noc.get(AIR).get_json()
    assert [(one["name"], one["grade"]) for one in page["items"]] == [
        ("hot/1", "down"), ("fine/1", "ok"),
    ]  # fmt: skip
    hot = page["items"][0]
    assert (hot["temperature_c"], hot["day_high_c"], hot["room_id"]) == (33.1, 35.6, house.room_id)
    assert noc.get(f"{AIR}?state=off").get_json()["total"] == 1
    fine = noc.get(f"{AIR}?q=fine&site_id={house.site.id}&room_id={house.room_id}").get_json()
    assert [one["name"] for one in fine["items"]] == ["fine/1"]
    assert noc.get(f"{AIR}?room_id=987654").status_code == 404
    assert noc.get(f"{AIR}?state=burning").status_code == 422


def test_pue(api: MakeClient, session: ScopedSession) -> None:
    house = Climate(session)
    tenant = house.add_tenant("A")
    noc = api("noc")
    path = f"/api/v1/pue/{house.site.id}"
    nothing = noc.get(path).get_json()
    assert (nothing["value"], nothing["steps"], bool(nothing["loose"])) == (None, [], True)
    utility = house.meter("utility", "UT-A", 1500, None)
    ups = house.meter("ups", "UPS-A", 1000, utility)
    for node in session.scalars(select(PowerNode).where(PowerNode.rack_id == tenant.rack_id)):
        node.parent_id = ups.id
    session.commit()
    told = noc.get(path).get_json()
    assert (told["value"], told["category"], told["is_annual"]) == (1.5, 1, False)
    assert len(told["steps"]) == 96
    assert noc.get(f"{path}?window=12m").get_json()["value"] is None
    assert noc.get(f"{path}?window=1s").status_code == 422
    assert noc.get("/api/v1/pue/987654").status_code == 404


def test_customers_see_none_of_it_and_more_rows_cost_no_more(
    api: MakeClient, session: ScopedSession
) -> None:
    house = Climate(session)
    tenant = house.add_tenant("A")
    house.add_sensor("one", (0, 22_000, 500))
    paths = [
        SUMS, f"{SUMS}?by=customer", AIR, f"/api/v1/pue/{house.site.id}",
        *(f"{POWER}/{what}" for what in ("places", "cabinets", "feeds", "risks", "days")),
    ]  # fmt: skip
    customer = api("customer_administrator", customer_id=tenant.customer_id)
    for path in paths:
        answer = customer.get(path)
        assert answer.status_code == 404, path
        assert "CANARY" not in answer.text
    noc, engine = api("noc"), session.get_bind().engine

    def count() -> dict[str, int]:
        counts = {}
        for path in paths:
            noc.application.extensions.pop("jifang_plant", None)
            noc.application.extensions.pop("jifang_minute_memory", None)
            with Counter(engine) as counter:
                assert noc.get(path).status_code == 200
            counts[path] = counter.count
        return counts

    count()
    before = count()
    for number in range(4):
        house.add_tenant(f"T{number}")
        house.add_sensor(f"more-{number}", (0, 22_000, 500))
    assert count() == before
