"""Maintenance, claims, allowances of promises and statements: told to who chose them, once."""

import datetime as dt
import hashlib
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest
from sqlalchemy import select

from dcim.config import Settings
from dcim.customers.models import Contact, Customer
from dcim.db import ScopedSession, SessionFactory, transaction
from dcim.operations.maintenance import (
    approve_maintenance,
    begin_maintenance,
    cancel_maintenance,
    change_maintenance,
    finish_maintenance,
)
from dcim.sla.announcing import announce, list_contractual
from dcim.statements.announcing import announce_statement
from dcim.statements.credit_claims import decide_claim, make_claim
from dcim.statements.models import Statement, StatementFile
from dcim.statements.risk_rounds import measure_risks
from tests.integration.notices.people import SENDER, choose, enter, mails, queued
from tests.integration.operations.test_maintenance import CHIEF, DAY, END, HOUR, NOW, PLANNER, START
from tests.integration.operations.test_maintenance import Desk as WorkDesk
from tests.integration.statements.test_credit_claims import CLERK, IN_TIME
from tests.integration.statements.test_credit_claims import Desk as ClaimDesk
from tests.integration.statements.test_credit_risks import NOON
from tests.integration.statements.test_credit_risks import NOW as JUDGED_AT
from tests.integration.statements.town import PERIOD, SYSTEM, build_town


@pytest.fixture
def works(session: ScopedSession) -> WorkDesk:
    session.info["sender"] = SENDER
    return WorkDesk(session)


def test_maintenance_from_its_notice_to_its_end(works: WorkDesk) -> None:
    session = works.session
    own = enter(session, works.customer_id, "own", language="en", timezone="America/New_York")
    choose(session, own, maintenance_done=True)
    enter(session, works.customer_id, "usual")
    enter(session, works.customer_id - 1, "stranger")
    work = works.told("portal")
    # By another way as well: of the same times once.
    announce(session, PLANNER, work.id, "email", now=NOW + 3 * HOUR)
    assert queued(session) == [
        ("own", "maintenance.announced"), ("usual", "maintenance.announced"),
    ]  # fmt: skip
    [notice] = mails(session, "own")
    # The eleventh, 02:00 in UTC, is the evening of the tenth in New York.
    assert "Time: 2026-11-10 21:00 to 23:00 (America/New_York" in notice.text
    assert notice.title.startswith("Example Port: Notice of maintenance MW-202611-01")
    assert f"https://portal.example.com/portal/maintenance/{work.id}" in notice.text
    begin_maintenance(session, PLANNER, work.id, START)
    finish_maintenance(session, PLANNER, work.id, END)
    assert queued(session)[2:] == [("own", "maintenance.done")]
    assert "Finished: 2026-11-10 23:00 (America/New_York)" in mails(session, "own")[1].text


def test_moved_and_cancelled(works: WorkDesk) -> None:
    session = works.session
    enter(session, works.customer_id, "own")
    enter(session, works.customer_id - 1, "stranger")
    work = works.told("portal")
    change_maintenance(
        session, PLANNER, work.id, {"starts_at": START + DAY, "ends_at": END + DAY}, NOW + 3 * HOUR
    )
    approve_maintenance(session, CHIEF, work.id, NOW + 4 * HOUR)
    assert len(queued(session)) == 1
    announce(session, PLANNER, work.id, "portal", now=NOW + 5 * HOUR)
    assert "时间变更" in mails(session, "own")[1].text
    cancel_maintenance(session, PLANNER, work.id, "厂商推迟\x1b[2J", NOW + 6 * HOUR)
    assert queued(session) == [
        ("own", "maintenance.announced"), ("own", "maintenance.announced"),
        ("own", "maintenance.cancelled"),
    ]  # fmt: skip
    last = mails(session, "own")[2]
    assert "> 厂商推迟" in last.text
    assert "\x1b" not in last.text


def test_who_was_told_nothing_isnt_told_that_it_is_cancelled(works: WorkDesk) -> None:
    session = works.session
    enter(session, works.customer_id, "own")
    work = works.approved()
    cancel_maintenance(session, PLANNER, work.id, "取消", NOW + 2 * HOUR)
    assert queued(session) == []


def test_contractual_notices_are_of_contacts_and_no_choice_ends_them(works: WorkDesk) -> None:
    """The notice that proves that the customer was told is recorded whatever its people chose."""
    session = works.session
    own = enter(session, works.customer_id, "own")
    choose(session, own, maintenance_announced=False)
    work = works.told("email")
    assert queued(session) == []
    assert [one.recipient for one in work.notices] == ["tech@c3.example"]
    contacts = list_contractual(session, SYSTEM, works.customer_id, dt.date(2026, 11, 1))
    assert contacts == ["tech@c3.example"]


