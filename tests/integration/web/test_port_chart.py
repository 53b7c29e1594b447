"""A port's page: any stretch, compared and mirrored, what each month billed, and at what cost."""

import datetime as dt
import html
import json
import sys
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import select
from sqlalchemy.pool import QueuePool

from dcim.accounts.scope import Scope
from dcim.db import ScopedSession, SessionFactory
from dcim.errors import InvalidError
from dcim.metering.models import FormerBinding, Series
from dcim.sla import usage_rounds as rounds
from dcim.sla.usage_month_models import UsageMonth
from dcim.sla.usage_months import list_port_months
from dcim.sla.usage_rounds import measure_usage, plan_usage
from dcim.sla.usage_to_date import bill_to_date
from dcim.web.charts import Window
from dcim.web.noc.port_windows import (
    months_before,
    move_back,
    name_window,
    read_port_window,
)
from tests.integration.web.boards import HOSTILE, Counter, House, Tenant
from tests.integration.web.test_month_estimate import ALONE, POOL, agree

SYSTEM = Scope.system("test")
MINUTE, DAY = 60_000, 86_400_000


@pytest.fixture
def house(session: ScopedSession) -> House:
    return House(session)


def chart_of(page: str) -> dict[str, Any]:
    text = page.split('data-series="', 1)[1].split('"', 1)[0]
    found: dict[str, Any] = json.loads(html.unescape(text))
    return found


def measure_days(house: House, tenant: Tenant, days: int, *, now: dt.datetime) -> None:
    """Five-minute samples up to `now`: 20 Mbit/s out, and of each day one of 900."""
    [port] = tenant.ports
    series = house.session.scalars(
        select(Series.id).where(Series.port_id == port, Series.family == "traffic")
    ).one()
    newest = round(now.timestamp() * 1000) // 300_000 * 300_000
    house.store.append(
        house.session,
        "traffic",
        [
            (
                series, newest - 5 * MINUTE * n, 5 * MINUTE, 0, 37_500_000,
                (900 if n % 288 == 100 else 20) * 10**6 // 8 * 300, 0, 0,
            )
            for n in range(days * 288)
        ],
    )  # fmt: skip
    house.session.commit()


def test_no_peak_is_lost_in_a_month_and_in_three_years(noc: FlaskClient, house: House) -> None:
    tenant = house.add_tenant("A")
    measure_days(house, tenant, 29, now=house.now - dt.timedelta(hours=1))
    for window in ("30d", "12m", "36m"):
        chart = chart_of(
            noc.get(f"/noc/ports/{tenant.ports[0]}?window={window}").get_data(as_text=True)
        )
        assert chart["unit"] == "Mbps"
        tops = [max(v for v in one["values"] if v is not None) for one in chart["series"][:1]]
        assert tops == [900], window
        assert len(chart["x"]) <= 1101
    # Before the first sample nothing is known: a gap, not a line along the bottom.
    assert chart["series"][0]["values"][0] is None
    assert chart["spans"][0]["role"] == "missing"


def test_mirrored_and_compared(noc: FlaskClient, house: House) -> None:
    tenant = house.add_tenant("A")
    measure_days(house, tenant, 2, now=house.now - dt.timedelta(days=28))
    measure_days(house, tenant, 1, now=house.now)
    path = f"/noc/ports/{tenant.ports[0]}?window=24h"
    plain = chart_of(noc.get(path).get_data(as_text=True))
    assert {one["role"] for one in plain["series"]} == {"faint", "main", "second"}
    found = chart_of(noc.get(f"{path}&way=mirror&compare=1").get_data(as_text=True))
    assert found["mirrored"]
    inward = next(one for one in found["series"] if one["label"].startswith("In, median"))
    assert min(v for v in inward["values"] if v is not None) < 0
    ghost = next(one for one in found["series"] if one["role"] == "ghost")
    assert any(v for v in ghost["values"])


