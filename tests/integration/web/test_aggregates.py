"""Sums of lines, carriers, sites and customers: the rounds that add them up, and their page."""

import datetime as dt
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select, text

from dcim.accounts.scope import Scope
from dcim.db import ScopedSession, SessionFactory
from dcim.due import defer_traffic
from dcim.errors import ForbiddenError
from dcim.inventory.models import Allocation, Cabinet, Installation, Rack
from dcim.jobs import make_app
from dcim.metering.codec import DamagedBlockError
from dcim.metering.day_bins import unpack_day
from dcim.network.models import BandwidthService, Carrier, Circuit, Port, ServiceMembership
from dcim.sla import traffic_months, traffic_rounds
from dcim.sla.aggregates import read_aggregates
from dcim.sla.traffic_day_models import TrafficDay
from dcim.sla.traffic_rounds import DAYS_AT_ONCE, INTERVAL_MS, measure_traffic
from tests.integration.web.boards import HOSTILE, Counter, House
from tests.integration.web.conftest import Login, sign_in
from tests.integration.web.test_noc_pages import tag_of

PATH = "/noc/aggregates"
# In the middle of a UTC day and of a month, so that neither ends within a test.
NOW = dt.datetime(2026, 11, 20, 12, 0, 0, tzinfo=dt.UTC)
STAFF = Scope.system("test")
GBPS = 10**9


class Uplinks:
    """A carrier with lines on ports of the house's switch, which stands at its site."""

    def __init__(self, session: ScopedSession) -> None:
        self.session, self.house = session, House(session)
        self.house.now = NOW
        cabinet = Cabinet(row_id=self.house.row_id, code="NET", position=99)
        self._add(cabinet)
        rack = Rack(cabinet_id=cabinet.id, code="1", u_count=42)
        self._add(rack)
        self._add(
            Installation(
                device_id=self.house.switch.id, rack_id=rack.id, u_low=0, height=2,
                installed_at=NOW - dt.timedelta(days=300),
            )
        )  # fmt: skip
        self.carrier = Carrier(code="CT", name="电信", name_en=f"Telecom {HOSTILE}", kind="telecom")
        self._add(self.carrier)
        session.commit()

    def _add(self, row: object) -> None:
        self.session.add(row)
        self.session.flush()

    def add_line(
        self, number: str, *, measured: bool = True, kind: str = "transit", mode: str = "p95"
    ) -> Circuit:
        port = Port(
            device_id=self.house.switch.id, name=f"xe-{number}", speed_bps=10 * GBPS, role="uplink"
        )
        self._add(port)
        if measured:
            self.house.measure_port(port.id)
        line = Circuit(
            number=number, carrier_id=self.carrier.id, kind=kind, site_id=self.house.site.id,
            capacity_bps=10 * GBPS, commit_bps=2 * GBPS, charging_mode=mode,
            monthly_fee=Decimal(9), starts_on=NOW.date(), port_id=port.id,
        )  # fmt: skip
        self._add(line)
        self.session.commit()
        return line


@pytest.fixture
def uplinks(session: ScopedSession) -> Uplinks:
    return Uplinks(session)


