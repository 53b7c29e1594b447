"""The staff pages with real rows: they answer, escape, keep to their number of statements."""

import datetime as dt
import hashlib
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import time_machine
from flask import Flask
from flask.testing import FlaskClient
from sqlalchemy import delete, event, select, text

from dcim import jobs
from dcim.accounts.models import AuditEntry, JobRun
from dcim.accounts.scope import Scope
from dcim.commands.processes import issue_period
from dcim.config import Settings
from dcim.customers.models import Contract, ContractTerms
from dcim.db import SessionFactory, transaction
from dcim.metering.models import Series
from dcim.policy import POLICY
from dcim.power.models import PowerNode
from dcim.sla.feeds import load_supply, read_peaks
from dcim.statements.issuing import issue_statement
from dcim.statements.models import StatementFile
from dcim.statements.monthly_run import last_closed_month
from tests.integration.web.conftest import Login, sign_in
from tests.integration.web.staff_house import (
    HOSTILE,
    SCOPE,
    StaffHouse,
    build_staff_house,
    put_power,
)

MakeLogin = Callable[..., Login]

# What one cabinet's page may ask of the database, signing in included.
CABINET_STATEMENTS = 15


@pytest.fixture
def house(sessions: SessionFactory) -> StaffHouse:
    return build_staff_house(sessions, 3)


@pytest.fixture
def as_role(app: Flask, make_login: MakeLogin) -> Callable[..., FlaskClient]:
    def client(role: str, **rest: object) -> FlaskClient:
        one = app.test_client()
        assert sign_in(one, make_login(role, **rest)) == 302
        return one

    return client


def pages(house: StaffHouse) -> list[str]:
    cabinet, device, customer = house.cabinets[0], house.devices[0], house.customers[0]
    return [
        "/staff/",
        f"/staff/rooms/{house.room_id}",
        f"/staff/cabinets/{cabinet}",
        f"/staff/cabinets/{cabinet}?layer=state",
        f"/staff/cabinets/{cabinet}/install?at=30",
        f"/staff/cabinets/{cabinet}/hold",
        f"/staff/cabinets/{cabinet}/allocate",
        "/staff/devices?q=server&sort=-place",
        f"/staff/devices/{device}",
        f"/staff/devices/{device}/move",
        "/staff/devices/new",
        "/staff/power",
        "/staff/customers",
        f"/staff/customers/{customer}",
        "/staff/statements",
        "/staff/agents",
        "/staff/agents/new",
        "/staff/audit",
        "/staff/audit?verify=all",
        "/staff/search?q=server",
    ]


@contextmanager
def counted(sessions: SessionFactory) -> Iterator[list[str]]:
    seen: list[str] = []
    engine = sessions.kw["bind"]

    def note(connection: object, cursor: object, statement: str, *rest: object) -> None:
        seen.append(statement)

    event.listen(engine, "before_cursor_execute", note)
    try:
        yield seen
    finally:
        event.remove(engine, "before_cursor_execute", note)


def test_every_page_answers_with_hostile_names_escaped(
    house: StaffHouse, as_role: Callable[..., FlaskClient]
) -> None:
    client = as_role("administrator")
    shown = 0
    for path in pages(house):
        answer = client.get(path)
        page = answer.get_data(as_text=True)
        assert answer.status_code == 200, path
        assert HOSTILE not in page, path
        # What the strict content policy would refuse.
        assert not re.search(r"<[^>]+\s(style|on\w+)=", page), path
        shown += "&lt;script&gt;" in page
    # The control: the hostile names are there to be escaped.
    assert shown >= 8


def test_a_long_and_a_short_house_ask_equally_often(
    sessions: SessionFactory, app: Flask, make_login: MakeLogin
) -> None:
    house = build_staff_house(sessions, 3)
    client = app.test_client()
    sign_in(client, make_login("administrator"))
    paths = [path for path in pages(house) if "verify" not in path]

    def ask() -> dict[str, int]:
        counts = {}
        for path in paths:
            with counted(sessions) as seen:
                assert client.get(path).status_code == 200
            counts[path] = len(seen)
        return counts

    ask()
    few = ask()
    with transaction(sessions, SCOPE) as session:
        site_id = session.scalar(select(PowerNode.site_id).limit(1))
        assert site_id
    _grow(sessions, 27)
    assert ask() == few
    assert few[f"/staff/cabinets/{house.cabinets[0]}"] <= CABINET_STATEMENTS


