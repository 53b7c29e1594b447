"""The power board: numbers worked out by hand, places, what isn't read, and its cost."""

import time
from collections.abc import Callable

import numpy as np
import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text, update

from dcim.accounts.scope import Scope
from dcim.alarms.rules.parts import align
from dcim.alarms.rules.quantities import NODE, QUANTITIES
from dcim.alarms.subjects import load_subjects
from dcim.customers.models import ContractItem
from dcim.db import ScopedSession
from dcim.errors import ForbiddenError
from dcim.http import plant_memory
from dcim.inventory.models import Cabinet, Device, Room, Row
from dcim.metering.batch import Columns
from dcim.metering.families import find_family
from dcim.metering.models import Series
from dcim.paging import EVERYTHING
from dcim.power.models import PowerNode
from dcim.power.queries import NodeFilter, list_power_nodes
from dcim.sla.feeds import load_supply, read_peaks
from dcim.sla.power_board import Place, PowerBoard, read_house
from tests.integration.web.boards import Counter, House, Tenant
from tests.integration.web.conftest import Login, sign_in

MakeLogin = Callable[..., Login]
SYSTEM = Scope.system("test")


class PoweredHouse(House):
    """Each rack's PDUs hang on the panels RPP-A and RPP-B: 16 A a phase, 12.8 A derated."""

    def __init__(self, session: ScopedSession) -> None:
        super().__init__(session)
        self.panels = {
            feed: self._add(
                PowerNode(
                    site_id=self.site.id, kind="panel", code=f"RPP-{feed}", feed=feed, rated_a=16,
                    phases=3, volts=400,
                )
            )
            for feed in ("A", "B")
        }  # fmt: skip

    def hang(self, tag: str, phase: str, amps: float | None = 4.0) -> Tenant:
        """A tenant on both panels, `amps` on each feed at 230 V, or read by nobody yet."""
        tenant = self.add_tenant(tag)
        for node in self.nodes_of(tenant):
            node.parent_id, node.phase = self.panels[node.feed].id, phase
            if amps is None:
                self.meter(node)
            else:
                self.read(node, 230_000, round(amps * 1000))
        self.session.commit()
        return tenant

    def nodes_of(self, tenant: Tenant) -> list[PowerNode]:
        wanted = select(PowerNode).where(PowerNode.rack_id == tenant.rack_id)
        return list(self.session.scalars(wanted.order_by(PowerNode.feed)))

    def meter(self, node: PowerNode) -> None:
        """One that nobody has read yet."""
        device = self._add(
            Device(device_type_id=self.kind_id, name=f"meter {node.code}", role="meter")
        )
        self._add(Series(family="power", device_id=device.id, slot="1", power_node_id=node.id))

    def read(self, node: PowerNode, mv: int, ma: int, *, age_s: int = 0) -> None:
        series_id = self.session.scalars(
            select(Series.id).where(Series.power_node_id == node.id)
        ).one()
        at = time.time_ns() // 1_000_000 - age_s * 1000
        row = (series_id, at, 0, 0, mv, ma, mv * ma // 1000, -1)
        self.store.append(self.session, "power", [row])

    def board(self, **place: int) -> PowerBoard:
        return read_house(self.session, SYSTEM, self.now).show(Place(**place))


@pytest.fixture
def house(session: ScopedSession) -> PoweredHouse:
    return PoweredHouse(session)


def test_shares_of_what_is_sold_and_of_what_one_feed_may_carry(
    house: PoweredHouse, noc: FlaskClient
) -> None:
    house.hang("A", "L1")
    board = house.board()
    # 2 × 4 A × 230 V of 4 kW sold, and of 12.8 A × 230 V that one feed may carry.
    assert (board.load.measured_w, board.load.contracted_w, board.load.derated_w) == (
        1840, 4000, 2944,
    )  # fmt: skip
    (cabinet,) = board.cabinets
    assert cabinet.share == 0.625
    page = noc.get("/noc/power").get_data(as_text=True)
    assert '<span class="heat-value">62</span>' in page
    page = noc.get("/noc/power?of=contracted").get_data(as_text=True)
    assert '<span class="heat-value">46</span>' in page


def test_where_nothing_is_sold_there_is_a_reading_all_the_same(
    house: PoweredHouse, noc: FlaskClient
) -> None:
    house.hang("A", "L1")
    house.session.execute(update(ContractItem).values(contracted_w=0))
    house.session.commit()
    page = noc.get("/noc/power?of=contracted").get_data(as_text=True)
    assert "no power reading" not in page
    assert "nothing sold" in page.split('class="heat-line"', 1)[1].split("</span>", 1)[0]
    assert "1.8 / 0.0 kW" in page


def test_what_is_left_when_a_feed_dies_with_whom_it_hits(
    house: PoweredHouse, noc: FlaskClient
) -> None:
    house.hang("A", "L1")
    house.hang("B", "L1")
    house.hang("C", "L2", 2.0)
    risks = {(one.name, one.risk.lost): one for one in house.board().risks}
    # Both tenants' 8 A on L1 of 12.8 A that the panel may carry.
    panel = risks["RPP-B", "A"]
    assert panel.risk.measured_share == pytest.approx(1.25, abs=0.001)
    assert (panel.risk.phase, panel.risk.grade) == ("L1", 1)
    assert [owner.code for owner in panel.customers] == ["C-A", "C-B", "C-C"]
    # 4 kW sold are 17.4 A on either circuit of 12.8 A; twice that on the panel's L1.
    rack = risks["CANARY-A-cab", "AB"]
    assert rack.risk.contracted_share == pytest.approx(4000 / 230 / 12.8)
    assert (rack.risk.grade, [owner.code for owner in rack.customers]) == (2, ["C-A"])
    assert panel.risk.contracted_share == pytest.approx(2 * 4000 / 230 / 12.8, abs=0.001)
    page = noc.get("/noc/power").get_data(as_text=True)
    assert "If A dies, B is at 125 % of its derated rating" in page
    assert "CANARY-B-name" in page.split("RPP-B</a>", 1)[1].split("</li>", 1)[0]
    # The control: a panel that is large enough isn't told.
    house.session.execute(update(PowerNode).where(PowerNode.kind == "panel").values(rated_a=250))
    assert "RPP-B" not in [one.name for one in house.board().risks]


def test_phases_and_their_imbalance(house: PoweredHouse, noc: FlaskClient) -> None:
    house.hang("A", "L1", 6.0)
    house.hang("B", "L2", 3.0)
    house.hang("C", "L3", 3.0)
    feeds = {one.now.node.code: one for one in house.board().feeds}
    # Mean 4 A; L1 is 2 A above it.
    assert feeds["RPP-A"].phases == (("L1", 6000), ("L2", 3000), ("L3", 3000))
    assert feeds["RPP-A"].imbalance == 0.5
    assert (feeds["RPP-A"].is_uneven, feeds["RPP-A"].unphased) == (True, 0.0)
    page = noc.get("/noc/power").get_data(as_text=True)
    row = page.rsplit("RPP-A</a>", 1)[1].split("</tr>", 1)[0]
    assert "50 %" in row
    assert ">6.0<" in row
    # A circuit whose phase nobody recorded is told, not guessed.
    house.session.execute(update(PowerNode).where(PowerNode.phase == "L3").values(phase=""))
    feeds = {one.now.node.code: one for one in house.board().feeds}
    assert feeds["RPP-A"].unphased == 0.25
    house.session.execute(update(PowerNode).where(PowerNode.kind == "pdu").values(phase=""))
    feeds = {one.now.node.code: one for one in house.board().feeds}
    assert (feeds["RPP-A"].unphased, feeds["RPP-A"].imbalance) == (1.0, None)


def test_what_is_not_read_may_be_what_evens_it_out(house: PoweredHouse, noc: FlaskClient) -> None:
    for tag, phase in (("A", "L1"), ("B", "L2"), ("C", "L3")):
        house.hang(tag, phase, 6.0 if tag == "A" else 3.0)
    house.hang("D", "L2", None)
    feeds = {one.now.node.code: one for one in house.board().feeds}
    assert (feeds["RPP-A"].silent, feeds["RPP-A"].imbalance) == (1, None)
    assert not feeds["RPP-A"].is_uneven
    page = noc.get("/noc/power").get_data(as_text=True)
    assert "50 %" not in page.rsplit("RPP-A</a>", 1)[1].split("</tr>", 1)[0]


def test_a_dead_feed_leaves_nothing_to_survive_on(house: PoweredHouse, noc: FlaskClient) -> None:
    tenant = house.hang("A", "L1")
    house.hang("B", "L2")
    house.read(house.nodes_of(tenant)[1], 0, 0)
    house.session.commit()
    worst = house.board().risks[0]
    assert (worst.risk.is_dark, worst.risk.lost, worst.name) == (True, "A", "CANARY-A-cab")
    page = noc.get("/noc/power").get_data(as_text=True)
    assert "Goes dark" in page
    assert "feed B is dead" in page
    # Its load is known all the same: a dead feed draws nothing.
    (dead, _alive) = house.board().cabinets
    assert (dead.dead, dead.load.silent, dead.load.measured_w) == ("B", 0, 920)


def test_a_silent_ups_is_not_dead_because_its_input_is(
    house: PoweredHouse, noc: FlaskClient
) -> None:
    house.hang("A", "L1")
    above = [
        PowerNode(
            site_id=house.site.id, kind=kind, code=kind, feed="A", rated_a=400, phases=3, volts=400
        )
        for kind in ("utility", "switchgear", "ups")
    ]  # fmt: skip
    house.session.add_all(above)
    house.session.flush()
    utility, gear, ups = above
    house.meter(utility)
    gear.parent_id, ups.parent_id, house.panels["A"].parent_id = utility.id, gear.id, ups.id
    house.session.flush()
    house.read(utility, 0, 0)
    house.session.commit()
    board = house.board()
    states = {one.now.node.code: one.now.state for one in board.feeds}
    # On its battery, or dead: nobody has said so. What has nothing of its own is dead.
    assert states == {
        "utility": "down", "switchgear": "down", "ups": "unknown", "RPP-A": "unknown",
        "RPP-B": "unknown",
    }  # fmt: skip
    assert not [one for one in board.risks if one.risk.is_dark]


def test_what_takes_either_feed_carries_nothing_over(house: PoweredHouse) -> None:
    tenant = house.hang("A", "L1", 4.0)
    b = house.nodes_of(tenant)[1]
    board = house.board()
    assert [one.risk.lost for one in board.risks if one.kind == "rack"] == ["AB"]
    # Behind a transfer switch of the house: it keeps its load, whichever feed dies.
    b.feed = "AB"
    house.session.flush()
    assert [one.name for one in house.board().risks if one.kind == "rack"] == []
    # Beside both: only what A and B draw moves.
    b.feed = "B"
    third = PowerNode(
        site_id=house.site.id, kind="pdu", code="third", feed="AB", rated_a=16, volts=230,
        rack_id=tenant.rack_id,
    )  # fmt: skip
    house.session.add(third)
    house.session.flush()
    house.meter(third)
    house.read(third, 230_000, 6_000)
    (rack,) = [one.risk for one in house.board().risks if one.kind == "rack"]
    assert (rack.lost, rack.measured_a) == ("AB", 8.0)


def test_a_meter_counts_for_one_rack_or_for_none(house: PoweredHouse) -> None:
    tenants = [house.hang(tag, "L1") for tag in "AB"]
    breakers = [
        PowerNode(
            site_id=house.site.id, kind="breaker", code=f"Q{number}", feed="A", rated_a=32,
            volts=230, parent_id=house.panels["A"].id,
        )
        for number in (1, 2)
    ]  # fmt: skip
    house.session.add_all(breakers)
    house.session.flush()
    # Racks whose feed A is read at the breaker alone: 6 A.
    for tenant, breaker in zip(tenants, breakers, strict=True):
        pdu = house.nodes_of(tenant)[0]
        own = Series.power_node_id == pdu.id
        house.session.execute(update(Series).where(own).values(power_node_id=breaker.id))
        pdu.parent_id = breaker.id
        house.session.flush()
        house.read(breaker, 230_000, 6_000)
    assert house.board().load.measured_w == 2 * (6 + 4) * 230
    # Both on one: which of them draws it isn't known, and it isn't counted twice.
    house.nodes_of(tenants[1])[0].parent_id = breakers[0].id
    house.session.flush()
    assert (house.board().load.measured_w, house.board().load.silent) == (0, 2)


def test_what_is_not_read_is_at_least_and_said_loudly(
    house: PoweredHouse, noc: FlaskClient
) -> None:
    house.hang("A", "L1")
    mute = house.hang("B", "L2")
    wanted = [node.id for node in house.nodes_of(mute)]
    ids = select(Series.id).where(Series.power_node_id.in_(wanted))
    house.session.execute(
        text("DELETE FROM series_latest WHERE series_id = ANY(:ids)"),
        {"ids": list(house.session.scalars(ids))},
    )
    house.session.commit()
    board = house.board()
    assert [one.code for one in board.silent] == ["CANARY-B-cab"]
    assert (board.load.share("contracted"), board.load.is_least) == (0.23, True)
    page = noc.get("/noc/power").get_data(as_text=True)
    assert "≥ 23" in page
    assert "no power reading" in page
    assert "1 rack isn't read" in page
    row = page.rsplit("RPP-A</a>", 1)[1].split("</tr>", 1)[0]
    assert "≥" in row.split('data-label="Of derated"', 1)[1].split("</td>", 1)[0]
    banner = page.split('class="stale-banner"', 1)[1].split(">", 1)[0]
    assert "hidden" in banner
    # As if two minutes had gone by without a poll: nothing holds any more.
    house.session.execute(text("UPDATE series_latest SET ts = ts - 120000"))
    house.session.commit()
    board = house.board()
    assert (board.load.silent, board.cabinets[0].share) == (2, None)
    noc.application.extensions.pop("jifang_plant")
    page = noc.get("/noc/power").get_data(as_text=True)
    banner = page.split('class="stale-banner"', 1)[1].split(">", 1)[0]
    assert "hidden" not in banner
    assert page.count('<span class="heat-value">?</span>') == 2


def test_places_narrow_everything(house: PoweredHouse, noc: FlaskClient) -> None:
    house.hang("A", "L1", 9.0)
    assert house.board(row_id=house.row_id).load == house.board().load
    for query in (f"site={house.site.id}", f"room={house.room_id}", f"row={house.row_id}"):
        page = noc.get(f"/noc/power?{query}").get_data(as_text=True)
        assert "CANARY-A-cab" in page, query
        assert "All sites" in page, query
    for query in ("site=999999", "room=999999", f"row={house.row_id}&site=999999"):
        assert noc.get(f"/noc/power?{query}").status_code == 404, query
    assert house.board(site_id=999_999).risks == ()
    assert house.board(site_id=999_999).feeds == ()


def test_what_stands_above_two_rooms_counts_once(house: PoweredHouse) -> None:
    for tag in "ABCD":
        house.hang(tag, "L1", 1.0)
    room = Room(site_id=house.site.id, code="R2", name="房二", name_en="Second")
    row = Row(room=room, code="B", position=1)
    house.session.add_all([room, row])
    house.session.flush()
    moved = Cabinet.code.in_(["CANARY-C-cab", "CANARY-D-cab"])
    house.session.execute(update(Cabinet).where(moved).values(row_id=row.id))
    board = house.board()
    (site,) = board.sites
    # Two circuits of 12.8 A × 230 V a room; the panel above all four gives 3 × 12.8 A × 230 V.
    assert [one.load.derated_w for one in site.rooms] == [5888, 5888]
    assert site.load.derated_w == board.load.derated_w == 8832
    # The control: a panel that is large enough takes nothing away.
    house.session.execute(update(PowerNode).where(PowerNode.kind == "panel").values(rated_a=250))
    assert house.board().load.derated_w == 4 * 2944


def test_wall_has_no_chrome_and_few_risks(house: PoweredHouse, noc: FlaskClient) -> None:
    for tag in "ABCDEFGHIJKL":
        house.hang(tag, "L1")
    page = noc.get("/noc/power?wall=1").get_data(as_text=True)
    assert 'class="face-noc wall"' in page
    assert page.count("<li><div") == 6
    page = noc.get("/noc/power").get_data(as_text=True)
    assert page.count("<li><div") == 12
    everything = noc.get("/noc/power?risks=all").get_data(as_text=True)
    assert everything.count("<li><div") == len(house.board().risks) == 14


def test_statements_do_not_grow_with_the_house_and_are_for_staff(house: PoweredHouse) -> None:
    engine = house.session.get_bind().engine
    tenant = house.hang("A", "L1")
    with Counter(engine) as few:
        house.board()
    for tag in "BCDEFG":
        house.hang(tag, "L2")
    with Counter(engine) as many:
        board = house.board()
    assert len(board.cabinets) == 7
    assert few.count == many.count <= 11
    customer = Scope.customer("x", tenant.customer_id)
    with pytest.raises(ForbiddenError):
        read_house(house.session, customer, house.now)


def test_all_staff_look_at_the_same_for_some_seconds(
    app: Flask,
    house: PoweredHouse,
    noc: FlaskClient,
    make_login: MakeLogin,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tenant = house.hang("A", "L1")
    engine = house.session.get_bind().engine
    other = app.test_client()
    sign_in(other, make_login("auditor", language="zh"))

    def look(client: FlaskClient, query: str = "") -> tuple[int, str]:
        with Counter(engine) as counter:
            page = client.get(f"/noc/power{query}").get_data(as_text=True)
        return counter.count, page

    clock = [time.monotonic()]
    monkeypatch.setattr(plant_memory, "monotonic", lambda: clock[0])
    look(noc)
    first, page = look(noc)
    assert '<span class="heat-value">62</span>' in page
    tag = page.split('hx-headers="', 1)[1].split('"', 1)[0]
    for node in house.nodes_of(tenant):
        house.read(node, 230_000, 2_000)
    house.session.commit()
    assert tag in look(noc)[1]
    # Another person, another place and base: of the same reading, each in their language.
    _cost, page = look(other)
    assert '<span class="heat-value">62</span>' in page
    assert "<title>Power board" not in page
    assert '<span class="heat-value">46</span>' in look(noc, "?of=contracted")[1]
    assert "CANARY-A-cab" not in look(noc, "?site=999999")[1]
    # The control: a little later it is read anew, and that costs what was saved.
    clock[0] += plant_memory.LIVES_S
    again, page = look(noc)
    assert '<span class="heat-value">31</span>' in page
    assert tag not in page
    assert again >= first + 8
    # Nobody else is shown what staff have looked at.
    memory = app.extensions["jifang_plant"]
    for scope in (Scope.customer("x", tenant.customer_id), Scope.customer("y", 999)):
        with pytest.raises(ForbiddenError):
            memory.find(scope, Place(), "derated", lambda: pytest.fail("read"))


def test_all_phases_of_a_meter_are_added_up_and_the_newest_meter_counts(
    house: PoweredHouse,
) -> None:
    house.hang("A", "L1")
    panel = house.panels["A"]
    for slot in ("output-01", "output-02", "output-03"):
        device = house.session.scalar(select(Device).where(Device.name == "ups"))
        device = device or house._add(Device(device_type_id=house.kind_id, name="ups", role="ups"))
        house._add(Series(family="power", device_id=device.id, slot=slot, power_node_id=panel.id))
    wanted = select(Series.id).where(Series.power_node_id == panel.id).order_by(Series.id)
    phases = list(house.session.scalars(wanted))
    at = time.time_ns() // 1_000_000

    def tell(at_ms: int, *watts: int) -> None:
        rows = [
            (number, at_ms, 0, 0, 230_000 + number, mw * 4, mw * 1000, -1)
            for number, mw in zip(phases, watts, strict=False)
        ]
        house.store.append(house.session, "power", rows)
        house.session.commit()

    def read() -> tuple[int | None, int | None, float | None]:
        (one,) = [one.now for one in house.board().feeds if one.now.node.id == panel.id]
        assert one.series_id == phases[0]
        return one.mw, one.ma, one.amps

    tell(at - 30_000, 1000, 2000, 3000)
    # A third of 6 kW a phase, at 231 V (400 V between phases).
    mw, ma, amps = read()
    assert (mw, ma) == (6_000_000, 24_000)
    assert amps == pytest.approx(6000 / 3 / panel_v(house))
    assert watched(house, panel) == (tuple(phases), 3)
    # What isn't reported of one phase isn't known of the sum.
    house.store.append(
        house.session,
        "power",
        [(phases[n], at - 20_000, 0, 0, 230_000, 5, -1 if n == 1 else 7, -1) for n in range(3)],
    )
    house.session.commit()
    assert read() == (None, 15, None)
    rows = list_power_nodes(house.session, SYSTEM, NodeFilter(), EVERYTHING).items
    (row,) = [one for one in rows if one.id == panel.id]
    assert (row.series_id, row.mw, row.ma, row.mv) == (phases[0], None, 15, 230_000)
    # A meter that came later stands for the node alone.
    house.meter(panel)
    newer = max(house.session.scalars(wanted))
    house.store.append(house.session, "power", [(newer, at, 0, 0, 230_000, 9, 9_000, -1)])
    house.session.commit()
    (one,) = [one.now for one in house.board().feeds if one.now.node.id == panel.id]
    assert (one.series_id, one.mw) == (newer, 9_000)
    assert watched(house, panel) == ((newer,), 3)


def watched(house: PoweredHouse, node: PowerNode) -> tuple[tuple[int, ...], float]:
    (found,) = [
        one for one in load_subjects(house.session, ("node_load",))[NODE] if one.id == node.id
    ]
    return found.series["power"], found.facts["phases"]


def panel_v(house: PoweredHouse) -> int:
    return next(one for one in house.board().feeds if one.now.node.kind == "panel").now.node.phase_v


def test_several_pdus_that_bring_one_feed_carry_it_together(house: PoweredHouse) -> None:
    tenant = house.hang("A", "L1")
    house.session.execute(update(PowerNode).where(PowerNode.kind == "panel").values(rated_a=250))

    def circuits() -> dict[str, float]:
        return {
            one.risk.lost: one.risk.measured_share or 0.0
            for one in house.board().risks
            if one.kind == "rack"
        }

    # The control: 4 kW sold are 17.4 A on the one circuit of 12.8 A that a feed has.
    assert set(circuits()) == {"AB"}
    for feed in ("A", "B"):
        house._add_feed("A2", feed, tenant.rack_id)
    for node in house.nodes_of(tenant):
        node.parent_id, node.phase = house.panels[node.feed].id, "L1"
        house.read(node, 230_000, 4000)
    house.session.commit()
    board = house.board()
    # 4 × 4 A; one feed's two circuits carry 2 × 2.944 kW. 17.4 A sold are 8.7 A on each.
    assert (board.load.measured_w, board.load.derated_w) == (3680, 5888)
    assert circuits() == {}
    # Unevenly drawn the fuller one is told: B's carry 7 A and 1 A, so 7/8 of 16 A come to 14 A.
    *_, first, second = house.nodes_of(tenant)
    house.read(first, 230_000, 7000)
    house.read(second, 230_000, 1000)
    house.session.commit()
    assert circuits() == {"A": pytest.approx(14 / 12.8)}


def test_what_a_circuit_may_carry_in_watts_is_by_its_power_factor(house: PoweredHouse) -> None:
    house.hang("A", "L1")
    assert house.board().load.derated_w == 2944
    house.session.execute(
        update(PowerNode).where(PowerNode.kind == "pdu").values(power_factor_pct=90)
    )
    # 12.8 A × 230 V × 0.9; 4 kW sold are 19.3 A.
    board = house.board()
    assert board.load.derated_w == 2650
    (rack,) = [one.risk for one in board.risks if one.kind == "rack"]
    assert rack.contracted_a == pytest.approx(4000 / 0.9 / 230)


def test_a_breaker_that_several_pdus_of_a_feed_share_carries_what_all_of_them_do(
    house: PoweredHouse,
) -> None:
    tenant = house.hang("A", "L1")
    house.session.execute(update(PowerNode).where(PowerNode.kind == "panel").values(rated_a=250))
    breakers = {
        feed: house._add(
            PowerNode(
                site_id=house.site.id, kind="breaker", code=f"Q-{feed}", feed=feed, rated_a=16,
                volts=230, parent_id=panel.id, phase="L1", rack_id=tenant.rack_id,
            )
        )
        for feed, panel in house.panels.items()
    }  # fmt: skip
    for feed in ("A", "B"):
        house._add_feed("A2", feed, tenant.rack_id)
    for node in house.nodes_of(tenant):
        if node.kind == "pdu":
            node.parent_id, node.phase = breakers[node.feed].id, "L1"
            house.read(node, 230_000, 4000)
    house.session.commit()
    board = house.board()
    # 4 × 4 A, of 12.8 A that the breaker may carry, and not of that for each of its two PDUs.
    assert (board.load.measured_w, board.load.derated_w) == (3680, 2944)
    (risk,) = [one.risk for one in board.risks if one.kind == "rack"]
    assert risk.measured_share == pytest.approx(16 / 12.8)
    # The control: on two poles of one that has three phases each carries its own.
    house.session.execute(update(PowerNode).where(PowerNode.kind == "breaker").values(phases=3))
    for node in house.nodes_of(tenant):
        if node.kind == "pdu" and "A2" in node.code:
            node.phase = "L2"
    house.session.commit()
    board = house.board()
    assert board.load.derated_w == 5888
    assert [one for one in board.risks if one.kind == "rack"] == []


def test_current_known_by_power_alone_is_by_the_power_factor(house: PoweredHouse) -> None:
    """As what is sold, and as what flows above."""
    tenant = house.hang("A", "")
    house.session.execute(update(PowerNode).where(PowerNode.kind == "panel").values(rated_a=250))
    house.session.execute(
        update(PowerNode).where(PowerNode.kind == "pdu").values(phases=3, power_factor_pct=80)
    )
    house.session.commit()
    for node in house.nodes_of(tenant):
        house.read(node, 230_000, 16_000)  # 3.68 kW
    house.session.commit()
    (risk,) = [one.risk for one in house.board().risks if one.kind == "rack"]
    amps = 2 * 3680 / 0.8 / (3 * 230)
    assert risk.measured_a == pytest.approx(amps)
    supply = load_supply(house.session, house.now)
    feeds = {tenant.rack_id: supply.feeds_of(tenant.rack_id)}
    end = round(house.now.timestamp() * 1000) + 60_000
    peak = read_peaks(house.session, feeds, end - 120_000, end)[tenant.rack_id]
    assert peak.amps == pytest.approx(amps)
    (subject,) = [
        one
        for one in load_subjects(house.session, ("node_load",))[NODE]
        if one.id == feeds[tenant.rack_id][0].pdu.node.id
    ]
    row = np.array([[end], [0], [0], [230_000], [16_000], [3_680_000], [-1]])
    told = align([Columns.from_matrix(find_family("power"), row)])
    (load,) = QUANTITIES["node_load"].judge(told, subject.facts)
    assert load == pytest.approx(amps / 2 / 12.8 * 100)


def test_what_a_node_was_measured_at_before_is_no_phase_of_it(house: PoweredHouse) -> None:
    house.hang("A", "L1")
    panel = house.panels["A"]
    device = house._add(Device(device_type_id=house.kind_id, name="bcm", role="branch_meter"))
    former, present = (
        house._add(Series(family="power", device_id=device.id, slot=slot, power_node_id=panel.id))
        for slot in ("branch-01", "branch-02")
    )
    panel.meter_device_id, panel.meter_place = device.id, "branch-02"
    at = time.time_ns() // 1_000_000
    rows = [(one.id, at, 0, 0, 230_000, 4000, 1_000_000, -1) for one in (former, present)]
    house.store.append(house.session, "power", rows)
    house.session.commit()

    def read() -> tuple[int | None, int | None]:
        (one,) = [one.now for one in house.board().feeds if one.now.node.id == panel.id]
        return one.series_id, one.mw

    assert read() == (present.id, 1_000_000)
    assert watched(house, panel) == ((present.id,), 3)
    listed = list_power_nodes(house.session, SYSTEM, NodeFilter(), EVERYTHING).items
    assert [one.mw for one in listed if one.id == panel.id] == [1_000_000]
    # Back again: the older one tells, as it is the one that is bound by the place.
    panel.meter_place = "branch-01"
    house.session.commit()
    assert read() == (former.id, 1_000_000)
    # The control: of a place that isn't one thing all are phases.
    panel.meter_place = "branch"
    house.session.commit()
    assert read() == (former.id, 2_000_000)