@pytest.fixture
def noc(noc: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> FlaskClient:
    from dcim.web.noc import aggregates

    monkeypatch.setattr(aggregates, "utc_now", lambda: NOW)
    return noc


def rows_of(session: ScopedSession, column: str) -> list[TrafficDay]:
    found = session.scalars(select(TrafficDay).order_by(TrafficDay.day))
    return [row for row in found if getattr(row, column) is not None]


def test_lines_are_added_up_bin_by_bin_and_what_is_not_measured_is_told(
    uplinks: Uplinks, session: ScopedSession, sessions: SessionFactory, noc: FlaskClient
) -> None:
    first, second = uplinks.add_line("L1"), uplinks.add_line("L2")
    uplinks.add_line("L3", measured=False)
    uplinks.add_line("L4", kind="dedicated", mode="flat")
    uplinks.house.add_tenant("A", 2)
    report = measure_traffic(sessions, NOW)
    # Today of lines and of customers, and the days before for customers alone.
    assert (report.done, report.left) == (2 + DAYS_AT_ONCE, 0)
    session.expire_all()
    lines = {row.circuit_id: row for row in rows_of(session, "circuit_id")}
    (carrier,) = rows_of(session, "carrier_id")
    (site,) = rows_of(session, "site_id")
    # 40 Mbit/s in, 8 out, over ten minutes: two lines are 80 and 16, the dedicated one isn't in.
    assert lines[first.id].in_p95_bps == lines[second.id].in_p95_bps == 40_000_000
    for row in (carrier, site):
        assert (row.in_p95_bps, row.out_p95_bps) == (80_000_000, 16_000_000)
        assert (row.members, row.unmeasured) == (3, 1)
    customer = rows_of(session, "customer_id")[-1]
    assert (customer.members, customer.in_p95_bps) == (2, 80_000_000)
    (told,) = read_aggregates(session, STAFF, "customer", NOW, "UTC")
    assert told.newest is not None
    assert (told.newest.in_bps, told.newest.out_bps) == (80_000_000, 16_000_000)
    # Bins that aren't whole yet are not in it: the newest minutes would be too low a rate.
    day_ms = round(dt.datetime(2026, 11, 20, tzinfo=dt.UTC).timestamp() * 1000)
    covered = unpack_day(carrier.bins, day_ms, INTERVAL_MS).covered_ms
    assert covered[144:].sum() == 0
    page = noc.get(PATH).text
    for words in ("Telecom", '80<span class="unit">Mbps', "not measured, in no sum: 1 of 3"):
        assert words in page, words
    assert HOSTILE not in page
    # Bought: three commits of 2 Gbit/s; by line the flat one counts with its capacity.
    assert '6.0<span class="unit">Gbps' in page or '6<span class="unit">Gbps' in page
    assert "too little data (0 days)" in page
    by_line = noc.get(f"{PATH}?by=line&sort=-bought").text
    assert by_line.index(">L4<") < by_line.index(">L1<")
    assert f"/noc/ports/{first.port_id}" in by_line
    assert ">L1<" not in noc.get(f"{PATH}?by=line&q=l4").text


def test_contention_is_what_is_sold_for_what_is_bought(
    uplinks: Uplinks, session: ScopedSession, noc: FlaskClient
) -> None:
    page = noc.get(f"{PATH}?by=line").text
    assert "Nothing fits" in page
    assert "/staff/circuits" in page
    uplinks.add_line("L1")
    uplinks.house.add_tenant("A", 3)
    for service in session.scalars(select(BandwidthService)):
        service.carrier_id, service.commit_bps, service.ceiling_bps = (
            uplinks.carrier.id, GBPS, 2 * GBPS,
        )  # fmt: skip
    session.commit()
    (carrier,) = read_aggregates(session, STAFF, "carrier", NOW, "Asia/Shanghai")
    assert (carrier.bought, carrier.sold, carrier.sold_most) == (2 * GBPS, 3 * GBPS, 6 * GBPS)
    assert carrier.contention == 1.5
    (site,) = read_aggregates(session, STAFF, "site", NOW, "Asia/Shanghai")
    assert (site.services, site.contention) == (3, 1.5)
    assert '1.50<span class="unit">: 1' in noc.get(PATH).text
    with pytest.raises(ForbiddenError):
        read_aggregates(
            session, Scope(actor="x", customer_id=1, is_staff=False), "carrier", NOW, "UTC"
        )


def keep_days(
    session: ScopedSession, line: Circuit, count: int, level: Callable[[int], int]
) -> None:
    (row,) = [one for one in rows_of(session, "circuit_id") if one.circuit_id == line.id]
    for back in range(1, count + 1):
        session.add(
            TrafficDay(
                day=row.day - dt.timedelta(days=back), circuit_id=line.id, measured_at=NOW,
                members=1, unmeasured=0, in_p95_bps=level(back), out_p95_bps=0,
                in_max_bps=level(back), out_max_bps=0, present=288, bins=row.bins,
            )
        )  # fmt: skip
    session.commit()


def test_run_out_is_told_with_its_interval(
    uplinks: Uplinks, session: ScopedSession, sessions: SessionFactory, noc: FlaskClient
) -> None:
    """50 Mbit/s more each day, 7 Gbit/s yesterday: 8 in 19 days from today, all 10 in 59."""
    line = uplinks.add_line("L1")
    measure_traffic(sessions, NOW)
    keep_days(session, line, 100, lambda back: (7050 - 50 * back) * 10**6)
    (one,) = read_aggregates(session, STAFF, "line", NOW, "Asia/Shanghai")
    today = NOW.date()
    told = [(each.state, (each.likely or today) - today) for each in one.run_outs]
    assert told == [("within", dt.timedelta(days=19)), ("within", dt.timedelta(days=59))]
    page = noc.get(f"{PATH}?by=line").text
    assert (today + dt.timedelta(days=59)).isoformat() in page
    assert "Theil" in page
    # Half-measured days are in no trend, nor is today: those left are too few.
    *past, running = rows_of(session, "circuit_id")
    for row in past[:-9]:
        row.present = 143
    running.present = 200
    # Each round writes its own instant, and by that it is read anew.
    running.measured_at = NOW + dt.timedelta(seconds=1)
    session.commit()
    assert "too little data (9 days)" in noc.get(f"{PATH}?by=line").text


def test_space_is_sold_out_by_the_dates_of_allocations(
    uplinks: Uplinks, session: ScopedSession, noc: FlaskClient
) -> None:
    """Every ten days 42 U more, in one rack each; two racks are left beside that of the switch."""
    tenant = uplinks.house.add_tenant("S")
    (sold,) = session.scalars(select(Allocation))
    sold.starts_on = NOW.date() - dt.timedelta(days=170)
    for number in range(18):
        cabinet = Cabinet(row_id=uplinks.house.row_id, code=f"R{number}", position=50 + number)
        session.add(cabinet)
        session.flush()
        rack = Rack(cabinet_id=cabinet.id, code="1", u_count=42)
        session.add(rack)
        session.flush()
        if number == 17:
            continue  # the second that is left
        session.add(
            Allocation(
                customer_id=tenant.customer_id, contract_item_id=sold.contract_item_id,
                rack_id=rack.id, u_low=0, height=84,
                starts_on=NOW.date() - dt.timedelta(days=10 * (16 - number)),
            )
        )  # fmt: skip
    session.commit()
    (site,) = read_aggregates(session, STAFF, "site", NOW, "Asia/Shanghai")
    assert site.space is not None
    assert (site.space.sold, site.space.capacity) == (18 * 42, 20 * 42)
    most, whole = site.space.run_outs
    assert (most.state, whole.state) == ("reached", "within")
    assert whole.likely is not None
    assert 10 <= (whole.likely - NOW.date()).days <= 30
    assert "756 of 840 U" in noc.get(f"{PATH}?by=site&sort=-space").text


def test_days_are_looked_at_until_they_are_settled(
    uplinks: Uplinks, session: ScopedSession, sessions: SessionFactory
) -> None:
    uplinks.add_line("L1").starts_on = NOW.date() - dt.timedelta(days=20)
    session.commit()
    assert measure_traffic(sessions, NOW).done == 1 + DAYS_AT_ONCE
    # Nothing is left of the newest days; the next round goes on with those before.
    measure_traffic(sessions, NOW)
    assert len(rows_of(session, "circuit_id")) == 1 + 2 * DAYS_AT_ONCE
    assert all(row.in_p95_bps is None for row in rows_of(session, "circuit_id")[:-1])
    # Today isn't over: tomorrow it is looked at once more, and after that never again.
    late = NOW + dt.timedelta(days=1)
    for _ in range(6):
        measure_traffic(sessions, late)
    session.expire_all()
    days = {row.day: row.measured_at for row in rows_of(session, "circuit_id")}
    assert len(days) == 22
    assert days[NOW.date()] == late
    assert days[NOW.date() - dt.timedelta(days=1)] == NOW
    # The clock asks for a round by a task that workers know; while it waits, for no other.
    session.rollback()
    with session.begin():
        assert [defer_traffic(session), defer_traffic(session)] == [True, False]
    (task,) = session.scalars(text("SELECT task_name FROM procrastinate_jobs"))
    assert task in make_app("postgresql://nowhere/x").tasks
    session.rollback()
    out_of_time = measure_traffic(sessions, late, budget_s=-1)
    assert (out_of_time.done, out_of_time.left) == (0, 1)


def test_what_is_recorded_late_or_was_wrong_is_made_good(
    uplinks: Uplinks, session: ScopedSession, sessions: SessionFactory
) -> None:
    uplinks.add_line("L1").state = "ended"
    now, since = NOW + dt.timedelta(days=1), NOW - dt.timedelta(days=1)

    def hold(tag: str) -> tuple[int, ServiceMembership]:
        tenant = uplinks.house.add_tenant(tag)
        (held,) = session.scalars(
            select(ServiceMembership).where(ServiceMembership.customer_id == tenant.customer_id)
        )
        held.starts_at = since
        session.commit()
        return tenant.customer_id, held

    def days_of(customer_id: int) -> list[int]:
        session.expire_all()
        kept = rows_of(session, "customer_id")
        return [row.day.day for row in kept if row.customer_id == customer_id]

    first, held = hold("A")
    # A line that has ended on no recorded day serves no more, and nothing is missing without it.
    assert measure_traffic(sessions, now).done == 3
    assert rows_of(session, "circuit_id") == []
    # The days of A are settled; B was there too, and is recorded only now.
    second, _ = hold("B")
    assert measure_traffic(sessions, now).done == 3
    assert days_of(first) == days_of(second) == [19, 20, 21]
    # A left yesterday: nothing of today is left, nor does it keep the day from being settled.
    held.ends_at = now - dt.timedelta(days=1)
    session.commit()
    measure_traffic(sessions, now)
    assert (days_of(first), days_of(second)) == ([19, 20], [19, 20, 21])
    tomorrow = now + dt.timedelta(days=1)
    assert [measure_traffic(sessions, tomorrow).done for _ in range(2)] == [2, 1]
    # After its last day nothing of A is missing; and what flowed then doesn't flow now.
    # The month began on the last day of October in UTC, at four in the afternoon.
    left, _ = read_aggregates(session, STAFF, "customer", tomorrow, "Asia/Shanghai")
    assert left.month is not None
    assert (left.month.in_p95, left.month.expected) == (40_000_000, 20 * 288 + 96)
    assert left.newest is None


def test_a_day_that_fails_stops_no_other(
    uplinks: Uplinks,
    session: ScopedSession,
    sessions: SessionFactory,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fail(*_: object) -> None:
        raise DamagedBlockError("hash")

    line = uplinks.add_line("L1")
    tenant = uplinks.house.add_tenant("A")
    # What is older than anything looks at goes, of customers earlier.
    for back in (40, 41, 190, 191):
        for of in ({"circuit_id": line.id}, {"customer_id": tenant.customer_id}):
            day = NOW.date() - dt.timedelta(days=back)
            session.add(TrafficDay(day=day, measured_at=NOW, members=1, bins=b"", **of))
    session.commit()
    monkeypatch.setattr(traffic_rounds, "measure_lines", fail)
    report = measure_traffic(sessions, NOW)
    assert (report.failed, report.done) == (1, 1 + DAYS_AT_ONCE)
    assert [(NOW.date() - row.day).days for row in rows_of(session, "circuit_id")] == [190, 41, 40]
    assert [(NOW.date() - row.day).days for row in rows_of(session, "customer_id")] == [
        40, *range(DAYS_AT_ONCE, -1, -1)
    ]  # fmt: skip


def test_what_customers_carried_is_worked_out_once_for_all_who_look(
    app: Flask,
    uplinks: Uplinks,
    session: ScopedSession,
    sessions: SessionFactory,
    noc: FlaskClient,
    make_login: Callable[..., Login],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    engine, read = session.get_bind().engine, []
    tell = traffic_months._tell_month

    def note(*args: Any) -> Any:
        read.append(args)
        return tell(*args)

    monkeypatch.setattr(traffic_months, "_tell_month", note)
    other = app.test_client()
    sign_in(other, make_login("auditor", language="zh"))

    def look(client: FlaskClient, query: str = "") -> tuple[int, str]:
        with Counter(engine) as counter:
            page = client.get(f"{PATH}?by=customer{query}").text
        return counter.count, page

    uplinks.house.add_tenant("A")
    measure_traffic(sessions, NOW)
    first, _ = look(noc)
    assert len(read) == 1
    # Somebody else, in another language, sorted otherwise, as a file: nothing is unpacked again.
    few, _ = look(noc)
    assert few == first - 1
    assert "客户" in look(other)[1]
    look(noc, "&sort=-p95&top=10")
    noc.get("/noc/aggregates.csv?by=customer")
    assert len(read) == 1
    # What isn't measured is of now all the same.
    (service,) = session.scalars(select(BandwidthService))
    service.commit_bps = 700_000_000
    session.commit()
    assert '700<span class="unit">Mbps' in look(noc)[1]
    assert len(read) == 1
    # The control: after the next round it is read again, once.
    for number in range(5):
        uplinks.house.add_tenant(f"T{number}")
    measure_traffic(sessions, NOW + dt.timedelta(minutes=10))
    again, _ = look(noc)
    assert again == first
    assert len(read) == 1 + 6
    many, _ = look(other)
    assert many <= few
    assert len(read) == 1 + 6


def test_page_is_304_while_nothing_changed_and_costs_the_same_for_more(
    uplinks: Uplinks, session: ScopedSession, sessions: SessionFactory, noc: FlaskClient
) -> None:
    engine = session.get_bind().engine
    uplinks.add_line("L0")
    uplinks.house.add_tenant("A")
    measure_traffic(sessions, NOW)
    counts = {}
    for by in ("carrier", "line", "site", "customer"):
        tag = tag_of(noc.get(f"{PATH}?by={by}").text)
        part = {"HX-Request": "true", "If-None-Match": tag}
        assert noc.get(f"{PATH}?by={by}", headers=part).status_code == 304
        with Counter(engine) as counter:
            noc.get(f"{PATH}?by={by}")
        counts[by] = counter.count
    for number in range(1, 6):
        uplinks.add_line(f"L{number}")
        uplinks.house.add_tenant(f"T{number}")
    measure_traffic(sessions, NOW)
    for by, before in counts.items():
        with Counter(engine) as counter:
            page = noc.get(f"{PATH}?by={by}").text
        assert counter.count == before, by
        assert "<tr>" in page
        assert before < 15
    answer = noc.get(f"{PATH}?by=nonsense&sort=nonsense&page=99&q=%00%27%22")
    assert answer.status_code == 200
