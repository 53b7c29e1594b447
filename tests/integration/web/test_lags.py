"""LAGs on the NOC's pages, and that no sum counts both a LAG and its members."""

import datetime as dt

import pytest
from flask.testing import FlaskClient
from sqlalchemy import select, text, update
from sqlalchemy.dialects import postgresql

from dcim.accounts.scope import Scope
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.errors import ForbiddenError
from dcim.metering.models import Series
from dcim.network.models import Circuit, Port, ServiceMembership
from dcim.sla.aggregates import Aggregate, read_aggregates
from dcim.sla.lags import read_lags
from dcim.sla.ports import read_ports, select_board_ports
from dcim.sla.traffic_months import Grouping
from dcim.sla.traffic_rounds import DAYS_AT_ONCE, measure_traffic
from dcim.snmp.agents.models import LagMember
from tests.integration.web.boards import HOSTILE, Counter
from tests.integration.web.test_aggregates import GBPS, NOW, PATH, STAFF, Uplinks
from tests.integration.web.test_noc_pages import tag_of

MBPS = 10**6
UPLINK_SUMS: tuple[Grouping, ...] = ("carrier", "site")
LONG_AGO = NOW - dt.timedelta(days=50)


class Lags(Uplinks):
    """Ports of the switch that is measured as all are: 40 Mbit/s in, 8 out."""

    def port(self, name: str, *, measured: bool = True, state: int = 1) -> Port:
        port = Port(
            device_id=self.house.switch.id, name=name, speed_bps=10 * GBPS, role="uplink",
            alias=f"to the core {HOSTILE}",
        )  # fmt: skip
        self._add(port)
        if measured:
            self.house.measure_port(port.id, state=state)
        self.session.commit()
        return port

    def bundle(
        self,
        lag: str,
        *names: str,
        since: dt.datetime = LONG_AGO,
        until: dt.datetime | None = None,
        detached: dt.datetime | None = None,
    ) -> None:
        for name in names:
            self._add(
                LagMember(
                    device_id=self.house.switch.id, lag_name=lag, port_name=name,
                    starts_at=since, ends_at=until, detached_at=detached,
                )
            )  # fmt: skip
        self.session.commit()

    def read(self, sessions: SessionFactory, grouping: Grouping) -> Aggregate:
        """After a round, as it is now."""
        measure_traffic(sessions, NOW)
        self.session.expire_all()
        return read_aggregates(self.session, STAFF, grouping, NOW, "UTC")[0]

    def p95(self, sessions: SessionFactory, grouping: Grouping) -> int | None:
        month = self.read(sessions, grouping).month
        return None if month is None else month.in_p95


@pytest.fixture
def lags(session: ScopedSession) -> Lags:
    return Lags(session)


