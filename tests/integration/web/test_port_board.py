"""The port board: what it remembers is what is committed; what it shows is by the URL."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text

from dcim.accounts.scope import Scope
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.inventory.models import Cabinet, Device, Installation, Rack, Room, Row, Site
from dcim.metering.models import Series
from dcim.network.models import Port, ServiceMembership
from dcim.paging import Paging
from dcim.records.models import SavedView
from dcim.sla import port_board, port_traces
from dcim.sla.port_board import current_ports, forget, prune_board_changes
from dcim.sla.port_board_models import PortBoardChange
from dcim.sla.port_traces import Trace, read_traces
from dcim.sla.ports import PortNow, read_ports
from dcim.sla.usage_month_models import UsageMonth
from dcim.snmp.agents.models import SnmpAgent, SnmpCredential
from dcim.web.noc.ports import WALL_ROWS
from dcim.web.noc.turning import WALL_S, turn_wall
from tests.integration.web.boards import HOSTILE, Counter, House
from tests.integration.web.conftest import Login, sign_in
from tests.integration.web.test_noc_pages import tag_of

MakeLogin = Callable[..., Login]
SYSTEM = Scope.system("test")


@pytest.fixture
def house(session: ScopedSession) -> House:
    return House(session)


def token_of(page: str) -> str:
    return page.split('name="csrf-token" content="', 1)[1].split('"', 1)[0]


def stand(house: House, code: str) -> Site:
    """The switch stands in a cabinet of this site, made now."""
    s = house.session
    site = Site(code=code, name=f"{code}站", name_en=f"{code} site")
    s.add(site)
    s.flush()
    room = Room(site_id=site.id, code="R", name="房", name_en="Room")
    s.add(room)
    s.flush()
    row = Row(room_id=room.id, code="A", position=1)
    s.add(row)
    s.flush()
    cabinet = Cabinet(row_id=row.id, code=f"{code}-C", position=1)
    s.add(cabinet)
    s.flush()
    rack = Rack(cabinet_id=cabinet.id, code="1", u_count=42)
    s.add(rack)
    s.flush()
    s.add(
        Installation(
            device_id=house.switch.id, rack_id=rack.id, u_low=0, height=2, installed_at=house.now
        )
    )
    s.commit()
    return site


def ports_now(sessions: SessionFactory, house: House, at: int = 0) -> list[PortNow]:
    with transaction(sessions, SYSTEM) as session:
        return current_ports(session, SYSTEM, house.now + dt.timedelta(seconds=at)).ports


def test_what_is_remembered_is_what_is_read(house: House, sessions: SessionFactory) -> None:
    house.add_tenant("A", 2)
    assert ports_now(sessions, house) == read_ports(house.session, SYSTEM, house.now)
    # A service begins, a port is renamed, its service ends by itself, its readings grow old.
    tenant = house.add_tenant("B")
    assert ports_now(sessions, house) == read_ports(house.session, SYSTEM, house.now)
    house.session.get_one(Port, tenant.ports[0]).alias = "another"
    member = house.session.scalars(
        select(ServiceMembership).where(ServiceMembership.port_id == tenant.ports[0])
    ).one()
    member.ends_at = house.now + dt.timedelta(seconds=30)
    house.session.commit()
    for later in (0, 31, 95, 200):
        now = house.now + dt.timedelta(seconds=later)
        assert ports_now(sessions, house, later) == read_ports(house.session, SYSTEM, now), later


def test_ports_that_only_cables_know_are_not_on_the_board(
    house: House, sessions: SessionFactory
) -> None:
    house.add_tenant("A")
    house.session.add(Port(device_id=house.switch.id, name="panel", kind="panel", speed_bps=0))
    house.session.commit()
    assert [port.name for port in ports_now(sessions, house)] == ["A/0"]


def test_new_samples_change_their_port_alone(house: House, sessions: SessionFactory) -> None:
    one, two = house.add_tenant("A"), house.add_tenant("B")
    before = {port.id: port for port in ports_now(sessions, house)}
    series = before[one.ports[0]].traffic_id
    assert series is not None
    ms = round(house.now.timestamp() * 1000) + 1
    house.store.append(house.session, "traffic", [(series, ms, 60_000, 0, 7_500_000, 0, 0, 0)])
    house.session.commit()
    after = {port.id: port for port in ports_now(sessions, house, 1)}
    assert after[one.ports[0]].in_bps == 10**6
    # The very same object: nothing of it was worked out again.
    assert after[two.ports[0]] is before[two.ports[0]]


def write_and_fail(house: House, sessions: SessionFactory, port_id: int) -> None:
    """Look at the board from within a transaction that is rolled back."""
    with transaction(sessions, SYSTEM) as session:
        session.get_one(Port, port_id).alias = "never"
        session.flush()
        [port] = current_ports(session, SYSTEM, house.now).ports
        raise LookupError(port.alias)


def test_nothing_rolled_back_is_remembered(house: House, sessions: SessionFactory) -> None:
    tenant = house.add_tenant("A")
    ports_now(sessions, house)
    with pytest.raises(LookupError, match="never"):
        write_and_fail(house, sessions, tenant.ports[0])
    [port] = ports_now(sessions, house)
    assert port.alias != "never"


def test_without_the_notes_a_change_is_missed(house: House, sessions: SessionFactory) -> None:
    """The control: it is the triggers that tell."""
    tenant = house.add_tenant("A")
    ports_now(sessions, house)
    house.session.get_one(Port, tenant.ports[0]).alias = "told"
    house.session.flush()
    house.session.execute(text("DELETE FROM port_board_change"))
    house.session.commit()
    [port] = ports_now(sessions, house)
    assert port.alias != "told"
    forget(house.session)
    [port] = ports_now(sessions, house)
    assert port.alias == "told"


def test_an_agent_puts_its_ports_on_the_board_at_once(
    house: House, sessions: SessionFactory
) -> None:
    house.session.add(Port(device_id=house.switch.id, name="eth0", speed_bps=10**9))
    house.session.commit()
    assert ports_now(sessions, house) == []
    agent = add_agent(house)
    [port] = ports_now(sessions, house)
    assert port.is_polled
    house.session.delete(agent)
    house.session.commit()
    assert ports_now(sessions, house) == []


def add_agent(house: House) -> SnmpAgent:
    credential = SnmpCredential(name="c", version="2c")
    house.session.add(credential)
    house.session.flush()
    agent = SnmpAgent(device_id=house.switch.id, credential_id=credential.id, address="192.0.2.1")
    house.session.add(agent)
    house.session.commit()
    return agent


def test_polls_that_change_nothing_it_says_leave_no_note(house: House) -> None:
    """Or each full read of a device would have the whole board read anew."""
    house.add_tenant("A")
    agent = add_agent(house)
    s = house.session
    s.execute(text("DELETE FROM port_board_change"))
    agent.last_poll_at = house.now
    s.flush()
    s.execute(text("UPDATE port SET alias = 'x' WHERE alias <> alias"))
    s.execute(text("UPDATE series SET slot = slot WHERE false"))
    s.commit()
    assert s.scalars(select(PortBoardChange)).all() == []
    s.execute(text("UPDATE port SET alias = 'x'"))
    s.execute(text("UPDATE port SET alias = 'y'"))
    s.commit()
    assert len(s.scalars(select(PortBoardChange)).all()) == 1


def test_what_broke_off_half_way_is_not_lost(
    house: House, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.add_tenant("A")
    [port] = ports_now(sessions, house)
    assert port.traffic_id is not None
    ms = round(house.now.timestamp() * 1000) + 1
    house.store.append(
        house.session, "traffic", [(port.traffic_id, ms, 60_000, 0, 7_500_000, 0, 0, 0)]
    )
    house.session.commit()

    def fail(*_args: object) -> PortNow:
        raise LookupError

    with monkeypatch.context() as patch:
        patch.setattr(port_board, "judge_port", fail)
        with pytest.raises(LookupError):
            ports_now(sessions, house, 1)
    [port] = ports_now(sessions, house, 1)
    assert port.in_bps == 10**6


def test_notes_are_pruned(house: House, session: ScopedSession) -> None:
    house.add_tenant("A")
    assert session.scalars(select(PortBoardChange)).all()
    assert prune_board_changes(session, house.now - dt.timedelta(days=1)) == 0
    assert prune_board_changes(session, house.now + dt.timedelta(days=2)) > 0
    assert not session.scalars(select(PortBoardChange)).all()


def test_a_board_of_one_site(
    noc: FlaskClient, house: House, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    house.add_tenant("A", 2)
    site = stand(house, "S2")
    other = Device(device_type_id=house.kind_id, name="elsewhere", role="access")
    house.session.add(other)
    house.session.flush()
    port = Port(device_id=other.id, name="Z/9", speed_bps=10**9)
    house.session.add(port)
    house.session.flush()
    house.measure_port(port.id)
    house.session.commit()
    everything = noc.get("/noc/").get_data(as_text=True)
    assert "Z/9</a>" in everything
    assert "S2 site (2)" in everything
    page = noc.get(f"/noc/?site={site.id}").get_data(as_text=True)
    assert "A/0</a>" in page
    assert "Z/9</a>" not in page
    assert "A/0</a>" not in noc.get("/noc/?site=999999").get_data(as_text=True)
    # With very many ports it is the largest site's, and all together aren't offered.
    monkeypatch.setattr(port_board, "MANY_PORTS", 2)
    forget(house.session)
    page = noc.get("/noc/").get_data(as_text=True)
    assert "Z/9</a>" not in page
    assert "All sites" not in page
    assert "All sites" in everything


def test_groups_and_tops(noc: FlaskClient, house: House) -> None:
    house.add_tenant("A", 3)
    house.add_tenant("B")
    stand(house, "S2")
    for group, rows in (
        ("site", 1),
        ("carrier", 1),
        ("customer", 2),
        ("device", 1),
        ("service", 4),
    ):
        page = noc.get(f"/noc/?group={group}").get_data(as_text=True)
        assert page.count('class="group-row"') == rows, group
    page = noc.get("/noc/?group=customer").get_data(as_text=True)
    row = page.split('class="group-row"', 1)[1].split("</tr>", 1)[0]
    assert "3 ports" in row
    assert "in 120 Mbps, out 24 Mbps" in row
    house.add_tenant("C", 9)
    page = noc.get("/noc/?top=10&sort=-in").get_data(as_text=True)
    assert page.count('data-label="State"') == 10
    assert noc.get("/noc/?top=13").get_data(as_text=True).count('data-label="State"') == 13


def test_sums_of_a_group_are_never_old(noc: FlaskClient, house: House) -> None:
    """Also where nothing of the page's own ports has changed: the last one is on the next page."""
    tenant = house.add_tenant("A", 51)
    path = "/noc/?group=customer&sort=port"
    page = noc.get(path).get_data(as_text=True)
    assert "A/49</a>" in page
    assert "A/50</a>" not in page
    asked = {"HX-Request": "true", "If-None-Match": tag_of(page)}
    assert noc.get(path, headers=asked).status_code == 304
    series = house.session.scalars(
        select(Series.id).where(Series.port_id == tenant.ports[-1], Series.family == "traffic")
    ).one()
    ms = round(house.now.timestamp() * 1000) + 1
    house.store.append(house.session, "traffic", [(series, ms, 60_000, 0, 0, 0, 0, 0)])
    house.session.commit()
    answer = noc.get(path, headers=asked)
    assert answer.status_code == 200
    assert "in 2 Gbps, out 400 Mbps" in answer.get_data(as_text=True)


