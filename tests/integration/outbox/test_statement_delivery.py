"""A month is issued: its customers' contacts get the PDF by mail, our systems a webhook, once."""

import asyncio
import datetime as dt
import email
import email.policy
import hashlib
import ipaddress
import json
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from email.message import EmailMessage
from typing import Any

import pytest
from sqlalchemy import func, select, text

from dcim import jobs
from dcim.accounts.scope import Scope
from dcim.config import Settings
from dcim.customers.models import Contact, Contract, Customer
from dcim.db import SessionFactory, transaction
from dcim.due import defer_deliveries
from dcim.errors import ConflictError, ForbiddenError, NotFoundError
from dcim.outbox.delivering import DeliveryReport, deliver_due
from dcim.outbox.endpoints import EndpointValues, create_endpoint
from dcim.outbox.models import OutboxMessage
from dcim.statements import files
from dcim.statements.announcing import announce_statement
from dcim.statements.files import file_path
from dcim.statements.models import Statement, StatementFile
from dcim.statements.monthly_run import issue_month
from dcim.statements.sending import open_channels, send_statement
from dcim.statements.signer import obtain_signer
from tests.agents.hook_server import HookServer, serve_hooks
from tests.agents.mail_server import MailServer, serve_mail
from tests.agents.robot_server import RobotServer, serve_robots
from tests.agents.syslog_server import SyslogServer, serve_datagrams
from tests.integration.statements.town import PERIOD, SYSTEM, build_town
from tests.servers import Database
from tests.unit.outbox.test_syslog_message import read

STAFF = Scope.staff("wang")


@pytest.fixture
def post() -> Iterator[MailServer]:
    with serve_mail(MailServer()) as made:
        yield made


@pytest.fixture
def mailing(settings: Settings, post: MailServer) -> Settings:
    return replace(
        settings,
        smtp_host="127.0.0.1",
        smtp_port=post.port,
        smtp_security="none",
        smtp_timeout_s=2,
        mail_from="statements@idc.example.com",
        base_url="https://portal.example.com",
        operator_contact="sla@idc.example.com",
        webhook_allowed=(ipaddress.ip_network("127.0.0.1/32"),),
    )


@pytest.fixture
def contracts(sessions: SessionFactory) -> list[int]:
    """Two customers: the first speaks Chinese and has people of every sort, the second English."""
    with transaction(sessions, SYSTEM) as session:
        made = build_town(session, 2)
        first, second = session.scalars(select(Customer).order_by(Customer.id))
        second.language = "en"
        past = dt.date(2020, 1, 1)
        session.add_all(
            [
                Contact(customer_id=first.id, name="李", email="li@one.example.com"),
                Contact(customer_id=first.id, name="王", email="wang@one.example.com"),
                Contact(customer_id=first.id, name="李二", email="LI@one.example.com"),
                Contact(
                    customer_id=first.id, name="无", email="no@one.example.com",
                    gets_statements=False,
                ),
                Contact(
                    customer_id=first.id, name="旧", email="left@one.example.com",
                    valid_until=past,
                ),
                Contact(
                    customer_id=first.id, name="错", email="x@one.example.com\r\nBcc: y@z.example"
                ),
                Contact(customer_id=second.id, name="Ann", email="ann@two.example.com"),
            ]
        )  # fmt: skip
        return made


@pytest.fixture
def issued(sessions: SessionFactory, mailing: Settings) -> list[int]:
    """Statements of two customers, as if issued: by number, with a file that is no real PDF."""
    ids = []
    with transaction(sessions, SYSTEM) as session:
        for number, addresses in ((1, ("li", "wang")), (2, ("ann",))):
            customer = Customer(code=f"C{number}", name=f"客户{number}", name_en=f"C {number}")
            contract = Contract(
                customer=customer, number=f"HT-{number}", starts_on=dt.date(2026, 1, 1)
            )
            session.add(contract)
            session.flush()
            session.add_all(
                Contact(customer_id=customer.id, name=name, email=f"{name}@{number}.example.com")
                for name in addresses
            )
            statement = Statement(
                customer_id=customer.id, contract_id=contract.id, period=PERIOD, currency="CNY",
                number=f"SLA-202610-HT-{number}-01", total=Decimal("3000.00"),
                credits=Decimal("-30.00"), verdict="breached", document_sha256="1" * 64,
                inputs=b"", inputs_sha256="2" * 64,
                document={
                    "verdict": {"text": {"zh": "1 项未达标", "en": "1 missed"}},
                    "dispute": {"deadline": "2026-12-01"}, "verify_url": "https://x/verify",
                },
            )  # fmt: skip
            session.add(statement)
            session.flush()
            ids.append(statement.id)
    return ids