def _grow(sessions: SessionFactory, more: int) -> None:
    """More of everything, at the same site and in the same room."""
    from dcim.inventory.models import DeviceType, Row, Site
    from tests.integration.web import staff_house

    with transaction(sessions, SCOPE) as session:
        site, row = session.scalars(select(Site)).one(), session.scalars(select(Row)).one()
        kinds = {kind.model: kind for kind in session.scalars(select(DeviceType))}
        for number in range(4, 4 + more):
            staff_house._build_cabinet(
                session, StaffHouse(), site, row, kinds["2U box"], kinds["PDU"], number
            )


def test_the_cabinet_tells_the_four_kinds_of_power_apart(
    house: StaffHouse, as_role: Callable[..., FlaskClient]
) -> None:
    page = as_role("staff").get(f"/staff/cabinets/{house.cabinets[0]}").get_data(as_text=True)
    card = page.split("<h2>Power", 1)[1].split("</section>", 1)[0]
    numbers = re.findall(r'class="num strong">([\d.]+)', card)
    # 16 A x 230 V; contracted; the server's plate; 4 A + 6 A at 230 V.
    assert numbers == ["3.68", "1.84", "0.80", "2.30"]
    lost = page.split("<h2>If a feed is lost", 1)[1].split("</section>", 1)[0]
    assert "<strong>10.0</strong>" in lost
    assert "/ 12.8 A" in lost
    assert "78 %" in lost
    assert "Watch" in lost


def test_a_silent_feed_is_unknown_and_counts_as_nothing(
    house: StaffHouse, sessions: SessionFactory, as_role: Callable[..., FlaskClient]
) -> None:
    """Control of the test before: with one reading gone there is no sum to show."""
    with transaction(sessions, SCOPE) as session:
        session.execute(
            text(
                "UPDATE series_latest SET ts = ts - 600000 WHERE series_id ="
                " (SELECT min(id) FROM series)"
            )
        )
    page = as_role("staff").get(f"/staff/cabinets/{house.cabinets[0]}").get_data(as_text=True)
    card = page.split("<h2>Power", 1)[1].split("</section>", 1)[0]
    assert re.findall(r'class="num strong">([\d.]+)', card) == ["3.68", "1.84", "0.80"]
    assert "Feed A not known" in page


def test_a_dead_breaker_shows_that_its_silent_pdu_is_dead(
    house: StaffHouse, sessions: SessionFactory
) -> None:
    now = dt.datetime.now(dt.UTC)
    with transaction(sessions, SCOPE) as session:
        series_id = session.scalars(select(Series.id).order_by(Series.id)).first()
        assert series_id is not None
        session.execute(
            text("UPDATE series_latest SET ts = ts - 600000 WHERE series_id = :id"),
            {"id": series_id},
        )
        before = load_supply(session, now).feeds_of(house.racks[0])
        assert [feed.pdu.state for feed in before] == ["unknown", "up"]
        breaker = session.scalars(select(PowerNode).where(PowerNode.code == "Q-A-01-A")).one()
        meter = Series(
            family="power",
            device_id=house.devices[0],
            slot="branch-01",
            power_node_id=breaker.id,
        )
        session.add(meter)
        session.flush()
        put_power(session, meter.id, 0)
        session.execute(
            text("UPDATE series_latest SET values = values || '{\"mv\": 0}' WHERE series_id = :id"),
            {"id": meter.id},
        )
        after = load_supply(session, dt.datetime.now(dt.UTC)).feeds_of(house.racks[0])
        assert after[0].pdu.state == "down"
        assert after[0].pdu.shown_by == "Q-A-01-A"


def test_the_peak_adds_feeds_of_the_same_minute_only(
    house: StaffHouse, sessions: SessionFactory
) -> None:
    with transaction(sessions, SCOPE) as session:
        a, _b = session.scalars(select(Series.id).order_by(Series.id).limit(2)).all()
        put_power(session, a, 9000, age_s=3600)
        now = dt.datetime.now(dt.UTC)
        feeds = load_supply(session, now).feeds_of(house.racks[0])
        end = round(now.timestamp() * 1000) + 1
        peak = read_peaks(session, {1: feeds}, end - 7_200_000, end)[1]
    # An hour ago A alone drew 9 A; now both together draw 10.
    assert peak.amps == pytest.approx(10.0)
    assert peak.watts == pytest.approx(2300)