def test_the_month_so_far_and_where_it_ends(noc: FlaskClient, house: House) -> None:
    few, much = house.add_tenant("A"), house.add_tenant("B")
    for tenant, rate in ((few, 30), (much, 70)):
        house.session.add(
            UsageMonth(
                customer_id=tenant.customer_id, service_id=tenant.service_ids[0], period="2026-11",
                starts_at=house.now - dt.timedelta(days=9), tried_at=house.now, as_of=house.now,
                ends_at=house.now + dt.timedelta(days=9), currency="CNY", percentile="95",
                interval_s=300, min_cover=Decimal(50), ports=1, line="out",
                point_bps=rate * 10**6, billed_bps=10**8, forecast_bps=(rate + 5) * 10**6,
            )
        )  # fmt: skip
    house.session.commit()
    page = noc.get("/noc/?sort=-p95").get_data(as_text=True)
    assert page.index("B/0</a>") < page.index("A/0</a>")
    cell = page.split('data-label="p95 so far"', 1)[1].split("</td>", 1)[0]
    assert '70<span class="unit">Mbps' in cell
    assert "→ 75 Mbps" in cell


def test_boards_are_kept_and_shared(
    app: Flask, noc: FlaskClient, make_login: MakeLogin, house: House
) -> None:
    house.add_tenant("A")
    page = noc.get("/noc/?sort=-share&group=site").get_data(as_text=True)
    form = {"csrf_token": token_of(page), "name": f"full {HOSTILE}"}
    # What the board doesn't know isn't kept.
    this = "/noc/boards?sort=-share&group=site&state=burning&top=7&page=3&next=//elsewhere.example"
    answer = noc.post(this, data=form)
    assert (answer.status_code, answer.location) == (303, "/noc/?sort=-share&group=site")
    kept = house.session.scalars(select(SavedView)).one()
    assert (kept.kind, kept.shared) == ("port_board", False)
    page = noc.get("/noc/").get_data(as_text=True)
    assert 'href="/noc/?sort=-share&amp;group=site"' in page
    assert HOSTILE not in page
    other = app.test_client()
    sign_in(other, make_login("staff"))
    assert "sort=-share&amp;group=site" not in other.get("/noc/").get_data(as_text=True)
    noc.post(this, data=form | {"shared": "1"})
    theirs = other.get("/noc/").get_data(as_text=True)
    assert "sort=-share&amp;group=site" in theirs
    # Nobody deletes another's.
    gone = {"csrf_token": token_of(theirs), "deed": "forget", "view": str(kept.id)}
    other.post("/noc/boards", data=gone)
    assert house.session.scalars(select(SavedView)).one_or_none() is not None
    noc.post("/noc/boards", data=gone | {"csrf_token": token_of(page)})
    house.session.expire_all()
    assert house.session.scalars(select(SavedView)).one_or_none() is None
    # Nameless is refused with words, and nothing breaks.
    answer = noc.post("/noc/boards", data=form | {"name": " "}, follow_redirects=True)
    assert "A view needs a name" in answer.get_data(as_text=True)


