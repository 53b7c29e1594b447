"""Delivery by its pages: who got what, trying again, tests, webhooks; and the API beside them."""

import datetime as dt
import io
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from ipaddress import ip_network
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import func, select

from dcim.accounts.models import AuditEntry
from dcim.accounts.tokens import create_token
from dcim.columns import utc_now
from dcim.config import Settings
from dcim.customers.models import Contact, Contract, Customer
from dcim.db import SessionFactory, transaction
from dcim.outbox.delivering import deliver_due
from dcim.outbox.models import Endpoint, OutboxMessage
from dcim.statements.models import Statement
from dcim.statements.sending import open_channels
from tests.agents.hook_server import HookServer, serve_hooks
from tests.agents.mail_server import MailServer, serve_mail
from tests.agents.robot_server import RobotServer, serve_robots
from tests.agents.syslog_server import SyslogServer, serve_datagrams
from tests.integration.statements.test_month_files import add_statement
from tests.integration.statements.town import PERIOD, SYSTEM
from tests.integration.web.conftest import Login
from tests.integration.web.test_staff_forms import Person
from tests.integration.web.test_staff_pages import counted

MakeLogin = Callable[..., Login]
HOSTILE = "<script>alert(1)</script>"
ROBOT_SECRET = "SEC-0123456789abcdef"
NEW_WEBHOOK = "/staff/endpoints/new?kind=webhook"


@pytest.fixture
def settings(settings: Settings) -> Iterator[Settings]:
    with serve_mail(MailServer()) as post:
        yield replace(
            settings,
            smtp_host="127.0.0.1",
            smtp_port=post.port,
            smtp_security="none",
            mail_from="statements@idc.example.com",
            webhook_allowed=(ip_network("127.0.0.1/32"),),
        )


@pytest.fixture
def statement(sessions: SessionFactory, settings: Settings) -> Statement:
    with transaction(sessions, SYSTEM) as session:
        customer = Customer(code="C1", name="客户", name_en="Customer")
        contract = Contract(customer=customer, number="HT1", starts_on=dt.date(2026, 1, 1))
        session.add(contract)
        session.flush()
        made = add_statement(session, settings, contract)
        session.add(Contact(customer_id=customer.id, name="li", email="li@customer.example.com"))
        return made


def add_message(sessions: SessionFactory, number: int = 1, **given: Any) -> int:
    with transaction(sessions, SYSTEM) as session:
        values: dict[str, Any] = {
            "key": f"key/{number}", "channel": "mail", "event": "test", "next_at": utc_now(),
            "recipient": f"{number}@example.com", "delivery_id": f"{number}", "state": "failed",
            "fault": "refused", "detail": f"550 {HOSTILE}", "title": HOSTILE,
        }  # fmt: skip
        row = OutboxMessage(**values | given)
        session.add(row)
        session.flush()
        return row.id


@pytest.fixture
def finance(app: Flask, make_login: MakeLogin) -> Person:
    return Person(app, make_login("finance"))


@pytest.fixture
def administrator(app: Flask, make_login: MakeLogin) -> Person:
    return Person(app, make_login("administrator"))


def state_of(sessions: SessionFactory, message_id: int) -> str:
    with transaction(sessions, SYSTEM) as session:
        return session.get_one(OutboxMessage, message_id).state


def test_what_was_given_up_is_tried_again(sessions: SessionFactory, finance: Person) -> None:
    first, second = add_message(sessions, 1), add_message(sessions, 2)
    other = add_message(sessions, 3, fault="slow", state="queued", attempts=2)
    page = finance.client.get("/staff/deliveries").get_data(as_text=True)
    for words in ("1@example.com", "The other side refuses it for good.", "Given up (2)",
                  "550 &lt;script&gt;", "attempts: 2",
                  "answer in time."):  # fmt: skip
        assert words in page
    assert HOSTILE not in page
    shown = finance.client.get("/staff/deliveries?state=queued&channel=mail&event=test")
    assert "3@example.com" in shown.get_data(as_text=True)
    assert "1@example.com" not in shown.get_data(as_text=True)
    for who, seen in (("3@EXAMPLE", True), ("%", False), ("_", False), ("nobody", False)):
        page = finance.client.get(f"/staff/deliveries?who={who}").get_data(as_text=True)
        assert ('<th scope="row">3@example.com' in page) == seen, who
    answer = finance.post(f"/staff/deliveries/{first}/retry?state=failed")
    assert answer.headers["HX-Redirect"] == "/staff/deliveries?state=failed"
    assert [state_of(sessions, one) for one in (first, second)] == ["queued", "failed"]
    finance.post("/staff/deliveries/retry?state=failed&who=1@")
    assert state_of(sessions, second) == "failed"
    finance.post("/staff/deliveries/retry?state=failed&who=2@")
    assert [state_of(sessions, one) for one in (first, second)] == ["queued", "queued"]
    finance.post("/staff/deliveries/retry?state=failed")
    page = finance.client.get("/staff/deliveries").get_data(as_text=True)
    assert "None of these was given up." in page
    assert finance.post("/staff/deliveries/987654/retry").status_code == 404
    assert state_of(sessions, other) == "queued"