@pytest.fixture
def noc(noc: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    from dcim.web.noc import aggregates, port

    for module in (aggregates, port):
        monkeypatch.setattr(module, "utc_now", lambda: NOW)
    return noc


def test_lines_on_a_lag_and_on_its_members_count_once(
    lags: Lags, session: ScopedSession, sessions: SessionFactory, noc: FlaskClient
) -> None:
    for number in ("L1", "L2"):
        lags.add_line(number)
    of_lag = lags.add_line("LAG")
    of_lag.capacity_bps, of_lag.commit_bps = 20 * GBPS, 0
    lags.add_line("L4", measured=False)
    session.commit()
    # The control: nothing knows of the LAG, and its traffic counts three times.
    for grouping in UPLINK_SUMS:
        assert lags.p95(sessions, grouping) == 120 * MBPS
    lags.bundle("xe-LAG", "xe-L1", "xe-L2", "xe-L4")
    for grouping in UPLINK_SUMS:
        one = lags.read(sessions, grouping)
        assert one.month is not None
        assert (one.month.in_p95, one.month.out_p95) == (40 * MBPS, 8 * MBPS)
        # The member that isn't measured isn't missing either: the LAG has what it carries.
        assert (one.lines, one.inside, one.members, one.unmeasured) == (4, 3, 4, 0)
        # What says more: 20 Gbit/s of the LAG's line or 3 × 10; no commit or 3 × 2.
        assert (one.capacity, one.bought) == (30 * GBPS, 6 * GBPS)
    page = noc.get(PATH).text
    assert "counted once: 3" in page
    # Each line by itself is what its port carries.
    by_line = {
        one.code: one.month.in_p95 if one.month else None
        for one in read_aggregates(session, STAFF, "line", NOW, "UTC")
    }
    assert by_line == {"L1": 40 * MBPS, "L2": 40 * MBPS, "LAG": 40 * MBPS, "L4": None}


def test_members_count_while_they_are_not_in_a_lag_that_is_measured(
    lags: Lags, session: ScopedSession, sessions: SessionFactory
) -> None:
    lags.add_line("L1")
    lag = lags.add_line("LAG")
    # It left before anything was measured, or comes after.
    before = dt.datetime(2026, 11, 20, 11, 0, tzinfo=dt.UTC)
    lags.bundle("xe-LAG", "xe-L1", until=before)
    assert lags.p95(sessions, "carrier") == 80 * MBPS
    session.execute(update(LagMember).values(starts_at=NOW, ends_at=None))
    session.commit()
    assert lags.p95(sessions, "carrier") == 80 * MBPS
    session.execute(update(LagMember).values(starts_at=LONG_AGO))
    session.commit()
    assert lags.p95(sessions, "carrier") == 40 * MBPS
    # The LAG's line ends elsewhere: its members' lines are what is left to count.
    session.get_one(Circuit, lag.id).port_id = None
    session.commit()
    one = lags.read(sessions, "carrier")
    assert one.month is not None
    assert (one.month.in_p95, one.members, one.unmeasured) == (40 * MBPS, 2, 1)


def test_a_customer_with_services_on_a_lag_and_on_a_member_counts_once(
    lags: Lags, session: ScopedSession, sessions: SessionFactory
) -> None:
    tenant = lags.house.add_tenant("A", 3)
    assert lags.p95(sessions, "customer") == 120 * MBPS
    lags.bundle("A/0", "A/1", "A/2")
    one = lags.read(sessions, "customer")
    assert one.month is not None
    assert (one.month.in_p95, one.members, one.unmeasured) == (40 * MBPS, 3, 0)
    # Services are sold one by one, whatever carries them.
    assert one.services == 3
    # What another customer has on a member is that one's own.
    other = lags.house.add_tenant("B")
    session.execute(
        update(ServiceMembership)
        .where(ServiceMembership.port_id == other.ports[0])
        .values(ends_at=LONG_AGO)
    )
    (moved,) = session.scalars(
        select(ServiceMembership).where(ServiceMembership.port_id == tenant.ports[1])
    )
    moved.ends_at = NOW - dt.timedelta(days=1)
    service_id = session.scalar(
        select(ServiceMembership.service_id).where(ServiceMembership.port_id == other.ports[0])
    )
    session.add(
        ServiceMembership(
            service_id=service_id, customer_id=other.customer_id, port_id=tenant.ports[1],
            starts_at=NOW - dt.timedelta(days=1),
        )
    )  # fmt: skip
    session.commit()
    measure_traffic(sessions, NOW)
    session.expire_all()
    told = read_aggregates(session, STAFF, "customer", NOW, "UTC")
    assert [one.month.in_p95 if one.month else None for one in told] == [40 * MBPS, 40 * MBPS]


def test_lags_are_told_with_what_they_lack(
    lags: Lags, session: ScopedSession, sessions: SessionFactory, noc: FlaskClient
) -> None:
    assert "No LAG is known" in noc.get(f"{PATH}?by=lag").text
    for name in ("ae0", "xe-1", "xe-2"):
        lags.port(name)
    lags.port("xe-3", state=2)
    lags.bundle("ae0", "xe-1", "xe-2", "xe-3")
    lags.bundle("ae0", "xe-4", detached=NOW - dt.timedelta(hours=3))
    lags.bundle("ae9", "xe-5")
    # Two members of a LAG that nothing measures itself.
    for name, measured in (("ae1", False), ("ge-1", True), ("ge-2", True)):
        lags.port(name, measured=measured)
    lags.bundle("ae1", "ge-1", "ge-2")
    # One of whose members the inventory knows none.
    lags.port("ae2")
    lags.bundle("ae2", "et-1")
    report = measure_traffic(sessions, NOW)
    assert (report.failed, report.done) == (0, 1 + DAYS_AT_ONCE)
    session.expire_all()
    first, second, third = read_aggregates(session, STAFF, "lag", NOW, "UTC")
    assert third.lag is not None
    assert (third.lag.state, third.lag.in_bps, third.capacity) == ("unknown", 40 * MBPS, 0)
    assert third.month is not None
    assert third.month.in_p95 == 40 * MBPS
    lag = first.lag
    assert lag is not None
    assert (lag.state, lag.up, len(lag.members)) == ("degraded", 2, 4)
    # One of the four isn't in the inventory; of those that are one is down.
    assert (lag.speed_bps, lag.full_speed_bps) == (20 * GBPS, 30 * GBPS)
    assert (lag.in_bps, lag.out_bps, lag.share) == (40 * MBPS, 8 * MBPS, 40 / 20_000)
    assert first.month is not None
    assert (first.month.in_p95, first.members, first.unmeasured) == (40 * MBPS, 1, 0)
    assert second.lag is not None
    assert (second.lag.state, second.lag.in_bps, second.lag.imbalance) == ("ok", 80 * MBPS, None)
    assert second.month is not None
    assert (second.month.in_p95, second.members) == (80 * MBPS, 2)
    page = noc.get(f"{PATH}?by=lag&sort=state").text
    for words in ("2 of 4 up", "2 of 2 up", "left out, seen 11-20", "1 LAG's own interface",
                  "too little data"):  # fmt: skip
        assert words in page, words
    assert page.index("2 of 4 up") < page.index("2 of 2 up")
    assert HOSTILE not in page
    assert "2 of 4 up" not in noc.get(f"{PATH}?by=lag&q=ae1").text
    with pytest.raises(ForbiddenError):
        read_lags(session, Scope(actor="x", customer_id=1, is_staff=False), NOW)


def test_states_and_imbalance_follow_the_members(lags: Lags, session: ScopedSession) -> None:
    for name in ("ae0", "xe-1", "xe-2"):
        lags.port(name, measured=False)
    lags.bundle("ae0", "xe-1", "xe-2")
    (lag,) = read_lags(session, STAFF, NOW)
    # Nobody knows: that is neither whole nor degraded, and it has no speed.
    assert (lag.state, lag.up, lag.unknown) == ("unknown", 0, 2)
    assert (lag.share, lag.in_bps) == (None, None)
    for name, bits in (("xe-1", 3 * GBPS), ("xe-2", 1 * GBPS)):
        port = session.scalars(select(Port).where(Port.name == name)).one()
        lags.house.measure_port(port.id)
        series_id = session.scalars(
            select(Series.id).where(Series.port_id == port.id, Series.family == "traffic")
        ).one()
        later = round(NOW.timestamp() * 1000) + 1000
        row = (series_id, later, 60_000, 0, bits * 60 // 8, 60_000_000, 0, 0)
        lags.house.store.append(session, "traffic", [row])
    session.commit()
    (lag,) = read_lags(session, STAFF, NOW)
    assert (lag.state, lag.in_bps, lag.out_bps) == ("ok", 4 * GBPS, 16 * MBPS)
    assert lag.imbalance is not None
    assert (lag.imbalance[0].name, lag.imbalance[1]) == ("xe-1", 1.5)
    session.execute(update(LagMember).values(detached_at=NOW))
    session.commit()
    (lag,) = read_lags(session, STAFF, NOW)
    assert (lag.state, lag.up, lag.imbalance) == ("down", 0, None)


def test_ports_tell_their_lag_and_the_board_counts_it_once(
    lags: Lags, session: ScopedSession, noc: FlaskClient
) -> None:
    ports = {name: lags.port(name).id for name in ("ae0", "xe-1", "xe-2", "xe-3")}
    assert "Members of this LAG" not in noc.get(f"/noc/ports/{ports['ae0']}").text
    lags.bundle("ae0", "xe-1", "xe-2")
    lags.bundle("ae0", "xe-3", until=NOW - dt.timedelta(days=2))
    lags.bundle("ae7", "xe-3", detached=NOW)
    own = noc.get(f"/noc/ports/{ports['ae0']}").text
    for words in ("Members of this LAG", "2 of 2 up", f"/noc/ports/{ports['xe-2']}",
                  "was in ae0"):  # fmt: skip
        assert words in own, words
    assert HOSTILE not in own
    member = noc.get(f"/noc/ports/{ports['xe-1']}").text
    assert "Member of" in member
    assert f'href="/noc/ports/{ports["ae0"]}"' in member
    former = noc.get(f"/noc/ports/{ports['xe-3']}").text
    assert "Member of ae7, whose own interface isn" in former
    assert "was in ae0" in former
    board = noc.get("/noc/?group=device&q=ae0").text
    assert 'title="Member of this LAG">ae0</a>' in board
    row = board.split('class="group-row"', 1)[1].split("</tr>", 1)[0]
    assert "3 ports" in row


def test_the_board_follows_memberships(
    lags: Lags, session: ScopedSession, sessions: SessionFactory
) -> None:
    from dcim.sla.port_board import current_ports
    from dcim.web.noc.ports import sum_rates

    for name in ("ae0", "xe-1", "xe-2"):
        lags.port(name)

    def told() -> tuple[dict[str, str | None], int]:
        with transaction(sessions, STAFF) as own:
            ports = current_ports(own, STAFF, NOW).ports
        return {one.name: one.lag_name for one in ports}, sum_rates(ports)[0]

    assert told() == ({"ae0": None, "xe-1": None, "xe-2": None}, 120 * MBPS)
    lags.bundle("ae0", "xe-1", "xe-2")
    assert told() == ({"ae0": None, "xe-1": "ae0", "xe-2": "ae0"}, 40 * MBPS)
    # Of a LAG whose load nobody knows its members are all there is.
    with transaction(sessions, STAFF) as own:
        own.execute(text("UPDATE series SET port_id = NULL WHERE slot = :slot"), {
            "slot": f"t{session.scalar(select(Port.id).where(Port.name == 'ae0'))}"
        })  # fmt: skip
    assert told()[1] == 80 * MBPS
    session.execute(update(LagMember).values(ends_at=NOW))
    session.commit()
    assert told()[0] == {"ae0": None, "xe-1": None, "xe-2": None}


def test_the_page_is_304_while_nothing_changed_and_costs_the_same_for_more(
    lags: Lags, session: ScopedSession, sessions: SessionFactory, noc: FlaskClient
) -> None:
    engine = session.get_bind().engine

    def add(tag: str) -> int:
        lag = lags.port(f"ae{tag}")
        for number in range(3):
            lags.port(f"xe-{tag}-{number}")
        lags.bundle(f"ae{tag}", *(f"xe-{tag}-{number}" for number in range(3)))
        return lag.id

    first = add("0")
    measure_traffic(sessions, NOW)
    url = f"{PATH}?by=lag"
    tag = tag_of(noc.get(url).text)
    part = {"HX-Request": "true", "If-None-Match": tag}
    assert noc.get(url, headers=part).status_code == 304
    counts = {}
    for path in (url, f"/noc/ports/{first}"):
        with Counter(engine) as counter:
            assert noc.get(path).status_code == 200
        counts[path] = counter.count
    for number in range(1, 6):
        add(str(number))
    measure_traffic(sessions, NOW)
    assert noc.get(url, headers=part).status_code == 200
    for path, before in counts.items():
        with Counter(engine) as counter:
            noc.get(path)
        assert counter.count <= before, path
    assert counts[url] < 15


def test_a_port_finds_its_lag_by_name_and_not_among_all_ports_of_its_device(lags: Lags) -> None:
    """Joined by the port's device, PostgreSQL went through all ports of it for each of 490,000:
    9.3 s instead of 5.4. A small house's plan doesn't show that, so its statement has to."""
    lags.bundle("Po1", "Te1")
    dialect = postgresql.dialect()  # type: ignore[no-untyped-call]
    statement = str(select_board_ports(NOW).compile(dialect=dialect))
    joined = "JOIN port AS port_1 ON port_1.device_id = lag_member.device_id AND"
    assert statement.count(joined) == 1
    member, lag = lags.port("Te1"), lags.port("Po1")
    (found,) = read_ports(lags.session, STAFF, NOW, port_id=member.id)
    assert (found.lag_id, found.lag_name) == (lag.id, "Po1")