def test_on_a_wall_there_is_nothing_around_it_and_pages_turn(
    noc: FlaskClient, house: House
) -> None:
    house.add_tenant("A", WALL_ROWS + 2)
    page = noc.get("/noc/?wall=1").get_data(as_text=True)
    assert "<form" not in page.split("<main", 1)[1]
    assert 'class="face-noc wall"' in page
    now = dt.datetime(2026, 11, 27, tzinfo=dt.UTC)
    turns = [
        turn_wall(Paging(1, 16), 40, now + dt.timedelta(seconds=WALL_S * n)).page for n in range(4)
    ]
    assert sorted(turns[:3]) == [1, 2, 3]
    assert turns[3] == turns[0]


def test_old_data_is_said_loudly(noc: FlaskClient, house: House) -> None:
    house.add_tenant("A")
    page = noc.get("/noc/").get_data(as_text=True)
    banner = page.split('class="stale-banner"', 1)[1].split(">", 1)[0]
    # Hidden, and for the browser to show when the server falls silent.
    assert banner.endswith("hidden")
    assert "data-banner" in banner
    house.session.execute(text("UPDATE series_latest SET ts = ts - 400000"))
    house.session.commit()
    forget(house.session)
    page = noc.get("/noc/").get_data(as_text=True)
    assert not page.split('class="stale-banner"', 1)[1].split(">", 1)[0].endswith("hidden")