def test_what_was_sent_is_not_sent_again_by_a_stale_page(
    sessions: SessionFactory, finance: Person
) -> None:
    sent = add_message(sessions, state="sent", sent_at=utc_now(), fault="", detail="")
    finance.post(f"/staff/deliveries/{sent}/retry")
    assert "It was sent already" in finance.client.get("/staff/deliveries").get_data(as_text=True)
    assert state_of(sessions, sent) == "sent"


def test_who_may_only_look(
    app: Flask, make_login: MakeLogin, sessions: SessionFactory, statement: Statement
) -> None:
    message = add_message(sessions)
    auditor = Person(app, make_login("auditor"))
    page = auditor.client.get("/staff/deliveries").get_data(as_text=True)
    assert "1@example.com" in page
    assert "Try again" not in page
    for path in (
        f"/staff/deliveries/{message}/retry", "/staff/deliveries/retry",
        "/staff/deliveries/test-mail", f"/staff/statements/{statement.id}/send",
        "/staff/endpoints/new",
    ):  # fmt: skip
        assert auditor.post(path).status_code == 403, path
    assert state_of(sessions, message) == "failed"


def test_a_test_mail_arrives(
    sessions: SessionFactory, settings: Settings, administrator: Person
) -> None:
    page = administrator.client.get("/staff/deliveries/test-mail").get_data(as_text=True)
    assert "administrator-0@example.com" in page
    wrong = administrator.post("/staff/deliveries/test-mail", recipient="a@b")
    assert wrong.status_code == 422
    assert "not a mail address" in wrong.get_data(as_text=True)
    answer = administrator.post("/staff/deliveries/test-mail", recipient="me@example.com")
    assert answer.headers["HX-Redirect"] == "/staff/deliveries?event=test"
    assert deliver_due(sessions, open_channels(settings, sessions)).sent == 1
    page = administrator.client.get("/staff/deliveries?event=test").get_data(as_text=True)
    assert "me@example.com" in page
    with transaction(sessions, SYSTEM) as session:
        assert session.scalar(
            select(func.count()).select_from(AuditEntry).where(AuditEntry.action == "message.test")
        )


def test_without_a_mail_server_the_page_says_so(
    settings: Settings, sessions: SessionFactory, make_login: MakeLogin
) -> None:
    from dcim.app import create_app

    without = create_app(replace(settings, smtp_host=""), sessions)
    without.testing = True
    person = Person(without, make_login("finance"))
    page = person.client.get("/staff/deliveries").get_data(as_text=True)
    assert "set up" in page
    answer = person.post("/staff/deliveries/test-mail", recipient="me@example.com")
    assert answer.status_code == 409
    assert "DCIM_SMTP_HOST" in answer.get_data(as_text=True)


def test_from_the_statement_to_who_got_it(
    sessions: SessionFactory, finance: Person, statement: Statement
) -> None:
    page = finance.client.get("/staff/statements").get_data(as_text=True)
    assert "nobody told" in page
    here = f"/staff/deliveries?statement={statement.id}"
    assert here in page
    assert statement.number in finance.client.get(here).get_data(as_text=True)
    answer = finance.post(f"/staff/statements/{statement.id}/send")
    assert answer.headers["HX-Redirect"] == here
    assert "li@customer.example.com" in finance.client.get(here).get_data(as_text=True)
    for who in ("C1", "客户", "Customer"):
        found = finance.client.get(f"/staff/deliveries?who={who}").get_data(as_text=True)
        assert "li@customer.example.com" in found, who
    assert "1 waiting" in finance.client.get("/staff/statements").get_data(as_text=True)
    finance.post(f"/staff/statements/{statement.id}/send")
    assert "There is nobody else" in finance.client.get(here).get_data(as_text=True)
    assert finance.client.get("/staff/deliveries?statement=987654").status_code == 404
    assert finance.post("/staff/statements/987654/send").status_code == 404