def register(sessions: SessionFactory, settings: Settings, ids: list[int]) -> None:
    """What `files.keep_file` does with the rendered file, without the rendering."""
    for statement_id in ids:
        with transaction(sessions, SYSTEM) as session:
            statement = session.get_one(Statement, statement_id)
            content = b"%PDF-1.7 " + statement.number.encode() * 200
            file_path(settings, statement).write_bytes(content)
            file = StatementFile(
                statement_id=statement.id, customer_id=statement.customer_id,
                sha256=hashlib.sha256(content).hexdigest(), unsigned_sha256="3" * 64,
                size=len(content), pages=1, signer="4" * 64,
            )  # fmt: skip
            session.add(file)
            announce_statement(session, settings, statement, file)


def issue(sessions: SessionFactory, settings: Settings) -> None:
    run = issue_month(sessions, SYSTEM, settings, PERIOD)
    assert not run.failed
    assert len(run.issued) == 2


def deliver(sessions: SessionFactory, settings: Settings) -> DeliveryReport:
    return deliver_due(sessions, open_channels(settings, sessions))


def count(sessions: SessionFactory) -> int:
    with transaction(sessions, SYSTEM) as session:
        return session.scalar(select(func.count(OutboxMessage.id))) or 0


def find_statements(sessions: SessionFactory) -> list[tuple[Statement, StatementFile]]:
    with transaction(sessions, SYSTEM) as session:
        rows = session.execute(
            select(Statement, StatementFile)
            .join(StatementFile, StatementFile.statement_id == Statement.id)
            .order_by(Statement.contract_id)
        )
        return [(statement, file) for statement, file in rows]


def parse(content: bytes) -> EmailMessage:
    parsed = email.message_from_bytes(content, policy=email.policy.default)
    assert isinstance(parsed, EmailMessage)
    return parsed


def body_of(mail: EmailMessage) -> str:
    body = mail.get_body()
    assert body is not None
    return str(body.get_content())


def test_a_month_and_who_gets_it(
    sessions: SessionFactory, mailing: Settings, contracts: list[int], post: MailServer
) -> None:
    issue(sessions, mailing)
    assert not post.seen, "the run talks to no mail server"
    assert deliver(sessions, mailing) == DeliveryReport(sent=3)
    mails = {one.recipient: parse(one.content) for one in post.taken}
    assert set(mails) == {"li@one.example.com", "wang@one.example.com", "ann@two.example.com"}
    (first, first_file), (second, second_file) = find_statements(sessions)
    chinese, english = mails["li@one.example.com"], mails["ann@two.example.com"]
    assert chinese["Subject"] == f"【Jifang】2026-10 月度对账单 {first.number}"
    for words in (f"CNY {first.total:,.2f}", first_file.sha256, "https://portal.example.com/portal",
                  "sla@idc.example.com", "客户1：", "见附件"):  # fmt: skip
        assert words in body_of(chinese)
    assert english["Subject"] == f"Jifang: statement {second.number} for 2026-10"
    assert "Customer 2," in body_of(english)
    [attached] = english.iter_attachments()
    assert attached.get_filename() == f"{second.number}.pdf"
    assert hashlib.sha256(attached.get_content()).hexdigest() == second_file.sha256
    # Run again, as after a crash: nothing is told twice.
    issue(sessions, mailing)
    assert deliver(sessions, mailing) == DeliveryReport()
    assert len(post.taken) == 3