def test_a_day_is_read_once_and_then_what_came_since(
    house: House, sessions: SessionFactory, session: ScopedSession
) -> None:
    tenant = house.add_tenant("A")
    engine = session.get_bind().engine
    now = house.now
    series = {
        family: session.scalars(
            select(Series.id).where(Series.port_id == tenant.ports[0], Series.family == family)
        ).one()
        for family in ("traffic", "state")
    }
    ms = round(now.timestamp() * 1000)

    def trace(later: int) -> tuple[Trace, int]:
        at = now + dt.timedelta(seconds=later)
        with transaction(sessions, SYSTEM) as fresh:
            [port] = current_ports(fresh, SYSTEM, at).ports
            with Counter(engine) as counted:
                [found] = read_traces(fresh, [port], at).values()
        return found, counted.count

    _first, cost = trace(0)
    again, none = trace(0)
    assert cost > 0
    assert none == 0
    # Half an hour later it went down and counted errors.
    minutes = range(1, 31)
    house.store.append(
        session,
        "traffic",
        [(series["traffic"], ms + 60_000 * n, 60_000, 0, 0, 750_000_000, 3, 0) for n in minutes],
    )
    house.store.append(
        session,
        "state",
        [(series["state"], ms + 60_000 * n, 0, 0, 2 if n > 20 else 1) for n in minutes],
    )
    session.commit()
    later, _cost = trace(1_801)
    port_traces._memories.clear()
    afresh, _cost = trace(1_801)
    assert later == afresh
    assert later != again
    assert later.errors == 90
    assert later.since == dt.datetime.fromtimestamp(ms / 1000 + 21 * 60, dt.UTC)