def test_a_claim_is_decided(session: ScopedSession, settings: Settings) -> None:
    desk = ClaimDesk(session, settings)
    session.info["sender"] = SENDER
    customer = desk.contract.customer_id
    enter(session, customer, "own", language="en")
    enter(session, customer, "viewer", administrator=False)
    enter(session, customer - 1, "stranger")
    claim = make_claim(session, CLERK, desk.wish(IN_TIME))
    assert queued(session) == []
    decide_claim(session, CLERK, claim.id, "refused", "超出期限")
    decide_claim(session, CLERK, claim.id, "refused", "超出期限")
    assert queued(session) == [("own", "claim.decided")]
    [mail] = mails(session, "own")
    assert "for 2026-10 is refused" in mail.text
    assert "> 超出期限" in mail.text
    # The control: decided otherwise is news.
    decide_claim(session, CLERK, claim.id, "accepted", "复核通过")
    assert len(queued(session)) == 2


def test_an_allowance_runs_short_is_told_once_a_month(sessions: SessionFactory) -> None:
    with transaction(sessions, SYSTEM) as session:
        contracts = build_town(session, down=range(NOON - 40, NOON + 60))
        third = session.scalars(select(Customer).order_by(Customer.id)).all()[2]
        own = enter(session, third.id, "own")
        choose(session, own, budget_low=True)
        enter(session, third.id, "usual")
        choose(session, enter(session, third.id - 1, "stranger"), budget_low=True)
    sessions.configure(info={"sender": SENDER})
    for minutes in (0, 1, 2):
        measure_risks(sessions, contracts, JUDGED_AT + dt.timedelta(minutes=minutes))
    with transaction(sessions, SYSTEM) as session:
        assert queued(session) == [("own", "budget.low")]
        [mail] = mails(session, "own")
        assert "误差预算即将用尽" in mail.title
        assert "已用：40 分" in mail.text
    # Missed is another thing to be told, once.
    for minutes in (20, 21):
        measure_risks(sessions, contracts, JUDGED_AT + dt.timedelta(minutes=minutes))
    with transaction(sessions, SYSTEM) as session:
        assert queued(session) == [("own", "budget.low")] * 2
        assert "已超出承诺" in mails(session, "own")[1].title


def issue(session: ScopedSession, customer_id: int, contract_id: int, revision: int) -> Any:
    tail = "" if revision == 1 else f"-R{revision}"
    statement = Statement(
        customer_id=customer_id, contract_id=contract_id, period=PERIOD, currency="CNY",
        number=f"SLA-202610-HT-1{tail}", total=Decimal("3000.00"), revision=revision,
        reason="电价有误" if revision > 1 else "", credits=Decimal("-30.00"), verdict="breached",
        document_sha256=f"{revision}" * 64, inputs=b"", inputs_sha256="2" * 64,
        document={
            "verdict": {"text": {"zh": "1 项未达标", "en": "1 missed"}},
            "dispute": {"deadline": "2026-12-01"}, "verify_url": "https://x/verify",
        },
    )  # fmt: skip
    session.add(statement)
    session.flush()
    file = StatementFile(
        statement_id=statement.id, customer_id=customer_id, size=1000, pages=1, signer="4" * 64,
        sha256=hashlib.sha256(tail.encode()).hexdigest(), unsigned_sha256="3" * 64,
    )  # fmt: skip
    session.add(file)
    session.flush()
    return statement, file


def test_statements_go_to_people_and_contacts_each_once(
    session: ScopedSession, settings: Settings
) -> None:
    mailing = replace(settings, smtp_host="127.0.0.1", mail_from="a@idc.example.com")
    contract_id = build_town(session, 2)[0]
    first, second = session.scalars(select(Customer).order_by(Customer.id))
    for name in ("both", "contact", "off"):
        session.add(Contact(customer_id=first.id, name=name, email=f"{name}@people.example"))
    # Signs in with a contact's address: told once, as that person, in their language.
    enter(session, first.id, "both", administrator=False, language="en")
    off = enter(session, first.id, "off", administrator=False)
    choose(session, off, statement_issued=False)
    enter(session, first.id, "chief", language="en")
    enter(session, first.id, "viewer", administrator=False)
    enter(session, second.id, "stranger")
    statement, file = issue(session, first.id, contract_id, 1)
    announce_statement(session, mailing, statement, file)
    assert sorted(queued(session)) == [
        ("both", "statement.issued"), ("chief", "statement.issued"),
        ("contact", "statement.issued"),
    ]  # fmt: skip
    assert announce_statement(session, mailing, statement, file) == []
    by_name = {name: mails(session, name)[0] for name in ("both", "chief", "contact")}
    assert (by_name["both"].user_id is None, by_name["contact"].user_id) == (False, None)
    assert by_name["both"].title.startswith("Jifang: statement SLA-202610-HT-1 for 2026-10")
    assert "月度对账单" in by_name["contact"].title
    assert all(mail.attach for mail in by_name.values())
    # A correction is another kind: `off` hears of it by the default of a contact.
    statement, file = issue(session, first.id, contract_id, 2)
    announce_statement(session, mailing, statement, file)
    told = queued(session)[3:]
    assert sorted(told) == [
        ("both", "statement.corrected"), ("chief", "statement.corrected"),
        ("contact", "statement.issued"), ("off", "statement.corrected"),
    ]  # fmt: skip