def test_a_group_and_a_collector_are_told_too(
    sessions: SessionFactory, settings: Settings, mailing: Settings, issued: list[int]
) -> None:
    """In the operator's words, not in those for the customer; without any mail server."""
    loopback = (ipaddress.ip_network("127.0.0.1/32"),)
    made = replace(mailing, smtp_host="", robot_allowed=loopback, syslog_allowed=loopback)
    with serve_robots(RobotServer()) as robots, serve_datagrams(SyslogServer()) as collector:
        with transaction(sessions, STAFF) as session:
            for kind, language in (("dingtalk", "zh"), ("wecom", "en")):
                wanted = EndpointValues(
                    kind, robots.url(kind), ("statement.issued",), language=language
                )
                create_endpoint(session, STAFF, made, wanted, kind)
            url = f"udp://127.0.0.1:{collector.port}"
            wanted = EndpointValues("siem", url, ("statement.issued",))
            create_endpoint(session, STAFF, made, wanted, "syslog")
        register(sessions, made, issued[:1])
        assert deliver(sessions, made) == DeliveryReport(sent=3)
        assert collector.heard.wait(60)
    (statement, _file), *_others = find_statements(sessions)
    said = sorted((one["text"]["content"] for one in robots.taken), key=len)
    chinese = next(one for one in said if "对账单" in one)
    english = next(one for one in said if "statement" in one and one != chinese)
    link = f"https://portal.example.com/staff/statements/{statement.id}"
    assert chinese.splitlines() == [
        f"【Jifang】2026-10 月度对账单 {statement.number}", "客户：客户1（合同 HT-1）",
        "应付合计：CNY 3,000.00", "其中服务抵扣：CNY -30.00", "SLA 结论：1 项未达标",
        f"Jifang {link}",
    ]  # fmt: skip
    assert "Customer: C 1 (contract HT-1)" in english
    assert english.endswith(link)
    found, params = read(collector.messages[0])
    assert params["statement.number"] == statement.number
    assert found["msg"].decode().startswith("【Jifang】2026-10 月度对账单")


def test_without_a_mail_server_nothing_is_queued(
    sessions: SessionFactory, settings: Settings, mailing: Settings, issued: list[int]
) -> None:
    register(sessions, settings, issued)
    assert count(sessions) == 0
    # Set up later, a person has it sent: to whom it wasn't yet.
    (first, _file), _second = find_statements(sessions)
    with transaction(sessions, STAFF) as session:
        with pytest.raises(ConflictError, match="nobody else"):
            send_statement(session, STAFF, settings, first.id)
        assert send_statement(session, STAFF, mailing, first.id) == 2
        with pytest.raises(ConflictError, match="nobody else"):
            send_statement(session, STAFF, mailing, first.id)
        session.add(Contact(customer_id=first.customer_id, name="新", email="new@1.example.com"))
        session.flush()
        assert send_statement(session, STAFF, mailing, first.id) == 1
        with pytest.raises(NotFoundError):
            send_statement(session, STAFF, mailing, 987_654)
        customer = Scope.customer("x", first.customer_id)
        with pytest.raises(ForbiddenError):
            send_statement(session, customer, mailing, first.id)


def test_a_mail_server_that_is_away_blocks_nothing(
    sessions: SessionFactory, mailing: Settings, issued: list[int], post: MailServer
) -> None:
    post.answers["greeting"] = "421 not now"
    register(sessions, mailing, issued)
    assert deliver(sessions, mailing) == DeliveryReport(put_off=3)
    post.answers.clear()
    with transaction(sessions, SYSTEM) as session:
        session.execute(text("UPDATE outbox_message SET next_at = now()"))
    assert deliver(sessions, mailing) == DeliveryReport(sent=3)


def test_one_address_that_is_refused_stops_no_other(
    sessions: SessionFactory, mailing: Settings, issued: list[int], post: MailServer
) -> None:
    post.answers["li@1.example.com"] = "550 no such user"
    register(sessions, mailing, issued)
    assert deliver(sessions, mailing) == DeliveryReport(sent=2, given_up=1)
    with transaction(sessions, SYSTEM) as session:
        [failed] = session.scalars(select(OutboxMessage).where(OutboxMessage.state == "failed"))
        assert (failed.recipient, failed.detail) == ("li@1.example.com", "550 no such user")