def test_a_customers_person_learns_nothing_of_the_staff_face(
    house: StaffHouse, as_role: Callable[..., FlaskClient]
) -> None:
    client = as_role("customer_administrator", customer_id=house.customers[0])
    for path in pages(house):
        assert client.get(path).status_code == 404, path
    for endpoint in POLICY:
        assert not endpoint.startswith("staff.") or not POLICY[endpoint].public


def test_finance_is_led_to_the_statements_and_no_further(
    house: StaffHouse, as_role: Callable[..., FlaskClient]
) -> None:
    client = as_role("finance")
    assert client.get("/staff/").location.endswith("/staff/statements")
    assert client.get(f"/staff/cabinets/{house.cabinets[0]}").status_code == 403
    assert client.get("/staff/statements").status_code == 200
    # A device is no page of theirs, so the search doesn't lead there either.
    assert client.get("/staff/search?q=SN1").status_code == 200


def test_search_jumps_to_what_fits_exactly(
    house: StaffHouse, as_role: Callable[..., FlaskClient]
) -> None:
    client = as_role("staff")
    for words, target in (
        ("sn2", f"/staff/devices/{house.devices[1]}"),
        ("a-02", f"/staff/cabinets/{house.cabinets[1]}"),
        ("C3", f"/staff/customers/{house.customers[2]}"),
        ("HT-2", "/staff/contracts/2"),
    ):
        answer = client.get("/staff/search", query_string={"q": words})
        assert (answer.status_code, answer.location) == (303, target), words
    assert client.get("/staff/search?q=server").status_code == 200
    for odd in ("%", "\\", "'", "\0", "中" * 300, ""):
        assert client.get("/staff/search", query_string={"q": odd}).status_code == 200


@pytest.mark.parametrize(
    "path",
    [
        "/staff/devices?page=-1&sort=bogus&room=x&customer=99999999999999999999",
        "/staff/devices?page=99999999999999999999",
        "/staff/customers?active=maybe&page=0",
        "/staff/statements?period=2026-13&verdict=x&customer=%00",
        "/staff/agents?silent=perhaps",
        "/staff/audit?since=tomorrow&until=9999-12-31&q=%00",
        "/staff/power?site=0",
    ],
)
def test_mistyped_arguments_still_show_the_list(
    path: str, as_role: Callable[..., FlaskClient]
) -> None:
    assert as_role("auditor" if "audit" in path else "staff").get(path).status_code == 200


def test_absent_things_are_not_found(as_role: Callable[..., FlaskClient]) -> None:
    client = as_role("administrator")
    for path in ("rooms/9", "cabinets/9", "devices/9", "customers/9", "statements/9.pdf"):
        assert client.get(f"/staff/{path}").status_code == 404, path
    assert client.get(f"/staff/cabinets/{10**30}").status_code == 404


def test_a_changed_entry_breaks_the_chain_on_the_page(
    house: StaffHouse, app: Flask, as_role: Callable[..., FlaskClient], clean_database: object
) -> None:
    from sqlalchemy import create_engine

    client = as_role("auditor")
    assert "Chain intact" in client.get("/staff/audit").get_data(as_text=True)
    engine = create_engine(clean_database.admin_url)  # type: ignore[attr-defined]
    with engine.begin() as connection:
        connection.execute(text("SET session_replication_role = replica"))
        connection.execute(text("UPDATE audit_entry SET actor = 'nobody' WHERE id = 2"))
    engine.dispose()
    page = client.get("/staff/audit").get_data(as_text=True)
    assert "Chain broken at 2" in page


def test_issuing_starts_one_job_and_shows_its_progress(
    house: StaffHouse,
    sessions: SessionFactory,
    settings: Settings,
    as_role: Callable[..., FlaskClient],
) -> None:
    period = last_closed_month(settings.timezone)
    client = as_role("finance")
    page = client.get("/staff/statements").get_data(as_text=True)
    token = page.split('name="csrf_token" value="', 1)[1].split('"', 1)[0]
    assert client.post("/staff/statements/issue").status_code == 400
    for _ in range(2):
        answer = client.post(
            "/staff/statements/issue", data={"csrf_token": token}, headers={"HX-Request": "true"}
        )
        assert "Waiting for a worker" in answer.get_data(as_text=True)
    with transaction(sessions, Scope.system("test")) as session:
        queued = session.execute(
            text("SELECT count(*) FROM procrastinate_jobs WHERE task_name = 'issue_statements'")
        ).scalar()
        assert queued == 1
        assert session.get(JobRun, ("issue-statements", period)) is not None
        deeds = list(session.scalars(select(AuditEntry.action)))
    assert deeds.count("statement.start") == 1
    assert client.get(f"/staff/statements/issue/{period}").status_code == 200
    assert client.get("/staff/statements/issue/never").status_code == 404


