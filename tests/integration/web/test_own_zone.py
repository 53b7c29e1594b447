"""Whose clock the portal shows: the person's, else their customer's; the house's for staff."""

import datetime as dt
from collections.abc import Callable

import pytest
from flask import Flask
from flask.testing import FlaskClient

from dcim.accounts.models import User
from dcim.config import Settings
from dcim.customers.models import Customer
from dcim.db import SessionFactory, transaction
from dcim.i18n import choose_zone, format_local
from dcim.operations.models import Maintenance, MaintenanceNotice
from dcim.sla.models import Incident, IncidentImpact
from dcim.web.local_times import house_today, local_zone, read_local, to_instant, to_local
from tests.integration.statements.town import SYSTEM
from tests.integration.web.conftest import Login, sign_in

MakeLogin = Callable[..., Login]
# In UTC; the house is in Shanghai, eight hours ahead.
INSTANTS = (
    dt.datetime(2026, 11, 1, 3, 30, tzinfo=dt.UTC),  # still October in New York
    dt.datetime(2026, 11, 1, 5, 30, tzinfo=dt.UTC),  # 01:30, and again an hour later:
    dt.datetime(2026, 11, 1, 6, 30, tzinfo=dt.UTC),  # there the clock goes back at two
    dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC),  # 02:30 in Berlin, and again
    dt.datetime(2026, 10, 25, 1, 30, tzinfo=dt.UTC),
)


@pytest.fixture
def customer_id(sessions: SessionFactory) -> int:
    """Of New York, hit by an incident at each of the instants, and told of work over midnight."""
    with transaction(sessions, SYSTEM) as session:
        customer = Customer(code="C-1", name="纽约", name_en="NY", timezone="America/New_York")
        session.add(customer)
        session.flush()
        for at in INSTANTS:
            row = Incident(
                key=f"network:{at}", kind="network", what="x", what_en="x", started_at=at,
                ended_at=at + dt.timedelta(minutes=5),
            )  # fmt: skip
            row.impacts.append(IncidentImpact(customer_id=customer.id, severity="down"))
            session.add(row)
        work = Maintenance(
            code="MW-1", title="割接", title_en="Works", starts_at=INSTANTS[0], state="announced",
            ends_at=INSTANTS[0] + dt.timedelta(hours=1),
        )  # fmt: skip
        session.add(work)
        session.flush()
        session.add(
            MaintenanceNotice(
                maintenance_id=work.id, customer_id=customer.id, sent_at=INSTANTS[3],
                channel="portal", recipient="portal", starts_at=work.starts_at,
                ends_at=work.ends_at,
            )
        )  # fmt: skip
        return customer.id


@pytest.fixture
def login(make_login: MakeLogin, customer_id: int) -> Login:
    return make_login("customer_viewer", customer_id=customer_id)


def read(app: Flask, login: Login, path: str) -> str:
    client: FlaskClient = app.test_client()
    sign_in(client, login)
    answer = client.get(path)
    assert answer.status_code == 200
    return answer.get_data(as_text=True)


def choose(sessions: SessionFactory, login: Login, zone: str) -> None:
    with transaction(sessions, SYSTEM) as session:
        session.get_one(User, login.user_id).timezone = zone


def test_a_customers_own_zone_and_a_persons(
    app: Flask, sessions: SessionFactory, login: Login, make_login: MakeLogin
) -> None:
    page = read(app, login, "/portal/incidents")
    assert "2026-10-31 23:30:00" in page
    assert page.count("2026-11-01 01:30:00") == 2
    assert "Times in America/New_York" in page
    choose(sessions, login, "Europe/Berlin")
    page = read(app, login, "/portal/incidents")
    assert page.count("2026-10-25 02:30:00") == 2
    assert "2026-11-01 04:30:00" in page
    assert "Times in Europe/Berlin" in page
    # The control: staff read the house's clock.
    page = read(app, make_login("staff"), "/staff/incidents")
    assert "2026-11-01 11:30" in page
    assert "Times in Asia/Shanghai" in page


def test_work_over_midnight(app: Flask, sessions: SessionFactory, login: Login) -> None:
    page = read(app, login, "/portal/maintenance")
    assert "2026-10-31 23:30 –" in page
    assert "2026-11-01 00:30" in page
    choose(sessions, login, "UTC")
    page = read(app, login, "/portal/maintenance")
    assert "2026-11-01 03:30 –" in page
    assert ">04:30<" in page


def test_a_customer_without_a_usable_zone_reads_the_houses(
    app: Flask, sessions: SessionFactory, login: Login, customer_id: int
) -> None:
    for zone in ("", "Mars/Olympus"):
        with transaction(sessions, SYSTEM) as session:
            session.get_one(Customer, customer_id).timezone = zone
        page = read(app, login, "/portal/incidents")
        assert "2026-11-01 11:30:00" in page
        assert "Times in Asia/Shanghai" in page


def test_what_is_typed_is_read_by_the_same_clock(app: Flask) -> None:
    with app.test_request_context("/"):
        app.extensions["jifang_find_zone"] = lambda: "Europe/Berlin"
        assert choose_zone() == str(local_zone()) == "Europe/Berlin"
        for typed, at in (
            ("2026-10-31T23:59", dt.datetime(2026, 10, 31, 22, 59, tzinfo=dt.UTC)),
            ("2026-11-01T00:01", dt.datetime(2026, 10, 31, 23, 1, tzinfo=dt.UTC)),
            # Of two hours of one name the first is meant; one that is skipped is the next.
            ("2026-10-25T02:30", dt.datetime(2026, 10, 25, 0, 30, tzinfo=dt.UTC)),
            ("2027-03-28T02:30", dt.datetime(2027, 3, 28, 1, 30, tzinfo=dt.UTC)),
        ):
            assert to_instant(read_local(typed)) == at
        for at in INSTANTS[:4]:
            assert to_instant(to_local(at)) == at
        # Three hours by the wall clock, four of time.
        ends = to_instant(read_local("2026-10-25T04:00"))
        starts = to_instant(read_local("2026-10-25T01:00"))
        assert ends is not None
        assert starts is not None
        assert ends - starts == dt.timedelta(hours=4)
        assert format_local(INSTANTS[0]) == "2026-11-01 04:30:00"
        assert format_local(round(INSTANTS[0].timestamp() * 1000)) == "2026-11-01 04:30:00"


def test_who_comes_by_comes_on_a_day_of_the_house(
    app: Flask, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dcim.web.local_times.utc_now", lambda: INSTANTS[0])
    with app.test_request_context("/"):
        app.extensions["jifang_find_zone"] = lambda: "America/New_York"
        assert house_today() == dt.date(2026, 11, 1)
        # The control: where the reader is, it is the day before.
        assert INSTANTS[0].astimezone(local_zone()).date() == dt.date(2026, 10, 31)