def test_any_two_instants(noc: FlaskClient, house: House) -> None:
    tenant = house.add_tenant("A")
    path = f"/noc/ports/{tenant.ports[0]}"
    day = f"{house.now - dt.timedelta(days=3):%Y-%m-%d}"
    answer = noc.get(f"{path}?from={day}T00:00&to={day}T06:00")
    assert answer.status_code == 200
    chart = chart_of(answer.get_data(as_text=True))
    assert chart["x"][-1] - chart["x"][0] < 6 * 3600
    csv = noc.get(f"{path}/samples.csv?from={day}T00:00&to={day}T06:00")
    assert csv.get_data(as_text=True).count("\n") == 1
    for bad in ("from=x&to=y", f"from={day}T06:00&to={day}T00:00", "from=2001-01-01T00:00", "to=9"):
        answer = noc.get(f"{path}?{bad}")
        assert answer.status_code == 422, bad
        # What was asked for stands in its fields still.
        assert "data-series=" in answer.get_data(as_text=True)
        assert noc.get(f"{path}/samples.csv?{bad}").status_code == 422, bad


def test_csv_of_years_and_of_former_bindings(noc: FlaskClient, house: House) -> None:
    tenant = house.add_tenant("A")
    [port] = tenant.ports
    old = Series(family="traffic", device_id=house.switch.id, slot="old name")
    house.session.add(old)
    house.session.flush()
    long_ago = round((house.now - dt.timedelta(days=400)).timestamp() * 1000)
    house.session.add(
        FormerBinding(series_id=old.id, port_id=port, start_ms=None, end_ms=long_ago + DAY)
    )
    house.store.append(
        house.session, "traffic", [(old.id, long_ago, MINUTE, 0, 7_500_000, 750_000_000, 0, 0)]
    )
    house.session.commit()
    lines = noc.get(f"/noc/ports/{port}/samples.csv?window=36m").get_data(as_text=True).splitlines()
    assert len(lines) == 1 + 1 + 10
    chart = chart_of(noc.get(f"/noc/ports/{port}?window=36m").get_data(as_text=True))
    assert max(v for v in chart["series"][0]["values"] if v is not None) == 100


def test_no_transaction_is_open_while_a_csv_goes_out(noc: FlaskClient, house: House) -> None:
    tenant = house.add_tenant("A")
    measure_days(house, tenant, 29, now=house.now)
    pool = house.session.get_bind().engine.pool
    assert isinstance(pool, QueuePool)
    answer = noc.get(f"/noc/ports/{tenant.ports[0]}/samples.csv?window=30d")
    pieces = answer.iter_encoded()
    first = next(pieces)
    assert first
    assert pool.checkedout() == 0
    assert b"".join([first, *pieces]).count(b"\n") > 8_000


def test_months_are_worked_out_once_and_shown(
    noc: FlaskClient, house: House, session: ScopedSession, sessions: SessionFactory
) -> None:
    tenant = house.add_tenant("A")
    agree(session, tenant, ALONE)
    here = house.now.astimezone(ZoneInfo("Asia/Shanghai"))
    first = here.replace(day=1, hour=0, minute=0, second=0, microsecond=0).astimezone(dt.UTC)
    measure_days(house, tenant, 10, now=first - dt.timedelta(days=2))
    [shard] = plan_usage(session)
    report = measure_usage(sessions, shard, house.now)
    assert (report.done, report.failed, report.left) == (1, 0, 0)
    months = list_port_months(session, SYSTEM, tenant.ports[0], house.now)
    assert months[0].is_running
    period = f"{here.replace(day=1) - dt.timedelta(days=3):%Y-%m}"
    before = next(one for one in months if one.period == period)
    # Out at 20 Mbit/s but for one bin a day; below the commit of 100.
    assert (before.out_bps, before.in_bps, before.line) == (20 * 10**6, 10**6, "out")
    assert before.point_bps == 20 * 10**6
    assert before.expected > before.present > 2_800
    assert before.over_amount == 0
    # Months that are over and settled aren't worked out again: the older ones come meanwhile.
    kept = len(months)
    measure_usage(sessions, shard, house.now + dt.timedelta(days=1))
    session.expire_all()
    assert len(list_port_months(session, SYSTEM, tenant.ports[0], house.now)) > kept
    page = noc.get(f"/noc/ports/{tenant.ports[0]}?window=last-month").get_data(as_text=True)
    assert before.period in page
    chart = chart_of(page)
    assert {line["role"] for line in chart["lines"]} == {"p95", "commit"}
    assert [line["value"] for line in chart["lines"] if line["role"] == "p95"] == [20]
    # One bin of each day is above it.
    assert 9 <= len(chart["rail"]["spans"]) <= 11
    assert chart["cut"] == {"series": 0}