def test_the_zip_of_a_month(finance: Person, statement: Statement) -> None:
    path = f"/staff/statements/archive/{PERIOD}.zip"
    assert path in finance.client.get(f"/staff/statements?period={PERIOD}").get_data(as_text=True)
    answer = finance.client.get(path)
    assert answer.mimetype == "application/zip"
    with zipfile.ZipFile(io.BytesIO(answer.get_data())) as archive:
        assert archive.namelist() == ["index.csv", f"{statement.number}.pdf"]
    for nothing in ("2026-09", "2026-13", "x"):
        assert finance.client.get(f"/staff/statements/archive/{nothing}.zip").status_code == 404


def test_as_many_statements_of_sql_for_more(sessions: SessionFactory, finance: Person) -> None:
    def count(path: str) -> int:
        with counted(sessions) as seen:
            assert finance.client.get(path).status_code == 200
        return len(seen)

    add_message(sessions, 1)
    count("/staff/deliveries")
    few = count("/staff/deliveries")
    for number in range(2, 30):
        add_message(sessions, number)
    assert count("/staff/deliveries") == few


def test_a_webhook_from_its_form_to_its_test(
    sessions: SessionFactory, settings: Settings, administrator: Person
) -> None:
    with serve_hooks(HookServer()) as hooks:
        url = f"http://127.0.0.1:{hooks.port}/x"
        page = administrator.client.get("/staff/endpoints").get_data(as_text=True)
        assert "No endpoint yet" in page
        assert "127.0.0.1/32" in administrator.client.get(NEW_WEBHOOK).get_data(as_text=True)
        good = {"name": "erp", "url": url, "secret": "SECRET-1234567890", "enabled": "y",
                "events": "statement.issued"}  # fmt: skip
        for wrong in ({"url": "ftp://x"}, {"secret": "short"}, {"secret": ""}, {"name": ""}):
            answer = administrator.post(NEW_WEBHOOK, **{**good, **wrong})
            assert answer.status_code == 422, wrong
            assert "SECRET-1234567890" not in answer.get_data(as_text=True)
        assert "HX-Redirect" in administrator.post(NEW_WEBHOOK, **good).headers
        assert administrator.post(NEW_WEBHOOK, **good).status_code == 409
        with transaction(sessions, SYSTEM) as session:
            [endpoint] = session.scalars(select(Endpoint))
        edit = f"/staff/endpoints/{endpoint.id}/edit"
        page = administrator.client.get(edit).get_data(as_text=True)
        assert url in page
        assert "SECRET" not in page
        # Without a secret the one there is stays, and signs.
        changed = administrator.post(edit, name="erp 2", url=url, secret="", enabled="y")
        assert "HX-Redirect" in changed.headers
        assert "erp 2" in administrator.client.get("/staff/endpoints").get_data(as_text=True)
        test = administrator.post(f"/staff/endpoints/{endpoint.id}/test")
        assert test.headers["HX-Redirect"] == "/staff/deliveries?event=test"
        assert deliver_due(sessions, open_channels(settings, sessions)).sent == 1
        from tests.unit.outbox.test_signature import check

        [posted] = hooks.posted
        assert check(posted.headers["Jifang-Signature"], posted.body, good["secret"])
        assert administrator.client.get("/staff/endpoints/987654/edit").status_code == 404
        assert administrator.post("/staff/endpoints/987654/test").status_code == 404