def test_the_statement_and_its_messages_are_there_together(
    sessions: SessionFactory,
    mailing: Settings,
    contracts: list[int],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What can't be announced isn't registered; the next run finds it missing and does both."""

    def stumble(*args: Any) -> Any:
        raise KeyError("announce")

    with transaction(sessions, SYSTEM) as session:
        obtain_signer(session, SYSTEM, mailing)
    with monkeypatch.context() as patch:
        patch.setattr(files, "announce_statement", stumble)
        run = issue_month(sessions, SYSTEM, mailing, PERIOD)
        assert len(run.failed) == 2
    assert find_statements(sessions) == []
    assert count(sessions) == 0
    issue(sessions, mailing)
    assert count(sessions) == 3


def test_a_large_one_is_linked_to(
    sessions: SessionFactory, mailing: Settings, issued: list[int], post: MailServer
) -> None:
    small = replace(mailing, mail_attach_limit_bytes=1000)
    register(sessions, small, issued)
    assert deliver(sessions, small).sent == 3
    for taken in post.taken:
        mail = parse(taken.content)
        assert list(mail.iter_attachments()) == []
        assert "https://portal.example.com/portal/statements" in body_of(mail)


def test_a_file_that_was_changed_goes_to_nobody(
    sessions: SessionFactory, mailing: Settings, issued: list[int], post: MailServer
) -> None:
    register(sessions, mailing, issued)
    (first, _file), _second = find_statements(sessions)
    path = file_path(mailing, first)
    original = path.read_bytes()
    path.write_bytes(original + b"x")
    assert deliver(sessions, mailing) == DeliveryReport(sent=1, given_up=2)
    assert [one.recipient for one in post.taken] == ["ann@2.example.com"]


def test_our_systems_are_told(
    sessions: SessionFactory, mailing: Settings, issued: list[int], settings: Settings
) -> None:
    with serve_hooks(HookServer()) as hooks:
        with transaction(sessions, STAFF) as session:
            wanted = EndpointValues(
                "erp", f"http://127.0.0.1:{hooks.port}/", ("statement.issued",), "s" * 16
            )
            create_endpoint(session, STAFF, mailing, wanted)
            off = replace(wanted, name="off", enabled=False)
            create_endpoint(session, STAFF, mailing, off)
        # Mail isn't set up here: a webhook needs none.
        plain = replace(mailing, smtp_host="")
        register(sessions, plain, issued)
        assert deliver(sessions, plain) == DeliveryReport(sent=2)
        told = {one["statement"]["customer"]: one for one in map(_read, hooks.posted)}
    (first, file), _second = find_statements(sessions)
    assert told["C1"]["statement"] == {
        "id": first.id, "number": first.number, "customer": "C1", "contract": "HT-1",
        "period": PERIOD, "revision": 1, "verdict": first.verdict, "currency": "CNY",
        "total": str(first.total), "credits": str(first.credits), "sha256": file.sha256,
        "document_sha256": first.document_sha256,
        "url": f"https://portal.example.com/api/v1/statements/{first.id}/pdf",
    }  # fmt: skip
    assert set(told) == {"C1", "C2"}


def _read(posted: Any) -> Any:
    return json.loads(posted.body)


def test_the_clock_has_it_sent_by_a_worker(
    sessions: SessionFactory,
    clean_database: Database,
    mailing: Settings,
    issued: list[int],
    post: MailServer,
) -> None:
    def strike() -> bool:
        with transaction(sessions, Scope.system("clock")) as session:
            return defer_deliveries(session)

    def work() -> None:
        workplace = jobs.Workplace(mailing, sessions)
        asyncio.run(jobs.work(clean_database.app_url, workplace, [jobs.MAIL], wait=False))

    assert not strike()
    register(sessions, mailing, issued)
    assert strike()
    # One job is enough: while it waits there is no other.
    assert not strike()
    work()
    assert len(post.taken) == 3
    assert not strike()