def test_of_ports_billed_together_nothing_is_marked_as_discarded(
    noc: FlaskClient, house: House, session: ScopedSession, sessions: SessionFactory
) -> None:
    tenant = house.add_tenant("A", 2)
    agree(session, tenant, POOL)
    measure_usage(sessions, plan_usage(session)[0], house.now)
    months = list_port_months(session, SYSTEM, tenant.ports[0], house.now)
    assert {one.ports for one in months} == {2}
    path = f"/noc/ports/{tenant.ports[0]}"
    chart = chart_of(noc.get(path).get_data(as_text=True))
    assert (chart["rail"], chart["cut"]) == (None, None)
    [commit] = chart["lines"]
    assert commit["role"] == "commit"
    # A commit holds for either direction; it is named once.
    mirrored = chart_of(noc.get(f"{path}?way=mirror").get_data(as_text=True))
    assert mirrored["lines"] == [commit, {**commit, "label": "", "value": -commit["value"]}]


def test_a_contract_that_fails_stops_no_other(
    house: House, session: ScopedSession, sessions: SessionFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    bad, good = house.add_tenant("A"), house.add_tenant("B")
    agree(session, good, ALONE)

    def fail(*args: Any, **named: Any) -> Any:
        if args[2] == bad.service_ids:
            raise RuntimeError("broken")
        return bill_to_date(*args, **named)

    monkeypatch.setattr(rounds, "bill_to_date", fail)
    [shard] = plan_usage(session)
    report = measure_usage(sessions, shard, house.now)
    assert (report.done, report.failed) == (1, 1)
    assert measure_usage(sessions, shard, house.now, budget_s=0).left == 2
    assert {row.service_id for row in session.scalars(select(UsageMonth))} == set(good.service_ids)


def test_without_terms_it_says_why(
    house: House, session: ScopedSession, sessions: SessionFactory
) -> None:
    tenant = house.add_tenant("A")
    measure_usage(sessions, plan_usage(session)[0], house.now)
    rows = session.scalars(select(UsageMonth)).all()
    assert all(row.problem and row.as_of is None for row in rows)
    assert list_port_months(session, SYSTEM, tenant.ports[0], house.now) == []
    # The terms came late: what was refused is worked out on the next day.
    agree(session, tenant, ALONE)
    measure_usage(sessions, plan_usage(session)[0], house.now + dt.timedelta(days=1))
    session.expire_all()
    told = list_port_months(session, SYSTEM, tenant.ports[0], house.now)
    assert len(told) == len(rows)


def test_cost_of_the_chart_does_not_grow_with_samples(
    app: Flask, noc: FlaskClient, house: House
) -> None:
    tenant = house.add_tenant("A")
    engine = house.session.get_bind().engine
    path = f"/noc/ports/{tenant.ports[0]}?window=30d"
    noc.get(path)
    app.extensions.pop("jifang_minute_memory")
    with Counter(engine) as few:
        noc.get(path)
    measure_days(house, tenant, 29, now=house.now)
    app.extensions.pop("jifang_minute_memory")
    with Counter(engine) as many:
        noc.get(path)
    assert many.count == few.count
    assert many.count < 45


def test_a_chart_is_worked_out_once_for_all_until_there_is_a_newer_sample(
    noc: FlaskClient,
    house: House,
    session: ScopedSession,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    tenant = house.add_tenant("A")
    agree(session, tenant, ALONE)
    port_pages = sys.modules["dcim.web.noc.port"]
    real, read = port_pages.read_line, []

    def count(*args: Any, **named: Any) -> Any:
        read.append(args)
        return real(*args, **named)

    # Seconds pass between the looks, all within a minute.
    minute = house.now.replace(second=0, microsecond=0)
    instants = iter(minute + dt.timedelta(seconds=n) for n in range(1, 50))
    monkeypatch.setattr(port_pages, "read_line", count)
    monkeypatch.setattr(port_pages, "utc_now", lambda: next(instants))
    path = f"/noc/ports/{tenant.ports[0]}?window=7d"
    first = chart_of(noc.get(path).get_data(as_text=True))
    assert chart_of(noc.get(path).get_data(as_text=True)) == first
    assert len(read) == 1
    noc.get(f"{path}&way=mirror")
    assert len(read) == 1
    noc.get(f"{path}&compare=1")
    assert len(read) == 2
    measure_days(house, tenant, 1, now=house.now + dt.timedelta(minutes=6))
    assert chart_of(noc.get(path).get_data(as_text=True)) != first
    assert len(read) == 3


def test_hostile_names_stay_text(noc: FlaskClient, house: House) -> None:
    tenant = house.add_tenant("A")
    for query in ("", "?from=%3Cscript%3Ealert(1)%3C/script%3E&to=%22onx%3D", "?window=%22%3E%3Cb"):
        page = noc.get(f"/noc/ports/{tenant.ports[0]}{query}").get_data(as_text=True)
        assert "<script>alert" not in page
        assert HOSTILE not in page


def test_instants_are_told_apart_by_time_not_by_the_clock_on_the_wall(app: Flask) -> None:
    """At three clocks were put to two: what looks like a minute is one before the start."""
    app.config["BABEL_DEFAULT_TIMEZONE"] = "Europe/Berlin"
    now = dt.datetime(2026, 11, 27, tzinfo=dt.UTC)
    skipped = app.test_request_context("/?from=2026-03-29T02:59&to=2026-03-29T03:00")
    with skipped, pytest.raises(InvalidError):
        read_port_window(now)
    with app.test_request_context("/?from=2026-10-25T02:59&to=2026-10-25T03:00"):
        window = read_port_window(now)
    assert window.end - window.start == 61 * MINUTE


def test_windows_and_what_they_are_compared_with() -> None:
    zone = dt.timezone(dt.timedelta(hours=8))
    assert months_before(dt.datetime(2026, 3, 31, tzinfo=zone), 1).day == 28
    assert months_before(dt.datetime(2026, 12, 31, tzinfo=zone), 12).year == 2025
    assert months_before(dt.datetime(2026, 1, 15, tzinfo=zone), 1).month == 12
    place = ZoneInfo("Asia/Shanghai")
    now = dt.datetime(2026, 11, 27, 3, 0, tzinfo=dt.UTC)
    month = name_window("month", now, place)
    assert month.start == round(dt.datetime(2026, 10, 31, 16, tzinfo=dt.UTC).timestamp() * 1000)
    before = move_back(month, place)
    assert before.start == round(dt.datetime(2026, 9, 30, 16, tzinfo=dt.UTC).timestamp() * 1000)
    assert (before.end - before.start, before.step_ms) == (month.end - month.start, month.step_ms)
    assert move_back(Window("24h", 28 * DAY, 29 * DAY, MINUTE), place).start == 0
    for name in ("1h", "24h", "7d", "30d", "12m", "36m"):
        window = name_window(name, now, place)
        assert (window.end - window.start) % window.step_ms == 0
        assert (window.end - window.start) // window.step_ms <= 1101