def test_robots_and_syslog_by_their_forms(
    sessions: SessionFactory, settings: Settings, administrator: Person
) -> None:
    allowed = (ip_network("127.0.0.1/32"),)
    with serve_robots(RobotServer(secret=ROBOT_SECRET)) as robots:
        url = robots.url("dingtalk")
        new = "/staff/endpoints/new?kind=dingtalk"
        good = {"name": "值班群", "url": url, "secret": ROBOT_SECRET, "enabled": "y",
                "events": "statement.issued", "language": "en"}  # fmt: skip
        for wrong in ({"url": ""}, {"url": "ftp://x/" + robots.token}, {"secret": "short"},
                      {"url": "https://qyapi.weixin.qq.com/?key=" + robots.token},
                      {"language": "fr"}):  # fmt: skip
            answer = administrator.post(new, **{**good, **wrong})
            assert answer.status_code == 422, wrong
            assert "值班群" in answer.get_data(as_text=True)
            assert robots.token not in answer.get_data(as_text=True)
            assert ROBOT_SECRET not in answer.get_data(as_text=True)
        assert "HX-Redirect" in administrator.post(new, **good).headers
        with transaction(sessions, SYSTEM) as session:
            [endpoint] = session.scalars(select(Endpoint))
        here = f"/staff/endpoints/{endpoint.id}"
        for path in ("/staff/endpoints", f"{here}/edit"):
            page = administrator.client.get(path).get_data(as_text=True)
            assert "值班群" in page
            assert f"http://127.0.0.1:{robots.port}/…" in page
            assert robots.token not in page
        # Without a URL and a secret those there are stay.
        kept = {**good, "url": "", "secret": "", "name": "值班 2"}
        assert "HX-Redirect" in administrator.post(f"{here}/edit", **kept).headers
        administrator.post(f"{here}/test")
        made = replace(settings, robot_allowed=allowed)
        assert deliver_due(sessions, open_channels(made, sessions)).sent == 1
        assert "Test message" in robots.taken[0]["text"]["content"]
        page = administrator.client.get("/staff/endpoints").get_data(as_text=True)
        assert "Sent out" in page
        # What goes wrong is told with the way out.
        robots.secret = "another"
        administrator.post(f"{here}/test")
        assert deliver_due(sessions, open_channels(made, sessions)).given_up == 1
        for path in ("/staff/endpoints", "/staff/deliveries"):
            page = administrator.client.get(path).get_data(as_text=True)
            assert "safety settings refuse it" in page
            assert "310000: sign not match" in page
            assert robots.token not in page
        administrator.post(f"{here}/switch")
        page = administrator.client.get("/staff/endpoints").get_data(as_text=True)
        assert "Switched off" in page
        administrator.post(f"{here}/switch", on="1")
        assert "Switched on" in administrator.client.get("/staff/endpoints").get_data(as_text=True)
        assert "HX-Redirect" in administrator.post(f"{here}/delete").headers
    for path in (f"{here}/edit", f"{here}/test", f"{here}/switch", f"{here}/delete"):
        assert administrator.post(path).status_code == 404, path
    page = administrator.client.get("/staff/endpoints").get_data(as_text=True)
    assert "No endpoint yet" in page
    with serve_datagrams(SyslogServer()) as collector:
        given = {"name": "SIEM", "url": f"udp://127.0.0.1:{collector.port}", "language": "zh",
                 "enabled": "y"}  # fmt: skip
        new = "/staff/endpoints/new?kind=syslog"
        assert administrator.post(new, **{**given, "url": "http://x/"}).status_code == 422
        assert "HX-Redirect" in administrator.post(new, **given).headers
        with transaction(sessions, SYSTEM) as session:
            made_id = session.scalars(select(Endpoint.id).where(Endpoint.kind == "syslog")).one()
        administrator.post(f"/staff/endpoints/{made_id}/test")
        made = replace(settings, syslog_allowed=allowed)
        assert deliver_due(sessions, open_channels(made, sessions)).sent == 1
        assert collector.heard.wait(60)
    page = administrator.client.get("/staff/deliveries").get_data(as_text=True)
    assert "tell whether it arrived" in page
    assert administrator.client.get("/staff/endpoints/new?kind=pager").status_code == 404
    assert administrator.post("/staff/endpoints/new?kind=", **good).status_code == 404


def test_as_many_statements_of_sql_for_more_endpoints(
    sessions: SessionFactory, administrator: Person
) -> None:
    def add(numbers: range) -> None:
        with transaction(sessions, SYSTEM) as session:
            for number in numbers:
                one = Endpoint(name=f"e{number}", kind="syslog", url="udp://10.0.0.1", events=[])
                session.add(one)
                session.flush()
                session.add_all(
                    OutboxMessage(
                        key=f"{number}/{turn}", channel="syslog", event="test", recipient="x",
                        endpoint_id=one.id, next_at=utc_now(), delivery_id=f"{number}/{turn}",
                        fault=fault,
                    )
                    for turn, fault in enumerate(("slow", "unreachable"))
                )  # fmt: skip

    def count() -> int:
        with counted(sessions) as seen:
            page = administrator.client.get("/staff/endpoints").get_data(as_text=True)
        # The newest, not the one before.
        assert "reached, or it hung up" in page
        assert "answer in time" not in page
        return len(seen)

    add(range(1))
    count()
    few = count()
    add(range(1, 20))
    assert count() == few