def test_what_a_run_could_not_issue_is_named_with_its_reason(
    house: StaffHouse,
    sessions: SessionFactory,
    settings: Settings,
    as_role: Callable[..., FlaskClient],
) -> None:
    period = last_closed_month(settings.timezone)
    with transaction(sessions, SCOPE) as session:
        session.execute(delete(ContractTerms))
        contracts = session.scalars(select(Contract.number)).all()
    workplace = jobs.Workplace(settings, sessions, issue_statements=issue_period)
    context: Any = SimpleNamespace(
        job=SimpleNamespace(id=7), additional_context={"workplace": workplace}
    )
    # On a month's first day what was agreed may not be due yet.
    here = dt.datetime.now(ZoneInfo(settings.timezone))
    with (
        time_machine.travel(here.replace(day=15), tick=True),
        pytest.raises(jobs.StatementsFailedError, match=f"of {period} could not be issued"),
    ):
        jobs._issue_statements(context, period=period)
    with transaction(sessions, SCOPE) as session:
        session.execute(
            text(
                "INSERT INTO procrastinate_jobs (task_name, queue_name, status, args, lock)"
                " VALUES ('issue_statements', 'bill', 'failed',"
                " jsonb_build_object('period', CAST(:period AS text)), 'issue-statements')"
            ),
            {"period": period},
        )
    part = as_role("finance").get(f"/staff/statements/issue/{period}").get_data(as_text=True)
    assert f"{len(contracts)} could not be issued; the others are" in part
    for number in contracts:
        assert f"Contract {number} has no terms for {period}." in part


def test_only_who_may_issue_can_start_it(as_role: Callable[..., FlaskClient]) -> None:
    client = as_role("staff")
    page = client.get("/staff/statements").get_data(as_text=True)
    assert "/staff/statements/issue" not in page
    token = page.split('csrf-token" content="', 1)[1].split('"', 1)[0]
    answer = client.post("/staff/statements/issue", data={"csrf_token": token})
    assert answer.status_code == 403


def test_the_pdf_is_the_issued_one_and_its_download_is_audited(
    house: StaffHouse,
    sessions: SessionFactory,
    settings: Settings,
    as_role: Callable[..., FlaskClient],
) -> None:
    with transaction(sessions, SCOPE) as session:
        contract_id = session.scalars(select(Contract.id).order_by(Contract.id)).first()
        assert contract_id is not None
    period = last_closed_month(settings.timezone)
    issued = issue_statement(sessions, SCOPE, settings, contract_id, period)
    client = as_role("staff")
    page = client.get(f"/staff/statements?period={period}").get_data(as_text=True)
    assert issued.number in page
    assert money_of(str(issued.total)) in page
    answer = client.get(f"/staff/statements/{issued.statement_id}.pdf")
    assert answer.mimetype == "application/pdf"
    assert f'filename="{issued.number}.pdf"' in answer.headers["Content-Disposition"]
    with transaction(sessions, SCOPE) as session:
        file = session.get_one(StatementFile, issued.statement_id)
        assert hashlib.sha256(answer.data).hexdigest() == file.sha256
        newest = session.scalars(select(AuditEntry).order_by(AuditEntry.id.desc())).first()
        assert newest is not None
        assert (newest.action, newest.actor) == ("statement.download", "staff-0@example.com")
    # Another's bytes under that name are not handed out.
    (settings.statements_folder / f"{issued.number}.pdf").write_bytes(answer.data + b" ")
    assert client.get(f"/staff/statements/{issued.statement_id}.pdf").status_code == 500
    noc = as_role("noc")
    assert noc.get(f"/staff/statements/{issued.statement_id}.pdf").status_code == 403
    outsider = as_role("customer_administrator", customer_id=house.customers[0])
    assert outsider.get(f"/staff/statements/{issued.statement_id}.pdf").status_code == 404


def money_of(amount: str) -> str:
    return f"{float(amount):,.2f}"