def test_what_waited_in_a_poller_comes_into_the_day(
    house: House, sessions: SessionFactory, session: ScopedSession
) -> None:
    """Hours late and piece by piece, with somebody looking between two pieces."""
    house.add_tenant("A")
    start = round(house.now.timestamp() * 1000)

    def look(later: int) -> Trace:
        at = house.now + dt.timedelta(seconds=later)
        with transaction(sessions, SYSTEM) as fresh:
            [port] = current_ports(fresh, SYSTEM, at).ports
            [found] = read_traces(fresh, [port], at).values()
        return found

    [port] = ports_now(sessions, house)
    assert port.traffic_id is not None
    traffic_id = port.traffic_id
    look(0)
    look(7_200)
    for piece in range(2):
        minutes = range(1 + 60 * piece, 61 + 60 * piece)
        house.store.append(
            session,
            "traffic",
            [(traffic_id, start + 60_000 * n, 60_000, 0, 0, 7_500_000, 1, 0) for n in minutes],
        )
        session.commit()
        late = look(7_210 + piece)
    port_traces._memories.clear()
    assert late == look(7_212)
    assert late.errors == 120


def test_a_day_is_told_also_to_whose_clock_is_behind(
    house: House, sessions: SessionFactory
) -> None:
    house.add_tenant("A")
    with transaction(sessions, SYSTEM) as session:
        ports = current_ports(session, SYSTEM, house.now).ports
        ahead = read_traces(session, ports, house.now + dt.timedelta(minutes=45))
        assert read_traces(session, ports, house.now) == ahead