def test_the_api(
    app: Flask,
    make_login: MakeLogin,
    sessions: SessionFactory,
    statement: Statement,
) -> None:
    def call(role: str) -> Callable[..., Any]:
        login = make_login(role)
        with transaction(sessions, SYSTEM) as session:
            from dcim.accounts.models import User

            user = session.get_one(User, login.user_id)
            token = create_token(session, SYSTEM, user, "t").plaintext
        client = app.test_client()

        def send(method: str, path: str, **given: Any) -> Any:
            return client.open(
                f"/api/v1{path}", method=method, headers={"Authorization": f"Bearer {token}"},
                **given,
            )  # fmt: skip

        return send

    finance, administrator = call("finance"), call("administrator")
    failed = add_message(sessions, 1)
    listed = finance("GET", "/deliveries?state=failed").get_json()
    assert [(one["id"], one["fault"]) for one in listed["items"]] == [(failed, "refused")]
    assert finance("GET", f"/deliveries/{failed}").get_json()["recipient"] == "1@example.com"
    assert finance("POST", f"/deliveries/{failed}/retry").get_json()["state"] == "queued"
    sent = add_message(sessions, 2, state="sent", sent_at=utc_now())
    assert finance("POST", f"/deliveries/{sent}/retry").status_code == 409
    assert finance("GET", "/deliveries/987654").status_code == 404
    assert finance("GET", "/deliveries?state=lost").status_code == 422
    # Endpoints are for who manages credentials.
    assert finance("GET", "/webhooks").status_code == 403
    body = {"name": "erp", "url": "https://hooks.example.com/", "secret": "SECRET-1234567890",
            "events": ["statement.issued"]}  # fmt: skip
    made = administrator("POST", "/webhooks", json=body)
    assert made.status_code == 201
    assert "SECRET" not in made.get_data(as_text=True)
    path = f"/webhooks/{made.get_json()['id']}"
    assert "last_state" in made.get_json()
    assert administrator("POST", "/webhooks", json=body).status_code == 409
    changed = administrator("PUT", path, json={**body, "secret": None, "enabled": False})
    assert changed.get_json()["enabled"] is False
    assert administrator("GET", path).get_json()["name"] == "erp"
    assert administrator("GET", "/webhooks").get_json()["total"] == 1
    wrong = administrator("POST", "/webhooks", json={**body, "name": "x", "url": "file:///x"})
    assert wrong.status_code == 422
    assert "url" in wrong.get_json()["errors"]
    # Robots and syslog servers are its siblings.
    token = "0123456789abcdef"
    robot = {"name": "ops", "kind": "feishu", "secret": "SECRET-1234567890",
             "url": f"https://open.feishu.cn/open-apis/bot/v2/hook/{token}",
             "events": ["alarm.raised"], "language": "en"}  # fmt: skip
    made = administrator("POST", "/robots", json=robot)
    assert made.status_code == 201
    assert made.get_json()["url"] == "https://open.feishu.cn/…"
    here = f"/robots/{made.get_json()['id']}"
    answers = [
        made,
        administrator("GET", "/robots"),
        administrator("GET", here),
        administrator("PUT", here, json={"name": "ops 2", "events": [], "enabled": False}),
        administrator("POST", f"{here}/test"),
        administrator("POST", "/robots", json={**robot, "kind": "dingtalk"}),
        administrator("POST", "/robots", json={**robot, "name": "x", "url": f"ftp://{token}"}),
    ]
    assert [one.status_code for one in answers] == [201, 200, 200, 200, 201, 422, 422]
    for one in answers:
        assert token not in one.get_data(as_text=True)
        assert "SECRET" not in one.get_data(as_text=True)
    assert answers[4].get_json()["channel"] == "feishu"
    # One kind isn't another's.
    for wrong in (f"/webhooks{here[7:]}", f"/syslog-servers{here[7:]}"):
        for method in ("GET", "DELETE"):
            assert administrator(method, wrong).status_code == 404
        assert administrator("POST", f"{wrong}/test").status_code == 404
    assert (
        administrator("PUT", f"/webhooks{here[7:]}", json={**body, "name": "y"}).status_code == 404
    )
    collector = {"name": "siem", "url": "tls://siem.example.com", "events": ["alarm.raised"]}
    assert administrator("POST", "/syslog-servers", json=collector).status_code == 201
    wrong_one = {**collector, "name": "x", "url": "siem:514"}
    assert administrator("POST", "/syslog-servers", json=wrong_one).status_code == 422
    assert administrator("DELETE", here).status_code == 204
    assert administrator("GET", here).status_code == 404
    for there in ("/robots", "/syslog-servers"):
        assert finance("GET", there).status_code == 403
    archive = finance("GET", f"/statements/archive?period={PERIOD}")
    with zipfile.ZipFile(io.BytesIO(archive.get_data())) as found:
        assert f"{statement.number}.pdf" in found.namelist()
    assert finance("GET", "/statements/archive?period=2026-09").status_code == 404
    assert finance("GET", "/statements/archive").status_code == 422
